//! Plays a sequence on one server and keeps what could be seen of it.

use super::generate::{Sequence, Step};
use super::templates::KEYS;
use super::{missing, normalise};
use crate::connection::{Connection, PATIENCE, encode};
use crate::target::Target;
use crate::transcript::parse::Proto;
use resp::Reply;
use std::time::Duration;

/// Long enough for the deadlines of 10 ms that templates set.
pub(super) const WAIT_MS: u64 = 16;

/// What a key holds in the end.
pub struct KeyState {
    pub key: String,
    pub kind: String,
    pub encoding: String,
    pub contents: Reply,
    pub ttl_ms: i64,
}

/// Everything that one run showed.
pub struct Trace {
    /// One per step.
    pub replies: Vec<Reply>,
    pub state: Vec<KeyState>,
    /// `channel message`, in the order of their arrival.
    pub events: Vec<String>,
}

/// One of the two servers, with its connections.
pub struct Side<'a> {
    target: &'a dyn Target,
    proto: Proto,
    connections: Vec<Connection>,
    events: Connection,
    inspector: Connection,
}

impl<'a> Side<'a> {
    /// Connects to `target` and switches its keyspace events on.
    pub fn new(target: &'a dyn Target, proto: Proto) -> Side<'a> {
        let mut inspector = target.client();
        let _shows_as_missing_events = inspector.words("CONFIG SET notify-keyspace-events KEA");
        let mut events = target.client();
        let _shows_as_missing_events = events.words("PSUBSCRIBE __key*__:*");
        Side { target, proto, connections: Vec::new(), events, inspector }
    }

    /// The server's name.
    pub fn name(&self) -> &str {
        self.target.name()
    }

    /// Plays `sequence` on an empty server.
    pub fn play(&mut self, sequence: &Sequence) -> Trace {
        let _shows_in_the_state = self.inspector.words("FLUSHALL");
        for (name, value) in sequence.settings() {
            let _unknown_to_old_servers = self.inspector.call(&["CONFIG", "SET", name, value]);
        }
        self.connections = (0..2).map(|_| self.client()).collect();
        self.drain_events("__keystart__:");
        let steps: Vec<&Step> = sequence.units.iter().flatten().collect();
        let mut replies = Vec::with_capacity(steps.len());
        for batch in batches(&steps, sequence.batch) {
            self.send_batch(batch, &mut replies);
        }
        self.connections.clear();
        let state = KEYS.iter().map(|key| self.inspect(key)).collect();
        Trace { replies, state, events: self.drain_events("__keyend__:") }
    }

    fn client(&self) -> Connection {
        let mut client = self.target.client();
        if self.proto == Proto::Resp3 {
            let _shows_in_the_replies = client.words("HELLO 3");
        }
        client
    }

    fn send_batch(&mut self, batch: &[&Step], replies: &mut Vec<Reply>) {
        let Step::Send { connection, .. } = batch[0] else {
            std::thread::sleep(Duration::from_millis(WAIT_MS));
            replies.push(Reply::Null);
            return;
        };
        let connection = &mut self.connections[*connection];
        let mut bytes = Vec::new();
        for step in batch {
            if let Step::Send { argv, .. } = step {
                encode(argv, &mut bytes);
            }
        }
        connection.send_raw(&bytes);
        replies.extend(batch.iter().map(|_| connection.read(PATIENCE).unwrap_or_else(|e| missing(&e.to_string()))));
    }

    fn inspect(&mut self, key: &str) -> KeyState {
        let kind = self.ask("TYPE", key).to_cli();
        let contents = match &kind[..] {
            "string" => self.ask("GET", key),
            "list" => self.ask("LRANGE", &format!("{key} 0 -1")),
            "set" => self.ask("SMEMBERS", key),
            "hash" => self.ask("HGETALL", key),
            "zset" => self.ask("ZRANGE", &format!("{key} 0 -1 WITHSCORES")),
            _ => Reply::Null,
        };
        let command = Step::Send { connection: 0, argv: vec![if kind == "hash" { "HGETALL" } else { "KEYS" }.into()] };
        let contents = match &kind[..] {
            "set" | "hash" => normalise::replies(&[&command], &[contents]).remove(0),
            _ => contents,
        };
        let ttl_ms = if let Reply::Int(ms) = self.ask("PTTL", key) { ms } else { i64::MIN };
        let encoding = self.ask("OBJECT ENCODING", key).to_cli();
        KeyState { key: key.into(), encoding, kind, contents, ttl_ms }
    }

    fn ask(&mut self, command: &str, rest: &str) -> Reply {
        self.inspector.words(&format!("{command} {rest}")).unwrap_or_else(|e| missing(&e.to_string()))
    }

    /// The events up to now: everything that arrives before a message which is sent now.
    fn drain_events(&mut self, channel: &str) -> Vec<String> {
        let _shows_as_missing_events = self.inspector.call(&["PUBLISH", channel, ""]);
        let mut events = Vec::new();
        loop {
            let Ok(Reply::Array(parts)) = self.events.read(PATIENCE) else {
                events.push("(the last message did not come)".into());
                return events;
            };
            let text = |i: usize| match parts.get(i) {
                Some(Reply::Bulk(text)) => String::from_utf8_lossy(text).into_owned(),
                _ => String::new(),
            };
            if text(2) == channel {
                return events;
            }
            if text(0) == "pmessage" {
                events.push(format!("{} {}", text(2), text(3)));
            }
        }
    }
}

/// Steps that may be written at once: on one connection, at most `size`, with no wait among them.
fn batches<'s, 'a>(mut steps: &'s [&'a Step], size: usize) -> Vec<&'s [&'a Step]> {
    let on = |step: &Step| if let Step::Send { connection, .. } = step { Some(*connection) } else { None };
    let mut out = Vec::new();
    while let Some(first) = steps.first() {
        let same = steps.iter().take(size).take_while(|step| on(step).is_some() && on(step) == on(first)).count();
        let (batch, rest) = steps.split_at(same.max(1));
        out.push(batch);
        steps = rest;
    }
    out
}
