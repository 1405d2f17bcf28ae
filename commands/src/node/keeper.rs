//! What commands ask of whoever keeps the write-ahead log: its state, its settings, a rewrite.

use super::Node;

/// The log, as INFO shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFacts {
    /// Effects go to it.
    pub is_on: bool,
    /// It has no data yet: the rewrite that brings them is not finished.
    pub awaits_base: bool,
    /// A rewrite runs, since so many seconds.
    pub rewriting_seconds: Option<i64>,
    /// A rewrite begins when another picture of the keys is finished.
    pub is_rewrite_scheduled: bool,
    /// How long the last rewrite took.
    pub last_rewrite_seconds: Option<i64>,
    /// The last rewrite failed.
    pub has_rewrite_failed: bool,
    /// Rewrites that were finished.
    pub rewrites: u64,
    /// Rewrites that failed, since the last that did not.
    pub rewrite_failures: u64,
    /// Why writes cannot be logged.
    pub failure: Option<String>,
    /// Bytes of base and segments now.
    pub current_len: u64,
    /// The same after the last rewrite.
    pub base_len: u64,
    /// Bytes that wait to be written.
    pub buffer_len: u64,
    /// A sync is running.
    pub is_syncing: bool,
    /// Syncs that were so slow that replies waited.
    pub delayed_syncs: u64,
}

/// See the module's head.
pub trait Keeper: Send + Sync {
    /// See [`LogFacts`].
    fn facts(&self) -> LogFacts;

    /// Bytes of memory that records take until they are durable.
    fn buffers_len(&self) -> u64;

    /// Takes `appendfsync` over.
    fn follow_policy(&self);

    /// Takes `appendonly` over; the rewrite that follows begins now or, when it `waits`, a moment later.
    fn follow_switch(&self, waits: bool) -> Result<(), String>;

    /// Begins a rewrite, now or, when it `waits`, a moment later: the status line to answer.
    fn rewrite(&self, waits: bool) -> Result<&'static str, String>;

    /// Loads what the log has on the disk. Nothing is logged meanwhile, and nobody changes anything. `empty` is called
    /// once the log is there to be read. An error says why it cannot be.
    fn load(&self, empty: &mut dyn FnMut()) -> Result<(), String>;
}

/// The keeper of an instance without a log.
struct NoKeeper;

impl Keeper for NoKeeper {
    fn facts(&self) -> LogFacts {
        LogFacts::default()
    }

    fn buffers_len(&self) -> u64 {
        0
    }

    fn follow_policy(&self) {}

    fn follow_switch(&self, _: bool) -> Result<(), String> {
        Ok(())
    }

    fn rewrite(&self, _: bool) -> Result<&'static str, String> {
        Err("ERR this instance has no log".to_owned())
    }

    fn load(&self, _: &mut dyn FnMut()) -> Result<(), String> {
        Err("this instance has no log".to_owned())
    }
}

impl Node {
    /// Says who keeps the log; once.
    pub fn set_keeper(&self, keeper: Box<dyn Keeper>) {
        let _ = self.keeper.set(keeper);
    }

    /// Who keeps the log.
    pub fn keeper(&self) -> &dyn Keeper {
        self.keeper.get().map_or(&NoKeeper, AsRef::as_ref)
    }
}
