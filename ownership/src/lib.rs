//! Which keys belong together, who may write them, and what must go when they change.
//!
//! Pure: no clock, no I/O, no async. The server and the proc macros run the same code.
//!
//! Reading order: `pattern` (the grammar, what two patterns have in common), `index` (which of many match a key),
//! `graph` (edges, and what follows from a change), `manifest` (rules as a file), `owners` (rules of users), `lease` and `claim`
//! (who holds what, and until when: state machines to which times are given).

mod claim;
mod graph;
mod index;
pub mod lease;
pub mod manifest;
mod owners;
mod pattern;
mod prefix;

pub use claim::{CLAIM_MS, Claim, Claims, Refusal};
pub use graph::{
    AttributeError, Attributes, Consequence, EdgeRule, Fault, Graph, Keys, Layer, Node, NodeRule, Place, Refused,
    Relation, RuleError, Rules, Trigger, ValueType,
};
pub use index::{Found, Index};
pub use owners::{Conflict, NotOwner, Owned, Owners, User, allows_lease};
pub use pattern::{Captured, Cover, PATTERN_LEN_MAX, Pattern, PatternError};
