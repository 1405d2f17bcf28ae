//! Clusters of servers. This one stands alone: its commands answer what Redis answers with `cluster-enabled no`, which
//! tells tools and libraries that there is no cluster to ask for.

mod container;

use commands_macros::command;

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::Command;

pub(crate) const COMMANDS: &[&Command] = &[&ASKING, &container::CLUSTER, &READONLY, &READWRITE];

fn refused() -> Result<()> {
    Err(Error::Plain("ERR This instance has cluster support disabled"))
}

/// Lets the next command see a slot that this node is importing.
#[command("ASKING", since = "3.0.0", complexity = "O(1)", flags(FAST), alone(true), categories(CONNECTION))]
pub(crate) fn asking(_: &mut Ctx) -> Result<()> {
    refused()
}

/// Lets the connection read from a replica of a cluster.
#[command("READONLY", since = "3.0.0", complexity = "O(1)", flags(FAST | LOADING | STALE), alone(true), categories(CONNECTION))]
pub(crate) fn readonly(_: &mut Ctx) -> Result<()> {
    refused()
}

/// Takes READONLY back.
#[command("READWRITE", since = "3.0.0", complexity = "O(1)", flags(FAST | LOADING | STALE), alone(true), categories(CONNECTION))]
pub(crate) fn readwrite(_: &mut Ctx) -> Result<()> {
    refused()
}
