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
    /// In which of several spaces of keys.
    pub space: usize,
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
    /// By space, then by key.
    by_key: Vec<HashMap<Box<[u8]>, u64>>,
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
    pub fn of(&self, space: usize, key: &[u8]) -> Option<&Claim> {
        self.by_token.get(self.by_key.get(space)?.get(key)?)
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
    pub fn claim(&mut self, space: usize, key: &[u8], ttl_ms: i64, now_ms: i64) -> Result<u64, &Claim> {
        if self.by_key.len() <= space {
            self.by_key.resize_with(space + 1, HashMap::new);
        }
        if let Some(token) = self.by_key[space].get(key) {
            return Err(&self.by_token[token]);
        }
        self.last_token += 1;
        let (token, deadline_ms) = (self.last_token, now_ms.saturating_add(ttl_ms));
        self.prefixes.insert(&crate::pattern::Pattern::of_key(key), token);
        self.by_key[space].insert(key.into(), token);
        self.deadlines.insert((deadline_ms, token));
        self.by_token.insert(token, Claim { token, space, key: key.into(), deadline_ms });
        Ok(token)
    }

    /// What a token may fill. The claim stays until the key is written.
    pub fn check(&self, token: u64) -> Result<&Claim, Refusal> {
        match self.by_token.get(&token) {
            Some(claim) => Ok(claim),
            None if (1..=self.last_token).contains(&token) => Err(Refusal::Stale(token)),
            None => Err(Refusal::Unknown(token)),
        }
    }

    /// Ends a claim.
    pub fn end(&mut self, token: u64) -> Option<Claim> {
        let claim = self.by_token.remove(&token)?;
        self.by_key[claim.space].remove(&claim.key);
        self.prefixes.remove(&crate::pattern::Pattern::of_key(&claim.key), token);
        self.deadlines.remove(&(claim.deadline_ms, token));
        Some(claim)
    }

    /// Keys were written or are gone: whoever produces them began too early.
    pub fn touch(&mut self, space: usize, keys: &Keys) -> Vec<Claim> {
        match keys {
            Keys::One(key) => self.touch_key(space, key).into_iter().collect(),
            Keys::Matching(pattern) => {
                let is_met = |claim: &Claim| claim.space == space && pattern.matches(&claim.key);
                let near = self.prefixes.near(pattern);
                let tokens: Vec<u64> = near.filter(|token| is_met(&self.by_token[token])).collect();
                tokens.into_iter().filter_map(|token| self.end(token)).collect()
            }
        }
    }

    /// As `touch`, of one key.
    pub fn touch_key(&mut self, space: usize, key: &[u8]) -> Option<Claim> {
        let token = *self.by_key.get(space)?.get(key)?;
        self.end(token)
    }

    /// As `touch`, of all keys of a space.
    pub fn touch_all(&mut self, space: usize) -> Vec<Claim> {
        let tokens: Vec<u64> = self.by_key.get(space).into_iter().flat_map(|keys| keys.values().copied()).collect();
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
        assert_eq!(claims.claim(0, b"k", CLAIM_MS, 0), Ok(1));
        assert_eq!(claims.claim(0, b"k", CLAIM_MS, 1).map_err(|claim| claim.token), Err(1));
        assert_eq!(claims.claim(0, b"l", CLAIM_MS, 1), Ok(2));
        assert_eq!(claims.check(1).map(|claim| &*claim.key), Ok(&b"k"[..]));
        assert!(claims.advance(CLAIM_MS - 1).is_empty());
        assert_eq!(claims.advance(CLAIM_MS).iter().map(|claim| claim.token).collect::<Vec<_>>(), [1]);
        assert_eq!(claims.check(1), Err(Refusal::Stale(1)));
        assert_eq!(claims.claim(0, b"k", CLAIM_MS, CLAIM_MS), Ok(3));
        assert_eq!(claims.check(9), Err(Refusal::Unknown(9)));
    }

    #[test]
    fn who_began_before_a_write_fills_nothing() {
        let mut claims = Claims::default();
        for key in ["page:1", "page:2", "cart:1"] {
            claims.claim(0, key.as_bytes(), 100, 0).expect("nobody claims it");
        }
        assert_eq!(claims.touch(0, &Keys::One(b"page:1"[..].into())).len(), 1);
        assert_eq!(claims.claim(0, b"page:1", 100, 1), Ok(4), "somebody may begin anew");
        let all = Keys::Matching(Pattern::parse(b"page:*").expect("a pattern"));
        assert_eq!(claims.touch(0, &all).len(), 2);
        assert_eq!(claims.check(1), Err(Refusal::Stale(1)));
        assert_eq!(claims.check(2), Err(Refusal::Stale(2)));
        assert_eq!(claims.check(3).map(|claim| &*claim.key), Ok(&b"cart:1"[..]));
        assert_eq!(claims.end(3).map(|claim| claim.token), Some(3));
        assert!(claims.is_empty() && claims.advance(1000).is_empty());
        claims.claim(3, b"page:1", 100, 1).expect("another space, another key");
        claims.claim(0, b"page:1", 100, 1).expect("nobody claims it here");
        assert_eq!(claims.touch_all(3).len(), 1);
        assert!(claims.of(3, b"page:1").is_none() && claims.of(0, b"page:1").is_some());
    }
}
