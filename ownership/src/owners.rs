//! Who owns keys: the `own~` and `borrow~` rules of all users together.
//!
//! Invariant: no key is owned by two users.

use std::fmt;

use crate::index::{Found, Index};
use crate::pattern::{Pattern, shown};
use crate::prefix::Prefixes;

/// A user's name.
pub type User = Box<[u8]>;

/// One rule of one user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Owned {
    /// Whose.
    pub user: User,
    /// Which keys.
    pub pattern: Pattern,
}

/// The `own~` rules of all users.
#[derive(Debug, Default)]
pub struct Owners {
    rules: Vec<Owned>,
    index: Index,
}

/// Two users own the same key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conflict {
    /// The rule that came later.
    pub new: Owned,
    /// The rule that it meets.
    pub known: Owned,
    /// A key of both.
    pub witness: Vec<u8>,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { new, known, witness } = self;
        let (new_user, known_user, key) = (shown(&new.user), shown(&known.user), shown(witness));
        write!(
            f,
            "ownership conflict: {} of {known_user} overlaps {} of {new_user}, e.g. {key}",
            known.pattern, new.pattern
        )
    }
}

/// A key that belongs to somebody else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotOwner<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Whose it is, and by which pattern.
    pub owner: &'a Owned,
}

impl fmt::Display for NotOwner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, owner } = self;
        write!(f, "key '{}' is owned by {} (pattern {})", shown(key), shown(&owner.user), owner.pattern)
    }
}

impl Owners {
    /// All rules together, or the first two that meet. Rules of one user may meet.
    pub fn new(rules: Vec<Owned>) -> Result<Self, Box<Conflict>> {
        let mut prefixes = Prefixes::default();
        for (number, new) in rules.iter().enumerate() {
            for known in prefixes.near(&new.pattern).map(|id| &rules[id as usize]).filter(|it| it.user != new.user) {
                if let Some(witness) = known.pattern.overlap(&new.pattern) {
                    return Err(Box::new(Conflict { new: new.clone(), known: known.clone(), witness }));
                }
            }
            prefixes.insert(&new.pattern, number as u64);
        }
        let index = Index::new(rules.iter().map(|rule| &rule.pattern));
        Ok(Self { rules, index })
    }

    /// Whether nobody owns anything.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whose a key is; None: nobody's.
    #[inline]
    pub fn owner_of(&self, key: &[u8]) -> Option<&Owned> {
        let mut found = Found::new();
        self.index.matches(key, &mut found);
        found.first().map(|&id| &self.rules[id as usize])
    }

    /// A rule of somebody else that meets a pattern; None: any of somebody else.
    pub fn met_by(&self, user: &[u8], pattern: Option<&Pattern>) -> Option<&Owned> {
        let is_met = |rule: &&Owned| pattern.is_none_or(|pattern| rule.pattern.overlap(pattern).is_some());
        self.rules.iter().filter(|rule| *rule.user != *user).find(is_met)
    }

    /// Whether a user may write a key.
    #[inline]
    pub fn may_write<'a>(&'a self, user: &[u8], key: &'a [u8]) -> Result<(), NotOwner<'a>> {
        match self.owner_of(key) {
            Some(owner) if *owner.user != *user => Err(NotOwner { key, owner }),
            _ => Ok(()),
        }
    }
}

/// Whether rules allow a lease on all keys of a pattern: one of them covers it. Where that cannot be found out in time
/// they do not.
pub fn allows_lease(rules: &[Pattern], lease: &Pattern) -> bool {
    rules.iter().any(|rule| rule.covers(lease))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(user: &str, pattern: &str) -> Owned {
        Owned { user: user.as_bytes().into(), pattern: Pattern::parse(pattern.as_bytes()).expect("sound") }
    }

    #[test]
    fn conflicts_are_shown_with_a_key() {
        let rules = vec![owned("svc-users", "user:<id>"), owned("svc-import", "user:4?")];
        let conflict = Owners::new(rules).expect_err("they overlap");
        let text = "ownership conflict: user:<id> of svc-users overlaps user:4? of svc-import, e.g. user:4a";
        assert_eq!(conflict.to_string(), text);
        assert!(Owners::new(vec![owned("a", "user:*"), owned("a", "user:4?"), owned("b", "users:*")]).is_ok());
    }

    #[test]
    fn only_owners_write() {
        let owners = Owners::new(vec![owned("svc-users", "user:<id>")]).expect("one user");
        assert!(owners.may_write(b"svc-users", b"user:42").is_ok());
        assert!(owners.may_write(b"web", b"page:42").is_ok());
        let refusal = owners.may_write(b"web", b"user:42").expect_err("it belongs to somebody");
        assert_eq!(refusal.to_string(), "key 'user:42' is owned by svc-users (pattern user:<id>)");
    }

    #[test]
    fn leases_stay_within_rules() {
        let rule = |text: &str| Pattern::parse(text.as_bytes()).expect("sound");
        assert!(allows_lease(&[rule("a:*"), rule("b")], &rule("a:<x>")));
        assert!(!allows_lease(&[rule("a:<x>"), rule("b")], &rule("a:*")));
    }
}
