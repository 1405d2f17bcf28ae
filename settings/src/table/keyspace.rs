//! Expiry and what the keyspace tells about itself.

use crate::kind::Kind;
use crate::kind::events::KeyspaceEvents;
use crate::table::section;

section! {
    "Keyspace";

    /// How much effort goes into finding expired keys, from 1 to 10.
    active_expire_effort: u32 = "1", Kind::integer(1, 10), works;
    /// The events to publish: K or E for the channel, then letters for the classes, or A for all of them.
    notify_keyspace_events: KeyspaceEvents = "", Kind::Events, works;
    /// Spends idle time on growing and shrinking tables of keys.
    activerehashing: bool = "yes", Kind::SWITCH;
}
