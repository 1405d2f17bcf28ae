//! What an edge makes of a change: its target's pattern with the captures of the source put in.

use smallvec::SmallVec;

use crate::pattern::{Pattern, Token, escape_into, spell_capture, tokens};

/// Keys that go.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Keys {
    /// This one.
    One(Box<[u8]>),
    /// All that match.
    Matching(Pattern),
}

impl Keys {
    /// The pattern that matches them.
    pub fn pattern(&self) -> Pattern {
        match self {
            Self::One(key) => Pattern::of_key(key),
            Self::Matching(pattern) => pattern.clone(),
        }
    }
}

/// A part of a target.
#[derive(Clone, Debug)]
enum Part {
    /// Bytes that stand for themselves.
    Literal(Vec<u8>),
    /// What the source's capture of this number took; how it is spelled when that is open.
    Bound(usize, Vec<u8>),
    /// Anything else, spelled as in the pattern.
    Wild(Vec<u8>),
}

/// See the module's head.
#[derive(Clone, Debug)]
pub(super) struct Template {
    target: Pattern,
    parts: Box<[Part]>,
}

/// When a pattern would be longer its captures stay open, so that more goes than needs to, and never less.
const FILLED_LEN_MAX: usize = 4096;

/// What a source's captures took; None: anything.
pub(super) type Values<'k> = SmallVec<[Option<&'k [u8]>; 4]>;

impl Template {
    pub(super) fn new(source: &Pattern, target: &Pattern) -> Self {
        let mut parts: Vec<Part> = Vec::new();
        for (_, token) in tokens(target.text()).flatten() {
            match token {
                Token::Literal(byte) => match parts.last_mut() {
                    Some(Part::Literal(bytes)) => bytes.push(byte),
                    _ => parts.push(Part::Literal(vec![byte])),
                },
                Token::Capture(name) => {
                    let mut open = Vec::new();
                    spell_capture(name, &mut open);
                    let part = match source.capture(name) {
                        Some(capture) => Part::Bound(capture, open),
                        None => Part::Wild(open),
                    };
                    parts.push(part);
                }
                Token::Star => parts.push(Part::Wild(b"*".to_vec())),
                Token::Class(_, spelled) => parts.push(Part::Wild(spelled.to_vec())),
            }
        }
        Self { target: target.clone(), parts: parts.into() }
    }

    /// Whether no change binds all of it.
    pub(super) fn is_open(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Wild(_)))
    }

    /// Whether it depends on what the source binds.
    pub(super) fn binds(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Bound(..)))
    }

    pub(super) fn fill(&self, values: &Values<'_>) -> Keys {
        let mut key = Vec::new();
        for part in &self.parts {
            match part {
                Part::Literal(bytes) => key.extend_from_slice(bytes),
                Part::Bound(capture, _) if let Some(value) = values.get(*capture).copied().flatten() => {
                    key.extend_from_slice(value);
                }
                Part::Bound(..) | Part::Wild(_) => return Keys::Matching(self.pattern(values)),
            }
        }
        Keys::One(key.into())
    }

    /// The whole target, with nothing put in.
    pub(super) fn open(&self) -> Keys {
        Keys::Matching(self.target.clone())
    }

    fn pattern(&self, values: &Values<'_>) -> Pattern {
        let mut text = Vec::new();
        for part in &self.parts {
            match part {
                Part::Literal(bytes) => escape_into(bytes, &mut text),
                Part::Wild(spelled) => text.extend_from_slice(spelled),
                Part::Bound(capture, open) => match values.get(*capture).copied().flatten() {
                    Some(value) => escape_into(value, &mut text),
                    None => text.extend_from_slice(open),
                },
            }
            if text.len() > FILLED_LEN_MAX {
                return self.target.clone();
            }
        }
        Pattern::read(&text).unwrap_or_else(|_| self.target.clone())
    }
}
