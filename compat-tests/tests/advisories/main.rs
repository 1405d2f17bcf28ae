//! What published advisories say can be done to a server of this kind: here it gets an error, at once, and costs
//! nothing that stays. A new one is a line of a table.

mod clients;
mod requests;
mod scripts;

use std::fs;
use std::time::Duration;

use compat_tests::connection::Connection;
use compat_tests::target::{Target, Tcp};
use resp::Reply;

/// Processor time that one attack may take.
const TIME_MAX: Duration = Duration::from_secs(1);
/// Memory that it may leave behind.
const BYTES_MAX: u64 = 64 << 20;

fn call<A: AsRef<[u8]>>(client: &mut Connection, argv: &[A]) -> Reply {
    client.call(argv).unwrap_or_else(|silence| panic!("{silence}"))
}

fn text(client: &mut Connection, argv: &[&str]) -> String {
    call(client, argv).to_cli().trim_end().to_owned()
}

fn field(client: &mut Connection, section: &str, name: &str) -> u64 {
    let info = call(client, &["INFO", section]);
    let info = String::from_utf8_lossy(info.as_bytes().expect("a text")).into_owned();
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("INFO {section} has no {name}"))
}

/// All that is allocated, interpreters and all: `used_memory` may lag by a second behind a script that took much.
fn memory(client: &mut Connection) -> u64 {
    field(client, "memory", "allocator_allocated")
}

/// What the process has used of a processor: other load of the machine does not count.
fn cpu_time(pid: u64) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the server lives");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(ticks * 10)
}

/// A server that is attacked, and what is seen of it.
struct Watched {
    server: Tcp,
    client: Connection,
    /// Who looks on.
    other: Connection,
    pid: u64,
    /// Bytes before the first attack.
    before: u64,
    faults: Vec<String>,
}

impl Watched {
    fn new() -> Self {
        let server = Tcp::ours().unwrap_or_else(|fault| panic!("{fault}"));
        let (mut client, mut other) = (server.client(), server.client());
        let pid = field(&mut other, "server", "process_id");
        call(&mut client, &["EVAL", "return 1", "0"]);
        let before = memory(&mut other);
        Self { server, client, other, pid, before, faults: Vec::new() }
    }

    fn connect(&self) -> Connection {
        self.server.client()
    }

    /// The reply must have `answer` in it, and the server must be well afterwards.
    fn attack(&mut self, what: &str, answer: &str, attack: impl FnOnce(&mut Connection) -> String) {
        let start = cpu_time(self.pid);
        let reply = attack(&mut self.client);
        let took = cpu_time(self.pid) - start;
        assert_eq!(text(&mut self.client, &["ECHO", "in step"]), "\"in step\"", "{what}");
        assert_eq!(text(&mut self.other, &["PING"]), "PONG", "{what}");
        let grown = memory(&mut self.other).saturating_sub(self.before);
        if !reply.contains(answer) || took > TIME_MAX || grown > BYTES_MAX {
            self.faults.push(format!("{what}, after {took:?} and {grown} more bytes: {}", reply.trim_end()));
        }
    }

    fn end(mut self) {
        assert_eq!(field(&mut self.other, "server", "process_id"), self.pid, "it is the same process");
        assert!(self.faults.is_empty(), "{}", self.faults.join("\n"));
    }
}
