//! Resident bytes per item: the size of a server's process before and after it is filled.

use super::Figure;
use super::peers::{self, Launch, Server};
use crate::process;
use crate::replies::ReplyCounter;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Something to fill a server with.
pub struct Load {
    pub name: &'static str,
    pub items: u64,
    /// The command that adds the n-th item; its words have no spaces.
    pub command: fn(u64) -> String,
}

/// What is compared.
pub const LOADS: &[Load] = &[
    Load { name: "string, 16 B key, 16 B value", items: 2_000_000, command: |i| format!("SET key:{i:012} v{i:015}") },
    Load {
        name: "string, 16 B key, 64 B value",
        items: 1_000_000,
        command: |i| format!("SET key:{i:012} {:x<64}", ""),
    },
    Load {
        name: "string, 16 B key, 8 B value, TTL",
        items: 1_000_000,
        command: |i| format!("SET key:{i:012} abcdefgh EX 100000"),
    },
    Load { name: "hash of 10 fields", items: 200_000, command: hash_of_ten },
    Load {
        name: "field of a large hash",
        items: 1_000_000,
        command: |i| format!("HSET h field:{i:010} value:{i:010}"),
    },
    Load { name: "member of a large set", items: 1_000_000, command: |i| format!("SADD s member:{i:010}") },
    Load {
        name: "member of a large sorted set",
        items: 1_000_000,
        command: |i| format!("ZADD z {} member:{i:010}", i * 7919 % 1_000_003),
    },
    Load { name: "item of a large list", items: 1_000_000, command: |i| format!("RPUSH l item:{i:010}") },
];

fn hash_of_ten(i: u64) -> String {
    (0..10).fold(format!("HSET h:{i:010}"), |line, field| line + &format!(" field{field} value{field:06}"))
}

/// Fills a fresh server of each kind; the cost is in bytes.
pub fn measure(load: &Load, launches: &[Launch], scale: f64) -> Result<Vec<Figure>, String> {
    let items = ((load.items as f64 * scale) as u64).max(1000);
    let one = |launch: &Launch| {
        let server = peers::start(launch)?;
        let resident = || process::resident(server.pid).map_err(|e| format!("{}: {e}", server.label));
        // The first FLUSHALL allocates what an empty server needs.
        empty(&server)?;
        let before = resident()?;
        fill(&server, load, items)?;
        let cost = resident()?.saturating_sub(before) as f64 / items as f64;
        Ok(Figure { cost, ..Figure::default() })
    };
    launches.iter().map(one).collect()
}

/// Deletes everything and lets the allocator give back what it holds.
pub(super) fn empty(server: &Server) -> Result<(), String> {
    for command in ["FLUSHALL SYNC", "MEMORY PURGE"] {
        process::ask(server.address, command, |text| text.contains('\n'))
            .map_err(|e| format!("{}: {command}: {e}", server.label))?;
    }
    std::thread::sleep(Duration::from_millis(300));
    Ok(())
}

/// Adds `items` items, a thousand at a time.
pub(super) fn fill(server: &Server, load: &Load, items: u64) -> Result<(), String> {
    try_fill(server, load, items).map_err(|e| format!("{}: {}: {e}", server.label, load.name))
}

fn try_fill(server: &Server, load: &Load, items: u64) -> io::Result<()> {
    let mut stream = TcpStream::connect(server.address)?;
    let mut counter = ReplyCounter::default();
    let (mut batch, mut chunk) = (Vec::new(), vec![0; 64 * 1024]);
    let mut sent = 0;
    while sent < items {
        let now = (items - sent).min(1000);
        batch.clear();
        (sent..sent + now).for_each(|i| encode(&(load.command)(i), &mut batch));
        stream.write_all(&batch)?;
        let mut answered = 0;
        while answered < now {
            match stream.read(&mut chunk)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => answered += counter.count(&chunk[..n]),
            }
        }
        sent += now;
    }
    counter.first_error.map_or(Ok(()), |error| Err(io::Error::other(error)))
}

fn encode(command: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("*{}\r\n", command.split(' ').count()).as_bytes());
    for word in command.split(' ') {
        out.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
}
