//! Deaths at points that lots choose, several lives in a row, under each policy.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use persistence::disk::simulated::{Faults, Lots};
use persistence::wal::Policy;

use super::world::{Death, World};
use super::{points, seed};

fn live(seed: u64, policy: Policy, death: Death) -> (u64, u64) {
    let mut world = World::new(seed, policy);
    let (mut lost, mut cuts) = (0, 0);
    for life in 0..3 {
        let slow_us = if world.lots.one_in(3) { 700_000 } else { 20_000 };
        let (clock, lots) = (world.clock(), AtomicU64::new(seed ^ life));
        // A sync takes its time, and cores go on meanwhile.
        let (log, settled_at) = (Arc::downgrade(&world.log()), world.settled_at());
        world.disk.set_during_sync(Some(Arc::new(move || {
            let us = Lots::new(lots.fetch_add(1, SeqCst)).below(slow_us);
            let Some(log) = log.upgrade() else { return };
            let see = || settled_at.lock().expect("no panic under it").push((log.settled(), clock.load(SeqCst)));
            // What was written just before it left then, and not when the sync is over.
            see();
            clock.fetch_add(us, SeqCst);
            log.write_all();
            see();
        })));
        let steps = 20 + world.lots.below(150);
        if world.lots.one_in(2) {
            let call = world.disk.calls() + 1 + world.lots.below(steps / 2);
            world.disk.set_faults(Faults { power_off_at: Some(call), short_writes: true, ..Faults::default() });
        }
        for _ in 0..steps {
            if world.disk.is_off() {
                break;
            }
            if world.lots.one_in(40) {
                world.compact();
            }
            world.step();
        }
        let acknowledged = world.settled();
        let recovered = world.die(death, &format!("seed {seed}, life {life}, {policy:?}, {death:?}"));
        lost += acknowledged.saturating_sub(recovered.last);
        cuts += u64::from(recovered.cut.is_some());
    }
    (lost, cuts)
}

fn lives(policy: Policy, death: Death) -> (u64, u64) {
    let first = seed();
    (first..first + points(300)).fold((0, 0), |(lost, cuts), seed| {
        let (more, torn) = live(seed, policy, death);
        (lost + more, cuts + torn)
    })
}

#[test]
fn power_with_always_loses_nothing() {
    let (lost, cuts) = lives(Policy::Always, Death::Power);
    assert_eq!(lost, 0);
    assert!(cuts > 10, "tails were torn: {cuts}");
}

#[test]
fn power_with_everysec_loses_a_second_at_most() {
    let (lost, cuts) = lives(Policy::EverySecond, Death::Power);
    assert!(lost > 100, "the simulation can lose what was not synced: {lost}");
    assert!(cuts > 10, "tails were torn: {cuts}");
}

#[test]
fn power_with_no_leaves_a_prefix() {
    let (lost, cuts) = lives(Policy::No, Death::Power);
    assert!(lost > 100 && cuts > 10, "{lost} {cuts}");
}

#[test]
fn kill_loses_nothing_under_any_policy() {
    for policy in [Policy::Always, Policy::EverySecond, Policy::No] {
        assert_eq!(lives(policy, Death::Kill).0, 0);
    }
}
