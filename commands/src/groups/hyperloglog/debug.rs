//! PFDEBUG: how a HyperLogLog is stored.

use std::io::Write;

use commands_macros::command;
use keyspace::keys::Key;
use keyspace::string::FoundString;

use super::object::{self, Encoding, HEADER_LEN, REGISTERS};
use super::{dense, sparse};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply::{Reply, Simple};

/// Answers how the HyperLogLog at a key is stored, or makes it dense.
#[command(
    "PFDEBUG",
    since = "2.8.9",
    complexity = "N/A",
    flags(WRITE | DENYOOM | ADMIN | SYSTEM),
    keys(KeySpec::one(2, RW | ACCESS))
)]
pub(crate) fn pfdebug(ctx: &mut Ctx, subcommand: &[u8], key: Key) -> Result<()> {
    let is = |name: &str| subcommand.eq_ignore_ascii_case(name.as_bytes());
    if is("SIMD") {
        return simd(ctx, key.bytes);
    }
    let Some(found) = ctx.keys.find_string(&key)? else {
        return Err(Error::Plain("ERR The specified key does not exist"));
    };
    let hll = ctx.keys.string_at(&key, found.slot)?;
    let encoding = object::encoding(&hll)?;
    match () {
        () if is("GETREG") => getreg(ctx, &key, found, encoding),
        () if is("DECODE") => {
            if encoding != Encoding::Sparse {
                return Err(Error::Plain("ERR HLL encoding is not sparse"));
            }
            let text = decode(&hll[HEADER_LEN..]);
            ctx.out.bulk(&text);
            Ok(())
        }
        () if is("ENCODING") => {
            Simple(if encoding == Encoding::Dense { "dense" } else { "sparse" }).write(ctx.out);
            Ok(())
        }
        () if is("TODENSE") => {
            let converts = encoding == Encoding::Sparse;
            if converts {
                make_dense(ctx, &key, found)?;
            }
            converts.write(ctx.out);
            Ok(())
        }
        () => Err(Error::text(format!("ERR Unknown PFDEBUG subcommand '{}'", String::from_utf8_lossy(subcommand)))),
    }
}

/// There is one way here to merge registers, which takes the place of Redis's portable one: no other is ever in use.
fn simd(ctx: &mut Ctx, word: &[u8]) -> Result<()> {
    if !word.eq_ignore_ascii_case(b"ON") && !word.eq_ignore_ascii_case(b"OFF") {
        return Err(Error::Plain("ERR Argument must be ON or OFF"));
    }
    Simple("disabled").write(ctx.out);
    Ok(())
}

/// The elements stay what they are: nobody is told but the log.
fn make_dense(ctx: &mut Ctx, key: &Key, found: FoundString) -> Result<()> {
    let dense = object::to_dense(&ctx.keys.string_at(key, found.slot)?)?;
    ctx.keys.replace_string(key, Some(found), &dense);
    ctx.keys.tally.dirty += 1;
    Ok(())
}

fn getreg(ctx: &mut Ctx, key: &Key, found: FoundString, encoding: Encoding) -> Result<()> {
    if encoding == Encoding::Sparse {
        make_dense(ctx, key, found)?;
    }
    let mut registers = [0; REGISTERS];
    if let Some(hll) = ctx.keys.peek_string_bytes(key)? {
        dense::unpack(&hll[HEADER_LEN..], &mut registers);
    }
    ctx.out.array(REGISTERS);
    for register in registers {
        ctx.out.int(i64::from(register));
    }
    Ok(())
}

/// `z:` and `Z:` zeros (codes of one and two bytes), `v:` a value and how often; a code that is cut ends it.
fn decode(mut codes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    while let Some(code) = sparse::first(codes) {
        let gap = if text.is_empty() { "" } else { " " };
        // Writing to memory does not fail.
        let _ = match (code.value, code.bytes) {
            (0, 1) => write!(text, "{gap}z:{}", code.run),
            (0, _) => write!(text, "{gap}Z:{}", code.run),
            (value, _) => write!(text, "{gap}v:{value},{}", code.run),
        };
        codes = &codes[code.bytes..];
    }
    text
}
