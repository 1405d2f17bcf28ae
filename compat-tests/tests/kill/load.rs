//! One connection's writes, and what its keys must be after them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, Read, Write};
use std::net::TcpStream;

use resp::{Reply, parse_reply};

use super::server::Server;

/// A connection's keys, as requests leave them.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
struct State {
    text: Option<u64>,
    list: VecDeque<u64>,
    set: BTreeSet<u64>,
    hash: BTreeMap<u64, u64>,
    scores: BTreeMap<u64, u64>,
    count: u64,
    /// The two halves of a transaction, in different shards.
    halves: (Option<u64>, Option<u64>),
    stream: u64,
}

/// See the module's head.
pub(crate) struct Writer {
    index: usize,
    /// After the requests that were answered.
    state: State,
    /// The number of the first request that is not in `state`.
    next: u64,
    /// How many requests from there on were sent.
    under_way: u64,
    /// Requests that were answered in all.
    pub(crate) answered: u64,
}

type Words = Vec<String>;

fn words(text: &str) -> Words {
    text.split(' ').map(str::to_owned).collect()
}

/// The commands of request `i`: a transaction has several.
fn request(writer: usize, i: u64) -> Vec<Words> {
    let (w, field) = (writer, i % 40);
    let lines = match i % 9 {
        0 => vec![format!("SET {w}:text {i}")],
        1 => vec![format!("RPUSH {w}:list {i}")],
        2 => vec![format!("SADD {w}:set {}", i % 200)],
        3 => vec![format!("HSET {w}:hash {field} {i}")],
        4 => vec![format!("ZADD {w}:scores {i} {field}")],
        5 => vec![format!("INCR {w}:count")],
        6 if i.is_multiple_of(2) => vec![format!("LPOP {w}:list")],
        6 => vec![format!("SREM {w}:set {}", (i + 50) % 200)],
        7 => vec![format!("XADD {w}:stream * i {i}")],
        _ => vec![
            "MULTI".to_owned(),
            format!("SET {w}:left {i}"),
            format!("SET {w}:right {i}"),
            format!("INCR {w}:count"),
            "EXEC".to_owned(),
        ],
    };
    lines.iter().map(|line| words(line)).collect()
}

impl State {
    fn apply(&mut self, i: u64) {
        let field = i % 40;
        match i % 9 {
            0 => self.text = Some(i),
            1 => self.list.push_back(i),
            2 => drop(self.set.insert(i % 200)),
            3 => drop(self.hash.insert(field, i)),
            4 => drop(self.scores.insert(field, i)),
            5 => self.count += 1,
            6 if i.is_multiple_of(2) => drop(self.list.pop_front()),
            6 => drop(self.set.remove(&((i + 50) % 200))),
            7 => self.stream += 1,
            _ => {
                self.halves = (Some(i), Some(i));
                self.count += 1;
            }
        }
    }

    fn read(stream: &mut TcpStream, w: usize) -> io::Result<Self> {
        let lines = [
            format!("GET {w}:text"),
            format!("LRANGE {w}:list 0 -1"),
            format!("SMEMBERS {w}:set"),
            format!("HGETALL {w}:hash"),
            format!("ZRANGE {w}:scores 0 -1 WITHSCORES"),
            format!("GET {w}:count"),
            format!("GET {w}:left"),
            format!("GET {w}:right"),
            format!("XLEN {w}:stream"),
        ];
        let commands: Vec<Words> = lines.iter().map(|line| words(line)).collect();
        send(stream, &commands)?;
        let replies = receive(stream, commands.len())?;
        let one = |at: usize| numbers(&replies[at]).first().copied();
        let pairs = |at: usize| numbers(&replies[at]).chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
        Ok(Self {
            text: one(0),
            list: numbers(&replies[1]).into(),
            set: numbers(&replies[2]).into_iter().collect(),
            hash: pairs(3),
            scores: pairs(4),
            count: one(5).unwrap_or(0),
            halves: (one(6), one(7)),
            stream: one(8).unwrap_or(0),
        })
    }
}

fn numbers(reply: &Reply) -> Vec<u64> {
    match reply {
        Reply::Array(items) => items.iter().flat_map(numbers).collect(),
        Reply::Bulk(text) => String::from_utf8_lossy(text).parse().into_iter().collect(),
        Reply::Int(number) => vec![*number as u64],
        _ => Vec::new(),
    }
}

impl Writer {
    pub(crate) fn new(index: usize) -> Self {
        Self { index, state: State::default(), next: 0, under_way: 0, answered: 0 }
    }

    /// Holds what the server has against what it promised, and goes on from there.
    pub(crate) fn check(&mut self, server: &Server) -> Result<(), String> {
        let mut stream = server.connect().map_err(|error| error.to_string())?;
        let found = State::read(&mut stream, self.index).map_err(|error| error.to_string())?;
        let promised = self.state.clone();
        for i in self.next..=self.next + self.under_way {
            if self.state == found {
                (self.next, self.under_way) = (i, 0);
                return Ok(());
            }
            self.state.apply(i);
        }
        let loss = format!(
            "connection {}: {} requests were answered and {} under way. Promised {promised:?}, found {found:?}",
            self.index, self.next, self.under_way
        );
        (self.next, self.under_way) = (self.next + self.under_way + 1, 0);
        self.state = found;
        Err(loss)
    }

    /// Writes until the server is gone.
    pub(crate) fn run(&mut self, server: &Server, pipeline: usize) {
        let Ok(mut stream) = server.connect() else { return };
        loop {
            let requests: Vec<Vec<Words>> =
                (0..pipeline as u64).map(|more| request(self.index, self.next + more)).collect();
            self.under_way = pipeline as u64;
            if send(&mut stream, &requests.concat()).is_err() {
                return;
            }
            let mut rest = Vec::new();
            for commands in &requests {
                if receive_more(&mut stream, commands.len(), &mut rest).is_err() {
                    return;
                }
                self.state.apply(self.next);
                self.next += 1;
                self.under_way -= 1;
                self.answered += 1;
            }
        }
    }
}

fn send(stream: &mut TcpStream, commands: &[Words]) -> io::Result<()> {
    let mut bytes = Vec::new();
    for words in commands {
        write!(bytes, "*{}\r\n", words.len())?;
        for word in words {
            write!(bytes, "${}\r\n{word}\r\n", word.len())?;
        }
    }
    stream.write_all(&bytes)
}

/// As `read`; with a timeout, being stopped for a while interrupts it.
fn read_some(stream: &mut TcpStream, bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn receive(stream: &mut TcpStream, count: usize) -> io::Result<Vec<Reply>> {
    receive_more(stream, count, &mut Vec::new())
}

/// So many replies; an error reply is a failure of the test.
fn receive_more(stream: &mut TcpStream, count: usize, rest: &mut Vec<u8>) -> io::Result<Vec<Reply>> {
    let mut replies = Vec::new();
    while replies.len() < count {
        if let Some((reply, len)) = parse_reply(rest) {
            assert!(!matches!(reply, Reply::Error(_) | Reply::Malformed(_)), "{reply:?}");
            rest.drain(..len);
            replies.push(reply);
            continue;
        }
        let mut bytes = [0; 16 * 1024];
        match read_some(stream, &mut bytes)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => rest.extend_from_slice(&bytes[..read]),
        }
    }
    Ok(replies)
}

/// The replies' texts; an error reply counts as a failure to answer, as while the data is being loaded.
pub(crate) fn ask(stream: &mut TcpStream, commands: &[&[&str]]) -> io::Result<Vec<Vec<u8>>> {
    let owned: Vec<Words> =
        commands.iter().map(|words| words.iter().map(|word| (*word).to_owned()).collect()).collect();
    send(stream, &owned)?;
    let (mut rest, mut texts) = (Vec::new(), Vec::new());
    while texts.len() < owned.len() {
        if let Some((reply, len)) = parse_reply(&rest) {
            rest.drain(..len);
            match reply {
                Reply::Simple(text) | Reply::Bulk(text) => texts.push(text),
                _ => return Err(io::ErrorKind::InvalidData.into()),
            }
            continue;
        }
        let mut bytes = [0; 4096];
        match read_some(stream, &mut bytes)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => rest.extend_from_slice(&bytes[..read]),
        }
    }
    Ok(texts)
}
