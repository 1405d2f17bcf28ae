//! What the program says instead of serving: its version, how to use it, checks of the machine.
#![allow(clippy::print_stdout, clippy::print_stderr)] // It talks to whoever started it.

use std::fs;
use std::process::ExitCode;

use settings::{Action, Settings};

/// How the program calls itself: scripts that start `redis-server` look for that name in what it prints.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Product {
    /// In sentences.
    pub(crate) title: &'static str,
    /// On a command line.
    pub(crate) program: &'static str,
}

impl Product {
    /// By the name under which it was started.
    pub(crate) fn named_by(program: &[u8]) -> Self {
        if program.rsplit(|byte| *byte == b'/').next().is_some_and(|name| name.starts_with(b"redis-server")) {
            Self { title: "Redis", program: "redis-server" }
        } else {
            Self { title: "Stateless", program: "stateless-server" }
        }
    }
}

/// The version of this program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Does an action of the command line.
pub(crate) fn act(action: Action, product: Product) -> ExitCode {
    match action {
        Action::Version => {
            println!("{}", version_line(product));
            ExitCode::SUCCESS
        }
        Action::Help => {
            eprint!("{}", usage(product.program));
            ExitCode::FAILURE
        }
        Action::CheckSystem => check_system(),
        Action::TestMemory { mebibytes } => test_memory(mebibytes),
    }
}

fn version_line(product: Product) -> String {
    let settings = Settings::new();
    format!(
        "{} server v={} sha=00000000:0 malloc=jemalloc-5.3.1 bits={} build={VERSION}",
        product.title,
        settings.redis_version_reported().to_string_lossy(),
        usize::BITS
    )
}

fn usage(program: &str) -> String {
    format!(
        "Usage: ./{program} [/path/to/redis.conf] [options] [-]
       ./{program} - (the configuration comes from standard input)
       ./{program} -v or --version
       ./{program} -h or --help
       ./{program} --test-memory <megabytes>
       ./{program} --check-system
       ./{program} --check-rdb <file> (judges a snapshot)
       ./{program} --check-aof [--fix|--truncate-to-timestamp <time>] <file> (judges an append-only file or manifest)
       ./{program} --import <file> [/path/to/redis.conf] [options] (takes a snapshot or append-only file over)
       ./{program} --check-audit <file> ... (are audit logs whole, oldest first?)
       ./{program} --check-wal <directory> (is a write-ahead log whole?)
       ./{program} --repair-wal <directory> (cuts it where it is damaged)

An option is a directive of redis.conf with two hyphens before its name; it overrides the file.

Examples:
       ./{program}
       ./{program} /etc/redis/6379.conf
       ./{program} --port 7777 --maxmemory 2gb
       ./{program} /etc/redis/6379.conf --loglevel verbose -
"
    )
}

/// Settings of the kernel that make an in-memory server slow or let it fail.
fn check_system() -> ExitCode {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let overcommit = read("/proc/sys/vm/overcommit_memory");
    let huge_pages = read("/sys/kernel/mm/transparent_hugepage/enabled");
    let backlog = read("/proc/sys/net/core/somaxconn").trim().parse().unwrap_or(i32::MAX);
    let checks = [
        (
            "overcommit",
            overcommit.trim() != "2",
            "vm.overcommit_memory is 2: allocations may fail while memory is free. Set it to 1.",
        ),
        (
            "THP",
            !huge_pages.contains("[always]"),
            "Transparent huge pages are always on: they cost memory and latency. Set them to madvise.",
        ),
        (
            "somaxconn",
            backlog >= Settings::new().tcp_backlog(),
            "net.core.somaxconn is below tcp-backlog: bursts of connections are dropped. Raise it.",
        ),
    ];
    let mut code = ExitCode::SUCCESS;
    for (name, is_good, remedy) in checks {
        if is_good {
            println!("[{name}]...OK");
        } else {
            println!("[{name}]...WARNING:\n{remedy}");
            code = ExitCode::FAILURE;
        }
    }
    code
}

/// Writes patterns over so much memory and reads them back.
fn test_memory(mebibytes: u64) -> ExitCode {
    let words = usize::try_from(mebibytes).ok().and_then(|mebibytes| mebibytes.checked_mul((1 << 20) / 8));
    let mut memory: Vec<u64> = Vec::new();
    let Some(words) = words.filter(|words| memory.try_reserve_exact(*words).is_ok()) else {
        eprintln!("Unable to allocate {mebibytes} megabytes");
        return ExitCode::FAILURE;
    };
    memory.resize(words, 0);
    let patterns: [fn(usize) -> u64; 3] = [
        |at| at as u64,
        |at| !(at as u64),
        |at| if at % 2 == 0 { 0xAAAA_AAAA_AAAA_AAAA } else { 0x5555_5555_5555_5555 },
    ];
    for pattern in patterns {
        memory.iter_mut().enumerate().for_each(|(at, word)| *word = std::hint::black_box(pattern(at)));
        if let Some(at) = memory.iter().enumerate().position(|(at, word)| std::hint::black_box(*word) != pattern(at)) {
            eprintln!("*** MEMORY ERROR DETECTED at word {at} ***");
            return ExitCode::FAILURE;
        }
    }
    println!("Your memory passed this test.");
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_it_was_started_by_is_its_name() {
        assert_eq!(Product::named_by(b"/opt/src/redis-server").title, "Redis");
        assert_eq!(Product::named_by(b"target/debug/stateless-server").program, "stateless-server");
    }

    #[test]
    fn the_version_stands_behind_v() {
        let line = version_line(Product::named_by(b"redis-server"));
        assert!(line.starts_with("Redis server v=8.0.6 sha="), "{line}");
    }
}
