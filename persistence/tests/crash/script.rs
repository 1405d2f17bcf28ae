//! A script of 200 operations with rotations and compactions, ended at every single call to the disk.

use persistence::disk::simulated::Faults;
use persistence::wal::Policy;

use super::world::{Death, World};
use super::{points, seed};

/// Runs the script until it is over or the power is.
fn run(world: &mut World) {
    for operation in 0..200 {
        if world.disk.is_off() {
            return;
        }
        if operation % 60 == 59 {
            world.compact();
        }
        world.write();
        world.release_all();
        if operation % 3 == 0 {
            world.log().flush();
        }
        if operation % 5 == 0 {
            world.advance(150_000);
            world.log().step();
        }
        world.observe();
    }
}

#[test]
fn every_crash_point_of_a_script_recovers() {
    for policy in [Policy::Always, Policy::EverySecond, Policy::No] {
        for seed in seed()..seed() + points(300).div_ceil(300) {
            let mut whole = World::new(seed, policy);
            run(&mut whole);
            let calls = whole.disk.calls();
            assert!(calls > 100, "{calls} calls");
            for call in 1..=calls {
                // The short run takes turns; with more than one seed all are tried.
                let deaths = [Death::Kill, Death::Power];
                let turn = (call % 2) as usize;
                for death in if points(1) > 1 { &deaths[..] } else { &deaths[turn..=turn] } {
                    let death = *death;
                    let mut world = World::new(seed, policy);
                    if call <= world.disk.calls() {
                        continue;
                    }
                    world.disk.set_faults(Faults { power_off_at: Some(call), ..Faults::default() });
                    run(&mut world);
                    let context = format!("seed {seed}, call {call}, {policy:?}, {death:?}");
                    world.die(death, &context);
                    // And what follows is as good as ever.
                    run(&mut world);
                    world.die(Death::Kill, &context);
                }
            }
        }
    }
}
