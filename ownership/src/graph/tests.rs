//! Graphs: what is refused, and what follows from a change against brute force.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::manifest;

fn graph(text: &str) -> Graph {
    manifest::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text.as_bytes()).expect("a pattern")
}

fn edge(text: &str) -> EdgeRule {
    let words: Vec<&str> = text.split(' ').collect();
    let relation = Relation::parse(words[1].as_bytes()).expect("a relation");
    EdgeRule { left: pattern(words[0]), relation, right: pattern(words[2]) }
}

/// What goes, in the order in which it goes.
fn gone(graph: &Graph, key: &str, trigger: Trigger) -> Vec<String> {
    graph.cascade(key.as_bytes(), trigger).iter().map(|it| it.keys.pattern().to_string()).collect()
}

const SHOP: &str = "
    edge user:<id>   owns         session:<id>:*
    edge page:<id>   derives      user:<id>
    edge price:<sku> invalidates  cart:*
    edge site:<id>   derives      page:<id>
    edge page:<id>   borrows      settings:*
    edge seen:<id>:<n> derives    session:<id>:<n>";

#[test]
fn captures_bind() {
    let shop = graph(SHOP);
    assert_eq!(gone(&shop, "user:42", Trigger::Written), ["page:42", "site:42"]);
    assert_eq!(gone(&shop, "user:42", Trigger::Gone), ["session:42:*", "page:42", "seen:42:<n>", "site:42"]);
    assert_eq!(gone(&shop, "price:7", Trigger::Written), ["cart:*"]);
    assert!(gone(&shop, "settings:x", Trigger::Written).is_empty());
    assert!(gone(&shop, "user:42:pic", Trigger::Written).is_empty());
    let path: Vec<_> = shop.cascade(b"user:42", Trigger::Written).iter().map(|it| it.after).collect();
    assert_eq!(path, [None, Some(0)]);
}

#[test]
fn what_a_source_binds_may_hold_special_bytes() {
    let shop = graph(SHOP);
    let keys = shop.cascade(b"user:*[<", Trigger::Gone);
    assert!(keys[0].keys.pattern().matches(b"session:*[<:1") && !keys[0].keys.pattern().matches(b"session:x[<:1"));
    assert_eq!(keys[1].keys, Keys::One(b"page:*[<"[..].into()));
}

#[test]
fn patterns_go_on_where_they_overlap() {
    let shop = graph(SHOP);
    let all = |text: &str| -> Vec<String> {
        shop.cascade_of(&pattern(text)).iter().map(|it| it.keys.pattern().to_string()).collect()
    };
    assert_eq!(all("user:4?"), ["session:<id>:*", "page:<id>", "seen:<id>:<n>", "site:<id>"]);
    assert_eq!(all("session:7:*"), ["seen:7:<n>"]);
    assert_eq!(all("user:7"), ["session:7:*", "page:7", "seen:7:<n>", "site:7"]);
    assert!(all("nothing:*").is_empty());
}

#[test]
fn circles_are_refused_and_shown() {
    let refused = Graph::default().link(edge("a:<x> derives b:<x>")).expect("one edge").link(edge("b:* derives a:1"));
    assert_eq!(refused.expect_err("a circle").to_string(), "cycle: a:<x> DERIVES b:<x>, b:* DERIVES a:1, and so on");
    let itself = Graph::default().link(edge("page:<id> derives page:*"));
    assert!(matches!(itself, Err(RuleError::Cycle(edges)) if edges.len() == 1));
    // A pattern of the same family that no chain comes back to is no circle.
    assert!(graph("edge a:<x> invalidates b:1\nedge b:2 invalidates a:<x>").has_effects());
    assert!(Graph::default().link(edge("a:<x> borrows a:<x>")).is_ok(), "nothing follows from borrowing");
}

#[test]
fn owners_must_be_told_from_what_they_own() {
    let refused = |text: &str| Graph::default().link(edge(text)).expect_err("not sound").to_string();
    assert!(
        refused("org:<o>:user:<id> owns session:<id>").contains("the owner's <o> does not stand on the right side")
    );
    assert!(refused("user:* owns session:1").contains("the owner has a wildcard"));
}

#[test]
fn rules_come_and_go() {
    let one = Graph::default().define(&pattern("a:<x>"), Attributes::default()).expect("new");
    let two = one.link(edge("a:<x> owns b:<x>")).expect("sound");
    assert!(two.undefine(&pattern("a:<x>")).expect_err("in use").to_string().contains("still in use by edge"));
    assert!(two.link(edge("a:<x> owns b:<x>")).is_err(), "twice");
    let three = two.unlink(&edge("a:<x> owns b:<x>")).expect("it was there");
    assert!(three.undefine(&pattern("a:<x>")).expect("unused").is_empty());
    assert!(three.undefine(&pattern("b")).is_err() && three.unlink(&edge("a derives b")).is_err());
}

#[test]
fn the_strictest_attributes_hold() {
    let both = graph("pattern a:*  ttl 5m  max-ttl 1h  layer edge\npattern a:<x>  max-ttl 30m  layer server  stale 3s");
    let attributes = both.attributes(b"a:1");
    assert_eq!((attributes.ttl_ms, attributes.max_ttl_ms), (Some(300_000), Some(1_800_000)));
    assert_eq!((attributes.layer, attributes.stale_ms), (Some(Layer::Server), Some(3000)));
    assert_eq!(both.attributes(b"b"), Attributes::default());
}

#[test]
fn functions_say_all_that_must_be_invalidated() {
    let shop = graph(SHOP);
    let check = |produces: &str, reads: &str| shop.check_function(&[pattern(produces)], &[pattern(reads)]);
    assert!(check("page:<id>", "user:<id>").is_empty());
    assert!(check("site:<id>", "user:<id>").is_empty(), "by way of its page");
    assert!(check("page:<id>", "settings:*").is_empty(), "its age is tolerated");
    let fault = Fault::Incomplete { produced: pattern("page:<id>"), read: pattern("price:<sku>") };
    assert_eq!(check("page:<id>", "price:<sku>"), [fault]);
    assert_eq!(check("page:<id>", "x:<id>"), [Fault::UnknownPattern(pattern("x:<id>"))]);
}

#[test]
fn no_graph_leads_to_exponentially_many_keys() {
    let mut text = String::new();
    for level in 0..40 {
        for letter in ["a", "b"] {
            text.push_str(&format!("edge l{level}:<x> invalidates l{}:<x>{letter}\n", level + 1));
        }
    }
    let ladder = graph(&text);
    let all = ladder.cascade(b"l0:1", Trigger::Written);
    assert!(all.len() < 80 * 66, "{}", all.len());
    let goes = |key: &str| all.iter().any(|it| it.keys.pattern().matches(key.as_bytes()));
    let last = format!("l40:1{}", "ab".repeat(20));
    assert!(goes(&last) && goes("l3:1aba") && !goes("l3:2aba"));
}

/// Rules over a few small patterns, which meet often.
fn rules() -> impl Strategy<Value = Vec<EdgeRule>> {
    let sides = vec!["a:<x>", "a:<x>:<y>", "b:<y>", "b:<x>:1", "b:*", "c:<x>", "c:1", "?:2", "d:<x>:*", "d:<y>:<x>"];
    let side = || prop::sample::select(sides.clone()).prop_map(pattern);
    let relation = prop::sample::select(Relation::ALL.to_vec());
    let rule = (side(), relation, side()).prop_map(|(left, relation, right)| EdgeRule { left, relation, right });
    prop::collection::vec(rule, 1..6)
}

/// All keys of up to three segments that the tests are about.
fn keys() -> Vec<String> {
    let mut all = Vec::new();
    for first in ["a", "b", "c", "d"] {
        for second in ["1", "2"] {
            all.push(format!("{first}:{second}"));
            all.extend(["1", "2"].map(|third| format!("{first}:{second}:{third}")));
        }
    }
    all
}

/// Whether an edge leads from one key to another: the captures that both sides name took the same bytes.
fn leads(rule: &EdgeRule, from: &str, to: &str, trigger: Trigger) -> bool {
    let (Some(source), Some(target)) = (rule.source(), rule.target()) else { return false };
    if rule.relation == Relation::Owns && trigger == Trigger::Written {
        return false;
    }
    let (Some(a), Some(b)) = (source.capture_places(from.as_bytes()), target.capture_places(to.as_bytes())) else {
        return false;
    };
    source
        .captures()
        .zip(a)
        .all(|(name, place)| target.capture(name).is_none_or(|capture| from[place] == to[b[capture].clone()]))
}

proptest! {
    /// Everything that a chain of keys leads to goes. More may go (chains over keys that a pattern of several has in
    /// common), but nothing that no edge has for its target.
    #[test]
    fn closure_as_by_brute_force(rules in rules(), start in prop::sample::select(keys()), written: bool) {
        let Ok(graph) = Graph::new(Rules { nodes: Vec::new(), edges: rules.clone() }) else { return Ok(()) };
        let trigger = if written { Trigger::Written } else { Trigger::Gone };
        let mut expected: BTreeSet<String> = BTreeSet::new();
        let mut open = vec![(start.clone(), trigger)];
        while let Some((from, trigger)) = open.pop() {
            for to in keys() {
                if rules.iter().any(|rule| leads(rule, &from, &to, trigger)) && expected.insert(to.clone()) {
                    open.push((to, Trigger::Gone));
                }
            }
        }
        let all = graph.cascade(start.as_bytes(), trigger);
        for key in keys() {
            let goes = all.iter().any(|it| it.keys.pattern().matches(key.as_bytes()));
            if expected.contains(&key) {
                prop_assert!(goes, "{} -> {} by {:?}", start, key, rules);
            }
            let is_target = rules.iter().any(|rule| rule.target().is_some_and(|target| target.matches(key.as_bytes())));
            prop_assert!(!goes || is_target);
            let is_exact = all.iter().all(|it| matches!(it.keys, Keys::One(_)));
            prop_assert!(!is_exact || goes == expected.contains(&key), "{} -> {} by {:?}", start, key, rules);
        }
    }

    /// A circle is refused exactly when targets and sources overlap in one.
    #[test]
    fn circles_as_by_brute_force(rules in rules()) {
        let follows = |a: &EdgeRule, b: &EdgeRule| match (a.target(), b.source()) {
            (Some(target), Some(source)) => target.overlap(source).is_some(),
            _ => false,
        };
        let count = rules.len();
        let mut reach: Vec<Vec<bool>> = rules.iter().map(|a| rules.iter().map(|b| follows(a, b)).collect()).collect();
        for middle in 0..count {
            for from in 0..count {
                for to in 0..count {
                    let by_way = reach[from][middle] && reach[middle][to];
                    reach[from][to] |= by_way;
                }
            }
        }
        let has_circle = (0..count).any(|edge| reach[edge][edge]);
        match Graph::new(Rules { nodes: Vec::new(), edges: rules }) {
            Ok(_) => prop_assert!(!has_circle),
            Err(Refused { reason: RuleError::Cycle(edges), .. }) => {
                prop_assert!(has_circle);
                for (at, edge) in edges.iter().enumerate() {
                    prop_assert!(follows(edge, &edges[(at + 1) % edges.len()]));
                }
            }
            Err(_) => {}
        }
    }
}
