//! Sets against a BTreeSet: every form, every way between the forms, the algebra, and what a member costs.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use proptest::prelude::*;

use super::*;
use crate::change::Tally;
use crate::entry::Kind;
use crate::keys::{Access, Key, Keys, Now, WrongType};
use crate::packed::Element;
use crate::shard::Keyspace;

type Model = BTreeSet<Vec<u8>>;

const TIGHT: Limits = Limits { intset_entries_max: 6, listpack_entries_max: 9, listpack_value_len_max: 5 };

fn now(unix_ms: i64) -> Now {
    Now { unix_ms, access: Access::Lru(0) }
}

fn with_keys<T>(run: impl FnOnce(&mut Keys<'_>) -> T) -> T {
    let (space, mut tally) = (Keyspace::new(2, 1, 7), Tally::default());
    run(&mut Keys::lock_all(&space, 0, now(1000), &mut tally))
}

fn dice(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed | 1;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

fn members(set: SetRef<'_>) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    set.for_each(|member| found.push(member.as_cow().into_owned()));
    found
}

fn add(keys: &mut Keys<'_>, key: &Key<'_>, limits: Limits, list: &[&str]) {
    let mut set = keys.set_for_write(key, limits).unwrap();
    set.announce(list.len());
    for member in list {
        set.insert(member.as_bytes());
    }
}

fn encoding(keys: &Keys<'_>, key: &Key<'_>) -> &'static str {
    keys.peek_set(key).unwrap().map_or("none", |set| set.encoding())
}

fn numbers(range: std::ops::RangeInclusive<i64>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

fn strs(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}

/// What `SADD` calls in turn lead to, as Redis 8.0 answered.
#[test]
fn forms_follow_redis() {
    let ints = Limits { intset_entries_max: 2, ..Limits::default() };
    let few = Limits { listpack_entries_max: 3, ..ints };
    let short = Limits { listpack_value_len_max: 3, ..Limits::default() };
    let cases: &[(Limits, &[&[&str]], &str)] = &[
        (ints, &[&["1"], &["2"], &["3"]], "hashtable"),
        (ints, &[&["1", "2", "3"]], "listpack"),
        (ints, &[&["1", "1", "1"]], "listpack"),
        (ints, &[&["1"], &["2", "2", "2"]], "hashtable"),
        (ints, &[&["1"], &["1", "1"]], "intset"),
        (ints, &[&["1"], &["a"]], "listpack"),
        (few, &[&["a", "b", "c"]], "listpack"),
        (few, &[&["a", "b", "c", "c"]], "hashtable"),
        (few, &[&["1", "2", "3", "4"]], "hashtable"),
        (few, &[&["1", "2", "3", "b"]], "hashtable"),
        (few, &[&["a", "2", "3"], &["4"]], "hashtable"),
        (few, &[&["a"], &["a", "a", "a", "a"]], "hashtable"),
        (few, &[&["a"], &["b", "c", "c"]], "listpack"),
        (short, &[&["10000", "a"]], "hashtable"),
        (short, &[&["1", "abcd"]], "hashtable"),
        (short, &[&["a", "10000"]], "hashtable"),
        (short, &[&["abcd"]], "hashtable"),
        (short, &[&["10000"]], "intset"),
    ];
    for (limits, calls, expected) in cases {
        with_keys(|keys| {
            let key = keys.key(b"s");
            for call in *calls {
                add(keys, &key, *limits, call);
            }
            assert_eq!(encoding(keys, &key), *expected, "{limits:?} {calls:?}");
        });
    }
}

/// The form of stored results, as Redis 8.0 answered.
#[test]
fn stored_forms_follow_redis() {
    let limits = Limits { intset_entries_max: 50, ..Limits::default() };
    with_keys(|keys| {
        let with = |range, more: &[&str]| {
            let mut list = numbers(range);
            list.extend(more.iter().map(ToString::to_string));
            list
        };
        // These four were made with an intset limit of 512.
        for (name, list) in [
            ("a", with(1..=100, &[])),
            ("b", with(1..=1000, &[])),
            ("c", with(1..=100, &["x"])),
            ("d", with(1..=2000, &[])),
        ] {
            add(keys, &keys.key(name.as_bytes()), Limits::default(), &strs(&list));
        }
        for (name, list) in [
            ("e", with(1960..=2000, &[])),
            ("f", with(1980..=3000, &[])),
            ("g", with(1990..=2000, &["x"])),
            ("h", with(1..=1, &["x", "y"])),
        ] {
            add(keys, &keys.key(name.as_bytes()), limits, &strs(&list));
        }
        type Into = fn(&[Option<SetRef<'_>>], u64, Limits) -> NewSet;
        let cases: [(Into, &str, usize, &str); 12] = [
            (inter_into, "ab", 100, "hashtable"),
            (inter_into, "cb", 100, "listpack"),
            (inter_into, "db", 1000, "hashtable"),
            (inter_into, "cc", 101, "listpack"),
            (inter_into, "ed", 41, "intset"),
            (union_into, "ee", 41, "intset"),
            (inter_into, "fd", 21, "intset"),
            (inter_into, "dfg", 11, "intset"),
            (inter_into, "gh", 1, "listpack"),
            (diff_into, "hg", 2, "listpack"),
            (diff_into, "ch", 99, "hashtable"),
            (union_into, "hh", 3, "listpack"),
        ];
        for (into, names, len, expected) in cases {
            let list: Vec<Key<'_>> = names.as_bytes().chunks(1).map(|name| keys.key(name)).collect();
            let result = into(&keys.sets(&list).unwrap(), 1, limits);
            let key = keys.key(b"s");
            assert_eq!(result.len(), len, "{names}");
            assert!(!keys.store_set(&key, result));
            assert_eq!(encoding(keys, &key), expected, "{names}");
        }
    });
}

#[test]
fn popping_most_makes_small_sets_again() {
    let named: Vec<String> = (0..1000).map(|number| format!("a{number}")).collect();
    let (thousand, some) = (numbers(1..=1000), numbers(1..=300));
    let cases: [(&[String], usize, &str); 6] = [
        (&thousand, 995, "listpack"),
        (&some, 295, "intset"),
        (&named, 995, "listpack"),
        (&named, 900, "listpack"),
        (&named, 800, "hashtable"),
        (&named, 1000, "none"),
    ];
    for (list, count, expected) in cases {
        with_keys(|keys| {
            let key = keys.key(b"s");
            add(keys, &key, Limits::default(), &strs(list));
            let slot = keys.find_untouched(&key).unwrap();
            keys.db_mut(key.hash).set_deadline(slot, Some(5000));
            let mut popped = Model::new();
            let mut set = keys.set_for_write(&key, Limits::default()).unwrap();
            set.pop_many(count, dice(3), |member| assert!(popped.insert(member.as_cow().into_owned())));
            assert_eq!((popped.len(), set.len(), set.is_gone()), (count, list.len() - count, count == list.len()));
            set.as_ref().map(members).iter().flatten().for_each(|left| assert!(!popped.contains(left)));
            assert_eq!(encoding(keys, &key), expected);
            if let Some(slot) = keys.find_untouched(&key) {
                assert_eq!(keys.entry(&key, slot).deadline_ms(), Some(5000));
            }
        });
    }
}

#[test]
fn other_types_and_expired_sets_are_told_apart() {
    let (space, mut tally) = (Keyspace::new(2, 1, 7), Tally::default());
    let mut keys = Keys::lock_all(&space, 0, now(1000), &mut tally);
    let (text, set, old, absent) = (keys.key(b"text"), keys.key(b"set"), keys.key(b"old"), keys.key(b"absent"));
    keys.set_string(&text, b"x", None);
    for key in [&set, &old] {
        add(&mut keys, key, TIGHT, &["1", "2"]);
    }
    let slot = keys.find_untouched(&old).unwrap();
    keys.db_mut(old.hash).set_deadline(slot, Some(1000));
    assert!(matches!(keys.set(&text), Err(WrongType)));
    assert!(matches!(keys.peek_set(&text), Err(WrongType)));
    assert!(matches!(keys.set_for_write(&text, TIGHT), Err(WrongType)));
    assert!(matches!(keys.sets(&[absent, text]), Err(WrongType)));
    assert!(keys.peek_set(&old).unwrap().is_none());
    let sets = keys.sets(&[set, absent, old]).unwrap();
    assert_eq!(sets.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, false]);
    drop(sets);
    // Reads: text, then absent and text, then set, absent and old.
    assert_eq!((keys.tally.hits, keys.tally.misses, keys.tally.expired), (3, 3, 1));
    assert!(keys.store_set(&set, NewSet::new(1, TIGHT)));
    assert!(!keys.exists(&set));
}

#[test]
fn a_scan_sees_what_stays() {
    let mut set = Set::new(5);
    let name = |number: u32| format!("member:{number}").into_bytes();
    for number in 0..5000 {
        set.insert(&name(number));
    }
    let (mut cursor, mut seen, mut calls) = (0, Model::new(), 0);
    loop {
        cursor = SetRef::from(&set).scan(cursor, 10, |member| {
            seen.insert(member.as_cow().into_owned());
        });
        calls += 1;
        // Others come and go meanwhile, enough for the table to grow and to shrink.
        for number in 0..40 {
            set.insert(&name(10_000 + calls * 40 + number));
            set.remove(&name(1000 + (calls * 40 + number) % 4000));
        }
        if cursor == 0 {
            break;
        }
    }
    assert!((0..1000).all(|number| seen.contains(&name(number))));
    assert!(calls > 100);
}

#[test]
fn choices_are_uniform() {
    let mut large = Set::new(5);
    let list: Vec<String> = (0..200).map(|number| format!("m{number}")).collect();
    list.iter().for_each(|member| {
        large.insert(member.as_bytes());
    });
    let mut packed = small::head(100).into_vec();
    list[..100].iter().for_each(|member| crate::packed::encode(member.as_bytes(), &mut packed));
    let mut ints = Vec::new();
    (0..100).for_each(|number| {
        crate::intset::insert(&mut ints, number);
    });
    for set in [SetRef::ints(&ints), SetRef::packed(&packed), SetRef::from(&large)] {
        let mut below = dice(11);
        for count in [10, 90] {
            let mut chosen = std::collections::HashMap::<Vec<u8>, u32>::new();
            let mut note = |member: Element<'_>| *chosen.entry(member.as_cow().into_owned()).or_default() += 1;
            for _ in 0..2000 {
                let mut distinct = Model::new();
                set.sample(count, &mut below, |member| assert!(distinct.insert(member.as_cow().into_owned())));
                assert_eq!(distinct.len(), count);
                distinct.iter().for_each(|member| note(Element::Bytes(member)));
                set.random_many(count, &mut below, &mut note);
                (0..count).filter_map(|_| set.random(&mut below)).for_each(&mut note);
            }
            let expected = (3 * 2000 * count / set.len()) as f64;
            // Deviations beyond six sigma do not happen by chance.
            let off = chosen.values().map(|&times| (f64::from(times) - expected).abs()).fold(0.0, f64::max);
            assert_eq!(chosen.len(), set.len());
            assert!(off < 6.0 * expected.sqrt(), "{} of {}: {off} off {expected}", count, set.encoding());
        }
        let mut all = Vec::new();
        set.sample(1000, &mut below, |member| all.push(member.as_cow().into_owned()));
        assert_eq!(all.len(), set.len());
    }
}

#[test]
fn sets_that_are_looked_up_in_batches_give_the_same() {
    let many = large::BATCH_LEN_MIN as u64;
    let (mut all, mut even, mut few) = (Set::new(5), Set::new(6), Set::new(7));
    (0..many).for_each(|number| assert!(all.insert(number.to_string().as_bytes())));
    (0..many).for_each(|number| assert!(even.insert((number * 2).to_string().as_bytes())));
    (0..37u64).for_each(|number| assert!(few.insert((number * 50_000).to_string().as_bytes())));
    let [all, even, few] = [&all, &even, &few].map(|set| Some(SetRef::from(set)));
    // Of the multiples of 50 000, three are below 131 072 and six are below 262 144, all even.
    assert_eq!(inter_card(&[all, few, even], 0), 3);
    assert_eq!(inter_card(&[all, even], 0), many as usize / 2);
    assert_eq!(inter_card(&[all, even], 100), 100);
    let (mut only, mut any) = (0, 0);
    diff(&[few, all, even], Limits::default(), |_| only += 1);
    union(&[all, few], Limits::default(), |_| any += 1);
    assert_eq!((only, any), (37 - 6, many as usize + 34));
}

#[test]
fn members_cost_what_we_promise() {
    let mut set = Set::new(5);
    for number in 0..100_000 {
        set.insert(format!("member:{number:010}").as_bytes());
    }
    let each = set.memory_usage() as f64 / 100_000.0;
    assert!(each > 24.0 && each <= 36.0, "{each}");
    // A few members of many sizes must not take a page each.
    let mut diverse = Set::new(5);
    (65..=500).step_by(20).for_each(|len| {
        diverse.insert(&vec![b'x'; len]);
    });
    let live: usize = (65..=500).step_by(20).sum();
    assert!(diverse.memory_usage() < live + 1024, "{} for {live}", diverse.memory_usage());
    let before = set.memory_usage();
    let copy = set.clone();
    assert_eq!((copy.len(), copy.contains(b"member:0000099999")), (100_000, true));
    assert!(copy.memory_usage().abs_diff(before) < before / 10);
    (0..100_000).for_each(|number| assert!(set.remove(format!("member:{number:010}").as_bytes())));
    // What stays is the table's directory.
    assert!(set.memory_usage() < before / 500, "{}", set.memory_usage());
}

#[derive(Clone, Debug)]
enum Step {
    Insert(Vec<u8>),
    Remove(Vec<u8>),
    Announce(usize),
    Pop(u64),
    PopMany(usize, u64),
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        5 => (0..12i64).prop_map(|int| int.to_string().into_bytes()),
        2 => prop::sample::select(vec![-32769i64, 32768, -1, i64::MIN, i64::MAX, 1 << 31])
            .prop_map(|int| int.to_string().into_bytes()),
        4 => "[ab]{0,3}".prop_map(String::into_bytes),
        1 => "[a-b]{6,8}".prop_map(String::into_bytes),
        1 => prop::sample::select(vec![63, 64, 127, 254, 255, 256, 600]).prop_map(|len| vec![b'z'; len]),
        1 => "0[0-9]|-0|\\+1".prop_map(String::into_bytes),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => member().prop_map(Step::Insert),
        5 => member().prop_map(Step::Remove),
        1 => (0..12usize).prop_map(Step::Announce),
        1 => any::<u64>().prop_map(Step::Pop),
        1 => (0..15usize, any::<u64>()).prop_map(|(count, seed)| Step::PopMany(count, seed)),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    prop_oneof![
        2 => Just(TIGHT),
        1 => Just(Limits::default()),
        1 => (0..4usize, 0..4usize, 0..4usize).prop_map(|(ints, entries, len)| Limits {
            intset_entries_max: ints,
            listpack_entries_max: entries,
            listpack_value_len_max: len,
        }),
    ]
}

fn run(set: &mut SetMut<'_, '_>, model: &mut Model, step: &Step) {
    let mut take = |member: Element<'_>| assert!(model.remove(&*member.as_cow()));
    match step {
        Step::Announce(count) => set.announce(*count),
        Step::Pop(seed) => assert_eq!(!set.is_gone(), set.pop(dice(*seed), take)),
        Step::PopMany(count, seed) => {
            let left = set.len().saturating_sub(*count);
            set.pop_many(*count, dice(*seed), &mut take);
            assert_eq!(set.len(), left);
        }
        Step::Insert(member) => assert_eq!(set.insert(member), model.insert(member.clone())),
        Step::Remove(member) => assert_eq!(set.remove(member), model.remove(member)),
    }
}

fn check(set: SetRef<'_>, model: &Model, limits: Limits) {
    let found = members(set);
    assert_eq!(found.len(), set.len());
    assert_eq!(found.iter().cloned().collect::<Model>(), *model);
    assert!(model.iter().all(|member| set.contains(member) && set.contains_element(Element::Bytes(member))));
    let is_int = |member: &Vec<u8>| crate::string::as_int(member).is_some();
    match set.encoding() {
        "intset" => assert!(set.len() <= limits.intset_entries_max && model.iter().all(is_int)),
        "listpack" => assert!(set.len() <= limits.listpack_entries_max),
        _ => {}
    }
    let mut visited = 0;
    let _ = set.try_for_each(|_| {
        visited += 1;
        if visited == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(visited, set.len().min(3));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn behaves_as_a_set(limits in limits(), steps in prop::collection::vec(step(), 0..60)) {
        with_keys(|keys| {
            let key = keys.key(b"the set");
            let (mut model, mut built) = (Model::new(), NewSet::new(3, limits));
            for step in &steps {
                let mut set = keys.set_for_write(&key, limits).unwrap();
                run(&mut set, &mut model, step);
                assert_eq!((set.is_gone(), set.len()), (model.is_empty(), model.len()));
                match step {
                    Step::Insert(member) => { built.insert(Element::Bytes(member)); },
                    Step::Remove(member) => { built.remove(Element::Bytes(member)); },
                    _ => {}
                }
                match keys.peek_set(&key).unwrap() {
                    Some(set) => check(set, &model, limits),
                    None => assert!(model.is_empty() && !keys.exists(&key)),
                }
                let is_back = |gone: &[u8]| keys.peek_set(&key).unwrap().is_some_and(|set| set.contains(gone));
                assert!(!matches!(step, Step::Remove(gone) if is_back(gone)));
            }
            // What was built apart is a set of the same members once it is put.
            let mut expected = Model::new();
            built.for_each(|member| assert!(expected.insert(member.as_cow().into_owned())));
            prop_assert_eq!(expected.len(), built.len());
            prop_assert_eq!(keys.store_set(&key, built), expected.is_empty() && !model.is_empty());
            prop_assert_eq!(keys.set(&key).unwrap().map(members).unwrap_or_default().into_iter().collect::<Model>(), expected);
            Ok(())
        })?;
    }

    #[test]
    fn algebra_is_that_of_sets(
        lists in prop::collection::vec(prop::option::of(prop::collection::vec(member(), 1..25)), 1..6),
        limits in limits(),
        limit in 0..5usize,
    ) {
        with_keys(|keys| {
            let names: Vec<String> = (0..lists.len()).map(|index| format!("k{index}")).collect();
            let list: Vec<Key<'_>> = names.iter().map(|name| keys.key(name.as_bytes())).collect();
            let mut models = Vec::new();
            for (key, list) in list.iter().zip(&lists) {
                let mut set = keys.set_for_write(key, limits).unwrap();
                list.iter().flatten().for_each(|member| { set.insert(member); });
                models.push(list.iter().flatten().cloned().collect::<Model>());
            }
            let sets = keys.sets(&list).unwrap();
            let (first, others) = models.split_first().unwrap();
            let in_all: Model = first.iter().filter(|&member| others.iter().all(|it| it.contains(member))).cloned().collect();
            let in_any: Model = models.iter().flatten().cloned().collect();
            let in_first: Model = first.iter().filter(|&member| !others.iter().any(|it| it.contains(member))).cloned().collect();
            let mut found = [Vec::new(), Vec::new(), Vec::new()];
            inter(&sets, |member| found[0].push(member.as_cow().into_owned()));
            union(&sets, limits, |member| found[1].push(member.as_cow().into_owned()));
            diff(&sets, limits, |member| found[2].push(member.as_cow().into_owned()));
            let card = if limit == 0 { in_all.len() } else { in_all.len().min(limit) };
            prop_assert_eq!(inter_card(&sets, limit), card);
            let stored = [inter_into(&sets, 1, limits), union_into(&sets, 2, limits), diff_into(&sets, 3, limits)];
            for ((expected, found), stored) in [in_all, in_any, in_first].into_iter().zip(found).zip(stored) {
                prop_assert_eq!(found.len(), expected.len());
                prop_assert_eq!(found.into_iter().collect::<Model>(), expected.clone());
                prop_assert_eq!(stored.len(), expected.len());
                let mut all = Model::new();
                stored.for_each(|member| { all.insert(member.as_cow().into_owned()); });
                prop_assert_eq!(all, expected);
            }
            Ok(())
        })?;
    }
}

#[test]
fn kinds_are_those_of_the_entry() {
    with_keys(|keys| {
        let key = keys.key(b"s");
        for (member, kind) in [("1", Kind::SetInts), ("a", Kind::SetPacked), ("a longer one", Kind::Set)] {
            add(keys, &key, TIGHT, &[member]);
            let slot = keys.find_untouched(&key).unwrap();
            assert_eq!(keys.entry(&key, slot).kind(), kind);
        }
        // Moving the value keeps the members.
        let (value, _) = keys.take(&key).unwrap();
        let other = keys.key(b"t");
        keys.put(&other, value, None);
        assert_eq!(keys.set(&other).unwrap().unwrap().len(), 3);
    });
}
