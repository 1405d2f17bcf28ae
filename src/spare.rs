//! Whether the machine has processor time to spare, by the kernel's own count.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// Enough for the line about all processors together.
const LINE_MAX: usize = 256;
/// So much of one processor must be idle for another thread to be of use.
const SPARE_PERCENT: u64 = 25;

/// Looks at the time that all processors were idle, from one look to the next.
#[derive(Debug)]
pub(crate) struct Spare {
    /// None where the system has no such count.
    file: Option<File>,
    last: Option<Times>,
    processors: u64,
}

/// Time of all processors, in the kernel's ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Times {
    idle: u64,
    all: u64,
}

impl Spare {
    pub(crate) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
        Self { file: File::open("/proc/stat").ok(), last: None, processors }
    }

    /// Whether processors were idle since the last look; unknown (None) at the first. Where it cannot be known they
    /// are taken to be.
    pub(crate) fn look(&mut self) -> Option<bool> {
        let Some(file) = &self.file else { return Some(true) };
        let mut line = [0; LINE_MAX];
        let read = file.read_at(&mut line, 0).unwrap_or(0);
        let Some(now) = parse(&line[..read]) else { return Some(true) };
        let last = self.last.replace(now)?;
        Some(is_spare(last, now, self.processors))
    }

    /// The next look is a first one.
    pub(crate) fn forget(&mut self) {
        self.last = None;
    }
}

fn is_spare(last: Times, now: Times, processors: u64) -> bool {
    let (idle, all) = (now.idle.saturating_sub(last.idle), now.all.saturating_sub(last.all));
    idle * processors * 100 >= all * SPARE_PERCENT
}

/// The first line: `cpu user nice system idle iowait irq softirq steal ...`.
fn parse(line: &[u8]) -> Option<Times> {
    let line = line.split(|&byte| byte == b'\n').next()?.strip_prefix(b"cpu ")?;
    let mut times = [0; 8];
    let words = line.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
    for (time, word) in times.iter_mut().zip(words) {
        *time = base::number::parse_i64(word)?.try_into().ok()?;
    }
    Some(Times { idle: times[3] + times[4], all: times.iter().sum() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_all_processors() {
        let text = b"cpu  10 1 20 300 5 0 4 2 0 0\ncpu0 5 1 10 150 2 0 2 1 0 0\n";
        assert_eq!(parse(text), Some(Times { idle: 305, all: 342 }));
        assert_eq!(parse(b"cpu0 5 1"), None);
        assert_eq!(parse(b""), None);
    }

    #[test]
    fn a_quarter_of_one_processor_is_spare() {
        let (last, processors) = (Times { idle: 1000, all: 5000 }, 2);
        assert!(is_spare(last, Times { idle: 1025, all: 5200 }, processors));
        assert!(!is_spare(last, Times { idle: 1024, all: 5200 }, processors));
    }

    #[test]
    fn the_first_look_knows_nothing() {
        let mut spare = Spare::new();
        if spare.file.is_some() {
            assert_eq!(spare.look(), None);
            assert!(spare.look().is_some());
            spare.forget();
            assert_eq!(spare.look(), None);
        }
        let mut blind = Spare { file: None, last: None, processors: 2 };
        assert_eq!(blind.look(), Some(true));
    }
}
