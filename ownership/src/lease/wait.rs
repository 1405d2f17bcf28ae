//! The queue: first come, first served, and no circle of waiters.

use std::collections::BTreeSet;

use super::{Answer, Connection, Denied, Event, Holder, Lease, Leases, Request};

/// One who waits.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) request: Request,
}

impl Leases {
    pub(super) fn wait(&mut self, request: Request, now_ms: i64) -> Answer {
        let connection = request.connection;
        // Nobody waits for one who holds nothing and came last.
        let holds = self.acting.contains_key(&connection);
        self.last_waiter += 1;
        let number = self.last_waiter;
        self.waiters.insert(number, Waiter { request });
        self.waiting.insert(connection, number);
        if holds && self.stuck().contains(&number) {
            self.waiters.remove(&number);
            self.waiting.remove(&connection);
            return Answer::Denied(Denied::Deadlock);
        }
        debug_assert!(now_ms < i64::MAX);
        Answer::Waits
    }

    /// Grants to all who can be served, in their order.
    pub(super) fn serve(&mut self, now_ms: i64) -> Vec<Event> {
        let mut events = Vec::new();
        let mut numbers: Vec<u64> = self.waiters.keys().copied().collect();
        numbers.retain(|number| {
            let waiter = &self.waiters[number];
            if self.obstacle(&waiter.request, *number, now_ms).is_some() {
                return true;
            }
            let Some(Waiter { request }) = self.waiters.remove(number) else { return false };
            let connection = request.connection;
            self.waiting.remove(&connection);
            events.push(Event::Granted(connection, self.grant(request, now_ms)));
            false
        });
        // A lease that was granted may close a circle among those who still wait.
        if !events.is_empty() && self.waiting.keys().any(|connection| self.acting.contains_key(connection)) {
            while let Some(&youngest) = self.stuck().last() {
                let Some(Waiter { request }) = self.waiters.remove(&youngest) else { break };
                self.waiting.remove(&request.connection);
                events.push(Event::Denied(request.connection, Denied::Deadlock));
            }
        }
        events
    }

    /// Those who wait for each other only: whom nobody could ever serve who is not one of them.
    fn stuck(&self) -> BTreeSet<u64> {
        let mut stuck: BTreeSet<u64> = self.waiters.keys().copied().collect();
        loop {
            let before = stuck.len();
            // In their order: whoever comes later finds those before him gone already.
            for number in self.waiters.keys() {
                if stuck.contains(number) && self.can_be_served(*number, &stuck) {
                    stuck.remove(number);
                }
            }
            if stuck.len() == before {
                return stuck;
            }
        }
    }

    fn can_be_served(&self, number: u64, stuck: &BTreeSet<u64>) -> bool {
        let request = &self.waiters[&number].request;
        let goes_on =
            |connection: &Connection| self.waiting.get(connection).is_none_or(|number| !stuck.contains(number));
        let can_end = |lease: &Lease| match lease.holder {
            Holder::Connection(connection) => goes_on(&connection),
            Holder::Name { .. } => lease.attached.is_empty() || lease.attached.iter().any(goes_on),
        };
        self.leases_against(request).all(|(lease, _)| can_end(lease))
            && self.waiters_against(request, number).all(|(earlier, _)| !stuck.contains(&earlier))
    }
}
