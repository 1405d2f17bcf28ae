//! The feed, channels, and what is counted.

use commands::ownership::{Item, Listener, Position};
use commands::testing::{Fixture, check_with};
use ownership::{Keys, Pattern};

use crate::tests::{fixture, linked};

fn patterns(text: &str) -> Vec<Pattern> {
    text.split(' ').map(|word| Pattern::parse(word.as_bytes()).expect("a pattern")).collect()
}

/// What a listener is told, a word each: `seq:key`, `seq:(pattern)`, `reset:seq`.
fn told(listener: &mut Listener) -> String {
    let spell = |item: Item| match item {
        Item::Reset(at) => format!("reset:{}", at.seq),
        Item::Dropped(at, dropped) => match &dropped.keys {
            Keys::One(key) => format!("{}:{}", at.seq, key.escape_ascii()),
            Keys::Matching(pattern) => format!("{}:({pattern})", at.seq),
        },
    };
    listener.take(100).into_iter().map(spell).collect::<Vec<_>>().join(" ")
}

const EDGES: &[&str] = &["page:<id> DERIVES user:<id>", "price:<sku> INVALIDATES cart:*"];

#[test]
fn listeners_hear_what_they_have_to_drop() {
    let mut fixture = linked(EDGES);
    fixture.cli(1, "SET user:1 nobody-listens");
    let mut all = fixture.node.listen(patterns("*"), None);
    let mut pages = fixture.node.listen(patterns("page:* cart:7"), None);
    assert_eq!(told(&mut all), "");
    fixture.cli(1, "MSET page:1 x cart:7 x cart:8 x");
    fixture.cli(1, "SET user:1 a");
    fixture.cli(1, "SET price:1 a");
    assert_eq!(told(&mut all), "1:page:1 2:cart:7 3:cart:8 4:user:1 5:page:1 6:price:1 7:(cart:*)");
    assert_eq!(told(&mut pages), "1:page:1 2:cart:7 5:page:1 7:(cart:*)");
    fixture.cli(1, "INVALIDATE page:9 user:*");
    assert_eq!(told(&mut pages), "8:page:9 10:(page:<id>)");
    let at = pages.position();
    drop(pages);
    fixture.cli(1, "FLUSHALL");
    let mut again = fixture.node.listen(patterns("page:*"), Position::parse(&at.to_string()));
    assert_eq!(told(&mut again), "11:(*)");
    let mut other = fixture.node.listen(patterns("page:*"), Some(Position { epoch: at.epoch + 1, seq: at.seq }));
    assert_eq!(told(&mut other), "reset:11");
    assert_eq!(told(&mut other), "");
    assert!(Position::parse("1").is_none() && Position::parse("a:1").is_none());
}

#[test]
fn whoever_is_too_slow_begins_anew_and_memory_is_bounded() {
    let fixture = linked(EDGES);
    let mut slow = fixture.node.listen(patterns("*"), None);
    let mut fast = fixture.node.listen(patterns("*"), None);
    let mut fixture = fixture;
    for round in 0..70 {
        let keys: String = (0..1000).map(|key| format!(" k{round}:{key} v")).collect();
        fixture.cli(1, &format!("MSET{keys}"));
        assert_eq!(fast.take(2000).len(), 1000);
    }
    assert_eq!(told(&mut slow), "reset:70000");
    assert_eq!(fast.position(), slow.position());
    let (listeners, records, bytes) = fixture.node.ownership.feed.figures();
    assert_eq!((listeners, records), (2, 1 << 16));
    assert!(bytes < 16 << 20);
}

#[test]
fn a_task_that_waits_is_woken() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::task::{Context, Wake, Waker};
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    let mut fixture = fixture();
    let mut listener = fixture.node.listen(patterns("a"), None);
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(count.clone());
    let mut cx = Context::from_waker(&waker);
    assert!(listener.poll(&mut cx, 10).is_pending() && listener.poll(&mut cx, 10).is_pending());
    fixture.cli(1, "SET b x");
    assert_eq!(count.0.load(SeqCst), 1);
    assert!(listener.poll(&mut cx, 10).is_pending());
    fixture.cli(1, "SET a x");
    assert!(listener.poll(&mut cx, 10).is_ready());
}

#[test]
fn nobody_pays_for_a_feed_without_listeners() {
    let mut fixture = fixture();
    drop(fixture.node.listen(patterns("*"), None));
    fixture.cli(1, "SET a x");
    let at = fixture.node.ownership.feed.position();
    assert_eq!(at.seq, 1, "one who comes back soon has missed nothing");
    for _ in 0..3 {
        fixture.tick();
        fixture.advance_ms(200_000);
    }
    assert_eq!(fixture.node.space.interest(), 0);
    assert_eq!(told(&mut fixture.node.listen(patterns("*"), Some(at))), "reset:0");
}

#[test]
fn channels_tell_which_keys_of_a_pattern_went() {
    let mut fixture = linked(EDGES);
    check_with(
        &mut fixture,
        "
        @2> SUBSCRIBE __invalidate__:page:<id> __invalidate__:cart:*
        1) \"subscribe\"
        2) \"__invalidate__:page:<id>\"
        3) (integer) 1
        1) \"subscribe\"
        2) \"__invalidate__:cart:*\"
        3) (integer) 2
        > SET user:1 x
        OK
        @2
        1) \"message\"
        2) \"__invalidate__:page:<id>\"
        3) \"page:1\"
        > SET price:1 x
        OK
        @2
        1) \"message\"
        2) \"__invalidate__:cart:*\"
        3) \"cart:*\"
        > INVALIDATE cart:7
        (integer) 0
        @2
        1) \"message\"
        2) \"__invalidate__:cart:*\"
        3) \"cart:7\"
        ",
    );
}

fn stats_of(fixture: &mut Fixture, pattern: &str) -> String {
    let all = fixture.cli(9, "OWNERSHIP STATS");
    let part = all.split("\"pattern\"").find(|part| part.contains(&format!("\"{pattern}\""))).unwrap_or(&all);
    let numbers = part.lines().filter_map(|line| line.split("(integer) ").nth(1)).collect::<Vec<_>>();
    numbers.join(" ")
}

#[test]
fn what_happens_under_a_pattern_is_counted() {
    let mut fixture = linked(&["page:<id> DERIVES user:<id>"]);
    fixture.cli(1, "SET user:1 a");
    fixture.cli(1, "SET page:1 a");
    fixture.cli(2, "OWN user:7");
    fixture.cli(1, "SET user:7 a");
    fixture.cli(1, "SET user:1 b");
    fixture.cli(1, "CLAIM page:1");
    fixture.cli(1, "SET user:1 b");
    fixture.cli(1, "FILL 1 x");
    for _ in 0..16 {
        fixture.cli(1, "GET user:1");
    }
    assert_eq!(stats_of(&mut fixture, "user:<id>"), "16 0 3 0 0 1");
    assert_eq!(stats_of(&mut fixture, "page:<id>"), "0 0 1 1 1 0");
    fixture.cli(1, "OWNERSHIP LINK x:<id> DERIVES page:<id>");
    assert_eq!(stats_of(&mut fixture, "page:<id>"), "0 0 1 1 1 0", "it stays with the pattern");
}

#[test]
fn what_has_lost_its_source_is_found_and_swept() {
    let mut fixture =
        linked(&["page:<id> DERIVES user:<id>", "user:<id> OWNS session:<id>:*", "site:<id> DERIVES page:<id>"]);
    fixture.cli(1, "MSET page:1 a page:2 b session:1:x c other d");
    fixture.cli(1, "SET user:2 x");
    fixture.cli(1, "MSET page:2 b session:2:x c");
    fixture.cli(1, "SET site:2 s");
    fixture.cli(1, "GET user:2");
    let dead = fixture.cli(1, "OWNERSHIP DEAD");
    for line in [
        "\"page:1\"\n      2) \"user:1\"",
        "\"session:1:x\"\n      2) \"user:1\"",
        "\"session:<id>:*\"",
        "1) \"other\"",
    ] {
        assert!(dead.contains(line), "{line} in {dead}");
    }
    assert!(!dead.contains("\"page:2\"") && !dead.contains("\"user:<id>\""), "{dead}");
    assert_eq!(fixture.cli(1, "OWNERSHIP DEAD COUNT 0"), "(error) ERR value is out of range");
    assert!(fixture.cli(1, "OWNERSHIP DEAD COUNT 1").contains("1) 1) \""));
    assert_eq!(fixture.cli(1, "OWNERSHIP SWEEP"), "Background sweep started");
    assert_eq!(fixture.cli(1, "OWNERSHIP SWEEP"), "(error) ERR a sweep is under way already");
    while fixture.node.is_sweeping() {
        fixture.tick();
    }
    assert_eq!(fixture.cli(1, "EXISTS page:1 session:1:x"), "(integer) 0");
    assert_eq!(fixture.cli(1, "EXISTS page:2 session:2:x user:2 other site:2"), "(integer) 5");
}
