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
