//! CLAIM and FILL, what stands aside for them, and what attributes allow.

use commands::testing::check_with;

use crate::tests::{check, effects, fixture, linked};

#[test]
fn one_produces_and_all_others_are_served_by_it() {
    let mut fixture = linked(&["page:<id> DERIVES user:<id>"]);
    check_with(&mut fixture, "@1> CLAIM page:1 WAIT 0\n1) \"FILL\"\n2) (nil)\n3) (integer) 1");
    for client in 2..=1000 {
        assert_eq!(fixture.cli(client, "CLAIM page:1 WAIT 0"), "(waits)");
    }
    check_with(
        &mut fixture,
        "
        @1001> CLAIM page:1
        1) \"MISS\"
        2) (nil)
        3) (nil)
        @1> FILL 1 <h1> EX 60
        OK
        @1001> CLAIM page:1
        1) \"HIT\"
        2) \"<h1>\"
        3) (nil)
        @1001> TTL page:1
        (integer) 60
        @1> FILL 1 again
        (error) STALEFILL claim 1 holds no more: the key or something that it derives from was written since, or its time is over
        ",
    );
    for client in 2..=1000 {
        assert_eq!(fixture.received(client), "1) \"HIT\"\n2) \"<h1>\"\n3) (nil)");
    }
    let info = fixture.cli(1, "INFO ownership");
    for figure in ["claims:1\\r\\n", "fills:1\\r\\n", "refused_fills:1\\r\\n", "claims_held:0\\r\\n"] {
        assert!(info.contains(&format!("ownership_{figure}")), "{figure} in {info}");
    }
}

#[test]
fn what_was_begun_before_a_change_is_refused() {
    let ways = [
        "SET user:1 new",
        "DEL user:1",
        "SET page:1 new",
        "EVAL \"redis.call('SET', 'user:1', 'x')\" 0",
        "INVALIDATE user:1",
        "INVALIDATE page:*",
        "INVALIDATE page:* SOFT",
        "FLUSHALL",
        "RENAME other user:1",
        "SWAPDB 0 1",
    ];
    for way in ways {
        let mut fixture = linked(&["page:<id> DERIVES user:<id>"]);
        fixture.cli(1, "MSET user:1 old other x");
        assert!(fixture.cli(2, "CLAIM page:1").contains("(integer) 1"));
        assert_eq!(fixture.cli(3, "CLAIM page:1 WAIT 0"), "(waits)");
        let reply = fixture.cli(1, way);
        assert!(!reply.contains("(error)"), "{way}: {reply}");
        assert!(fixture.cli(2, "FILL 1 old").starts_with("(error) STALEFILL"), "{way}");
        let served = fixture.received(3);
        let expected = if way == "SET page:1 new" { "\"HIT\"" } else { "\"FILL\"\n2) (nil)\n3) (integer) 2" };
        assert!(served.contains(expected), "{way}: {served}");
        if way != "SET page:1 new" {
            assert_eq!(fixture.cli(3, "FILL 2 fresh"), "OK", "{way}");
            assert_eq!(fixture.cli(1, "GET page:1"), "\"fresh\"");
        }
    }
}

#[test]
fn what_changes_nothing_of_it_lets_a_fill_pass() {
    for way in ["SET user:2 x", "EXPIRE user:1 100", "SET page:2 y", "GET user:1", "DEL nokey"] {
        let mut fixture = linked(&["page:<id> DERIVES user:<id>"]);
        fixture.cli(1, "SET user:1 old");
        fixture.cli(2, "CLAIM page:1");
        fixture.cli(1, way);
        assert_eq!(fixture.cli(2, "FILL 1 value"), "OK", "{way}");
    }
}

#[test]
fn a_source_that_expires_refuses_too() {
    let mut fixture = linked(&["page:<id> DERIVES user:<id>"]);
    fixture.cli(1, "SET user:1 old PX 10");
    fixture.cli(2, "CLAIM page:1");
    fixture.advance_ms(10);
    fixture.tick();
    assert!(fixture.cli(2, "FILL 1 old").starts_with("(error) STALEFILL"));
}

#[test]
fn a_producer_that_takes_too_long_is_followed_by_another() {
    let mut fixture = fixture();
    check_with(
        &mut fixture,
        "
        > CLAIM k PX 50
        1) \"FILL\"
        2) (nil)
        3) (integer) 1
        @2> CLAIM k WAIT 20
        (waits)
        + 20ms
        @2
        1) \"MISS\"
        2) (nil)
        3) (nil)
        @2> CLAIM k WAIT 100
        (waits)
        @3> CLAIM k WAIT 0
        (waits)
        + 30ms
        ",
    );
    fixture.tick();
    check_with(
        &mut fixture,
        "
        @2
        1) \"FILL\"
        2) (nil)
        3) (integer) 2
        > FILL 1 late
        (error) STALEFILL claim 1 holds no more: the key or something that it derives from was written since, or its time is over
        @2> FILL 2 value
        OK
        @3
        1) \"HIT\"
        2) \"value\"
        3) (nil)
        ",
    );
    assert_eq!(fixture.node.blocking.clients(), 0);
}

#[test]
fn claims_are_of_a_database_and_work_within_transactions() {
    check(
        "
        > SET k value
        OK
        > SELECT 3
        OK
        > CLAIM k
        1) \"FILL\"
        2) (nil)
        3) (integer) 1
        > SELECT 0
        OK
        > MULTI
        OK
        > FILL 1 elsewhere
        QUEUED
        > CLAIM k
        QUEUED
        > EXEC
        1) OK
        2) 1) \"HIT\"
           2) \"value\"
           3) (nil)
        > SELECT 3
        OK
        > GET k
        \"elsewhere\"
        > LPUSH l x
        (integer) 1
        > CLAIM l
        (error) WRONGTYPE Operation against a key holding the wrong kind of value
        > FILL 99 x
        (error) ERR no such claim: 99
        > FILL 1 x PX 0
        (error) ERR invalid expire time in 'fill' command
        > CLAIM m PX 0
        (error) ERR invalid expire time in 'claim' command
        ",
    );
}

#[test]
fn old_values_are_shown_as_old_for_as_long_as_their_pattern_says() {
    let mut fixture = linked(&["page:<id> DERIVES user:<id>"]);
    check_with(
        &mut fixture,
        "
        > OWNERSHIP DEFINE page:<id> STALE 100ms
        OK
        > MSET user:1 a page:9 z
        OK
        > SET page:1 old
        OK
        > SET user:1 b
        OK
        > GET page:1
        (nil)
        > CLAIM page:1
        1) \"FILL\"
        2) (nil)
        3) (integer) 1
        @2> CLAIM page:1 WAIT 50
        1) \"STALE\"
        2) \"old\"
        3) (nil)
        + 99ms
        @2> CLAIM page:1
        1) \"STALE\"
        2) \"old\"
        3) (nil)
        + 1ms
        @2> CLAIM page:1
        1) \"MISS\"
        2) (nil)
        3) (nil)
        > FILL 1 new
        OK
        > INVALIDATE page:1 SOFT
        (integer) 1
        > EXISTS page:1
        (integer) 0
        > CLAIM page:1
        1) \"FILL\"
        2) (nil)
        3) (integer) 2
        @2> CLAIM page:1
        1) \"STALE\"
        2) \"new\"
        3) (nil)
        > INVALIDATE page:*
        (integer) 1
        > CLAIM page:1
        1) \"FILL\"
        2) (nil)
        3) (integer) 3
        @2> CLAIM page:1
        1) \"MISS\"
        2) (nil)
        3) (nil)
        ",
    );
    fixture.advance_ms(5000);
    fixture.tick();
    assert_eq!(fixture.node.ownership.production(), (0, 0, 0));
}

#[test]
fn the_log_hears_of_values_not_of_claims() {
    let mut fixture = linked(&["site:<id> DERIVES page:<id>"]);
    fixture.keep_effects();
    fixture.cli(1, "SET site:1 x");
    fixture.cli(1, "CLAIM page:1");
    effects(&mut fixture);
    fixture.cli(1, "FILL 1 value PX 100");
    let at = fixture.now_ms() + 100;
    // What derives from it and is not locked with it stands in the record of the change, and goes right after it.
    let told = effects(&mut fixture).join(", ");
    assert_eq!(told, format!("MULTI, SET page:1 value PXAT {at}, UNLINK site:1, EXEC, UNLINK site:1"));
    assert_eq!(fixture.cli(1, "EXISTS site:1"), "(integer) 0");
}

#[test]
fn layers_bound_who_writes() {
    check(
        "
        > OWNERSHIP DEFINE user:<id> LAYER server
        OK
        > OWNERSHIP DEFINE page:<id> LAYER edge
        OK
        > CLIENT LAYER moon
        (error) ERR syntax error
        @2> CLIENT LAYER edge
        OK
        @2> SET user:1 x
        (error) LAYER key 'user:1' lives in layer server (pattern user:<id>): a connection of layer edge does not write it
        @2> SET page:1 x
        OK
        @2> OWN user:*
        (error) LAYER a key of these lives in layer server (pattern user:<id>): a connection of layer edge does not write it
        @2> BORROW user:*
        (integer) 1
        @2> RELEASE 1
        (integer) 1
        @2> CLAIM user:1
        (error) LAYER key 'user:1' lives in layer server (pattern user:<id>): a connection of layer edge does not write it
        @2> FLUSHALL
        (error) LAYER a key of these lives in layer server (pattern user:<id>): a connection of layer edge does not write it
        > SET user:1 x
        OK
        @2> GET user:1
        \"x\"
        @2> CLIENT LAYER server
        OK
        @2> SET user:1 y
        OK
        ",
    );
}

#[test]
fn what_exceeds_a_limit_changes_nothing() {
    check(
        "
        > OWNERSHIP DEFINE user:<id> TYPE string MAX-BYTES 10 MAX-TTL 1m
        OK
        > OWNERSHIP DEFINE log:* TYPE list MAX-BYTES 1kb
        OK
        > SET user:1 0123456789
        OK
        > TTL user:1
        (integer) 60
        > APPEND user:1 x
        (error) CONSTRAINT key 'user:1' would hold 11 bytes, max-bytes allows 10 (pattern user:<id>)
        > GET user:1
        \"0123456789\"
        > EXPIRE user:1 61
        (error) CONSTRAINT key 'user:1' would live for 61000 ms, max-ttl allows 60000 (pattern user:<id>)
        > EXPIRE user:1 30
        (integer) 1
        > PERSIST user:1
        (integer) 1
        > TTL user:1
        (integer) 60
        > HSET user:2 f v
        (error) CONSTRAINT key 'user:2' would be a hash, type string is allowed (pattern user:<id>)
        > EXISTS user:2
        (integer) 0
        > MSET user:2 ok user:3 far-too-long
        (error) CONSTRAINT key 'user:3' would hold 12 bytes, max-bytes allows 10 (pattern user:<id>)
        > EXISTS user:2 user:3
        (integer) 0
        > RPUSH list a b
        (integer) 2
        > RENAME list user:1
        (error) CONSTRAINT key 'user:1' would be a list, type string is allowed (pattern user:<id>)
        > LRANGE list 0 -1
        1) \"a\"
        2) \"b\"
        > GET user:1
        \"0123456789\"
        ",
    );
}

#[test]
fn limits_hold_in_all_databases_and_within_transactions() {
    let mut fixture = fixture();
    check_with(
        &mut fixture,
        "
        > OWNERSHIP DEFINE user:<id> TYPE string MAX-BYTES 10 MAX-TTL 1m
        OK
        > OWNERSHIP DEFINE log:* TYPE list MAX-BYTES 1kb
        OK
        > SELECT 1
        OK
        > SET user:5 abc
        OK
        > SET other far-too-long
        OK
        > SELECT 0
        OK
        > SET source far-too-long
        OK
        > COPY source user:5 DB 1 REPLACE
        (error) CONSTRAINT key 'user:5' would hold 12 bytes, max-bytes allows 10 (pattern user:<id>)
        > SELECT 1
        OK
        > GET user:5
        \"abc\"
        > SELECT 0
        OK
        > MULTI
        OK
        > SET user:6 far-too-long
        QUEUED
        > SET free far-too-long
        QUEUED
        > EXEC
        1) (error) CONSTRAINT key 'user:6' would hold 12 bytes, max-bytes allows 10 (pattern user:<id>)
        2) OK
        > CLAIM user:7
        1) \"FILL\"
        2) (nil)
        3) (integer) 1
        > FILL 1 far-too-long
        (error) CONSTRAINT key 'user:7' would hold 12 bytes, max-bytes allows 10 (pattern user:<id>)
        > FILL 1 short
        OK
        > TTL user:7
        (integer) 60
        ",
    );
    fixture.keep_effects();
    let at = fixture.now_ms() + 60_000;
    effects(&mut fixture);
    fixture.cli(1, "SET user:8 a");
    let told = ["MULTI".to_owned(), "SET user:8 a".to_owned(), format!("PEXPIREAT user:8 {at}"), "EXEC".to_owned()];
    assert_eq!(effects(&mut fixture), told);
    for refused in
        ["APPEND user:8 0123456789", "SADD log:1 x", "EVAL \"return redis.call('SET', 'user:8', 'far-too-long')\" 0"]
    {
        assert!(fixture.cli(1, refused).starts_with("(error) CONSTRAINT"), "{refused}");
        assert!(effects(&mut fixture).is_empty(), "{refused}");
    }
}

#[test]
fn limits_without_a_size_hold_in_place() {
    check(
        "
        > OWNERSHIP DEFINE product:<sku> TYPE hash MAX-TTL 1m
        OK
        > HSET product:1 name a
        (integer) 1
        > PEXPIRE product:1 61000
        (error) CONSTRAINT key 'product:1' would live for 61000 ms, max-ttl allows 60000 (pattern product:<sku>)
        > PEXPIRE product:1 30000
        (integer) 1
        > HSET product:1 name b
        (integer) 0
        > PEXPIRE product:1 61000
        (error) CONSTRAINT key 'product:1' would live for 61000 ms, max-ttl allows 60000 (pattern product:<sku>)
        > TTL product:1
        (integer) 30
        > SADD product:2 x
        (error) CONSTRAINT key 'product:2' would be a set, type hash is allowed (pattern product:<sku>)
        > EXISTS product:2
        (integer) 0
        > SET product:1 x
        (error) CONSTRAINT key 'product:1' would be a string, type hash is allowed (pattern product:<sku>)
        > HGET product:1 name
        \"b\"
        > HDEL product:1 name
        (integer) 1
        > RPUSH product:1 x
        (error) CONSTRAINT key 'product:1' would be a list, type hash is allowed (pattern product:<sku>)
        ",
    );
}

#[test]
fn a_write_that_is_refused_takes_nothing_along() {
    let mut fixture = linked(&["page:<id> DERIVES user:<id>"]);
    fixture.cli(1, "OWNERSHIP DEFINE user:<id> MAX-BYTES 3");
    fixture.cli(1, "SET user:1 abc");
    fixture.cli(1, "SET page:1 x");
    assert!(fixture.cli(1, "APPEND user:1 d").starts_with("(error) CONSTRAINT"));
    assert_eq!(fixture.cli(1, "GET page:1"), "\"x\"");
    fixture.cli(1, "PEXPIRE user:1 10");
    fixture.advance_ms(10);
    assert!(fixture.cli(1, "SET user:1 abcd").starts_with("(error) CONSTRAINT"));
    assert_eq!(fixture.cli(1, "EXISTS user:1 page:1"), "(integer) 0", "it had expired, and that counts");
}
