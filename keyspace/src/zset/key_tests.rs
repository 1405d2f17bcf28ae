//! Sorted sets behind keys: against a map through every form, the ways between the forms, and samples.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::algebra::{Aggregate, diff, inter, inter_card, union};
use super::*;
use crate::change::Tally;
use crate::keys::{Access, Key, Keys, Now, WrongType};
use crate::shard::Keyspace;

type Model = BTreeMap<Vec<u8>, f64>;

const TIGHT: Limits = Limits { entries_max: 4, value_len_max: 5 };

fn with_keys<T>(run: impl FnOnce(&mut Keys<'_>) -> T) -> T {
    let (space, mut tally) = (Keyspace::new(2, 1, 7), Tally::default());
    let now = Now { unix_ms: 1000, access: Access::Lru(0) };
    run(&mut Keys::lock_all(&space, 0, now, &mut tally))
}

fn encoding(keys: &Keys<'_>, key: &Key<'_>) -> &'static str {
    keys.peek_zset(key).unwrap().map_or("none", |set| set.encoding())
}

fn sorted(model: &Model) -> Vec<(Vec<u8>, f64)> {
    let mut list: Vec<_> = model.iter().map(|(member, &score)| (member.clone(), score)).collect();
    list.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(&b.0)));
    list
}

fn listed(set: Option<ZsetRef<'_>>) -> Vec<(Vec<u8>, f64)> {
    let mut found = Vec::new();
    if let Some(set) = set {
        set.for_each(|member, score| found.push((member.as_cow().into_owned(), score)));
    }
    found
}

#[test]
fn forms_follow_the_limits() {
    with_keys(|keys| {
        let put = |keys: &mut Keys<'_>, name: &'static str, announced: usize, members: &[&str]| {
            let key = keys.key(name.as_bytes());
            let mut set = keys.zset_for_write(&key, TIGHT).unwrap();
            set.announce(announced);
            for (score, member) in members.iter().enumerate() {
                set.put(member.as_bytes(), score as f64);
            }
            encoding(keys, &key)
        };
        assert_eq!(put(keys, "few", 4, &["a", "b", "c", "d"]), "listpack");
        assert_eq!(put(keys, "few", 1, &["d"]), "listpack");
        assert_eq!(put(keys, "few", 1, &["e"]), "skiplist");
        // Announced members count whether they are new or not.
        assert_eq!(put(keys, "announced", 5, &["a", "a", "a", "a", "a"]), "skiplist");
        assert_eq!(put(keys, "again", 1, &["a"]), "listpack");
        assert_eq!(put(keys, "again", 5, &["a"]), "skiplist");
        assert_eq!(put(keys, "long", 1, &["123456"]), "skiplist");
        assert_eq!(put(keys, "later", 1, &["1", "x", "123456"]), "skiplist");
    });
}

#[test]
fn a_key_of_another_type_is_refused() {
    with_keys(|keys| {
        let key = keys.key(b"k");
        keys.set_string(&key, b"v", None);
        assert!(matches!(keys.zset(&key), Err(WrongType)));
        assert!(matches!(keys.zset_for_write(&key, TIGHT), Err(WrongType)));
        assert!(matches!(keys.zset_sources([key].into_iter()), Err(WrongType)));
    });
}

#[test]
fn samples_are_different_members_and_reach_all() {
    with_keys(|keys| {
        let mut state = 1_u64;
        let mut below = |end: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % end
        };
        for (count, limits) in [(40_usize, Limits::default()), (40, TIGHT)] {
            let key = keys.key(b"k");
            keys.remove(&key);
            let mut set = keys.zset_for_write(&key, limits).unwrap();
            for i in 0..count {
                set.put(format!("{i}").as_bytes(), i as f64);
            }
            let set = keys.peek_zset(&key).unwrap().unwrap();
            let mut reached = BTreeMap::new();
            for _ in 0..200 {
                for wanted in [3, 20, 60] {
                    let mut drawn = BTreeMap::new();
                    set.sample(wanted, &mut below, |member, score| {
                        drawn.insert(member.as_cow().into_owned(), score);
                    });
                    assert_eq!(drawn.len(), wanted.min(count));
                    if wanted == 3 {
                        reached.extend(drawn);
                    }
                }
            }
            assert_eq!(reached.len(), count);
        }
    });
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![(0..9_u8).prop_map(|i| vec![b'0' + i]), (0..9_u8).prop_map(|i| vec![b'a' + i; 1 + usize::from(i)])]
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![(-4..4_i32).prop_map(f64::from), -4.0..4.0, Just(f64::INFINITY)]
}

#[derive(Clone, Debug)]
enum Step {
    Put(Vec<u8>, f64),
    Remove(Vec<u8>),
    Pop(bool),
    RemoveRange(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (member(), score()).prop_map(|(member, score)| Step::Put(member, score)),
        3 => member().prop_map(Step::Remove),
        2 => any::<bool>().prop_map(Step::Pop),
        1 => (0..4_usize, 0..6_usize).prop_map(|(start, len)| Step::RemoveRange(start, start + len)),
    ]
}

fn take_step(set: &mut ZsetMut<'_, '_>, model: &mut Model, step: Step) {
    match step {
        Step::Put(member, score) => {
            let put = set.put(&member, score);
            let want = match model.insert(member, score) {
                None => Put::Added,
                Some(old) if old == score => Put::Same,
                Some(old) => Put::Updated(old),
            };
            assert_eq!(put, want);
        }
        Step::Remove(member) => assert_eq!(set.remove(&member), model.remove(&member)),
        Step::Pop(reverse) => {
            let list = sorted(model);
            let want = if reverse { list.last() } else { list.first() };
            let mut popped = None;
            let did = set.pop(reverse, |member, score| popped = Some((member.as_cow().into_owned(), score)));
            assert_eq!((popped.as_ref(), did), (want, want.is_some()));
            want.map(|(member, _)| model.remove(member));
        }
        Step::RemoveRange(start, end) => {
            let list = sorted(model);
            let gone = list.get(start..end.min(list.len())).unwrap_or_default();
            assert_eq!(set.remove_range(start..end), gone.len());
            for (member, _) in gone {
                model.remove(member);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_key_behaves_as_a_map(steps in prop::collection::vec(step(), 1..80), tight in any::<bool>()) {
        with_keys(|keys| {
            let (key, mut model) = (keys.key(b"k"), Model::new());
            for step in steps {
                let limits = if tight { TIGHT } else { Limits::default() };
                let mut set = keys.zset_for_write(&key, limits).unwrap();
                take_step(&mut set, &mut model, step);
                assert_eq!((set.len(), set.is_empty()), (model.len(), model.is_empty()));
                assert_eq!(keys.exists(&key), !model.is_empty());
                assert_eq!(listed(keys.peek_zset(&key).unwrap()), sorted(&model));
            }
        });
    }

    #[test]
    fn algebra_agrees_with_maps(
        lists in prop::collection::vec(prop::collection::vec((member(), score()), 0..12), 1..4),
        weights in prop::collection::vec(-3..3_i32, 3),
    ) {
        with_keys(|keys| {
            let names: Vec<String> = (0..lists.len()).map(|index| format!("k{index}")).collect();
            let mut models = Vec::new();
            for (name, list) in names.iter().zip(&lists) {
                let key = keys.key(name.as_bytes());
                let mut set = keys.zset_for_write(&key, TIGHT).unwrap();
                list.iter().for_each(|(member, score)| {
                    // Whole scores only: the sum does not depend on the order then.
                    set.put(member, score.clamp(-9.0, 9.0).trunc());
                });
                models.push(list.iter().map(|(m, s)| (m.clone(), s.clamp(-9.0, 9.0).trunc())).collect::<Model>());
            }
            let weights: Vec<f64> = weights.into_iter().map(f64::from).collect();
            let found: Vec<Key<'_>> = names.iter().map(|name| keys.key(name.as_bytes())).collect();
            let sources = keys.zset_sources(found.into_iter()).unwrap();
            let (mut all, mut common) = (Model::new(), models[0].clone());
            for (model, weight) in models.iter().zip(&weights) {
                model.iter().for_each(|(m, s)| *all.entry(m.clone()).or_insert(0.0) += s * weight);
                common.retain(|member, _| model.contains_key(member));
            }
            common.iter_mut().for_each(|(member, score)| *score = all[member]);
            let mut rest = models[0].clone();
            rest.retain(|member, _| !models[1..].iter().any(|model| model.contains_key(member)));
            let check = |set: &SortedSet, model: &Model| {
                let found: Vec<_> = set.iter().map(|(member, score)| (member.to_vec(), score + 0.0)).collect();
                let positive = model.iter().map(|(m, s)| (m.clone(), s + 0.0)).collect();
                assert_eq!(found, sorted(&positive));
            };
            check(&union(&sources, &weights, Aggregate::Sum, 1), &all);
            check(&inter(&sources, &weights, Aggregate::Sum, 1), &common);
            check(&diff(&sources, 1), &rest);
            assert_eq!(inter_card(&sources, 0), common.len());
            assert_eq!(inter_card(&sources, 2), common.len().min(2));
        });
    }
}
