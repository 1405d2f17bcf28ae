//! A log, its disk, a clock, and an oracle that remembers what was promised.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use persistence::disk::simulated::{Lots, SimulatedDisk};
use persistence::disk::{Disk, append_all};
use persistence::wal::{Base, Log, Options, Policy, Recovered, Recovery, Seq};

/// How the process ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Death {
    /// kill -9: what was written stays.
    Kill,
    /// What was not synced is up to the lots.
    Power,
}

/// See the module's head.
pub(crate) struct World {
    pub(crate) disk: SimulatedDisk,
    pub(crate) log: Option<Arc<Log>>,
    pub(crate) lots: Lots,
    pub(crate) policy: Policy,
    clock: Arc<AtomicU64>,
    start: Instant,
    /// How far replies might leave at moments within a step: a sync takes its time, and others go on meanwhile.
    settled_at: SettledAt,
    oracle: Oracle,
    /// Places that were reserved, and their records not appended: by slot.
    held: Vec<Vec<Seq>>,
    life: u64,
}

/// Places, and when replies up to them could leave, in microseconds.
pub(crate) type SettledAt = Arc<Mutex<Vec<(Seq, u64)>>>;

/// What the truth is.
#[derive(Default)]
struct Oracle {
    /// For each sequence number from 1 on: a hash over all payloads so far.
    chain: Vec<u64>,
    /// When it was promised, in microseconds.
    promised_us: Vec<Option<u64>>,
    settled: Seq,
    durable: Seq,
}

const SLOTS: usize = 3;

pub(crate) fn dir() -> &'static Path {
    Path::new("log")
}

fn payload(life: u64, seq: Seq) -> Vec<u8> {
    let mut lots = Lots::new(seq.wrapping_mul(0x1234_5678_9ABC_DEF1) ^ life);
    let len = match lots.below(40) {
        0 => lots.below(20_000),
        1..10 => lots.below(2_000),
        _ => lots.below(90),
    };
    (0..len).map(|_| lots.next_u64() as u8).collect()
}

fn chained(before: u64, payload: &[u8]) -> u64 {
    Lots::new(before ^ u64::from(crc32fast::hash(payload)) << 17 ^ payload.len() as u64).next_u64()
}

impl World {
    pub(crate) fn new(seed: u64, policy: Policy) -> Self {
        let disk = SimulatedDisk::new(seed);
        let mut world = Self {
            disk,
            log: None,
            lots: Lots::new(seed ^ 0xABCD),
            policy,
            clock: Arc::default(),
            start: Instant::now(),
            settled_at: SettledAt::default(),
            oracle: Oracle::default(),
            held: vec![Vec::new(); SLOTS],
            life: 0,
        };
        let log = Log::create(Arc::new(world.disk.clone()), dir(), seed, Base::Empty, world.options());
        world.log = Some(Arc::new(log.expect("no fault yet")));
        world
    }

    fn options(&self) -> Options {
        let (clock, start) = (self.clock.clone(), self.start);
        Options {
            policy: self.policy,
            slots: SLOTS,
            segment_len: 20_000,
            unsynced_max: 30_000,
            clock: Arc::new(move || start + Duration::from_micros(clock.load(SeqCst))),
            ..Options::default()
        }
    }

    pub(crate) fn log(&self) -> Arc<Log> {
        self.log.clone().expect("it lives")
    }

    pub(crate) fn clock(&self) -> Arc<AtomicU64> {
        self.clock.clone()
    }

    pub(crate) fn settled_at(&self) -> SettledAt {
        self.settled_at.clone()
    }

    pub(crate) fn advance(&self, us: u64) {
        self.clock.fetch_add(us, SeqCst);
    }

    pub(crate) fn settled(&self) -> Seq {
        self.oracle.settled
    }

    /// One client's write: mostly appended at once, sometimes later than its followers.
    pub(crate) fn write(&mut self) {
        let log = self.log();
        let slot = self.lots.below(SLOTS as u64) as usize;
        let seq = log.reserve();
        let bytes = payload(self.life, seq);
        let before = self.oracle.chain.last().copied().unwrap_or(0);
        assert_eq!(self.oracle.chain.len() as u64 + 1, seq, "places are dense");
        self.oracle.chain.push(chained(before, &bytes));
        self.oracle.promised_us.push(None);
        self.held[slot].push(seq);
        if !self.lots.one_in(8) {
            self.release(slot);
        }
    }

    fn release(&mut self, slot: usize) {
        for seq in std::mem::take(&mut self.held[slot]) {
            self.log().append(slot, seq, &payload(self.life, seq));
        }
    }

    pub(crate) fn release_all(&mut self) {
        (0..SLOTS).for_each(|slot| self.release(slot));
    }

    /// What clients see: replies that may leave have left.
    pub(crate) fn observe(&mut self) {
        let Some(log) = &self.log else { return };
        let mut settled_at = std::mem::take(&mut *self.settled_at.lock().expect("no panic under it"));
        settled_at.push((log.settled(), self.clock.load(SeqCst)));
        for (settled, at_us) in settled_at {
            let from = self.oracle.settled as usize;
            for promised in &mut self.oracle.promised_us[from..(settled as usize).max(from)] {
                *promised = Some(at_us);
            }
            self.oracle.settled = self.oracle.settled.max(settled);
        }
        self.oracle.durable = log.durable();
        assert!(log.durable() <= log.last_reserved() && log.settled() <= log.last_reserved());
    }

    /// A step of somebody: a client, a core, the log's thread, time.
    pub(crate) fn step(&mut self) {
        match self.lots.below(12) {
            0..5 => self.write(),
            5 => {
                let slot = self.lots.below(SLOTS as u64) as usize;
                self.release(slot);
            }
            6..8 => self.log().flush(),
            8..10 => {
                self.log().step();
            }
            10 => self.log().write_all(),
            _ => {
                let us = self.lots.below(60_000);
                self.advance(us);
                // The thread sleeps as long as it said, and no longer.
                self.log().step();
            }
        }
        self.observe();
    }

    /// A compaction as a whole; whether it was committed.
    pub(crate) fn compact(&mut self) -> bool {
        let log = self.log();
        let Ok(compaction) = log.begin_compaction() else { return false };
        if self.lots.one_in(2) {
            self.write();
            self.log().flush();
            self.observe();
        }
        let seq = log.last_reserved();
        let text = format!("{seq} {}", self.oracle.chain.last().copied().unwrap_or(0));
        if self.save(&compaction.path, text.as_bytes()).is_err() || self.lots.one_in(4) {
            log.abort_compaction(compaction);
            return false;
        }
        log.commit_compaction(&compaction, seq).is_ok()
    }

    fn save(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let temporary: PathBuf = path.with_extension("tmp");
        let file = self.disk.create(&temporary)?;
        append_all(&*file, bytes, &mut 0)?;
        file.sync_data()?;
        self.disk.rename(&temporary, path)?;
        self.disk.sync_dir(dir())
    }

    /// Ends the process, starts it again, and holds what it finds against what was promised.
    pub(crate) fn die(&mut self, death: Death, context: &str) -> Recovered {
        self.observe();
        self.log = None;
        match death {
            Death::Kill => self.disk.restart(),
            Death::Power => self.disk.power_on(),
        }
        let recovery = Recovery::open(Arc::new(self.disk.clone()), dir());
        let recovery = recovery.unwrap_or_else(|damage| panic!("{context}: refused: {damage}"));
        let recovery = recovery.unwrap_or_else(|| panic!("{context}: the manifest is gone"));
        let (recovered, hash) = self.read(&recovery).unwrap_or_else(|damage| panic!("{context}: refused: {damage}"));
        self.judge(death, &recovered, hash, context);
        self.oracle.chain.truncate(recovered.last as usize);
        self.oracle.promised_us.truncate(recovered.last as usize);
        self.oracle.settled = recovered.last;
        self.held.iter_mut().for_each(Vec::clear);
        self.life += 1;
        let log = recovery.go_on(&recovered, self.options()).expect("no faults at a start");
        self.log = Some(Arc::new(log));
        recovered
    }

    /// Base and records, as a chain.
    pub(crate) fn read(&self, recovery: &Recovery) -> Result<(Recovered, u64), persistence::wal::Damage> {
        let mut hash = 0;
        if let Some(path) = recovery.base_path() {
            let text = String::from_utf8(self.disk.read(&path).expect("the base is there")).expect("a text");
            hash = text.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("two numbers");
        }
        let recovered = recovery.read(&mut |_, payload| {
            hash = chained(hash, payload);
            Ok(())
        })?;
        Ok((recovered, hash))
    }

    /// Nothing that was never written, and nothing out of order.
    pub(crate) fn judge_prefix(&self, recovered: &Recovered, hash: u64, context: &str) {
        let last = recovered.last as usize;
        assert!(last <= self.oracle.chain.len(), "{context}: {last} was never written");
        let truth = if last == 0 { 0 } else { self.oracle.chain[last - 1] };
        assert_eq!(hash, truth, "{context}: not a prefix of what was written, at {last}");
    }

    /// A start finds everything that was ever written.
    pub(crate) fn is_whole(&self) -> bool {
        let recovery = Recovery::open(Arc::new(self.disk.clone()), dir());
        let Ok(Some(recovery)) = recovery else { return false };
        self.read(&recovery).is_ok_and(|(recovered, _)| recovered.last as usize == self.oracle.chain.len())
    }

    /// What is there is a prefix of the truth, and long enough.
    pub(crate) fn judge(&self, death: Death, recovered: &Recovered, hash: u64, context: &str) {
        let oracle = &self.oracle;
        let last = recovered.last;
        self.judge_prefix(recovered, hash, context);
        assert!(last >= oracle.durable, "{context}: durable until {}, there is {last}", oracle.durable);
        if death == Death::Kill || self.policy == Policy::Always {
            assert!(last >= oracle.settled, "{context}: acknowledged until {}, there is {last}", oracle.settled);
        } else if self.policy == Policy::EverySecond && last < oracle.settled {
            let first_lost = oracle.promised_us[last as usize].expect("settled");
            let last_lost = oracle.promised_us[oracle.settled as usize - 1].expect("settled");
            let lost = Duration::from_micros(last_lost - first_lost);
            assert!(lost <= Duration::from_secs(1), "{context}: {lost:?} of acknowledged writes are lost");
        }
    }
}
