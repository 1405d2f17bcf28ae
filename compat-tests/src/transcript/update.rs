//! Writes the replies of a real server into a transcript, under the lines that have none yet.
//!
//! Invariant: an expected reply that somebody has written is never changed.

use super::parse::{Proto, Step};
use std::collections::BTreeMap;
use std::path::Path;

/// The replies to be written into one file, by line number.
pub struct Fills {
    wanted: bool,
    by_line: BTreeMap<usize, Fill>,
}

#[derive(Default)]
struct Fill {
    resp2: Option<String>,
    resp3: Option<String>,
}

impl Fills {
    /// Collects nothing unless `wanted`.
    pub fn new(wanted: bool) -> Fills {
        Fills { wanted, by_line: BTreeMap::new() }
    }

    /// Keeps `reply` for a step without one; false when replies are not being collected.
    pub(super) fn take(&mut self, step: &Step, proto: Proto, reply: &str) -> bool {
        if self.wanted {
            let fill = self.by_line.entry(step.line).or_default();
            let slot = if proto == Proto::Resp2 { &mut fill.resp2 } else { &mut fill.resp3 };
            *slot = Some(reply.to_string());
        }
        self.wanted
    }

    /// Writes what was collected into the file at `path`.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        if self.by_line.is_empty() {
            return Ok(());
        }
        let fault = |e: std::io::Error| format!("{}: {e}", path.display());
        let text = std::fs::read_to_string(path).map_err(fault)?;
        std::fs::write(path, self.fill(&text)).map_err(fault)
    }

    fn fill(&self, text: &str) -> String {
        let mut out = String::new();
        let mut push = |line: &str, directive: &str, reply: &str| {
            out.push_str(&format!("{line}{directive}\n"));
            reply.lines().for_each(|reply_line| out.push_str(&format!("{}\n", reply_line.trim_end())));
        };
        for (index, line) in text.lines().enumerate() {
            match self.by_line.get(&(index + 1)) {
                None => push(line, "", ""),
                Some(Fill { resp2: Some(two), resp3: Some(three) }) if two != three => {
                    let gap = if line.ends_with(']') { " " } else { "  " };
                    push(line, &format!("{gap}[resp2]"), two);
                    push(line, &format!("{gap}[resp3]"), three);
                }
                Some(Fill { resp2, resp3 }) => push(line, "", resp2.as_ref().or(resp3.as_ref()).map_or("", |r| r)),
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::parse::parse;

    #[test]
    fn replies_are_written_under_their_lines() {
        let text = "> PING\n> HGETALL h\n> GET k\n\"v\"\n";
        let file = parse("f", text).unwrap();
        let steps = &file.cases[0].steps;
        let mut fills = Fills::new(true);
        for (proto, hash) in [(Proto::Resp2, "1) \"a\"\n2) \"1\""), (Proto::Resp3, "1# \"a\" => \"1\"")] {
            fills.take(&steps[0], proto, "PONG");
            fills.take(&steps[1], proto, hash);
        }
        let filled = fills.fill(text);
        assert_eq!(
            filled,
            "> PING\nPONG\n> HGETALL h  [resp2]\n1) \"a\"\n2) \"1\"\n> HGETALL h  [resp3]\n1# \"a\" => \"1\"\n> GET k\n\"v\"\n"
        );
    }
}
