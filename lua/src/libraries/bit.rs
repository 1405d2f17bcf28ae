//! `bit`: operations on 32-bit integers, of the numbers modulo 2^32; results are signed.

use super::{register, set_global};
use crate::stack::{Raised, Stack};

type Answer = Result<i32, Raised>;

pub(super) fn open(stack: &mut Stack<'_>) {
    stack.push_table(0, 12);
    register(
        stack,
        &[
            ("tobit", |stack| unary(stack, |value| value)),
            ("bnot", |stack| unary(stack, |value| !value)),
            ("bswap", |stack| unary(stack, u32::swap_bytes)),
            ("band", |stack| fold(stack, |one, other| one & other)),
            ("bor", |stack| fold(stack, |one, other| one | other)),
            ("bxor", |stack| fold(stack, |one, other| one ^ other)),
            ("lshift", |stack| shift(stack, |value, by| value << by)),
            ("rshift", |stack| shift(stack, |value, by| value >> by)),
            ("arshift", |stack| shift(stack, |value, by| (value.cast_signed() >> by).cast_unsigned())),
            ("rol", |stack| shift(stack, u32::rotate_left)),
            ("ror", |stack| shift(stack, u32::rotate_right)),
            ("tohex", tohex),
        ],
    );
    set_global(stack, "bit");
}

/// An argument modulo 2^32, rounded to the nearest integer.
fn value(stack: &mut Stack<'_>, number: i32) -> Result<u32, Raised> {
    const MODULUS: f64 = 4_294_967_296.0;
    let value = stack.check_number(number)?.round_ties_even();
    // NaN and infinity are 0.
    Ok(value.rem_euclid(MODULUS) as u32)
}

fn push(stack: &mut Stack<'_>, value: u32) -> Answer {
    stack.push_number(f64::from(value.cast_signed()));
    Ok(1)
}

fn unary(stack: &mut Stack<'_>, operation: fn(u32) -> u32) -> Answer {
    let value = value(stack, 1)?;
    push(stack, operation(value))
}

fn fold(stack: &mut Stack<'_>, operation: fn(u32, u32) -> u32) -> Answer {
    let mut result = value(stack, 1)?;
    for number in 2..=stack.len() {
        result = operation(result, value(stack, number)?);
    }
    push(stack, result)
}

fn shift(stack: &mut Stack<'_>, operation: fn(u32, u32) -> u32) -> Answer {
    let (shifted, by) = (value(stack, 1)?, value(stack, 2)?);
    push(stack, operation(shifted, by & 31))
}

/// So many hex digits; upper case when the number of them is negative.
fn tohex(stack: &mut Stack<'_>) -> Answer {
    const DIGITS: i32 = 8;
    let shown = value(stack, 1)?;
    let digits = if stack.is_absent(2) { DIGITS } else { value(stack, 2)?.cast_signed() };
    let count = digits.unsigned_abs().min(DIGITS.unsigned_abs()) as usize;
    let text = if digits < 0 { format!("{shown:08X}") } else { format!("{shown:08x}") };
    stack.push_bytes(&text.as_bytes()[text.len() - count..]);
    Ok(1)
}
