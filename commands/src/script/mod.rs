//! Running scripts: one interpreter for each core, made at its first script; what scripts share lives in the node.
//!
//! Reading order: `cache` (the scripts), `interpreter` (compiled, on a core), `functions` (libraries, and the same for
//! them), `machine` (what both interpreters are), `call` (a call and its answer), `runner` (one run: its locks, its
//! limits, redis.call), `api` (the other functions of `redis`), `to_lua` and `to_resp` (replies there and back), `jobs`
//! (runs that take long, and how they are ended).

mod api;
pub(crate) mod cache;
pub(crate) mod call;
pub(crate) mod functions;
pub(crate) mod interpreter;
pub(crate) mod jobs;
pub(crate) mod machine;
pub(crate) mod runner;
pub(crate) mod shebang;
mod to_lua;
mod to_resp;

use std::sync::atomic::AtomicBool;

use cache::Cache;
use functions::Libraries;
use jobs::Jobs;

/// What the scripts of all cores share.
#[derive(Default)]
pub struct Scripts {
    pub(crate) cache: Cache,
    pub(crate) libraries: Libraries,
    pub(crate) jobs: Jobs,
    /// Scripts may call what they otherwise must not (DEBUG SET-DISABLE-DENY-SCRIPTS).
    pub(crate) allows_all: AtomicBool,
}
