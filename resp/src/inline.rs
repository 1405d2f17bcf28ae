//! Inline commands: a line of text, as typed into telnet.
//!
//! A line without quotes becomes spans of the input like any other command. Only quotes change bytes, so only a
//! quoted line pays for copies.

use crate::parse::{Limits, Parsed, ProtocolError, Span};

/// One inline command at the start of `input`; appends its spans to `argv` unless it has quotes.
pub(crate) fn parse(input: &[u8], base: usize, limits: &Limits, argv: &mut Vec<Span>) -> Result<Parsed, ProtocolError> {
    // Redis looks for the end of the line in a C string: a NUL hides what follows it until the line is too big.
    let end = input.iter().position(|&byte| byte == b'\n' || byte == 0);
    let Some(newline) = end.filter(|&at| input[at] == b'\n') else {
        if input.len() > limits.inline_len_max {
            return Err(ProtocolError::too_big_inline());
        }
        return Ok(Parsed::Incomplete { needed: input.len() + 1 });
    };
    let consumed = newline + 1;
    let line = &input[..newline];
    if line.iter().any(|byte| matches!(byte, b'"' | b'\'')) {
        let args = base::quote::split_args(line).ok_or(ProtocolError::unbalanced_quotes())?;
        return Ok(Parsed::Inline { consumed, args });
    }
    let mut at = 0;
    while at < line.len() {
        if base::quote::is_blank(line[at]) {
            at += 1;
            continue;
        }
        let len = line[at..].iter().take_while(|&&byte| !base::quote::ends_arg(byte)).count();
        argv.push(Span::new(base + at, len));
        at += len;
    }
    Ok(Parsed::Command { consumed })
}
