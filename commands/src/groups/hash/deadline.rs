//! The deadlines that HEXPIRE, HGETEX and HSETEX are given.

use crate::error::{Error, Result};
use crate::expiration::Expiration;

/// Redis keeps the deadline of a field in 46 bits.
const DEADLINE_MS_MAX: i64 = (1 << 46) - 1;

/// How a time is given.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    Seconds,
    Milliseconds,
    UnixSeconds,
    UnixMilliseconds,
}

/// The deadline in unix milliseconds that `command` was given as `amount`.
pub(super) fn deadline_ms(command: &'static str, amount: i64, unit: Unit, now_ms: i64) -> Result<i64> {
    if amount < 0 {
        return Err(Error::Plain("ERR invalid expire time, must be >= 0"));
    }
    let (unit_ms, base_ms) = match unit {
        Unit::Seconds => (1000, now_ms),
        Unit::Milliseconds => (1, now_ms),
        Unit::UnixSeconds => (1000, 0),
        Unit::UnixMilliseconds => (1, 0),
    };
    let deadline_ms = amount.checked_mul(unit_ms).and_then(|ms| ms.checked_add(base_ms));
    deadline_ms.filter(|&deadline_ms| deadline_ms <= DEADLINE_MS_MAX).ok_or(Error::InvalidExpire(command))
}

/// As [`deadline_ms`], of a group's alternatives; None for the command's own token.
pub(super) fn of_expiration<T>(
    command: &'static str,
    expiration: Expiration<'_, T>,
    now_ms: i64,
) -> Result<Option<i64>> {
    let (word, unit) = match expiration {
        Expiration::Ex(word) => (word, Unit::Seconds),
        Expiration::Px(word) => (word, Unit::Milliseconds),
        Expiration::ExAt(word) => (word, Unit::UnixSeconds),
        Expiration::PxAt(word) => (word, Unit::UnixMilliseconds),
        Expiration::Own(_) => return Ok(None),
    };
    let amount = base::number::parse_i64(word).ok_or(Error::NotAnInteger)?;
    deadline_ms(command, amount, unit, now_ms).map(Some)
}
