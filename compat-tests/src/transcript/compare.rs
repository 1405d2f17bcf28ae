//! Holds a reply, printed as redis-cli prints it, against the expected lines.

use crate::pattern::Pattern;

/// How the two are compared.
#[derive(Clone, Debug, Default)]
pub struct Matching {
    /// Each expected line is a pattern for the reply's line at its place.
    pub lines_are_patterns: bool,
    /// Each expected line is a pattern to be found somewhere in the reply.
    pub within: bool,
    /// The elements of the reply are a multiset of groups of this many.
    pub sort: Option<usize>,
    /// How far integers may be apart.
    pub tolerance: i64,
}

/// `None` when the reply is as expected, else both as a diff.
pub fn difference(expected: &[String], got: &str, matching: &Matching) -> Option<String> {
    let (mut want, mut have) = (expected.to_vec(), got.lines().map(|l| l.trim_end().to_string()).collect::<Vec<_>>());
    if matching.within {
        let missing = want.iter().filter(|line| !Pattern::new(line).is_ok_and(|p| p.found_in(got)));
        let missing: String = missing.map(|line| format!("  - {line}\n")).collect();
        return (!missing.is_empty()).then(|| missing + &have.iter().map(|l| format!("  + {l}\n")).collect::<String>());
    }
    if let Some(group) = matching.sort {
        (want, have) = (sorted(&want, group), sorted(&have, group));
    }
    let same = |(want, have): (&String, &String)| {
        if matching.lines_are_patterns {
            Pattern::new(want).is_ok_and(|pattern| pattern.matches(have))
        } else {
            want == have || (matching.tolerance > 0 && near(want, have, matching.tolerance))
        }
    };
    if want.len() == have.len() && want.iter().zip(&have).all(same) {
        return None;
    }
    let mut diff = String::new();
    for i in 0..want.len().max(have.len()) {
        match (want.get(i), have.get(i)) {
            (Some(w), Some(h)) if same((w, h)) => diff += &format!("    {h}\n"),
            (w, h) => {
                diff.extend(w.map(|line| format!("  - {line}\n")));
                diff.extend(h.map(|line| format!("  + {line}\n")));
            }
        }
    }
    Some(diff)
}

/// Equal but for the integers, which may be `tolerance` apart.
fn near(want: &str, have: &str, tolerance: i64) -> bool {
    let (want, have) = (numbers_apart(want), numbers_apart(have));
    want.0 == have.0
        && want.1.len() == have.1.len()
        && want.1.iter().zip(&have.1).all(|(w, h)| w.abs_diff(*h) <= tolerance.unsigned_abs())
}

fn numbers_apart(line: &str) -> (String, Vec<i64>) {
    let (mut text, mut numbers, mut digits) = (String::new(), Vec::new(), String::new());
    for c in line.chars().chain(['\n']) {
        if c.is_ascii_digit() {
            digits.push(c);
        } else {
            if let Ok(number) = digits.parse() {
                numbers.push(number);
                text.push('0');
            }
            digits.clear();
            text.push(c);
        }
    }
    (text, numbers)
}

/// The top-level elements without their numbers, in groups of `group`, sorted.
fn sorted(lines: &[String], group: usize) -> Vec<String> {
    let mark_at = |line: &str| line.find([')', '~', '#', '>']).filter(|&at| line[..at].trim().parse::<u32>().is_ok());
    let Some(mark) = lines.first().and_then(|line| mark_at(line)) else { return lines.to_vec() };
    let mut elements: Vec<String> = Vec::new();
    for line in lines {
        let begins = line.as_bytes().get(mark.wrapping_sub(1)).is_some_and(u8::is_ascii_digit)
            && line[..mark].trim().parse::<u32>().is_ok();
        match elements.last_mut() {
            Some(element) if !begins => *element += &format!("\n{line}"),
            _ => elements.push(line.get(mark + 2..).unwrap_or_default().to_string()),
        }
    }
    let mut groups: Vec<String> = elements.chunks(group).map(|chunk| chunk.join("\n")).collect();
    groups.sort();
    groups.iter().flat_map(|text| text.lines()).map(String::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(expected: &str, got: &str, matching: &Matching) -> bool {
        let expected: Vec<String> = expected.lines().map(String::from).collect();
        difference(&expected, got, matching).is_none()
    }

    #[test]
    fn replies_are_compared_as_the_directives_say() {
        let exact = Matching::default();
        assert!(same("1) \"a\"\n2) \"b\"", "1) \"a\"\n2) \"b\"", &exact));
        assert!(!same("1) \"a\"\n2) \"b\"", "1) \"b\"\n2) \"a\"", &exact) && !same("OK", "OK\nmore", &exact));
        let sort = Matching { sort: Some(1), ..exact.clone() };
        assert!(same("1) \"a\"\n2) 1) \"x\"\n   2) \"y\"", "1) 1) \"x\"\n   2) \"y\"\n2) \"a\"", &sort));
        assert!(!same("1) \"a\"\n2) \"b\"", "1) \"a\"\n2) \"a\"", &sort));
        let pairs = Matching { sort: Some(2), ..exact.clone() };
        assert!(same("1) a\n2) 1\n3) b\n4) 2", "1) b\n2) 2\n3) a\n4) 1", &pairs));
        assert!(!same("1) a\n2) 1\n3) b\n4) 2", "1) b\n2) 1\n3) a\n4) 2", &pairs));
        let near = Matching { tolerance: 5, ..exact.clone() };
        assert!(same("(integer) 100", "(integer) 96", &near) && !same("(integer) 100", "(integer) 94", &near));
        assert!(!same("(integer) -1", "(integer) 1", &near));
        let within = Matching { within: true, ..exact.clone() };
        assert!(same("b\\d", "\"a\\r\\nb1\"", &within) && !same("c", "\"ab\"", &within));
        let patterns = Matching { lines_are_patterns: true, ..exact };
        assert!(same("1\\) .*", "1) x", &patterns) && !same("1\\) .*", "1) x\n2) y", &patterns));
    }
}
