//! Where the keys of a request stand: one answer for locking, ACL, ownership, cluster slots and GETKEYS.

use std::iter::StepBy;
use std::ops::Range;

use keyspace::shard::Keyspace;
use smallvec::SmallVec;

use crate::request::{HashedKey, Request};
use crate::spec::{Begin, Command, Find, KeySpec, key};

/// A key's word and what is done with it (see [`crate::spec::key`]).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FoundKey {
    pub(crate) word: usize,
    pub(crate) flags: u16,
}

pub(crate) type FoundKeys = SmallVec<[FoundKey; 6]>;

/// The commonest layouts, decided once for each row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyShape {
    /// No keys.
    None,
    /// One, at this word.
    One(usize),
    /// Anything else.
    Specs,
}

impl KeyShape {
    pub(crate) fn of(command: &Command) -> Self {
        match command.keys {
            [] => Self::None,
            [KeySpec { begin: Begin::Index(index), find: Find::Range { last: 0, .. }, .. }] if *index > 0 => {
                Self::One(*index as usize)
            }
            _ => Self::Specs,
        }
    }
}

/// All keys of a request, in the order of the specs. A spec that the words contradict has none, the others keep
/// theirs: a handler may look at those before it comes to the word that it refuses.
pub(crate) fn find_keys(request: &Request) -> FoundKeys {
    let mut found = FoundKeys::new();
    for spec in specs(request) {
        if let Some(words) = begin(request, spec).and_then(|first| follow(request, spec, first)) {
            let flags = match request.row.command.key_flags {
                Some(key_flags) if spec.flags & key::VARIABLE_FLAGS != 0 => key_flags(request),
                _ => spec.flags,
            };
            found.extend(words.map(|word| FoundKey { word, flags }));
        }
    }
    if let Some(more_keys) = request.row.command.more_keys {
        more_keys(request, &mut |word, flags| {
            // What a spec has found as well counts once.
            if found.iter().all(|known| known.word != word) {
                found.push(FoundKey { word, flags });
            }
        });
    }
    found
}

/// As [`find_keys`]; None when the words contradict a spec.
pub(crate) fn find_sound_keys(request: &Request) -> Option<FoundKeys> {
    let is_sound = |spec: &KeySpec| begin(request, spec).is_none_or(|first| follow(request, spec, first).is_some());
    specs(request).all(is_sound).then(|| find_keys(request))
}

/// Computes the hashes of a request's keys ahead, in the order of the specs. Where the words contradict the specs
/// some are left out.
#[inline]
pub fn hash_keys(request: &Request, space: &Keyspace, hashes: &mut Vec<HashedKey>) {
    match request.row.key_shape {
        KeyShape::None => {}
        KeyShape::One(word) => hash_key(request, space, word, hashes),
        KeyShape::Specs => hash_keys_of_specs(request, space, hashes),
    }
}

#[inline]
fn hash_key(request: &Request, space: &Keyspace, word: usize, hashes: &mut Vec<HashedKey>) {
    if let Some(span) = request.spans.get(word) {
        hashes.push(HashedKey { span: *span, hash: space.hash(span.of(request.buffer)) });
    }
}

fn hash_keys_of_specs(request: &Request, space: &Keyspace, hashes: &mut Vec<HashedKey>) {
    for spec in specs(request) {
        let Some(first) = begin(request, spec) else { continue };
        for word in follow(request, spec, first).into_iter().flatten() {
            hash_key(request, space, word, hashes);
        }
    }
    if let Some(more_keys) = request.row.command.more_keys {
        more_keys(request, &mut |word, _| hash_key(request, space, word, hashes));
    }
}

/// The specs that tell where keys are.
fn specs(request: &Request) -> impl Iterator<Item = &'static KeySpec> + use<> {
    request.row.command.keys.iter().filter(|spec| spec.flags & key::SHOWN_ONLY == 0)
}

fn begin(request: &Request, spec: &KeySpec) -> Option<usize> {
    let words = request.spans.len();
    match spec.begin {
        Begin::Index(index) => Some(index as usize),
        Begin::Unknown => None,
        Begin::Keyword(token, from) => {
            let is_it = |&at: &usize| request.word(at).is_some_and(|word| word.eq_ignore_ascii_case(token.as_bytes()));
            let place = if from > 0 {
                (from as usize..words).find(is_it)
            } else {
                (1..(words as i64 + i64::from(from) + 1).max(1) as usize).rev().find(is_it)
            };
            place.map(|place| place + 1)
        }
    }
}

/// The words of a spec's keys; None when the words contradict it.
fn follow(request: &Request, spec: &KeySpec, first: usize) -> Option<StepBy<Range<usize>>> {
    let words = request.spans.len();
    let (first, last, step) = match spec.find {
        Find::Unknown => return Some((0..0).step_by(1)),
        Find::Range { last, step, limit } => {
            let last = match last {
                0.. => first + last as usize,
                -1 if limit > 1 => first + (words - first.min(words)) / limit as usize - 1,
                _ => words.checked_sub(last.unsigned_abs() as usize)?,
            };
            (first, last, step as usize)
        }
        Find::Count { at, first: offset, step } => {
            let count = base::number::parse_i64(request.word(first + at as usize)?)?;
            let count = usize::try_from(count).ok()?;
            if count == 0 {
                return Some((0..0).step_by(1));
            }
            let start = first + offset as usize;
            (start, start.checked_add((count - 1).checked_mul(step as usize)?)?, step as usize)
        }
    };
    if last >= words {
        return None;
    }
    Some((first..last + 1).step_by(step))
}

impl Command {
    /// First and last key and the step between them, as COMMAND INFO answers them for clients that know no key
    /// specs: the first run of places that does not depend on arguments; zeros where there is none.
    pub fn key_positions(&self) -> (i16, i16, i16) {
        let place = |spec: &KeySpec| match (spec.begin, spec.find) {
            (Begin::Index(first), Find::Range { last, step, .. }) => {
                Some((first, if last < 0 { last } else { first + last }, step))
            }
            _ => None,
        };
        let mut places = self.keys.iter().filter_map(place);
        let Some(mut run) = places.next() else { return (0, 0, 0) };
        for (first, last, step) in places {
            if (run.1, run.2, step) == (first - 1, 1, 1) {
                run.1 = last;
            }
        }
        run
    }
}
