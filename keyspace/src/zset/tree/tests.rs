//! The tree against a sorted vector, with its invariants checked after each step.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use super::*;

#[derive(Default)]
struct Records(Vec<(Vec<u8>, LeafId)>);

impl Default for LeafId {
    fn default() -> Self {
        Self(NIL)
    }
}

impl Members for Records {
    fn member(&self, handle: Handle) -> &[u8] {
        &self.0[handle.0 as usize].0
    }

    fn leaf(&self, handle: Handle) -> LeafId {
        self.0[handle.0 as usize].1
    }

    fn set_leaf(&mut self, handle: Handle, leaf: LeafId) {
        self.0[handle.0 as usize].1 = leaf;
    }
}

impl Records {
    fn with(count: usize) -> Self {
        Self((0..count).map(|i| (format!("member:{i:010}").into_bytes(), LeafId(NIL))).collect())
    }
}

fn shuffled(count: usize, mut seed: u64) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count as u32).collect();
    for i in (1..count).rev() {
        order.swap(i, random(&mut seed) as usize % (i + 1));
    }
    order
}

fn random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

fn bytes_per_member(tree: &Tree) -> f64 {
    tree.allocated_bytes() as f64 / tree.len() as f64
}

/// A score in the order of the tree: -0.0 equals 0.0.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Score(f64);

impl Eq for Score {}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.partial_cmp(&other.0).unwrap()
    }
}

type Model = BTreeMap<(Score, Vec<u8>), Handle>;

#[derive(Clone, Debug)]
enum Step {
    Put(u16, f64),
    Nudge(u16, f64),
    Remove(u16),
    PopFirst,
    PopLast,
    RemoveRun(u16, u8),
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-3..4_i32).prop_map(f64::from),
        4 => -1e3..1e3_f64,
        1 => prop_oneof![Just(-0.0), Just(0.0), Just(f64::INFINITY), Just(f64::NEG_INFINITY)],
    ]
}

fn step(members: u16) -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0..members, score()).prop_map(|(m, s)| Step::Put(m, s)),
        4 => (0..members, -2.0..2.0_f64).prop_map(|(m, s)| Step::Nudge(m, s)),
        5 => (0..members).prop_map(Step::Remove),
        1 => Just(Step::PopFirst),
        1 => Just(Step::PopLast),
        1 => (0..members, 0..40_u8).prop_map(|(at, n)| Step::RemoveRun(at, n)),
    ]
}

struct Pair {
    tree: Tree,
    records: Records,
    scores: BTreeMap<u16, f64>,
    model: Model,
}

impl Pair {
    fn new(members: u16) -> Self {
        let records = (0..members).map(|i| (format!("{i}").into_bytes(), LeafId(NIL))).collect();
        Self { tree: Tree::new(), records: Records(records), scores: BTreeMap::new(), model: Model::new() }
    }

    fn put(&mut self, member: u16, score: f64) {
        let handle = Handle(u32::from(member));
        let bytes = self.records.0[member as usize].0.clone();
        if self.scores.get(&member) == Some(&score) {
            // An equal score changes nothing, not even the sign of a zero.
            let put = self.tree.update(&mut self.records, handle, |_| Some(score));
            return assert_eq!(put, Put::Same);
        }
        match self.scores.insert(member, score) {
            Some(old) => {
                self.model.remove(&(Score(old), bytes.clone()));
                let put = self.tree.update(&mut self.records, handle, |_| Some(score));
                assert_eq!(put, Put::Updated(old));
            }
            None => self.tree.insert(&mut self.records, score, handle),
        }
        self.model.insert((Score(score), bytes), handle);
    }

    fn forget(&mut self, handle: Handle) {
        let score = self.scores.remove(&(handle.0 as u16)).unwrap();
        self.model.remove(&(Score(score), self.records.0[handle.0 as usize].0.clone())).unwrap();
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Put(member, score) => self.put(member, score),
            Step::Nudge(member, by) => {
                if let Some(&score) = self.scores.get(&member)
                    && (score + by).is_finite()
                {
                    self.put(member, score + by);
                }
            }
            Step::Remove(member) => {
                if let Some(&score) = self.scores.get(&member) {
                    let handle = Handle(u32::from(member));
                    assert_eq!(self.tree.remove(&mut self.records, handle).to_bits(), score.to_bits());
                    self.forget(handle);
                }
            }
            Step::PopFirst | Step::PopLast => {
                let (want, got) = if matches!(step, Step::PopFirst) {
                    let want = self.model.first_key_value();
                    (want.map(|(_, &handle)| handle), self.tree.pop_first(&mut self.records))
                } else {
                    let want = self.model.last_key_value();
                    (want.map(|(_, &handle)| handle), self.tree.pop_last(&mut self.records))
                };
                assert_eq!(got.map(|entry| entry.handle), want);
                if let Some(handle) = want {
                    self.forget(handle);
                }
            }
            Step::RemoveRun(at, count) => {
                let start = usize::from(at);
                let run: Vec<Entry> = self.tree.range(start..start + usize::from(count)).collect();
                for entry in run {
                    self.tree.remove(&mut self.records, entry.handle);
                    self.forget(entry.handle);
                }
            }
        }
    }

    fn compare(&self) {
        self.tree.check(&self.records);
        assert_eq!(self.tree.len(), self.model.len());
        let want: Vec<Handle> = self.model.values().copied().collect();
        let got: Vec<Handle> = self.tree.range(0..usize::MAX).map(|entry| entry.handle).collect();
        assert_eq!(got, want);
        let mut back: Vec<Handle> = self.tree.range(0..usize::MAX).rev().map(|entry| entry.handle).collect();
        back.reverse();
        assert_eq!(back, want);
        for (rank, &handle) in want.iter().enumerate() {
            assert_eq!(self.tree.rank(&self.records, handle).0, rank);
            assert_eq!(self.tree.select(rank).unwrap().handle, handle);
            let score = self.tree.score(&self.records, handle);
            assert_eq!(score.to_bits(), self.scores[&(handle.0 as u16)].to_bits());
        }
        assert_eq!(self.tree.select(want.len()), None);
    }

    fn compare_bounds(&self, score: f64) {
        let before = self.model.keys().filter(|(s, _)| s.0 < score).count();
        let through = self.model.keys().filter(|(s, _)| s.0 <= score).count();
        assert_eq!(self.tree.rank_of(&BeforeScore(score)), before);
        assert_eq!(self.tree.rank_of(&AfterScore(score)), through);
        // Both ends of one range at once: front, back, front, back until they meet.
        let mut range = self.tree.range(before..through);
        let mut model: VecDeque<Handle> = self.model.values().skip(before).take(through - before).copied().collect();
        while !model.is_empty() {
            assert_eq!(range.len(), model.len());
            assert_eq!(range.next().map(|entry| entry.handle), model.pop_front());
            assert_eq!(range.next_back().map(|entry| entry.handle), model.pop_back());
        }
        assert_eq!((range.next(), range.next_back()), (None, None));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn behaves_as_an_ordered_map(
        steps in prop::collection::vec(step(900), 1..1500),
        bounds in prop::collection::vec(score(), 8),
    ) {
        let mut pair = Pair::new(900);
        for (count, step) in steps.iter().enumerate() {
            pair.apply(step);
            pair.tree.check(&pair.records);
            if count % 64 == 0 {
                pair.compare();
            }
        }
        pair.compare();
        for &bound in &bounds {
            pair.compare_bounds(bound);
        }
    }
}

/// Fill and bytes per member of a tree of `count` members put in by `order`.
fn built(count: usize, order: &[u32], score: impl Fn(u32) -> f64) -> (Tree, Records) {
    let (mut tree, mut records) = (Tree::new(), Records::with(count));
    for &member in order {
        tree.insert(&mut records, score(member), Handle(member));
    }
    tree.check(&records);
    (tree, records)
}

#[test]
fn leaves_are_full_whatever_the_order() {
    const COUNT: usize = 100_000;
    let ascending: Vec<u32> = (0..COUNT as u32).collect();
    let descending: Vec<u32> = ascending.iter().rev().copied().collect();
    let random_order = shuffled(COUNT, 1);
    let jittered: Vec<u32> = ascending
        .chunks(200)
        .flat_map(|run| shuffled(run.len(), u64::from(run[0])).into_iter().map(|i| run[i as usize]).collect::<Vec<_>>())
        .collect();
    for (name, order, fill_min, bytes_max) in [
        ("ascending", &ascending, 0.99, 13.0),
        ("descending", &descending, 0.99, 13.0),
        ("random", &random_order, 0.82, 15.6),
        ("jittered", &jittered, 0.80, 16.0),
    ] {
        for equal in [false, true] {
            let score = |member: u32| if equal { 0.0 } else { f64::from(member) };
            let (tree, _) = built(COUNT, order, score);
            println!("{name} {equal}: fill {:.3}, {:.2} B", tree.fill(), bytes_per_member(&tree));
            assert!(tree.fill() >= fill_min, "{name}: fill {}", tree.fill());
            assert!(bytes_per_member(&tree) <= bytes_max, "{name}: {}", bytes_per_member(&tree));
        }
    }
}

#[test]
fn random_updates_keep_the_leaves_full() {
    const COUNT: usize = 50_000;
    let (mut tree, mut records) = built(COUNT, &shuffled(COUNT, 2), f64::from);
    let mut seed = 3;
    for round in 0..4 {
        for _ in 0..COUNT {
            let handle = Handle((random(&mut seed) % COUNT as u64) as u32);
            let score = (random(&mut seed) % COUNT as u64) as f64;
            tree.update(&mut records, handle, |_| Some(score));
        }
        tree.check(&records);
        println!("round {round}: fill {:.3}, {:.2} B", tree.fill(), bytes_per_member(&tree));
    }
    assert!(tree.fill() >= 0.79, "{}", tree.fill());
}

/// Deep enough for inner nodes under inner nodes, which split, thin out and vanish.
#[test]
fn a_deep_tree_grows_and_shrinks() {
    const COUNT: usize = 140_000;
    let order = shuffled(COUNT, 4);
    let (mut tree, mut records) = built(COUNT, &order, |member| f64::from(member / 3));
    assert_eq!(tree.height, 3);
    // Whole stretches first, so that leaves and inner nodes vanish beside full ones.
    for start in [40_000, 0, 50_000] {
        for entry in tree.range(start..start + 20_000).collect::<Vec<_>>() {
            tree.remove(&mut records, entry.handle);
        }
        tree.check(&records);
    }
    let mut left: Vec<u32> = tree.range(0..COUNT).map(|entry| entry.handle.0).collect();
    assert!(left.is_sorted_by_key(|&member| (member / 3, records.member(Handle(member)))));
    let mut seed = 5;
    while !left.is_empty() {
        let at = random(&mut seed) as usize % left.len();
        tree.remove(&mut records, Handle(left.swap_remove(at)));
        if left.len().is_multiple_of(20_000) || left.len() == 100 {
            tree.check(&records);
            assert_eq!(tree.len(), left.len());
        }
    }
    assert_eq!((tree.height, tree.root, tree.allocated_bytes()), (0, NIL, 0));
}

/// A queue: members come in at one end and leave at the other.
#[test]
fn a_queue_takes_no_more_memory_than_its_members() {
    let (mut tree, mut records) = (Tree::new(), Records::with(100_000));
    for member in 0..100_000_u32 {
        tree.insert(&mut records, f64::from(member), Handle(member));
        if tree.len() > 20_000 {
            assert_eq!(tree.pop_first(&mut records).map(|e| e.handle), Some(Handle(member - 20_000)));
        }
    }
    tree.check(&records);
    assert!(bytes_per_member(&tree) <= 18.0, "{}", bytes_per_member(&tree));
}
