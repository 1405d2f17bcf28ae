//! The differences that have a reason: `differential/explained.txt`, whose head tells its grammar.

use crate::pattern::Pattern;

const FILE: &str = include_str!("../../differential/explained.txt");

/// A difference with its reason.
pub struct Explained {
    pub why: String,
    /// The server that answers otherwise; none: all of them.
    only: Option<String>,
    command: Pattern,
    /// None: anything.
    want: Option<Pattern>,
    got: Option<Pattern>,
    /// Whether the data differ from there on, so that nothing that follows can be compared.
    pub ends: bool,
}

impl Explained {
    /// Whether it is this difference.
    pub fn covers(&self, server: &str, command: &str, want: &str, got: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == server)
            && self.command.matches(command)
            && self.want.as_ref().is_none_or(|pattern| pattern.matches(want))
            && self.got.as_ref().is_none_or(|pattern| pattern.matches(got))
    }
}

/// All of them.
pub fn read() -> Result<Vec<Explained>, String> {
    let blocks = FILE.split("\n\n").map(|block| {
        let lines: Vec<&str> = block.lines().filter(|line| !line.starts_with('#')).collect();
        (!lines.is_empty()).then(|| parse(&lines).map_err(|fault| format!("explained.txt, '{}': {fault}", lines[0])))
    });
    blocks.flatten().collect()
}

fn parse(lines: &[&str]) -> Result<Explained, String> {
    let after = |mark: &str| -> Vec<&str> { lines.iter().filter_map(|line| line.strip_prefix(mark)).collect() };
    let one = |mark: &str| match after(mark)[..] {
        ["*"] => Ok(None),
        [text] => Pattern::new(text).map(Some),
        ref found => Err(format!("{} lines with '{}', not one", found.len(), mark.trim())),
    };
    let why = after("= ").join(" ");
    if why.is_empty() {
        return Err("no reason is given (= why)".into());
    }
    let known = ["= ", "on ", "> ", "- ", "+ ", "ends"];
    if let Some(line) = lines.iter().find(|line| !known.iter().any(|mark| line.starts_with(mark))) {
        return Err(format!("'{line}' is none of = on > - + ends"));
    }
    Ok(Explained {
        why,
        only: after("on ").first().map(|server| (*server).to_owned()),
        command: one("> ")?.ok_or("which command? (> pattern)")?,
        want: one("- ")?,
        got: one("+ ")?,
        ends: lines.contains(&"ends"),
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_file_is_sound() {
        assert!(!super::read().unwrap().is_empty());
    }
}
