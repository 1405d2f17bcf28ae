//! What two patterns have to do with each other: whether a key matches both, whether one matches all keys of the other.

use std::collections::HashSet;

use smallvec::SmallVec;

use super::{ByteSet, Item, Pattern};

/// Whether one pattern matches all keys of another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cover {
    /// It does.
    Yes,
    /// It does not: here is a key of the other that it does not match.
    No(Vec<u8>),
    /// Nobody knows: finding out would take too long. To be taken for a no.
    Unknown,
}

/// Steps that `cover` takes before it gives up, some tenths of a second. Patterns of people need a few hundred; needed
/// are exponentially many only where stars meet long rows of `?` or classes.
const STEPS_MAX: usize = 20_000_000;

impl Pattern {
    /// A key that both match, a short one; None when there is none. Exact. Takes items of one times items of the other
    /// steps.
    pub fn overlap(&self, other: &Self) -> Option<Vec<u8>> {
        if !prefixes_agree(self, other) {
            return None;
        }
        let width = other.0.items.len() + 1;
        let goal = self.0.items.len() * width + other.0.items.len();
        // Where a state was reached from, and by which byte.
        let mut came: Vec<Option<(u32, Option<u8>)>> = vec![None; goal + 1];
        let mut open = std::collections::VecDeque::from([0usize]);
        came[0] = Some((0, None));
        while let Some(state) = open.pop_front() {
            if state == goal {
                return Some(spell(&came, goal));
            }
            let (a, b) = (self.0.items.get(state / width), other.0.items.get(state % width));
            let mut step = |to: usize, byte: Option<u8>, is_free: bool| {
                if came[to].is_none() {
                    came[to] = Some((state as u32, byte));
                    if is_free { open.push_front(to) } else { open.push_back(to) }
                }
            };
            if matches!(a, Some(Item::Many(_))) {
                step(state + width, None, true);
            }
            if matches!(b, Some(Item::Many(_))) {
                step(state + 1, None, true);
            }
            if let (Some(&a), Some(&b)) = (a, b) {
                let ((a, a_step), (b, b_step)) = (takes(a, width), takes(b, 1));
                if let Some(byte) = a.and(b).sample() {
                    step(state + a_step + b_step, Some(byte), false);
                }
            }
        }
        None
    }

    /// Whether every key of `other` is one of this pattern. Exact, except that it gives up where that would take
    /// exponential time.
    pub fn cover(&self, other: &Self) -> Cover {
        if self.0.text == other.0.text || *self.0.items == [Item::Many(ByteSet::ALL)] {
            return Cover::Yes;
        }
        if let Some(key) = other.key() {
            return if self.matches(&key) { Cover::Yes } else { Cover::No(key) };
        }
        Search::new(self, other).run()
    }

    /// [`Pattern::cover`], where not to know is a no.
    pub fn covers(&self, other: &Self) -> bool {
        self.cover(other) == Cover::Yes
    }
}

fn prefixes_agree(a: &Pattern, b: &Pattern) -> bool {
    let shared = a.0.literal_len.min(b.0.literal_len);
    a.0.items[..shared] == b.0.items[..shared]
}

/// What an item takes, and how far a position moves when it has taken it.
fn takes(item: Item, step: usize) -> (ByteSet, usize) {
    match item {
        Item::One(set) => (set, step),
        Item::Many(set) => (set, 0),
    }
}

fn spell(came: &[Option<(u32, Option<u8>)>], goal: usize) -> Vec<u8> {
    let (mut at, mut key) = (goal, Vec::new());
    while at != 0 {
        let Some((from, byte)) = came[at] else { break };
        key.extend(byte);
        at = from as usize;
    }
    key.reverse();
    key
}

type Positions = SmallVec<[u64; 2]>;

/// Looks for a key that the narrow pattern matches and the wide one does not: a walk over one position in the narrow
/// one and all positions in the wide one that the same bytes lead to.
struct Search<'p> {
    wide: &'p Pattern,
    narrow: &'p Pattern,
    /// One byte of each class of bytes that no item tells apart.
    alphabet: Vec<u8>,
    seen: HashSet<(u32, Positions)>,
    states: Vec<State>,
    steps: usize,
}

struct State {
    narrow: u32,
    wide: Positions,
    from: u32,
    byte: Option<u8>,
}

impl<'p> Search<'p> {
    fn new(wide: &'p Pattern, narrow: &'p Pattern) -> Self {
        let mut start: Positions = SmallVec::from_elem(0, wide.0.items.len() / 64 + 1);
        super::reach(&wide.0.items, 0, &mut start);
        let mut search =
            Self { wide, narrow, alphabet: alphabet(wide, narrow), seen: HashSet::new(), states: Vec::new(), steps: 0 };
        search.push(State { narrow: 0, wide: start, from: 0, byte: None });
        search
    }

    fn push(&mut self, state: State) {
        if self.seen.insert((state.narrow, state.wide.clone())) {
            self.states.push(state);
        }
    }

    fn run(mut self) -> Cover {
        let mut at = 0;
        while at < self.states.len() {
            if self.steps > STEPS_MAX {
                return Cover::Unknown;
            }
            let State { narrow, ref wide, .. } = self.states[at];
            let Some(&item) = self.narrow.0.items.get(narrow as usize) else {
                let end = self.wide.0.items.len();
                if wide[end / 64] >> (end % 64) & 1 == 0 {
                    return Cover::No(self.key(at));
                }
                at += 1;
                continue;
            };
            let wide = wide.clone();
            let (set, step) = takes(item, 1);
            if step == 0 {
                self.push(State { narrow: narrow + 1, wide: wide.clone(), from: at as u32, byte: None });
            }
            for index in 0..self.alphabet.len() {
                let byte = self.alphabet[index];
                if set.has(byte) {
                    let wide = self.advance(&wide, byte);
                    self.push(State { narrow: narrow + step as u32, wide, from: at as u32, byte: Some(byte) });
                }
            }
            at += 1;
        }
        Cover::Yes
    }

    fn advance(&mut self, from: &Positions, byte: u8) -> Positions {
        let mut next: Positions = SmallVec::from_elem(0, from.len());
        self.steps += from.len() + from.iter().map(|bits| bits.count_ones() as usize).sum::<usize>();
        super::advance(&self.wide.0.items, from, byte, &mut next);
        next
    }

    fn key(&self, mut at: usize) -> Vec<u8> {
        let mut key = Vec::new();
        while at != 0 {
            key.extend(self.states[at].byte);
            at = self.states[at].from as usize;
        }
        key.reverse();
        key
    }
}

fn alphabet(a: &Pattern, b: &Pattern) -> Vec<u8> {
    let mut sets: Vec<ByteSet> = Vec::new();
    for item in a.0.items.iter().chain(&b.0.items) {
        let (Item::One(set) | Item::Many(set)) = *item;
        if !sets.contains(&set) {
            sets.push(set);
        }
    }
    let mut classes = vec![ByteSet::ALL];
    for set in sets {
        let parts = classes.iter().flat_map(|class| [class.and(set), class.and(set.not())]);
        classes = parts.filter(|class| !class.is_empty()).collect();
    }
    classes.iter().filter_map(|class| class.sample()).collect()
}
