//! ACL LOG: what was refused, like entries of the last minute as one.

use std::collections::VecDeque;

/// How near in time like refusals must be to be one entry.
const GROUPING_MS: i64 = 60_000;
/// Only so many of the latest entries are looked at for a like one.
const GROUPING_SCAN: usize = 10;

/// What was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// Signing in.
    Auth,
    /// A command.
    Command,
    /// A key.
    Key,
    /// A channel.
    Channel,
}

impl Reason {
    /// As ACL LOG answers it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Command => "command",
            Self::Key => "key",
            Self::Channel => "channel",
        }
    }
}

/// Where it was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Context {
    /// A request of its own.
    Toplevel,
    /// MULTI's queue, or EXEC.
    Multi,
    /// A script.
    Lua,
    /// A module.
    Module,
}

impl Context {
    /// As ACL LOG answers it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Toplevel => "toplevel",
            Self::Multi => "multi",
            Self::Lua => "lua",
            Self::Module => "module",
        }
    }
}

/// One refusal, or several alike.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Counts up from 0.
    pub id: u64,
    /// How many times.
    pub count: u64,
    /// See [`Reason`].
    pub reason: Reason,
    /// See [`Context`].
    pub context: Context,
    /// The command, key or channel.
    pub object: Box<[u8]>,
    /// Who wanted it.
    pub username: Box<[u8]>,
    /// The client as CLIENT LIST shows it.
    pub client_info: Box<str>,
    /// The first time, unix milliseconds.
    pub created_ms: i64,
    /// The last time, unix milliseconds.
    pub updated_ms: i64,
}

/// The entries, latest first.
#[derive(Debug, Default)]
pub struct Log {
    entries: VecDeque<Entry>,
    next_id: u64,
}

impl Log {
    /// Adds a refusal (its `id` and `count` are set here); of more than `max` entries the oldest go.
    pub fn add(&mut self, mut new: Entry, max: usize) {
        let is_like = |entry: &Entry| {
            entry.reason == new.reason
                && entry.context == new.context
                && new.updated_ms - entry.updated_ms <= GROUPING_MS
                && entry.object == new.object
                && entry.username == new.username
        };
        if let Some(place) = self.entries.iter().take(GROUPING_SCAN).position(is_like) {
            let Some(mut known) = self.entries.remove(place) else { return };
            known.count += 1;
            known.client_info = new.client_info;
            known.updated_ms = new.updated_ms;
            self.entries.push_front(known);
            return;
        }
        (new.id, new.count) = (self.next_id, 1);
        self.next_id += 1;
        self.entries.push_front(new);
        self.entries.truncate(max);
    }

    /// The latest ones first.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}
