//! How an answer is to look, by the request's headers.

use axum::http::HeaderMap;

use crate::json::Strings;

/// See the module's head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Format {
    /// JSON.
    Json(Strings),
    /// The protocol's own bytes.
    Resp2,
}

impl Format {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, &'static str> {
        let is = |name: &str, value: &str| {
            headers.get(name).map(|given| given.as_bytes().eq_ignore_ascii_case(value.as_bytes()))
        };
        // Other encodings are none of ours, and are left alone as Upstash leaves them.
        let is_base64 = is("upstash-encoding", "base64").unwrap_or(false);
        let strings = if is_base64 { Strings::Base64 } else { Strings::Plain };
        match (is("upstash-response-format", "resp2"), is("upstash-response-format", "json")) {
            (None, _) | (_, Some(true)) => Ok(Self::Json(strings)),
            (Some(true), _) if is_base64 => {
                Err("ERR Upstash-Encoding: base64 does not go with Upstash-Response-Format: resp2")
            }
            (Some(true), _) => Ok(Self::Resp2),
            _ => Err("ERR Upstash-Response-Format is json or resp2"),
        }
    }

    /// How JSON spells strings, where only that is answered.
    pub(super) fn strings(self) -> Strings {
        match self {
            Self::Json(strings) => strings,
            Self::Resp2 => Strings::Plain,
        }
    }
}
