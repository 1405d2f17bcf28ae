//! What follows from a change: the transitive closure along the edges, with the captures put in.

use std::collections::HashSet;

use super::{Graph, Keys, Relation, Values};
use crate::index::Found;
use crate::pattern::{Pattern, Segment};

/// What happened to a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trigger {
    /// It has another value.
    Written,
    /// It was deleted, has expired or was evicted.
    Gone,
}

/// Keys that go, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Consequence {
    /// Which keys.
    pub keys: Keys,
    /// By which edge, a number of `Rules::edges`.
    pub edge: u32,
    /// From which consequence, by number; None: from the change itself.
    pub after: Option<u32>,
}

/// So many different keys go by one edge, then all that its target matches: else a graph of n edges could lead to
/// 2^n keys.
const KEYS_PER_EDGE_MAX: u32 = 64;
/// So few are compared one by one.
const FEW: usize = 16;

impl Graph {
    /// What follows from a change of a key, in the order in which it follows.
    pub fn cascade(&self, key: &[u8], trigger: Trigger) -> Vec<Consequence> {
        let mut cascade = Cascade::new(self);
        cascade.after_key(key, trigger, None);
        cascade.finish()
    }

    /// As `cascade`, of a key whose nodes are known.
    pub fn cascade_found(&self, found: &Found, key: &[u8], trigger: Trigger) -> Vec<Consequence> {
        let mut cascade = Cascade::new(self);
        cascade.after_found(found, key, trigger, None);
        cascade.finish()
    }

    /// What follows when all keys of a pattern go.
    pub fn cascade_of(&self, pattern: &Pattern) -> Vec<Consequence> {
        let mut cascade = Cascade::new(self);
        match pattern.key() {
            Some(key) => cascade.after_key(&key, Trigger::Gone, None),
            None => {
                let all: Vec<u32> = (0..self.nodes.len() as u32).collect();
                cascade.after_pattern(pattern, &all, None);
            }
        }
        cascade.finish()
    }
}

struct Cascade<'g> {
    graph: &'g Graph,
    list: Vec<Consequence>,
    /// All of `list`, once they are many.
    seen: HashSet<Keys>,
    /// How many keys went by each edge; empty while there are few.
    counts: Vec<u32>,
}

impl<'g> Cascade<'g> {
    fn new(graph: &'g Graph) -> Self {
        Self { graph, list: Vec::new(), seen: HashSet::new(), counts: Vec::new() }
    }

    fn finish(mut self) -> Vec<Consequence> {
        let mut at = 0;
        while at < self.list.len() {
            let Consequence { keys, edge, .. } = self.list[at].clone();
            let after = Some(at as u32);
            match keys {
                Keys::One(key) => self.after_key(&key, Trigger::Gone, after),
                Keys::Matching(pattern) => {
                    let graph = self.graph;
                    if let Some(effect) = &graph.effects[edge as usize] {
                        self.after_pattern(&pattern, &graph.node(effect.target).leads_to, after);
                    }
                }
            }
            at += 1;
        }
        self.list
    }

    fn after_key(&mut self, key: &[u8], trigger: Trigger, after: Option<u32>) {
        let mut found = Found::new();
        self.graph.matches(key, &mut found);
        self.after_found(&found, key, trigger, after);
    }

    fn after_found(&mut self, found: &Found, key: &[u8], trigger: Trigger, after: Option<u32>) {
        for node in found.iter().map(|&id| self.graph.node(id)).filter(|node| !node.triggers.is_empty()) {
            let Some(places) = node.pattern.capture_places(key) else { continue };
            let values: Values<'_> = places.into_iter().map(|place| Some(&key[place])).collect();
            self.follow(&node.triggers, &values, trigger, after);
        }
    }

    fn after_pattern(&mut self, pattern: &Pattern, sources: &[u32], after: Option<u32>) {
        for node in sources.iter().map(|&id| self.graph.node(id)).filter(|node| !node.triggers.is_empty()) {
            if pattern.overlap(&node.pattern).is_none() {
                continue;
            }
            let values = bind(pattern, &node.pattern);
            let values: Values<'_> = values.iter().map(Option::as_deref).collect();
            self.follow(&node.triggers, &values, Trigger::Gone, after);
        }
    }

    fn follow(&mut self, edges: &[u32], values: &Values<'_>, trigger: Trigger, after: Option<u32>) {
        for &edge in edges {
            let Some(effect) = &self.graph.effects[edge as usize] else { continue };
            let lives_inside = self.graph.rules.edges[edge as usize].relation == Relation::Owns;
            if lives_inside && trigger == Trigger::Written {
                continue;
            }
            let keys = match self.count(edge) {
                ..KEYS_PER_EDGE_MAX => effect.template.fill(values),
                _ => effect.template.open(),
            };
            self.push(Consequence { keys, edge, after });
        }
    }

    fn count(&self, edge: u32) -> u32 {
        self.counts.get(edge as usize).copied().unwrap_or(0)
    }

    fn push(&mut self, it: Consequence) {
        let is_known = if self.list.len() <= FEW {
            self.list.iter().any(|known| known.keys == it.keys)
        } else {
            if self.seen.is_empty() {
                self.counts.resize(self.graph.effects.len(), 0);
                self.seen.extend(self.list.iter().map(|known| known.keys.clone()));
            }
            !self.seen.insert(it.keys.clone())
        };
        if is_known {
            return;
        }
        if let Some(count) = self.counts.get_mut(it.edge as usize) {
            *count += 1;
        }
        self.list.push(it);
    }
}

/// What the captures of a source take in every key that matches a pattern too; None: it is not the same in all.
fn bind(pattern: &Pattern, source: &Pattern) -> Vec<Option<Vec<u8>>> {
    let mut values = vec![None; source.captures().len()];
    let (ours, theirs) = (pattern.segments().0, source.segments().0);
    for (our, their) in ours.iter().zip(theirs) {
        if let (Segment::Literal { first, end }, Segment::Capture(capture)) = (*our, *their) {
            values[capture] = Some(pattern.literal_of(first, end).to_vec());
        }
    }
    values
}
