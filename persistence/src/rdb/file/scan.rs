//! Going over a file's records. Values are passed over: whoever wants one decodes its bytes, on any thread.

use std::borrow::Cow;
use std::fmt;

use keyspace::export::Usage;
use keyspace::import::Limits;

use super::super::checksum::Checksum;
use super::super::decode::{self, Context, Decoded};
use super::super::format::{VALKEY_VERSION, VERSION_MAX, opcode};
use super::super::input::{Input, Malformed};
use super::{MAGIC, MAGIC_SIZE, SUMMED_VERSION_MIN, VALKEY_MAGIC};

/// What is wrong with a file, as the log says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is no such file.
    Signature,
    /// Its version is not known here.
    Version(u32),
    /// A record is not as it should be.
    Record {
        /// Where it begins.
        offset: usize,
        /// What is wrong.
        why: Malformed,
    },
    /// The checksum at the end is another one than that of the bytes.
    Checksum {
        /// At the end.
        expected: u64,
        /// Of the bytes.
        found: u64,
    },
}

impl Fault {
    /// Where it is, when it is at one place.
    pub fn offset(&self) -> Option<usize> {
        match self {
            Self::Record { offset, .. } => Some(*offset),
            _ => None,
        }
    }

    /// Whether the file ends too early.
    pub fn is_cut_off(&self) -> bool {
        matches!(self, Self::Record { why: Malformed::CUT_OFF, .. })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature => f.write_str("Wrong signature trying to load DB from file"),
            Self::Version(version) => write!(f, "Can't handle RDB format version {version}"),
            Self::Record { offset, why } => write!(f, "Internal error in RDB reading offset {offset}: {why}"),
            Self::Checksum { expected, found } => {
                write!(f, "Wrong RDB checksum expected: ({expected:x}) but got ({found:x}). Aborting now.")
            }
        }
    }
}

/// A key whose value was not looked into.
#[derive(Clone, Debug)]
pub struct Found<'a> {
    /// When it expires, unix milliseconds.
    pub deadline_ms: Option<i64>,
    /// How it was used.
    pub usage: Usage,
    /// The key.
    pub key: Cow<'a, [u8]>,
    /// The type of the value.
    pub(super) kind: u8,
    /// Where the value begins.
    pub(super) offset: usize,
}

/// A record of a file.
#[derive(Clone, Debug)]
pub enum Record<'a> {
    /// A fact about the file or the server that wrote it.
    Aux(Cow<'a, [u8]>, Cow<'a, [u8]>),
    /// The next keys are of this database.
    Select(u64),
    /// About how many keys the database has, and how many of them expire.
    Resize(u64, u64),
    /// A function library's source.
    Function(Cow<'a, [u8]>),
    /// What a module wrote, by its type's name.
    Module(Box<str>),
    /// A key.
    Key(Found<'a>),
    /// Something that concerns only clusters of the server that wrote it.
    Slots,
}

/// See the module's head.
pub struct Scanner<'a> {
    bytes: &'a [u8],
    input: Input<'a>,
    version: u16,
    is_valkey: bool,
    sum: Option<Checksum>,
    summed: usize,
    is_at_end: bool,
    has_no_sum: bool,
    /// There are records only, up to the end of the bytes.
    is_bare: bool,
}

/// The checksum follows the reading in steps of this size.
const SUM_STEP: usize = 64 * 1024;

impl<'a> Scanner<'a> {
    /// Begins with the file's head; `checks_sum` is `rdbchecksum`.
    pub fn new(bytes: &'a [u8], checks_sum: bool) -> Result<Self, Fault> {
        let mut input = Input::new(bytes);
        let short = |why| Fault::Record { offset: 0, why };
        let head = input.take(MAGIC_SIZE).map_err(short)?;
        let (is_valkey, digits) = match (head.strip_prefix(MAGIC), head.strip_prefix(VALKEY_MAGIC)) {
            (Some(digits), _) => (false, digits),
            (_, Some(digits)) => (true, digits),
            _ => return Err(Fault::Signature),
        };
        let version = base::number::parse_u64(strip_zeros(digits)).ok_or(Fault::Signature)? as u32;
        let is_known = match u16::try_from(version) {
            Ok(version) if is_valkey => version == VALKEY_VERSION,
            Ok(version) => (1..=VERSION_MAX).contains(&version),
            Err(_) => false,
        };
        if !is_known {
            return Err(Fault::Version(version));
        }
        let version = version as u16;
        let sum = (checks_sum && version >= SUMMED_VERSION_MIN).then(Checksum::new);
        let (summed, is_at_end, has_no_sum, is_bare) = (0, false, false, false);
        Ok(Self { bytes, input, version, is_valkey, sum, summed, is_at_end, has_no_sum, is_bare })
    }

    /// Over records of this server, which stand in `bytes` from `start` to the end.
    pub(in crate::rdb) fn of_records(bytes: &'a [u8], start: usize) -> Self {
        Self {
            bytes,
            input: Input::from(bytes, start),
            version: VERSION_MAX,
            is_valkey: false,
            sum: None,
            summed: start,
            is_at_end: false,
            has_no_sum: false,
            is_bare: true,
        }
    }

    /// The version of the format.
    pub fn version(&self) -> u16 {
        self.version
    }

    /// The offset of the next record; after the last one, that of what follows the file.
    pub fn offset(&self) -> usize {
        self.input.offset()
    }

    /// The bytes of the file and of what follows it.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether the file was written without a checksum, though its version has one.
    pub fn has_no_sum(&self) -> bool {
        self.has_no_sum
    }

    /// The next record; None at the end, whose checksum was found right.
    #[inline]
    pub fn next_record(&mut self) -> Result<Option<Record<'a>>, Fault> {
        if self.is_at_end || (self.is_bare && self.input.is_at_end()) {
            return Ok(None);
        }
        let offset = self.input.offset();
        if offset - self.summed >= SUM_STEP {
            self.sum_up(offset);
        }
        match self.read() {
            Ok(None) => self.end().map(|()| None),
            Ok(record) => Ok(record),
            Err(why) => Err(Fault::Record { offset: self.input.offset().max(offset), why }),
        }
    }

    fn sum_up(&mut self, to: usize) {
        if let Some(sum) = &mut self.sum {
            sum.update(&self.bytes[self.summed..to]);
        }
        self.summed = to;
    }

    fn end(&mut self) -> Result<(), Fault> {
        self.is_at_end = true;
        let end = self.input.offset();
        self.sum_up(end);
        if self.version < SUMMED_VERSION_MIN {
            return Ok(());
        }
        let expected = self.input.u64_le().map_err(|why| Fault::Record { offset: end, why })?;
        self.has_no_sum = expected == 0;
        match self.sum.as_ref().map(Checksum::value) {
            Some(found) if expected != 0 && found != expected => Err(Fault::Checksum { expected, found }),
            _ => Ok(()),
        }
    }

    fn read(&mut self) -> Result<Option<Record<'a>>, Malformed> {
        let (mut deadline_ms, mut usage) = (None, Usage::Untold);
        let input = &mut self.input;
        loop {
            let code = input.byte()?;
            return Ok(Some(match code {
                opcode::DEADLINE_MS => {
                    deadline_ms = Some(input.i64_le()?);
                    continue;
                }
                opcode::DEADLINE_SECONDS => {
                    deadline_ms = Some(i64::from(i32::from_le_bytes(input.array()?)) * 1000);
                    continue;
                }
                opcode::FREQ => {
                    usage = Usage::Frequency(input.byte()?);
                    continue;
                }
                opcode::IDLE => {
                    usage = Usage::IdleSeconds(u32::try_from(input.number()?).unwrap_or(u32::MAX));
                    continue;
                }
                opcode::EOF => return Ok(None),
                kind if decode::is_kind(kind) => {
                    let key = input.string()?;
                    let offset = input.offset();
                    decode::skip(kind, self.is_valkey, input)?;
                    Record::Key(Found { deadline_ms, usage, key, kind, offset })
                }
                code => self.rare(code)?,
            }));
        }
    }

    fn rare(&mut self, code: u8) -> Result<Record<'a>, Malformed> {
        let input = &mut self.input;
        Ok(match code {
            opcode::AUX => Record::Aux(input.string()?, input.string()?),
            opcode::SELECT_DB => Record::Select(input.number()?),
            opcode::RESIZE_DB => Record::Resize(input.number()?, input.number()?),
            opcode::FUNCTION_2 => Record::Function(input.string()?),
            opcode::MODULE_AUX => Record::Module(decode::skip_aux(input)?.into()),
            // A slot, its keys, and how many of these expire.
            opcode::SLOT_INFO if !self.is_valkey || self.version >= VALKEY_VERSION => {
                (0..3).try_for_each(|_| input.number().map(drop))?;
                Record::Slots
            }
            // A job's name and the ranges of slots that it imports.
            opcode::SLOT_IMPORT if self.is_valkey => {
                input.skip_string()?;
                for _ in 0..input.number()? {
                    input.number()?;
                    input.number()?;
                }
                Record::Slots
            }
            opcode::FUNCTION_PRE_GA => {
                return Err(Malformed("Pre-release function format not supported."));
            }
            _ => return Err(Malformed("Unknown RDB encoding type")),
        })
    }

    /// How the values of this file are decoded.
    pub(super) fn dialect(&self) -> Dialect<'a> {
        Dialect { bytes: self.bytes, is_valkey: self.is_valkey }
    }
}

/// A file's bytes and who wrote them: enough to decode a value.
#[derive(Clone, Copy)]
pub(in crate::rdb) struct Dialect<'a> {
    bytes: &'a [u8],
    is_valkey: bool,
}

impl<'a> Dialect<'a> {
    /// Of a file of this server.
    pub(in crate::rdb) fn ours(bytes: &'a [u8]) -> Self {
        Self { bytes, is_valkey: false }
    }

    /// The value of a key that was found in this file.
    pub(super) fn decode(self, found: &Found<'a>, limits: &Limits, seed: u64) -> Result<Decoded<'a>, Fault> {
        let mut input = Input::from(self.bytes, found.offset);
        let context = Context { limits, seed, is_valkey: self.is_valkey };
        decode::decode(found.kind, &mut input, context)
            .map_err(|why| Fault::Record { offset: input.offset().max(found.offset), why })
    }
}

fn strip_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    &digits[zeros.min(digits.len() - 1)..]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of a file with this checksum at its end.
    fn end(sum: [u8; 8], checks_sum: bool) -> Result<bool, Fault> {
        let file = [&b"REDIS0010\xFA\x01a\x01b\xFF"[..], &sum].concat();
        let mut scanner = Scanner::new(&file, checks_sum)?;
        while scanner.next_record()?.is_some() {}
        assert_eq!(scanner.offset(), file.len());
        Ok(scanner.has_no_sum())
    }

    #[test]
    fn sums_are_checked_where_wanted_and_there() {
        let right = super::super::super::checksum::of(b"REDIS0010\xFA\x01a\x01b\xFF");
        assert_eq!(end(right.to_le_bytes(), true), Ok(false));
        assert_eq!(end([0; 8], true), Ok(true));
        let wrong = right ^ 1;
        assert_eq!(end(wrong.to_le_bytes(), false), Ok(false), "rdbchecksum no");
        assert_eq!(end(wrong.to_le_bytes(), true), Err(Fault::Checksum { expected: wrong, found: right }));
    }
}
