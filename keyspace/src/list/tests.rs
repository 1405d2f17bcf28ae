//! Every operation against a `Vec` of values, with nodes small enough that few steps make many.

use super::*;
use proptest::prelude::*;

type Model = Vec<Vec<u8>>;

#[derive(Clone, Debug)]
enum Step {
    Push(End, Vec<Vec<u8>>),
    Pop(End, usize),
    Set(i64, Vec<u8>),
    Insert(Side, Vec<u8>, Vec<u8>),
    Remove(i64, Vec<u8>),
    Trim(i64, i64),
}

/// Few distinct values, so that searches match, of every encoding and of sizes around each border.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let texts = ["", "a", "b", "-0", "01", "0", "7", "127", "128", "-1", "-4096", "4096", "32768", "-8388609"];
    let wide = ["2147483648", "-9223372036854775808", "9223372036854775807", "9223372036854775808"];
    let all: Vec<_> = texts.iter().chain(&wide).map(|text| text.as_bytes().to_vec()).collect();
    let long = prop::sample::select(vec![62, 63, 64, 125, 126, 127, 4000, 4080, 4095, 4096, 4100, 9000]);
    prop_oneof![8 => prop::sample::select(all), 2 => long.prop_map(|len| vec![b'x'; len])]
}

fn step() -> impl Strategy<Value = Step> {
    let end = || prop::sample::select(vec![End::Front, End::Back]);
    let side = prop::sample::select(vec![Side::Before, Side::After]);
    let index = || prop_oneof![9 => -12..12i64, 1 => prop::sample::select(vec![i64::MIN, i64::MAX, -100, 100])];
    prop_oneof![
        5 => (end(), prop::collection::vec(value(), 1..8)).prop_map(|(end, values)| Step::Push(end, values)),
        3 => (end(), 1..6usize).prop_map(|(end, count)| Step::Pop(end, count)),
        2 => (index(), value()).prop_map(|(index, value)| Step::Set(index, value)),
        4 => (side, value(), value()).prop_map(|(side, pivot, value)| Step::Insert(side, pivot, value)),
        1 => (-3..3i64, value()).prop_map(|(count, value)| Step::Remove(count, value)),
        1 => (index(), index()).prop_map(|(start, stop)| Step::Trim(start, stop)),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    let fill = prop::sample::select(vec![i32::MIN, -5, -2, -1, 0, 1, 2, 3, 5, 128, i32::MAX]);
    let threshold = prop::sample::select(vec![0, 0, 2, 64, 5000, usize::MAX]);
    (fill, threshold).prop_map(|(fill, packed_threshold)| Limits { fill, packed_threshold })
}

fn text(element: Element<'_>) -> Vec<u8> {
    element.as_cow().into_owned()
}

/// The bounds of an inclusive range, by the words of the documentation.
fn model_range(len: usize, start: i64, stop: i64) -> std::ops::Range<usize> {
    let len = len as i128;
    let absolute = |index: i64| {
        if index < 0 { len + i128::from(index) } else { i128::from(index) }
    };
    let (start, stop) = (absolute(start).max(0), absolute(stop).min(len - 1));
    if start > stop { 0..0 } else { start as usize..stop as usize + 1 }
}

fn model_index(len: usize, index: i64) -> Option<usize> {
    let index = if index < 0 { i128::from(index) + len as i128 } else { i128::from(index) };
    usize::try_from(index).ok().filter(|&index| index < len)
}

fn apply(list: &mut List, model: &mut Model, step: Step, limits: Limits) {
    match step {
        Step::Push(end, values) => {
            list.extend(end, values.iter().map(Vec::as_slice), limits);
            for value in values {
                let at = if end == End::Front { 0 } else { model.len() };
                model.insert(at, value);
            }
        }
        Step::Pop(end, count) => {
            for _ in 0..count {
                let expected = match end {
                    End::Front if model.is_empty() => None,
                    End::Front => Some(model.remove(0)),
                    End::Back => model.pop(),
                };
                assert_eq!(list.peek(end).map(text), expected);
                assert_eq!(list.pop(end, limits).as_deref(), expected.as_deref());
            }
        }
        Step::Set(index, value) => {
            let at = model_index(model.len(), index);
            assert_eq!(list.set(index, &value, limits), at.is_some());
            if let Some(at) = at {
                model[at] = value;
            }
        }
        Step::Insert(side, pivot, value) => {
            let at = model.iter().position(|other| *other == pivot);
            assert_eq!(list.insert(side, &pivot, &value, limits), at.is_some());
            if let Some(at) = at {
                model.insert(at + usize::from(side == Side::After), value);
            }
        }
        Step::Remove(count, value) => {
            let mut at: Vec<_> = (0..model.len()).filter(|&at| model[at] == value).collect();
            if count < 0 {
                at.reverse();
            }
            at.truncate(if count == 0 { usize::MAX } else { count.unsigned_abs() as usize });
            assert_eq!(list.remove(count, &value, limits), at.len());
            let mut index = 0..;
            model.retain(|_| index.next().is_some_and(|index| !at.contains(&index)));
        }
        Step::Trim(start, stop) => {
            list.trim(start, stop, limits);
            *model = model[model_range(model.len(), start, stop)].to_vec();
        }
    }
}

/// The invariants of the representation.
fn check_nodes(list: &List, limits: Limits) {
    match &list.repr {
        Repr::Listpack(node) => assert!(!node.is_plain()),
        Repr::Quicklist { nodes, len } => {
            assert!(!nodes.is_empty() || *len == 0);
            assert_eq!(nodes.iter().map(Node::count).sum::<usize>(), *len);
            for node in nodes {
                assert!(node.count() > 0);
                let bytes = node.bytes().len();
                // The first node of a quicklist and one with replaced elements may exceed the limit.
                assert!(node.count() == 1 || bytes <= limits.max_bytes() * 5, "{bytes} bytes");
                assert!(!node.is_plain() || node.count() == 1);
            }
        }
    }
}

fn check(list: &List, model: &Model, limits: Limits) {
    check_nodes(list, limits);
    assert_eq!(list.len(), model.len());
    assert_eq!(list.is_empty(), model.is_empty());
    assert_eq!(list.iter().len(), model.len());
    assert!(list.iter().map(text).eq(model.iter().cloned()));
    assert!(list.iter_rev().map(text).eq(model.iter().rev().cloned()));
    for index in -(model.len() as i64) - 1..=model.len() as i64 {
        let expected = model_index(model.len(), index).map(|index| &model[index]);
        assert_eq!(list.get(index).map(text).as_deref(), expected.map(Vec::as_slice));
    }
    assert_eq!(list.front().map(text).as_deref(), model.first().map(Vec::as_slice));
    assert_eq!(list.back().map(text).as_deref(), model.last().map(Vec::as_slice));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn behaves_as_a_vec(limits in limits(), steps in prop::collection::vec(step(), 1..40)) {
        let (mut list, mut model) = (List::new(), Model::new());
        for step in steps {
            apply(&mut list, &mut model, step, limits);
            check(&list, &model, limits);
        }
        check(&list.clone(), &model, limits);
    }

    #[test]
    fn limits_may_change_between_steps(steps in prop::collection::vec((step(), limits()), 1..40)) {
        let (mut list, mut model) = (List::new(), Model::new());
        for (step, limits) in steps {
            apply(&mut list, &mut model, step, limits);
            check(&list, &model, Limits { fill: -5, ..limits });
        }
    }

    #[test]
    fn ranges_in_both_directions(
        limits in limits(),
        values in prop::collection::vec(value(), 0..30),
        start in -35..35i64,
        stop in -35..35i64,
    ) {
        let mut list = List::new();
        list.extend(End::Back, values.iter().map(Vec::as_slice), limits);
        let model = &values[model_range(values.len(), start, stop)];
        prop_assert_eq!(list.range(start, stop).len(), model.len());
        prop_assert!(list.range(start, stop).map(text).eq(model.iter().cloned()));
        prop_assert!(list.range_rev(start, stop).map(text).eq(model.iter().rev().cloned()));
    }

    #[test]
    fn position_counts_ranks_and_comparisons(
        limits in limits(),
        values in prop::collection::vec(value(), 0..30),
        wanted in value(),
        rank in prop_oneof![-4..=-1i64, 1..=4i64, Just(i64::MIN), Just(i64::MAX)],
        count in 0usize..4,
        maxlen in 0usize..40,
    ) {
        let mut list = List::new();
        list.extend(End::Front, values.iter().map(Vec::as_slice), limits);
        let len = values.len();
        let order: Vec<usize> = if rank > 0 { (0..len).collect() } else { (0..len).rev().collect() };
        let model: Vec<usize> = order
            .into_iter()
            .take(if maxlen == 0 { usize::MAX } else { maxlen })
            .filter(|&index| values[len - 1 - index] == wanted)
            .skip((rank.unsigned_abs() - 1) as usize)
            .take(if count == 0 { usize::MAX } else { count })
            .collect();
        let mut found = Vec::new();
        let matches = list.position(&wanted, rank, count, maxlen, |index| found.push(index));
        prop_assert_eq!(matches, model.len());
        prop_assert_eq!(found, model);
    }
}

/// Pushes one by one until the list is a quicklist, then takes off until it is a listpack again.
fn borders(fill: i32, len: usize) -> (usize, usize) {
    let limits = Limits { fill, packed_threshold: 0 };
    let (mut list, value) = (List::new(), vec![b'x'; len]);
    while list.encoding() == "listpack" {
        list.push_back(&value, limits);
    }
    let grown = list.len();
    while list.encoding() == "quicklist" {
        list.pop_back(limits);
    }
    (grown, list.len())
}

#[test]
fn encodings_change_where_those_of_redis_do() {
    let cases =
        [(-1, 1, 1364), (-1, 15, 241), (-2, 1, 2730), (-2, 15, 482), (-2, 100, 80), (-5, 100, 637), (-9, 15, 3855)];
    let counted = [(0, 15, 2), (1, 1, 2), (4, 100, 5), (1000, 1, 1001), (1000, 15, 482), (1000, 100, 80)];
    for (fill, len, grown) in cases.into_iter().chain(counted) {
        assert_eq!(borders(fill, len).0, grown, "fill {fill}, length {len}");
    }
    assert_eq!(borders(-2, 15).1, 240);
    assert_eq!(borders(6, 15).1, 3);
    assert_eq!(borders(1, 15).1, 0);
}

#[test]
fn one_command_decides_the_encoding_for_all_its_values() {
    let limits = Limits::default();
    let filled = |value: &[u8], count: usize| {
        let mut list = List::new();
        list.extend(End::Back, std::iter::repeat_n(value, count), limits);
        list
    };
    assert_eq!(filled(b"fifteen bytes..", 545).encoding(), "listpack");
    assert_eq!(filled(b"fifteen bytes..", 546).encoding(), "quicklist");
    assert_eq!(filled(b"1234567", 1200).encoding(), "quicklist");
    assert_eq!(filled(b"", 20_000).encoding(), "listpack");

    let mut list = filled(b"a", 1);
    assert!(!list.insert(Side::Before, b"nope", &[b'x'; 8190], limits));
    assert_eq!(list.encoding(), "quicklist");
    assert_eq!(list.remove(0, b"nope", limits), 0);
    assert_eq!(list.encoding(), "quicklist");
    assert!(list.insert(Side::After, b"a", b"b", limits));
    assert_eq!(list.encoding(), "quicklist");
    assert_eq!(list.remove(0, b"b", limits), 1);
    assert_eq!(list.encoding(), "listpack");
    let mut list = filled(b"a", 1);
    assert!(!list.set(7, &[b'x'; 8190], limits));
    assert_eq!(list.encoding(), "quicklist");
    assert!(list.set(0, b"b", limits));
    assert_eq!(list.encoding(), "listpack");
}

#[test]
fn large_values_stand_alone() {
    let limits = Limits::default();
    let mut list = List::new();
    list.extend(End::Back, [&b"a"[..], &[b'x'; 9000], b"b"], limits);
    assert_eq!(list.free_effort(), 3);
    list.pop_front(limits);
    list.pop_back(limits);
    assert_eq!((list.len(), list.encoding()), (1, "quicklist"));
    assert!(list.heap_bytes() < 9000 + 600, "{}", list.heap_bytes());

    let mut list = List::new();
    list.extend(End::Back, std::iter::repeat_n(&[b'y'; 200][..], 50), limits);
    list.push_back(b"tiny", Limits { packed_threshold: 4, ..limits });
    let nodes = list.free_effort();
    list.push_back(b"tiny", limits);
    assert_eq!(list.free_effort(), nodes + 1, "a plain node takes no other element");
}

#[test]
fn insertions_into_full_nodes_leave_no_trail_of_small_ones() {
    let limits = Limits::default();
    let mut list = List::new();
    list.extend(End::Back, std::iter::repeat_n(&b"fifteen bytes.."[..], 4000), limits);
    assert!(list.set(2000, b"pivot", limits));
    for _ in 0..4000 {
        assert!(list.insert(Side::After, b"pivot", b"fifteen bytes..", limits));
    }
    assert!(list.free_effort() <= 40, "{} nodes", list.free_effort());
}

#[test]
fn a_million_items_cost_little_more_than_their_bytes() {
    let limits = Limits::default();
    for end in [End::Front, End::Back] {
        let mut list = List::new();
        for i in 0..1_000_000 {
            list.push(end, format!("item:{i:010}").as_bytes(), limits);
        }
        let per_item = list.memory_usage() as f64 / 1e6;
        assert!(per_item <= 18.5, "{per_item} bytes per item");
        // What is left of a long list does not keep its memory.
        list.trim(500_000, 500_002, limits);
        assert!(list.memory_usage() < 1024, "{}", list.memory_usage());
    }
}

#[test]
fn small_lists_are_small() {
    let mut list = List::new();
    assert_eq!(list.heap_bytes(), 0);
    list.push_back(b"fourteen bytes", Limits::default());
    assert_eq!(list.heap_bytes(), 16);
    for _ in 0..99 {
        list.push_back(b"fourteen bytes", Limits::default());
    }
    assert!(list.heap_bytes() <= 1600 * 3 / 2, "{}", list.heap_bytes());
    while list.len() > 1 {
        list.pop_front(Limits::default());
    }
    assert!(list.heap_bytes() <= 64, "{}", list.heap_bytes());
    assert!(size_of::<List>() <= 48);
}
