//! SORT against what Redis answers.

use crate::testing::{check, check3};

#[test]
fn errors() {
    check(
        r#"
        > SET k v
        OK
        > RPUSH la c a b
        (integer) 3
        > SORT k
        (error) WRONGTYPE Operation against a key holding the wrong kind of value
        > SORT nokey
        (empty array)
        > SORT la
        (error) ERR One or more scores can't be converted into double
        > SORT la LIMIT 0
        (error) ERR syntax error
        > SORT la LIMIT a b
        (error) ERR value is not an integer or out of range
        > SORT la STORE
        (error) ERR syntax error
        > SORT_RO la STORE d
        (error) ERR syntax error
        "#,
    );
}

#[test]
fn orders_and_limits() {
    check(
        r#"
        > RPUSH l 3 1 2 10
        (integer) 4
        > SORT l
        1) "1"
        2) "2"
        3) "3"
        4) "10"
        > SORT l DESC LIMIT 1 2
        1) "3"
        2) "2"
        > SORT l ALPHA
        1) "1"
        2) "10"
        3) "2"
        4) "3"
        > SORT l LIMIT -1 2
        1) "1"
        2) "2"
        > SORT l LIMIT 1 -5 DESC
        1) "3"
        2) "2"
        3) "1"
        > SORT l LIMIT 5 2
        (empty array)
        > SORT l LIMIT 9223372036854775807 9223372036854775807
        (empty array)
        > SORT l BY nosort LIMIT 1 2
        1) "1"
        2) "2"
        > ZADD z 1 a 5 b 2 c 10 d 3 e
        (integer) 5
        > SORT z BY nosort DESC LIMIT 0 2
        1) "d"
        2) "b"
        > SORT z BY nosort LIMIT 3 9
        1) "b"
        2) "d"
        > SORT z ALPHA DESC LIMIT 0 1
        1) "e"
        "#,
    );
}

#[test]
fn looks_up_patterns() {
    let session = r#"
        > RPUSH l 1 2 3
        (integer) 3
        > MSET w1 30 w2 10 n1 one n3 three
        OK
        > HSET h2 f 7
        (integer) 1
        > SORT l BY w* GET # GET n* GET h*->f
        1) "3"
        2) "three"
        3) (nil)
        4) "2"
        5) (nil)
        6) "7"
        7) "1"
        8) "one"
        9) (nil)
        > SORT_RO l GET nostar LIMIT 0 1
        1) (nil)
        > SET x1-> arrow
        OK
        > SORT l BY nosort GET x*-> LIMIT 0 1
        1) "arrow"
        > SORT l BY n* ALPHA
        1) "2"
        2) "1"
        3) "3"
        > SET w3 x
        OK
        > SORT l BY w*
        (error) ERR One or more scores can't be converted into double
        "#;
    check(session);
    check3(session);
}

#[test]
fn stores_a_list() {
    check(
        r#"
        > SADD s c a b
        (integer) 3
        > SORT s BY nosort STORE d
        (integer) 3
        > LRANGE d 0 -1
        1) "a"
        2) "b"
        3) "c"
        > SORT s ALPHA GET none* LIMIT 0 1 STORE d
        (integer) 1
        > LRANGE d 0 -1
        1) ""
        > SORT nokey STORE d
        (integer) 0
        > EXISTS d
        (integer) 0
        > SORT s ALPHA STORE s
        (integer) 3
        > TYPE s
        list
        "#,
    );
}

#[test]
fn some_of_many() {
    let mut fixture = crate::testing::Fixture::new();
    for number in 0..1000 {
        fixture.cli(1, &format!("RPUSH l {}", number * 7919 % 1000));
    }
    assert_eq!(fixture.cli(1, "SORT l LIMIT 10 2"), "1) \"10\"\n2) \"11\"");
    assert_eq!(fixture.cli(1, "SORT l DESC LIMIT 900 1"), "1) \"99\"");
}

#[test]
fn the_stored_key_is_hashed_ahead_as_it_is_found() {
    let fixture = crate::testing::Fixture::new();
    let row = fixture.node.table.find(b"SORT").expect("a command");
    let request =
        crate::request::OwnedRequest::new(row, &[b"SORT", b"l", b"STORE", b"a", b"LIMIT", b"0", b"1", b"store", b"b"]);
    let (request, mut hashes) = (request.request(), Vec::new());
    crate::keys::hash_keys(&request, &fixture.node.space, &mut hashes);
    let hashes: Vec<u64> = hashes.iter().map(|key| key.hash).collect();
    let space = &fixture.node.space;
    assert_eq!(hashes, [space.hash(b"l"), space.hash(b"b")]);
    let found = crate::keys::find_keys(&request);
    assert_eq!(found.iter().map(|key| key.word).collect::<Vec<_>>(), [1, 8]);
}
