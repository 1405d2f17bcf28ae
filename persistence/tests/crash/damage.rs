//! Flipped bits, cuts and zeros in a log at rest: each is refused, or reported as a torn tail; never a wrong value.

use std::sync::Arc;

use persistence::disk::Disk;
use persistence::disk::simulated::Lots;
use persistence::wal::{MANIFEST, Policy, Recovery, check, repair};

use super::world::{World, dir};
use super::{points, seed};

/// A log that was closed in order: everything in it is promised, and says so.
fn closed(seed: u64) -> World {
    let mut world = World::new(seed, Policy::EverySecond);
    for _ in 0..120 {
        world.write();
        world.release_all();
        world.advance(30_000);
        world.log().flush();
        world.log().step();
    }
    world.log().sync_all().expect("no fault");
    // An idle log says how far it is durable.
    world.log().step();
    world.observe();
    world.log = None;
    world.disk.power_on();
    world
}

enum Verdict {
    Refused,
    Cut,
    Whole,
}

/// What a start does with it; what it reads must be a prefix of the truth.
fn start(world: &World, context: &str) -> Verdict {
    let recovery = match Recovery::open(Arc::new(world.disk.clone()), dir()) {
        Ok(Some(recovery)) => recovery,
        Ok(None) => panic!("{context}: the manifest is not found"),
        Err(_) => return Verdict::Refused,
    };
    match world.read(&recovery) {
        Err(_) => Verdict::Refused,
        Ok((recovered, hash)) => {
            world.judge_prefix(&recovered, hash, context);
            if recovered.cut.is_some() { Verdict::Cut } else { Verdict::Whole }
        }
    }
}

#[test]
fn every_damage_is_detected() {
    let (mut refused, mut cut, mut missed, mut gone) = (0, 0, 0, 0);
    for seed in seed()..seed() + points(1000) {
        let world = closed(seed % 7);
        let mut lots = Lots::new(seed);
        let names = world.disk.list(dir()).expect("its files");
        let name = &names[lots.below(names.len() as u64) as usize];
        let kind = lots.below(3);
        let mut has_changed = false;
        world.disk.damage(&dir().join(name), |bytes| {
            let before = bytes.clone();
            let at = lots.below(bytes.len() as u64) as usize;
            match kind {
                0 => bytes[at] ^= 1 << lots.below(8),
                1 => bytes.truncate(at),
                _ => bytes[at..].fill(0),
            }
            // The last line of the manifest may end any way, and have its digits in capitals.
            let is_form = name == MANIFEST && at + 10 > before.len();
            has_changed = *bytes != before && !is_form;
        });
        let context = format!("seed {seed}: {name}, kind {kind}");
        match start(&world, &context) {
            Verdict::Refused => refused += 1,
            Verdict::Cut => cut += 1,
            // A file that was cut off behind a whole record is as if the rest had never been written.
            Verdict::Whole if kind == 1 => gone += usize::from(!world.is_whole()),
            Verdict::Whole if has_changed => missed += usize::from(!world.is_whole()),
            Verdict::Whole => {}
        }
    }
    assert_eq!(missed, 0);
    assert!(gone * 200 <= refused, "cuts that hit the end of a record are rare: {gone} of {refused}");
    assert!(refused > cut, "damage to what was durable is refused: {refused}, {cut}");
}

#[test]
fn damage_is_named_and_repaired() {
    let world = closed(3);
    let disk: Arc<dyn Disk> = Arc::new(world.disk.clone());
    let mut segments: Vec<String> = disk.list(dir()).expect("its files");
    segments.retain(|name| name.ends_with(".segment"));
    segments.sort();
    let path = dir().join(&segments[1]);
    world.disk.damage(&path, |bytes| bytes[1000] ^= 4);
    let checked = check(disk.clone(), dir()).expect("readable").expect("a log");
    let report = checked.report();
    assert!(report.contains("DAMAGED") && report.contains(&segments[1]) && report.contains("--repair-wal"), "{report}");
    let lines = repair(disk.clone(), dir()).expect("it can be cut").expect("it was damaged");
    assert!(lines.contains(".damaged"), "{lines}");
    assert!(repair(disk.clone(), dir()).expect("readable").is_none());
    let checked = check(disk, dir()).expect("readable").expect("a log");
    let recovered = checked.result.expect("whole");
    assert!(recovered.last > 10 && recovered.cut.is_none(), "{recovered:?}");
}
