//! What the process uses: memory as the allocator counts it, resident memory, processor time.
//!
//! # Invariants
//! - The call to the system gets a pointer to a live `rusage`, which zeroes are a value of.
//! - Names given to the allocator end with a zero byte, and their values have the type that it documents.
#![allow(unsafe_code)]

use std::fs;

use tikv_jemalloc_ctl::{epoch, raw, stats};

/// The figures of jemalloc and of the page pool together, bytes.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)]
pub struct Allocator {
    pub allocated: u64,
    pub active: u64,
    pub resident: u64,
}

impl Allocator {
    /// As they are now; the pool alone where another allocator is in use.
    pub fn now() -> Self {
        // The figures stand still until the epoch moves.
        let _ = epoch::advance();
        let read = |value: Result<usize, _>| value.unwrap_or(0) as u64;
        let pool = keyspace::pool::figures();
        let pooled = (keyspace::memory::pooled_bytes() + keyspace::memory::unpublished_pooled_bytes()).max(0);
        Self {
            allocated: read(stats::allocated::read()) + pooled as u64,
            active: read(stats::active::read()) + pool.active as u64,
            resident: read(stats::resident::read()) + pool.resident as u64,
        }
    }
}

/// Gives pages that nothing uses back to the system: an arena whose pages may stay for no time lets all of them go.
pub fn purge() {
    keyspace::pool::purge();
    let arenas = tikv_jemalloc_ctl::arenas::narenas::read().unwrap_or(0);
    for arena in 0..arenas {
        let name = format!("arena.{arena}.dirty_decay_ms\0");
        // SAFETY: this name's value is an `ssize_t`, for reading and for writing.
        unsafe {
            if let Ok(decay_ms) = raw::read::<isize>(name.as_bytes()) {
                let _ = raw::write::<isize>(name.as_bytes(), 0);
                let _ = raw::write::<isize>(name.as_bytes(), decay_ms);
            }
        }
    }
}

/// What the allocator says under a name, as a number; the error is its own.
pub fn allocator_number(name: &[u8]) -> Result<i64, String> {
    let name = [name, b"\0"].concat();
    // SAFETY: the name ends with a zero byte. Where the value is not of this size, or cannot be read, the allocator
    // says so and writes nothing; what it writes is a number, or an address that nobody follows.
    unsafe {
        raw::read::<u64>(&name)
            .map(|value| value as i64)
            .or_else(|_| raw::read::<u32>(&name).map(i64::from))
            .or_else(|_| raw::read::<u8>(&name).map(i64::from))
    }
    .map_err(|error| error.to_string())
}

/// What the allocator says under a name, as a text: None where the value is another one.
pub fn allocator_text(name: &[u8]) -> Option<&'static [u8]> {
    const TEXTS: [&[u8]; 6] =
        [b"version", b"config.malloc_conf", b"opt.dss", b"opt.metadata_thp", b"opt.percpu_arena", b"opt.thp"];
    let name = TEXTS.contains(&name).then(|| [name, b"\0"].concat())?;
    // SAFETY: the name ends with a zero byte, and its value is a text that stays for as long as the process.
    unsafe { raw::read_str(&name) }.ok().map(|text| text.strip_suffix(b"\0").unwrap_or(text))
}

/// Resident bytes of the process.
pub fn resident_bytes() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok()).unwrap_or(0);
    pages * 4096
}

impl super::Node {
    /// How long a string may become: no longer than the machine's memory, however `proto-max-bulk-len` is set, or the
    /// process would end for want of it.
    pub(crate) fn string_len_max(&self) -> u64 {
        self.settings.proto_max_bulk_len().min(system_bytes())
    }
}

/// Bytes of memory of the machine.
pub fn system_bytes() -> u64 {
    static BYTES: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    *BYTES.get_or_init(read_system_bytes)
}

fn read_system_bytes() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// Whose processor time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whose {
    /// All threads.
    Process,
    /// This thread.
    Thread,
    /// Children that ended.
    Children,
}

/// Processor time in microseconds: system, user.
pub fn cpu_us(whose: Whose) -> [i64; 2] {
    let who = match whose {
        Whose::Process => libc::RUSAGE_SELF,
        Whose::Thread => libc::RUSAGE_THREAD,
        Whose::Children => libc::RUSAGE_CHILDREN,
    };
    // SAFETY: see the module's head.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(who, &mut usage);
        usage
    };
    [usage.ru_stime, usage.ru_utime].map(|time| time.tv_sec * 1_000_000 + time.tv_usec)
}
