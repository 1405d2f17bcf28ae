//! Whether a function that reads some patterns and produces others says all that must be invalidated.

use std::fmt;

use super::{Graph, Relation};
use crate::pattern::Pattern;

/// What a function's declaration misses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// No pattern of the graph has all of these keys.
    UnknownPattern(Pattern),
    /// The function reads one to produce the other, and nothing invalidates what it produced when that changes.
    Incomplete {
        /// What it produces.
        produced: Pattern,
        /// What it reads.
        read: Pattern,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownPattern(pattern) => write!(f, "unknown pattern {pattern}: no pattern of the graph covers it"),
            Self::Incomplete { produced, read } => write!(
                f,
                "incomplete invalidation: {produced} is computed from {read}, but no edge says so: add \
                 'edge {produced} derives {read}', or borrows where its age does not matter"
            ),
        }
    }
}

impl Graph {
    /// Checks a function that reads `reads` to produce `produces`.
    pub fn check_function(&self, produces: &[Pattern], reads: &[Pattern]) -> Vec<Fault> {
        let is_known = |pattern: &Pattern| self.nodes().iter().any(|node| node.pattern.covers(pattern));
        let unknown = produces.iter().chain(reads).filter(|pattern| !is_known(pattern));
        let mut faults: Vec<Fault> = unknown.cloned().map(Fault::UnknownPattern).collect();
        for read in reads.iter().filter(|pattern| is_known(pattern)) {
            let gone: Vec<Pattern> = self.cascade_of(read).iter().map(|it| it.keys.pattern()).collect();
            for produced in produces.iter().filter(|pattern| is_known(pattern)) {
                let goes = gone.iter().any(|pattern| pattern.covers(produced));
                if !goes && !self.tolerates(produced, read) {
                    faults.push(Fault::Incomplete { produced: produced.clone(), read: read.clone() });
                }
            }
        }
        faults
    }

    fn tolerates(&self, produced: &Pattern, read: &Pattern) -> bool {
        self.rules()
            .edges
            .iter()
            .any(|edge| edge.relation == Relation::Borrows && edge.left.covers(produced) && edge.right.covers(read))
    }
}
