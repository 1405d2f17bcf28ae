//! Numbers as C's `printf` and `strtod` have them.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char, c_int};

/// Appends a number as `%.{precision}g` spells it.
pub(crate) fn general(number: f64, precision: i32, out: &mut Vec<u8>) {
    const WHOLE_MAX: f64 = 1e13;
    if precision == 14
        && number.abs() < WHOLE_MAX
        && number.fract() == 0.0
        && !(number == 0.0 && number.is_sign_negative())
    {
        out.extend_from_slice(format!("{}", number as i64).as_bytes());
        return;
    }
    let mut text = [0u8; 64];
    // SAFETY: the text is bounded by its length; 14 digits with sign and exponent fit.
    let len = unsafe {
        libc::snprintf(text.as_mut_ptr().cast::<c_char>(), text.len(), c"%.*g".as_ptr(), precision as c_int, number)
    };
    out.extend_from_slice(&text[..usize::try_from(len).unwrap_or(0).min(text.len() - 1)]);
}

/// The number at the start of a text (decimal, hexadecimal, `inf`, `nan`), and how many bytes it takes; 0 for none.
pub(crate) fn leading(text: &[u8]) -> (f64, usize) {
    /// A number of more digits than that is none that a double could tell apart.
    const DIGITS_MAX: usize = 1024;
    let end = text.iter().take(DIGITS_MAX).position(|&byte| byte == 0).unwrap_or(text.len().min(DIGITS_MAX));
    let Ok(copy) = CString::new(&text[..end]) else { return (0.0, 0) };
    let mut after = std::ptr::null_mut();
    // SAFETY: `copy` ends with a zero byte, and `after` points into it when the call returns.
    unsafe {
        let number = libc::strtod(copy.as_ptr(), &raw mut after);
        (number, after.offset_from(copy.as_ptr()) as usize)
    }
}
