//! Sets.
//!
//! A small set is a blob inside its entry: sorted integers ("intset") or packed members ("listpack"). A large
//! one is a [`Set`], a table with records of its own ("hashtable"). Which of the three it is follows Redis to
//! the element, since clients see it; see [`Limits`].
//!
//! - `large`: the table; `small`: the packed blob.
//! - `read` and `write`: the views that commands work on; `build`: a set on its way into the keyspace.
//! - `algebra`: intersection, union and difference.

mod algebra;
mod build;
mod large;
mod limits;
mod read;
mod small;
#[cfg(test)]
mod tests;
mod write;

pub use algebra::{diff, diff_into, inter, inter_card, inter_into, union, union_into};
pub use build::NewSet;
pub use large::Set;
pub use limits::Limits;
pub use read::{SetRef, SetRefs};
pub use write::SetMut;
