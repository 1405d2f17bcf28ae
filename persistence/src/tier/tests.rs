//! The tier on a simulated disk: what was written comes back, or is an error of its keys alone.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use keyspace::change::Tally;
use keyspace::db::Value;
use keyspace::export::View;
use keyspace::import::Limits;
use keyspace::keys::{Access, Key, Keys, Now};
use keyspace::shard::Keyspace;
use keyspace::warm::{Ticket, locate};
use keyspace::{hash, list, set, zset};

use super::*;
use crate::disk::simulated::{Faults, SimulatedDisk};

fn limits() -> Limits {
    Limits {
        hash: hash::Limits { entries_max: 128, value_len_max: 64 },
        list: list::Limits::default(),
        set: set::Limits::default(),
        zset: zset::Limits { entries_max: 128, value_len_max: 64 },
    }
}

fn open(disk: &SimulatedDisk, bytes_max: u64) -> Arc<Tier> {
    let options = Options { dir: PathBuf::from("/tier"), bytes_max, cache_bytes: 1 << 20, limits: Box::new(limits) };
    Tier::open(Arc::new(disk.clone()), options).expect("the disk is sound")
}

/// Keys in memory, and the tier that their values go to.
struct World {
    space: Keyspace,
    tier: Arc<Tier>,
}

impl World {
    fn new(disk: &SimulatedDisk, bytes_max: u64) -> Self {
        Self { space: Keyspace::new(1, 1, 7), tier: open(disk, bytes_max) }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Keys<'_>) -> T) -> T {
        let mut tally = Tally::default();
        let now = Now { unix_ms: 1000, access: Access::Lru(1) };
        work(&mut Keys::lock_all(&self.space, 0, now, &mut tally))
    }

    /// Puts a text at a key and moves it out.
    fn put(&self, name: &str, text: &[u8]) -> Ticket {
        let ticket = self.with(|keys| {
            let key = keys.key(name.as_bytes());
            keys.put(&key, Value::text(text), None);
            let slot = keys.peek(&key).expect("it was put");
            keys.db_mut(key.hash).cool(slot).expect("it is long enough")
        });
        self.tier.offer(ticket);
        ticket
    }

    fn remove(&self, name: &str) {
        self.with(|keys| {
            let key: Key<'_> = keys.key(name.as_bytes());
            keys.remove(&key)
        });
    }
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn written(ticket: Ticket) {
    wait_until("it is written", || locate(ticket).is_some());
}

fn text_of(fetched: &Fetched) -> Result<Vec<u8>, Fault> {
    let value = fetched.value.as_ref().map_err(Clone::clone)?;
    Ok(value.with_view(|view| match view {
        View::Text(bytes) => bytes.to_vec(),
        _ => panic!("a text"),
    }))
}

fn text(number: usize) -> Vec<u8> {
    format!("{number}:").repeat(100 + number % 50).into_bytes()
}

#[test]
fn the_second_reader_finds_it_in_the_cache() {
    let world = World::new(&SimulatedDisk::new(1), 0);
    let ticket = world.put("k", &text(1));
    written(ticket);
    let first = world.tier.fetch_now(ticket).expect("the disk does not let wait");
    assert_eq!((text_of(&first), first.stays), (Ok(text(1)), false));
    let second = world.tier.fetch_now(ticket).expect("it is in memory");
    assert_eq!((text_of(&second), second.stays), (Ok(text(1)), true));
    let counts = world.tier.counts();
    assert_eq!((counts.reads.load(Relaxed), counts.cache_hits.load(Relaxed)), (1, 1));
    world.remove("k");
    assert_eq!(text_of(&world.tier.fetch_here(ticket)), Err(Fault::Gone));
}

#[test]
fn threads_read_where_the_disk_lets_wait() {
    let disk = SimulatedDisk::new(1);
    disk.set_faults(Faults { caches_nothing: true, short_reads: true, ..Faults::default() });
    let world = World::new(&disk, 0);
    let tickets: Vec<Ticket> = (0..50).map(|number| world.put(&format!("k{number}"), &text(number))).collect();
    tickets.iter().for_each(|&ticket| written(ticket));
    assert!(world.tier.fetch_now(tickets[0]).is_none());
    let (sender, receiver) = std::sync::mpsc::channel();
    world.tier.fetch(tickets, move |fetched| sender.send(fetched).expect("somebody waits"));
    let fetched = receiver.recv_timeout(Duration::from_secs(20)).expect("it is done");
    for (number, fetched) in fetched.iter().enumerate() {
        assert_eq!(text_of(fetched), Ok(text(number)));
    }
}

#[test]
fn damage_and_errors_concern_their_value_alone() {
    let disk = SimulatedDisk::new(3);
    let world = World::new(&disk, 0);
    let tickets: Vec<Ticket> = (0..64).map(|number| world.put(&format!("k{number}"), &text(number))).collect();
    tickets.iter().for_each(|&ticket| written(ticket));
    let dir = PathBuf::from("/tier");
    let name = disk.list(&dir).expect("a directory").pop().expect("a file");
    let spots: Vec<_> = tickets.iter().map(|&ticket| locate(ticket).expect("it is written")).collect();
    let mut lots = crate::disk::simulated::Lots::new(5);
    for round in 0..10_000 {
        let victim = lots.below(64) as usize;
        let spot = &spots[victim];
        let (at, bit) = (spot.at as usize + lots.below(u64::from(spot.len)) as usize, 1 << lots.below(8));
        disk.damage(&dir.join(&name), |bytes| bytes[at] ^= bit);
        let near = [victim, (victim + 1) % 64];
        for number in near {
            world.tier.set_cache_bytes(0);
            let expected = if number == victim { Err(Fault::Damaged) } else { Ok(text(number)) };
            assert_eq!(text_of(&world.tier.fetch_here(tickets[number])), expected, "round {round}");
        }
        disk.damage(&dir.join(&name), |bytes| bytes[at] ^= bit);
    }
    disk.damage(&dir.join(&name), |bytes| bytes.truncate(spots[32].at as usize + 10));
    for (number, &ticket) in tickets.iter().enumerate() {
        let fetched = text_of(&world.tier.fetch_here(ticket));
        if spots[number].at < spots[32].at {
            assert_eq!(fetched, Ok(text(number)));
        } else {
            assert!(matches!(fetched, Err(Fault::Io(_))), "{fetched:?}");
        }
    }
    disk.set_faults(Faults { read_error_every: 2, ..Faults::default() });
    let fetched: Vec<_> = (0..20).map(|_| text_of(&world.tier.fetch_here(tickets[0]))).collect();
    assert_eq!(fetched.iter().filter(|fetched| **fetched == Ok(text(0))).count(), 10);
}

#[test]
fn a_disk_that_cannot_write_loses_nothing() {
    let disk = SimulatedDisk::new(4);
    let world = World::new(&disk, 0);
    disk.set_faults(Faults { capacity: Some(100), short_writes: true, ..Faults::default() });
    let tickets: Vec<Ticket> = (0..20).map(|number| world.put(&format!("k{number}"), &text(number))).collect();
    wait_until("it fails", || world.tier.failure().is_some());
    assert_eq!(world.tier.room(1 << 20), Room::None);
    for (number, &ticket) in tickets.iter().enumerate() {
        assert_eq!(text_of(&world.tier.fetch_here(ticket)), Ok(text(number)));
    }
    disk.set_faults(Faults::default());
    tickets.iter().for_each(|&ticket| written(ticket));
    wait_until("it goes on", || world.tier.failure().is_none());
    for (number, &ticket) in tickets.iter().enumerate() {
        assert_eq!(text_of(&world.tier.fetch_here(ticket)), Ok(text(number)));
    }
}

#[test]
fn garbage_is_tidied_and_files_keep_their_limit() {
    let disk = SimulatedDisk::new(6);
    let max = 4 << 20;
    let world = World::new(&disk, max);
    let mut tickets = std::collections::HashMap::new();
    let mut lots = crate::disk::simulated::Lots::new(7);
    for round in 0..40_000_usize {
        let key = lots.below(2000) as usize;
        // So fast no disk writes.
        wait_until("there is room", || world.tier.room(256 << 10) == Room::Free);
        tickets.insert(key, (round, world.put(&format!("k{key}"), &text(round))));
    }
    for &(round, ticket) in tickets.values() {
        written(ticket);
        assert_eq!(text_of(&world.tier.fetch_here(ticket)), Ok(text(round)));
    }
    let (bytes, live, _) = world.tier.sizes();
    assert!(bytes <= max + (1 << 20) && live <= bytes, "{bytes} of {max}, {live} needed");
    assert!(world.tier.counts().compactions.load(Relaxed) > 0);
    for key in tickets.keys() {
        world.remove(&format!("k{key}"));
    }
    wait_until("all is removed", || world.tier.sizes().1 == 0 && world.tier.sizes().2 <= 1);
    let dir = PathBuf::from("/tier");
    let World { tier, space } = world;
    drop(tier);
    assert!(disk.list(&dir).expect("a directory").is_empty());
    drop(space);
}
