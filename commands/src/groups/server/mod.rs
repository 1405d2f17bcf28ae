//! The server itself.

mod acl;
mod bgrewriteaof;
mod command;
mod config;
mod dbsize;
mod debug;
mod flush;
mod graph;
mod info;
mod latency;
mod lolwut;
mod memory;
mod module;
mod monitor;
mod replicaof;
mod role;
mod save;
mod shutdown;
mod slowlog;
mod swapdb;
pub(crate) mod sync;
mod time;

use crate::ctx::Ctx;
use crate::spec::Command;

pub(crate) const COMMANDS: &[&Command] = &[
    &acl::ACL,
    &bgrewriteaof::BGREWRITEAOF,
    command::ROW,
    &config::CONFIG,
    &dbsize::DBSIZE,
    &debug::DEBUG,
    &flush::FLUSHALL,
    &flush::FLUSHDB,
    &info::INFO,
    &latency::LATENCY,
    &lolwut::LOLWUT,
    &memory::MEMORY,
    &module::MODULE,
    &monitor::MONITOR,
    &super::generic::dump::RESTORE_ASKING,
    &replicaof::FAILOVER,
    &replicaof::REPLICAOF,
    &replicaof::SLAVEOF,
    &role::ROLE,
    &save::SAVE,
    &save::BGSAVE,
    &save::LASTSAVE,
    &shutdown::SHUTDOWN,
    &slowlog::SLOWLOG,
    &swapdb::SWAPDB,
    &sync::REPLCONF,
    &sync::SYNC,
    &sync::PSYNC,
    &time::TIME,
];

/// Whether the client is on this machine: it came over loopback or a unix socket.
fn is_local(ctx: &Ctx) -> bool {
    let shared = &ctx.client.shared;
    let over_unix = shared.facts.unix_socket.load(std::sync::atomic::Ordering::Relaxed);
    over_unix || shared.addr.parse::<std::net::SocketAddr>().is_ok_and(|addr| addr.ip().to_canonical().is_loopback())
}
