//! Draws sequences of commands from the templates.

use super::play::WAIT_MS;
use super::templates::{self, MIXED, alphabet};
use crate::rng::Rng;
use base::quote::quote;
use std::fmt;

/// Something a sequence does.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A command on one of the two connections (0 and 1).
    Send { connection: usize, argv: Vec<Vec<u8>> },
    /// Waits until a short deadline has passed on both servers.
    Wait,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Step::Send { connection, argv } = self else { return write!(f, "! sleep {WAIT_MS}") };
        if *connection > 0 {
            write!(f, "@{}", connection + 1)?;
        }
        write!(f, ">")?;
        for arg in argv {
            let plain = !arg.is_empty() && arg.iter().all(|b| b.is_ascii_graphic() && !b"\"'\\".contains(b));
            if plain {
                write!(f, " {}", String::from_utf8_lossy(arg))?;
            } else {
                write!(f, " {}", quote(arg))?;
            }
        }
        Ok(())
    }
}

/// Steps that only make sense together, such as a random draw after a look at what it draws from.
pub type Unit = Vec<Step>;

/// What both servers are to do.
#[derive(Clone)]
pub struct Sequence {
    pub units: Vec<Unit>,
    /// Commands written to the socket at a time.
    pub batch: usize,
    /// Small limits, so that a few elements change an encoding.
    pub small_limits: bool,
}

impl Sequence {
    /// The settings that it is played under.
    pub fn settings(&self) -> Vec<(&'static str, &'static str)> {
        let names: &[(&str, [&str; 2])] = &[
            ("hash-max-listpack-entries", ["8", "128"]),
            ("hash-max-listpack-value", ["20", "64"]),
            ("zset-max-listpack-entries", ["8", "128"]),
            ("zset-max-listpack-value", ["20", "64"]),
            ("set-max-intset-entries", ["8", "512"]),
            ("set-max-listpack-entries", ["8", "128"]),
            ("set-max-listpack-value", ["20", "64"]),
            ("list-max-listpack-size", ["6", "-2"]),
            ("stream-node-max-entries", ["3", "100"]),
            ("stream-node-max-bytes", ["120", "4096"]),
        ];
        names.iter().map(|(name, values)| (*name, values[usize::from(!self.small_limits)])).collect()
    }
}

/// A sequence of `length` units of `kind` that the server named `reference` understands.
pub fn sequence(kind: &str, reference: &str, length: usize, small_limits: bool, rng: &mut Rng) -> Sequence {
    let (_, templates) = templates::kinds().into_iter().find(|(name, _)| *name == kind).expect("a known kind");
    let mut units = Vec::with_capacity(length);
    while units.len() < length {
        let from = if rng.one_in(10) { MIXED } else { templates };
        let template = *rng.pick(from);
        let template = match template.strip_prefix("8: ") {
            Some(_) if reference != "redis8" => continue,
            Some(rest) => rest,
            None => template,
        };
        let mut unit = unit(template, rng);
        if rng.one_in(40) {
            spoil(&mut unit, reference, rng);
        }
        units.push(unit);
    }
    let batch = if kind == "transactions" { 1 } else { *rng.pick(&[1, 2, 7, 40]) };
    Sequence { units, batch, small_limits }
}

fn unit(template: &str, rng: &mut Rng) -> Unit {
    let mut last_key = Vec::new();
    let mut steps: Unit = Vec::new();
    for part in template.split(" ; ") {
        if part == "~" {
            steps.push(Step::Wait);
            continue;
        }
        let (connection, part) = part.strip_prefix("@ ").map_or((0, part), |rest| (1, rest));
        let mut argv = Vec::new();
        Expansion { rng, last_key: &mut last_key, argv: &mut argv }.all(part);
        steps.push(Step::Send { connection, argv });
    }
    steps
}

/// One argument too few or too many.
fn spoil(unit: &mut Unit, reference: &str, rng: &mut Rng) {
    let [Step::Send { argv, .. }] = &mut unit[..] else { return };
    if reference == "redis7" && argv[0].starts_with(b"BIT") {
        return; // it does not look at the arguments when the key is missing
    }
    // Redis 7.0 takes fewer arguments at a few places, and says so otherwise than 8.0.
    if reference != "redis7" && rng.one_in(2) {
        argv.push(b"x".to_vec());
    } else if argv.len() > 1 {
        argv.pop();
    }
}

struct Expansion<'a> {
    rng: &'a mut Rng,
    last_key: &'a mut Vec<u8>,
    argv: &'a mut Vec<Vec<u8>>,
}

impl Expansion<'_> {
    fn all(&mut self, template: &str) {
        let mut rest = template.trim_start();
        while let Some(first) = rest.chars().next() {
            let len = match first {
                '[' | '(' | '{' => closing(rest),
                _ => rest.find(' ').unwrap_or(rest.len()),
            };
            let (token, after) = rest.split_at(len);
            let inner = token.get(1..token.len() - 1).unwrap_or_default();
            match first {
                '[' if self.rng.one_in(2) => {}
                '[' | '(' => {
                    let choices = alternatives(inner);
                    let choice = *self.rng.pick(&choices);
                    self.all(choice);
                }
                '{' => (0..=self.rng.below(3)).for_each(|_| self.all(inner)),
                '<' => self.placeholder(inner),
                _ => self.argv.push(token.into()),
            }
            rest = after.trim_start();
        }
    }

    fn placeholder(&mut self, name: &str) {
        if name == "same" {
            self.argv.push(self.last_key.clone());
            return;
        }
        let word = *self.rng.pick(alphabet(name));
        if name == "key" {
            *self.last_key = word.into();
        }
        self.argv.push(word.into());
    }
}

/// The length of the bracketed group that `text` begins with.
fn closing(text: &str) -> usize {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '[' | '(' | '{' => depth += 1,
            ']' | ')' | '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    panic!("a bracket is not closed in the template '{text}'")
}

/// Splits at the `|` that stand outside of inner brackets.
fn alternatives(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '[' | '(' | '{' => depth += 1,
            ']' | ')' | '}' => depth -= 1,
            '|' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_expands_and_a_seed_repeats() {
        for (kind, templates) in templates::kinds() {
            for template in templates {
                let template = template.strip_prefix("8: ").unwrap_or(template);
                (0..50).for_each(|seed| assert!(!unit(template, &mut Rng::new(seed)).is_empty()));
            }
            let draw = |seed| sequence(kind, "redis8", 20, true, &mut Rng::new(seed)).units;
            assert!(draw(1) == draw(1) && draw(1) != draw(2));
        }
    }

    #[test]
    fn groups_nest() {
        assert_eq!(alternatives("1 <key>|(a|b)"), ["1 <key>", "(a|b)"]);
        assert_eq!(closing("{(a|[b])} c"), 9);
    }
}
