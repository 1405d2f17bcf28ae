//! Replies: the bytes of every kind in both protocol versions, and the book-keeping of shared values.

use bytes::Bytes;
use proptest::prelude::*;
use resp::{Proto, Reply, Writer, parse_reply};

fn written(proto: Proto, write: impl FnOnce(&mut Writer)) -> String {
    let mut writer = Writer::new(proto);
    write(&mut writer);
    let bytes: Vec<u8> = writer.segments().flatten().copied().collect();
    assert_eq!(bytes.len(), writer.len());
    bytes.escape_ascii().to_string().replace("\\r\\n", "|")
}

fn assert_written(resp2: &str, resp3: &str, write: impl Fn(&mut Writer)) {
    assert_eq!(written(Proto::Resp2, &write), resp2);
    assert_eq!(written(Proto::Resp3, &write), resp3);
}

#[test]
fn the_same_in_both_versions() {
    for (expected, write) in [
        ("+OK|", &(|w: &mut Writer| w.ok()) as &dyn Fn(&mut Writer)),
        ("+QUEUED|", &|w| w.simple("QUEUED")),
        ("-ERR a  b|", &|w| w.error("ERR a\r\nb\r\n")),
        ("-ERR \\xff|", &|w| w.error_bytes(b"ERR \xff")),
        (":0|:9|:10|:99|:100|:-1|", &|w| {
            [0, 9, 10, 99, 100, -1].into_iter().for_each(|value| w.int(value));
        }),
        (":-9223372036854775808|", &|w| w.int(i64::MIN)),
        ("$0||", &|w| w.bulk(b"")),
        ("$3|a\\x00b|", &|w| w.bulk(b"a\0b")),
        ("$2|10|", &|w| w.bulk_int(10)),
        ("$3|1.5|", &|w| w.bulk_double(1.5)),
        ("*0|", &|w| w.empty_array()),
        ("*12|", &|w| w.array(12)),
        ("raw", &|w| w.raw(b"raw")),
    ] {
        assert_written(expected, expected, write);
    }
}

#[test]
fn different_by_version() {
    assert_written("$-1|", "_|", Writer::null);
    assert_written("*-1|", "_|", Writer::null_array);
    assert_written("*4|", "%2|", |w| w.map(2));
    assert_written("*2|", "~2|", |w| w.set(2));
    assert_written("*2|", ">2|", |w| w.push(2));
    assert_written("$3|1.5|", ",1.5|", |w| w.double(1.5));
    assert_written("$3|inf|", ",inf|", |w| w.double(f64::INFINITY));
    assert_written("$4|-inf|", ",-inf|", |w| w.double(f64::NEG_INFINITY));
    assert_written("$3|nan|", ",nan|", |w| w.double(f64::NAN));
    assert_written("$5|1e+20|", ",1e+20|", |w| w.double(1e20));
    assert_written(":1|:0|", "#t|#f|", |w| {
        w.boolean(true);
        w.boolean(false);
    });
    assert_written("$20|12345678901234567890|", "(12345678901234567890|", |w| {
        w.bignum("12345678901234567890");
    });
    assert_written("$4|text|", "=8|txt:text|", |w| w.verbatim("txt", b"text"));
    assert_eq!(written(Proto::Resp3, |w| w.attribute(1)), "|1|");
}

#[test]
fn bulks_around_every_header_width() {
    for len in [0, 1, 9, 10, 63, 64, 99, 100, 999, 1000, 8191, 8192, 100_000] {
        let value = vec![b'v'; len];
        let mut expected = format!("${len}\r\n").into_bytes();
        expected.extend_from_slice(&value);
        expected.extend_from_slice(b"\r\n");
        let (mut copied, mut shared) = (Writer::new(Proto::Resp2), Writer::new(Proto::Resp2));
        copied.bulk(&value);
        shared.bulk_shared(Bytes::from(value));
        assert_eq!(copied.buf(), Some(&expected[..]));
        assert_eq!(shared.segments().collect::<Vec<_>>().concat(), expected);
    }
}

#[test]
fn aggregates_of_unknown_size() {
    assert_written("*0|", "*0|", |w| {
        let later = w.array_later();
        w.finish(later, 0);
    });
    assert_written("*24|*2|*2|+x|", "%12|~2|>2|+x|", |w| {
        let outer = w.map_later();
        let inner = w.set_later();
        let innermost = w.push_later();
        w.simple("x");
        w.finish(innermost, 2);
        w.finish(inner, 2);
        w.finish(outer, 12);
    });
}

#[test]
fn shared_values_move_with_a_late_header() {
    let large = Bytes::from(vec![b'L'; 10_000]);
    let mut writer = Writer::new(Proto::Resp2);
    writer.bulk_shared(large.clone());
    let later = writer.array_later();
    writer.bulk_shared(large.clone());
    writer.int(5);
    writer.finish(later, 1234);
    let value = [b"$10000\r\n", &large[..], b"\r\n"].concat();
    let expected = [&value[..], b"*1234\r\n", &value, b":5\r\n"].concat();
    assert_eq!(writer.segments().collect::<Vec<_>>().concat(), expected);
}

#[test]
fn undoing_to_a_mark() {
    let large = Bytes::from(vec![b'L'; 10_000]);
    let mut writer = Writer::new(Proto::Resp2);
    writer.ok();
    writer.bulk_shared(large.clone());
    let (mark, len) = (writer.mark(), writer.len());
    writer.bulk_shared(large);
    writer.error("ERR undone");
    writer.truncate(mark);
    assert_eq!(writer.len(), len);
    assert_eq!(writer.segments().map(<[u8]>::len).sum::<usize>(), len);
    writer.clear();
    assert!(writer.is_empty());
    assert_eq!(writer.buf(), Some(&b""[..]));
}

/// One write of the random sequences below.
#[derive(Clone, Debug)]
enum Op {
    Int(i64),
    Bulk(usize),
    Shared(usize),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        any::<i64>().prop_map(Op::Int),
        (0..200usize).prop_map(Op::Bulk),
        (0..20_000usize).prop_map(Op::Shared),
    ];
    prop::collection::vec(op, 0..12)
}

fn write_all(writer: &mut Writer, ops: &[Op]) -> Vec<u8> {
    let mut expected = Vec::new();
    for op in ops {
        match *op {
            Op::Int(value) => {
                writer.int(value);
                expected.extend_from_slice(format!(":{value}\r\n").as_bytes());
            }
            Op::Bulk(len) | Op::Shared(len) => {
                let value = vec![b'v'; len];
                expected.extend_from_slice(format!("${len}\r\n").as_bytes());
                expected.extend_from_slice(&value);
                expected.extend_from_slice(b"\r\n");
                match op {
                    Op::Bulk(_) => writer.bulk(&value),
                    _ => writer.bulk_shared(Bytes::from(value)),
                }
            }
        }
    }
    expected
}

proptest! {
    #[test]
    fn sent_in_pieces_of_any_size(ops in ops(), more in ops(), steps in prop::collection::vec(1..30_000usize, 1..20)) {
        let mut writer = Writer::new(Proto::Resp2);
        let mut expected = write_all(&mut writer, &ops);
        let (mut sent, mut more) = (Vec::new(), Some(more));
        for step in steps.iter().cycle() {
            let pending = writer.segments().collect::<Vec<_>>().concat();
            prop_assert_eq!(pending.len(), writer.len());
            let step = (*step).min(pending.len());
            sent.extend_from_slice(&pending[..step]);
            writer.advance(step);
            match more.take() {
                Some(more) => expected.extend(write_all(&mut writer, &more)),
                None if writer.is_empty() => break,
                None => {}
            }
        }
        prop_assert!(sent == expected);
    }

    #[test]
    fn taken_whole(ops in ops(), sent: prop::sample::Index) {
        let mut writer = Writer::new(Proto::Resp2);
        let expected = write_all(&mut writer, &ops);
        let sent = sent.index(expected.len() + 1);
        writer.advance(sent);
        let taken = writer.take();
        prop_assert!(taken.concat() == expected[sent..]);
        prop_assert!(writer.is_empty());
        prop_assert!(write_all(&mut writer, &ops) == expected);
    }

    #[test]
    fn replies_read_back(ops in ops()) {
        let mut writer = Writer::new(Proto::Resp3);
        writer.array(ops.len());
        write_all(&mut writer, &ops);
        let bytes = writer.segments().collect::<Vec<_>>().concat();
        let elements = ops.iter().map(|op| match *op {
            Op::Int(value) => Reply::Int(value),
            Op::Bulk(len) | Op::Shared(len) => Reply::Bulk(vec![b'v'; len]),
        });
        prop_assert!(parse_reply(&bytes) == Some((Reply::Array(elements.collect()), bytes.len())));
    }
}
