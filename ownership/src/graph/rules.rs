//! The rules that a graph is made of, in the order in which they were given.

use std::fmt;

use super::Attributes;
use crate::pattern::Pattern;

/// What two patterns have to do with each other; read as a sentence, left to right.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Relation {
    /// The right side lives inside the left side.
    Owns,
    /// The left side is computed from the right side.
    Derives,
    /// A change of the left side makes the right side go, without lineage.
    Invalidates,
    /// The producer of the left side reads the right side and tolerates its age.
    Borrows,
}

impl Relation {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Owns, Self::Derives, Self::Invalidates, Self::Borrows];

    /// As rules spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Owns => "owns",
            Self::Derives => "derives",
            Self::Invalidates => "invalidates",
            Self::Borrows => "borrows",
        }
    }

    /// By its name in any case.
    pub fn parse(text: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|it| text.eq_ignore_ascii_case(it.name().as_bytes()))
    }
}

/// A pattern and what is said of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeRule {
    /// Whose keys.
    pub pattern: Pattern,
    /// What holds for them.
    pub attributes: Attributes,
}

/// Two patterns and their relation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EdgeRule {
    /// The left side.
    pub left: Pattern,
    /// The sentence's verb.
    pub relation: Relation,
    /// The right side.
    pub right: Pattern,
}

impl fmt::Display for EdgeRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.left, self.relation.name().to_uppercase(), self.right)
    }
}

impl EdgeRule {
    /// Whose change it is about; None when nothing follows from any.
    pub fn source(&self) -> Option<&Pattern> {
        match self.relation {
            Relation::Owns | Relation::Invalidates => Some(&self.left),
            Relation::Derives => Some(&self.right),
            Relation::Borrows => None,
        }
    }

    /// What goes when the source changes.
    pub fn target(&self) -> Option<&Pattern> {
        match self.relation {
            Relation::Owns | Relation::Invalidates => Some(&self.right),
            Relation::Derives => Some(&self.left),
            Relation::Borrows => None,
        }
    }
}

/// All rules of a graph.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Rules {
    /// What is said of patterns.
    pub nodes: Vec<NodeRule>,
    /// How they belong together.
    pub edges: Vec<EdgeRule>,
}

/// Why a rule does not hold. Nothing was changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RuleError {
    /// The pattern was defined before.
    DefinedTwice(Pattern),
    /// The edge is there already.
    LinkedTwice(EdgeRule),
    /// It closes a circle: the edges of it, each one's target overlaps the next one's source.
    Cycle(Vec<EdgeRule>),
    /// The owner binds a capture that the owned side does not name, so that its keys would have several owners.
    UnboundOwner(EdgeRule, String),
    /// The owner has a wildcard: nobody could tell to which of its keys an owned one belongs.
    WildOwner(EdgeRule),
    /// No such pattern.
    NoSuchPattern(Pattern),
    /// Edges need the pattern.
    StillLinked(Pattern, EdgeRule),
    /// No such edge.
    NoSuchEdge(EdgeRule),
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DefinedTwice(pattern) => write!(f, "pattern {pattern} is defined twice"),
            Self::LinkedTwice(edge) => write!(f, "edge {edge} is there already"),
            Self::Cycle(edges) => {
                f.write_str("cycle: ")?;
                for edge in edges {
                    write!(f, "{edge}, ")?;
                }
                f.write_str("and so on")
            }
            Self::UnboundOwner(edge, capture) => write!(
                f,
                "edge {edge}: the owner's <{capture}> does not stand on the right side, so that a key there would have \
                 several owners"
            ),
            Self::WildOwner(edge) => write!(
                f,
                "edge {edge}: the owner has a wildcard, so that nobody can tell which of its keys owns a key: use a \
                 capture"
            ),
            Self::NoSuchPattern(pattern) => write!(f, "no such pattern: {pattern}"),
            Self::StillLinked(pattern, edge) => write!(f, "pattern {pattern} is still in use by edge {edge}"),
            Self::NoSuchEdge(edge) => write!(f, "no such edge: {edge}"),
        }
    }
}

impl std::error::Error for RuleError {}
