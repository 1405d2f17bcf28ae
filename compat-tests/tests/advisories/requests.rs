//! Requests with arguments at and beyond the bounds, and payloads that no server wrote.

use compat_tests::connection::Connection;
use resp::Reply;

use super::{Watched, call, text};

/// Requests in a row with what the reply to the last one, as redis-cli prints it, has in it. Each row finds the keys
/// of [`KEYS`].
type Attack = (&'static str, &'static [&'static str], &'static str);

const KEYS: &[&str] = &[
    "FLUSHALL",
    "SET k v",
    "RPUSH l 1 2",
    "HSET h f 1",
    "ZADD z 1 m",
    "SADD t m",
    "XADD s 1-1 f v",
    "XADD s 1-2 f v",
    "XGROUP CREATE s g 0",
    "XREADGROUP GROUP g c STREAMS s >",
    "SET long aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "SET aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa x",
];

const RANGE: &str = "value is out of range";
const BIT_OFFSET: &str = "bit offset is not an integer or out of range";
const TOO_LONG: &str = "string exceeds maximum allowed size";

const REQUESTS: &[Attack] = &[
    (
        "CVE-2021-21309",
        &["CONFIG SET proto-max-bulk-len 9223372036854775807", "SETRANGE k 9223372036854775807 x"],
        TOO_LONG,
    ),
    (
        "CVE-2021-29477",
        &["CONFIG SET proto-max-bulk-len 512mb", "SETRANGE a 9000000 x", "SETRANGE b 9000000 x", "LCS a b"],
        "Insufficient memory",
    ),
    (
        "CVE-2021-29477",
        &[
            "CONFIG SET proto-max-bulk-len 9223372036854775807",
            "SETRANGE a 9000000 x",
            "SETRANGE b 9000000 x",
            "LCS a b",
        ],
        "Insufficient memory",
    ),
    ("CVE-2021-29478", &["CONFIG SET set-max-intset-entries 4294967295", "SADD i 1 2 3", "COPY i j"], "(integer) 1"),
    (
        "CVE-2021-32628",
        &["CONFIG SET hash-max-listpack-value 4294967295", "SETRANGE v 2000000 x", "HSET p f v", "HSTRLEN p f"],
        "(integer) 1",
    ),
    ("CVE-2021-32761", &["SETBIT k 9223372036854775807 1"], BIT_OFFSET),
    ("CVE-2021-32761", &["BITFIELD k SET u8 #9223372036854775807 1"], BIT_OFFSET),
    ("CVE-2021-32761", &["BITFIELD k INCRBY i64 9223372036854775807 1"], BIT_OFFSET),
    ("CVE-2022-31144", &["XDEL s 1-1", "XAUTOCLAIM s g d 0 0 COUNT 1"], "1) \"1-1\""),
    ("CVE-2022-35951", &["XAUTOCLAIM s g c 0 0 COUNT 9223372036854775807"], "COUNT must be > 0"),
    ("CVE-2022-35951", &["XAUTOCLAIM s g c 0 0 COUNT 576460752303423487"], "\"1-1\""),
    ("CVE-2022-35977", &["SETRANGE k 9223372036854775807 x"], TOO_LONG),
    ("CVE-2022-35977", &["SORT l LIMIT 9223372036854775807 9223372036854775807"], "(empty array)"),
    ("CVE-2022-35977", &["SORT l LIMIT -9223372036854775808 9223372036854775807"], "2) \"2\""),
    ("CVE-2022-36021", &["KEYS a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b"], "(empty array)"),
    (
        "CVE-2022-36021",
        &["SCAN 0 COUNT 100 MATCH a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b"],
        "(empty array)",
    ),
    ("CVE-2023-22458", &["HRANDFIELD h -9223372036854775808 WITHVALUES"], RANGE),
    ("CVE-2023-22458", &["HRANDFIELD h -4611686018427387905 WITHVALUES"], RANGE),
    ("CVE-2023-22458", &["ZRANDMEMBER z -9223372036854775808"], RANGE),
    ("CVE-2023-25155", &["ZRANDMEMBER z -4611686018427387905 WITHSCORES"], RANGE),
    ("CVE-2023-25155", &["SRANDMEMBER t -9223372036854775808"], RANGE),
    ("CVE-2023-28425", &["MSETNX new 1 new 2", "GET new"], "\"2\""),
    ("CVE-2023-28856", &["HINCRBYFLOAT h f inf"], "value is NaN or Infinity"),
    ("CVE-2023-28856", &["HINCRBYFLOAT h f nan", "HGETALL h"], "2) \"1\""),
    ("CVE-2023-36824", &["COMMAND GETKEYS ZUNIONSTORE d 9223372036854775807 a"], "Invalid arguments"),
    ("CVE-2023-36824", &["COMMAND GETKEYS ZUNIONSTORE d -1 a"], "Invalid arguments"),
    ("CVE-2023-36824", &["COMMAND GETKEYS EVAL x 2147483647 a"], "Invalid arguments"),
    ("CVE-2024-51741", &["ACL SETUSER u \"(%~k\""], "Unmatched parenthesis"),
    ("CVE-2024-51741", &["ACL SETUSER u \"(%~k)\"", "ACL GETUSER u"], "(nil)"),
    ("CVE-2024-31227", &["ACL SETUSER u \"(~k (~l))\""], "Syntax error"),
    (
        "CVE-2025-32023",
        &[
            "SETRANGE q 16 \"\"",
            "SET q \"HYLL\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80\\x7f\\xff\\x7f\\xff\"",
            "PFCOUNT q",
        ],
        "INVALIDOBJ",
    ),
    (
        "CVE-2025-32023",
        &[
            "SET q \"HYLL\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80\\x7f\\xff\\x7f\\xff\"",
            "PFMERGE r q",
        ],
        "INVALIDOBJ",
    ),
    ("HGETEX", &["HGETEX h FIELDS"], "wrong number of arguments"),
    ("HGETEX", &["HGETEX h EX 10 FIELDS"], "wrong number of arguments"),
    ("#15021", &["HPERSIST h FIELDS 9223372036854775807 f"], "numfields"),
    ("#15021", &["HEXPIRE h 10 FIELDS 4294967297 f"], "numfields"),
    ("#15021", &["HEXPIRE h 9223372036854775807 FIELDS 1 f"], "invalid expire time"),
    ("#4466", &["SCAN 9223372036854775808"], "1) \"0\""),
    ("#4466", &["SCAN 18446744073709551616"], "invalid cursor"),
    ("#14982", &["SCAN 0 COUNT 9223372036854775807"], "1) \"0\""),
    ("#15407", &["LSET l 4294967296 x"], "index out of range"),
    ("#8130", &["LMPOP 1 l LEFT COUNT 9223372036854775807"], "2) \"2\""),
    ("#8130", &["ZMPOP 1 z MIN COUNT 9223372036854775807"], "1) \"m\""),
    ("#2009", &["LREM l -2147483648 1"], "(integer) 1"),
    ("#7736", &["SINTERCARD 0 t"], "numkeys should be greater than 0"),
    ("#2031", &["SINTERCARD 4294967297 t"], "Number of keys can't be greater than number of args"),
    ("#6597", &["MEMORY USAGE"], "wrong number of arguments"),
    ("#5087", &["PFMERGE p"], "OK"),
    ("#3801", &["COPY k l2 DB 1 DB 2"], "(integer) 1"),
    ("#15478", &["SORT l STORE a STORE b", "EXISTS a"], "(integer) 0"),
    ("#15478", &["XGROUP CREATECONSUMER s g STREAMS", "XREADGROUP GROUP g STREAMS STREAMS s 0"], "(empty array)"),
    ("#15390", &["CONFIG SET maxmemory 18446744073709551616gb"], "must be a memory value"),
    ("bounds", &["EXPIRE k 9223372036854775807"], "invalid expire time"),
    ("bounds", &["SET k v EX 9223372036854775807"], "invalid expire time"),
    ("bounds", &["GETEX k PX 9223372036854775807"], "invalid expire time"),
    (
        "bounds",
        &["XADD x 18446744073709551615-18446744073709551615 f v", "XADD x * f v"],
        "exhausted the last possible ID",
    ),
    ("bounds", &["LRANGE l -9223372036854775808 9223372036854775807"], "2) \"2\""),
    ("bounds", &["LTRIM l 9223372036854775807 -9223372036854775808", "EXISTS l"], "(integer) 0"),
    ("bounds", &["GETRANGE k -9223372036854775808 9223372036854775807"], "\"v\""),
    ("bounds", &["ZRANGE z -inf +inf BYSCORE LIMIT 9223372036854775807 -9223372036854775808"], "(empty array)"),
    ("bounds", &["BITCOUNT k -9223372036854775808 9223372036854775807 BIT"], "(integer) 5"),
    ("bounds", &["XPENDING s g - + 9223372036854775807"], "\"1-2\""),
    ("bounds", &["GEOSEARCH z FROMLONLAT 0 0 BYRADIUS 1e308 km COUNT 9223372036854775807"], "m"),
    ("format", &["CLIENT SETNAME %n%s%s%n", "CLIENT GETNAME"], "\"%n%s%s%n\""),
    ("format", &["%n%s%s%n %n"], "unknown command '%n%s%s%n'"),
];

/// Bytes behind the type and before version and checksum, which are added here.
const PAYLOADS: &[(&str, &[u8])] = &[
    (
        "#3921: a packed sorted set with a score that is none",
        b"\x11\x11\x11\x00\x00\x00\x02\x00\x81m\x02\x83nan\x04\xff",
    ),
    ("CVE-2024-54341: a packed hash with a field and no value", b"\x10\x0b\x0b\x00\x00\x00\x01\x00\x81f\x02\xff"),
    ("a packed sorted set with a member and no score", b"\x11\x0b\x0b\x00\x00\x00\x01\x00\x81m\x02\xff"),
    ("#3920: a zipmap whose field is longer than all of it", b"\x09\x09\x01\xfe\xff\xff\xff\xff\x01a\xff"),
    ("#4733: a string of 2^63 bytes", b"\x00\x81\x7f\xff\xff\xff\xff\xff\xff\xff"),
    ("a list of 2^62 elements", b"\x01\x81\x3f\xff\xff\xff\xff\xff\xff\xff\x01a"),
    ("a set of 2^62 members", b"\x02\x81\x3f\xff\xff\xff\xff\xff\xff\xff\x01a"),
    ("CVE-2026-25243: compressed bytes that say they are 2^32", b"\x00\xc3\x05\x80\xff\xff\xff\xff\x01aa\xe0\xff\x00"),
    ("an intset whose numbers are of 3 bytes", b"\x0b\x0b\x03\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00"),
    ("a listpack that is longer than its bytes", b"\x10\x0b\xff\xff\xff\x7f\x02\x00\x81f\x02\xff"),
    ("a stream without a header", b"\x13\x01\x10\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00"),
    ("a type that is none", b"\x7f\x00"),
];

/// The reply to words as redis-cli reads them.
fn line(client: &mut Connection, request: &str) -> Reply {
    let words = base::quote::split_args(request.as_bytes()).unwrap_or_else(|| panic!("{request}: its quotes"));
    client.call(&words).unwrap_or_else(|silence| panic!("{request}: {silence}"))
}

#[test]
fn requests_get_an_error_and_leave_nothing() {
    let mut watched = Watched::new();
    for (advisory, requests, answer) in REQUESTS {
        for request in KEYS {
            let reply = line(&mut watched.client, request);
            assert!(!matches!(reply, Reply::Error(_)), "{request}: {reply:?}");
        }
        watched.attack(&format!("{advisory}, {requests:?}"), answer, |client| {
            let mut reply = String::new();
            for request in *requests {
                reply = line(client, request).to_cli();
            }
            reply
        });
    }
    watched.end();
}

#[test]
fn payloads_that_no_server_wrote_are_refused() {
    let mut watched = Watched::new();
    assert_eq!(text(&mut watched.client, &["DEBUG", "SET-SKIP-CHECKSUM-VALIDATION", "1"]), "OK");
    for (what, body) in PAYLOADS {
        // The version, and a checksum that nobody looks at.
        let payload = [body, &b"\x0c\x00"[..], &[0; 8]].concat();
        let answer = "ERR Bad data format";
        watched.attack(what, answer, |client| call(client, &[&b"RESTORE"[..], b"k", b"0", &payload]).to_cli());
    }
    watched.end();
}

/// As many times as that, an argument that is long or one of many.
#[test]
fn long_and_many_arguments_take_no_time() {
    let mut watched = Watched::new();
    let stars = "a*".repeat(50_000) + "b";
    for words in [
        &["KEYS"][..],
        &["SCAN", "0", "MATCH"],
        &["COMMAND", "LIST", "FILTERBY", "PATTERN"],
        &["CONFIG", "GET"],
        &["PUBSUB", "CHANNELS"],
        &["FUNCTION", "LIST", "LIBRARYNAME"],
    ] {
        let words = [words, &[&stars]].concat();
        watched.attack(&format!("CVE-2024-31228, {}", words[0]), "(empty", |client| text(client, &words));
    }
    let patterns = ["PSUBSCRIBE", &stars];
    watched.attack("CVE-2024-31228, PSUBSCRIBE", "psubscribe", |client| {
        let reply = text(client, &patterns);
        text(client, &["RESET"]);
        reply
    });
    let rule = format!("~{stars}");
    watched.attack("CVE-2024-31228, ACL", "OK", |client| text(client, &["ACL", "SETUSER", "u", "on", "+@all", &rule]));
    let key = "a".repeat(50_000);
    watched.attack("CVE-2024-31228, ACL", "has no permissions", |client| {
        text(client, &["ACL", "DRYRUN", "u", "GET", &key])
    });
    watched.attack("CVE-2024-31228, ACL", "1", |client| text(client, &["ACL", "DELUSER", "u"]));

    let ids: Vec<String> = (0..20_000).map(|id| format!("{id}-1")).collect();
    let count = ids.len().to_string();
    for words in [&["XACKDEL", "s", "g", "IDS"][..], &["XDELEX", "s", "IDS"]] {
        let words: Vec<&str> = words.iter().copied().chain([&*count]).chain(ids.iter().map(String::as_str)).collect();
        watched.attack("CVE-2025-62507", "(integer) -1", |client| text(client, &words));
    }
    watched.attack("#14659", "(error)", |client| text(client, &["MSETEX", "9223372036854775807", "k", "v"]));
    watched.end();
}

/// What the rules of a user say holds for what a command really touches.
#[test]
fn rules_hold_for_keys_that_a_command_hides() {
    let mut watched = Watched::new();
    let rules = ["ACL", "SETUSER", "limited", "on", "nopass", "+@all", "~allowed*", "&allowed*"];
    assert_eq!(text(&mut watched.client, &rules), "OK");
    let mut limited: Connection = watched.connect();
    assert_eq!(text(&mut limited, &["AUTH", "limited", "any"]), "OK");
    for (advisory, request) in [
        ("CVE-2023-41053", "SORT_RO secret"),
        ("CVE-2023-41053", "SORT allowed BY secret_*"),
        ("#15478", "SORT allowed STORE allowed2 STORE secret"),
        ("#15478", "GEORADIUS allowed 0 0 1 km STORE allowed2 STORE secret"),
        ("#15478", "XREADGROUP GROUP g STREAMS STREAMS secret >"),
        ("#14659", "MSETEX 2 allowed v secret v"),
        ("#5087", "PFMERGE secret"),
        ("#3801", "COPY allowed secret DB 1"),
        ("#15673", "EVAL \"return redis.call('GET', 'secret')\" 0"),
        ("channels", "SUBSCRIBE secret"),
        ("channels", "PSUBSCRIBE *"),
    ] {
        let reply = line(&mut limited, request).to_cli();
        assert!(reply.contains("NOPERM") || reply.contains("permission"), "{advisory}, {request}: {reply}");
    }
    // The right goes between MULTI and EXEC.
    assert_eq!(text(&mut limited, &["MULTI"]), "OK");
    assert_eq!(text(&mut limited, &["SET", "allowed", "v"]), "QUEUED");
    assert_eq!(text(&mut watched.client, &["ACL", "SETUSER", "limited", "-SET"]), "OK");
    let reply = text(&mut limited, &["EXEC"]);
    assert!(reply.contains("NOPERM"), "#15673: {reply}");
    assert_eq!(text(&mut watched.client, &["EXISTS", "allowed"]), "(integer) 0");
    // Nobody keeps the rights of another.
    assert_eq!(text(&mut limited, &["RESET"]), "RESET");
    assert_eq!(text(&mut limited, &["ACL", "WHOAMI"]), "\"default\"");
}
