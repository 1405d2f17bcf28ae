//! The regular expressions of transcripts: literals, `.`, `[a-z]`, `\d`, `\w`, `\s`, `(a|b)`, and `* + ? {m,n}`.
//! They are a few characters long and match single lines, so plain backtracking serves.

use std::iter::Peekable;
use std::str::Chars;

/// A compiled expression.
#[derive(Debug)]
pub struct Pattern(Vec<Vec<Piece>>);

#[derive(Debug)]
struct Piece {
    atom: Atom,
    min: usize,
    max: usize,
}

#[derive(Debug)]
enum Atom {
    Literal(char),
    Any,
    Class { ranges: Vec<(char, char)>, negated: bool },
    Group(Pattern),
}

impl Pattern {
    /// Compiles, or says what is wrong.
    pub fn new(text: &str) -> Result<Pattern, String> {
        let mut chars = text.chars().peekable();
        let pattern = parse_alternatives(&mut chars)?;
        match chars.next() {
            None => Ok(pattern),
            Some(c) => Err(format!("unexpected '{c}' in the pattern '{text}'")),
        }
    }

    /// Does it match the whole of `text`?
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        self.run(&text, 0, &mut |end| end == text.len())
    }

    /// Does it match somewhere in `text`?
    pub fn found_in(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        (0..=text.len()).any(|start| self.run(&text, start, &mut |_| true))
    }

    fn run(&self, text: &[char], at: usize, then: &mut dyn FnMut(usize) -> bool) -> bool {
        self.0.iter().any(|pieces| run_pieces(pieces, text, at, then))
    }
}

fn run_pieces(pieces: &[Piece], text: &[char], at: usize, then: &mut dyn FnMut(usize) -> bool) -> bool {
    let Some((piece, rest)) = pieces.split_first() else { return then(at) };
    if let Atom::Group(group) = &piece.atom {
        return run_group(group, piece, 0, text, at, &mut |end| run_pieces(rest, text, end, then));
    }
    // Single characters are counted, not recursed into: a reply may be long.
    let most = text[at..].iter().take(piece.max).take_while(|&&c| piece.atom.accepts(c)).count();
    (piece.min..=most).rev().any(|n| run_pieces(rest, text, at + n, then))
}

/// Matches a group that has already matched `done` times, then what follows it.
fn run_group(
    group: &Pattern,
    piece: &Piece,
    done: usize,
    text: &[char],
    at: usize,
    then: &mut dyn FnMut(usize) -> bool,
) -> bool {
    let more = done < piece.max
        && group.run(text, at, &mut |end| {
            // An empty repetition would repeat for ever.
            (end > at || done < piece.min) && run_group(group, piece, done + 1, text, end, then)
        });
    more || (done >= piece.min && then(at))
}

impl Atom {
    fn accepts(&self, c: char) -> bool {
        match self {
            Atom::Literal(literal) => c == *literal,
            Atom::Any => c != '\n',
            Atom::Class { ranges, negated } => ranges.iter().any(|&(low, high)| low <= c && c <= high) != *negated,
            Atom::Group(_) => false,
        }
    }
}

fn parse_alternatives(chars: &mut Peekable<Chars<'_>>) -> Result<Pattern, String> {
    let mut alternatives = vec![Vec::new()];
    while let Some(&c) = chars.peek() {
        if c == ')' {
            break;
        }
        chars.next();
        if c == '|' {
            alternatives.push(Vec::new());
            continue;
        }
        let atom = parse_atom(c, chars)?;
        let (min, max) = parse_repetition(chars)?;
        alternatives.last_mut().expect("never empty").push(Piece { atom, min, max });
    }
    Ok(Pattern(alternatives))
}

fn parse_atom(first: char, chars: &mut Peekable<Chars<'_>>) -> Result<Atom, String> {
    Ok(match first {
        '.' => Atom::Any,
        '\\' => escape(chars.next().ok_or("a pattern ends with '\\'")?),
        '(' => {
            let group = parse_alternatives(chars)?;
            chars.next().ok_or("a '(' is never closed")?;
            Atom::Group(group)
        }
        '[' => {
            let negated = chars.next_if_eq(&'^').is_some();
            let mut ranges = Vec::new();
            loop {
                let mut low = chars.next().ok_or("a '[' is never closed")?;
                if low == ']' {
                    return Ok(Atom::Class { ranges, negated });
                }
                if low == '\\' {
                    low = chars.next().ok_or("a '[' is never closed")?;
                }
                let high = match chars.next_if_eq(&'-') {
                    Some(_) => chars.next().ok_or("a '[' is never closed")?,
                    None => low,
                };
                ranges.push((low, high));
            }
        }
        '*' | '+' | '?' => return Err(format!("'{first}' repeats nothing")),
        literal => Atom::Literal(literal),
    })
}

fn escape(letter: char) -> Atom {
    let class = |ranges: &[(char, char)]| Atom::Class { ranges: ranges.to_vec(), negated: false };
    match letter {
        'd' => class(&[('0', '9')]),
        'w' => class(&[('0', '9'), ('a', 'z'), ('A', 'Z'), ('_', '_')]),
        's' => class(&[(' ', ' '), ('\t', '\t')]),
        other => Atom::Literal(other),
    }
}

fn parse_repetition(chars: &mut Peekable<Chars<'_>>) -> Result<(usize, usize), String> {
    let bounds = match chars.peek() {
        Some('*') => (0, usize::MAX),
        Some('+') => (1, usize::MAX),
        Some('?') => (0, 1),
        Some('{') => {
            chars.next();
            let inside: String = std::iter::from_fn(|| chars.next_if(|&c| c != '}')).collect();
            let number = |text: &str| text.parse().map_err(|_| format!("'{{{inside}}}' is no repetition"));
            let (low, high) = inside.split_once(',').unwrap_or((&inside, &inside));
            (number(low)?, if high.is_empty() { usize::MAX } else { number(high)? })
        }
        _ => return Ok((1, 1)),
    };
    chars.next();
    Ok(bounds)
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn patterns_match_whole_lines() {
        let check = |pattern: &str, text: &str, expected: bool| {
            assert_eq!(Pattern::new(pattern).unwrap().matches(text), expected, "{pattern} on {text}");
        };
        check(r"\(integer\) \d+", "(integer) 12", true);
        check(r"\(integer\) \d+", "(integer) x", false);
        check(r#""[0-9a-f]{40}""#, &format!("\"{}\"", "0a".repeat(20)), true);
        check("(ab|a)*b?", "abaab", true);
        check("(a*)*b", "aaaa", false);
        check("[^x]+", "abx", false);
        check("a{2,}", "a", false);
        assert!(Pattern::new(r"b\.c").unwrap().found_in("ab.cd"));
        assert!(Pattern::new("(a").is_err() && Pattern::new("a)").is_err() && Pattern::new("*").is_err());
    }
}
