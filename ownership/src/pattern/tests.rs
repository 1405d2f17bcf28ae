//! Patterns against brute force.

use proptest::prelude::*;

use super::*;

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text.as_bytes()).expect("a pattern")
}

/// The definition: an item takes a byte, or goes.
fn model(items: &[Item], text: &[u8]) -> bool {
    match (items, text) {
        ([], rest) => rest.is_empty(),
        ([Item::One(set), behind @ ..], [byte, rest @ ..]) => set.has(*byte) && model(behind, rest),
        ([Item::One(_), ..], []) => false,
        ([Item::Many(set), behind @ ..], rest) => {
            model(behind, rest) || rest.first().is_some_and(|byte| set.has(*byte) && model(items, &rest[1..]))
        }
    }
}

/// Texts that are often patterns with much in common.
fn source() -> impl Strategy<Value = Vec<u8>> {
    let part = prop::sample::select(vec!["a", "b", ":", ":", "*", "?", "<x>", "<y>", "[ab]", "[^a]", "\\*", "[b:"]);
    prop::collection::vec(part, 0..7).prop_map(|parts| parts.concat().into_bytes())
}

fn any_pattern() -> impl Strategy<Value = Pattern> {
    source().prop_filter_map("a capture twice", |text| Pattern::parse(&text).ok())
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(b"ab:*".to_vec()), 0..8)
}

/// All keys of up to five bytes that tests are made of.
fn short_keys() -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    let mut begin = 0;
    for _ in 0..5 {
        let end = all.len();
        for at in begin..end {
            for byte in b"ab:c" {
                let longer = [&all[at][..], &[*byte]].concat();
                all.push(longer);
            }
        }
        begin = end;
    }
    all
}

#[test]
fn captures_stay_in_their_segment() {
    assert!(pattern("user:<id>").matches(b"user:42"));
    assert!(!pattern("user:<id>").matches(b"user:42:pic"));
    assert!(!pattern("user:<id>").matches(b"user:"));
    assert!(pattern("img-<id>.png").matches(b"img-4.2.png"));
    assert!(pattern("user:\\<id>").matches(b"user:<id>"));
}

#[test]
fn captures_take_what_they_can_from_the_left() {
    let taken = |text: &str, key: &str| -> Option<Vec<String>> {
        let places = pattern(text).capture_places(key.as_bytes())?;
        Some(places.into_iter().map(|place| key[place].to_owned()).collect())
    };
    assert_eq!(taken("user:<id>:<what>", "user:42:pic"), Some(vec!["42".into(), "pic".into()]));
    assert_eq!(taken("<a>-<b>", "x-y-z"), Some(vec!["x-y".into(), "z".into()]));
    assert_eq!(taken("*:<b>", "x:y:z"), Some(vec!["z".into()]));
    assert_eq!(taken("<a>*", "xy:z"), Some(vec!["xy".into()]));
    assert_eq!(taken("session:<id>:*", "session:1:"), Some(vec!["1".into()]));
    assert_eq!(taken("session:<id>:*", "session:1"), None);
    assert_eq!(taken("a:<b>", "a::"), None);
}

#[test]
fn what_is_no_pattern_is_told_with_its_place() {
    let refused = |text: &[u8]| Pattern::parse(text).expect_err("no pattern").to_string();
    assert!(refused(b"user:<id").starts_with("'<' at byte 6 begins no capture"));
    assert!(refused(b"<>").starts_with("'<' at byte 1"));
    assert!(refused(b"<a b>").starts_with("'<' at byte 1"));
    assert!(refused(b"<id>:<id>").starts_with("capture <id> at byte 6 stands twice"));
    assert_eq!(refused(&vec![b'*'; 1 << 20]), "pattern of 1048576 bytes: at most 1024 are allowed");
}

#[test]
fn the_longest_patterns_are_compared_in_a_moment() {
    let long = |part: &str| pattern(&part.repeat(PATTERN_LEN_MAX / part.len()));
    let (a, b, c) = (long("*a"), long("a*?*"), pattern(&format!("{}b", "*a?".repeat(300))));
    for (one, other) in [(&a, &b), (&b, &a), (&a, &c), (&c, &b)] {
        if let Some(key) = one.overlap(other) {
            assert!(one.matches(&key) && other.matches(&key));
        }
        // Known or not: it comes to an end.
        one.cover(other);
    }
    assert!(!c.matches(&vec![b'a'; 20_000]));
}

#[test]
fn overlaps_have_a_readable_key() {
    let key = |a: &str, b: &str| pattern(a).overlap(&pattern(b)).map(|key| String::from_utf8(key).expect("text"));
    assert_eq!(key("user:<id>", "user:4?").as_deref(), Some("user:4a"));
    assert_eq!(key("cart:*", "cart:<id>:x").as_deref(), Some("cart:a:x"));
    assert_eq!(key("user:<id>", "user:*:x"), None);
    assert_eq!(key("a[^b]", "ab"), None);
}

proptest! {
    #[test]
    fn matches_as_the_definition(it in any_pattern(), key in key()) {
        prop_assert_eq!(it.matches(&key), model(&it.0.items, &key), "{} {}", it, key.escape_ascii());
        let places = it.capture_places(&key);
        prop_assert_eq!(places.is_some(), it.matches(&key));
        for place in places.into_iter().flatten() {
            prop_assert!(!place.is_empty() && !key[place].contains(&SEPARATOR));
        }
    }

    #[test]
    fn matches_as_a_glob(text in prop::collection::vec(prop::sample::select(b"***?ab[]^-\\:".to_vec()), 0..12), key in key()) {
        if let Ok(it) = Pattern::parse(&text) && !key.is_empty() {
            prop_assert_eq!(it.matches(&key), base::glob::matches(&text, &key, false), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn is_read_again_as_it_is_spelled(text in prop::collection::vec(prop::sample::select(b"*?ab[]^-\\:<>x".to_vec()), 0..12)) {
        if let Ok(it) = Pattern::parse(&text) {
            let again = Pattern::parse(it.text()).expect("spelled as a pattern");
            prop_assert_eq!(&again.0.items, &it.0.items);
            prop_assert_eq!(again, it);
        }
    }

    #[test]
    fn overlaps_exactly_where_a_key_matches_both(a in any_pattern(), b in any_pattern()) {
        match a.overlap(&b) {
            Some(key) => prop_assert!(a.matches(&key) && b.matches(&key), "{} {} {}", a, b, key.escape_ascii()),
            None => {
                let both = short_keys().into_iter().find(|key| a.matches(key) && b.matches(key));
                prop_assert!(both.is_none(), "{} {} {:?}", a, b, both);
            }
        }
        prop_assert_eq!(a.overlap(&b).is_some(), b.overlap(&a).is_some());
    }

    #[test]
    fn covers_exactly_where_all_keys_match(wide in any_pattern(), narrow in any_pattern()) {
        match wide.cover(&narrow) {
            Cover::No(key) => prop_assert!(narrow.matches(&key) && !wide.matches(&key)),
            Cover::Yes => {
                let other = short_keys().into_iter().find(|key| narrow.matches(key) && !wide.matches(key));
                prop_assert!(other.is_none(), "{} {} {:?}", wide, narrow, other);
            }
            Cover::Unknown => prop_assert!(false, "short patterns are decided"),
        }
    }
}
