//! APPEND.

use commands_macros::command;
use keyspace::change::Event;
use keyspace::keys::Key;

use super::{check_len, string_event};
use crate::ctx::Ctx;
use crate::error::Result;

const APPEND_EVENT: Event = string_event("append");

/// Adds bytes to the end of a string, or makes it of them, and answers its length.
#[command(
    "APPEND",
    since = "2.0.0",
    complexity = "O(1). The amortized time complexity is O(1) assuming the appended value is small and the already present value is of any size, since the dynamic string library used by Redis will double the free space available on every reallocation.",
    flags(WRITE | DENYOOM | FAST),
    keys(KeySpec::one(1, RW | INSERT))
)]
pub(crate) fn append(ctx: &mut Ctx, key: Key, value: &[u8]) -> Result<usize> {
    let found = ctx.keys.find_string(&key)?;
    if let Some(found) = found {
        check_len(ctx, found.len, value.len())?;
    }
    let len = ctx.keys.append_string(&key, found, value);
    ctx.keys.changed(&key, APPEND_EVENT);
    Ok(len)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fixture, check};

    #[test]
    fn a_number_becomes_text_when_it_is_appended_to() {
        check(
            "
            > APPEND k 12
            (integer) 2
            > OBJECT ENCODING k
            \"int\"
            > APPEND k 3
            (integer) 3
            > OBJECT ENCODING k
            \"raw\"
            > GET k
            \"123\"
            > APPEND empty \"\"
            (integer) 0
            > EXISTS empty
            (integer) 1
            ",
        );
    }

    #[test]
    fn across_all_forms_of_storage() {
        let mut fixture = Fixture::new();
        let (mut expected, mut step) = (Vec::new(), 0);
        while expected.len() < 100_000 {
            let piece: Vec<u8> = (0..step * 7 % 600).map(|i| (step + i) as u8).collect();
            expected.extend_from_slice(&piece);
            let reply = fixture.run(1, &[b"APPEND", b"k", &piece]);
            assert_eq!(reply, Some(format!(":{}\r\n", expected.len()).into_bytes()));
            step += 1;
        }
        let reply = fixture.run(1, &[b"GET", b"k"]).unwrap_or_default();
        assert!(reply.ends_with(&[&expected[..], b"\r\n"].concat()));
    }
}
