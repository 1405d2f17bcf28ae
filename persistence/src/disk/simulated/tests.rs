//! The simulated disk forgets what it must and nothing else.

use std::path::Path;

use super::*;
use crate::disk::{append_all, replace};

fn path(name: &str) -> PathBuf {
    Path::new("dir").join(name)
}

#[test]
fn what_was_synced_survives_every_cut() {
    for seed in 0..200 {
        let disk = SimulatedDisk::new(seed);
        let file = disk.create(&path("a")).expect("no fault");
        append_all(&*file, &[7; 3000], &mut 0).expect("no fault");
        file.sync_data().expect("no fault");
        disk.sync_dir(Path::new("dir")).expect("no fault");
        append_all(&*file, &[8; 3000], &mut 0).expect("no fault");
        disk.power_on();
        let content = disk.read(&path("a")).expect("its name was synced");
        assert_eq!(content[..3000], [7; 3000]);
    }
}

#[test]
fn what_was_not_synced_is_lost_torn_and_reordered() {
    let (mut lost, mut whole, mut holes, mut unnamed) = (0, 0, 0, 0);
    for seed in 0..400 {
        let disk = SimulatedDisk::new(seed);
        let file = disk.create(&path("a")).expect("no fault");
        append_all(&*file, &[8; 3000], &mut 0).expect("no fault");
        disk.power_on();
        let Ok(content) = disk.read(&path("a")) else {
            unnamed += 1;
            continue;
        };
        lost += usize::from(content.is_empty());
        whole += usize::from(content == [8; 3000]);
        holes += usize::from(content.windows(2).any(|pair| pair == [0, 8]));
    }
    assert!(lost > 10 && whole > 10 && holes > 10 && unnamed > 10, "{lost} {whole} {holes} {unnamed}");
}

#[test]
fn after_a_failed_sync_another_one_lies() {
    let disk = SimulatedDisk::new(1);
    let file = disk.create(&path("a")).expect("no fault");
    disk.sync_dir(Path::new("dir")).expect("no fault");
    append_all(&*file, &[8; 600], &mut 0).expect("no fault");
    disk.set_faults(Faults { io_error_at: vec![disk.calls() + 1], ..Faults::default() });
    assert!(file.sync_data().is_err());
    assert!(file.sync_data().is_ok());
    assert_eq!(disk.read(&path("a")).expect("cached").len(), 600);
    disk.power_on();
    assert!(disk.read(&path("a")).expect("named").iter().all(|byte| *byte == 0), "nothing reached the disk");
}

#[test]
fn a_replaced_file_is_the_old_or_the_new_one_at_every_cut() {
    for call in 1..=12 {
        for seed in 0..20 {
            let disk = SimulatedDisk::new(seed);
            replace(&disk, &path("m"), b"old").expect("no fault");
            disk.set_faults(Faults { power_off_at: Some(disk.calls() + call), ..Faults::default() });
            let is_done = replace(&disk, &path("m"), b"new").is_ok();
            disk.power_on();
            let content = disk.read(&path("m")).expect("always one of them");
            assert!(content == b"new" || (content == b"old" && !is_done), "{content:?}");
        }
    }
}

#[test]
fn a_full_disk_takes_what_fits() {
    let disk = SimulatedDisk::new(1);
    let file = disk.create(&path("a")).expect("no fault");
    disk.set_faults(Faults { capacity: Some(100), ..Faults::default() });
    let mut done = 0;
    let error = append_all(&*file, &[1; 150], &mut done).expect_err("it does not fit");
    assert_eq!((done, error.raw_os_error()), (100, Some(libc::ENOSPC)));
}
