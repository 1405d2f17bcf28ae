//! Effects against recordings of what Redis 8.0 appends to its file (see `compat-tests/src/effects.rs`).

use std::path::Path;

use base::quote::split_args;

use crate::testing::{Fixture, settings};

/// A recording's clock ran while its commands did.
const TOLERANCE_MS: i64 = 150;

struct Case<'t> {
    title: &'t str,
    /// Lines that are no effects, each with the effects behind it.
    steps: Vec<(&'t str, Vec<&'t str>)>,
}

fn cases(text: &str) -> Vec<Case<'_>> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("== ") {
            cases.push(Case { title, steps: Vec::new() });
        } else if let Some(case) = cases.last_mut() {
            match (line.strip_prefix('='), case.steps.last_mut()) {
                (Some(effect), Some((_, effects))) => effects.push(effect),
                _ => case.steps.push((line, Vec::new())),
            }
        }
    }
    cases
}

fn words_of(line: &str) -> Vec<Vec<u8>> {
    split_args(line.as_bytes()).expect("balanced quotes")
}

/// Whether all commands of a case are there.
fn is_playable(fixture: &Fixture, case: &Case) -> bool {
    let lines = case.steps.iter().filter_map(|(line, _)| line.split_once("> "));
    lines.map(|(_, line)| words_of(line)).all(|words| {
        let first = words.first().map_or(&b""[..], Vec::as_slice);
        fixture.node.table.resolve(first, words.get(1).map(Vec::as_slice)).is_some()
    })
}

/// Cases that are not Redis's way, or not in process.
const SKIPPED: &[&str] = &[
    // Here an expired key that is watched goes when EXEC looks at it.
    "cases/transactions/watch.txt expiry counts, unless it was before",
    // An exact place needs no LIMIT: XADD itself refuses both.
    "cases/stream/xadd.txt options",
    // Nobody runs the paused command later.
    "cases/connection/client.txt writes wait while clients are paused",
    "cases/scripting/function_flush.txt ",
    // Redis makes the string longer and does not say so to its log.
    "cases/bitmap/bitfield.txt overflows",
];

/// Plays a case; the first difference.
fn play(case: &Case) -> Result<usize, String> {
    let mut fixture = Fixture::with_settings(settings(&["--enable-debug-command", "yes"]));
    fixture.keep_effects();
    let mut compared = 0;
    if SKIPPED.contains(&case.title) || !is_playable(&fixture, case) {
        return Ok(0);
    }
    for (line, expected) in &case.steps {
        if let Some(ms) = line.strip_prefix("! sleep ") {
            fixture.advance_ms(ms.parse().expect("milliseconds"));
            continue;
        }
        let (client, request) = line.trim_start_matches('@').split_once("> ").expect("a command");
        let request = words_of(request);
        let words: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
        let client = client.parse().expect("a client");
        fixture.wait_out(client);
        fixture.run(client, &words);
        let mut got = fixture.take_effects();
        if request[0].eq_ignore_ascii_case(b"XREADGROUP") && expected.is_empty() {
            // Redis forgets a consumer that came and got nothing.
            got.retain(|(_, words)| words[1] != b"CREATECONSUMER");
        }
        let expected: Vec<(usize, Vec<Vec<u8>>)> = expected
            .iter()
            .filter_map(|line| line.split_once(' '))
            .map(|(db, line)| (db.parse().expect("a database"), words_of(line)))
            .collect();
        compared += expected.len();
        let is_random = request[0].eq_ignore_ascii_case(b"SPOP");
        let same = got.len() == expected.len()
            && got.iter().zip(&expected).all(|(got, expected)| {
                let is_bracket = expected.1.len() == 1 && got.1.len() == 1;
                (got.0 == expected.0 || is_bracket) && same_words(&got.1, &expected.1, is_random, fixture.now_ms())
            });
        if !same {
            return Err(format!("{}\n  {line}\n  redis: {}\n  ours:  {}", case.title, show(&expected), show(&got)));
        }
    }
    Ok(compared)
}

fn same_words(got: &[Vec<u8>], expected: &[Vec<u8>], is_random: bool, now_ms: i64) -> bool {
    let fixed = if is_random { 2 } else { got.len() };
    got.len() == expected.len()
        && got.iter().zip(expected).take(fixed).all(|(got, expected)| {
            let ahead = expected.strip_prefix(b"+").filter(|digits| !digits.is_empty());
            let ahead_ms = ahead.and_then(base::number::parse_i64);
            match (ahead_ms, base::number::parse_i64(got)) {
                (Some(ahead_ms), Some(at_ms)) => (at_ms - now_ms - ahead_ms).abs() <= TOLERANCE_MS,
                _ => got.eq_ignore_ascii_case(expected),
            }
        })
}

fn show(effects: &[(usize, Vec<Vec<u8>>)]) -> String {
    let words =
        |words: &[Vec<u8>]| words.iter().map(|word| String::from_utf8_lossy(word)).collect::<Vec<_>>().join(" ");
    effects.iter().map(|(db, effect)| format!("{db}: {}", words(effect))).collect::<Vec<_>>().join("\n         ")
}

#[test]
fn as_redis_appends_them() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../compat-tests/effects");
    let (mut compared, mut failures) = (0, Vec::new());
    for file in std::fs::read_dir(dir).expect("the recordings").flatten() {
        let text = std::fs::read_to_string(file.path()).expect("a text");
        for case in cases(&text) {
            match play(&case) {
                Ok(count) => compared += count,
                Err(failure) => failures.push(failure),
            }
        }
    }
    assert!(failures.is_empty(), "{} cases:\n{}", failures.len(), failures.join("\n"));
    assert!(compared > 700, "{compared} effects");
}
