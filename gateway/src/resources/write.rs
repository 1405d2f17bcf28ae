//! What PUT does to a key.

use std::borrow::Cow;

use axum::http::HeaderMap;
use resp::Reply;

use super::Problem;
use super::read::{Part, Words, words};
use super::representation::{self, Type};

/// How long a key is to live.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ttl {
    /// For ever.
    None,
    /// For so long, milliseconds.
    Ms(i64),
    /// As long as the one before would have.
    Keep,
}

impl Ttl {
    pub(super) fn of_seconds(text: &[u8]) -> Result<Self, Problem> {
        if text == b"keep" {
            return Ok(Self::Keep);
        }
        let seconds = base::number::parse_i64(text).filter(|seconds| *seconds > 0);
        let ms = seconds.and_then(|seconds| seconds.checked_mul(1000));
        ms.map(Self::Ms).ok_or_else(|| Problem::bad("ttl is a number of seconds above 0, or keep"))
    }

    pub(super) fn of_ms(text: &[u8]) -> Result<Self, Problem> {
        let ms = base::number::parse_i64(text).filter(|ms| *ms > 0);
        ms.map(Self::Ms).ok_or_else(|| Problem::bad("ttl_ms is a number of milliseconds above 0"))
    }

    /// What PTTL answered.
    pub(super) fn left(ms: i64) -> Self {
        if ms > 0 { Self::Ms(ms) } else { Self::None }
    }
}

/// A value on its way into a key.
pub(super) struct Put<'a> {
    key: &'a [u8],
    kind: Type,
    body: &'a [u8],
    words: Words<'a>,
    whole: Part,
}

impl<'a> Put<'a> {
    pub(super) fn new(key: &'a [u8], headers: &HeaderMap, body: &'a [u8]) -> Result<Self, Problem> {
        let kind = Type::of_body(headers);
        Ok(Self { key, kind, body, words: representation::words(kind, body)?, whole: Part::default() })
    }

    /// Whether its commands would forget a time to live that is to stay.
    pub(super) fn loses(&self, ttl: Ttl) -> bool {
        ttl == Ttl::Keep && self.kind != Type::String
    }

    /// First whether there is a key, last what it holds then.
    pub(super) fn commands(&'a self, ttl: Ttl) -> Vec<Words<'a>> {
        let key = self.key;
        let ms = if let Ttl::Ms(ms) = ttl { Some(Cow::from(ms.to_string().into_bytes())) } else { None };
        let mut commands = vec![words![b"EXISTS", key]];
        if self.kind == Type::String {
            let mut set = words![b"SET", key, self.body];
            match ms {
                Some(ms) => set.extend([Cow::from(&b"PX"[..]), ms]),
                None if ttl == Ttl::Keep => set.push(Cow::from(&b"KEEPTTL"[..])),
                None => {}
            }
            commands.push(set);
            return commands;
        }
        let name: &[u8] = match self.kind {
            Type::Hash => b"HSET",
            Type::Set => b"SADD",
            Type::Zset => b"ZADD",
            _ => b"RPUSH",
        };
        commands.push(words![b"DEL", key]);
        commands.push(words![name, key].into_iter().chain(self.words.iter().cloned()).collect());
        if let Some(ms) = ms {
            commands.push(vec![Cow::from(&b"PEXPIRE"[..]), Cow::from(key), ms]);
        }
        commands.push(self.whole.command(self.kind, key));
        commands
    }

    /// The entity tag of what is there now.
    pub(super) fn tag(&self, value: Option<Reply>) -> String {
        match (self.kind, value) {
            (Type::String, _) | (_, None) => representation::tag(self.kind, self.body),
            (kind, Some(value)) => representation::tag(kind, &representation::body(kind, &value)),
        }
    }
}
