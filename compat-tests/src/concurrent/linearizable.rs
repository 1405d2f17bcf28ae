//! Searches an order of operations that explains a history (Wing and Gong, with Lowe's memory of dead ends).
//!
//! Invariant: an operation comes before another only if it began before the other ended; among those that may
//! come next each is tried, and a set of done operations that led to a state is tried once.

use super::models::{Call, Model, Outcome, State};
use std::collections::HashSet;
use std::fmt;

/// One operation of a history.
#[derive(Clone, Debug)]
pub struct Operation {
    pub client: usize,
    pub call: Call,
    pub outcome: Outcome,
    pub began_ns: u128,
    pub ended_ns: u128,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Operation { client, call, outcome, began_ns, ended_ns } = self;
        write!(f, "{client} {began_ns:>9}..{ended_ns:<9} {call:?} -> {outcome:?}")
    }
}

/// Which operations are done: a bit for each.
type Done = Vec<u64>;

/// Is there an order that explains the history of one object of this model?
pub fn check(model: Model, history: &[Operation]) -> bool {
    let mut history = history.to_vec();
    history.sort_by_key(|operation| operation.began_ns);
    let mut dead_ends: HashSet<(Done, State)> = HashSet::new();
    let mut stack: Vec<(Done, State)> = vec![(vec![0; history.len().div_ceil(64)], model.empty())];
    while let Some((done, state)) = stack.pop() {
        let is_done = |i: usize| done[i / 64] >> (i % 64) & 1 == 1;
        let open = (0..history.len()).filter(|&i| !is_done(i));
        let Some(first_end) = open.clone().map(|i| history[i].ended_ns).min() else { return true };
        for i in open.take_while(|&i| history[i].began_ns <= first_end) {
            let mut after = state.clone();
            if model.apply(&mut after, &history[i].call, &history[i].outcome) {
                let mut done = done.clone();
                done[i / 64] |= 1 << (i % 64);
                if dead_ends.insert((done.clone(), after.clone())) {
                    stack.push((done, after));
                }
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(call: Call, outcome: Outcome, began_ns: u128, ended_ns: u128) -> Operation {
        Operation { client: 0, call, outcome, began_ns, ended_ns }
    }

    #[test]
    fn a_stale_read_has_no_order() {
        let set = operation(Call::Set(1), Outcome::Ok, 0, 10);
        let read = |outcome, began, ended| operation(Call::Get, outcome, began, ended);
        assert!(check(Model::Register, &[set.clone(), read(Outcome::Nil, 5, 15)]));
        assert!(check(Model::Register, &[set.clone(), read(Outcome::Int(1), 5, 15)]));
        assert!(!check(Model::Register, &[set.clone(), read(Outcome::Nil, 11, 15)]));
        // Once one client has seen the write, none may miss it.
        let back = [set, read(Outcome::Int(1), 2, 4), read(Outcome::Nil, 5, 6)];
        assert!(!check(Model::Register, &back));
    }

    #[test]
    fn torn_pairs_and_lost_updates_have_no_order() {
        let write = |n, began| operation(Call::MultiSet(n), Outcome::Ok, began, began + 10);
        let read = |a, b| operation(Call::MultiGet, Outcome::Many(vec![Some(a), Some(b)]), 30, 40);
        assert!(check(Model::Pair, &[write(1, 0), write(2, 5), read(1, 1)]));
        assert!(!check(Model::Pair, &[write(1, 0), write(2, 5), read(1, 2)]));
        let add = |seen| operation(Call::IncrBy(1), Outcome::Int(seen), 0, 10);
        assert!(check(Model::Counter, &[add(2), add(1)]));
        assert!(!check(Model::Counter, &[add(1), add(1)]));
        let push = |value, len| operation(Call::Push { left: false, value }, Outcome::Int(len), 0, 10);
        let list =
            |items: &[i64]| operation(Call::Range, Outcome::Many(items.iter().map(|&n| Some(n)).collect()), 20, 30);
        assert!(check(Model::List, &[push(1, 2), push(2, 1), list(&[2, 1])]));
        assert!(!check(Model::List, &[push(1, 2), push(2, 1), list(&[1, 2])]));
    }
}
