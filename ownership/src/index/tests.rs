//! The index against each pattern asked by itself.

use proptest::prelude::*;

use super::*;

fn found(index: &Index, key: &[u8]) -> Vec<u32> {
    let mut found = Found::new();
    index.matches(key, &mut found);
    let mut found = found.to_vec();
    found.sort_unstable();
    found
}

fn expected(patterns: &[Pattern], key: &[u8]) -> Vec<u32> {
    (0..patterns.len() as u32).filter(|&id| patterns[id as usize].matches(key)).collect()
}

#[test]
fn long_and_short_segments() {
    let texts =
        ["", ":", "a", "abcdefgh", "abcdefghi", "abcdefgh:x", "a-long-segment-of-a-key:<b>:*", "*", "a:*", "<a>"];
    let patterns: Vec<Pattern> = texts.iter().map(|text| Pattern::parse(text.as_bytes()).expect("sound")).collect();
    let index = Index::new(&patterns);
    for key in texts.iter().chain(&["a:", "a-long-segment-of-a-key:42:", "a-long-segment-of-a-keX:42:", "abcdefgh:"]) {
        assert_eq!(found(&index, key.as_bytes()), expected(&patterns, key.as_bytes()), "{key}");
    }
    assert!(found(&Index::default(), b"a").is_empty());
}

#[test]
fn many_patterns_that_begin_alike() {
    let texts = (0..3000).map(|n| match n % 4 {
        0 => format!("*x{n}*"),
        1 => format!("t{}:user:<id>:{n}", n % 7),
        2 => format!("t{}:*:{n}", n % 7),
        _ => format!("[ab]{n}?"),
    });
    let patterns: Vec<Pattern> = texts.map(|text| Pattern::parse(text.as_bytes()).expect("sound")).collect();
    let index = Index::new(&patterns);
    for key in ["t1:user:4:1", "t2:a:b:2", "a7z", "b2999:", "yx400x8", "t3:user::9", ""] {
        assert_eq!(found(&index, key.as_bytes()), expected(&patterns, key.as_bytes()), "{key}");
    }
}

fn source() -> impl Strategy<Value = Vec<u8>> {
    let part = prop::sample::select(vec!["a", "b", ":", ":", "*", "?", "<x>", "[ab]", "ab", "abababababab"]);
    prop::collection::vec(part, 0..7).prop_map(|parts| parts.concat().into_bytes())
}

proptest! {
    #[test]
    fn finds_what_matches(
        sources in prop::collection::vec(source(), 0..20),
        keys in prop::collection::vec(prop::collection::vec(prop::sample::select(b"aabb:".to_vec()), 0..24), 1..20),
    ) {
        let patterns: Vec<Pattern> = sources.iter().filter_map(|text| Pattern::parse(text).ok()).collect();
        let index = Index::new(&patterns);
        for key in keys {
            prop_assert_eq!(found(&index, &key), expected(&patterns, &key), "{}", key.escape_ascii());
        }
    }
}
