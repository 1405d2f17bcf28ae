//! What is kept over a restart, and what operators ask.

use super::{Connection, Denied, Event, Lease, Leases, Mode, Obstacle, Request, Token};
use crate::pattern::Pattern;

impl Leases {
    /// Puts a lease in as it was told by a log or a file; tokens go on behind it. What it meets of others has ended, or
    /// it would not have been given.
    pub fn restore(&mut self, lease: Lease) {
        self.last_token = self.last_token.max(lease.token);
        self.remove(lease.token);
        let asked = Request {
            mode: lease.mode,
            patterns: lease.patterns.clone(),
            connection: u64::MAX,
            user: lease.user.clone(),
            name: lease.holder.name().map(Into::into),
            ttl_ms: None,
            wait_until_ms: None,
        };
        let ended: Vec<Token> = self.leases_against(&asked).map(|(lease, _)| lease.token).collect();
        ended.into_iter().for_each(|token| self.end(token, None));
        self.insert(lease);
        self.untold.clear();
    }

    /// A log told that a lease is over.
    pub fn restore_end(&mut self, token: Token) {
        self.last_token = self.last_token.max(token);
        self.end(token, None);
        self.untold.clear();
    }

    /// Tokens go on behind this one.
    pub fn restore_last_token(&mut self, token: Token) {
        self.last_token = self.last_token.max(token);
    }

    /// A lease by its token.
    pub fn get(&self, token: Token) -> Option<&Lease> {
        self.leases.get(&token)
    }

    /// Ends a lease, whosever it is; those who act for it have lost it. What follows for others.
    pub fn revoke(&mut self, token: Token, now_ms: i64) -> Result<Vec<Event>, Denied> {
        if !self.leases.contains_key(&token) {
            return Err(Denied::NoSuchLease(token));
        }
        self.end(token, None);
        Ok(self.serve(now_ms))
    }

    /// The tokens that changed hands or deadlines since the last call: of leases under names, and of all that were given.
    pub fn take_untold(&mut self) -> impl Iterator<Item = Token> + use<> {
        std::mem::take(&mut self.untold).into_iter()
    }

    /// Whether a connection waits.
    pub fn is_waiting(&self, connection: Connection) -> bool {
        self.waiting.contains_key(&connection)
    }

    /// Whether a connection may write all keys of a pattern, or of all patterns.
    pub fn may_write_all(&self, connection: Connection, pattern: Option<&Pattern>, now_ms: i64) -> Result<(), Denied> {
        let met = |lease: &Lease| {
            let meets = |held: &&Pattern| pattern.is_none_or(|pattern| held.overlap(pattern).is_some());
            lease.patterns.iter().find(meets).cloned()
        };
        let tokens: Vec<Token> = match pattern {
            Some(pattern) => self.prefixes.near(pattern).collect(),
            None => self.leases.keys().copied().collect(),
        };
        for lease in tokens.iter().filter_map(|token| self.leases.get(token)) {
            let is_his = lease.mode == Mode::Own && lease.attached.contains(&connection);
            if is_his || lease.deadline_ms.is_some_and(|at| at <= now_ms) {
                continue;
            }
            if let Some(held) = met(lease) {
                let by = Obstacle::of(lease, &held, now_ms);
                return Err(if lease.mode == Mode::Own { Denied::Owned(by) } else { Denied::Borrowed(by) });
            }
        }
        Ok(())
    }
}
