//! The declaration of one setting.
//!
//! A `Spec` is a constant: rows are written as `Spec::new(..)` followed by what departs from the common case,
//! which is a setting that CONFIG SET may change and that is stored without effect.

use crate::kind::{Kind, Word};
use crate::store::Shape;

/// Who may change a setting, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// CONFIG SET changes it.
    Live,
    /// Only the configuration file and the command line set it.
    AtStart,
    /// CONFIG SET changes it where `enable-protected-configs` allows the caller to.
    Protected,
}

/// Whether a setting governs this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The server acts on it.
    Works,
    /// Accepted, checked, kept and reported, so that existing files and tools work; nothing reads it.
    Stored,
}

/// One setting as declared in the table.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// The name in redis.conf and CONFIG GET.
    pub name: &'static str,
    /// Older names of the same setting; CONFIG GET answers to each.
    pub aliases: &'static [&'static str],
    /// The default, written as in redis.conf.
    pub default: &'static str,
    /// What it does, for people.
    pub doc: &'static str,
    /// Who may change it.
    pub change: Change,
    /// Whether it governs this server.
    pub effect: Effect,
    /// Its value is a secret: keep it out of logs, MONITOR and SLOWLOG.
    pub sensitive: bool,
    /// CONFIG GET answers to its full name only, never to a pattern.
    pub hidden: bool,
    /// Redis has none of this name. CONFIG GET answers to its full name only: who sets all that a pattern found must
    /// meet nothing but what he knows.
    pub own: bool,
    /// CONFIG SET refuses it while a data set is being loaded.
    pub deny_loading: bool,
    pub(crate) kind: Kind,
    /// What the getter's type can hold; a test compares it with the kind.
    #[cfg_attr(not(test), allow(dead_code))]
    pub(crate) shape: Shape,
}

impl Spec {
    pub(crate) const fn new(
        name: &'static str,
        doc: &'static str,
        default: &'static str,
        kind: Kind,
        shape: Shape,
    ) -> Self {
        Self {
            name,
            aliases: &[],
            default,
            doc,
            change: Change::Live,
            effect: Effect::Stored,
            sensitive: false,
            hidden: false,
            own: false,
            deny_loading: false,
            kind,
            shape,
        }
    }

    pub(crate) const fn works(mut self) -> Self {
        self.effect = Effect::Works;
        self
    }

    pub(crate) const fn at_start(mut self) -> Self {
        self.change = Change::AtStart;
        self
    }

    pub(crate) const fn protected(mut self) -> Self {
        self.change = Change::Protected;
        self
    }

    pub(crate) const fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    pub(crate) const fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    pub(crate) const fn own(mut self) -> Self {
        self.own = true;
        self
    }

    pub(crate) const fn deny_loading(mut self) -> Self {
        self.deny_loading = true;
        self
    }

    pub(crate) const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// The default as the words of a line.
    pub(crate) fn default_words(&self) -> Vec<Word> {
        if self.kind.takes_words() {
            return self.default.split_ascii_whitespace().map(Word::from).collect();
        }
        vec![self.default.into()]
    }

    /// The setting's name and its aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }
}
