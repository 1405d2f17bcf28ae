//! What commands did to keys, for those who must hear of it once the locks are free.

use std::ops::BitOr;

use crate::effects::Effects;

/// A set of event classes, as `notify-keyspace-events` spells them with letters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Classes(pub u32);

impl Classes {
    /// `K`: events on `__keyspace@<db>__:<key>`.
    pub const KEYSPACE: Self = Self(1 << 0);
    /// `E`: events on `__keyevent@<db>__:<event>`.
    pub const KEYEVENT: Self = Self(1 << 1);
    /// `g`: commands of no type, such as DEL and EXPIRE.
    pub const GENERIC: Self = Self(1 << 2);
    /// `$`
    pub const STRING: Self = Self(1 << 3);
    /// `l`
    pub const LIST: Self = Self(1 << 4);
    /// `s`
    pub const SET: Self = Self(1 << 5);
    /// `h`
    pub const HASH: Self = Self(1 << 6);
    /// `z`
    pub const ZSET: Self = Self(1 << 7);
    /// `x`
    pub const EXPIRED: Self = Self(1 << 8);
    /// `e`
    pub const EVICTED: Self = Self(1 << 9);
    /// `t`
    pub const STREAM: Self = Self(1 << 10);
    /// `m`: a read found no key; not part of `A`.
    pub const KEY_MISS: Self = Self(1 << 11);
    /// `d`
    pub const MODULE: Self = Self(1 << 13);
    /// `n`: a key came into being; not part of `A`.
    pub const NEW: Self = Self(1 << 14);
}

impl BitOr for Classes {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What happened to a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// Its class.
    pub class: Classes,
    /// Its name on the channel.
    pub name: &'static str,
}

impl Event {
    /// An event of a class.
    pub const fn new(class: Classes, name: &'static str) -> Self {
        Self { class, name }
    }

    /// `del`
    pub const DEL: Self = Self::new(Classes::GENERIC, "del");
    /// `expire`
    pub const EXPIRE: Self = Self::new(Classes::GENERIC, "expire");
    /// `expired`
    pub const EXPIRED: Self = Self::new(Classes::EXPIRED, "expired");
    /// `evicted`
    pub const EVICTED: Self = Self::new(Classes::EVICTED, "evicted");
    /// `new`
    pub const NEW: Self = Self::new(Classes::NEW, "new");
    /// `keymiss`
    pub const KEY_MISS: Self = Self::new(Classes::KEY_MISS, "keymiss");
}

/// One event of one key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The database.
    pub db: usize,
    /// What happened.
    pub event: Event,
    /// To which key.
    pub key: Box<[u8]>,
    /// Whether the key was modified (a miss is an event and modifies nothing).
    pub modified: bool,
}

/// Who needs to hear of changes; a bit set of the keyspace, checked at each change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interest(pub u32);

impl Interest {
    /// Some client watches a key.
    pub const WATCH: Self = Self(1 << 0);
    /// Some client is blocked on a key.
    pub const BLOCKED: Self = Self(1 << 1);
    /// Keyspace events are on.
    pub const EVENTS: Self = Self(1 << 2);
    /// Somebody follows every change (client tracking).
    pub const FOLLOW: Self = Self(1 << 3);
    /// Every change leaves an effect: the log is on.
    pub const EFFECTS: Self = Self(1 << 4);
    /// Changes of some keys take others along.
    pub const OWNERSHIP: Self = Self(1 << 5);
    /// Somebody holds keys by a lease.
    pub const LEASES: Self = Self(1 << 6);
    /// Somebody produces a value that a change would make stale.
    pub const CLAIMS: Self = Self(1 << 7);
    /// What may be written at keys is limited.
    pub const LIMITS: Self = Self(1 << 8);
    /// Somebody listens to the feed of what keepers of copies have to drop.
    pub const FEED: Self = Self(1 << 9);
    /// Some user owns keys.
    pub const OWNERS: Self = Self(1 << 10);
    /// Who wants to hear of each change.
    pub const HEARS_ALL: u32 =
        Self::EVENTS.0 | Self::FOLLOW.0 | Self::OWNERSHIP.0 | Self::CLAIMS.0 | Self::LIMITS.0 | Self::FEED.0;
    /// Who has a say before a change.
    pub const GUARDS: u32 = Self::LEASES.0 | Self::LIMITS.0 | Self::OWNERS.0;
    /// Whose keys and claims follow from changes.
    pub const FOLLOWED: u32 = Self::OWNERSHIP.0 | Self::CLAIMS.0;
}

/// What the commands of one core collected since it was last published.
#[derive(Debug, Default)]
pub struct Tally {
    /// Modifications of keys.
    pub dirty: u64,
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Keys that expired.
    pub expired: u64,
    /// Hash fields that expired.
    pub expired_fields: u64,
    /// A whole database was emptied.
    pub flushed: bool,
    /// A walk met a shard that a script holds for long.
    pub halted: bool,
    /// So many of `changes` were told to those who cache keys.
    pub invalidated: usize,
    /// Changes somebody is interested in, in order.
    pub changes: Vec<Change>,
    /// The latest place in the log that anything seen or done depends on.
    pub awaited: u64,
    /// What the log is to hear.
    pub effects: Effects,
}
