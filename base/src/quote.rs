//! Redis's two textual forms of binary strings: splitting a line into arguments (inline commands,
//! redis.conf) and quoting bytes for people to read (logs, MONITOR, redis-cli).
//!
//! `split_args` undoes `quote`: a quoted string splits into exactly the bytes it was made of.

/// Splits a line into arguments by the quoting rules of inline commands and redis.conf; `None` when a quote is
/// left open, or when a closing quote is not followed by a blank.
///
/// A NUL byte ends the line, as it ends the C string that Redis splits.
pub fn split_args(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let line = line.split(|&byte| byte == 0).next().unwrap_or_default();
    let mut args = Vec::new();
    let mut rest = skip_blanks(line);
    while !rest.is_empty() {
        let (arg, after) = next_arg(rest)?;
        args.push(arg);
        rest = skip_blanks(after);
    }
    Some(args)
}

/// What `isspace` of the C locale calls a blank.
pub fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Whether a byte ends an unquoted argument. Vertical tab and form feed are skipped before an argument but do not
/// end one.
pub fn ends_arg(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | 0)
}

fn skip_blanks(line: &[u8]) -> &[u8] {
    let blanks = line.iter().take_while(|&&byte| is_blank(byte)).count();
    &line[blanks..]
}

/// One argument at the start of `line`, and what follows it.
fn next_arg(line: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut arg = Vec::new();
    let mut rest = line;
    while let Some((&byte, after)) = rest.split_first() {
        match byte {
            b'"' => return double_quoted(arg, after),
            b'\'' => return single_quoted(arg, after),
            _ if ends_arg(byte) => break,
            _ => arg.push(byte),
        }
        rest = after;
    }
    Some((arg, rest))
}

fn double_quoted(mut arg: Vec<u8>, mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    loop {
        rest = match rest {
            [b'\\', b'x', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                arg.push(hex_value(*high) << 4 | hex_value(*low));
                after
            }
            [b'\\', escaped, after @ ..] => {
                arg.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => *other,
                });
                after
            }
            [b'"', after @ ..] => return closed(arg, after),
            [byte, after @ ..] => {
                arg.push(*byte);
                after
            }
            [] => return None,
        };
    }
}

fn single_quoted(mut arg: Vec<u8>, mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    loop {
        rest = match rest {
            [b'\\', b'\'', after @ ..] => {
                arg.push(b'\'');
                after
            }
            [b'\'', after @ ..] => return closed(arg, after),
            [byte, after @ ..] => {
                arg.push(*byte);
                after
            }
            [] => return None,
        };
    }
}

fn closed(arg: Vec<u8>, after: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    match after.first() {
        Some(&byte) if !is_blank(byte) => None,
        _ => Some((arg, after)),
    }
}

fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// The bytes in double quotes, everything unprintable escaped.
pub fn quote(bytes: &[u8]) -> String {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for &byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'"' => out.push_str("\\\""),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x07 => out.push_str("\\a"),
            0x08 => out.push_str("\\b"),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => {
                out.push_str("\\x");
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(line: &str) -> Option<Vec<String>> {
        Some(split_args(line.as_bytes())?.iter().map(|arg| arg.escape_ascii().to_string()).collect())
    }

    fn assert_split(line: &str, args: &[&str]) {
        assert_eq!(split(line).as_deref(), Some(args.iter().map(ToString::to_string).collect::<Vec<_>>().as_slice()));
    }

    #[test]
    fn splits_as_redis() {
        assert_split("", &[]);
        assert_split(" \t\r\n\x0b\x0c ", &[]);
        assert_split("SET  key\tvalue\r", &["SET", "key", "value"]);
        assert_split("ECHO \x0ba\x0bb", &["ECHO", "a\\x0bb"]);
        assert_split("a\rb", &["a", "b"]);
        assert_split(r#""" b"#, &["", "b"]);
        assert_split(r#"a"b c""#, &["ab c"]);
        assert_split(r#""\x41\xZZ\q\x4""#, &["AxZZqx4"]);
        assert_split(r#""\n\r\t\b\a\"\\""#, &["\\n\\r\\t\\x08\\x07\\\"\\\\"]);
        assert_split(r"'a\'b\n'", &["a\\'b\\\\n"]);
        assert_split("a\\nb", &["a\\\\nb"]);
        assert_split("a\0\"", &["a"]);
    }

    #[test]
    fn refuses_unbalanced_quotes() {
        for line in ["\"", "'", "\"a", "'a\\'", "\"a\"b", "'a'b", "a\"b\"c", "\"\\"] {
            assert_eq!(split(line), None, "{line}");
        }
    }

    #[test]
    fn quotes_as_redis() {
        assert_eq!(quote(b"a\\\"\n\r\t\x07\x08\0\x7f\xff~ "), r#""a\\\"\n\r\t\a\b\x00\x7f\xff~ ""#);
    }

    proptest! {
        #[test]
        fn splitting_undoes_quoting(args: Vec<Vec<u8>>) {
            let line = args.iter().map(|arg| quote(arg)).collect::<Vec<_>>().join(" ");
            prop_assert_eq!(split_args(line.as_bytes()), Some(args));
        }

        #[test]
        fn any_line_is_split_or_refused(line: Vec<u8>) {
            split_args(&line);
        }
    }
}
