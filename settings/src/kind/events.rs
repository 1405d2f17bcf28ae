//! `notify-keyspace-events`: the classes of events that are published.

use crate::kind::Reason;
use crate::value::Value;

/// A set of event classes, and of the channels on which they are published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyspaceEvents(pub(crate) u32);

impl KeyspaceEvents {
    /// `K`: publish on the key's channel.
    pub const KEYSPACE: Self = Self(1);
    /// `E`: publish on the event's channel.
    pub const KEYEVENT: Self = Self(1 << 1);
    /// `g`: commands of any type, such as DEL and EXPIRE.
    pub const GENERIC: Self = Self(1 << 2);
    /// `$`: commands of strings.
    pub const STRING: Self = Self(1 << 3);
    /// `l`: commands of lists.
    pub const LIST: Self = Self(1 << 4);
    /// `s`: commands of sets.
    pub const SET: Self = Self(1 << 5);
    /// `h`: commands of hashes.
    pub const HASH: Self = Self(1 << 6);
    /// `z`: commands of sorted sets.
    pub const ZSET: Self = Self(1 << 7);
    /// `x`: keys that expired.
    pub const EXPIRED: Self = Self(1 << 8);
    /// `e`: keys that were evicted.
    pub const EVICTED: Self = Self(1 << 9);
    /// `t`: commands of streams.
    pub const STREAM: Self = Self(1 << 10);
    /// `m`: reads of keys that do not exist.
    pub const KEY_MISS: Self = Self(1 << 11);
    /// `d`: types of modules.
    pub const MODULE: Self = Self(1 << 12);
    /// `n`: new keys.
    pub const NEW: Self = Self(1 << 13);
    /// `A`: every class but `m` and `n`.
    pub const ALL: Self = Self(0b1_0111_1111_1100);

    /// Whether every class of `classes` is in the set.
    pub const fn contains(self, classes: Self) -> bool {
        self.0 & classes.0 == classes.0
    }

    /// Whether an event of this one class is to be published on some channel.
    pub const fn publishes(self, class: Self) -> bool {
        self.0 & class.0 != 0 && self.0 & (Self::KEYSPACE.0 | Self::KEYEVENT.0) != 0
    }
}

/// The classes that `A` may stand for, in the order in which they are shown; `n` is shown only where `A` is not.
const CLASSES: [(u8, KeyspaceEvents); 11] = [
    (b'g', KeyspaceEvents::GENERIC),
    (b'$', KeyspaceEvents::STRING),
    (b'l', KeyspaceEvents::LIST),
    (b's', KeyspaceEvents::SET),
    (b'h', KeyspaceEvents::HASH),
    (b'z', KeyspaceEvents::ZSET),
    (b'x', KeyspaceEvents::EXPIRED),
    (b'e', KeyspaceEvents::EVICTED),
    (b't', KeyspaceEvents::STREAM),
    (b'd', KeyspaceEvents::MODULE),
    (b'n', KeyspaceEvents::NEW),
];

const CHANNELS: [(u8, KeyspaceEvents); 3] =
    [(b'K', KeyspaceEvents::KEYSPACE), (b'E', KeyspaceEvents::KEYEVENT), (b'm', KeyspaceEvents::KEY_MISS)];

pub(super) fn parse(word: &[u8]) -> Result<Value, Reason> {
    let mut bits = 0;
    for letter in word {
        let all = [(b'A', KeyspaceEvents::ALL)];
        let mut known = CLASSES.iter().chain(&CHANNELS).chain(&all);
        let (_, class) =
            known.find(|(known, _)| known == letter).ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")?;
        bits |= class.0;
    }
    Ok(Value::Scalar(u64::from(bits)))
}

pub(super) fn render(bits: u32) -> String {
    let set = KeyspaceEvents(bits);
    let letters = |table: &[(u8, KeyspaceEvents)]| -> String {
        table.iter().filter(|(_, class)| set.contains(*class)).map(|(letter, _)| char::from(*letter)).collect()
    };
    let classes = if set.contains(KeyspaceEvents::ALL) { "A".to_owned() } else { letters(&CLASSES) };
    classes + &letters(&CHANNELS)
}

/// As `render`, with the `n` that CONFIG GET hides behind `A`: a restart must not lose it.
pub(super) fn line(bits: u32) -> Vec<u8> {
    let shown = render(bits);
    let hidden = KeyspaceEvents(bits).contains(KeyspaceEvents::NEW) && !shown.contains('n');
    (if hidden { shown + "n" } else { shown }).into_bytes()
}
