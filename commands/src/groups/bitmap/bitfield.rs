//! BITFIELD and BITFIELD_RO.

mod field;

use commands_macros::{Args, command};
use keyspace::keys::Key;
use keyspace::string::StringBytes;
use smallvec::SmallVec;

use self::field::{Field, Overflow};
use super::{KEY, SETBIT_EVENT, bit_offset};
use crate::args::{Arg, Args, OneOf, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::request::Request;
use crate::spec::{ArgDoc, ArgType, key};

const ENCODING: ArgDoc = ArgDoc::new("encoding", ArgType::String);
const OFFSET: ArgDoc = ArgDoc::new("offset", ArgType::Integer);
const GET: ArgDoc = ArgDoc::block("get-block", &[ENCODING, OFFSET]).token("GET");
const SET: ArgDoc =
    ArgDoc::block("set-block", &[ENCODING, OFFSET, ArgDoc::new("value", ArgType::Integer)]).token("SET");
const INCRBY: ArgDoc =
    ArgDoc::block("incrby-block", &[ENCODING, OFFSET, ArgDoc::new("increment", ArgType::Integer)]).token("INCRBY");
const OVERFLOW: ArgDoc = ArgDoc::one_of("overflow-block", <Overflow as OneOf>::DOCS).token("OVERFLOW").optional();
const WRITE: ArgDoc = ArgDoc::block("write", &[OVERFLOW, ArgDoc::one_of("write-operation", &[SET, INCRBY])]);

/// One operation on one field.
#[derive(Clone, Copy)]
struct Operation {
    field: Field,
    offset: usize,
    action: Action,
}

#[derive(Clone, Copy)]
enum Action {
    Get,
    Set(i64, Overflow),
    Add(i64, Overflow),
}

/// What begins an operation.
#[derive(Args, Clone, Copy)]
enum Verb {
    Get,
    Set,
    IncrBy,
    Overflow,
}

type Operations = SmallVec<[Operation; 4]>;

/// Reads and writes integers of any width at any bit of the string at a key.
#[command(
    "BITFIELD",
    since = "3.2.0",
    complexity = "O(1) for each subcommand specified",
    flags(WRITE | DENYOOM),
    key_flags(key_flags),
    keys(
        KeySpec::one(1, RW | ACCESS | UPDATE | VARIABLE_FLAGS)
            .notes("This command allows both access and modification of the key")
    ),
    args(KEY, ArgDoc::one_of("operation", &[GET, WRITE]).optional().multiple())
)]
pub(crate) fn bitfield(ctx: &mut Ctx, key: Key, operations: Rest) -> Result<()> {
    let operations = parse(ctx, operations.0)?;
    let last_written = operations.iter().filter(|operation| operation.writes()).map(Operation::last_bit).max();
    match last_written {
        Some(last_bit) => write(ctx, &key, &operations, last_bit / 8 + 1),
        None => read(ctx, &key, &operations),
    }
}

/// With nothing but GET, of three words each, the value is only read.
fn key_flags(request: &Request<'_>) -> u16 {
    let mut words = request.words().skip(2);
    let is_get = |word: &[u8]| word.eq_ignore_ascii_case(b"GET");
    while let Some(word) = words.next() {
        if !is_get(word) || words.next().and(words.next()).is_none() {
            return key::RW | key::ACCESS | key::UPDATE;
        }
    }
    key::RO | key::ACCESS
}

/// Reads integers of any width at any bit of the string at a key.
#[command(
    "BITFIELD_RO",
    since = "6.0.0",
    complexity = "O(1) for each subcommand specified",
    flags(READONLY | FAST),
    keys(KeySpec::one(1, RO | ACCESS)),
    args(KEY, GET.optional().multiple_token())
)]
pub(crate) fn bitfield_ro(ctx: &mut Ctx, key: Key, operations: Rest) -> Result<()> {
    let operations = parse(ctx, operations.0)?;
    if operations.iter().any(Operation::writes) {
        return Err(Error::Plain("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    read(ctx, &key, &operations)
}

fn parse(ctx: &Ctx, mut words: Args) -> Result<Operations> {
    let (mut operations, mut overflow) = (Operations::new(), Overflow::Wrap);
    while !words.is_empty() {
        let verb = Verb::take_if(&mut words)?.ok_or(Error::Syntax)?;
        if let Verb::Overflow = verb {
            if words.is_empty() {
                return Err(Error::Syntax);
            }
            let chosen = Overflow::take_if(&mut words)?;
            overflow = chosen.ok_or(Error::Plain("ERR Invalid OVERFLOW type specified"))?;
            continue;
        }
        let count = if let Verb::Get = verb { 2 } else { 3 };
        // An operation that is not whole is told before its words are judged.
        let mut words = words.take_first(count)?;
        let field = Field::parse(words.word()?)?;
        let offset = bit_offset(ctx, words.word()?, Some(field.bits))?;
        let action = match verb {
            Verb::Set => Action::Set(i64::take(&mut words)?, overflow),
            Verb::IncrBy => Action::Add(i64::take(&mut words)?, overflow),
            _ => Action::Get,
        };
        operations.push(Operation { field, offset, action });
    }
    Ok(operations)
}

impl Operation {
    fn writes(&self) -> bool {
        !matches!(self.action, Action::Get)
    }

    fn last_bit(&self) -> usize {
        self.offset + self.field.bits as usize - 1
    }
}

fn read(ctx: &mut Ctx, key: &Key, operations: &Operations) -> Result<()> {
    let bytes = ctx.keys.string_bytes(key)?.unwrap_or(StringBytes::Stored(b""));
    ctx.out.array(operations.len());
    for operation in operations {
        ctx.out.int(operation.field.read(&bytes, operation.offset));
    }
    Ok(())
}

fn write(ctx: &mut Ctx, key: &Key, operations: &Operations, len_min: usize) -> Result<()> {
    let found = ctx.keys.find_string(key)?;
    let grows = found.is_none_or(|found| found.len < len_min);
    let bytes = ctx.keys.string_mut(key, found, len_min);
    let mut writes = 0;
    ctx.out.array(operations.len());
    for Operation { field, offset, action } in operations {
        let before = field.read(bytes, *offset);
        let (after, answers_after) = match *action {
            Action::Get => {
                ctx.out.int(before);
                continue;
            }
            Action::Set(value, overflow) => (field.fit(field.of_word(value), overflow), false),
            Action::Add(value, overflow) => (field.fit(i128::from(before) + i128::from(value), overflow), true),
        };
        let Some(after) = after else {
            ctx.out.null();
            continue;
        };
        field.write(bytes, *offset, after);
        writes += u64::from(grows || after != before);
        ctx.out.int(if answers_after { after } else { before });
    }
    if writes > 0 {
        ctx.keys.changed(key, SETBIT_EVENT);
        // One event, but each write counts.
        ctx.keys.tally.dirty += writes - 1;
    } else if grows {
        // Nothing was written that counts, and yet the string is longer.
        ctx.say_own_words();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fixture, check, check_with};

    #[test]
    fn only_what_changes_counts_as_a_change() {
        let mut fixture = Fixture::new();
        let mut changes = |transcript: &str| {
            let before = fixture.node.cores[0].dirty.get();
            check_with(&mut fixture, transcript);
            fixture.node.cores[0].dirty.get() - before
        };
        assert_eq!(changes("> SETBIT a 0 0\n(integer) 0\n> BITFIELD b SET i5 0 0\n1) (integer) 0"), 2);
        assert_eq!(changes("> SETBIT a 0 0\n(integer) 0\n> BITFIELD b SET i5 0 0\n1) (integer) 0"), 0);
        assert_eq!(
            changes("> BITFIELD b SET i5 0 1 SET i5 0 1 SET i5 0 0\n1) (integer) 0\n2) (integer) 1\n3) (integer) 1"),
            2
        );
        assert_eq!(changes("> SETBIT a 90 0\n(integer) 0\n> BITFIELD b SET i5 90 0\n1) (integer) 0"), 2);
        assert_eq!(changes("> BITFIELD c OVERFLOW FAIL SET u2 0 7\n1) (nil)"), 0);
        assert_eq!(changes("> BITFIELD d SET u8 0 0 INCRBY u8 0 0\n1) (integer) 0\n2) (integer) 0"), 2);
    }

    #[test]
    fn fields_of_all_kinds() {
        check(
            r#"
            > BITFIELD k SET u8 0 255 INCRBY u8 0 100 GET u8 0
            1) (integer) 0
            2) (integer) 99
            3) (integer) 99
            > BITFIELD k SET u8 #2 65 GET u8 16 GET i4 #4
            1) (integer) 0
            2) (integer) 65
            3) (integer) 4
            > BITFIELD k OVERFLOW FAIL INCRBY u2 100 3 INCRBY u2 100 1
            1) (integer) 3
            2) (nil)
            > BITFIELD k OVERFLOW SAT SET i8 0 1000 SET i8 0 -1000 SET u8 0 -1 GET u8 0
            1) (integer) 99
            2) (integer) 127
            3) (integer) 128
            4) (integer) 255
            > BITFIELD k SET i64 3 -1 GET i64 3 GET u63 3
            1) (integer) -575889006256979968
            2) (integer) -1
            3) (integer) 9223372036854775807
            > BITFIELD k OVERFLOW SAT INCRBY i64 3 -9223372036854775808
            1) (integer) -9223372036854775808
            > BITFIELD_RO nokey GET u8 0
            1) (integer) 0
            > BITFIELD nokey
            (empty array)
            > EXISTS nokey
            (integer) 0
            "#,
        );
    }

    #[test]
    fn errors_in_their_order() {
        check(
            "
            > BITFIELD k GET u64 0
            (error) ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
            > BITFIELD k SET x8 abc abc
            (error) ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
            > BITFIELD k SET u8 abc abc
            (error) ERR bit offset is not an integer or out of range
            > BITFIELD k GET u8 #536870912
            (error) ERR bit offset is not an integer or out of range
            > BITFIELD k SET u8 0 abc
            (error) ERR value is not an integer or out of range
            > BITFIELD k SET x8 0
            (error) ERR syntax error
            > BITFIELD k OVERFLOW
            (error) ERR syntax error
            > BITFIELD k OVERFLOW what
            (error) ERR Invalid OVERFLOW type specified
            > BITFIELD_RO k SET u8 0 1
            (error) ERR BITFIELD_RO only supports the GET subcommand
            > BITFIELD_RO k SET u8 0 1 GET x8 0
            (error) ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
            > EXISTS k
            (integer) 0
            ",
        );
    }
}
