//! Registers as runs of equal ones, for strings that have few registers above zero.
//!
//! | code | run |
//! |---|---|
//! | `00nnnnnn` | n + 1 zeros: 1 to 64 |
//! | `01nnnnnn nnnnnnnn` | n + 1 zeros: 1 to 16384 |
//! | `1vvvvvnn` | n + 1 registers (1 to 4) of value v + 1 (1 to 32) |
//!
//! Where one value is raised, its run is split, and equal neighbours close by are joined again: the same bytes come
//! of the same elements in the same order as in Redis.

use std::ops::Range;

use super::CORRUPTED;
use super::object::{HEADER_LEN, REGISTERS};
use crate::error::Result;

/// Nothing but zeros.
pub(super) const EMPTY: [u8; 2] = zeros_long(REGISTERS);

const VALUE_MAX: u8 = 32;
const VALUE_RUN_MAX: usize = 4;
const SHORT_ZEROS_MAX: usize = 64;

/// After a change so many codes from the one before it on are looked at for equal neighbours.
const JOINED_CODES: usize = 5;

/// A code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Code {
    /// What each register has.
    pub(super) value: u8,
    /// How many there are.
    pub(super) run: usize,
    /// The length of the code.
    pub(super) bytes: usize,
}

const fn zeros_long(run: usize) -> [u8; 2] {
    ((run - 1) as u16 | 0x4000).to_be_bytes()
}

fn value_code(value: u8, run: usize) -> u8 {
    0x80 | (value - 1) << 2 | (run - 1) as u8
}

/// The code that bytes begin with; None at their end, or when it is cut.
pub(super) fn first(codes: &[u8]) -> Option<Code> {
    let byte = *codes.first()?;
    Some(match byte >> 6 {
        0 => Code { value: 0, run: usize::from(byte) + 1, bytes: 1 },
        1 => Code { value: 0, run: usize::from(byte & 0x3F) << 8 | usize::from(*codes.get(1)?), bytes: 2 }.longer(),
        _ => Code { value: (byte >> 2 & 0x1F) + 1, run: usize::from(byte & 3) + 1, bytes: 1 },
    })
}

impl Code {
    fn longer(self) -> Self {
        Self { run: self.run + 1, ..self }
    }
}

/// Visits each run of registers with its value. The runs are all registers, no less and no more, or an error.
pub(super) fn walk(mut codes: &[u8], mut visit: impl FnMut(Range<usize>, u8)) -> Result<()> {
    let mut start = 0;
    while !codes.is_empty() {
        let code = first(codes).ok_or(CORRUPTED)?;
        let end = start + code.run;
        if end > REGISTERS {
            return Err(CORRUPTED);
        }
        visit(start..end, code.value);
        (start, codes) = (end, &codes[code.bytes..]);
    }
    if start == REGISTERS { Ok(()) } else { Err(CORRUPTED) }
}

/// Whether a register was raised.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Raised {
    /// It is so high already.
    No,
    Yes,
    /// The value or the string would be too large for this encoding.
    NeedsDense,
}

/// A code and where it stands.
struct Found {
    at: usize,
    /// The code before it; its own place when there is none.
    before: usize,
    /// Its first register.
    start: usize,
    code: Code,
}

/// The code of a register.
fn find(hll: &[u8], index: usize) -> Result<Found> {
    let (mut before, mut at, mut start) = (HEADER_LEN, HEADER_LEN, 0);
    loop {
        let code = first(&hll[at..]).ok_or(CORRUPTED)?;
        if index < start + code.run {
            return Ok(Found { at, before, start, code });
        }
        before = at;
        at += code.bytes;
        start += code.run;
    }
}

/// Raises a register of a whole string to a value.
pub(super) fn raise(hll: &mut Vec<u8>, index: usize, value: u8, len_max: usize) -> Result<Raised> {
    if value > VALUE_MAX {
        return Ok(Raised::NeedsDense);
    }
    let Found { at, before, start, code } = find(hll, index)?;
    if code.value >= value {
        return Ok(Raised::No);
    }
    if code.run == 1 && code.bytes == 1 {
        hll[at] = value_code(value, 1);
    } else {
        let parts = split(start, code, index, value);
        let parts = parts.bytes();
        if parts.len() > code.bytes && hll.len() + parts.len() - code.bytes > len_max {
            return Ok(Raised::NeedsDense);
        }
        hll.splice(at..at + code.bytes, parts.iter().copied());
    }
    join(hll, before);
    Ok(Raised::Yes)
}

/// Codes in the place of one: at most two of zeros and the new one.
#[derive(Default)]
struct Parts {
    room: [u8; 5],
    len: usize,
}

impl Parts {
    fn push(&mut self, code: &[u8]) {
        self.room[self.len..self.len + code.len()].copy_from_slice(code);
        self.len += code.len();
    }

    fn push_run(&mut self, value: u8, run: usize) {
        match (value, run) {
            (_, 0) => {}
            (0, 1..=SHORT_ZEROS_MAX) => self.push(&[(run - 1) as u8]),
            (0, _) => self.push(&zeros_long(run)),
            _ => self.push(&[value_code(value, run)]),
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.room[..self.len]
    }
}

/// A run from `start` on with another value at `index`.
fn split(start: usize, code: Code, index: usize, value: u8) -> Parts {
    let mut parts = Parts::default();
    parts.push_run(code.value, index - start);
    parts.push_run(value, 1);
    parts.push_run(code.value, start + code.run - 1 - index);
    parts
}

/// Joins neighbours of one value, from a place on.
fn join(hll: &mut Vec<u8>, mut at: usize) {
    for _ in 0..JOINED_CODES {
        let Some(code) = first(&hll[at..]) else { return };
        if code.value != 0
            && let Some(next) = first(&hll[at + 1..])
            && next.value == code.value
            && code.run + next.run <= VALUE_RUN_MAX
        {
            hll[at + 1] = value_code(code.value, code.run + next.run);
            hll.remove(at);
        } else {
            at += code.bytes;
        }
    }
}
