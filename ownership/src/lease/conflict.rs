//! Who stands in whose way.

use super::{Denied, Holder, Lease, Leases, Mode, Obstacle, Request, Token};
use crate::pattern::Pattern;

impl Leases {
    /// What keeps a request that stands at `place` in the queue (`u64::MAX`: behind everybody) from being granted.
    pub(super) fn obstacle(&self, request: &Request, place: u64, now_ms: i64) -> Option<Denied> {
        if let Some((lease, pattern)) = self.leases_against(request).next() {
            let by = Obstacle::of(lease, pattern, now_ms);
            return Some(if lease.mode == Mode::Own { Denied::Owned(by) } else { Denied::Borrowed(by) });
        }
        self.waiters_against(request, place).next().map(|(number, pattern)| {
            let waiter = &self.waiters[&number].request;
            let holder = match &waiter.name {
                Some(name) => Holder::Name { user: waiter.user.clone(), name: name.clone() },
                None => Holder::Connection(waiter.connection),
            };
            let left_ms = waiter.wait_until_ms.filter(|&until| until < i64::MAX).map(|until| (until - now_ms).max(0));
            Denied::Awaited(Obstacle { holder, pattern: pattern.clone(), left_ms })
        })
    }

    /// Leases of others that a request meets.
    pub(super) fn leases_against<'a>(
        &'a self,
        request: &'a Request,
    ) -> impl Iterator<Item = (&'a Lease, &'a Pattern)> + 'a {
        request.patterns.iter().flat_map(move |wanted| {
            let mut tokens: Vec<Token> = self.prefixes.near(wanted).collect();
            tokens.sort_unstable();
            tokens.dedup();
            tokens.into_iter().filter_map(move |token| {
                let lease = self.leases.get(&token)?;
                if !exclude(lease.mode, request.mode) || is_his(lease, request) {
                    return None;
                }
                lease.patterns.iter().find(|held| held.overlap(wanted).is_some()).map(|held| (lease, held))
            })
        })
    }

    /// Those who wait before a place for what a request meets, unless they wait for the one who asks: he would wait
    /// for himself.
    pub(super) fn waiters_against<'a>(
        &'a self,
        request: &'a Request,
        place: u64,
    ) -> impl Iterator<Item = (u64, &'a Pattern)> + 'a {
        self.waiters.range(..place).filter_map(move |(&number, waiter)| {
            let other = &waiter.request;
            if !exclude(other.mode, request.mode) || other.connection == request.connection {
                return None;
            }
            let wanted = |held: &&Pattern| request.patterns.iter().any(|wanted| held.overlap(wanted).is_some());
            let met = other.patterns.iter().find(wanted)?;
            let waits_for_him = self.leases_against(other).any(|(lease, _)| is_his(lease, request));
            (!waits_for_him).then_some((number, met))
        })
    }
}

/// Rust's rule.
fn exclude(one: Mode, other: Mode) -> bool {
    one == Mode::Own || other == Mode::Own
}

/// Whether a lease is held by the one who asks.
fn is_his(lease: &Lease, request: &Request) -> bool {
    let is_name = |holder: &Holder| match (holder, &request.name) {
        (Holder::Name { user, name }, Some(asked)) => name == asked && *user == request.user,
        _ => false,
    };
    lease.attached.contains(&request.connection) || is_name(&lease.holder)
}
