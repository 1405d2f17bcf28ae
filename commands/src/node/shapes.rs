//! What decides the form that values take here.

use std::sync::atomic::Ordering::Relaxed;

use keyspace::import::Limits;
use keyspace::{hash, list, set, zset};
use settings::Settings;

use super::Node;

/// The settings that shape collections; `packed_threshold` is that of lists (0: none).
pub fn limits_of(settings: &Settings, packed_threshold: usize) -> Limits {
    Limits {
        hash: hash::Limits {
            entries_max: settings.hash_max_listpack_entries(),
            value_len_max: settings.hash_max_listpack_value(),
        },
        list: list::Limits { fill: settings.list_max_listpack_size(), packed_threshold },
        set: set::Limits {
            intset_entries_max: settings.set_max_intset_entries(),
            listpack_entries_max: settings.set_max_listpack_entries(),
            listpack_value_len_max: settings.set_max_listpack_value(),
        },
        zset: zset::Limits {
            entries_max: settings.zset_max_listpack_entries(),
            value_len_max: settings.zset_max_listpack_value(),
        },
    }
}

impl Node {
    /// The settings that shape collections now.
    pub fn limits(&self) -> Limits {
        limits_of(&self.settings, self.list_packed_threshold.load(Relaxed))
    }
}
