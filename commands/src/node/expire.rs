//! Active expiry: removes keys and hash fields whose time is over though nobody asks for them.
//!
//! At every tick a core walks its share of the shards. In each table it looks at a few keys with a deadline, on from
//! where it was the last time, and stays as long as too many of them were expired. So memory held by expired keys
//! stays below some tenth, and the time that finding them takes is bounded, whatever their number.

use std::collections::HashMap;

use keyspace::change::{Classes, Event};
use keyspace::keys::Keys;

use super::Node;
use super::core::Core;
use super::tick::on_table;
use crate::publish::publish;

const FIELD_EXPIRED: Event = Event::new(Classes::HASH, "hexpired");

/// Hash fields removed under one lock.
const FIELDS_AT_ONCE: usize = 64;

/// Where a core's walk is.
#[derive(Default)]
pub(crate) struct Walk {
    /// The next of the core's shards.
    next: usize,
    /// The place in each table that is not at its beginning, by shard and database.
    cursors: HashMap<(usize, usize), u64>,
}

/// What `active-expire-effort` (1 to 10) buys, by Redis's measures.
struct Effort {
    /// Keys with a deadline looked at under one lock.
    keys: usize,
    /// Percents of expired ones among them that are not worth going on for.
    stale_max: usize,
    limit_ns: u64,
}

impl Effort {
    fn new(effort: u32, hz: u32) -> Self {
        let extra = effort.clamp(1, 10) - 1;
        let cpu_percent = u64::from(25 + 2 * extra);
        Self {
            keys: 20 + 5 * extra as usize,
            stale_max: (10 - extra) as usize,
            limit_ns: cpu_percent * 10_000_000 / u64::from(hz),
        }
    }
}

#[derive(Default)]
struct Seen {
    checked: usize,
    expired: usize,
}

/// One tick's work.
pub(crate) fn cycle(node: &Node, core: &mut Core, hz: u32) {
    let effort = Effort::new(node.settings.active_expire_effort(), hz);
    let start = core.clock.ticks();
    let (cores, shards) = (node.cores.len(), node.space.shards());
    let own = shards.saturating_sub(core.index).div_ceil(cores);
    let mut seen = Seen::default();
    for _ in 0..own {
        let shard = core.index + core.expiry.next % own * cores;
        let in_time = walk_shard(node, core, shard, &effort, start, &mut seen);
        publish(node, core, 0);
        if !in_time {
            core.stats.expire_cap_reached.add(1);
            break;
        }
        core.expiry.next = (core.expiry.next + 1) % own;
    }
    let stale = if seen.checked == 0 { 0 } else { seen.expired as u64 * 10_000 / seen.checked as u64 };
    let before = core.stats.expire_stale.get();
    // A running average, as slow as Redis's.
    core.stats.expire_stale.set((stale + before * 19) / 20);
    let ns = core.clock.ns_between(start, core.clock.ticks());
    core.stats.expire_ns.add(ns);
    node.monitoring.latency.record(&node.settings, "expire-cycle", ns / 1_000_000, core.now.unix_ms / 1000);
}

/// Whether there was time for the whole shard.
fn walk_shard(
    node: &Node,
    core: &mut Core,
    shard: usize,
    effort: &Effort,
    start: base::clock::Ticks,
    seen: &mut Seen,
) -> bool {
    for db in node.space.expiring_dbs(shard) {
        loop {
            let (found, fields) = visit_table(node, core, (shard, db), effort.keys);
            seen.checked += found.checked;
            seen.expired += found.expired;
            let is_worth_it = found.expired * 100 > found.checked * effort.stale_max || fields == FIELDS_AT_ONCE;
            if core.clock.ns_between(start, core.clock.ticks()) > effort.limit_ns {
                return false;
            }
            if !is_worth_it {
                break;
            }
        }
    }
    true
}

/// Looks at some keys of one table, and removes some expired fields; all under one lock.
fn visit_table(node: &Node, core: &mut Core, (shard, db): (usize, usize), keys_max: usize) -> (Seen, usize) {
    let cursor = core.expiry.cursors.remove(&(shard, db)).unwrap_or(0);
    let (next, seen, fields) = on_table(node, core, (shard, db), |keys| {
        let (next, expired, seen) = look(keys, cursor, keys_max);
        for key in &expired {
            // Finding a key whose time is over removes it.
            let key = keys.key(key);
            keys.find_untouched(&key);
        }
        (next, seen, expire_fields(keys))
    });
    if next != 0 {
        core.expiry.cursors.insert((shard, db), next);
    }
    (seen, fields)
}

/// The expired ones among the next `keys_max` keys with a deadline, and where to go on.
fn look(keys: &Keys<'_>, mut cursor: u64, keys_max: usize) -> (u64, Vec<Box<[u8]>>, Seen) {
    let (mut expired, mut seen) = (Vec::new(), Seen::default());
    let Some(db) = keys.table().filter(|db| db.expiring() > 0) else { return (0, expired, seen) };
    // Where few keys have deadlines, slots are cheap to pass: only those of marked records are followed.
    for _ in 0..keys_max * 20 {
        cursor = db.dict().scan(cursor, |record, is_marked| {
            if !is_marked {
                return;
            }
            let entry = db.entry_of(record);
            seen.checked += 1;
            if entry.deadline_ms().is_some_and(|at_ms| at_ms <= keys.now.unix_ms) {
                expired.push(entry.key().into());
            }
        });
        if cursor == 0 || seen.checked >= keys_max {
            break;
        }
    }
    seen.expired = expired.len();
    (cursor, expired, seen)
}

fn expire_fields(keys: &mut Keys<'_>) -> usize {
    let mut fields = 0;
    for hash in keys.expire_fields(FIELDS_AT_ONCE) {
        let key = keys.key(&hash.key);
        fields += hash.fields.len();
        keys.changed_with(&key, FIELD_EXPIRED);
        if hash.gone {
            keys.event(&key, Event::DEL);
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fixture, check_with};

    #[test]
    fn removes_what_nobody_asks_for() {
        let mut fixture = Fixture::new();
        for number in 0..2000 {
            fixture.cli(1, &format!("SET gone:{number} v PX 50"));
            fixture.cli(1, &format!("SET stays:{number} v PX 500000"));
        }
        fixture.cli(1, "SET other v");
        assert_eq!(fixture.cli(1, "DBSIZE"), "(integer) 4001");
        fixture.advance_ms(100);
        let ticks = (1..1000).find(|_| {
            fixture.tick();
            fixture.cli(1, "DBSIZE") == "(integer) 2001"
        });
        assert!(ticks.is_some_and(|ticks| ticks < 20), "{ticks:?}");
        assert_eq!(fixture.node.cores[0].expired.get(), 2000);
    }

    #[test]
    fn tells_of_keys_and_fields() {
        let mut fixture = Fixture::new();
        let set = [("notify-keyspace-events", "Ehxg")];
        fixture.node.settings.set(&set, settings::Caller::default()).expect("a live setting");
        fixture.node.follow_events();
        check_with(
            &mut fixture,
            "> HSET h f v g w\n(integer) 2\n> HPEXPIRE h 20 FIELDS 1 f\n1) (integer) 1\n> SET k v PX 20\nOK",
        );
        fixture.cli(2, "PSUBSCRIBE *");
        fixture.advance_ms(30);
        fixture.tick();
        let told = fixture.received(2);
        assert!(told.contains("__keyevent@0__:expired\"\n4) \"k\""), "{told}");
        assert!(told.contains("__keyevent@0__:hexpired\"\n4) \"h\""), "{told}");
        check_with(&mut fixture, "> HPEXPIRE h 20 FIELDS 1 g\n1) (integer) 1");
        fixture.received(2);
        fixture.advance_ms(30);
        fixture.tick();
        assert!(fixture.received(2).contains("__keyevent@0__:del\"\n4) \"h\""));
    }

    #[test]
    fn can_be_switched_off() {
        let mut fixture = Fixture::new();
        fixture.node.set_active_expire(false);
        fixture.cli(1, "SET k v PX 5");
        fixture.advance_ms(10);
        fixture.tick();
        assert_eq!(fixture.cli(1, "DBSIZE"), "(integer) 1");
        fixture.node.set_active_expire(true);
        fixture.tick();
        assert_eq!(fixture.cli(1, "DBSIZE"), "(integer) 0");
    }
}
