//! REPLICAOF, its older name SLAVEOF, and FAILOVER. There is no replication here: this server is a master, stays one,
//! and says so where a command would make it anything else.

use commands_macros::command;

use crate::args::{Args, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply::Ok as Done;
use crate::spec::{ArgDoc, ArgType};

const HOST: ArgDoc = ArgDoc::new("host", ArgType::String);
const PORT: ArgDoc = ArgDoc::new("port", ArgType::Integer);
const ARGS: ArgDoc = ArgDoc::one_of(
    "args",
    &[
        ArgDoc::block("host-port", &[HOST, PORT]),
        ArgDoc::block("no-one", &[ArgDoc::token_only("no").token("NO"), ArgDoc::token_only("one").token("ONE")]),
    ],
);

/// Follows another server, or none.
#[command(
    "REPLICAOF",
    since = "5.0.0",
    complexity = "O(1)",
    flags(ADMIN | NOSCRIPT | STALE | NO_ASYNC_LOADING),
    alone(true),
    args(ARGS)
)]
pub(crate) fn replicaof(_: &mut Ctx, words: Rest) -> Result<Done> {
    follow(words.0)
}

/// Follows another server, or none: the older name of REPLICAOF.
#[command(
    "SLAVEOF",
    since = "1.0.0",
    complexity = "O(1)",
    flags(ADMIN | NOSCRIPT | STALE | NO_ASYNC_LOADING),
    alone(true),
    deprecated("5.0.0", "`REPLICAOF`"),
    args(ARGS)
)]
pub(crate) fn slaveof(_: &mut Ctx, words: Rest) -> Result<Done> {
    follow(words.0)
}

fn follow(mut words: Args) -> Result<Done> {
    let (host, port) = (words.word()?, words.word()?);
    if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
        return Ok(Done);
    }
    if base::number::parse_i64(port).is_none_or(|port| !(0..=65535).contains(&port)) {
        return Err(Error::Plain("ERR Invalid master port"));
    }
    Err(Error::Plain("ERR this server cannot follow another one: it has no replication"))
}

/// Hands over to a replica, of which there is none.
#[command(
    "FAILOVER",
    since = "6.2.0",
    complexity = "O(1)",
    flags(ADMIN | NOSCRIPT | STALE),
    alone(true),
    args(
        ArgDoc::block("target", &[HOST, PORT, ArgDoc::token_only("force").token("FORCE").optional()])
            .token("TO")
            .optional(),
        ArgDoc::token_only("abort").token("ABORT").optional(),
        ArgDoc::new("milliseconds", ArgType::Integer).token("TIMEOUT").optional()
    )
)]
pub(crate) fn failover(_: &mut Ctx, words: Rest) -> Result<Done> {
    let mut words = words.0;
    if words.len() == 1 && words.take_token("ABORT") {
        return Err(Error::Plain("ERR No failover in progress."));
    }
    let (mut has_target, mut has_time) = (false, false);
    while !words.is_empty() {
        if !has_time && words.len() > 1 && words.take_token("TIMEOUT") {
            let ms = base::number::parse_i64(words.word()?).ok_or(Error::NotAnInteger)?;
            if ms <= 0 {
                return Err(Error::Plain("ERR FAILOVER timeout must be greater than 0"));
            }
            has_time = true;
        } else if !has_target && words.len() > 2 && words.take_token("TO") {
            words.word()?;
            base::number::parse_i64(words.word()?).ok_or(Error::NotAnInteger)?;
            has_target = true;
        } else if !words.take_token("FORCE") {
            return Err(Error::Syntax);
        }
    }
    Err(Error::Plain("ERR FAILOVER requires connected replicas."))
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn a_master_it_is_and_stays() {
        check(
            "> REPLICAOF NO ONE\nOK\n> SLAVEOF no one\nOK\n> REPLICAOF no two\n(error) ERR Invalid master port\n\
             > REPLICAOF 127.0.0.1 65536\n(error) ERR Invalid master port\n\
             > REPLICAOF 127.0.0.1 1\n(error) ERR this server cannot follow another one: it has no replication",
        );
    }
}
