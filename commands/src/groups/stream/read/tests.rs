//! What readers get and wait for.

use crate::testing::{Fixture, check};

#[test]
fn a_reader_waits_from_where_it_came() {
    check(
        r#"
        > XADD s 1-1 f a
        "1-1"
        @2> XREAD BLOCK 0 STREAMS other s s $ $ $
        (waits)
        > MULTI
        OK
        > XADD s 2-1 f b
        QUEUED
        > XADD s 3-1 f c
        QUEUED
        > EXEC
        1) "2-1"
        2) "3-1"
        @2
        1) 1) "s"
           2) 1) 1) "2-1"
                 2) 1) "f"
                    2) "b"
              2) 1) "3-1"
                 2) 1) "f"
                    2) "c"
        2) 1) "s"
           2) 1) 1) "2-1"
                 2) 1) "f"
                    2) "b"
              2) 1) "3-1"
                 2) 1) "f"
                    2) "c"
        @2> XREAD BLOCK 0 STREAMS s 3-1
        (waits)
        > DEL s
        (integer) 1
        > SET s v
        OK
        > DEL s
        (integer) 1
        @2
        (nothing)
        > XADD s 4-1 f d
        "4-1"
        @2
        1) 1) "s"
           2) 1) 1) "4-1"
                 2) 1) "f"
                    2) "d"
        > XREAD STREAMS s 4-1
        (nil)
        > XREAD STREAMS s +
        1) 1) "s"
           2) 1) 1) "4-1"
                 2) 1) "f"
                    2) "d"
        "#,
    );
}

#[test]
fn a_group_that_goes_lets_its_readers_go() {
    check(
        r#"
        > XGROUP CREATE s g $ MKSTREAM
        OK
        @2> XREADGROUP GROUP g c BLOCK 0 STREAMS s >
        (waits)
        > XGROUP DESTROY s g
        (integer) 1
        @2
        (error) NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option
        > DEL s
        (integer) 1
        @3> BLPOP s 0
        (waits)
        > XGROUP CREATE s g $ MKSTREAM
        OK
        @2> XREADGROUP GROUP g c BLOCK 0 STREAMS s >
        (waits)
        @4> XREADGROUP GROUP g d BLOCK 0 STREAMS s >
        (waits)
        > DEL s
        (integer) 1
        @2
        (error) NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option
        @3
        (nothing)
        @4
        (error) NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option
        > XGROUP CREATE s g $ MKSTREAM
        OK
        @2> XREADGROUP GROUP g c BLOCK 0 STREAMS s >
        (waits)
        > SET s v
        OK
        @2
        (error) WRONGTYPE Operation against a key holding the wrong kind of value
        > DEL s
        (integer) 1
        > XGROUP CREATE s g $ MKSTREAM
        OK
        @2> XREADGROUP GROUP g c BLOCK 0 STREAMS s >
        (waits)
        > FLUSHALL
        OK
        @2
        (error) NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option
        "#,
    );
}

#[test]
fn one_entry_goes_to_one_reader() {
    check(
        r#"
        > XGROUP CREATE s g $ MKSTREAM
        OK
        @2> XREADGROUP GROUP g a BLOCK 0 STREAMS s >
        (waits)
        @3> XREADGROUP GROUP g b BLOCK 0 STREAMS s >
        (waits)
        > XADD s 1-1 f v
        "1-1"
        @2
        1) 1) "s"
           2) 1) 1) "1-1"
                 2) 1) "f"
                    2) "v"
        @3
        (nothing)
        > XDEL s 1-1
        (integer) 1
        @2> XREADGROUP GROUP g a STREAMS s 0
        1) 1) "s"
           2) 1) 1) "1-1"
                 2) (nil)
        > XPENDING s g
        1) (integer) 1
        2) "1-1"
        3) "1-1"
        4) 1) 1) "a"
              2) "1"
        > XACK s g 1-1 2-2
        (integer) 1
        > XPENDING s g
        1) (integer) 0
        2) (nil)
        3) (nil)
        4) (nil)
        "#,
    );
}

#[test]
fn under_resp3_streams_are_a_map() {
    let mut fixture = Fixture::new();
    fixture.client(1).proto = resp::Proto::Resp3;
    let run = |fixture: &mut Fixture, words: &[&[u8]]| fixture.run(1, words).unwrap_or_default();
    run(&mut fixture, &[b"XADD", b"s", b"1-1", b"f", b"v"]);
    let reply = run(&mut fixture, &[b"XREAD", b"STREAMS", b"s", b"0"]);
    assert_eq!(reply, b"%1\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n");
    assert_eq!(run(&mut fixture, &[b"XREAD", b"STREAMS", b"s", b"1-1"]), b"_\r\n");
}

#[test]
fn a_group_may_be_called_streams() {
    check(
        r#"
        > XGROUP CREATE k streams 0 MKSTREAM
        OK
        > XADD k 1-1 f v
        "1-1"
        > XREADGROUP COUNT 10 GROUP streams STREAMS STREAMS k >
        1) 1) "k"
           2) 1) 1) "1-1"
                 2) 1) "f"
                    2) "v"
        > XREADGROUP GROUP streams streams STREAMS k 0
        1) 1) "k"
           2) (empty array)
        "#,
    );
}
