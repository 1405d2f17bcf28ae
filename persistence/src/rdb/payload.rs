//! DUMP and RESTORE: one value with the version and the checksum behind it.

use keyspace::export::View;
use keyspace::import::Limits;

use super::checksum;
use super::decode::{self, Context, Decoded};
use super::encode::Encoder;
use super::format::{VALKEY_VERSION, VERSION_MAX};
use super::input::{Input, Malformed};

/// The version in 2 bytes, the checksum in 8.
const FOOT_SIZE: usize = 10;

/// Why a payload is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It comes from a server whose format is not known here, or was changed on its way.
    Foot,
    /// Its bytes are no value.
    Value(Malformed),
}

/// The payload of a value.
pub fn dump(view: View<'_>, encoder: &mut Encoder) -> Vec<u8> {
    let mut payload = Vec::new();
    encoder.value(view, &mut payload, |_, _| ());
    payload.extend_from_slice(&encoder.version().0.to_le_bytes());
    let sum = checksum::of(&payload);
    payload.extend_from_slice(&sum.to_le_bytes());
    payload
}

/// The value of a payload. `seed` should be the key's hash; hash fields whose deadline is not after `now_ms` are left
/// out; `checks_sum` is off in tests of damaged payloads only.
pub fn restore<'a>(
    payload: &'a [u8],
    limits: &Limits,
    seed: u64,
    now_ms: i64,
    checks_sum: bool,
) -> Result<Decoded<'a>, Refused> {
    let (body, foot) = payload.split_last_chunk::<FOOT_SIZE>().ok_or(Refused::Foot)?;
    let version = u16::from_le_bytes([foot[0], foot[1]]);
    if version > VERSION_MAX && version != VALKEY_VERSION {
        return Err(Refused::Foot);
    }
    if checks_sum && payload[payload.len() - 8..] != checksum::of(&payload[..payload.len() - 8]).to_le_bytes() {
        return Err(Refused::Foot);
    }
    let mut input = Input::new(body);
    let context = Context { limits, seed, now_ms, is_valkey: version == VALKEY_VERSION };
    let kind = input.byte().map_err(Refused::Value)?;
    match decode::decode(kind, &mut input, context).map_err(Refused::Value)? {
        _ if !input.is_at_end() => Err(Refused::Value(Malformed("bytes behind the value"))),
        Decoded::Empty => Err(Refused::Value(Malformed("a collection without elements"))),
        Decoded::Module(_) => Err(Refused::Value(Malformed("a value of a module that is not loaded"))),
        decoded => Ok(decoded),
    }
}
