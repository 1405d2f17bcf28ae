//! The module in process: sessions, what goes with what, and what the log tells of it.

use commands::testing::{Fixture, check_with};

pub(crate) fn fixture() -> Fixture {
    Fixture::with_modules(&[&crate::MODULE])
}

pub(crate) fn check(transcript: &str) {
    check_with(&mut fixture(), transcript);
}

pub(crate) fn linked(edges: &[&str]) -> Fixture {
    let mut fixture = fixture();
    for edge in edges {
        assert_eq!(fixture.cli(9, &format!("OWNERSHIP LINK {edge}")), "OK", "{edge}");
    }
    fixture
}

/// The effects since the last call, a line each.
pub(crate) fn effects(fixture: &mut Fixture) -> Vec<String> {
    let text = |words: Vec<Vec<u8>>| words.join(&b' ').escape_ascii().to_string();
    fixture.take_effects().into_iter().map(|(_, words)| text(words)).collect()
}

const SHOP: &[&str] = &[
    "user:<id> OWNS session:<id>:*",
    "page:<id> DERIVES user:<id>",
    "price:<sku> INVALIDATES cart:*",
    "site:<id> DERIVES page:<id>",
];

#[test]
fn what_derives_goes_with_its_source() {
    check_with(
        &mut linked(SHOP),
        "
        > MSET user:1 a session:1:x e
        OK
        > MSET page:1 b page:2 c
        OK
        > SET site:1 d
        OK
        > SET user:1 new
        OK
        > EXISTS page:1 site:1
        (integer) 0
        > EXISTS page:2 session:1:x user:1
        (integer) 3
        > DEL user:1
        (integer) 1
        > EXISTS session:1:x
        (integer) 0
        > MSET cart:1 a cart:2 b cartwheel c
        OK
        > SET price:1 5
        OK
        > KEYS cart*
        1) \"cartwheel\"
        > EXPIRE price:1 100
        (integer) 1
        > MSET cart:1 a page:7 b
        OK
        > PEXPIRE price:1 50
        (integer) 1
        > EXISTS cart:1
        (integer) 1
        + 50ms
        > GET price:1
        (nil)
        > EXISTS cart:1
        (integer) 0
        ",
    );
}

#[test]
fn every_way_to_change_a_key_takes_along() {
    let ways: &[(&str, &[&str])] = &[
        ("SET user:1 v", &["APPEND user:1 x"]),
        ("SET user:1 1", &["INCR user:1"]),
        ("HSET user:1 f 1", &["HINCRBY user:1 f 1"]),
        ("SET user:1 v", &["GETDEL user:1"]),
        ("SET user:1 v", &["RENAME user:1 other"]),
        ("SET other v", &["RENAME other user:1"]),
        ("SET other v", &["COPY other user:1"]),
        ("SET user:1 v", &["MULTI", "SET x y", "SET user:1 w", "EXEC"]),
        ("SET user:1 v", &["EVAL \"return redis.call('SET', KEYS[1], 'w')\" 1 user:1"]),
        ("SET user:1 v", &["EVAL \"return redis.call('DEL', 'user:1')\" 0"]),
        ("RPUSH user:1 a b", &["SORT user:1 ALPHA STORE user:1"]),
        ("SET user:1 v", &["MOVE user:1 1"]),
        ("SET user:1 v", &["FLUSHALL"]),
        ("SET other v", &["BITOP NOT user:1 other"]),
        ("SET user:1 v PX 10", &["sleep"]),
    ];
    for (before, ways) in ways {
        for db in ["0", "3"] {
            let mut fixture = linked(SHOP);
            fixture.cli(1, &format!("SELECT {db}"));
            fixture.cli(1, before);
            fixture.cli(1, "MSET page:1 stale session:1:x y");
            fixture.cli(1, "SET site:1 stale");
            assert_eq!(fixture.cli(1, "EXISTS page:1 site:1"), "(integer) 2");
            for way in *ways {
                if *way == "sleep" {
                    fixture.advance_ms(20);
                    fixture.tick();
                } else {
                    let reply = fixture.cli(1, way);
                    assert!(!reply.contains("(error)"), "{way}: {reply}");
                }
            }
            assert_eq!(fixture.cli(1, "EXISTS page:1 site:1"), "(integer) 0", "{ways:?} in {db}");
        }
    }
}

#[test]
fn within_a_transaction_and_a_script_nothing_stale_is_read() {
    check_with(
        &mut linked(SHOP),
        "
        > SET page:1 b
        OK
        > MULTI
        OK
        > SET user:1 c
        QUEUED
        > GET page:1
        QUEUED
        > EXEC
        1) OK
        2) (nil)
        > SET page:1 b
        OK
        > EVAL \"redis.call('SET', KEYS[1], 'd') return redis.call('EXISTS', 'page:1')\" 1 user:1
        (integer) 0
        ",
    );
}

#[test]
fn who_is_evicted_takes_along() {
    let mut fixture = linked(&["page:<id> DERIVES user:<id>", "user:<id> OWNS session:<id>:*"]);
    fixture.cli(1, "MSET user:1 a session:1:x c");
    let evicting = [("maxmemory", "1"), ("maxmemory-policy", "allkeys-random")];
    fixture.node.settings.set(&evicting, settings::Caller::default()).expect("live settings");
    fixture.cli(1, "GET l");
    assert_eq!(fixture.cli(1, "DBSIZE"), "(integer) 0");
    assert_eq!(fixture.node.ownership.listed(), 0, "the lists know what went");
}

#[test]
fn a_client_that_waits_is_answered_after_what_its_command_takes_along() {
    let mut fixture = linked(&["page:<id> DERIVES queue:<id>"]);
    fixture.cli(1, "SET page:1 b");
    assert_eq!(fixture.cli(2, "BLPOP queue:1 0"), "(waits)");
    fixture.cli(1, "SET page:1 again");
    fixture.cli(3, "LPUSH queue:1 x");
    assert_eq!(fixture.received(2), "1) \"queue:1\"\n2) \"x\"");
    assert_eq!(fixture.cli(1, "EXISTS page:1"), "(integer) 0");
}

#[test]
fn invalidate_answers_how_many_go() {
    check_with(
        &mut linked(SHOP),
        "
        > MSET user:1 a user:2 b cart:1 f other g
        OK
        > MSET page:1 c page:2 d
        OK
        > SET site:2 e
        OK
        > INVALIDATE user:1 nokey DRYRUN
        1) 1) \"user:1\"
        2) 1) \"page:1\"
           2) \"page:<id> DERIVES user:<id>\"
        > INVALIDATE user:1 NOCASCADE
        (integer) 1
        > INVALIDATE user:* cart:*
        (integer) 5
        > KEYS *
        1) \"other\"
        > INVALIDATE other DRYRUN x
        (error) ERR syntax error
        > INVALIDATE DRYRUN
        (error) ERR INVALIDATE needs a pattern; one that is spelled like an option is written with \\
        > INVALIDATE <x
        (error) ERR '<' at byte 1 begins no capture: write <name> with letters, digits, '_' or '-', or \\< for the byte
        > SET DRYRUN x
        OK
        > INVALIDATE \\DRYRUN
        (integer) 1
        > MULTI
        OK
        > SET user:3 x
        QUEUED
        > INVALIDATE user:<id> other
        QUEUED
        > EXEC
        1) OK
        2) (integer) 2
        > DBSIZE
        (integer) 0
        ",
    );
}

#[test]
fn the_graph_is_looked_at_and_changed() {
    check(
        "
        > OWNERSHIP DEFINE page:<id> LAYER edge TTL 5m
        OK
        > OWNERSHIP LINK page:<id> derives user:<id>
        OK
        > OWNERSHIP LINK user:<id> OWNS session:<id>:*
        OK
        > OWNERSHIP LINK user:<id> DERIVES page:<id>
        (error) ERR cycle: page:<id> DERIVES user:<id>, user:<id> DERIVES page:<id>, and so on
        > OWNERSHIP LINK a likes b
        (error) ERR unknown edge 'likes': OWNS, DERIVES, INVALIDATES and BORROWS are known
        > OWNERSHIP DEFINE a TTL never
        (error) ERR ttl 'never' is not a duration such as 250ms, 30s, 5m, 12h or 30d
        > OWNERSHIP UNDEFINE page:<id>
        (error) ERR pattern page:<id> is still in use by edge page:<id> DERIVES user:<id>
        > OWNERSHIP GRAPH
        \"pattern page:<id>  layer edge  ttl 5m\\nedge    page:<id>  derives      user:<id>\\nedge    user:<id>  owns         session:<id>:*\\n\"
        > OWNERSHIP GRAPH JSON
        \"{\\\"patterns\\\":[{\\\"pattern\\\":\\\"page:<id>\\\",\\\"layer\\\":\\\"edge\\\",\\\"ttl\\\":\\\"5m\\\"}],\\\"edges\\\":[{\\\"left\\\":\\\"page:<id>\\\",\\\"relation\\\":\\\"derives\\\",\\\"right\\\":\\\"user:<id>\\\"},{\\\"left\\\":\\\"user:<id>\\\",\\\"relation\\\":\\\"owns\\\",\\\"right\\\":\\\"session:<id>:*\\\"}]}\"
        > OWNERSHIP WHO page:7
         1) \"key\"
         2) \"page:7\"
         3) \"patterns\"
         4) 1) 1) \"pattern\"
               2) \"page:<id>\"
               3) \"captures\"
               4) 1) \"id\"
                  2) \"7\"
               5) \"attributes\"
               6) 1) \"layer\"
                  2) \"edge\"
                  3) \"ttl\"
                  4) \"5m\"
         5) \"derives-from\"
         6) 1) \"user:7\"
         7) \"takes-along\"
         8) (empty array)
         9) \"owner\"
        10) (nil)
        11) \"leases\"
        12) (empty array)
        > MSET user:7 a session:7:x b
        OK
        > OWNERSHIP PLAN user:7
        1) 1) \"user:7\"
        2) 1) \"session:7:x\"
           2) \"user:<id> OWNS session:<id>:*\"
        > OWNERSHIP UNLINK page:<id> DERIVES user:<id>
        OK
        > OWNERSHIP UNDEFINE page:<id>
        OK
        > OWNERSHIP RESTORE \"pattern x\\nedge\"
        (error) ERR line 2: an edge is two patterns and owns, derives, invalidates or borrows between them
        ",
    );
}

#[test]
fn the_log_tells_all_that_goes_and_replays_to_the_same() {
    let mut fixture = fixture();
    fixture.keep_effects();
    for edge in SHOP {
        fixture.cli(1, &format!("OWNERSHIP LINK {edge}"));
    }
    for line in ["MSET user:1 a cart:1 d cart:2 e keep f", "SET page:1 b", "SET site:1 c"] {
        fixture.cli(1, line);
    }
    effects(&mut fixture);
    fixture.cli(1, "SET user:1 new");
    assert_eq!(effects(&mut fixture), ["MULTI", "SET user:1 new", "UNLINK page:1", "UNLINK site:1", "EXEC"]);
    fixture.cli(1, "SET price:1 5");
    let mut told = effects(&mut fixture);
    told[4..].sort();
    assert_eq!(
        told,
        ["MULTI", "SET price:1 5", "INVALIDATE cart:* NOCASCADE", "EXEC", "UNLINK cart:1", "UNLINK cart:2"]
    );
    fixture.cli(1, "INVALIDATE keep");
    assert_eq!(effects(&mut fixture), ["UNLINK keep"]);
    fixture.cli(1, "SET nothing:follows x");
    assert_eq!(effects(&mut fixture), ["SET nothing:follows x"]);
}

#[test]
fn whatever_of_the_log_survives_nothing_stale_does() {
    // The record of a change is whole or not there. With the change, all that it takes along goes, whatever of the
    // records behind it is lost.
    let mut fixture = fixture();
    fixture.keep_effects();
    for edge in SHOP {
        fixture.cli(1, &format!("OWNERSHIP LINK {edge}"));
    }
    fixture.cli(1, "MSET cart:1 d cart:2 e");
    let before = fixture.take_effects();
    fixture.cli(1, "SET price:1 5");
    let change: Vec<_> = fixture.take_effects().into_iter().take(4).collect();
    let mut again = self::fixture();
    for (db, words) in before.iter().chain(&change) {
        again.replay(*db, &words.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }
    assert_eq!(again.cli(1, "KEYS *"), "1) \"price:1\"");
}

#[test]
fn listeners_hear_of_what_goes() {
    let mut fixture = linked(SHOP);
    let events = [("notify-keyspace-events", "Kg")];
    fixture.node.settings.set(&events, settings::Caller::default()).expect("a live setting");
    fixture.node.follow_events();
    fixture.cli(1, "MSET page:1 b cart:1 c");
    fixture.cli(2, "PSUBSCRIBE *");
    fixture.cli(1, "SET user:1 c");
    fixture.cli(1, "SET price:1 c");
    let heard = fixture.received(2);
    assert!(heard.contains("\"__keyspace@0__:page:1\"\n4) \"invalidated\""), "{heard}");
    assert!(heard.contains("\"__keyspace@0__:cart:1\"\n4) \"invalidated\""), "{heard}");
}

#[test]
fn the_module_is_listed() {
    let mut fixture = fixture();
    assert!(fixture.cli(1, "MODULE LIST").starts_with("1) 1) \"name\"\n   2) \"ownership\""));
    assert!(fixture.cli(1, "INFO modules").contains("module:name=ownership,ver=100,api=1"));
    assert!(fixture.cli(1, "INFO ownership").contains("ownership_edges:0"));
    assert!(!fixture.cli(1, "INFO").contains("# Ownership"));
    assert!(fixture.cli(1, "ACL CAT ownership").contains("\"ownership|define\""));
    assert!(fixture.cli(1, "COMMAND INFO invalidate").contains("module"));
}
