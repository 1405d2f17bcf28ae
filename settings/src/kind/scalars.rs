//! Kinds whose value is one number: switches, integers, sizes, choices, sets of flags.

use crate::kind::{Reason, Word};
use crate::value::{ClientsMemory, ShutdownOptions, Value};

const OCTAL_MAX: i64 = 0o777;

pub(super) fn switch(word: &[u8]) -> Result<Value, Reason> {
    if word.eq_ignore_ascii_case(b"yes") {
        Ok(Value::Scalar(1))
    } else if word.eq_ignore_ascii_case(b"no") {
        Ok(Value::Scalar(0))
    } else {
        Err("argument must be 'yes' or 'no'".into())
    }
}

/// An integer in its one canonical spelling: no sign but a minus, no leading zeros, no blanks.
pub(super) fn canonical_integer(word: &[u8]) -> Option<i64> {
    base::number::parse_i64(word)
}

pub(super) fn integer(word: &[u8], min: i64, max: i64) -> Result<Value, Reason> {
    let number = canonical_integer(word).ok_or("argument couldn't be parsed into an integer")?;
    if !(min..=max).contains(&number) {
        return Err(out_of_range(min, max));
    }
    Ok(Value::signed(number))
}

fn out_of_range(min: impl std::fmt::Display, max: impl std::fmt::Display) -> Reason {
    format!("argument must be between {min} and {max} inclusive")
}

pub(super) fn clamped(word: &[u8], low: i64, high: i64) -> Result<Value, Reason> {
    match integer(word, 0, i64::from(i32::MAX))? {
        Value::Scalar(bits) => Ok(Value::signed(bits.cast_signed().clamp(low, high))),
        other => Ok(other),
    }
}

pub(super) fn octal(word: &[u8]) -> Result<Value, Reason> {
    let mode = str::from_utf8(word).ok().and_then(|text| i64::from_str_radix(text, 8).ok());
    let mode = mode.ok_or("argument couldn't be parsed as an octal number")?;
    if !(0..=OCTAL_MAX).contains(&mode) {
        return Err(out_of_range(0, format_args!("{OCTAL_MAX:o}")));
    }
    Ok(Value::signed(mode))
}

/// A number of bytes with an optional unit.
pub(super) fn size(word: &[u8]) -> Option<u64> {
    base::size::parse(word)
}

pub(super) fn memory(word: &[u8], min: u64, max: u64) -> Result<Value, Reason> {
    let bytes = size(word).ok_or("argument must be a memory value")?;
    if !(min..=max).contains(&bytes) {
        return Err(out_of_range(min, max));
    }
    Ok(Value::Scalar(bytes))
}

/// The size with the largest unit that divides it.
pub(super) fn with_unit(bytes: u64) -> String {
    for (shift, unit) in [(30, "gb"), (20, "mb"), (10, "kb")] {
        if bytes != 0 && bytes.trailing_zeros() >= shift {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}

pub(super) fn memory_or_percent(word: &[u8]) -> Result<Value, Reason> {
    const REFUSED: &str = "argument must be a memory or percent value";
    let limit = match word.strip_suffix(b"%") {
        Some(number) => {
            let percent = canonical_integer(number).filter(|percent| *percent >= 0).ok_or(REFUSED)?;
            match u8::try_from(percent) {
                Ok(percent @ 0..=100) => ClientsMemory::Percent(percent),
                _ => return Err("percentage argument must be less or equal to 100".into()),
            }
        }
        // The top bit is taken: masking it off would turn a huge limit into none.
        None => ClientsMemory::Bytes(size(word).filter(|bytes| *bytes <= i64::MAX as u64).ok_or(REFUSED)?),
    };
    Ok(Value::Scalar(limit.to_bits()))
}

pub(super) fn render_memory_or_percent(bits: u64) -> String {
    match ClientsMemory::from_bits(bits) {
        ClientsMemory::Bytes(bytes) => bytes.to_string(),
        ClientsMemory::Percent(percent) => format!("{percent}%"),
    }
}

pub(super) fn choice(word: &[u8], names: &[&str]) -> Result<Value, Reason> {
    let place = names.iter().position(|name| word.eq_ignore_ascii_case(name.as_bytes()));
    place.map(|place| Value::Scalar(place as u64)).ok_or_else(|| not_one_of(names))
}

fn not_one_of(names: &[&str]) -> Reason {
    format!("argument(s) must be one of the following: {}", names.join(", "))
}

pub(super) fn shutdown(words: &[Word]) -> Result<Value, Reason> {
    let names = ShutdownOptions::NAMES;
    if words.is_empty() {
        return Err(not_one_of(&names.map(|(name, _)| name)));
    }
    let mut bits = 0;
    for word in words {
        let found = names.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
        let (_, bit) = found.ok_or_else(|| not_one_of(&names.map(|(name, _)| name)))?;
        bits |= bit;
    }
    let options = ShutdownOptions(bits);
    if options.save() && options.nosave() {
        return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".into());
    }
    Ok(Value::Scalar(u64::from(bits)))
}

pub(super) fn render_shutdown(options: ShutdownOptions) -> String {
    let [default, rest @ ..] = ShutdownOptions::NAMES;
    let set: Vec<_> = rest.iter().filter(|(_, bit)| options.0 & bit != 0).map(|(name, _)| *name).collect();
    if set.is_empty() { default.0.to_owned() } else { set.join(" ") }
}
