//! The catalogue: one folder for each of Redis's command groups; its `mod.rs` is its contents page.

mod bitmap;
mod cluster;
mod connection;
mod generic;
mod geo;
mod hash;
mod hyperloglog;
mod list;
mod pubsub;
mod scripting;
mod server;
mod set;
mod stream;
mod string;
mod transactions;
mod zset;

use crate::spec::Command;
use crate::table::Group;

/// All commands by group.
pub(crate) const ALL: &[(Group, &[&Command])] = &[
    (Group::Bitmap, bitmap::COMMANDS),
    (Group::Cluster, cluster::COMMANDS),
    (Group::Connection, connection::COMMANDS),
    (Group::Generic, generic::COMMANDS),
    (Group::Geo, geo::COMMANDS),
    (Group::Hash, hash::COMMANDS),
    (Group::Hyperloglog, hyperloglog::COMMANDS),
    (Group::List, list::COMMANDS),
    (Group::Pubsub, pubsub::COMMANDS),
    (Group::Scripting, scripting::COMMANDS),
    (Group::Server, server::COMMANDS),
    (Group::Set, set::COMMANDS),
    (Group::SortedSet, zset::COMMANDS),
    (Group::Stream, stream::COMMANDS),
    (Group::String, string::COMMANDS),
    (Group::Transactions, transactions::COMMANDS),
];
