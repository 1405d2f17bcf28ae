//! What every floor needs: glob, slot hash, numbers as Redis spells them, clocks, ids.

pub mod clock;
pub mod glob;
pub mod id;
pub mod number;
pub mod quote;
pub mod size;
pub mod slot;
pub mod system;
