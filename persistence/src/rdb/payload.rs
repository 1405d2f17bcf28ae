//! DUMP and RESTORE: one value, or all libraries of functions, with the version and the checksum behind it.

use std::borrow::Cow;

use keyspace::db::Value;
use keyspace::export::View;
use keyspace::import::Limits;

use super::checksum;
use super::decode::{self, Context, Decoded};
use super::encode::Encoder;
use super::format::{VALKEY_VERSION, VERSION_MAX, opcode};
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
    close(payload, encoder)
}

/// The payload of libraries of functions, by their sources (FUNCTION DUMP).
pub fn dump_functions(sources: &[impl AsRef<[u8]>], encoder: &mut Encoder) -> Vec<u8> {
    let mut payload = Vec::new();
    for source in sources {
        payload.push(opcode::FUNCTION_2);
        encoder.text(source.as_ref(), &mut payload);
    }
    close(payload, encoder)
}

fn close(mut payload: Vec<u8>, encoder: &Encoder) -> Vec<u8> {
    payload.extend_from_slice(&encoder.version().0.to_le_bytes());
    let sum = checksum::of(&payload);
    payload.extend_from_slice(&sum.to_le_bytes());
    payload
}

/// The body of a payload, and its version.
fn open(payload: &[u8], checks_sum: bool) -> Result<(&[u8], u16), Refused> {
    let (body, foot) = payload.split_last_chunk::<FOOT_SIZE>().ok_or(Refused::Foot)?;
    let version = u16::from_le_bytes([foot[0], foot[1]]);
    if version > VERSION_MAX && version != VALKEY_VERSION {
        return Err(Refused::Foot);
    }
    if checks_sum && payload[payload.len() - 8..] != checksum::of(&payload[..payload.len() - 8]).to_le_bytes() {
        return Err(Refused::Foot);
    }
    Ok((body, version))
}

/// The sources in a payload of libraries; the texts of refusals are those of FUNCTION RESTORE.
pub fn restore_functions(payload: &[u8], checks_sum: bool) -> Result<Vec<Cow<'_, [u8]>>, Refused> {
    let (body, _) = open(payload, checks_sum)?;
    let (mut input, mut sources) = (Input::new(body), Vec::new());
    while !input.is_at_end() {
        match input.byte().map_err(Refused::Value)? {
            opcode::FUNCTION_2 => {
                let source = input.string();
                let failed = Refused::Value(Malformed("failed loading the given functions payload"));
                sources.push(source.map_err(|_| failed)?);
            }
            opcode::FUNCTION_PRE_GA => return Err(Refused::Value(Malformed("Pre-GA function format not supported"))),
            _ => return Err(Refused::Value(Malformed("given type is not a function"))),
        }
    }
    Ok(sources)
}

/// The value of a payload. `seed` should be the key's hash; `checks_sum` is off in tests of damaged payloads only.
pub fn restore<'a>(payload: &'a [u8], limits: &Limits, seed: u64, checks_sum: bool) -> Result<Decoded<'a>, Refused> {
    let (body, version) = open(payload, checks_sum)?;
    let mut input = Input::new(body);
    let context = Context { limits, seed, is_valkey: version == VALKEY_VERSION };
    let kind = input.byte().map_err(Refused::Value)?;
    match decode::decode(kind, &mut input, context).map_err(Refused::Value)? {
        _ if !input.is_at_end() => Err(Refused::Value(Malformed("bytes behind the value"))),
        Decoded::Empty => Err(Refused::Value(Malformed("a collection without elements"))),
        Decoded::Module(_) => Err(Refused::Value(Malformed("a value of a module that is not loaded"))),
        decoded => Ok(decoded),
    }
}

/// The value of bytes that [`Encoder::value`] wrote here; None when they are not that.
pub(crate) fn bare_value(bytes: &[u8], limits: &Limits, seed: u64) -> Option<Value> {
    let mut input = Input::new(bytes);
    let context = Context { limits, seed, is_valkey: false };
    let decoded = decode::decode(input.byte().ok()?, &mut input, context).ok()?;
    if !input.is_at_end() {
        return None;
    }
    decoded.put(|fresh| fresh.into_value()).ok()
}
