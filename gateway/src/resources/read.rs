//! What a key holds at one moment.

use std::borrow::Cow;

use axum::http::StatusCode;
use resp::Reply;

use super::Problem;
use super::representation::{self, Type};
use crate::session::{Session, write_request};

/// A command's words.
pub(super) type Words<'a> = Vec<Cow<'a, [u8]>>;

/// Types may change between two looks; who changes them this often is not waited for.
const LOOKS_MAX: usize = 4;

/// A part of a value, by the words of the command that reads it.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) start: Option<Vec<u8>>,
    pub(super) stop: Option<Vec<u8>>,
    pub(super) count: Option<Vec<u8>>,
}

/// See the module's head.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) kind: Type,
    /// What PTTL answers.
    pub(super) ttl_ms: i64,
    pub(super) body: Vec<u8>,
}

impl Found {
    /// Its entity tag.
    pub(super) fn tag(&self) -> String {
        representation::tag(self.kind, &self.body)
    }
}

/// Words of any kind as a command's.
macro_rules! words {
    ($($word:expr),* $(,)?) => { vec![$(std::borrow::Cow::<[u8]>::from(&$word[..])),*] };
}
pub(super) use words;

impl Part {
    /// The command that reads it.
    pub(super) fn command<'a>(&'a self, kind: Type, key: &'a [u8]) -> Words<'a> {
        let word = |given: &'a Option<Vec<u8>>, default: &'static [u8]| given.as_deref().unwrap_or(default);
        let is_whole = self.start.is_none() && self.stop.is_none();
        let (start, stop) = (word(&self.start, b"0"), word(&self.stop, b"-1"));
        match kind {
            Type::String if is_whole => words![b"GET", key],
            Type::String => words![b"GETRANGE", key, start, stop],
            Type::List => words![b"LRANGE", key, start, stop],
            Type::Zset => words![b"ZRANGE", key, start, stop, b"WITHSCORES"],
            Type::Hash => words![b"HGETALL", key],
            Type::Set => words![b"SMEMBERS", key],
            Type::Stream => {
                let mut command = words![b"XRANGE", key, word(&self.start, b"-"), word(&self.stop, b"+")];
                if let Some(count) = &self.count {
                    command.extend(words![b"COUNT", count]);
                }
                command
            }
        }
    }
}

/// Runs commands as one; None: a watched key changed, and nothing was done.
pub(super) async fn transaction(session: &mut Session, commands: &[Words<'_>]) -> Result<Option<Vec<Reply>>, Problem> {
    let mut request = Vec::new();
    write_request(&mut request, &["MULTI"]);
    commands.iter().for_each(|words| write_request(&mut request, words));
    write_request(&mut request, &["EXEC"]);
    let replies = session.ask(&request, commands.len() + 2).await?;
    // The first refusal says more than that all was discarded.
    for reply in replies.parsed() {
        if let Reply::Array(outcomes) = Problem::refuse(reply)? {
            return Ok(Some(outcomes));
        }
    }
    Ok(None)
}

/// Runs commands one after the other.
async fn sequence(session: &mut Session, commands: &[Words<'_>]) -> Result<Vec<Reply>, Problem> {
    let mut request = Vec::new();
    commands.iter().for_each(|words| write_request(&mut request, words));
    Ok(session.ask(&request, commands.len()).await?.parsed().collect())
}

/// Reads a key; None: there is none. One that is watched needs no transaction, which would end the watch: whatever
/// changes it meanwhile spoils what is done about it.
pub(super) async fn read(
    session: &mut Session,
    key: &[u8],
    part: &Part,
    is_watched: bool,
) -> Result<Option<Found>, Problem> {
    let mut kind = Type::String;
    for _ in 0..LOOKS_MAX {
        let commands = [words![b"TYPE", key], words![b"PTTL", key], part.command(kind, key)];
        let outcomes = if is_watched {
            sequence(session, &commands).await?
        } else {
            transaction(session, &commands).await?.unwrap_or_default()
        };
        let Ok([name, ttl, value]) = <[Reply; 3]>::try_from(outcomes) else { continue };
        let name = Problem::refuse(name)?;
        let name = name.as_bytes().unwrap_or_default();
        if name == b"none" {
            return Ok(None);
        }
        let Some(now) = Type::named(name) else {
            let name = String::from_utf8_lossy(name);
            return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, format!("a value of type {name} has no form here")));
        };
        if now != kind {
            kind = now;
            continue;
        }
        let value = Problem::refuse(value)?;
        let ttl_ms = if let Reply::Int(ms) = ttl { ms } else { -1 };
        return Ok(Some(Found { kind, ttl_ms, body: representation::body(kind, &value) }));
    }
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the key keeps changing its type"))
}
