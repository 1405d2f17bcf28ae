//! BITOP.

use commands_macros::{Args, command};
use keyspace::change::Event;
use keyspace::keys::{Key, WrongType};
use keyspace::string::StringBytes;
use smallvec::SmallVec;

use crate::args::{Choice, Many};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::groups::string::SET_EVENT;

#[derive(Args, Clone, Copy, PartialEq)]
pub(crate) enum Operation {
    And,
    Or,
    Xor,
    Not,
}

/// Combines the bits of some strings into another, and answers its length.
#[command(
    "BITOP",
    since = "2.6.0",
    complexity = "O(N)",
    flags(WRITE | DENYOOM),
    keys(KeySpec::one(2, OW | UPDATE), KeySpec::range(3, -1, 1, RO | ACCESS))
)]
pub(crate) fn bitop(
    ctx: &mut Ctx,
    operation: Choice<Operation>,
    destkey: Key,
    #[arg(key_spec = 1)] key: Many<Key>,
) -> Result<usize> {
    let (operation, keys) = (operation.0, key.words());
    if operation == Operation::Not && keys.len() != 1 {
        return Err(Error::Plain("ERR BITOP NOT must be called with a single source key."));
    }
    for key in keys.keys() {
        ctx.keys.string_bytes(&key)?;
    }
    let empty = StringBytes::Stored(b"");
    let sources = keys.keys().map(|key| Ok(ctx.keys.peek_string_bytes(&key)?.unwrap_or_else(|| empty.clone())));
    let sources: SmallVec<[StringBytes; 8]> = sources.collect::<std::result::Result<_, WrongType>>()?;
    let result = combine(operation, &sources);
    drop(sources);
    let len = result.len();
    if len > 0 {
        ctx.keys.set_raw(&destkey, result);
        ctx.keys.changed(&destkey, SET_EVENT);
    } else if ctx.keys.remove(&destkey) {
        ctx.keys.changed(&destkey, Event::DEL);
    }
    Ok(len)
}

/// The strings combined; short ones go on with zeros.
fn combine(operation: Operation, sources: &[StringBytes]) -> Vec<u8> {
    /// The result is made in pieces that stay in the cache while all sources are added.
    const PIECE_LEN: usize = 16 * 1024;
    let len = sources.iter().map(|source| source.len()).max().unwrap_or(0);
    let mut result = vec![0; len];
    for (index, piece) in result.chunks_mut(PIECE_LEN).enumerate() {
        let at = index * PIECE_LEN;
        let end = at + piece.len();
        let part = |source: &'_ StringBytes| -> std::ops::Range<usize> { at.min(source.len())..end.min(source.len()) };
        for (turn, source) in sources.iter().enumerate() {
            let bytes = &source[part(source)];
            if turn == 0 {
                piece[..bytes.len()].copy_from_slice(bytes);
            } else {
                add(operation, piece, bytes);
            }
        }
        if operation == Operation::Not {
            piece.iter_mut().for_each(|byte| *byte = !*byte);
        }
    }
    result
}

/// Adds one source; byte loops of this form are vectorized.
fn add(operation: Operation, piece: &mut [u8], bytes: &[u8]) {
    let (common, beyond) = piece.split_at_mut(bytes.len());
    let pairs = common.iter_mut().zip(bytes);
    match operation {
        Operation::And => {
            pairs.for_each(|(to, from)| *to &= from);
            beyond.fill(0);
        }
        Operation::Or => pairs.for_each(|(to, from)| *to |= from),
        Operation::Xor => pairs.for_each(|(to, from)| *to ^= from),
        Operation::Not => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn strings_of_different_lengths() {
        check(
            r#"
            > MSET a "\x01\x02\xff\xff" b "\x01\x02\xff" i 12
            OK
            > BITOP AND d a b
            (integer) 4
            > GET d
            "\x01\x02\xff\x00"
            > OBJECT ENCODING d
            "raw"
            > BITOP XOR d a b
            (integer) 4
            > GET d
            "\x00\x00\x00\xff"
            > BITOP OR d nokey a i
            (integer) 4
            > GET d
            "12\xff\xff"
            > BITOP NOT a a
            (integer) 4
            > GET a
            "\xfe\xfd\x00\x00"
            > BITOP AND d nokey nokey
            (integer) 0
            > EXISTS d
            (integer) 0
            > BITOP NOT d a b
            (error) ERR BITOP NOT must be called with a single source key.
            > BITOP DIFF d a b
            (error) ERR syntax error
            "#,
        );
    }

    #[test]
    fn pieces_are_joined() {
        check(
            "
            > SETRANGE a 50000 x
            (integer) 50001
            > SETRANGE b 20000 y
            (integer) 20001
            > BITOP OR d a b
            (integer) 50001
            > BITCOUNT d
            (integer) 9
            > GETRANGE d 20000 20000
            \"y\"
            > BITOP AND d a b
            (integer) 50001
            > BITCOUNT d
            (integer) 0
            > BITOP NOT d a
            (integer) 50001
            > BITCOUNT d
            (integer) 400004
            ",
        );
    }
}
