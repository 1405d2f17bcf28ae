//! A user: whether he may sign in, with which passwords, and what he may do then.
//!
//! A user does not change; ACL SETUSER makes another one in his place, so that whoever holds one checks against a
//! whole set of rules.

use crate::commands::Commands;
use crate::password::Hash;
use crate::rule::{Grant, Rule, RuleError};
use crate::selector::{Denied, Request, Selector};

/// The user of connections that did not sign in.
pub const DEFAULT_USER: &[u8] = b"default";

/// See the module's head.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    name: Box<[u8]>,
    enabled: bool,
    /// Any password is right.
    no_password: bool,
    sanitize_payload: bool,
    passwords: Vec<Hash>,
    /// The user's own rules.
    root: Selector,
    /// What stands in parentheses.
    selectors: Vec<Selector>,
    /// Nothing is denied: no rule needs a look.
    unrestricted: bool,
}

impl User {
    /// One who may do nothing: off, without a password, (`all_channels`) with or without channels.
    pub fn new(name: &[u8], commands: &Commands, all_channels: bool) -> Self {
        Self {
            name: name.into(),
            enabled: false,
            no_password: false,
            sanitize_payload: true,
            passwords: Vec::new(),
            root: Selector::new(commands, all_channels),
            selectors: Vec::new(),
            unrestricted: false,
        }
    }

    /// The default user as a server without any rule has him: on, without a password, may do everything.
    pub fn new_default(commands: &Commands) -> Self {
        let mut user = Self::new(DEFAULT_USER, commands, true);
        user.enabled = true;
        user.no_password = true;
        for grant in [Grant::AllCommands(true), Grant::AllKeys] {
            // These two hold for any selector.
            let _ = user.root.apply(&grant, commands);
        }
        user.unrestricted = true;
        user
    }

    /// His name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Whether he may sign in.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Whether any password is right.
    pub fn needs_no_password(&self) -> bool {
        self.no_password
    }

    /// Whether connections are his without signing in, if he is the default user.
    pub fn is_open(&self) -> bool {
        self.enabled && self.no_password
    }

    /// Whether he may sign in with a password.
    pub fn accepts(&self, password: &[u8]) -> bool {
        let given = Hash::of(password);
        let is_right = self.passwords.iter().fold(false, |is_right, known| known.is(&given) | is_right);
        self.enabled && (self.no_password || is_right)
    }

    /// Whether nothing is denied to him.
    #[inline]
    pub fn is_unrestricted(&self) -> bool {
        self.unrestricted
    }

    /// Whether a request is granted by one of his selectors; else the denial that came closest.
    pub fn check(&self, request: &dyn Request) -> Result<(), Denied> {
        let mut closest = Denied::Command;
        for selector in self.all_selectors() {
            match selector.check(request) {
                Ok(()) => return Ok(()),
                Err(denied) => closest = closest.max(denied),
            }
        }
        Err(closest)
    }

    /// Whether one of his selectors lets him read keys of any name (SORT's BY and GET).
    pub fn reads_all_keys_with(&self, request: &dyn Request) -> bool {
        let mut granting = self.all_selectors().filter(|selector| selector.check(request).is_ok());
        granting.any(|selector| selector.allows_all_keys(crate::rule::Access::READ))
    }

    /// Whether one of his selectors lets him read a key.
    pub fn reads_key(&self, key: &[u8]) -> bool {
        self.all_selectors().any(|selector| selector.allows_key(key, crate::rule::Access::READ))
    }

    /// Whether one of his selectors lets him write a key.
    pub fn writes_key(&self, key: &[u8]) -> bool {
        self.all_selectors().any(|selector| selector.allows_key(key, crate::rule::Access::WRITE))
    }

    /// Patterns of keys that he owns, by any of his selectors.
    pub fn owns(&self) -> impl Iterator<Item = &[u8]> {
        self.all_selectors().flat_map(Selector::owns)
    }

    /// Patterns of keys that he may borrow.
    pub fn borrows(&self) -> impl Iterator<Item = &[u8]> {
        self.all_selectors().flat_map(Selector::borrows)
    }

    /// Whether a subscription may stay.
    pub fn allows_channel(&self, channel: &[u8], is_pattern: bool) -> bool {
        self.all_selectors().any(|selector| selector.allows_channel(channel, is_pattern))
    }

    /// Whether he was granted all channels that the other was granted, word for word.
    pub fn keeps_channels_of(&self, other: &Self) -> bool {
        let has_all = |user: &Self| user.all_selectors().any(|selector| selector.channel_patterns().is_none());
        let granted = |user: &Self| -> Vec<Box<[u8]>> {
            user.all_selectors().filter_map(Selector::channel_patterns).flatten().cloned().collect()
        };
        if has_all(self) {
            return true;
        }
        let own = granted(self);
        !has_all(other) && granted(other).iter().all(|pattern| own.contains(pattern))
    }

    fn all_selectors(&self) -> impl Iterator<Item = &Selector> {
        std::iter::once(&self.root).chain(&self.selectors)
    }

    /// Applies one rule; an empty word is none.
    pub fn apply(&mut self, word: &[u8], commands: &Commands, all_channels: bool) -> Result<(), RuleError> {
        if word.is_empty() {
            return Ok(());
        }
        match Rule::parse(word)? {
            Rule::On => self.enabled = true,
            Rule::Off => self.enabled = false,
            Rule::NoPass => {
                self.no_password = true;
                self.passwords.clear();
            }
            Rule::ResetPass => {
                self.no_password = false;
                self.passwords.clear();
            }
            Rule::SanitizePayload => self.sanitize_payload = true,
            Rule::SkipSanitizePayload => self.sanitize_payload = false,
            Rule::AddPassword(password) => self.add_password(Hash::of(password)),
            Rule::AddHash(hash) => self.add_password(Hash::parse(hash).ok_or(RuleError::BadHash)?),
            Rule::RemovePassword(password) => self.remove_password(Hash::of(password))?,
            Rule::RemoveHash(hash) => self.remove_password(Hash::parse(hash).ok_or(RuleError::BadHash)?)?,
            Rule::Reset => *self = Self::new(&self.name, commands, all_channels),
            Rule::ClearSelectors => self.selectors.clear(),
            Rule::Selector(inner) => {
                let mut selector = Selector::new(commands, all_channels);
                for word in inner.split(|&byte| byte == b' ').filter(|word| !word.is_empty()) {
                    selector.apply(&Grant::parse(word)?, commands)?;
                }
                self.selectors.push(selector);
            }
            Rule::Grant(grant) => self.root.apply(&grant, commands)?,
        }
        self.unrestricted = self.root.is_unrestricted();
        Ok(())
    }

    /// Makes one password the only one; None: any is right. What `requirepass` does to the default user.
    pub fn set_only_password(&mut self, password: Option<&[u8]>) {
        self.passwords = password.map(Hash::of).into_iter().collect();
        self.no_password = password.is_none();
    }

    fn add_password(&mut self, hash: Hash) {
        if !self.passwords.contains(&hash) {
            self.passwords.push(hash);
        }
        self.no_password = false;
    }

    fn remove_password(&mut self, hash: Hash) -> Result<(), RuleError> {
        let place = self.passwords.iter().position(|known| *known == hash).ok_or(RuleError::NoSuchPassword)?;
        self.passwords.remove(place);
        Ok(())
    }

    /// His flags, as ACL GETUSER lists them.
    pub fn flags(&self) -> impl Iterator<Item = &'static str> {
        let password = self.no_password.then_some("nopass");
        let payload = if self.sanitize_payload { "sanitize-payload" } else { "skip-sanitize-payload" };
        [Some(if self.enabled { "on" } else { "off" }), password, Some(payload)].into_iter().flatten()
    }

    /// His passwords' hashes.
    pub fn passwords(&self) -> &[Hash] {
        &self.passwords
    }

    /// His own rules.
    pub fn root(&self) -> &Selector {
        &self.root
    }

    /// His rules in parentheses.
    pub fn selectors(&self) -> &[Selector] {
        &self.selectors
    }

    /// All of him as rules, from his name on, as ACL LIST shows them and files keep them.
    pub fn describe(&self) -> Vec<u8> {
        let mut line = self.name.to_vec();
        for flag in self.flags() {
            line.push(b' ');
            line.extend_from_slice(flag.as_bytes());
        }
        for hash in &self.passwords {
            line.extend_from_slice(b" #");
            line.extend_from_slice(hash.to_hex().as_bytes());
        }
        line.push(b' ');
        self.root.describe(&mut line);
        for selector in &self.selectors {
            line.extend_from_slice(b" (");
            selector.describe(&mut line);
            line.push(b')');
        }
        line
    }
}
