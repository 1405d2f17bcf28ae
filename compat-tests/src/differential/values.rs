//! What is drawn for an argument, by its type and its name: mostly what the command wants, now and then the bounds of
//! what numbers can be, and bytes that text is seldom made of.

use super::catalog::Node;
use crate::rng::Rng;

/// The commands that a sequence begins with: a key of each type.
pub const BEGINNING: &[&str] = &[
    "SET str hello",
    "SET num 10",
    "RPUSH list a b c 1 2 3",
    "SADD set a b c",
    "SADD iset 1 2 3",
    "HSET hash f1 v1 f2 2 f3 3.5",
    "ZADD zset 1 a 2 b 2 c 3.5 d",
    "ZADD lex 0 a 0 b 0 c",
    "GEOADD geo 13.361389 38.115556 a 15.087269 37.502669 b 2.35 48.85 c",
    "XADD stream 1-1 f v",
    "XADD stream 2-1 f v g w",
    "XADD stream 5-5 f 1",
    "XGROUP CREATE stream g 0",
    "XREADGROUP GROUP g c1 COUNT 2 STREAMS stream >",
    "PFADD hll a b c",
    "SETBIT bits 7 1",
];

/// Every key that may come to exist.
pub const KEYS: &[&str] = &[
    "str", "num", "list", "set", "iset", "hash", "zset", "lex", "geo", "stream", "hll", "bits", "none", "dst", "",
    "a\0b", "c\r\nd", "w_a", "w_b",
];

const LONG_LEN: usize = 3000;

/// One word for an argument of a command of `group`.
pub fn word(node: &Node, group: &str, rng: &mut Rng) -> Vec<u8> {
    if rng.one_in(30) {
        return odd(rng);
    }
    match &node.kind[..] {
        "key" => key(group, rng),
        "integer" => integer(&node.name, rng),
        "double" => double(&node.name, rng),
        "unix-time" => {
            pick(rng, &["1", "0", "-1", "4102444800", "4102444800000", "9223372036854775807", "99999999999999999"])
        }
        "pattern" if group == "generic" && node.name != "pattern" => pick(rng, &["w_*", "hash->f*", "w_*->f1", "#"]),
        "pattern" => pick(rng, &["*", "s*", "[a-z]*", "?", "\\*", "[", "[^s]*", "*t*r*", "", "f?", "[z-a]*"]),
        _ => string(&node.name, group, rng),
    }
}

fn pick(rng: &mut Rng, words: &[&str]) -> Vec<u8> {
    rng.pick(words).as_bytes().to_vec()
}

/// What no argument should be.
fn odd(rng: &mut Rng) -> Vec<u8> {
    match rng.below(8) {
        0 => Vec::new(),
        1 => b"a\0b".to_vec(),
        2 => b"c\r\nd".to_vec(),
        3 => vec![b'x'; LONG_LEN],
        4 => vec![0xFF, 0xFE, 0x80],
        5 => b"%n%s%x".to_vec(),
        6 => boundary(rng),
        _ => b"nan".to_vec(),
    }
}

/// Numbers at the edges. None is a negative count that could be served: a reply of two billion elements is no test.
fn boundary(rng: &mut Rng) -> Vec<u8> {
    pick(
        rng,
        &[
            "9223372036854775807",
            "-9223372036854775808",
            "9223372036854775808",
            "-9223372036854775809",
            "-4611686018427387904",
            "4611686018427387904",
            "18446744073709551615",
            "2147483647",
            "2147483648",
            "4294967295",
            "4294967296",
            "1.5",
            "abc",
            "",
            " 1",
            "1 ",
            "01",
            "+1",
            "-0",
            "1e3",
            "0x10",
        ],
    )
}

fn integer(name: &str, rng: &mut Rng) -> Vec<u8> {
    if rng.one_in(8) {
        return boundary(rng);
    }
    match name {
        "cursor" => b"0".to_vec(),
        "db" | "destination-db" | "index1" | "index2" => pick(rng, &["0", "0", "1", "-1", "15", "16"]),
        "min-idle-time" | "ms" => pick(rng, &["0", "0", "1000000", "-1"]),
        "milliseconds" if rng.one_in(2) => pick(rng, &["0", "-1", "1000000"]),
        "milliseconds" | "seconds" | "ttl" | "timeout" => pick(rng, &["1000", "100000", "0", "-1"]),
        "bit" => pick(rng, &["0", "1", "1", "2", "-1"]),
        "offset" => pick(rng, &["0", "1", "7", "8", "100", "-1"]),
        _ => pick(rng, &["0", "1", "1", "2", "3", "10", "-1", "-2", "-10", "100"]),
    }
}

fn double(name: &str, rng: &mut Rng) -> Vec<u8> {
    if name == "timeout" {
        return pick(
            rng,
            &["0", "1000", "1000.5", "100", "-1", "nan", "inf", "1e400", "abc", "-0.1", "99999999999999999999"],
        );
    }
    if rng.one_in(8) {
        return pick(
            rng,
            &[
                "inf", "-inf", "+inf", "nan", "-nan", "1e308", "-1e308", "1e-320", "1e400", "-0", "0x1p3", "", "abc",
                "1.5abc", " 1", "infinity", "1e", ".",
            ],
        );
    }
    match name {
        "min" | "max" => pick(rng, &["-inf", "+inf", "(1", "2", "(2", "3.5", "0", "(", "[a"]),
        "longitude" => pick(rng, &["13.361389", "15.087269", "2.35", "-180", "180", "181", "0"]),
        "latitude" => pick(rng, &["38.115556", "37.502669", "48.85", "-85.05112878", "85.05112878", "86", "0"]),
        "radius" | "width" | "height" => pick(rng, &["0", "1", "200", "1000", "5000", "-1", "30000000"]),
        _ => pick(rng, &["0", "1", "2", "-1", "1.5", "3.25", "-2.5", "10", "1000000", "0.5"]),
    }
}

fn string(name: &str, group: &str, rng: &mut Rng) -> Vec<u8> {
    match name {
        "field" => pick(rng, &["f1", "f2", "f3", "f4", "g", "f"]),
        "member" | "member1" | "member2" | "element" | "pivot" => {
            pick(rng, &["a", "b", "c", "d", "1", "2", "3", "x", "77"])
        }
        "start" | "end" if group == "stream" => {
            pick(rng, &["-", "+", "1", "(1-1", "2-1", "(5-5", "3", "0", "(+", "1-1-1", "$"])
        }
        "id" if group == "stream" => pick(
            rng,
            &[
                "1-1",
                "2-1",
                "5-5",
                "0",
                "6-1",
                "7-*",
                "9-0",
                "$",
                ">",
                "0-0",
                "5-6",
                "5",
                "18446744073709551615-18446744073709551615",
            ],
        ),
        "last-id" | "lastid" | "max-deleted-id" => pick(rng, &["0", "5-5", "9-9", "2-1", "100-0", "x"]),
        "threshold" => pick(rng, &["0", "1", "2", "3", "100", "2-1", "-1", "9223372036854775807"]),
        "min" | "max" => pick(rng, &["-", "+", "[a", "(a", "[c", "(b", "a", "["]),
        "start" | "stop" => pick(rng, &["0", "1", "-1", "-2", "2", "(1", "[a", "-", "+", "-inf", "+inf", "5"]),
        "group" => pick(rng, &["g", "g", "g", "g2"]),
        "consumer" => pick(rng, &["c1", "c2"]),
        "min-idle-time" => pick(rng, &["0", "0", "1000000", "-1"]),
        "encoding" => pick(rng, &["u8", "i8", "i16", "u1", "i64", "u63", "u64", "i65", "i0", "x8", "u"]),
        "script" => pick(
            rng,
            &[
                "return 1",
                "return KEYS",
                "return ARGV",
                "return {1,2.5,'x',false,nil,3}",
                "return redis.call('GET','str')",
                "return redis.error_reply('MY x')",
                "return redis.status_reply('s')",
                "x",
                "return {ok='fine'}",
                "return {double=1.5}",
                "redis.call('SET','dst','1') return redis.call('INCR','dst')",
            ],
        ),
        "sha1" => pick(
            rng,
            &["e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "", "ffff", "a42059b356c875f0717db19a51f6aaca9ae659ea"],
        ),
        "channel" | "shardchannel" => pick(rng, &["ch", "ch2", ""]),
        "type" => pick(rng, &["string", "list", "zset", "nope", "stream"]),
        "subcommand" => pick(rng, &["ENCODING", "GETREG", "x"]),
        _ => value(rng),
    }
}

fn value(rng: &mut Rng) -> Vec<u8> {
    pick(
        rng,
        &[
            "v",
            "hello",
            "1",
            "10",
            "-5",
            "3.5",
            "v2",
            "a long enough value that no packed limit of small ones keeps it",
            "",
        ],
    )
}

fn key(group: &str, rng: &mut Rng) -> Vec<u8> {
    let own: &[&str] = match group {
        "string" => &["str", "num", "none", "bits"],
        "bitmap" => &["bits", "str", "none", "dst"],
        "list" => &["list", "none", "dst"],
        "set" => &["set", "iset", "none", "dst"],
        "sorted-set" => &["zset", "lex", "none", "dst", "set"],
        "hash" => &["hash", "none"],
        "stream" => &["stream", "stream", "none"],
        "geo" => &["geo", "geo", "none", "dst"],
        "hyperloglog" => &["hll", "none", "dst"],
        _ => &KEYS[..14],
    };
    let from = if rng.one_in(8) { KEYS } else { own };
    pick(rng, from)
}
