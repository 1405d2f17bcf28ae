//! The graph: patterns, what is said of them, and how they belong together. Immutable: a change makes a new one.
//!
//! # Invariants
//! - No chain of OWNS, DERIVES and INVALIDATES leads back to where it began: an edge follows another when a key can
//!   match the target of one and the source of the other.
//! - From a key that is owned its owner's key can be told.

mod attributes;
mod cascade;
mod check;
mod cycles;
mod print;
mod rules;
mod template;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

pub use attributes::{AttributeError, Attributes, Layer, ValueType};
pub use cascade::{Consequence, Trigger};
pub use check::Fault;
pub use rules::{EdgeRule, NodeRule, Relation, RuleError, Rules};
pub use template::Keys;

use template::{Template, Values};

use crate::index::{Found, Index};
use crate::pattern::Pattern;
use crate::prefix::Prefixes;

/// See the module's head.
#[derive(Debug, Default)]
pub struct Graph {
    rules: Rules,
    nodes: Vec<Node>,
    /// Over the nodes' patterns.
    index: Index,
    by_pattern: HashMap<Pattern, u32>,
    /// By the number of the edge's rule; None: nothing follows from it.
    effects: Vec<Option<Effect>>,
}

/// A pattern of the graph: one that was defined, or a side of an edge.
#[derive(Debug)]
pub struct Node {
    /// The pattern.
    pub pattern: Pattern,
    /// What is said of it.
    pub attributes: Attributes,
    /// Whether it was defined, or is only a side of edges.
    pub is_defined: bool,
    /// The edges, by number, of which it is the source.
    triggers: Vec<u32>,
    /// The nodes with triggers that a key of this one can match; known for targets only.
    leads_to: Vec<u32>,
    /// Whether an edge may take all of its keys, or many of them, along by a pattern.
    goes_as_a_whole: bool,
}

/// What follows from an edge.
#[derive(Debug)]
struct Effect {
    target: u32,
    template: Template,
}

/// A rule that does not hold, and which one it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Which rule.
    pub place: Place,
    /// Why.
    pub reason: RuleError,
}

/// A rule by its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Of `Rules::nodes`.
    Node(usize),
    /// Of `Rules::edges`.
    Edge(usize),
}

impl Graph {
    /// The graph of some rules; all of them hold, or there is none.
    pub fn new(rules: Rules) -> Result<Self, Refused> {
        let mut graph = Self::default();
        for (number, rule) in rules.nodes.iter().enumerate() {
            let node = graph.node_of(&rule.pattern) as usize;
            if graph.nodes[node].is_defined {
                let reason = RuleError::DefinedTwice(rule.pattern.clone());
                return Err(Refused { place: Place::Node(number), reason });
            }
            (graph.nodes[node].is_defined, graph.nodes[node].attributes) = (true, rule.attributes);
        }
        let mut known = std::collections::HashSet::new();
        for (number, rule) in rules.edges.iter().enumerate() {
            let refused = |reason| Refused { place: Place::Edge(number), reason };
            if !known.insert((&rule.left, rule.relation, &rule.right)) {
                return Err(refused(RuleError::LinkedTwice(rule.clone())));
            }
            sound(rule).map_err(refused)?;
            graph.add_edge(number as u32, rule);
        }
        graph.connect();
        if let Some(cycle) = cycles::find(&graph.nodes, &graph.effects) {
            let place = Place::Edge(cycle.iter().copied().max().unwrap_or(0) as usize);
            let edges = cycle.into_iter().map(|edge| rules.edges[edge as usize].clone()).collect();
            return Err(Refused { place, reason: RuleError::Cycle(edges) });
        }
        graph.index = Index::new(graph.nodes.iter().map(|node| &node.pattern));
        graph.rules = rules;
        Ok(graph)
    }

    fn node_of(&mut self, pattern: &Pattern) -> u32 {
        let next = self.nodes.len() as u32;
        *self.by_pattern.entry(pattern.clone()).or_insert_with(|| {
            let (attributes, is_defined, triggers, leads_to, goes_as_a_whole) = Default::default();
            let pattern = pattern.clone();
            self.nodes.push(Node { pattern, attributes, is_defined, triggers, leads_to, goes_as_a_whole });
            next
        })
    }

    fn add_edge(&mut self, number: u32, rule: &EdgeRule) {
        // Both sides are nodes, also of an edge that only declares.
        self.node_of(&rule.left);
        self.node_of(&rule.right);
        let effect = match (rule.source(), rule.target()) {
            (Some(source), Some(target)) => {
                let template = Template::new(source, target);
                let (source, target) = (self.node_of(source), self.node_of(target));
                self.nodes[source as usize].triggers.push(number);
                Some(Effect { target, template })
            }
            _ => None,
        };
        self.effects.push(effect);
    }

    /// Finds out where changes go on from each target.
    fn connect(&mut self) {
        let mut sources = Prefixes::default();
        for (id, node) in self.nodes.iter().enumerate().filter(|(_, node)| !node.triggers.is_empty()) {
            sources.insert(&node.pattern, id as u64);
        }
        let mut targets: Vec<u32> = self.effects.iter().flatten().map(|effect| effect.target).collect();
        targets.sort_unstable();
        targets.dedup();
        for target in targets {
            let pattern = &self.nodes[target as usize].pattern;
            let meets = |&id: &u32| self.nodes[id as usize].pattern.overlap(pattern).is_some();
            self.nodes[target as usize].leads_to = sources.near(pattern).map(|id| id as u32).filter(meets).collect();
        }
        self.find_wholes();
    }

    /// Finds out which targets go by a pattern: because they have a wildcard that nothing binds, or because what leads
    /// to them went by a pattern.
    fn find_wholes(&mut self) {
        let mut open: Vec<&Effect> = self.effects.iter().flatten().filter(|it| it.template.is_open()).collect();
        let mut wholes = std::collections::HashSet::new();
        while let Some(effect) = open.pop() {
            if !wholes.insert(effect.target) {
                continue;
            }
            for &source in &self.nodes[effect.target as usize].leads_to {
                let edges = self.nodes[source as usize].triggers.iter();
                open.extend(
                    edges.filter_map(|&edge| self.effects[edge as usize].as_ref()).filter(|it| it.template.binds()),
                );
            }
        }
        wholes.into_iter().for_each(|node| self.nodes[node as usize].goes_as_a_whole = true);
    }

    /// With a pattern defined, or defined anew.
    pub fn define(&self, pattern: &Pattern, attributes: Attributes) -> Result<Self, RuleError> {
        let mut rules = self.rules.clone();
        match rules.nodes.iter_mut().find(|rule| rule.pattern == *pattern) {
            Some(rule) => rule.attributes = attributes,
            None => rules.nodes.push(NodeRule { pattern: pattern.clone(), attributes }),
        }
        Self::new(rules).map_err(|refused| refused.reason)
    }

    /// Without a pattern, which no edge may need.
    pub fn undefine(&self, pattern: &Pattern) -> Result<Self, RuleError> {
        let mut rules = self.rules.clone();
        let place = rules.nodes.iter().position(|rule| rule.pattern == *pattern);
        let place = place.ok_or_else(|| RuleError::NoSuchPattern(pattern.clone()))?;
        if let Some(edge) = rules.edges.iter().find(|edge| edge.left == *pattern || edge.right == *pattern) {
            return Err(RuleError::StillLinked(pattern.clone(), edge.clone()));
        }
        rules.nodes.remove(place);
        Self::new(rules).map_err(|refused| refused.reason)
    }

    /// With an edge.
    pub fn link(&self, edge: EdgeRule) -> Result<Self, RuleError> {
        let mut rules = self.rules.clone();
        rules.edges.push(edge);
        Self::new(rules).map_err(|refused| refused.reason)
    }

    /// Without an edge.
    pub fn unlink(&self, edge: &EdgeRule) -> Result<Self, RuleError> {
        let mut rules = self.rules.clone();
        let place = rules.edges.iter().position(|known| known == edge);
        rules.edges.remove(place.ok_or_else(|| RuleError::NoSuchEdge(edge.clone()))?);
        Self::new(rules).map_err(|refused| refused.reason)
    }

    /// The rules that it is made of.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Whether anything follows from any change.
    pub fn has_effects(&self) -> bool {
        self.effects.iter().any(Option::is_some)
    }

    /// A node by its number.
    pub fn node(&self, id: u32) -> &Node {
        &self.nodes[id as usize]
    }

    /// All nodes, by number.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node of a pattern.
    pub fn find(&self, pattern: &Pattern) -> Option<u32> {
        self.by_pattern.get(pattern).copied()
    }

    /// The nodes that a key matches, in no order.
    #[inline]
    pub fn matches(&self, key: &[u8], found: &mut Found) {
        self.index.matches(key, found);
    }

    /// What holds for a key: the strictest of all that its patterns say.
    pub fn attributes(&self, key: &[u8]) -> Attributes {
        let mut found = Found::new();
        self.matches(key, &mut found);
        found.iter().fold(Attributes::default(), |all, &id| all.and(self.node(id).attributes))
    }

    /// Whether a pattern keeps values that went for a while.
    pub fn keeps_stale(&self) -> bool {
        self.nodes.iter().any(|node| node.attributes.stale_ms.is_some())
    }

    /// Whether a pattern says anything of what may be written.
    pub fn constrains(&self) -> bool {
        self.nodes.iter().any(|node| node.attributes.constrains())
    }

    /// Whether keys may go by a pattern, so that whoever keeps keys has to find those that match one.
    pub fn takes_patterns(&self) -> bool {
        self.nodes.iter().any(Node::goes_as_a_whole)
    }

    /// Whether all keys of a consequence match a node that goes as a whole.
    pub fn is_listed(&self, it: &Consequence) -> bool {
        let effect = self.effects[it.edge as usize].as_ref();
        effect.is_some_and(|effect| self.node(effect.target).goes_as_a_whole)
    }

    /// From what a key derives, by the edges of which it is a target: with the captures that it binds.
    pub fn sources_of(&self, key: &[u8]) -> Vec<Consequence> {
        let mut all = Vec::new();
        for (number, rule) in self.rules.edges.iter().enumerate() {
            let (Some(source), Some(target)) = (rule.source(), rule.target()) else { continue };
            let Some(places) = target.capture_places(key) else { continue };
            let values: Values<'_> = places.into_iter().map(|place| Some(&key[place])).collect();
            let keys = Template::new(target, source).fill(&values);
            all.push(Consequence { keys, edge: number as u32, after: None });
        }
        all
    }
}

impl Node {
    /// The numbers of the edges of which it is the source.
    pub fn triggers(&self) -> &[u32] {
        &self.triggers
    }

    /// Whether an edge may take all of its keys, or many of them, along by a pattern.
    pub fn goes_as_a_whole(&self) -> bool {
        self.goes_as_a_whole
    }
}

/// Whether an edge makes sense by itself.
fn sound(rule: &EdgeRule) -> Result<(), RuleError> {
    if rule.relation != Relation::Owns {
        return Ok(());
    }
    if let Some(name) = rule.left.captures().find(|name| rule.right.capture(name).is_none()) {
        return Err(RuleError::UnboundOwner(rule.clone(), name.to_owned()));
    }
    let wild = crate::pattern::tokens(rule.left.text())
        .flatten()
        .any(|(_, token)| matches!(token, crate::pattern::Token::Star | crate::pattern::Token::Class(..)));
    if wild { Err(RuleError::WildOwner(rule.clone())) } else { Ok(()) }
}
