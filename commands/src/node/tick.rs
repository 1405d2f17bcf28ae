//! What a core does by the clock, beside serving its connections.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use keyspace::change::Interest;
use keyspace::keys::Keys;

use super::core::Core;
use super::stats::CoreStats;
use super::usage::{self, Whose};
use super::{Node, expire, memory};
use crate::ownership;

/// With `dynamic-hz`, ticks come twice as often for each doubling of the clients beyond this many per tick.
const CLIENTS_PER_TICK_MAX: usize = 200;
const HZ_MAX: u32 = 500;

impl Node {
    /// Ticks per second at present.
    pub fn hz(&self) -> u32 {
        let mut hz = self.settings.hz().max(1);
        if self.settings.dynamic_hz() {
            let clients = self.clients.len();
            while hz < HZ_MAX && clients / hz as usize > CLIENTS_PER_TICK_MAX {
                hz = (hz * 2).min(HZ_MAX);
            }
        }
        hz
    }

    /// The background work of one core; answers when to come again.
    pub fn tick(&self, core: &mut Core) -> Duration {
        let hz = self.hz();
        keyspace::epoch::quiet(core.index);
        core.begin_batch(self);
        core.stats.ticks.add(1);
        if !self.monitoring.cron_paused.load(Relaxed) && !self.monitoring.asleep.load(Relaxed) {
            self.work(core, hz);
        }
        if core.index == 0 {
            self.bound_tracking();
            self.sample(core.now.unix_ms);
        }
        core.stats.cron_ns.add(core.since_began_ns());
        Duration::from_micros(1_000_000 / u64::from(hz))
    }

    /// What INFO shows of rates and processor time.
    fn sample(&self, now_ms: i64) {
        let sum = |read: fn(&CoreStats) -> u64| self.cores.iter().map(|core| read(core)).sum::<u64>();
        let (commands, batches) = (sum(|core| core.commands.get()), sum(|core| core.reads.get() + core.ticks.get()));
        let (input, output) = (sum(|core| core.net_input_bytes.get()), sum(|core| core.net_output_bytes.get()));
        if self.monitoring.startup_bytes.load(Relaxed) == 0 {
            self.monitoring.startup_bytes.store(self.used_memory(), Relaxed);
        }
        // Cycles are those of one core, on the average: hz of them are the measure of an idle server.
        let cycles = batches / self.cores.len().max(1) as u64;
        self.monitoring.rates.lock().sample(commands, input, output, cycles, now_ms);
        for (place, us) in self.monitoring.main_thread_us.iter().zip(usage::cpu_us(Whose::Thread)) {
            place.store(us, Relaxed);
        }
    }

    pub(crate) fn work(&self, core: &mut Core, hz: u32) {
        memory::refresh(self, core);
        self.drop_spent_functions(core);
        if self.loading.is_loading.load(Relaxed) {
            // The keys are those of the file, and only what the log says becomes of them.
            return;
        }
        if core.index == 0 {
            self.look_after_leases(core.now.unix_ms);
            ownership::look_after_claims(self, core);
            ownership::go_on_sweeping(self, core);
            self.look_after_feed(core.now.unix_ms);
            self.look_after_clients(core.now.unix_ms);
            self.look_after_snapshots(core.now.unix_ms);
            self.migrations.close_idle();
        }
        if self.settings.maxmemory() > 0 {
            // What one command had no time for goes on here.
            self.make_room(core);
        }
        if self.is_active_expire_on() && self.pause.state(core.now.unix_ms).is_none() {
            expire::cycle(self, core, hz);
        }
    }
}

/// Runs work that no client asked for on one database's table in one shard, and announces the changes;
/// the caller publishes them at the end.
pub(crate) fn on_table<T: Default>(
    node: &Node,
    core: &mut Core,
    (shard, db): (usize, usize),
    work: impl FnOnce(&mut Keys<'_>) -> T,
) -> T {
    let before = core.tally.changes.len();
    let Some(mut keys) = node.space.lock_shard(shard, db, core.now, &mut core.tally) else {
        // A script holds it for long: the work is found again at the next round.
        return T::default();
    };
    node.begin_effects(keys.tally);
    keys.tally.effects.loosen();
    let answer = work(&mut keys);
    if node.space.interest() & Interest::FOLLOWED != 0 {
        ownership::follow(node, &core.own, &mut keys, before);
    }
    let order = node.order_of(&keys, before);
    let place = node.reserve_record(&mut keys);
    drop(keys);
    match place {
        Some(place) => node.append_record(place, &mut core.tally),
        None => core.tally.effects.clear(),
    }
    if let Some(order) = order {
        node.announce(&order, &core.tally.changes[before..]);
    }
    answer
}
