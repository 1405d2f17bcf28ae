//! Replies on the client's side: parsing both versions, and redis-cli's print.

use proptest::prelude::*;
use resp::{Reply, parse_reply};

fn parse(input: &[u8]) -> Reply {
    let (reply, len) = parse_reply(input).unwrap();
    assert_eq!(len, input.len(), "{}", input.escape_ascii());
    reply
}

/// Input and what redis-cli 8.0 prints for it on a terminal.
const PRINTED: &[(&[u8], &str)] = &[
    (b"+OK\r\n", "OK"),
    (b"+a\"b\r\n", "a\"b"),
    (b"+\r\n", ""),
    (b"-ERR foo\r\n", "(error) ERR foo"),
    (b":1\r\n", "(integer) 1"),
    (b"$3\r\na\"\n\r\n", "\"a\\\"\\n\""),
    (b"$0\r\n\r\n", "\"\""),
    (b"$-1\r\n", "(nil)"),
    (b"*-1\r\n", "(nil)"),
    (b"_\r\n", "(nil)"),
    (b"*0\r\n", "(empty array)"),
    (b"~0\r\n", "(empty set)"),
    (b"%0\r\n", "(empty hash)"),
    (b"#t\r\n", "(true)"),
    (b"#f\r\n", "(false)"),
    (b",1.5\r\n", "(double) 1.5"),
    (b",0.10\r\n", "(double) 0.10"),
    (b",-inf\r\n", "(double) -inf"),
    (b"=7\r\ntxt:a\nb\r\n", "a\nb"),
    (b"*2\r\n:1\r\n*2\r\n$1\r\na\r\n*0\r\n", "1) (integer) 1\n2) 1) \"a\"\n   2) (empty array)"),
    (b"*1\r\n*1\r\n*1\r\n*0\r\n", "1) 1) 1) (empty array)"),
    (b"*2\r\n$-1\r\n-ERR x\r\n", "1) (nil)\n2) (error) ERR x"),
    (b"*2\r\n>2\r\n:1\r\n:2\r\n>0\r\n", "1) 1) (integer) 1\n   2) (integer) 2\n2) (empty push)"),
    (b"~2\r\n:1\r\n~2\r\n:2\r\n:3\r\n", "1~ (integer) 1\n2~ 1~ (integer) 2\n   2~ (integer) 3"),
    (
        b"%2\r\n$1\r\na\r\n:1\r\n*2\r\n:1\r\n:2\r\n*2\r\n+x\r\n+y\r\n",
        "1# \"a\" => (integer) 1\n2# 1) (integer) 1\n   2) (integer) 2 => \n   1) x\n   2) y",
    ),
    (
        b"%1\r\n$1\r\na\r\n%2\r\n+b\r\n:1\r\n+c\r\n*2\r\n:1\r\n:2\r\n",
        "1# \"a\" => \n   1# b => (integer) 1\n   2# c => \n      1) (integer) 1\n      2) (integer) 2",
    ),
    (
        b"%3\r\n:1\r\n*0\r\n:1\r\n%0\r\n:1\r\n~0\r\n",
        "1# (integer) 1 => (empty array)\n2# (integer) 1 => (empty hash)\n3# (integer) 1 => (empty set)",
    ),
];

#[test]
fn prints_as_redis_cli() {
    for (input, printed) in PRINTED {
        assert_eq!(parse(input).to_cli(), *printed, "{}", input.escape_ascii());
    }
    let mut input = b"*10\r\n".to_vec();
    for _ in 0..10 {
        input.extend_from_slice(b"*2\r\n:2\r\n:3\r\n");
    }
    let printed = parse(&input).to_cli();
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(lines[..2], [" 1) 1) (integer) 2", "    2) (integer) 3"]);
    assert_eq!(lines[18..], ["10) 1) (integer) 2", "    2) (integer) 3"]);
}

#[test]
fn kinds_that_redis_cli_does_not_print() {
    assert_eq!(parse(b"(123\r\n"), Reply::BigNumber(b"123".to_vec()));
    assert_eq!(parse(b"!7\r\nERR a\nb\r\n"), Reply::Error(b"ERR a\nb".to_vec()));
    let attributed = parse(b"|1\r\n+k\r\n:1\r\n:7\r\n");
    assert_eq!(
        attributed,
        Reply::Attributed(vec![(Reply::Simple(b"k".to_vec()), Reply::Int(1))], Box::new(Reply::Int(7)))
    );
    assert_eq!(attributed.to_cli(), "1| k => (integer) 1\n(integer) 7");
}

#[test]
fn incomplete_at_every_cut() {
    for (input, _) in PRINTED {
        for end in 0..input.len() {
            assert_eq!(parse_reply(&input[..end]), None, "{}", input[..end].escape_ascii());
        }
        let twice = [*input, *input].concat();
        assert_eq!(parse_reply(&twice), Some((parse(input), input.len())));
    }
}

#[test]
fn malformed_replies_are_told() {
    for input in [
        &b"x\r\n"[..],
        b":a\r\n",
        b"$-2\r\n",
        b"*a\r\n",
        b"#x\r\n",
        b"_x\r\n",
        b"$1\r\nabc\r\n",
        b"=1\r\na\r\n",
        b"\r\n",
    ] {
        assert!(matches!(parse(input), Reply::Malformed(_)), "{}", input.escape_ascii());
    }
}

#[test]
fn neither_depth_nor_announced_sizes_overflow() {
    assert!(matches!(parse(&b"*1\r\n".repeat(100_000)), Reply::Malformed(_)));
    assert!(matches!(parse(&b"|0\r\n".repeat(100_000)), Reply::Malformed(_)));
    assert_eq!(parse_reply(b"*18446744073709551615\r\n"), None);
    assert!(matches!(parse(b"$18446744073709551615\r\n"), Reply::Malformed(_)));
}

proptest! {
    #[test]
    fn any_bytes(input in prop::collection::vec(prop::sample::select(b"*$%~>|,(#!=_:+-012\r\nt".to_vec()), 0..60)) {
        if let Some((reply, len)) = parse_reply(&input) {
            prop_assert!(len <= input.len());
            reply.to_cli();
        }
    }

    #[test]
    fn agrees_with_redis_protocol(value: Vec<u8>, number: i64, flag: bool) {
        use redis_protocol::resp3::{decode::complete::decode, types::OwnedFrame};
        let mut writer = resp::Writer::new(resp::Proto::Resp3);
        writer.bulk(&value);
        writer.int(number);
        writer.boolean(flag);
        let bytes = writer.buf().unwrap();
        let mut at = 0;
        while at < bytes.len() {
            let (reply, len) = parse_reply(&bytes[at..]).unwrap();
            let (frame, oracle_len) = decode(&bytes[at..]).unwrap().unwrap();
            prop_assert_eq!(len, oracle_len);
            let expected = match frame {
                OwnedFrame::BlobString { data, .. } => Reply::Bulk(data),
                OwnedFrame::Number { data, .. } => Reply::Int(data),
                OwnedFrame::Boolean { data, .. } => Reply::Bool(data),
                other => panic!("{other:?}"),
            };
            prop_assert_eq!(reply, expected);
            at += len;
        }
    }
}
