//! What the fuzz targets demand of any input. libFuzzer calls these through `fuzz_targets/`; on a stable toolchain
//! `compat-tests/tests/fuzz.rs` calls them in bounded random loops.

use resp::{Limits, Parsed, Progress, Span};

type Seen = Result<(usize, Vec<Vec<u8>>), String>;

/// The first command of `input`, read at once; `None` while it is not whole.
fn at_once(input: &[u8], limits: &Limits) -> Option<Seen> {
    let mut argv: Vec<Span> = Vec::new();
    let parsed = resp::parse_command(input, 0, limits, &mut argv);
    if !matches!(parsed, Ok(Parsed::Command { .. })) {
        assert!(argv.is_empty(), "spans are left of a command that was not read");
    }
    seen(input, parsed.map_err(|e| e.to_string()), &argv)
}

fn seen(input: &[u8], parsed: Result<Parsed, String>, argv: &[Span]) -> Option<Seen> {
    Some(match parsed {
        Err(text) => Err(text),
        Ok(Parsed::Incomplete { needed }) => {
            assert!(needed > input.len(), "{needed} bytes are needed, and {} are there", input.len());
            return None;
        }
        Ok(Parsed::Inline { consumed, args }) => Ok((consumed, args)),
        Ok(Parsed::Command { consumed }) => Ok((consumed, argv.iter().map(|span| span.of(input).to_vec()).collect())),
    })
}

/// Any bytes give a command, an error or a wait; in one piece or byte by byte, the same.
pub(crate) fn parser(input: &[u8]) {
    for authenticated in [true, false] {
        let limits = Limits { bulk_len_max: 1 << 20, args_max: 1 << 20, inline_len_max: 256, authenticated };
        let whole = at_once(input, &limits);
        if let Some(Ok((consumed, _))) = &whole {
            assert!((1..=input.len()).contains(consumed), "{consumed} bytes of {} were consumed", input.len());
        }
        let (mut argv, mut progress) = (Vec::new(), Progress::default());
        let pieces = (1..=input.len()).find_map(|end| {
            let piece = &input[..end];
            let parsed = resp::continue_command(piece, 0, &limits, &mut argv, &mut progress);
            seen(piece, parsed.map_err(|e| e.to_string()), &argv)
        });
        assert_eq!(whole, pieces, "in one piece, and byte by byte");
    }
}

/// Any bytes give a reply or a wait, and every reply can be printed.
pub(crate) fn reply(input: &[u8]) {
    if let Some((reply, consumed)) = resp::parse_reply(input) {
        assert!((1..=input.len()).contains(&consumed));
        assert!(!reply.to_cli().is_empty() || reply.as_bytes() == Some(b""), "{reply:?} prints as nothing");
    }
}

/// A pattern and a text, split at the first zero byte, against the definition written as a recursion.
pub(crate) fn glob(input: &[u8]) {
    let at = input.iter().position(|&b| b == 0).unwrap_or(input.len());
    let (pattern, text) = (&input[..at], input.get(at + 1..).unwrap_or_default());
    let matched = base::glob::matches(pattern, text, false);
    let prefix = base::glob::literal_prefix(pattern);
    assert!(!matched || text.starts_with(prefix), "a text matches without the literal prefix of its pattern");
    // The recursion takes exponential time, so it judges short patterns of its own subset only.
    let plain = pattern.iter().all(|b| !b"[\\".contains(b));
    if plain && pattern.len() <= 12 && text.len() <= 24 && !text.is_empty() {
        assert_eq!(matched, simple_glob(pattern, text), "{pattern:?} on {text:?}");
    }
    if matched {
        assert!(base::glob::matches(pattern, text, true), "a match is lost when case is ignored");
    }
}

fn simple_glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, rest) => rest.is_none(),
        (Some((b'*', rest)), _) => (0..=text.len()).any(|taken| simple_glob(rest, &text[taken..])),
        (Some((b'?', pattern)), Some((_, text))) => simple_glob(pattern, text),
        (Some((want, pattern)), Some((have, text))) => want == have && simple_glob(pattern, text),
        (Some(_), None) => false,
    }
}

/// Quoted text reads back as it was, and any line is words or an open quote.
pub(crate) fn quote(input: &[u8]) {
    let quoted = base::quote::quote(input);
    assert_eq!(base::quote::split_args(quoted.as_bytes()), Some(vec![input.to_vec()]));
    if let Some(words) = base::quote::split_args(input) {
        let line: Vec<String> = words.iter().map(|word| base::quote::quote(word)).collect();
        assert_eq!(base::quote::split_args(line.join(" ").as_bytes()), Some(words));
    }
}

/// What follows the type in a payload of DUMP, as a value: it is refused, or it is one that can be written out and
/// read back, with as many parts.
pub(crate) fn payload(input: &[u8]) {
    use keyspace::export::View;
    use persistence::rdb::{Encoder, Version, dump, restore};
    let limits = value_limits();
    let space = keyspace::shard::Keyspace::new(1, 1, 7);
    let mut payload = input.to_vec();
    payload.extend_from_slice(&[12, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let mut parts = None;
    for (round, key) in [&b"first"[..], b"second"].into_iter().enumerate() {
        let hash = space.hash(key);
        let decoded = match restore(&payload, &limits, hash, round > 0) {
            Ok(decoded) => decoded,
            Err(refused) => {
                assert_eq!(round, 0, "what was written out is refused: {refused:?}");
                return;
            }
        };
        let is_there = space.with_table_mut(0, 0, |db| decoded.put(|fresh| db.load(hash, key, fresh, None, 0)).is_ok());
        if !is_there {
            return;
        }
        let (bytes, count) = space
            .with_table(0, 0, |db| {
                let view = db.view(db.find(hash, key).expect("it was just put in"));
                let (mut count, mut encoder) = (0_usize, Encoder::new(Version::V12, true));
                view.for_each_part(|_| count += 1);
                if let View::Text(bytes) = view {
                    count = bytes.len();
                }
                (dump(view, &mut encoder), count)
            })
            .expect("the table is there");
        assert_eq!(*parts.get_or_insert(count), count, "parts were lost");
        payload = bytes;
    }
}

/// What follows the head of a snapshot file: judging it and loading it agree.
pub(crate) fn snapshot(input: &[u8]) {
    use persistence::rdb::file::{LoadError, Loader, Progress, check};
    let mut bytes = b"REDIS0012".to_vec();
    bytes.extend_from_slice(input);
    let (limits, space, progress) = (value_limits(), keyspace::shard::Keyspace::new(2, 16, 7), Progress::default());
    let (checked, flaw) = check(&bytes, &limits, 1);
    let loader = Loader {
        space: &space,
        limits,
        now_ms: 1,
        access: keyspace::keys::Access::Lru(0),
        skips_expired: false,
        replaces: false,
        checks_sum: true,
        threads: 1,
        progress: &progress,
        after_batch: &|_, _, _| (),
    };
    match loader.load(&bytes) {
        Ok(report) => {
            assert!(flaw.is_none(), "a file that loads has a flaw: {flaw:?}");
            assert!(report.keys + report.expired <= checked.keys, "more keys came in than there are");
        }
        // Keys that stand in a file twice, and databases that there are not, only show when it is loaded.
        Err(LoadError::Fault(fault)) => assert!(flaw.is_some(), "a sound file is refused: {fault}"),
        Err(_) => {}
    }
}

fn value_limits() -> keyspace::import::Limits {
    keyspace::import::Limits {
        hash: keyspace::hash::Limits { entries_max: 4, value_len_max: 64 },
        list: keyspace::list::Limits::default(),
        set: keyspace::set::Limits { listpack_entries_max: 4, ..keyspace::set::Limits::default() },
        zset: keyspace::zset::Limits { entries_max: 4, value_len_max: 64 },
    }
}
