//! The bound on memory and what happens at it.

use crate::choices::MaxmemoryPolicy;
use crate::kind::Kind;
use crate::table::section;
use crate::value::Text;

section! {
    "Memory";

    /// The memory that data may use; 0 sets no bound.
    maxmemory: u64 = "0", Kind::memory(0, u64::MAX), works;
    /// Which keys give way when maxmemory is reached.
    maxmemory_policy: MaxmemoryPolicy = "noeviction", Kind::one_of::<MaxmemoryPolicy>(), works;
    /// How many keys are compared to choose the one that gives way; more choose better and cost more.
    maxmemory_samples: u32 = "5", Kind::integer(1, 64), works;
    /// How much time eviction may take before commands go on; 0 least, 100 until enough is freed.
    maxmemory_eviction_tenacity: u32 = "10", Kind::integer(0, 100), works;
    /// How slowly the counter of uses grows, for the LFU policies.
    lfu_log_factor: u32 = "10", Kind::SMALL, works;
    /// Minutes after which the counter of uses falls by one, for the LFU policies; 0 never lets it fall.
    lfu_decay_time: u32 = "1", Kind::SMALL, works;
    /// A directory for values that memory has no room for; their keys stay. Empty: there is no such tier.
    warm_tier_path: Text = "", Kind::TEXT, at_start, own, works;
    /// How much the files of the warm tier may take; 0 sets no bound.
    warm_tier_max_size: u64 = "0", Kind::memory(0, u64::MAX), own, works;
    /// Lets a replica ignore maxmemory and leave eviction to its master.
    replica_ignore_maxmemory: bool = "yes", Kind::SWITCH, aliases(&["slave-ignore-maxmemory"]);
    /// Frees evicted values in the background.
    lazyfree_lazy_eviction: bool = "no", Kind::SWITCH, works;
    /// Frees expired values in the background.
    lazyfree_lazy_expire: bool = "no", Kind::SWITCH, works;
    /// Frees values that a command overwrites in the background.
    lazyfree_lazy_server_del: bool = "no", Kind::SWITCH, works;
    /// Lets DEL free in the background, as UNLINK does.
    lazyfree_lazy_user_del: bool = "no", Kind::SWITCH, works;
    /// Lets FLUSHALL and FLUSHDB free in the background where they do not say.
    lazyfree_lazy_user_flush: bool = "no", Kind::SWITCH, works;
}
