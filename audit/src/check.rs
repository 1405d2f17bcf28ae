//! Whether lines are a chain: nothing changed, left out, added or cut off in between.

use std::fmt;
use std::io::{self, BufRead};

use sha2::{Digest, Sha256};

use crate::chain::{Tail, hex, parse};

/// A chain that holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checked {
    /// How many lines.
    pub lines: u64,
    /// The first line's number.
    pub first: u64,
    /// What the first line refers to: that of an earlier file, or zeroes.
    pub before: [u8; 32],
    /// Its end.
    pub tail: Tail,
}

/// Where a chain breaks.
#[derive(Debug)]
pub enum Fault {
    /// The file cannot be read.
    Unreadable(io::Error),
    /// A line is none of an audit log.
    Broken {
        /// Counted from 1.
        line: u64,
    },
    /// A line's number is not the next.
    Number {
        /// Counted from 1.
        line: u64,
        /// The number that belongs there.
        expected: u64,
        /// The one that is there.
        found: u64,
    },
    /// A line refers to another line than the one before it: one of the two was changed.
    Hash {
        /// Counted from 1.
        line: u64,
    },
    /// The last line has no end: a write that was cut off.
    Torn {
        /// Counted from 1.
        line: u64,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "cannot be read: {error}"),
            Self::Broken { line } => write!(f, "line {line} is none of an audit log"),
            Self::Number { line, expected, found } => {
                write!(
                    f,
                    "line {line} has the number {found} where {expected} belongs: lines are missing or were added"
                )
            }
            Self::Hash { line } => {
                write!(f, "line {line} does not follow from the one before: one of them was changed")
            }
            Self::Torn { line } => write!(f, "line {line} has no end: its write was cut off"),
        }
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lines, first, before, tail } = self;
        write!(f, "{lines} lines, {first} to {}, unbroken; after {}, up to {}", tail.seq, hex(before), hex(&tail.hash))
    }
}

/// Checks the lines of a file; with `after`, as those that follow another's.
pub fn check(file: &mut dyn BufRead, after: Option<&Tail>) -> Result<Checked, Fault> {
    let mut checked: Option<Checked> = None;
    let mut tail = after.cloned();
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        if file.read_until(b'\n', &mut text).map_err(Fault::Unreadable)? == 0 {
            break;
        }
        if text.pop() != Some(b'\n') {
            return Err(Fault::Torn { line });
        }
        let (seq, prev) = parse(&text).ok_or(Fault::Broken { line })?;
        if let Some(tail) = &tail {
            if seq != tail.seq + 1 {
                return Err(Fault::Number { line, expected: tail.seq + 1, found: seq });
            }
            if prev != tail.hash {
                return Err(Fault::Hash { line });
            }
        }
        let here = Tail { seq, hash: Sha256::digest(&text).into() };
        let checked = checked.get_or_insert(Checked { lines: 0, first: seq, before: prev, tail: here.clone() });
        checked.lines += 1;
        checked.tail = here.clone();
        tail = Some(here);
    }
    Ok(checked.unwrap_or(Checked { lines: 0, first: 0, before: [0; 32], tail: tail.unwrap_or_default() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Chain;

    fn lines(count: u64) -> Vec<u8> {
        let (mut chain, mut out) = (Chain::default(), Vec::new());
        for number in 0..count {
            chain.push(format!("\"n\":{number}").as_bytes(), &mut out);
        }
        out
    }

    #[test]
    fn a_chain_holds_over_files() {
        let text = lines(10);
        let checked = check(&mut &text[..], None).expect("it holds");
        assert_eq!((checked.lines, checked.first, checked.tail.seq, checked.before), (10, 1, 10, [0; 32]));
        let cut = text.iter().take(text.len() / 2).rposition(|&byte| byte == b'\n').expect("lines") + 1;
        let first = check(&mut &text[..cut], None).expect("it holds");
        let second = check(&mut &text[cut..], Some(&first.tail)).expect("it holds");
        assert_eq!(second.tail, checked.tail);
        let last = text[..text.len() - 1].rsplit(|&byte| byte == b'\n').next().expect("a line");
        assert_eq!(Tail::of_line(last), Some(checked.tail));
    }

    #[test]
    fn every_change_is_found() {
        let text = lines(5);
        for place in 0..text.len() {
            for change in [1, 0x80] {
                let mut changed = text.clone();
                changed[place] ^= change;
                let checked = check(&mut &changed[..], None);
                // The last line's own content is vouched for by whoever knows its hash.
                let original = check(&mut &text[..], None).expect("it holds").tail;
                assert!(checked.map_or(true, |checked| checked.tail != original), "{place}");
            }
        }
        let rows: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
        let without = [rows[0], rows[2], rows[3]].concat();
        assert!(matches!(check(&mut &without[..], None), Err(Fault::Number { line: 2, expected: 2, found: 3 })));
        assert!(matches!(check(&mut &text[..text.len() - 1], None), Err(Fault::Torn { line: 5 })));
    }
}
