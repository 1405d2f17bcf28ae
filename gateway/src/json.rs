//! Commands from JSON, and replies to JSON, as the contract of Upstash has them.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use resp::Reply;
use serde_json::value::RawValue;

/// How strings are spelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Strings {
    /// As they are; what is no UTF-8 is replaced.
    Plain,
    /// In base64, all but OK.
    Base64,
}

/// A command's words.
pub(crate) type Words<'a> = Vec<Cow<'a, [u8]>>;

/// One command: an array of words.
pub(crate) fn command(body: &[u8]) -> Result<Words<'_>, String> {
    let words: Vec<&RawValue> = serde_json::from_slice(body).map_err(|error| fault(&error))?;
    into_words(words)
}

/// Several: an array of such arrays.
pub(crate) fn commands(body: &[u8]) -> Result<Vec<Words<'_>>, String> {
    let commands: Vec<Vec<&RawValue>> = serde_json::from_slice(body).map_err(|error| fault(&error))?;
    commands.into_iter().map(into_words).collect()
}

fn fault(error: &serde_json::Error) -> String {
    format!("ERR failed to parse the body as JSON: {error}")
}

fn into_words(values: Vec<&RawValue>) -> Result<Words<'_>, String> {
    if values.is_empty() {
        return Err("ERR empty command".into());
    }
    values.into_iter().map(word).collect()
}

/// A string's content; everything else as it is spelled.
fn word(value: &RawValue) -> Result<Cow<'_, [u8]>, String> {
    let text = value.get();
    let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return Ok(text.as_bytes().into());
    };
    if !inner.contains('\\') {
        return Ok(inner.as_bytes().into());
    }
    let content: String = serde_json::from_str(text).map_err(|error| fault(&error))?;
    Ok(content.into_bytes().into())
}

/// `{"result": ...}`, or `{"error": ...}`.
pub(crate) fn push_outcome(out: &mut Vec<u8>, reply: &Reply, strings: Strings) {
    if let Reply::Error(text) = reply {
        push_error(out, &String::from_utf8_lossy(text));
        return;
    }
    out.extend_from_slice(b"{\"result\":");
    push(out, reply, strings);
    out.push(b'}');
}

/// `{"error": ...}`
pub(crate) fn push_error(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(b"{\"error\":");
    push_text(out, text);
    out.push(b'}');
}

/// A string.
pub(crate) fn push_text(out: &mut Vec<u8>, text: &str) {
    // A `Vec` takes everything.
    let _ = serde_json::to_writer(&mut *out, text);
}

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8], strings: Strings) {
    match strings {
        Strings::Base64 if bytes != b"OK" => push_text(out, &STANDARD.encode(bytes)),
        _ => push_text(out, &String::from_utf8_lossy(bytes)),
    }
}

/// A reply, in the shapes of RESP2: maps are flat.
fn push(out: &mut Vec<u8>, reply: &Reply, strings: Strings) {
    match reply {
        Reply::Null | Reply::NullBulk | Reply::NullArray => out.extend_from_slice(b"null"),
        Reply::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Reply::Bool(is) => out.extend_from_slice(if *is { b"1" } else { b"0" }),
        Reply::Simple(text)
        | Reply::Bulk(text)
        | Reply::Double(text)
        | Reply::BigNumber(text)
        | Reply::Verbatim(_, text)
        | Reply::Malformed(text) => push_bytes(out, text, strings),
        Reply::Error(text) => push_error(out, &String::from_utf8_lossy(text)),
        Reply::Array(elements) | Reply::Set(elements) | Reply::Push(elements) => {
            push_list(out, elements.iter(), strings);
        }
        Reply::Map(pairs) => push_list(out, pairs.iter().flat_map(|(key, value)| [key, value]), strings),
        Reply::Attributed(_, reply) => push(out, reply, strings),
    }
}

fn push_list<'a>(out: &mut Vec<u8>, elements: impl Iterator<Item = &'a Reply>, strings: Strings) {
    out.push(b'[');
    for (index, element) in elements.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push(out, element, strings);
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(raw: &[u8], strings: Strings) -> String {
        let mut out = Vec::new();
        push_outcome(&mut out, &resp::parse_reply(raw).expect("a whole reply").0, strings);
        String::from_utf8(out).expect("JSON is text")
    }

    #[test]
    fn words_keep_their_spelling() {
        let words = command(br#"["SET", "k\u00e9\n", 1.50, -7, true, null, {"a": [1]}]"#).expect("JSON");
        let words: Vec<_> = words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        assert_eq!(words, ["SET", "k\u{e9}\n", "1.50", "-7", "true", "null", "{\"a\": [1]}"]);
        assert_eq!(commands(br#"[["A"],["B","c"]]"#).expect("JSON").len(), 2);
    }

    #[test]
    fn what_is_no_command() {
        for body in ["", "[]", "{}", "\"GET\"", "[\"GET\"", "[\"\\ud800\"]", "[\"a\"] x", "null"] {
            assert!(command(body.as_bytes()).is_err(), "{body}");
        }
        for body in ["[[]]", "[\"GET\"]", "[[\"GET\"], null]"] {
            assert!(commands(body.as_bytes()).is_err(), "{body}");
        }
        assert_eq!(commands(b"[]"), Ok(Vec::new()));
    }

    #[test]
    fn replies() {
        for (raw, plain, base64) in [
            (&b"+OK\r\n"[..], r#"{"result":"OK"}"#, r#"{"result":"OK"}"#),
            (b"+PONG\r\n", r#"{"result":"PONG"}"#, r#"{"result":"UE9ORw=="}"#),
            (b":-3\r\n", r#"{"result":-3}"#, r#"{"result":-3}"#),
            (b"$-1\r\n", r#"{"result":null}"#, r#"{"result":null}"#),
            (b"$2\r\n\"\xff\r\n", "{\"result\":\"\\\"\u{fffd}\"}", r#"{"result":"Iv8="}"#),
            (b"*2\r\n$1\r\na\r\n*1\r\n$-1\r\n", r#"{"result":["a",[null]]}"#, r#"{"result":["YQ==",[null]]}"#),
            (b"%1\r\n+a\r\n#t\r\n", r#"{"result":["a",1]}"#, r#"{"result":["YQ==",1]}"#),
            (b"-ERR \"no\"\r\n", r#"{"error":"ERR \"no\""}"#, r#"{"error":"ERR \"no\""}"#),
        ] {
            assert_eq!(told(raw, Strings::Plain), plain);
            assert_eq!(told(raw, Strings::Base64), base64);
        }
    }
}
