//! Text of JSON, from any bytes.

/// Appends a name and its value's beginning: `,"name":`.
pub(crate) fn name(out: &mut Vec<u8>, name: &str) {
    if !matches!(out.last(), None | Some(b'{')) {
        out.push(b',');
    }
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

/// Appends a string. Bytes that are no UTF-8 appear as `\xff` does in Redis's texts; control characters, among them
/// those that terminals and log readers take for ends of lines, are escaped.
pub(crate) fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            push(out, letter);
        }
        for byte in chunk.invalid() {
            out.extend_from_slice(format!("\\\\x{byte:02x}").as_bytes());
        }
    }
    out.push(b'"');
}

fn push(out: &mut Vec<u8>, letter: char) {
    match letter {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        letter if letter.is_control() || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
            out.extend_from_slice(format!("\\u{:04x}", u32::from(letter)).as_bytes());
        }
        letter => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

/// Appends a list of strings.
pub(crate) fn list<'a>(out: &mut Vec<u8>, words: impl Iterator<Item = &'a [u8]>) {
    out.push(b'[');
    for (index, word) in words.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        string(out, word);
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    fn shown(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        super::string(&mut out, bytes);
        String::from_utf8(out).expect("always text")
    }

    #[test]
    fn any_bytes_are_text() {
        assert_eq!(shown(b"plain"), r#""plain""#);
        assert_eq!(shown(b"a\"b\\c\r\n\0\x1b[2J"), r#""a\"b\\c\r\n\u0000\u001b[2J""#);
        assert_eq!(shown(b"\xff\xfe"), r#""\\xff\\xfe""#);
        assert_eq!(shown("é\u{2028}\u{202e}\u{7f}".as_bytes()), "\"é\\u2028\\u202e\\u007f\"");
    }

    proptest! {
        #[test]
        fn nothing_ends_the_string_early(bytes: Vec<u8>) {
            let shown = shown(&bytes);
            let inner = &shown[1..shown.len() - 1];
            let mut letters = inner.chars();
            while let Some(letter) = letters.next() {
                prop_assert!(letter != '"' && !letter.is_control());
                if letter == '\\' {
                    let escape = letters.next();
                    prop_assert!(escape.is_some_and(|escape| "\"\\nrtu".contains(escape)));
                }
            }
        }
    }
}
