//! Claims: one producer for a missing value, and no value that was computed before its sources changed.
//!
//! Invariant: for a key one claim holds at most, and one whose key or source changed holds no more.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use crate::graph::Keys;
use crate::prefix::Prefixes;

/// How long a producer has, when he does not say.
pub const CLAIM_MS: i64 = 5000;

/// A claim that holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// Its token.
    pub token: u64,
    /// The key.
    pub key: Box<[u8]>,
    /// When it ends by itself, unix milliseconds.
    pub deadline_ms: i64,
}

/// Why a fill is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The key or a source was written, or the claim's time is over.
    Stale(u64),
    /// No such token was ever given.
    Unknown(u64),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale(token) => write!(
                f,
                "STALEFILL claim {token} holds no more: the key or something that it derives from was written since, or \
                 its time is over"
            ),
            Self::Unknown(token) => write!(f, "ERR no such claim: {token}"),
        }
    }
}

/// See the module's head.
#[derive(Debug, Default)]
pub struct Claims {
    last_token: u64,
    by_token: BTreeMap<u64, Claim>,
    by_key: HashMap<Box<[u8]>, u64>,
    prefixes: Prefixes,
    deadlines: BTreeSet<(i64, u64)>,
}

impl Claims {
    /// Whether nobody produces anything.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.by_token.is_empty()
    }

    /// The claim that holds for a key. Call [`Claims::advance`] before.
    pub fn of(&self, key: &[u8]) -> Option<&Claim> {
        self.by_token.get(self.by_key.get(key)?)
    }

    /// The claims that hold.
    pub fn iter(&self) -> impl Iterator<Item = &Claim> {
        self.by_token.values()
    }

    /// The last token that was given.
    pub fn last_token(&self) -> u64 {
        self.last_token
    }

    /// Tokens go on behind this one.
    pub fn restore_last_token(&mut self, token: u64) {
        self.last_token = self.last_token.max(token);
    }

    /// Makes somebody the producer of a key that nobody claims; his token.
    pub fn claim(&mut self, key: &[u8], ttl_ms: i64, now_ms: i64) -> Result<u64, &Claim> {
        if let Some(token) = self.by_key.get(key) {
            return Err(&self.by_token[token]);
        }
        self.last_token += 1;
        let (token, deadline_ms) = (self.last_token, now_ms.saturating_add(ttl_ms));
        self.prefixes.insert(&crate::pattern::Pattern::of_key(key), token);
        self.by_key.insert(key.into(), token);
        self.deadlines.insert((deadline_ms, token));
        self.by_token.insert(token, Claim { token, key: key.into(), deadline_ms });
        Ok(token)
    }

    /// The key that a token may fill. The claim stays until the key is written.
    pub fn check(&self, token: u64) -> Result<&[u8], Refusal> {
        match self.by_token.get(&token) {
            Some(claim) => Ok(&claim.key),
            None if (1..=self.last_token).contains(&token) => Err(Refusal::Stale(token)),
            None => Err(Refusal::Unknown(token)),
        }
    }

    /// Ends a claim.
    pub fn end(&mut self, token: u64) -> Option<Claim> {
        let claim = self.by_token.remove(&token)?;
        self.by_key.remove(&claim.key);
        self.prefixes.remove(&crate::pattern::Pattern::of_key(&claim.key), token);
        self.deadlines.remove(&(claim.deadline_ms, token));
        Some(claim)
    }

    /// Keys were written or are gone: whoever produces them began too early.
    pub fn touch(&mut self, keys: &Keys) -> Vec<Claim> {
        let tokens: Vec<u64> = match keys {
            Keys::One(key) => self.by_key.get(key).copied().into_iter().collect(),
            Keys::Matching(pattern) => {
                let near = self.prefixes.near(pattern);
                near.filter(|token| pattern.matches(&self.by_token[token].key)).collect()
            }
        };
        tokens.into_iter().filter_map(|token| self.end(token)).collect()
    }

    /// When the next claim ends by itself.
    pub fn next_deadline_ms(&self) -> Option<i64> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Time goes on: the claims of producers that took too long end.
    pub fn advance(&mut self, now_ms: i64) -> Vec<Claim> {
        let mut over = Vec::new();
        while let Some(&(at, token)) = self.deadlines.first()
            && at <= now_ms
        {
            over.extend(self.end(token));
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::Pattern;

    #[test]
    fn one_produces_and_others_wait() {
        let mut claims = Claims::default();
        assert_eq!(claims.claim(b"k", CLAIM_MS, 0), Ok(1));
        assert_eq!(claims.claim(b"k", CLAIM_MS, 1).map_err(|claim| claim.token), Err(1));
        assert_eq!(claims.claim(b"l", CLAIM_MS, 1), Ok(2));
        assert_eq!(claims.check(1), Ok(&b"k"[..]));
        assert!(claims.advance(CLAIM_MS - 1).is_empty());
        assert_eq!(claims.advance(CLAIM_MS).iter().map(|claim| claim.token).collect::<Vec<_>>(), [1]);
        assert_eq!(claims.check(1), Err(Refusal::Stale(1)));
        assert_eq!(claims.claim(b"k", CLAIM_MS, CLAIM_MS), Ok(3));
        assert_eq!(claims.check(9), Err(Refusal::Unknown(9)));
    }

    #[test]
    fn who_began_before_a_write_fills_nothing() {
        let mut claims = Claims::default();
        for key in ["page:1", "page:2", "cart:1"] {
            claims.claim(key.as_bytes(), 100, 0).expect("nobody claims it");
        }
        assert_eq!(claims.touch(&Keys::One(b"page:1"[..].into())).len(), 1);
        assert_eq!(claims.claim(b"page:1", 100, 1), Ok(4), "somebody may begin anew");
        let all = Keys::Matching(Pattern::parse(b"page:*").expect("a pattern"));
        assert_eq!(claims.touch(&all).len(), 2);
        assert_eq!((claims.check(1), claims.check(2)), (Err(Refusal::Stale(1)), Err(Refusal::Stale(2))));
        assert_eq!(claims.check(3), Ok(&b"cart:1"[..]));
        assert_eq!(claims.end(3).map(|claim| claim.token), Some(3));
        assert!(claims.is_empty() && claims.advance(1000).is_empty());
    }
}
