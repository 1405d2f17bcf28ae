//! SYNC, PSYNC and REPLCONF. There is no replication here, but a snapshot goes to whoever wants nothing else: that is
//! how `redis-cli --rdb` and `--functions-rdb` fetch one.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use commands_macros::command;
use settings::LogLevel;

use crate::args::Rest;
use crate::client::{Shared, signal};
use crate::ctx::Ctx;
use crate::error::{Error, Otherwise, Result, Wait};
use crate::node::Node;
use crate::spec::{ArgDoc, ArgType};

/// Bytes that are sent at a time.
const CHUNK_LEN: usize = 1 << 20;
/// Bytes that wait for the client to read them, at most.
const WAITING_MAX: usize = 4 << 20;
/// Who reads nothing for so long has gone.
const STALLED_MAX: Duration = Duration::from_secs(60);
const NAP: Duration = Duration::from_millis(1);
const NO_REPLICATION: Error = Error::Plain(
    "ERR this server has no replication. It sends a snapshot, and nothing after it, to a client that has said REPLCONF \
     rdb-only 1",
);

/// Says something about a connection that is to be a replica.
#[command(
    "REPLCONF",
    since = "3.0.0",
    complexity = "O(1)",
    flags(ADMIN | NOSCRIPT | LOADING | STALE | ALLOW_BUSY | SYSTEM),
    arity(-1),
    args()
)]
pub(crate) fn replconf(ctx: &mut Ctx, words: Rest) -> Result<()> {
    let mut words = words.0;
    if !words.len().is_multiple_of(2) {
        return Err(Error::Syntax);
    }
    while !words.is_empty() {
        let (name, value) = (words.word()?, words.word()?);
        match &*name.to_ascii_lowercase() {
            b"listening-port" => number(value).map(drop)?,
            b"ip-address" | b"capa" => {}
            b"rdb-only" => ctx.client.snapshot_wish.is_all = is_on(value)?,
            // It would be a second connection beside the one of changes.
            b"rdb-channel" => is_on(value).map(drop)?,
            b"rdb-filter-only" => ctx.client.snapshot_wish.only_functions = has_functions(value)?,
            // Of replicas that follow: no reply.
            b"ack" | b"getack" => return Ok(()),
            _ => {
                let name = String::from_utf8_lossy(name);
                return Err(Error::text(format!("ERR Unrecognized REPLCONF option: {name}")));
            }
        }
    }
    ctx.out.ok();
    Ok(())
}

fn number(value: &[u8]) -> Result<i64> {
    base::number::parse_i64(value).ok_or(Error::NotAnInteger)
}

fn is_on(value: &[u8]) -> Result<bool> {
    match number(value)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Error::Plain("ERR value is out of range, value must between 0 and 1")),
    }
}

/// The filter's words; none is no filter.
fn has_functions(value: &[u8]) -> Result<bool> {
    let words = base::quote::split_args(value).ok_or(Error::Plain("ERR Missing rdb-filter-only values"))?;
    match words.iter().find(|word| !word.eq_ignore_ascii_case(b"functions")) {
        Some(other) => {
            let other = String::from_utf8_lossy(other);
            Err(Error::text(format!("ERR Unsupported rdb-filter-only option: {other}")))
        }
        None => Ok(!words.is_empty()),
    }
}

/// Sends a snapshot.
#[command("SYNC", since = "1.0.0", flags(ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI))]
pub(crate) fn sync(ctx: &mut Ctx) -> Result<()> {
    send_snapshot(ctx, Bytes::new())
}

/// Sends a snapshot, and says before it which one it is: nobody has a part of it already, whatever he names.
#[command(
    "PSYNC",
    since = "2.8.0",
    flags(ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI),
    arity(-3),
    args(ArgDoc::new("replicationid", ArgType::String), ArgDoc::new("offset", ArgType::Integer))
)]
pub(crate) fn psync(ctx: &mut Ctx, _place: Rest) -> Result<()> {
    let id = ctx.node.monitoring.replication_id.lock().to_string();
    send_snapshot(ctx, format!("+FULLRESYNC {id} 0\r\n").into())
}

fn send_snapshot(ctx: &mut Ctx, head: Bytes) -> Result<()> {
    let wish = ctx.client.snapshot_wish;
    if !wish.is_all {
        return Err(NO_REPLICATION);
    }
    let node = ctx.node.arc().ok_or(Error::Plain("ERR the server is going down"))?;
    let transfer = Transfer { node, to: ctx.client.shared.clone() };
    let run = move || {
        if let Err(error) = transfer.send(head, wish.only_functions) {
            let text = format!("A snapshot did not reach the client that wanted it: {error}");
            transfer.node.host().log(LogLevel::Warning, &text);
        }
        // As in Redis: that was all it wanted, and half a snapshot is to be seen as that.
        transfer.to.raise(signal::CLOSE);
    };
    std::thread::Builder::new().name("sync".into()).spawn(run).map_err(|_| Error::Plain("ERR"))?;
    Err(Error::Wait(Wait { until_ms: None, otherwise: Otherwise::Null }))
}

/// A snapshot on its way to a client, who waits.
struct Transfer {
    node: Arc<Node>,
    to: Arc<Shared>,
}

impl Transfer {
    fn send(&self, head: Bytes, only_functions: bool) -> io::Result<()> {
        if !head.is_empty() {
            self.push(head)?;
        }
        if only_functions {
            let bytes = self.node.functions_file()?;
            self.push(format!("${}\r\n", bytes.len()).into())?;
            return self.push_all(&bytes[..]);
        }
        let path = self.path();
        let written = loop {
            match self.node.save_apart(path.clone()) {
                // Another snapshot is taken, or the log rewritten.
                None => self.nap()?,
                Some(written) => break written,
            }
        };
        written.map_err(io::Error::other)?;
        let file = File::open(&path);
        // It is gone when nobody reads it any more.
        std::fs::remove_file(&path)?;
        let file = file?;
        self.push(format!("${}\r\n", file.metadata()?.len()).into())?;
        self.push_all(file)
    }

    fn path(&self) -> PathBuf {
        let name = format!("temp-sync-{}-{}.rdb", std::process::id(), self.to.id);
        self.node.snapshot_path().with_file_name(name)
    }

    fn push_all(&self, mut from: impl Read) -> io::Result<()> {
        loop {
            let mut chunk = Vec::with_capacity(CHUNK_LEN);
            if from.by_ref().take(CHUNK_LEN as u64).read_to_end(&mut chunk)? == 0 {
                return Ok(());
            }
            self.push(chunk.into())?;
        }
    }

    /// Sends some bytes once the client has read enough of those before.
    fn push(&self, bytes: Bytes) -> io::Result<()> {
        let (mut since, mut waiting) = (Instant::now(), usize::MAX);
        while self.to.output_bytes() > WAITING_MAX {
            if self.to.output_bytes() != waiting {
                (since, waiting) = (Instant::now(), self.to.output_bytes());
            } else if since.elapsed() > STALLED_MAX {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.nap()?;
        }
        self.to.send(bytes);
        Ok(())
    }

    fn nap(&self) -> io::Result<()> {
        if !self.node.clients.contains_key(&self.to.id) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        std::thread::sleep(NAP);
        Ok(())
    }
}
