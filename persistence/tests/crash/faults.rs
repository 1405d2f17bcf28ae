//! A disk that fails once, fails often, or is full: no false acknowledgement, and writing goes on by itself.

use std::time::Duration;

use persistence::disk::simulated::Faults;
use persistence::wal::Policy;

use super::world::{Death, World};
use super::{points, seed};

const POLICIES: [Policy; 3] = [Policy::Always, Policy::EverySecond, Policy::No];

/// Runs until everything written is acknowledged again.
fn mend(world: &mut World, context: &str) {
    world.release_all();
    for _ in 0..20 {
        world.log().flush();
        world.advance(200_000);
        world.log().step();
        world.observe();
        if world.log().is_healthy() && world.settled() == world.log().last_reserved() {
            return;
        }
    }
    panic!("{context}: it does not go on: {:?}", world.log().failure());
}

fn fail_at(seed: u64, policy: Policy, nth: u64, calls: u64, death: Death) {
    let context = format!("seed {seed}, {policy:?}, EIO at {nth} ({calls} times), {death:?}");
    let mut world = World::new(seed, policy);
    let first = world.disk.calls() + nth;
    world.disk.set_faults(Faults { io_error_at: (first..first + calls).collect(), ..Faults::default() });
    for step in 0..220 {
        if step % 70 == 69 {
            world.compact();
        }
        world.step();
    }
    if world.lots.one_in(2) {
        mend(&mut world, &context);
    }
    world.die(death, &context);
    world.step();
    world.die(Death::Kill, &context);
}

#[test]
fn an_error_at_any_call_acknowledges_nothing_falsely() {
    for policy in POLICIES {
        for nth in 1..=200 {
            for seed in seed()..seed() + points(300).div_ceil(300) {
                for death in [Death::Kill, Death::Power] {
                    fail_at(seed, policy, nth, 1, death);
                    fail_at(seed, policy, nth, 5, death);
                }
            }
        }
    }
}

#[test]
fn a_full_disk_is_waited_for() {
    for policy in POLICIES {
        for seed in seed()..seed() + points(60) {
            let mut world = World::new(seed, policy);
            let capacity = 2_000 + world.lots.below(60_000);
            world.disk.set_faults(Faults { capacity: Some(capacity), short_writes: true, ..Faults::default() });
            for _ in 0..300 {
                world.step();
            }
            let context = format!("seed {seed}, {policy:?}, {capacity} bytes");
            let was_full = !world.log().is_healthy();
            let before = world.settled();
            if was_full {
                assert!(world.log().failure().is_some_and(|reason| reason.contains("No space")), "{context}");
                world.log().step();
                world.observe();
                assert_eq!(world.settled(), before, "{context}");
            }
            if world.lots.one_in(3) {
                world.die(Death::Power, &context);
                continue;
            }
            world.disk.set_faults(Faults::default());
            mend(&mut world, &context);
            assert!(world.log().step() <= Duration::from_secs(1));
            world.die(Death::Power, &context);
        }
    }
}
