//! Values as bodies: strings as they are, everything else as JSON, in a type of its own so that what was read can be
//! written again.

use std::borrow::Cow;

use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use resp::Reply;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::Problem;

/// The types that a key can have here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Type {
    String,
    List,
    Hash,
    Set,
    Zset,
    Stream,
}

const TYPES: &[(&str, Type, &str)] = &[
    ("string", Type::String, "application/octet-stream"),
    ("list", Type::List, "application/vnd.stateless.list+json"),
    ("hash", Type::Hash, "application/vnd.stateless.hash+json"),
    ("set", Type::Set, "application/vnd.stateless.set+json"),
    ("zset", Type::Zset, "application/vnd.stateless.zset+json"),
    ("stream", Type::Stream, "application/vnd.stateless.stream+json"),
];

impl Type {
    /// What TYPE answers; None: no type that is shown here, or no key.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        TYPES.iter().find(|(known, ..)| known.as_bytes() == name).map(|(_, found, _)| *found)
    }

    /// The type of a body; whatever is none of ours is a string's.
    pub(super) fn of_body(headers: &HeaderMap) -> Self {
        let given = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        let given = given.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
        let is_it = |(_, _, media): &&(&str, Self, &str)| given.eq_ignore_ascii_case(media.as_bytes());
        TYPES.iter().find(is_it).map_or(Self::String, |(_, found, _)| *found)
    }

    /// Its media type. Of strings only who reads them knows it: a single type in Accept is taken at its word.
    pub(super) fn media_type(self, headers: &HeaderMap) -> HeaderValue {
        if self == Self::String
            && let Some(accept) = headers.get(ACCEPT)
            && accept.to_str().is_ok_and(|text| text.contains('/') && !text.contains(['*', ',']))
        {
            return accept.clone();
        }
        let media = TYPES.iter().find(|(_, known, _)| *known == self).map_or("", |(.., media)| *media);
        HeaderValue::from_static(media)
    }
}

/// A strong entity tag: a digest of what is sent.
pub(super) fn tag(kind: Type, body: &[u8]) -> String {
    use std::fmt::Write;
    let digest = Sha256::new().chain_update([kind as u8]).chain_update(body).finalize();
    digest[..16].iter().fold(String::from("\""), |mut tag, byte| {
        let _ = write!(tag, "{byte:02x}");
        tag
    }) + "\""
}

/// The body of a value.
pub(super) fn body(kind: Type, value: &Reply) -> Vec<u8> {
    let elements = match value {
        Reply::Array(elements) => &elements[..],
        other => return other.as_bytes().unwrap_or_default().to_vec(),
    };
    let list = |elements: &[Reply]| Value::Array(elements.iter().map(text).collect());
    let json = match kind {
        Type::Hash => fields(elements),
        Type::Set => {
            // The same members are the same body.
            let mut members: Vec<&Reply> = elements.iter().collect();
            members.sort_unstable_by_key(|member| member.as_bytes());
            Value::Array(members.into_iter().map(text).collect())
        }
        Type::Zset => {
            Value::Array(elements.chunks_exact(2).map(|pair| json!([text(&pair[0]), score(&pair[1])])).collect())
        }
        Type::Stream => Value::Array(elements.iter().map(entry).collect()),
        Type::String | Type::List => list(elements),
    };
    json.to_string().into_bytes()
}

/// A string, or `{"base64": ...}` where it is no UTF-8.
fn text(reply: &Reply) -> Value {
    let bytes = reply.as_bytes().unwrap_or_default();
    match str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => json!({ "base64": STANDARD.encode(bytes) }),
    }
}

/// A number; JSON has no infinite ones, so these stay words.
fn score(reply: &Reply) -> Value {
    let text = String::from_utf8_lossy(reply.as_bytes().unwrap_or_default());
    text.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map_or_else(|| text.as_ref().into(), Value::Number)
}

/// An object, or pairs where a name is no UTF-8; in the order of the names.
fn fields(elements: &[Reply]) -> Value {
    let mut pairs: Vec<&[Reply]> = elements.chunks_exact(2).collect();
    pairs.sort_unstable_by_key(|pair| pair[0].as_bytes());
    let is_text = |pair: &&[Reply]| pair[0].as_bytes().is_some_and(|name| str::from_utf8(name).is_ok());
    if !pairs.iter().all(is_text) {
        return Value::Array(pairs.iter().map(|pair| json!([text(&pair[0]), text(&pair[1])])).collect());
    }
    let name = |pair: &[Reply]| String::from_utf8_lossy(pair[0].as_bytes().unwrap_or_default()).into_owned();
    Value::Object(pairs.iter().map(|pair| (name(pair), text(&pair[1]))).collect::<Map<_, _>>())
}

fn entry(reply: &Reply) -> Value {
    match reply {
        Reply::Array(parts) => match &parts[..] {
            [id, Reply::Array(elements)] => json!({ "id": text(id), "fields": fields(elements) }),
            _ => Value::Null,
        },
        _ => Value::Null,
    }
}

/// The words that make a value of a body, behind command and key.
pub(super) fn words(kind: Type, body: &[u8]) -> Result<Vec<Cow<'_, [u8]>>, Problem> {
    let refuse = |why: &'static str| Err(Problem::bad(why));
    if kind == Type::String {
        return Ok(vec![body.into()]);
    }
    let json: Value =
        serde_json::from_slice(body).map_err(|error| Problem::bad(format!("the body is no JSON: {error}")))?;
    let mut words = Vec::new();
    match (kind, json) {
        (Type::List | Type::Set, Value::Array(elements)) => {
            for element in &elements {
                words.push(word(element)?);
            }
        }
        (Type::Hash, Value::Object(fields)) => {
            for (name, value) in &fields {
                words.extend([name.clone().into_bytes().into(), word(value)?]);
            }
        }
        (Type::Zset, Value::Object(members)) => {
            for (member, score) in &members {
                words.extend([number(score)?, member.clone().into_bytes().into()]);
            }
        }
        (Type::Hash | Type::Zset, Value::Array(pairs)) => {
            for pair in &pairs {
                let Some([first, second]) = pair.as_array().map(Vec::as_slice) else {
                    return refuse("each element of the body is to be a pair");
                };
                let first = word(first)?;
                words.extend(if kind == Type::Zset { [number(second)?, first] } else { [first, word(second)?] });
            }
        }
        (Type::Stream, _) => return refuse("a stream grows by XADD; it cannot be put as a whole"),
        _ => return refuse("the body's shape is not that of its type"),
    }
    if words.is_empty() { refuse("an empty value is no value: DELETE the key") } else { Ok(words) }
}

/// A score. It is checked here, for what cannot be added must not remove what was there.
fn number(value: &Value) -> Result<Cow<'static, [u8]>, Problem> {
    let score = word(value)?;
    let is_number = str::from_utf8(&score).is_ok_and(|text| text.parse::<f64>().is_ok_and(|number| !number.is_nan()));
    if is_number { Ok(score) } else { Err(Problem::bad("a score is a number")) }
}

/// A word of a value: a string, a number as it is spelled, or `{"base64": ...}`.
fn word(value: &Value) -> Result<Cow<'static, [u8]>, Problem> {
    let refuse = || Problem::bad("elements are strings, numbers or {\"base64\": \"...\"}");
    match value {
        Value::String(text) => Ok(text.clone().into_bytes().into()),
        Value::Number(number) => Ok(number.to_string().into_bytes().into()),
        Value::Object(parts) if parts.len() == 1 => {
            let text = parts.get("base64").and_then(Value::as_str).ok_or_else(refuse)?;
            Ok(STANDARD.decode(text).map_err(|_| refuse())?.into())
        }
        _ => Err(refuse()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(bytes: &[u8]) -> Reply {
        Reply::Bulk(bytes.to_vec())
    }

    fn there(kind: Type, words: &[&[u8]]) -> String {
        String::from_utf8(body(kind, &Reply::Array(words.iter().map(|word| bulk(word)).collect()))).expect("text")
    }

    fn back(kind: Type, body: &str) -> Vec<Vec<u8>> {
        words(kind, body.as_bytes()).expect("a value").into_iter().map(Cow::into_owned).collect()
    }

    #[test]
    fn values_go_there_and_back() {
        type Case = (Type, &'static [&'static [u8]], &'static str, &'static [&'static [u8]]);
        let cases: [Case; 5] = [
            (Type::List, &[b"a", b"\xff"], r#"["a",{"base64":"/w=="}]"#, &[b"a", b"\xff"]),
            (Type::Set, &[b"b", b"a"], r#"["a","b"]"#, &[b"a", b"b"]),
            (Type::Hash, &[b"g", b"2", b"f", b"1"], r#"{"f":"1","g":"2"}"#, &[b"f", b"1", b"g", b"2"]),
            (Type::Hash, &[b"\xff", b"1"], r#"[[{"base64":"/w=="},"1"]]"#, &[b"\xff", b"1"]),
            (Type::Zset, &[b"m", b"1.5", b"n", b"inf"], r#"[["m",1.5],["n","inf"]]"#, &[b"1.5", b"m", b"inf", b"n"]),
        ];
        for (kind, value, text, words) in cases {
            assert_eq!(there(kind, value), text);
            assert_eq!(back(kind, text), words);
        }
        assert_eq!(back(Type::Zset, r#"{"m": 2}"#), [b"2", b"m"]);
        assert_eq!(back(Type::String, "{"), [b"{"]);
    }

    #[test]
    fn streams_are_shown() {
        let fields = Reply::Array(vec![bulk(b"f"), bulk(b"v")]);
        let entry = Reply::Array(vec![bulk(b"1-0"), fields]);
        let shown = body(Type::Stream, &Reply::Array(vec![entry]));
        assert_eq!(shown, br#"[{"fields":{"f":"v"},"id":"1-0"}]"#);
    }

    #[test]
    fn bodies_that_are_no_value() {
        for (kind, body) in [
            (Type::List, "["),
            (Type::List, "[]"),
            (Type::List, "{}"),
            (Type::List, "[null]"),
            (Type::Set, r#"[{"base64":"!"}]"#),
            (Type::Hash, r#"[["a"]]"#),
            (Type::Zset, "3"),
            (Type::Zset, r#"{"m":"x"}"#),
            (Type::Stream, "[]"),
        ] {
            assert!(words(kind, body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn tags_are_of_content() {
        let of = |body: &[u8]| tag(Type::String, body);
        assert_eq!(of(b"a"), of(b"a"));
        assert_ne!(of(b"a"), of(b"b"));
        assert_ne!(of(b"[\"a\"]"), tag(Type::List, b"[\"a\"]"));
        assert!(of(b"").len() == 34 && of(b"").starts_with('"'));
    }
}
