//! Requests: what Redis accepts, what it refuses, and that the cuts between reads make no difference.

use proptest::prelude::*;
use resp::{Limits, Parsed, Progress, ProtocolError, Span, continue_command, parse_command, short_command};

fn parse_one(input: &[u8], limits: &Limits) -> Result<(Parsed, Vec<Vec<u8>>), ProtocolError> {
    let mut argv = vec![Span { start: 7, len: 7 }];
    let parsed = parse_command(input, 0, limits, &mut argv);
    assert_eq!(argv[0], Span { start: 7, len: 7 }, "what stood in argv stays");
    if !matches!(parsed, Ok(Parsed::Command { .. })) {
        assert_eq!(argv.len(), 1);
    }
    parsed.map(|parsed| (parsed, argv[1..].iter().map(|span| span.of(input).to_vec()).collect()))
}

fn error_of(input: &[u8], limits: &Limits) -> String {
    match parse_one(input, limits) {
        Err(error) => error.to_string(),
        Ok(parsed) => panic!("{} was not refused: {parsed:?}", input.escape_ascii()),
    }
}

fn assert_args(input: &[u8], args: &[&str]) {
    let (parsed, found) = parse_one(input, &Limits::default()).unwrap();
    let (consumed, found) = match parsed {
        Parsed::Command { consumed } => (consumed, found),
        Parsed::Inline { consumed, args } => (consumed, args),
        Parsed::Incomplete { needed } => panic!("{} needs {needed}", input.escape_ascii()),
    };
    assert_eq!(consumed, input.len());
    let args: Vec<_> = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
    assert_eq!(found, args, "{}", input.escape_ascii());
}

fn needed(input: &[u8]) -> usize {
    match parse_one(input, &Limits::default()) {
        Ok((Parsed::Incomplete { needed }, _)) => needed,
        other => panic!("{} is not incomplete: {other:?}", input.escape_ascii()),
    }
}

fn encode(args: &[Vec<u8>]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
    out
}

#[test]
fn multibulk_commands() {
    assert_args(b"*1\r\n$4\r\nPING\r\n", &["PING"]);
    assert_args(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n", &["SET", "k", ""]);
    assert_args(&encode(&[vec![b'x'; 12], vec![b'y'; 345]]), &["x".repeat(12).as_str(), "y".repeat(345).as_str()]);
    let hundred = vec![b"a".to_vec(); 100];
    assert_args(&encode(&hundred), &["a"; 100]);
    // Neither what follows '\r' nor what follows an argument is looked at.
    assert_args(b"*1\rx$4\rxPINGxx", &["PING"]);
}

#[test]
fn empty_commands() {
    for input in [&b"*0\r\n"[..], b"*-1\r\n", b"*-5\r\n", b"\r\n", b"\n", b" \t\x0b\x0c \r\n"] {
        assert_args(input, &[]);
    }
}

#[test]
fn inline_commands() {
    assert_args(b"PING\n", &["PING"]);
    assert_args(b"  SET\tkey  value \r\n", &["SET", "key", "value"]);
    assert_args(b"ECHO \x0ba\rb\r\r\n", &["ECHO", "a", "b"]);
    assert_args(b"\"pi\\x6eg\"\r\n", &["ping"]);
    assert_args(b"ECHO 'a\\'b' \"\"\r\n", &["ECHO", "a'b", ""]);
    assert_args(&[b"ECHO ", &[b'x'; 65_530][..], b"\r\n"].concat(), &["ECHO", &"x".repeat(65_530)]);
}

#[test]
fn spans_are_relative_to_base() {
    let mut argv = Vec::new();
    let parsed = parse_command(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", 1000, &Limits::default(), &mut argv);
    assert_eq!(parsed, Ok(Parsed::Command { consumed: 20 }));
    assert_eq!(argv, [Span { start: 1008, len: 3 }, Span { start: 1017, len: 1 }]);
    argv.clear();
    let parsed = parse_command(b" GET k\n", 1000, &Limits::default(), &mut argv);
    assert_eq!(parsed, Ok(Parsed::Command { consumed: 7 }));
    assert_eq!(argv, [Span { start: 1001, len: 3 }, Span { start: 1005, len: 1 }]);
}

#[test]
fn error_texts() {
    let limits = Limits::default();
    let digits = "1".repeat(65_537);
    for count in ["a", "3a", "01", "+1", "-0", "", "2147483648", "9223372036854775808", "1.0", &digits] {
        let text = error_of(format!("*{count}\r\n").as_bytes(), &limits);
        assert_eq!(text, "Protocol error: invalid multibulk length", "{count}");
    }
    for len in ["-1", "-0", "04", "a", "", "536870913", "9223372036854775808", &digits] {
        let text = error_of(format!("*1\r\n${len}\r\n").as_bytes(), &limits);
        assert_eq!(text, "Protocol error: invalid bulk length", "{len}");
    }
}

#[test]
fn error_texts_about_lines() {
    let limits = Limits::default();
    let digits = "1".repeat(65_537);
    assert_eq!(error_of(b"*1\r\nx4\r\n", &limits), "Protocol error: expected '$', got 'x'");
    assert_eq!(error_of(b"*1\r\n\r\n", &limits), "Protocol error: expected '$', got ' '");
    assert_eq!(error_of(b"*1\r\n\nx\r\n", &limits), "Protocol error: expected '$', got ' '");
    assert_eq!(error_of(format!("*{digits}").as_bytes(), &limits), "Protocol error: too big mbulk count string");
    assert_eq!(error_of(format!("*1\r\n${digits}").as_bytes(), &limits), "Protocol error: too big bulk count string");
    assert_eq!(error_of(digits.as_bytes(), &limits), "Protocol error: too big inline request");
    for line in ["\"PING\r\n", "\"PING\"x\r\n", "'PING\r\n", "ECHO a\"b\"c\r\n"] {
        assert_eq!(error_of(line.as_bytes(), &limits), "Protocol error: unbalanced quotes in request", "{line}");
    }
    let error = parse_one(b"*1\r\n\xff4\r\n", &limits).unwrap_err();
    assert_eq!(error.to_bytes(), b"Protocol error: expected '$', got '\xff'");
}

#[test]
fn limits_before_authentication() {
    let limits = Limits { authenticated: false, ..Limits::default() };
    assert_eq!(error_of(b"*11\r\n", &limits), "Protocol error: unauthenticated multibulk length");
    assert_eq!(error_of(b"*1\r\n$16385\r\n", &limits), "Protocol error: unauthenticated bulk length");
    assert!(parse_one(&encode(&vec![b"a".to_vec(); 10]), &limits).is_ok());
    assert!(parse_one(&encode(&[vec![b'a'; 16_384]]), &limits).is_ok());
}

#[test]
fn small_limits_hold_for_short_lengths() {
    let limits = Limits { bulk_len_max: 3, args_max: 2, ..Limits::default() };
    assert_eq!(error_of(b"*1\r\n$4\r\nPING\r\n", &limits), "Protocol error: invalid bulk length");
    assert_eq!(error_of(b"*3\r\n$4\r\n", &limits), "Protocol error: invalid multibulk length");
}

#[test]
fn a_nul_hides_the_end_of_a_line_until_it_is_too_big() {
    let limits = Limits::default();
    for (start, text) in [
        (&b"\0"[..], "too big inline request"),
        (b"*\0", "too big mbulk count string"),
        (b"*1\r\n$\0", "too big bulk count string"),
    ] {
        let mut input = start.to_vec();
        input.extend_from_slice(b"\r\n");
        assert_eq!(needed(&input), input.len() + 1);
        input.resize(70_000, b'A');
        assert_eq!(error_of(&input, &limits), format!("Protocol error: {text}"));
    }
}

#[test]
fn offsets_past_32_bits_are_refused_not_awaited() {
    let limits = Limits { bulk_len_max: usize::MAX, ..Limits::default() };
    let text = "Protocol error: invalid bulk length";
    assert_eq!(error_of(b"*1\r\n$4294967295\r\n", &limits), text);
    assert_eq!(error_of(b"*1\r\n$9223372036854775807\r\n", &limits), text);
    for base in [u32::MAX as usize - 10, u32::MAX as usize, usize::MAX] {
        let mut argv = Vec::new();
        let error = parse_command(b"*1\r\n$4\r\nPING\r\n", base, &limits, &mut argv).unwrap_err();
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn announced_sizes_take_no_memory() {
    let mut argv: Vec<Span> = Vec::new();
    let parsed = parse_command(b"*2147483647\r\n$1\r\na\r\n", 0, &Limits::default(), &mut argv);
    assert_eq!(parsed, Ok(Parsed::Incomplete { needed: 23 }));
    assert!(argv.capacity() < 64);
}

#[test]
fn the_bytes_needed() {
    assert_eq!(needed(b""), 1);
    assert_eq!(needed(b"PING"), 5);
    assert_eq!(needed(b"*"), 2);
    assert_eq!(needed(b"*2\r\n"), 7);
    assert_eq!(needed(b"*2\r\n$"), 7);
    assert_eq!(needed(b"*1\r\n$5000\r"), 11);
    assert_eq!(needed(b"*1\r\n$5000\r\n"), 5013);
    assert_eq!(needed(b"*2\r\n$5000\r\nabc"), 5016);
}

/// Feeds a pipeline in pieces, as a connection does; returns all commands, and the error that ended it.
fn feed(pieces: &[&[u8]]) -> (Vec<Vec<Vec<u8>>>, Option<String>) {
    let limits = Limits::default();
    let (mut buffer, mut commands) = (Vec::new(), Vec::new());
    let (mut argv, mut progress) = (Vec::new(), Progress::default());
    let (mut at, mut wanted) = (0, 1);
    for piece in pieces {
        buffer.extend_from_slice(piece);
        while buffer.len() - at >= wanted {
            let mut fresh = Vec::new();
            let whole = parse_command(&buffer[at..], at, &limits, &mut fresh);
            let parsed = continue_command(&buffer[at..], at, &limits, &mut argv, &mut progress);
            assert_eq!(whole, parsed);
            let (consumed, args) = match parsed {
                Ok(Parsed::Command { consumed }) => {
                    assert_eq!(argv, fresh);
                    (consumed, argv.drain(..).map(|span| span.of(&buffer).to_vec()).collect())
                }
                Ok(Parsed::Inline { consumed, args }) => (consumed, args),
                Ok(Parsed::Incomplete { needed }) => {
                    assert!(needed > buffer.len() - at);
                    wanted = needed;
                    continue;
                }
                Err(error) => {
                    assert!(argv.is_empty());
                    return (commands, Some(error.to_string()));
                }
            };
            commands.push(args);
            at += consumed;
            wanted = 1;
        }
    }
    (commands, None)
}

const PIPELINES: [&[u8]; 4] = [
    b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$12\r\nhello\r\nworld\r\n*0\r\n\r\nPING\r\n*1\r\n$4\r\nPING\r\nECHO \"a b\"\n*-1\r\nGET k\r\n",
    b"*2\r\n$4\r\nECHO\r\n$3\r\nabc\r\n*1\r\nx\r\n*1\r\n$4\r\nPING\r\n",
    b"PING\r\n*2\r\n$4\r\nECHO\r\n$-1\r\n",
    b"*11\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n'",
];

#[test]
fn cuts_make_no_difference() {
    for pipeline in PIPELINES {
        let whole = feed(&[pipeline]);
        assert!(!whole.0.is_empty());
        for first in 0..pipeline.len() {
            let (a, rest) = pipeline.split_at(first);
            assert_eq!(feed(&[a, rest]), whole, "cut at {first}");
            for second in 0..rest.len() {
                let (b, c) = rest.split_at(second);
                assert_eq!(feed(&[a, b, c]), whole, "cut at {first} and {}", first + second);
            }
        }
        let bytes: Vec<&[u8]> = pipeline.chunks(1).collect();
        assert_eq!(feed(&bytes), whole);
    }
}

#[test]
fn a_command_of_many_arguments_is_parsed_once() {
    let input = encode(&vec![b"a".to_vec(); 20_000]);
    let (mut argv, mut progress) = (Vec::new(), Progress::default());
    for end in (0..input.len()).step_by(100) {
        let parsed = continue_command(&input[..end], 0, &Limits::default(), &mut argv, &mut progress);
        assert!(matches!(parsed, Ok(Parsed::Incomplete { .. })));
    }
    let before = argv.len();
    assert!(before > 19_900, "only {before} spans were kept");
    let parsed = continue_command(&input, 0, &Limits::default(), &mut argv, &mut progress);
    assert_eq!(parsed, Ok(Parsed::Command { consumed: input.len() }));
    assert_eq!(argv.len(), 20_000);
}

/// The same bytes through the `redis-protocol` crate.
fn oracle(input: &[u8]) -> Option<(Vec<Vec<u8>>, usize)> {
    use redis_protocol::resp2::{decode::decode, types::OwnedFrame};
    let (frame, consumed) = decode(input).ok()??;
    let OwnedFrame::Array(frames) = frame else {
        return None;
    };
    let arg = |frame| match frame {
        OwnedFrame::BulkString(bytes) => Some(bytes),
        _ => None,
    };
    Some((frames.into_iter().map(arg).collect::<Option<_>>()?, consumed))
}

proptest! {
    #[test]
    fn agrees_with_redis_protocol(args in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..120)) {
        let input = encode(&args);
        let (parsed, found) = parse_one(&input, &Limits::default()).unwrap();
        prop_assert_eq!(parsed, Parsed::Command { consumed: input.len() });
        prop_assert_eq!(Some((found, input.len())), oracle(&input));
    }

    /// Where the oracle takes a mutilated command, so do we, with the same result.
    #[test]
    fn agrees_on_mutilated_commands(
        args in prop::collection::vec("[a-z]{0,12}", 1..6),
        at: prop::sample::Index,
        byte in prop::sample::select(b"0123456789$*\r\n-+a\0".to_vec()),
    ) {
        let args: Vec<_> = args.into_iter().map(String::into_bytes).collect();
        let mut input = encode(&args);
        let at = at.index(input.len());
        input[at] = byte;
        let ours = parse_one(&input, &Limits::default());
        // The oracle takes lengths that are not canonical, such as 01 and +1.
        let canonical = !input.windows(3).any(|line| match *line {
            [b'$' | b'*', b'0', next] => next != b'\r',
            [b'$' | b'*', sign, _] => matches!(sign, b'+' | b'-'),
            _ => false,
        });
        if let (Some((expected, consumed)), true) = (oracle(&input), canonical) {
            prop_assert_eq!(ours, Ok((Parsed::Command { consumed }, expected)));
        }
    }

    #[test]
    fn any_bytes_any_cut(input in prop::collection::vec(prop::sample::select(b"*$12\r\n\"' a\0".to_vec()), 0..60), cut: prop::sample::Index) {
        let cut = cut.index(input.len() + 1);
        let whole = feed(&[&input]);
        prop_assert_eq!(feed(&[&input[..cut], &input[cut..]]), whole);
    }
}

/// The short way answers what the general one does, or leaves it to that.
#[test]
fn short_commands_are_read_as_others() {
    let limits = Limits::default();
    for len in [0, 1, 9, 10, 99, 100, 101, 999, 1000, 9999, 12_345, 99_999, 100_000, 250_000] {
        for count in [1, 2, 9, 10, 11] {
            let mut input = format!("*{count}\r\n$3\r\nSET\r\n").into_bytes();
            for _ in 1..count {
                input.extend_from_slice(format!("${len}\r\n").as_bytes());
                input.resize(input.len() + len, b'1');
                input.extend_from_slice(b"\r\n");
            }
            for end in [input.len(), input.len() - 1, input.len() - 2, 9] {
                let (mut short, mut argv) = (Vec::new(), Vec::new());
                let whole = continue_command(&input[..end], 5, &limits, &mut argv, &mut Progress::default());
                let taken = short_command(&input[..end], 5, &mut short);
                assert_eq!(taken.is_some(), end == input.len() && (len < 100_000 || count == 1), "{len} {count} {end}");
                if let Some(consumed) = taken {
                    assert_eq!((Ok(Parsed::Command { consumed }), short), (whole, argv));
                }
            }
        }
    }
    for odd in [
        &b"*1\r\n$04\r\nPING\r\n"[..],
        b"*1\r\n$-1\r\n",
        b"*1\r\n$+4\r\nPING\r\n",
        b"*1\r\n$4x\r\nPING\r\n",
        b"*01\r\n$4\r\nPING\r\n",
    ] {
        assert_eq!(short_command(odd, 0, &mut Vec::new()), None);
    }
}
