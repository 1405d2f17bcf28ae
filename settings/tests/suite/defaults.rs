//! The directives of Redis 8.0 with their defaults, as CONFIG GET of a server started without a file shows them.

use std::collections::BTreeSet;

use settings::{ClientClass, LogLevel, MaxmemoryPolicy, SavePoint, Settings};

const REDIS: &str = include_str!("../data/redis-8.0-defaults.txt");

fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    REDIS.lines().map(|line| {
        let (name, default) = line.split_once(" =").unwrap();
        (name, default.strip_prefix(' ').unwrap_or(default))
    })
}

#[test]
fn every_directive_has_the_default_of_redis() {
    let settings = Settings::new();
    let wrong: Vec<_> = rows()
        .filter(|(name, default)| settings.get_one(name) != Some(default.as_bytes().to_vec()))
        .map(|(name, default)| (name, default, settings.get_one(name)))
        .collect();
    assert_eq!(wrong, []);
}

#[test]
fn config_get_star_names_what_redis_names() {
    let shown: BTreeSet<_> =
        Settings::new().get(&["*"]).into_iter().map(|(name, _)| String::from_utf8(name).unwrap()).collect();
    // `dir` is where the server was started, so the list of defaults cannot hold it.
    let expected: BTreeSet<_> = rows().map(|(name, _)| name).chain(["dir"]).map(str::to_owned).collect();
    assert_eq!(shown, expected);
}

#[test]
fn getters_have_types() {
    let settings = Settings::new();
    assert_eq!(settings.port(), 6379);
    assert_eq!(settings.maxmemory(), 0);
    assert_eq!(settings.maxmemory_policy(), MaxmemoryPolicy::Noeviction);
    assert_eq!(settings.loglevel(), LogLevel::Notice);
    assert_eq!(settings.hash_max_listpack_entries(), 512);
    assert_eq!(settings.list_max_listpack_size(), -2);
    assert_eq!(settings.save()[0], SavePoint { seconds: 3600, changes: 1 });
    assert_eq!(settings.client_output_buffer_limit()[ClientClass::PubSub as usize].soft_seconds, 60);
    assert_eq!(settings.bind().iter().map(|word| word.to_vec()).collect::<Vec<_>>(), [b"*".to_vec(), b"-::*".to_vec()]);
    assert_eq!(*settings.latency_tracking_info_percentiles(), [50.0, 99.0, 99.9]);
    assert!(settings.dir().as_path().is_absolute());
}
