//! Requests whose keys' values are in files answer what they answer where all is in memory.

use std::path::PathBuf;

use base::id::Rng;
use persistence::disk::Disk;
use persistence::disk::simulated::{Faults, Lots, SimulatedDisk};

use crate::effect_property::{Words, corpus, draw, may_block};
use crate::testing::{Fixture, check_with};

const STEPS: usize = 700;
const CLIENTS: u64 = 3;

/// Whose replies hang on chance or on the order of tables, beyond what sorted lines can hide.
const BY_CHANCE: [&str; 12] = [
    "SPOP",
    "SRANDMEMBER",
    "HRANDFIELD",
    "ZRANDMEMBER",
    "RANDOMKEY",
    "SSCAN",
    "HSCAN",
    "ZSCAN",
    "SCAN",
    "OBJECT",
    "MEMORY",
    "DUMP",
];

fn hangs_on_chance(words: &Words) -> bool {
    BY_CHANCE.iter().any(|name| words[0].eq_ignore_ascii_case(name.as_bytes()))
}

fn sorted(reply: Option<Vec<u8>>) -> Option<Vec<Vec<u8>>> {
    let reply = reply?;
    let mut lines: Vec<Vec<u8>> = reply.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    lines.sort();
    Some(lines)
}

/// An instance whose values are all in files before each request, and one without a tier.
#[test]
fn every_command_finds_what_was_moved() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let rounds = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(2);
    for round in seed..seed + rounds {
        let mut random = Rng::from_seed(round);
        let disk = SimulatedDisk::new(round);
        disk.set_faults(Faults { caches_nothing: round % 2 == 0, short_reads: true, ..Faults::default() });
        let (mut tiered, mut plain) = (Fixture::with_tier(Some(&disk), round), Fixture::with_tier(None, round));
        let corpus = corpus(&plain);
        let mut session = vec![format!("seed {round}")];
        for step in 0..STEPS {
            tiered.set_now_ms(plain.now_ms());
            let client = random.below(CLIENTS) as u32 + 1;
            if plain.is_waiting(client) {
                continue;
            }
            let words = draw(&plain, &corpus, &mut random);
            if hangs_on_chance(&words) || client == 1 && may_block(&plain, &words) {
                continue;
            }
            let slices: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            let shown: Vec<String> = words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
            session.push(format!("@{client}> {}", shown.join(" ")));
            tiered.cool();
            let (with, without) = (sorted(tiered.run(client, &slices)), sorted(plain.run(client, &slices)));
            let text = |reply: &Option<Vec<Vec<u8>>>| {
                reply.as_ref().map(|lines| String::from_utf8_lossy(&lines.join(&b' ')).into_owned())
            };
            assert_eq!(text(&with), text(&without), "{}", session.join("\n"));
            if random.below(30) == 0 {
                let ms = random.below(40) as i64;
                session.push(format!("+ {ms}ms"));
                plain.advance_ms(ms);
                tiered.advance_ms(ms);
            }
            if step % 25 == 0 {
                tiered.cool();
                let now_ms = plain.now_ms();
                assert_eq!(tiered.contents(now_ms), plain.contents(now_ms), "{}", session.join("\n"));
            }
        }
        let moved =
            tiered.node.warm.tier().expect("it has one").counts().demotions.load(std::sync::atomic::Ordering::Relaxed);
        assert!(moved > 200, "{moved}");
    }
}

fn tiered(disk: &SimulatedDisk) -> Fixture {
    Fixture::with_tier(Some(disk), 1)
}

#[test]
fn what_needs_no_value_reads_none() {
    let disk = SimulatedDisk::new(1);
    let mut fixture = tiered(&disk);
    check_with(&mut fixture, "> SET k v\nOK\n> RPUSH l a b\n(integer) 2\n> SADD other x\n(integer) 1\n> SET n 7\nOK");
    assert_eq!(fixture.cool(), 4);
    disk.set_faults(Faults { read_error_every: 1, ..Faults::default() });
    check_with(
        &mut fixture,
        r#"
        > OBJECT TIER k
        "warm"
        > OBJECT TIER nokey
        (nil)
        > TYPE k
        string
        > TYPE l
        list
        > EXISTS k l other nokey
        (integer) 3
        > EXPIRE k 100
        (integer) 1
        > TTL k
        (integer) 100
        > PERSIST k
        (integer) 1
        > TOUCH k l
        (integer) 2
        > OBJECT IDLETIME k
        (integer) 0
        > RENAME k r
        OK
        > COPY r c
        (integer) 1
        > MOVE c 1
        (integer) 1
        > SCAN 0 TYPE list
        1) "0"
        2) 1) "l"
        > DBSIZE
        (integer) 4
        > SET r new
        OK
        > OBJECT TIER r
        "memory"
        > GET r
        "new"
        > SUNIONSTORE l nokey
        (integer) 0
        > SET n 8 XX KEEPTTL
        OK
        > DEL other
        (integer) 1
        > SELECT 1
        OK
        > OBJECT TIER c
        "warm"
        "#,
    );
}

#[test]
fn the_second_read_brings_a_value_back() {
    let disk = SimulatedDisk::new(1);
    let mut fixture = tiered(&disk);
    check_with(&mut fixture, "> SET k v\nOK\n> OBJECT TIER k\n\"memory\"");
    fixture.cool();
    check_with(
        &mut fixture,
        r#"
        > GET k
        "v"
        > OBJECT TIER k
        "warm"
        > GET k
        "v"
        > OBJECT TIER k
        "memory"
        "#,
    );
    fixture.cool();
    check_with(&mut fixture, "> APPEND k w\n(integer) 2\n> OBJECT TIER k\n\"memory\"\n> GET k\n\"vw\"");
}

#[test]
fn an_unreadable_value_is_an_error_for_its_key_alone() {
    let disk = SimulatedDisk::new(1);
    let mut fixture = tiered(&disk);
    let refusal = |key: &str, why: &str| {
        format!(
            "(error) IOERR the value of key '{key}' cannot be read from the warm tier: {why}. Delete or overwrite the \
             key, or restart the server to load it from the log or snapshot."
        )
    };
    for faults in [Faults::default(), Faults { caches_nothing: true, ..Faults::default() }] {
        disk.set_faults(faults);
        check_with(&mut fixture, "> SET k v\nOK");
        fixture.cool();
        check_with(&mut fixture, "> SET other v\nOK\n> RPUSH l a b c\n(integer) 3");
        let name = disk.list(&PathBuf::from("/tier")).expect("a directory").pop().expect("a file");
        disk.damage(&PathBuf::from("/tier").join(name), |bytes| {
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
        });
        let damaged = refusal("k", "its block is damaged");
        for line in ["GET k", "APPEND k w", "MGET other k", "DUMP k", "OBJECT ENCODING k"] {
            assert_eq!(fixture.cli(1, line), damaged, "{line}");
        }
        assert!(fixture.cli(1, "EVAL \"return redis.call('GET', 'k')\" 0").contains("IOERR the value of key 'k'"));
        check_with(
            &mut fixture,
            &format!("> MULTI\nOK\n> GET k\nQUEUED\n> GET other\nQUEUED\n> EXEC\n1) {damaged}\n2) \"v\""),
        );
        check_with(
            &mut fixture,
            "> EXISTS k\n(integer) 1\n> DEL k\n(integer) 1\n> GET k\n(nil)\n> DEL l other\n(integer) 2",
        );
    }
    check_with(&mut fixture, "> SET k v\nOK");
    fixture.cool();
    disk.set_faults(Faults { read_error_every: 1, ..Faults::default() });
    assert_eq!(fixture.cli(1, "GET k"), refusal("k", "Input/output error (os error 5)"));
    disk.set_faults(Faults::default());
    check_with(&mut fixture, "> GET k\n\"v\"\n> SET k w\nOK\n> GET k\n\"w\"");
}

#[test]
fn scripts_and_transactions_bring_what_they_need() {
    for caches_nothing in [false, true] {
        let disk = SimulatedDisk::new(1);
        disk.set_faults(Faults { caches_nothing, ..Faults::default() });
        let mut fixture = tiered(&disk);
        for line in ["SET a 1", "SET b 2", "RPUSH l x y", "SELECT 1", "SET c 3", "SELECT 0"] {
            fixture.cli(1, line);
        }
        fixture.cool();
        check_with(
            &mut fixture,
            r#"
            > EVAL "return redis.call('INCR', KEYS[1]) + redis.call('GET', 'b')" 1 a
            (integer) 4
            "#,
        );
        fixture.cool();
        check_with(
            &mut fixture,
            r#"
            > EVAL "redis.call('SET', 'n', 1) return {redis.call('GET', 'b'), redis.call('LPOP', 'l')}" 0
            1) "2"
            2) "x"
            > EVAL "redis.call('SELECT', 1) return redis.call('GET', 'c')" 0
            "3"
            "#,
        );
        fixture.cool();
        check_with(
            &mut fixture,
            r#"
            > MULTI
            OK
            > INCR a
            QUEUED
            > SELECT 1
            QUEUED
            > APPEND c x
            QUEUED
            > SELECT 0
            QUEUED
            > RPOPLPUSH l m
            QUEUED
            > EXEC
            1) (integer) 3
            2) OK
            3) (integer) 2
            4) OK
            5) "y"
            "#,
        );
    }
}

#[test]
fn waiting_clients_and_patterns_find_what_was_moved() {
    for caches_nothing in [false, true] {
        let disk = SimulatedDisk::new(1);
        disk.set_faults(Faults { caches_nothing, ..Faults::default() });
        let mut fixture = tiered(&disk);
        check_with(
            &mut fixture,
            "@2> BLMOVE src dst LEFT RIGHT 0\n(waits)\n> RPUSH dst old\n(integer) 1\n> RPUSH l 1 2 3\n(integer) 3\n\
             > MSET w1 30 w2 20 w3 10 g1 a g2 b g3 c\nOK",
        );
        fixture.cool();
        check_with(
            &mut fixture,
            r#"
            > RPUSH src new
            (integer) 1
            @2
            "new"
            > LRANGE dst 0 -1
            1) "old"
            2) "new"
            > SORT l BY w* GET g* GET #
            1) "c"
            2) "3"
            3) "b"
            4) "2"
            5) "a"
            6) "1"
            "#,
        );
        fixture.cool();
        check_with(&mut fixture, "> SORT l BY w* GET g* STORE out\n(integer) 3\n> LRANGE out 0 0\n1) \"c\"");
    }
}

#[test]
fn digests_are_the_same_wherever_values_are() {
    let disk = SimulatedDisk::new(1);
    let mut fixture = tiered(&disk);
    for line in [
        "SET s text",
        "RPUSH l a b c",
        "SADD i 1 2 3",
        "SADD s2 a b",
        "ZADD z 1 a 2.5 b",
        "HSET h f v",
        "XADD x 1-1 f v",
        "XGROUP CREATE x g 0",
    ] {
        fixture.cli(1, line);
    }
    for number in 0..300 {
        fixture.cli(1, &format!("HSET hh f{number} v"));
        fixture.cli(1, &format!("ZADD zz {number} m{number}"));
        fixture.cli(1, &format!("SADD ss m{number}"));
        fixture.cli(1, &format!("RPUSH ll {}", "e".repeat(number)));
    }
    let before = fixture.cli(1, "DEBUG DIGEST");
    assert_eq!(before.len(), 40, "{before}");
    let encodings = |fixture: &mut Fixture| -> Vec<String> {
        ["s", "l", "i", "s2", "z", "h", "x", "hh", "zz", "ss", "ll"]
            .map(|key| fixture.cli(1, &format!("OBJECT ENCODING {key}")))
            .to_vec()
    };
    let forms = encodings(&mut fixture);
    assert_eq!(fixture.cool(), 11);
    assert_eq!(fixture.cli(1, "DEBUG DIGEST"), before);
    assert_eq!(fixture.cool(), 0, "the digest brought nothing back");
    assert_eq!(encodings(&mut fixture), forms);
    for _ in 0..3 {
        fixture.cool();
        assert_eq!(encodings(&mut fixture), forms);
    }
    assert_eq!(fixture.cli(1, "DEBUG DIGEST"), before);
}

/// Values come and go under a disk that fails now and then: no wrong value, and errors end with the faults.
#[test]
fn a_failing_disk_serves_no_wrong_value() {
    let disk = SimulatedDisk::new(9);
    let mut fixture = tiered(&disk);
    let mut lots = Lots::new(11);
    let mut model = std::collections::HashMap::new();
    let mut refused = 0;
    for round in 0..1500_u64 {
        disk.set_faults(Faults {
            read_error_every: lots.below(6),
            short_reads: lots.one_in(2),
            caches_nothing: lots.one_in(2),
            short_writes: true,
            ..Faults::default()
        });
        let key = format!("k{}", lots.below(20));
        if lots.one_in(3) {
            let value = format!("{round}").repeat(1 + lots.below(50) as usize);
            assert_eq!(fixture.cli(1, &format!("SET {key} {value}")), "OK");
            model.insert(key, value);
        } else {
            let reply = fixture.cli(1, &format!("GET {key}"));
            let expected = model.get(&key).map_or("(nil)".to_owned(), |value| format!("\"{value}\""));
            if reply.starts_with("(error) IOERR") {
                refused += 1;
            } else {
                assert_eq!(reply, expected, "round {round}");
            }
        }
        if lots.one_in(2) {
            fixture.cool();
        }
    }
    assert!(refused > 20, "{refused}");
    disk.set_faults(Faults::default());
    for (key, value) in &model {
        assert_eq!(fixture.cli(1, &format!("GET {key}")), format!("\"{value}\""));
    }
}
