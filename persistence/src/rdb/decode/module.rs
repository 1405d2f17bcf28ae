//! What modules wrote: there are none here, so it is passed over. Its parts say themselves how long they are.

use super::super::format::module;
use super::super::input::{Input, Malformed, Result};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The name of a module's type: nine characters of 6 bits, above 10 bits of a version.
fn name(id: u64) -> String {
    (0..9).map(|at| char::from(ALPHABET[(id >> (58 - 6 * at)) as usize & 63])).collect()
}

/// Passes a value over and answers the name of its type.
pub(super) fn skip(input: &mut Input<'_>) -> Result<String> {
    let id = input.number()?;
    skip_parts(input)?;
    Ok(name(id))
}

/// Passes over what a module wrote beside values and answers its name.
pub(crate) fn skip_aux(input: &mut Input<'_>) -> Result<String> {
    let id = input.number()?;
    if input.number()? != module::UNSIGNED {
        return Err(Malformed("a module's record without its place"));
    }
    input.number()?;
    skip_parts(input)?;
    Ok(name(id))
}

fn skip_parts(input: &mut Input<'_>) -> Result<()> {
    loop {
        match input.number()? {
            module::EOF => return Ok(()),
            module::SIGNED | module::UNSIGNED => drop(input.number()?),
            module::FLOAT => drop(input.take(4)?),
            module::DOUBLE => drop(input.take(8)?),
            module::STRING => input.skip_string()?,
            _ => return Err(Malformed("a module's value with a part of unknown form")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_all_forms() {
        let mut bytes = vec![0x81];
        bytes.extend_from_slice(&(0x1000_0000_0000_0001_u64).to_be_bytes());
        bytes.extend_from_slice(b"\x02\x07\x01\x08\x05\x01s\x03\0\0\0\0\x04\0\0\0\0\0\0\0\0\0rest");
        let mut input = Input::new(&bytes);
        assert_eq!(skip(&mut input).as_deref(), Ok("EAAAAAAAA"));
        assert_eq!(input.left(), 4);
        assert_eq!(skip_aux(&mut Input::new(&bytes)).as_deref(), Ok("EAAAAAAAA"));
        for end in 0..bytes.len() - 4 {
            assert!(skip(&mut Input::new(&bytes[..end])).is_err());
        }
    }
}
