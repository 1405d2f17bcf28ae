//! Redis's glob patterns, as KEYS, SCAN, PSUBSCRIBE, ACLs and CONFIG GET take them.
//!
//! Every item of a pattern but `*` takes exactly one byte, so on a mismatch it is enough to go back to the last `*`:
//! no recursion, and at most pattern times text steps. The corners below are Redis's own and visible to clients:
//! bytes of a class's range compare as signed, an unterminated class ends with the pattern, and an empty text matches
//! only the empty pattern (commands that take `*` for "all" do so before they match).

/// Redis gives up on a pattern at the next `*` after so many, runs counted once and a trailing one not at all.
const STARS_MAX: usize = 1000;

/// Whether the whole text matches the pattern. `ignore_case` is for ASCII letters.
pub fn matches(pattern: &[u8], text: &[u8], ignore_case: bool) -> bool {
    let (mut pattern_at, mut text_at) = (0, 0);
    // Where to go on after a mismatch: behind the last star, and the text it has not taken yet.
    let mut retry: Option<(usize, usize)> = None;
    let mut stars = 0;
    while text_at < text.len() {
        let rest = &pattern[pattern_at..];
        if rest.first() == Some(&b'*') {
            pattern_at += count_stars(rest);
            if pattern_at == pattern.len() {
                return true;
            }
            stars += 1;
            if stars > STARS_MAX {
                return false;
            }
            retry = Some((pattern_at, text_at));
            continue;
        }
        if let Some(item_len) = match_item(rest, text[text_at], ignore_case) {
            pattern_at += item_len;
            text_at += 1;
            continue;
        }
        let Some((behind_star, taken)) = &mut retry else {
            return false;
        };
        *taken += 1;
        (pattern_at, text_at) = (*behind_star, *taken);
    }
    let rest = &pattern[pattern_at..];
    rest.is_empty() || (!text.is_empty() && count_stars(rest) == rest.len())
}

/// The bytes with which every match begins: the pattern up to its first special one.
pub fn literal_prefix(pattern: &[u8]) -> &[u8] {
    let len = pattern.iter().position(|byte| matches!(byte, b'*' | b'?' | b'[' | b'\\')).unwrap_or(pattern.len());
    &pattern[..len]
}

fn count_stars(pattern: &[u8]) -> usize {
    pattern.iter().take_while(|&&byte| byte == b'*').count()
}

/// The length of the pattern's first item, which is not `*`, if the byte matches it.
#[inline]
fn match_item(pattern: &[u8], byte: u8, ignore_case: bool) -> Option<usize> {
    let (literal, len) = match *pattern {
        [] => return None,
        [b'?', ..] => return Some(1),
        [b'[', ref class @ ..] => return match_class(class, byte, ignore_case).map(|len| len + 1),
        [b'\\', escaped, ..] => (escaped, 2),
        [literal, ..] => (literal, 1),
    };
    same(literal, byte, ignore_case).then_some(len)
}

/// The length of a class after its `[`, the `]` included, if the byte matches it.
fn match_class(class: &[u8], byte: u8, ignore_case: bool) -> Option<usize> {
    let negated = class.first() == Some(&b'^');
    let mut rest = if negated { &class[1..] } else { class };
    let mut found = false;
    loop {
        rest = match *rest {
            // An escaped byte is compared as it is, whatever the case rule.
            [b'\\', escaped, ref after @ ..] => {
                found |= escaped == byte;
                after
            }
            [b']', ref after @ ..] => {
                rest = after;
                break;
            }
            [] => break,
            [first, b'-', last, ref after @ ..] => {
                found |= in_range(first, last, byte, ignore_case);
                after
            }
            [literal, ref after @ ..] => {
                found |= same(literal, byte, ignore_case);
                after
            }
        };
    }
    (found != negated).then_some(class.len() - rest.len())
}

/// The ends are put in order before their case is dropped.
fn in_range(first: u8, last: u8, byte: u8, ignore_case: bool) -> bool {
    let signed = |byte: u8| byte.cast_signed();
    let (low, high) = if signed(first) <= signed(last) { (first, last) } else { (last, first) };
    let fold = |byte: u8| signed(if ignore_case { byte.to_ascii_lowercase() } else { byte });
    (fold(low)..=fold(high)).contains(&fold(byte))
}

#[inline]
fn same(a: u8, b: u8, ignore_case: bool) -> bool {
    a == b || (ignore_case && a.eq_ignore_ascii_case(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Pattern, a text, and whether Redis 8.0 matches them.
    const KNOWN: &[(&[u8], &[u8], bool)] = &[
        (b"", b"", true),
        (b"", b"a", false),
        (b"**", b"", false),
        (b"*", b"a", true),
        (b"a**", b"a", true),
        (b"h?llo", b"hello", true),
        (b"h?llo", b"hllo", false),
        (b"h*llo", b"heeeello", true),
        (b"h[ae]llo", b"hallo", true),
        (b"h[ae]llo", b"hillo", false),
        (b"h[^e]llo", b"hello", false),
        (b"h[a-b]llo", b"hbllo", true),
        (b"[!a]", b"b", false),
        (b"[!a]", b"!", true),
        (b"[^^]", b"^", false),
        (b"[^^]", b"a", true),
        (b"a\\*b", b"a*b", true),
        (b"a\\*b", b"axb", false),
        (b"\\", b"\\", true),
        (b"a\\", b"a\\", true),
        (b"\\\\", b"\\", true),
        (b"[", b"a", false),
        (b"[", b"[", false),
        (b"*[", b"x[", false),
        (b"[^", b"a", true),
        (b"[^", b"ab", false),
        (b"[a", b"a", true),
        (b"[^a", b"b", true),
        (b"x[a*", b"x*", true),
        (b"[a-]", b"a", true),
        (b"[a-]", b"`", true),
        (b"[a-]", b"-", false),
        (b"[a-", b"-", true),
        (b"[]", b"]", false),
        (b"[]a]", b"]", false),
        (b"[^]", b"x", true),
        (b"[^]a]", b"xa]", true),
        (b"[\\", b"\\", true),
        (b"[\\]]", b"]", true),
        (b"[\\]]", b"\\", false),
        (b"[z-a]", b"c", true),
        (b"[a\\-c]", b"b", false),
        (b"[\\a-c]", b"b", false),
        (b"[a-\\c]", b"b", false),
        (b"[a-\\]", b"]", true),
        (b"[--0]", b".", true),
        (b"[a-\xff]", b"\xfe", false),
        (b"[a-\xff]", b"\xff", true),
        (b"[a-\xff]", b"b", false),
        (b"[a-\xff]", b"0", true),
        (b"[\x80-\xff]", b"\x90", true),
    ];

    #[test]
    fn matches_as_redis() {
        for &(pattern, text, expected) in KNOWN {
            let found = matches(pattern, text, false);
            assert_eq!(found, expected, "{} {}", pattern.escape_ascii(), text.escape_ascii());
        }
    }

    #[test]
    fn ignores_case_as_redis() {
        for (pattern, expected) in [
            ("MAXMEMORY", true),
            ("M\\Axmemor?", true),
            ("[M]axmemory", true),
            ("[\\M]axmemory", false),
            ("[\\m]axmemory", true),
            ("[L-N]axmemory", true),
            ("[l-N]axmemory", false),
            ("[Z-a]axmemory", false),
            ("maxm[^E]mory", false),
            ("maxm[^\\E]mory", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), b"maxmemory", true), expected, "{pattern}");
        }
        assert!(!matches(b"MAXMEMORY", b"maxmemory", false));
    }

    #[test]
    fn gives_up_after_too_many_stars() {
        let text = b"a".repeat(1001);
        assert!(matches(&b"*a".repeat(1000), &text[..1000], false));
        assert!(!matches(&b"*a".repeat(1001), &text, false));
        assert!(matches(&b"a*".repeat(1001), &text, false));
    }

    #[test]
    fn no_pattern_takes_exponential_time() {
        let pattern = [&b"a*".repeat(500)[..], b"b"].concat();
        assert!(!matches(&pattern, &b"a".repeat(10_000), false));
    }

    #[test]
    fn prefixes() {
        for (pattern, prefix) in
            [("user:*", "user:"), ("a?", "a"), ("a[b]", "a"), ("a\\*", "a"), ("abc", "abc"), ("*", "")]
        {
            assert_eq!(literal_prefix(pattern.as_bytes()), prefix.as_bytes());
        }
    }

    /// The definition: a star takes some bytes and the rest matches, or it does not.
    fn model(pattern: &[u8], text: &[u8], ignore_case: bool) -> bool {
        match (pattern.first(), text.first()) {
            (None, None) => true,
            (Some(b'*'), None) => model(&pattern[1..], text, ignore_case),
            (Some(b'*'), Some(_)) => model(&pattern[1..], text, ignore_case) || model(pattern, &text[1..], ignore_case),
            (Some(_), Some(&byte)) => match_item(pattern, byte, ignore_case)
                .is_some_and(|len| model(&pattern[len..], &text[1..], ignore_case)),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_recursive_definition(
            pattern in prop::collection::vec(prop::sample::select(b"***?ab[]^-\\A".to_vec()), 0..12),
            text in prop::collection::vec(prop::sample::select(b"ab-]A".to_vec()), 1..12),
            ignore_case: bool,
        ) {
            prop_assert_eq!(matches(&pattern, &text, ignore_case), model(&pattern, &text, ignore_case));
        }

        #[test]
        fn every_match_has_the_literal_prefix(
            pattern in prop::collection::vec(prop::sample::select(b"*?ab[\\".to_vec()), 0..8),
            text in prop::collection::vec(prop::sample::select(b"ab".to_vec()), 0..8),
        ) {
            if matches(&pattern, &text, false) {
                prop_assert!(text.starts_with(literal_prefix(&pattern)));
            }
        }
    }
}
