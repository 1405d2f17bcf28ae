//! Which core serves a connection. Cores fill up one after the other: a core that has much to do finds many sockets
//! ready at each look and sleeps seldom, so two cores that are half busy cost more than one that is busy.
//!
//! - A new connection goes to the first core with room.
//! - An overloaded core hands a part of its connections to the idlest one, if the machine has processor time to spare:
//!   where clients on the same machine use it all, one more thread only takes turns with them.
//! - Cores that two cores' work would not fill hand their connections to an earlier one. Only connections that are in use move, each at the end of a turn of its own;
//!   the others cost nothing where they are.
//! - A connection whose commands take long goes to the last core, where few wait behind it.
//!
//! Invariant: a core decides about its own connections only, once for each window between two of its ticks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};

use base::clock::{Clock, Ticks};

use crate::spare::Spare;

/// From this share of its time on, a core gets no more new connections.
const FULL_PERMILLE: u32 = 800;
/// From this share on, it gives some away: requests begin to queue for longer than they take.
const OVERLOADED_PERMILLE: u32 = 950;
/// A core takes connections over when it has so much less to do.
const RELIEF_PERMILLE: u32 = 200;
const WHOLE_PERMILLE: u32 = 1000;
/// Two cores that together have less to do than this need not be two.
const TOGETHER_PERMILLE: u32 = 500;
/// For so many windows in a row they had.
const CALM_WINDOWS: u32 = 10;
/// A turn of more than this is long: others would have been served a hundred times.
const LONG_TURN_NS: u64 = 10_000_000;
/// Shares of connections are of this whole.
const WHOLE: u64 = 1 << 16;

/// What others see of a core.
pub(crate) struct Load {
    /// Its connections now.
    pub(crate) connections: AtomicUsize,
    /// The part of its last window in which it did not wait for events.
    busy_permille: AtomicU32,
    /// Time that it spent waiting for events, all told; its own thread writes.
    parked_ns: AtomicU64,
    parked_at_ns: AtomicU64,
    clock: Clock,
    start: Ticks,
}

impl Load {
    pub(crate) fn new() -> Arc<Self> {
        let clock = Clock::new();
        let start = clock.ticks();
        Arc::new(Self {
            connections: AtomicUsize::new(0),
            busy_permille: AtomicU32::new(0),
            parked_ns: AtomicU64::new(0),
            parked_at_ns: AtomicU64::new(0),
            clock,
            start,
        })
    }

    fn now_ns(&self) -> u64 {
        self.clock.ns_between(self.start, self.clock.ticks())
    }

    /// The core begins to wait for events.
    pub(crate) fn park(&self) {
        self.parked_at_ns.store(self.now_ns(), Relaxed);
    }

    /// It goes on.
    pub(crate) fn unpark(&self) {
        let waited_ns = self.now_ns().saturating_sub(self.parked_at_ns.load(Relaxed));
        self.parked_ns.store(self.parked_ns.load(Relaxed) + waited_ns, Relaxed);
    }

    /// A script keeps the core from all else: new connections are to go elsewhere, until its next window is measured.
    pub(crate) fn note_stuck(&self) {
        self.busy_permille.store(WHOLE_PERMILLE, Relaxed);
    }

    fn share(&self) -> Share {
        Share { busy_permille: self.busy_permille.load(Relaxed), connections: self.connections.load(Relaxed) }
    }
}

/// A core's load at one moment.
#[derive(Clone, Copy, Debug)]
struct Share {
    busy_permille: u32,
    connections: usize,
}

/// The core for a new connection.
pub(crate) fn door_for_new<'a>(loads: impl Iterator<Item = &'a Load>) -> Option<usize> {
    choose(&loads.map(Load::share).collect::<Vec<_>>())
}

fn choose(shares: &[Share]) -> Option<usize> {
    let with_room = shares.iter().position(|share| share.busy_permille < FULL_PERMILLE);
    with_room.or_else(|| (0..shares.len()).min_by_key(|&core| shares[core].connections))
}

/// What a core does with its connections until its next tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Round {
    /// Who gets some of them.
    target: usize,
    /// How many, of `WHOLE`.
    share: u64,
    /// Makes each round choose others.
    salt: u64,
}

/// A core's own view: its windows and its decision for the present one.
#[derive(Debug)]
pub(crate) struct Placement {
    core: usize,
    cores: usize,
    round: Option<Round>,
    rounds: u64,
    calm_windows: u32,
    window_start_ns: u64,
    window_parked_ns: u64,
    spare: Spare,
}

impl Placement {
    pub(crate) fn new(core: usize, cores: usize) -> Self {
        Self {
            core,
            cores,
            round: None,
            rounds: 0,
            calm_windows: 0,
            window_start_ns: 0,
            window_parked_ns: 0,
            spare: Spare::new(),
        }
    }

    /// At a tick: measures the window that ends now and decides about the next.
    pub(crate) fn look<'a>(&mut self, own: &Load, loads: impl Iterator<Item = &'a Load>) {
        let (now_ns, parked_ns) = (own.now_ns(), own.parked_ns.load(Relaxed));
        let window_ns = now_ns.saturating_sub(self.window_start_ns).max(1);
        let idle_ns = (parked_ns - self.window_parked_ns).min(window_ns);
        (self.window_start_ns, self.window_parked_ns) = (now_ns, parked_ns);
        let busy_permille = ((window_ns - idle_ns) * 1000 / window_ns) as u32;
        own.busy_permille.store(busy_permille, Relaxed);
        let has_spare = if busy_permille >= OVERLOADED_PERMILLE {
            self.spare.look() == Some(true)
        } else {
            self.spare.forget();
            false
        };
        self.decide(has_spare, &loads.map(Load::share).collect::<Vec<_>>());
    }

    fn decide(&mut self, has_spare: bool, shares: &[Share]) {
        // The window after a round measures what the round did: it is not judged twice.
        let was_round = self.round.take().is_some();
        let Some(own) = shares.get(self.core).filter(|own| !was_round && own.connections > 0) else { return };
        let busy = own.busy_permille;
        let others = || (0..shares.len()).filter(|&core| core != self.core);
        self.calm_windows += 1;
        if busy >= OVERLOADED_PERMILLE && own.connections > 1 {
            self.calm_windows = 0;
            let idlest = others().min_by_key(|&core| shares[core].busy_permille);
            let has_time = |core: &usize| has_spare && shares[*core].busy_permille + RELIEF_PERMILLE <= busy;
            if let Some(core) = idlest.filter(has_time) {
                let difference = u64::from(busy - shares[core].busy_permille);
                self.begin(core, WHOLE * difference / (2 * u64::from(busy)));
            }
            return;
        }
        let earlier = others().take_while(|&core| core < self.core);
        let joined =
            earlier.map(|core| (core, shares[core].busy_permille + busy)).find(|(_, sum)| *sum < TOGETHER_PERMILLE);
        match joined {
            Some((core, _)) if self.calm_windows >= CALM_WINDOWS => self.begin(core, WHOLE),
            Some(_) => {}
            None => self.calm_windows = 0,
        }
    }

    fn begin(&mut self, target: usize, share: u64) {
        self.calm_windows = 0;
        self.rounds += 1;
        self.round = Some(Round { target, share, salt: self.rounds });
    }

    /// The core that a connection goes to after a turn of so many nanoseconds; None: it stays.
    #[inline]
    pub(crate) fn target(&self, id: u64, turn_ns: u64) -> Option<usize> {
        if turn_ns > LONG_TURN_NS {
            let last = self.cores - 1;
            return (self.core != last).then_some(last);
        }
        // The same answer for each turn of a round, so that those who stay are not asked until they go.
        let draw = |round: &Round| (id ^ round.salt << 32).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48;
        self.round.filter(|round| draw(round) < round.share).map(|round| round.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(of: &[(u32, usize)]) -> Vec<Share> {
        of.iter().map(|&(busy_permille, connections)| Share { busy_permille, connections }).collect()
    }

    fn moved(placement: &Placement) -> usize {
        (1..=1000).filter(|&id| placement.target(id, 0).is_some()).count()
    }

    #[test]
    fn new_connections_fill_one_core_after_the_other() {
        assert_eq!(choose(&shares(&[(0, 0), (0, 0)])), Some(0));
        assert_eq!(choose(&shares(&[(790, 500), (0, 0)])), Some(0));
        assert_eq!(choose(&shares(&[(810, 5), (300, 9)])), Some(1));
        assert_eq!(choose(&shares(&[(990, 5), (850, 9), (990, 4)])), Some(2));
    }

    #[test]
    fn an_overloaded_core_gives_half_to_an_idle_one_and_then_waits_for_the_effect() {
        let mut placement = Placement::new(0, 2);
        placement.decide(true, &shares(&[(990, 50), (0, 0)]));
        let first: Vec<u64> = (1..=1000).filter(|&id| placement.target(id, 0) == Some(1)).collect();
        assert!((450..=550).contains(&first.len()), "{}", first.len());
        placement.decide(true, &shares(&[(990, 50), (0, 0)]));
        assert_eq!(moved(&placement), 0);
        placement.decide(true, &shares(&[(990, 50), (0, 0)]));
        let second: Vec<u64> = (1..=1000).filter(|&id| placement.target(id, 0) == Some(1)).collect();
        assert_ne!(first, second);
    }

    #[test]
    fn all_busy_cores_keep_what_they_have() {
        for others in [(900, 1), (990, 50)] {
            let mut placement = Placement::new(0, 2);
            placement.decide(true, &shares(&[(990, 50), others]));
            assert_eq!(moved(&placement), 0);
        }
        let mut alone = Placement::new(0, 1);
        alone.decide(true, &shares(&[(1000, 50)]));
        assert_eq!((moved(&alone), alone.target(1, u64::MAX)), (0, None));
    }

    #[test]
    fn without_time_to_spare_all_stay() {
        let mut placement = Placement::new(0, 2);
        placement.decide(false, &shares(&[(990, 50), (0, 0)]));
        assert_eq!(moved(&placement), 0);
    }

    #[test]
    fn a_single_connection_stays_however_busy() {
        let mut placement = Placement::new(0, 2);
        placement.decide(true, &shares(&[(1000, 1), (0, 0)]));
        assert_eq!(moved(&placement), 0);
    }

    #[test]
    fn two_calm_cores_become_one_after_a_while() {
        let mut placement = Placement::new(1, 2);
        for window in 1..CALM_WINDOWS {
            placement.decide(true, &shares(&[(200, 9), (100, 3)]));
            assert_eq!(moved(&placement), 0, "{window}");
        }
        placement.decide(true, &shares(&[(200, 9), (100, 3)]));
        assert_eq!((moved(&placement), placement.target(7, 0)), (1000, Some(0)));
        // Not while one of the windows was not calm.
        let mut placement = Placement::new(1, 2);
        for _ in 0..5 {
            (1..CALM_WINDOWS).for_each(|_| placement.decide(true, &shares(&[(200, 9), (100, 3)])));
            placement.decide(true, &shares(&[(200, 9), (400, 3)]));
            assert_eq!(moved(&placement), 0);
        }
        // The first core has nowhere to go.
        let mut first = Placement::new(0, 2);
        (0..50).for_each(|_| first.decide(true, &shares(&[(100, 9), (100, 3)])));
        assert_eq!(moved(&first), 0);
    }

    #[test]
    fn long_turns_go_to_the_last_core() {
        let placement = Placement::new(0, 4);
        assert_eq!(placement.target(1, LONG_TURN_NS + 1), Some(3));
        assert_eq!(placement.target(1, LONG_TURN_NS), None);
        assert_eq!(Placement::new(3, 4).target(1, LONG_TURN_NS + 1), None);
    }
}
