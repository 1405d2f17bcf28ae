//! Eviction: keys give way when memory exceeds `maxmemory`.
//!
//! Which key is the best to give up is found by samples, as in Redis: each round looks at a few keys of one shard and
//! keeps the 16 best candidates seen so far, the best of which goes. Only one shard is locked at a time.

use keyspace::change::Event;
use keyspace::db::Db;
use keyspace::dict::Slot;
use keyspace::entry::Entry;
use keyspace::keys::{Keys, decayed};
use persistence::tier::Room;
use settings::MaxmemoryPolicy;

use super::Node;
use super::core::Core;
use super::memory::{Clock, clock_of};
use super::tick::on_table;
use super::warm::held_max;
use crate::publish::publish;

/// The candidates kept between rounds.
const POOL_MAX: usize = 16;
/// Buckets that a round looks at where few keys have a deadline; when no shard had any, all buckets.
const BUCKETS_MAX: usize = 256;
/// As above, where values are to move.
const COOL_BUCKETS_MAX: usize = 64;
/// How long nobody looks again after nothing was found to move.
const NOTHING_COOLS_MS: i64 = 20;
/// Keys evicted between two looks at the clock.
const KEYS_PER_LOOK: usize = 16;

/// A key that may go, with what it looked like.
struct Candidate {
    db: usize,
    key: Box<[u8]>,
    /// The higher, the sooner it goes.
    score: u64,
    /// Its access clock or deadline then: a key that was used since is none any more.
    state: u64,
}

/// A core's candidates, the best one last.
#[derive(Default)]
pub(crate) struct Pool {
    candidates: Vec<Candidate>,
    policy: Option<MaxmemoryPolicy>,
}

/// What a policy looks at.
#[derive(Clone, Copy)]
struct Rule {
    policy: MaxmemoryPolicy,
    is_volatile: bool,
    /// Values are to move to the warm tier, whose keys stay.
    cools: bool,
    now_seconds: u32,
    minutes: u32,
    decay_minutes: u32,
}

impl Rule {
    fn new(node: &Node, core: &Core) -> Self {
        let policy = node.settings.maxmemory_policy();
        let is_volatile = matches!(
            policy,
            MaxmemoryPolicy::VolatileLru
                | MaxmemoryPolicy::VolatileLfu
                | MaxmemoryPolicy::VolatileRandom
                | MaxmemoryPolicy::VolatileTtl
        );
        Self {
            policy,
            is_volatile,
            cools: false,
            now_seconds: (core.now.unix_ms / 1000) as u32,
            minutes: (core.now.unix_ms / 60_000) as u32 & 0xFFFF,
            decay_minutes: node.settings.lfu_decay_time(),
        }
    }

    /// As `new`, for values that move: no key is lost by that, so any may.
    fn cooling(node: &Node, core: &Core) -> Self {
        Self { is_volatile: false, cools: true, ..Self::new(node, core) }
    }

    /// Whether an entry may be chosen.
    fn admits(&self, entry: Entry<'_>, is_marked: bool) -> bool {
        (is_marked || !self.is_volatile) && (!self.cools || entry.is_coolable())
    }

    fn is_random(&self) -> bool {
        matches!(self.policy, MaxmemoryPolicy::AllkeysRandom | MaxmemoryPolicy::VolatileRandom)
    }

    /// How many keys of a table may go.
    fn eligible(&self, db: &Db) -> usize {
        if self.is_volatile { db.expiring() } else { db.len() }
    }

    /// Where its candidates are kept.
    fn pool<'c>(&self, core: &'c mut Core) -> &'c mut Pool {
        if self.cools { &mut core.coolable } else { &mut core.evictable }
    }

    /// How much a key is to be preferred, and the state that this rests on.
    fn judge(&self, entry: Entry<'_>) -> (u64, u64) {
        let clock = entry.clock();
        match clock_of(self.policy) {
            Clock::Lru => (u64::from(self.now_seconds.wrapping_sub(clock) & 0x00FF_FFFF), u64::from(clock)),
            Clock::Lfu => {
                (u64::from(255 - decayed(clock, self.minutes, self.decay_minutes).min(255)), u64::from(clock))
            }
            Clock::None => {
                let deadline_ms = entry.deadline_ms().unwrap_or(i64::MAX).max(0) as u64;
                (u64::MAX - deadline_ms, deadline_ms)
            }
        }
    }
}

impl Pool {
    fn offer(&mut self, db: usize, key: &[u8], (score, state): (u64, u64)) {
        let place = self.candidates.partition_point(|other| other.score < score);
        if place == 0 && self.candidates.len() >= POOL_MAX {
            return;
        }
        if self.candidates.iter().any(|other| other.db == db && *other.key == *key) {
            return;
        }
        self.candidates.insert(place, Candidate { db, key: key.into(), score, state });
        if self.candidates.len() > POOL_MAX {
            self.candidates.remove(0);
        }
    }
}

/// Moves values to the warm tier until `limit` holds or time is up; false when that is not enough.
fn cool(node: &Node, core: &mut Core, limit: u64) -> bool {
    let Some(tier) = node.warm.tier() else { return false };
    if core.now.unix_ms < core.nothing_cools_until_ms {
        return false;
    }
    let rule = Rule::cooling(node, core);
    if core.coolable.policy != Some(rule.policy) {
        core.coolable = Pool { candidates: Vec::new(), policy: Some(rule.policy) };
    }
    let (start, limit_ns) = (core.clock.ticks(), limit_ns(node.settings.maxmemory_eviction_tenacity()));
    let held_max = held_max(limit);
    let mut moved = 0;
    let has_room = loop {
        if node.memory_in_use() <= limit {
            break true;
        }
        match tier.room(held_max) {
            Room::Free => {}
            Room::Soon => break true,
            Room::None => break false,
        }
        if !evict_one(node, core, &rule, &mut 0) {
            core.nothing_cools_until_ms = core.now.unix_ms + NOTHING_COOLS_MS;
            break false;
        }
        moved += 1;
        let now = core.clock.ticks();
        if moved % KEYS_PER_LOOK == 0 && limit_ns.is_some_and(|limit_ns| core.clock.ns_between(start, now) > limit_ns) {
            break true;
        }
    };
    core.last = core.clock.ticks();
    has_room
}

impl Node {
    /// Moves values to the warm tier while memory is full; nothing is evicted.
    pub(crate) fn cool_only(&self, core: &mut Core) {
        let limit = self.settings.maxmemory();
        if self.warm.is_on() && limit > 0 && self.counted_memory() > limit {
            core.begin_batch(self);
            cool(self, core, limit);
            self.wait_for_room(limit);
        }
    }
}

/// Evicts until `limit` holds or time is up; false when nothing is left that may go.
pub(super) fn evict(node: &Node, core: &mut Core, limit: u64) -> bool {
    if node.memory_in_use() <= limit || (node.warm.is_on() && cool(node, core, limit)) {
        return true;
    }
    let rule = Rule::new(node, core);
    if rule.policy == MaxmemoryPolicy::Noeviction {
        return false;
    }
    if core.evictable.policy != Some(rule.policy) {
        core.evictable = Pool { candidates: Vec::new(), policy: Some(rule.policy) };
    }
    let (start, limit_ns) = (core.clock.ticks(), limit_ns(node.settings.maxmemory_eviction_tenacity()));
    // What the news of it takes until it is sent does not count: otherwise each key would take others along.
    let (excess, mut freed) = (node.memory_in_use().saturating_sub(limit), 0);
    let mut evicted = 0;
    let has_room = loop {
        if freed >= excess || node.memory_in_use() <= limit {
            break true;
        }
        if !evict_one(node, core, &rule, &mut freed) {
            // What the background still frees counts as room to come.
            break keyspace::object::lazy_free_counts().0 > 0;
        }
        evicted += 1;
        let now = core.clock.ticks();
        if evicted % KEYS_PER_LOOK == 0 && limit_ns.is_some_and(|limit_ns| core.clock.ns_between(start, now) > limit_ns)
        {
            break true;
        }
    };
    core.stats.evicted.add(evicted as u64);
    publish(node, core, 0);
    core.last = core.clock.ticks();
    let ms = core.clock.ns_between(start, core.last) / 1_000_000;
    node.monitoring.latency.record(&node.settings, "eviction-cycle", ms, core.now.unix_ms / 1000);
    has_room
}

impl Node {
    /// What `maxmemory` limits. What the background is about to free, or to write and then free, is as good as free:
    /// otherwise a large value would take others along.
    pub(crate) fn memory_in_use(&self) -> u64 {
        let soon_free = keyspace::object::lazy_free_bytes() + keyspace::warm::held_bytes();
        self.counted_memory().saturating_sub(soon_free as u64)
    }

    /// What is in use of it now.
    pub(crate) fn counted_memory(&self) -> u64 {
        self.used_memory().saturating_sub(self.uncounted_bytes())
    }

    /// Memory that keys cannot give back, since it waits for the disk: records of the log that are not synced, as in
    /// Redis, and copies that a snapshot made, which there are a child's.
    pub(crate) fn uncounted_bytes(&self) -> u64 {
        self.keeper().buffers_len() + keyspace::snapshot::copied_bytes() as u64
    }
}

/// The time that one call may take, by `maxmemory-eviction-tenacity`; None: any.
fn limit_ns(tenacity: u32) -> Option<u64> {
    match tenacity {
        0..=10 => Some(u64::from(tenacity) * 50_000),
        11..100 => Some((500_000.0 * 1.15_f64.powi(tenacity as i32 - 10)) as u64),
        _ => None,
    }
}

/// Removes a key and adds to `freed` what that gave back; false when there is none that may go.
fn evict_one(node: &Node, core: &mut Core, rule: &Rule, freed: &mut u64) -> bool {
    if rule.is_random() {
        return in_some_tables(node, core, rule, 1, |keys, random, buckets| {
            let Some(key) = pick_at_random(keys, rule, random, buckets) else { return 0 };
            usize::from(remove(node, keys, rule, &key, freed, |_| true))
        });
    }
    loop {
        fill(node, core, rule);
        if rule.pool(core).candidates.is_empty() {
            return false;
        }
        while let Some(best) = rule.pool(core).candidates.pop() {
            let shard = node.space.shard_of(node.space.hash(&best.key));
            let is_gone = on_table(node, core, (shard, best.db), |keys| {
                remove(node, keys, rule, &best.key, freed, |entry| {
                    rule.judge(entry).1 == best.state && (entry.has_deadline() || !rule.is_volatile)
                })
            });
            if is_gone {
                return true;
            }
        }
    }
}

fn fill(node: &Node, core: &mut Core, rule: &Rule) {
    let samples = node.settings.maxmemory_samples() as usize;
    let mut pool = std::mem::take(rule.pool(core));
    in_some_tables(node, core, rule, samples, |keys, random, buckets| {
        let Some(db) = keys.table() else { return 0 };
        let mut seen = 0;
        db.dict().sample(random, buckets, |record, is_marked| {
            let entry = db.entry_of(record);
            if rule.admits(entry, is_marked) {
                pool.offer(keys.db_index(), entry.key(), rule.judge(entry));
                seen += 1;
            }
            seen >= samples
        });
        seen
    });
    *rule.pool(core) = pool;
}

/// Runs `work` on tables that have keys that may go, from a random shard on, until it found `wanted` of them; false
/// when it found none.
fn in_some_tables(
    node: &Node,
    core: &mut Core,
    rule: &Rule,
    wanted: usize,
    mut work: impl FnMut(&mut Keys<'_>, u64, usize) -> usize,
) -> bool {
    let shards = node.space.shards();
    // Values that are small or moved already may be all that there is: that is no reason to look at each.
    let rounds: &[Option<usize>] = if rule.cools { &[Some(COOL_BUCKETS_MAX)] } else { &[Some(BUCKETS_MAX), None] };
    for &buckets in rounds {
        let first = core.random.get_mut().below(shards as u64) as usize;
        let (mut found, mut has_any) = (0, false);
        for shard in (first..shards).chain(0..first) {
            for db in node.space.dbs_where(shard, |db| rule.eligible(db) > 0) {
                has_any = true;
                let random = core.random.get_mut().next_u64();
                found += on_table(node, core, (shard, db), |keys| {
                    let buckets = keys.table().map_or(0, |db| buckets_of(db, buckets));
                    work(keys, random, buckets)
                });
            }
            if found >= wanted {
                return true;
            }
        }
        if found > 0 || !has_any {
            return found > 0;
        }
    }
    false
}

/// How many buckets of a table to look at: none twice.
fn buckets_of(db: &Db, max: Option<usize>) -> usize {
    match max {
        // Buckets have 8 slots.
        Some(max) if db.len() > max * 8 => max,
        Some(max) => db.dict().buckets().min(max),
        None => db.dict().buckets(),
    }
}

fn pick_at_random(keys: &Keys<'_>, rule: &Rule, random: u64, buckets: usize) -> Option<Box<[u8]>> {
    let (db, mut found) = (keys.table()?, None);
    // The first of its bucket would go too often: a random one of those that fit takes its place.
    let mut seen = 0;
    db.dict().sample(random, buckets, |record, is_marked| {
        if rule.admits(db.entry_of(record), is_marked) {
            seen += 1;
            if random.rotate_right(seen * 3).is_multiple_of(u64::from(seen)) {
                found = Some(record);
            }
        }
        seen >= 8
    });
    found.map(|record| db.entry_of(record).key().into())
}

/// Removes a key that is still what it was, or moves its value.
fn remove(
    node: &Node,
    keys: &mut Keys<'_>,
    rule: &Rule,
    key: &[u8],
    freed: &mut u64,
    is_still: impl FnOnce(Entry<'_>) -> bool,
) -> bool {
    let key = keys.key(key);
    let Some(db) = keys.table() else { return false };
    let Some(slot): Option<Slot> = db.find(key.hash, key.bytes) else { return false };
    if !is_still(db.entry(slot)) {
        return false;
    }
    if rule.cools {
        let moved = keys.db_mut(key.hash).cool(slot);
        if let (Some(ticket), Some(tier)) = (moved, node.warm.tier()) {
            tier.offer(ticket);
        }
        return moved.is_some();
    }
    let before = node.memory_in_use();
    keys.db_mut(key.hash).remove(slot);
    *freed += before.saturating_sub(node.memory_in_use());
    let removal: &[u8] = if node.settings.lazyfree_lazy_eviction() { b"UNLINK" } else { b"DEL" };
    let db = keys.db_index();
    keys.tally.effects.push(db, [removal, key.bytes].into_iter());
    keys.changed_with(&key, Event::EVICTED);
    true
}

#[cfg(test)]
mod tests {
    use settings::Settings;

    use super::*;
    use crate::node::memory::used_by_thread;
    use crate::testing::Fixture;

    fn fixture() -> Fixture {
        Fixture::measuring(used_by_thread)
    }

    fn set(fixture: &Fixture, name: &str, value: &str) {
        let settings: &Settings = &fixture.node.settings;
        let caller = settings::Caller { local: true, loading: false };
        settings.set(&[(name, value)], caller).expect("a known setting");
    }

    /// Fills memory to a limit with keys of which every second one expires, then goes on with as many.
    fn overfill(policy: &str) -> (Fixture, usize) {
        let mut fixture = fixture();
        set(&fixture, "maxmemory-policy", policy);
        let value = "x".repeat(1000);
        fixture.cli(1, "SET first v");
        set(&fixture, "maxmemory", &(used_by_thread() + 300_000).to_string());
        let mut refused = 0;
        for number in 0..1000 {
            let expiry = if number % 2 == 0 { "EX 10000" } else { "" };
            let reply = fixture.cli(1, &format!("SET key:{number} {value} {expiry}"));
            refused += usize::from(reply.contains("OOM command not allowed"));
        }
        (fixture, refused)
    }

    #[test]
    fn every_policy_keeps_the_limit_or_refuses() {
        for policy in ["allkeys-lru", "allkeys-lfu", "allkeys-random"] {
            let (fixture, refused) = overfill(policy);
            assert_eq!(refused, 0, "{policy}");
            assert!(fixture.node.cores[0].evicted.get() > 500, "{policy}");
            assert!(used_by_thread() < fixture.node.settings.maxmemory() + 65_536, "{policy}");
        }
        for policy in ["volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"] {
            let (mut fixture, refused) = overfill(policy);
            assert!(refused > 0, "{policy}: the keys that stay fill it");
            assert!(fixture.node.cores[0].evicted.get() > 50, "{policy}");
            assert_eq!(fixture.cli(1, "EXISTS first key:1 key:3"), "(integer) 3", "{policy}");
        }
    }

    #[test]
    fn without_eviction_only_what_may_grow_is_refused() {
        let mut fixture = Fixture::new();
        fixture.cli(1, "SET k v");
        set(&fixture, "maxmemory", "1");
        let refusal = "(error) OOM command not allowed when used memory > 'maxmemory'.";
        assert_eq!(fixture.cli(1, "SET k w"), refusal);
        assert_eq!(fixture.cli(1, "GET k"), "\"v\"");
        assert_eq!(fixture.cli(1, "DEL k"), "(integer) 1");
        assert_eq!(fixture.cli(1, "SET k w"), refusal);
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut fixture = fixture();
        set(&fixture, "maxmemory-policy", "allkeys-lru");
        set(&fixture, "maxmemory-samples", "64");
        let value = "x".repeat(1000);
        for number in 0..100 {
            fixture.cli(1, &format!("SET key:{number} {value}"));
        }
        fixture.advance_ms(100_000);
        for number in 0..100 {
            if number % 4 == 0 {
                fixture.cli(1, &format!("GET key:{number}"));
            }
        }
        set(&fixture, "maxmemory", &(used_by_thread() - 40_000).to_string());
        fixture.cli(1, "PING");
        let left: usize =
            (0..100).filter(|number| fixture.cli(1, &format!("EXISTS key:{number}")).ends_with('1')).count();
        let used =
            (0..25).filter(|number| fixture.cli(1, &format!("EXISTS key:{}", number * 4)).ends_with('1')).count();
        assert!(left < 70, "{left}");
        assert_eq!(used, 25, "of {left}");
    }

    #[test]
    fn news_of_evictions_take_no_further_keys_along() {
        let mut fixture = fixture();
        set(&fixture, "maxmemory-policy", "allkeys-lru");
        let name = "x".repeat(1000);
        for reader in 2..12 {
            fixture.cli(reader, "HELLO 3");
            fixture.cli(reader, "CLIENT TRACKING ON");
        }
        for number in 0..300 {
            fixture.cli(1, &format!("SET {number}{name} v"));
            for reader in 2..12 {
                fixture.cli(reader, &format!("GET {number}{name}"));
            }
        }
        set(&fixture, "maxmemory", &(used_by_thread() - 40_000).to_string());
        fixture.cli(1, "PING");
        let evicted = fixture.node.cores[0].evicted.get();
        assert!((10..=44).contains(&evicted), "{evicted}");
    }

    #[test]
    fn the_pool_keeps_the_best() {
        let mut pool = Pool::default();
        for score in (0..40).chain(10..50) {
            pool.offer(0, &[score], (u64::from(score), 0));
        }
        let scores: Vec<u64> = pool.candidates.iter().map(|candidate| candidate.score).collect();
        assert_eq!(scores, (34..50).collect::<Vec<_>>());
    }
}
