//! Both forms of a sorted set against a BTreeMap.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::packed::IntText;

/// Edits of a blob as the keyspace makes them in an entry.
mod blob {
    use super::super::Put;
    use super::super::packed::{self, Edit, Plan};
    use std::ops::Range;

    pub(super) fn put(blob: &mut Vec<u8>, member: &[u8], score: f64) -> Put {
        put_with(blob, member, |_| Some(score))
    }

    pub(super) fn put_with(blob: &mut Vec<u8>, member: &[u8], decide: impl FnOnce(Option<f64>) -> Option<f64>) -> Put {
        match Plan::new(blob, member, decide) {
            Ok(plan) => {
                let Edit { range, bytes } = plan.edit(blob, member);
                blob.splice(range, bytes);
                plan.put
            }
            Err(put) => put,
        }
    }

    pub(super) fn remove(blob: &mut Vec<u8>, member: &[u8]) -> Option<f64> {
        let (score, range) = packed::locate(blob, member)?;
        blob.drain(range);
        Some(score)
    }

    pub(super) fn remove_range(blob: &mut Vec<u8>, ranks: Range<usize>) -> usize {
        let range = packed::extent(blob, ranks);
        let count = packed::len(&blob[range.clone()]);
        blob.drain(range);
        count
    }
}

/// Both forms and what they ought to hold: members with their scores.
struct Trio {
    large: SortedSet,
    small: Vec<u8>,
    model: BTreeMap<Vec<u8>, f64>,
}

type Listed = Vec<(Vec<u8>, f64)>;

fn listed<'a>(walk: impl Iterator<Item = (&'a [u8], f64)>) -> Listed {
    walk.map(|(member, score)| (member.to_vec(), score)).collect()
}

fn listed_small<'a>(walk: impl Iterator<Item = (crate::packed::Element<'a>, f64)>) -> Listed {
    walk.map(|(member, score)| (member.as_cow().into_owned(), score)).collect()
}

impl Trio {
    fn new() -> Self {
        Self { large: SortedSet::new(1), small: Vec::new(), model: BTreeMap::new() }
    }

    fn sorted(&self) -> Listed {
        let mut list: Listed = self.model.iter().map(|(m, &s)| (m.clone(), s)).collect();
        list.sort_by(|a, b| a.1.partial_cmp(&b.1).unwrap().then_with(|| a.0.cmp(&b.0)));
        list
    }

    fn put(&mut self, member: &[u8], score: f64) {
        let want = match self.model.get(member) {
            None => Put::Added,
            Some(&old) if old == score => Put::Same,
            Some(&old) => Put::Updated(old),
        };
        self.model.insert(member.to_vec(), score);
        assert_eq!(self.large.put(member, score), want);
        assert_eq!(blob::put(&mut self.small, member, score), want);
    }

    /// ZADD INCR with GT: adds, unless that lowers.
    fn raise(&mut self, member: &[u8], by: f64) {
        let decide = |old: Option<f64>| {
            let score = old.unwrap_or(0.0) + by;
            (!score.is_nan() && old.is_none_or(|old| score > old)).then_some(score)
        };
        let want = decide(self.model.get(member).copied());
        let (large, small) = (self.large.put_with(member, decide), blob::put_with(&mut self.small, member, decide));
        assert_eq!(large, small);
        assert_eq!(large == Put::Declined, want.is_none());
        if let Some(score) = want {
            self.model.insert(member.to_vec(), score);
        }
    }

    fn remove(&mut self, member: &[u8]) {
        let want = self.model.remove(member);
        assert_eq!(self.large.remove(member), want);
        assert_eq!(blob::remove(&mut self.small, member), want);
    }

    fn pop(&mut self, last: bool) {
        let sorted = self.sorted();
        let want = if last { sorted.last() } else { sorted.first() };
        let take = |member: &[u8], score| (member.to_vec(), score);
        let large = if last { self.large.pop_last(take) } else { self.large.pop_first(take) };
        assert_eq!(large.as_ref(), want);
        let end = if last { sorted.len().saturating_sub(1) } else { 0 };
        assert_eq!(blob::remove_range(&mut self.small, end..end + 1), usize::from(want.is_some()));
        if let Some((member, _)) = want {
            self.model.remove(member);
        }
    }

    fn remove_range(&mut self, ranks: Range<usize>) {
        let sorted = self.sorted();
        let end = ranks.end.min(sorted.len());
        let want = sorted[ranks.start.min(end)..end].to_vec();
        assert_eq!(self.large.remove_range(ranks.clone()), want.len());
        assert_eq!(blob::remove_range(&mut self.small, ranks), want.len());
        for (member, _) in want {
            self.model.remove(&member);
        }
    }

    fn compare(&self) {
        let sorted = self.sorted();
        assert_eq!((self.large.len(), packed::len(&self.small)), (sorted.len(), sorted.len()));
        assert_eq!(self.large.store.len(), sorted.len());
        assert_eq!(listed(self.large.iter()), sorted);
        assert_eq!(listed_small(packed::iter(&self.small)), sorted);
        for (rank, (member, score)) in sorted.iter().enumerate() {
            for (reverse, want) in [(false, rank), (true, sorted.len() - 1 - rank)] {
                assert_eq!(self.large.rank(member, reverse), Some((want, *score)));
                assert_eq!(packed::rank(&self.small, member, reverse), Some((want, *score)));
            }
            assert_eq!(self.large.score(member), Some(*score));
            assert_eq!(packed::score(&self.small, member), Some(*score));
            assert_eq!(self.large.by_rank(rank), Some((&member[..], *score)));
            let small = packed::by_rank(&self.small, rank).unwrap();
            assert_eq!((&*small.0.as_cow(), small.1), (&member[..], *score));
        }
        assert_eq!(self.large.by_rank(sorted.len()), None);
        assert!(packed::by_rank(&self.small, sorted.len()).is_none());
    }

    fn compare_range(&self, ranks: Range<usize>) {
        let sorted = self.sorted();
        let end = ranks.end.min(sorted.len());
        let mut want = sorted[ranks.start.min(end)..end].to_vec();
        assert_eq!(listed(self.large.range(ranks.clone())), want);
        assert_eq!(listed_small(packed::range(&self.small, ranks.clone())), want);
        let skipped = listed(self.large.range(ranks.clone()).skip(3));
        assert_eq!(skipped, want.get(3..).unwrap_or_default());
        want.reverse();
        assert_eq!(listed(self.large.range(ranks.clone()).rev()), want);
        assert_eq!(listed_small(packed::range_back(&self.small, ranks)), want);
    }

    fn compare_scores(&self, min: ScoreBound, max: ScoreBound) {
        let want = self.sorted().into_iter().filter(|&(_, score)| {
            let above = if min.exclusive { score > min.value } else { score >= min.value };
            above && if max.exclusive { score < max.value } else { score <= max.value }
        });
        let want: Listed = want.collect();
        assert_eq!(listed(self.large.range(self.large.ranks_by_score(min, max))), want);
        let ranks = packed::ranks_by_score(&self.small, min, max);
        assert_eq!(ranks.len(), want.len());
        assert_eq!(listed_small(packed::range(&self.small, ranks)), want);
    }

    fn compare_lex(&self, min: LexBound<'_>, max: LexBound<'_>) {
        let above = |member: &[u8]| match min {
            LexBound::Min => true,
            LexBound::Max => false,
            LexBound::Inclusive(bound) => member >= bound,
            LexBound::Exclusive(bound) => member > bound,
        };
        let below = |member: &[u8]| match max {
            LexBound::Min => false,
            LexBound::Max => true,
            LexBound::Inclusive(bound) => member <= bound,
            LexBound::Exclusive(bound) => member < bound,
        };
        let want: Listed = self.sorted().into_iter().filter(|(m, _)| above(m) && below(m)).collect();
        let ranks = self.large.ranks_by_lex(min, max);
        assert_eq!(ranks.len(), want.len());
        assert_eq!(listed(self.large.range(ranks)), want);
        let ranks = packed::ranks_by_lex(&self.small, min, max);
        assert_eq!(ranks.len(), want.len());
        assert_eq!(listed_small(packed::range(&self.small, ranks)), want);
    }
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => (0..150_i32).prop_map(|i| i.to_string().into_bytes()),
        4 => prop::collection::vec(prop_oneof![Just(b'a'), Just(b'b'), any::<u8>()], 0..4),
        1 => (0..4_usize).prop_map(|i| vec![b'm'; 246 + i * 4]),
        1 => (0..4_usize).prop_map(|i| vec![b'l'; 490 + i * 10]),
        1 => (0..3_usize).prop_map(|i| vec![b'x'; 4090 + i * 9]),
    ]
}

fn score() -> impl Strategy<Value = f64> {
    let whole_max = (1_u64 << 52) as f64;
    prop_oneof![
        6 => (-3..4_i32).prop_map(f64::from),
        3 => -1e3..1e3_f64,
        1 => prop::sample::select(vec![
            f64::INFINITY, f64::NEG_INFINITY, -0.0, 1e300, whole_max, whole_max + 1.0,
            -whole_max, -whole_max - 2.0, 4095.0, -4097.0, f64::MIN_POSITIVE,
            // Its eight bytes are digits.
            f64::from_le_bytes(*b"12345678"),
        ]),
    ]
}

fn lex_bound(member: &[u8], kind: u8) -> LexBound<'_> {
    match kind {
        0 => LexBound::Min,
        1 => LexBound::Max,
        2 | 3 => LexBound::Inclusive(member),
        _ => LexBound::Exclusive(member),
    }
}

#[derive(Clone, Debug)]
enum Step {
    Put(Vec<u8>, f64),
    Raise(Vec<u8>, f64),
    Remove(Vec<u8>),
    Pop(bool),
    RemoveRange(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        16 => (member(), score()).prop_map(|(m, s)| Step::Put(m, s)),
        4 => (member(), score()).prop_map(|(m, s)| Step::Raise(m, s)),
        4 => member().prop_map(Step::Remove),
        1 => any::<bool>().prop_map(Step::Pop),
        1 => (0..200_usize, 0..20_usize).prop_map(|(at, n)| Step::RemoveRange(at, n)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn both_forms_behave_alike(
        steps in prop::collection::vec(step(), 1..400),
        ranges in prop::collection::vec((0..220_usize, 0..220_usize), 6),
        bounds in prop::collection::vec((score(), any::<bool>(), score(), any::<bool>()), 8),
    ) {
        let mut trio = Trio::new();
        for (count, step) in steps.iter().enumerate() {
            match step {
                Step::Put(member, score) => trio.put(member, *score),
                Step::Raise(member, by) => trio.raise(member, *by),
                Step::Remove(member) => trio.remove(member),
                Step::Pop(last) => trio.pop(*last),
                Step::RemoveRange(at, count) => trio.remove_range(*at..at + count),
            }
            if count % 32 == 0 {
                trio.compare();
            }
        }
        trio.compare();
        for (start, end) in ranges {
            trio.compare_range(start..end);
        }
        for (min, open_min, max, open_max) in bounds {
            trio.compare_scores(
                ScoreBound { value: min, exclusive: open_min },
                ScoreBound { value: max, exclusive: open_max },
            );
        }
        let again = SortedSet::from_packed(&trio.small, 7);
        prop_assert_eq!(listed(again.iter()), trio.sorted());
    }

    #[test]
    fn members_of_equal_scores_are_ordered_by_their_bytes(
        members in prop::collection::vec(member(), 0..300),
        bounds in prop::collection::vec((member(), 0..6_u8, member(), 0..6_u8), 12),
    ) {
        let mut trio = Trio::new();
        for member in &members {
            trio.put(member, 2.5);
        }
        for (min, min_kind, max, max_kind) in &bounds {
            trio.compare_lex(lex_bound(min, *min_kind), lex_bound(max, *max_kind));
        }
    }
}

#[test]
fn a_zero_is_stored_without_sign_in_a_blob_and_with_it_in_a_tree() {
    let (mut blob, mut set) = (Vec::new(), SortedSet::new(0));
    blob::put(&mut blob, b"a", -0.0);
    set.put(b"a", -0.0);
    assert!(packed::score(&blob, b"a").unwrap().is_sign_positive());
    assert!(set.score(b"a").unwrap().is_sign_negative());
    assert_eq!(set.put(b"a", 0.0), Put::Same);
}

#[test]
fn lex_ranges_over_different_scores_walk_as_redis_does() {
    let mut blob = Vec::new();
    for (member, score) in [("b", 1.0), ("a", 2.0), ("c", 3.0)] {
        blob::put(&mut blob, member.as_bytes(), score);
    }
    let ranks = |min, max| packed::ranks_by_lex(&blob, min, max);
    assert_eq!(ranks(LexBound::Min, LexBound::Max), 0..3);
    assert_eq!(ranks(LexBound::Inclusive(b"b"), LexBound::Max), 0..3);
    // The first member is above the upper end.
    assert_eq!(ranks(LexBound::Min, LexBound::Inclusive(b"a")), 0..0);
    // From c on, and c is not below.
    assert_eq!(ranks(LexBound::Exclusive(b"b"), LexBound::Inclusive(b"bb")).len(), 0);
}

#[test]
fn scan_visits_every_member_while_the_set_grows() {
    let mut set = SortedSet::new(3);
    for i in 0..2000 {
        set.put(format!("kept:{i}").as_bytes(), f64::from(i));
    }
    let (mut cursor, mut seen, mut more) = (0, BTreeMap::new(), 0);
    loop {
        cursor = set.scan(cursor, |member, score| {
            seen.insert(member.to_vec(), score);
        });
        if cursor == 0 {
            break;
        }
        for _ in 0..4 {
            set.put(format!("new:{more}").as_bytes(), -1.0);
            more += 1;
        }
    }
    for i in 0..2000 {
        assert_eq!(seen.get(format!("kept:{i}").as_bytes()), Some(&f64::from(i)));
    }
}

#[test]
fn a_member_costs_few_bytes() {
    const COUNT: usize = 100_000;
    let mut set = SortedSet::new(3);
    let mut seed = 1_u64;
    for i in 0..COUNT {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        set.put(format!("member:{i:010}").as_bytes(), (seed >> 33) as f64);
    }
    let bytes = set.memory_usage() as f64 / COUNT as f64;
    println!("{bytes:.1} B for a member of 17 bytes");
    assert!(bytes <= 51.0, "{bytes}");
    let small = {
        let mut set = SortedSet::new(3);
        for i in 0..200 {
            set.put(format!("member:{i:010}").as_bytes(), 1.0);
        }
        set.memory_usage()
    };
    println!("{small} B for 200 members");
    assert!(small <= 16 * 1024, "{small}");
    // What shrank gives back: all but a hundredth goes, and so does nearly all of the memory.
    let removed = set.remove_range(500..COUNT - 500);
    assert_eq!(removed, COUNT - 1000);
    let left = set.tree.allocated_bytes();
    assert!(left <= 256 * 1024, "{left}");
    let mut text = IntText::default();
    assert_eq!(set.rank(b"no such member", false), None);
    assert_eq!(set.score(text.spell(1)), None);
}

#[test]
fn ranges_go_leaf_by_leaf_or_by_keeping_the_rest() {
    const COUNT: usize = 6000;
    let mut set = SortedSet::new(3);
    for i in 0..COUNT {
        set.put(format!("member:{:05}", i * 7919 % COUNT).as_bytes(), (i * 7919 % COUNT / 3) as f64);
    }
    let copy = set.clone();
    let all = listed(set.iter());
    assert_eq!(listed(copy.iter()), all);
    for ranks in [0..1, 17..2900, 5..5990, 3000..COUNT, 0..COUNT, 100..100, 63..126] {
        let mut set = copy.clone();
        assert_eq!(set.remove_range(ranks.clone()), ranks.len());
        let want = [&all[..ranks.start], &all[ranks.end..]].concat();
        assert_eq!((set.len(), set.store.len()), (want.len(), want.len()));
        assert_eq!(listed(set.iter()), want);
        for (rank, (member, score)) in want.iter().enumerate().step_by(97) {
            assert_eq!(set.rank(member, false), Some((rank, *score)));
        }
        set.put(b"new", 0.5);
        assert_eq!(set.score(b"new"), Some(0.5));
    }
}

#[test]
fn merging_keeps_the_sign_of_zero() {
    let mut set = SortedSet::new(0);
    set.merge(b"a", |_| -0.0);
    assert!(set.score(b"a").unwrap().is_sign_negative());
    set.merge(b"a", |_| 0.0);
    assert!(set.score(b"a").unwrap().is_sign_positive());
}
