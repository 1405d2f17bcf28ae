//! Plays a sequence on one server: commands in a pipeline, except around a client that waits.

use super::values::KEYS;
use crate::connection::{Connection, NoReply, PATIENCE, encode};
use crate::model::generate::{Sequence, Step, Unit};
use crate::model::normalise;
use crate::target::Target;
use crate::transcript::parse::Proto;
use resp::Reply;
use std::time::{Duration, Instant};

/// Commands written at a time.
const BATCH: usize = 40;

/// What one run showed.
pub struct Trace {
    /// One for each step.
    pub replies: Vec<Reply>,
    /// What each key is in the end: its type, encoding, time to live and contents.
    pub state: Vec<[Reply; 4]>,
    /// How many keys each database has.
    pub sizes: String,
}

/// One of the two servers.
pub struct Side<'a> {
    target: &'a dyn Target,
    proto: Proto,
    clients: Vec<Connection>,
    /// The second client's id, by which it is let go.
    waiter: Vec<u8>,
    inspector: Connection,
}

impl<'a> Side<'a> {
    pub fn new(target: &'a dyn Target, proto: Proto) -> Side<'a> {
        Side { target, proto, clients: Vec::new(), waiter: Vec::new(), inspector: target.client() }
    }

    pub fn name(&self) -> &str {
        self.target.name()
    }

    /// Plays `sequence` on an empty server.
    pub fn play(&mut self, sequence: &Sequence) -> Trace {
        for line in ["FLUSHALL", "SCRIPT FLUSH", "CONFIG SET proto-max-bulk-len 1mb"] {
            let _shows_in_the_state = self.inspector.words(line);
        }
        for (name, value) in sequence.settings() {
            let _unknown_to_old_servers = self.inspector.call(&["CONFIG", "SET", name, value]);
        }
        self.clients = (0..2).map(|_| self.client()).collect();
        if let Ok(Reply::Int(id)) = self.clients[1].words("CLIENT ID") {
            self.waiter = id.to_string().into();
        }
        let mut replies = Vec::new();
        let mut units = &sequence.units[..];
        while !units.is_empty() {
            let (mut count, mut steps) = (0, 0);
            while count < units.len() && steps < BATCH && !units[count].iter().any(waits) {
                steps += units[count].len();
                count += 1;
            }
            let (batch, rest) = units.split_at(count);
            self.pipeline(batch, &mut replies);
            units = rest;
            if let Some((unit, rest)) = units.split_first()
                && unit.iter().any(waits)
            {
                self.beside(unit, &mut replies);
                units = rest;
            }
        }
        self.clients.clear();
        let (state, sizes) = (self.state(), self.sizes());
        Trace { replies, state, sizes }
    }

    fn client(&self) -> Connection {
        let mut client = self.target.client();
        if self.proto == Proto::Resp3 {
            let _shows_in_the_replies = client.words("HELLO 3");
        }
        client
    }

    fn pipeline(&mut self, units: &[Unit], replies: &mut Vec<Reply>) {
        let client = &mut self.clients[0];
        let steps = units.iter().flatten();
        let mut bytes = Vec::new();
        for step in steps.clone() {
            if let Step::Send { argv, .. } = step {
                encode(argv, &mut bytes);
            }
        }
        client.send_raw(&bytes);
        replies.extend(steps.map(|_| client.read(PATIENCE).unwrap_or_else(absent)));
    }

    /// A unit whose first command may wait: the others come when it does, and in the end it is let go.
    fn beside(&mut self, unit: &[Step], replies: &mut Vec<Reply>) {
        let at = replies.len();
        replies.extend(unit.iter().map(|_| Reply::Null));
        let mut pending = None;
        for (index, step) in unit.iter().enumerate() {
            let Step::Send { connection, argv } = step else { continue };
            let client = &mut self.clients[*connection];
            client.send(argv);
            if *connection == 0 {
                replies[at + index] = client.read(PATIENCE).unwrap_or_else(absent);
            } else if let Some(reply) = self.reply_or_wait() {
                replies[at + index] = reply;
            } else {
                pending = Some(at + index);
            }
        }
        let Some(index) = pending else { return };
        replies[index] = match self.reply_or_wait() {
            Some(reply) => reply,
            None => {
                let _gone_meanwhile = self.inspector.call(&[b"CLIENT", &b"UNBLOCK"[..], &self.waiter]);
                self.clients[1].read(PATIENCE).unwrap_or_else(absent)
            }
        };
    }

    /// The second client's reply; None once it waits for keys.
    fn reply_or_wait(&mut self) -> Option<Reply> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.clients[1].read(Duration::from_millis(1)) {
                Ok(reply) => return Some(reply),
                Err(NoReply::Closed) => return Some(absent(NoReply::Closed)),
                Err(NoReply::Silence) if Instant::now() > deadline => return Some(absent(NoReply::Silence)),
                Err(NoReply::Silence) => {}
            }
            let listed = self.inspector.call(&[b"CLIENT", &b"LIST"[..], b"ID", &self.waiter]);
            let listed = listed.map(|reply| String::from_utf8_lossy(reply.as_bytes().unwrap_or_default()).into_owned());
            if listed.is_ok_and(|line| line.contains(" flags=b ")) {
                return None;
            }
        }
    }

    fn state(&mut self) -> Vec<[Reply; 4]> {
        let heads: Vec<[Vec<&[u8]>; 3]> = KEYS
            .iter()
            .map(|key| {
                [
                    vec![&b"TYPE"[..], key.as_bytes()],
                    vec![b"OBJECT", b"ENCODING", key.as_bytes()],
                    vec![b"PTTL", key.as_bytes()],
                ]
            })
            .collect();
        let heads = self.ask(heads.iter().flatten());
        let reads: Vec<Vec<&[u8]>> = KEYS
            .iter()
            .zip(heads.chunks(3))
            .map(|(key, head)| reading(head[0].as_bytes().unwrap_or_default(), key))
            .collect();
        let contents = self.ask(reads.iter());
        let steps: Vec<Step> = reads
            .iter()
            .map(|words| Step::Send { connection: 0, argv: words.iter().map(|word| word.to_vec()).collect() })
            .collect();
        let contents = normalise::replies(&steps.iter().collect::<Vec<_>>(), &contents);
        let states = heads.chunks(3).zip(contents);
        states.map(|(head, contents)| [head[0].clone(), head[1].clone(), head[2].clone(), contents]).collect()
    }

    fn ask<'w>(&mut self, requests: impl Iterator<Item = &'w Vec<&'w [u8]>>) -> Vec<Reply> {
        let mut bytes = Vec::new();
        let count = requests.map(|words| encode(words, &mut bytes)).count();
        self.inspector.send_raw(&bytes);
        (0..count).map(|_| self.inspector.read(PATIENCE).unwrap_or_else(absent)).collect()
    }

    fn sizes(&mut self) -> String {
        let info = self.inspector.words("INFO keyspace").unwrap_or_else(absent);
        let text = String::from_utf8_lossy(info.as_bytes().unwrap_or_default()).into_owned();
        let lines = text.lines().filter_map(|line| line.split(',').next()).filter(|line| line.starts_with("db"));
        lines.collect::<Vec<_>>().join(" ")
    }
}

/// The command that shows all of a value.
fn reading<'k>(kind: &[u8], key: &'k str) -> Vec<&'k [u8]> {
    let key = key.as_bytes();
    match kind {
        b"string" => vec![b"GET", key],
        b"list" => vec![b"LRANGE", key, b"0", b"-1"],
        b"set" => vec![b"SMEMBERS", key],
        b"hash" => vec![b"HGETALL", key],
        b"zset" => vec![b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"],
        b"stream" => vec![b"XINFO", b"STREAM", key, b"FULL", b"COUNT", b"0"],
        _ => vec![b"EXISTS", key],
    }
}

fn waits(step: &Step) -> bool {
    matches!(step, Step::Send { connection: 1, .. })
}

fn absent(why: NoReply) -> Reply {
    Reply::Error(format!("no reply: {why}").into_bytes())
}
