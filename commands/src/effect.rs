//! How handlers say what their requests did, where the requests' own words would not do the same again: because they
//! depend on the time, on chance, or on what was there.

use keyspace::packed::IntText;
use smallvec::SmallVec;

use crate::ctx::Ctx;
use crate::request::Request;
use crate::spec::flag;

/// A word of an effect.
#[derive(Clone, Copy)]
pub(crate) enum Word<'a> {
    /// As it stands.
    Bytes(&'a [u8]),
    /// In decimal.
    Int(i64),
}

impl<'a> From<&'a [u8]> for Word<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a> From<&'a str> for Word<'a> {
    fn from(text: &'a str) -> Self {
        Self::Bytes(text.as_bytes())
    }
}

impl From<i64> for Word<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<usize> for Word<'_> {
    fn from(number: usize) -> Self {
        Self::Int(number as i64)
    }
}

/// Says an effect in place of the request's own words: `effect!(ctx, "PEXPIREAT", key.bytes, deadline_ms)`. The words
/// are looked at only when somebody wants effects.
macro_rules! effect {
    ($ctx:expr, $($word:expr),+ $(,)?) => {
        if $ctx.wants_effects() {
            $ctx.say(&[$($crate::effect::Word::from($word)),+]);
        }
    };
}
pub(crate) use effect;

impl Ctx<'_> {
    /// Whether somebody wants to know what requests do.
    #[inline]
    pub(crate) fn wants_effects(&self) -> bool {
        self.keys.tally.effects.is_on()
    }

    /// Adds an effect in the selected database; the request's own words are none any more.
    pub(crate) fn say(&mut self, words: &[Word<'_>]) {
        let mut numbers: SmallVec<[IntText; 4]> = words.iter().map(|_| IntText::default()).collect();
        let spelled = words.iter().zip(&mut numbers).map(|(word, text)| match word {
            Word::Bytes(bytes) => bytes,
            Word::Int(number) => text.spell(*number),
        });
        let db = self.keys.db_index();
        self.keys.tally.effects.push(db, spelled);
        self.keys.tally.effects.suppress_words();
    }

    /// As `say`: a name with words of the request.
    pub(crate) fn say_with<'w>(&mut self, name: &'static str, words: impl Iterator<Item = &'w [u8]>) {
        if self.wants_effects() {
            let words: SmallVec<[Word<'w>; 16]> =
                std::iter::once(name.as_bytes()).chain(words).map(Word::Bytes).collect();
            self.say(&words);
        }
    }

    /// As `say`, for modules.
    pub fn say_words(&mut self, words: &[&[u8]]) {
        if self.wants_effects() {
            let words: SmallVec<[Word<'_>; 16]> = words.iter().copied().map(Word::Bytes).collect();
            self.say(&words);
        }
    }

    /// The request's own words are not its effect: it has none, or has said it.
    pub fn no_words(&mut self) {
        self.keys.tally.effects.suppress_words();
    }

    /// The request's own words are its effect though they changed nothing.
    pub(crate) fn say_own_words(&mut self) {
        if self.wants_effects() {
            let request = self.request;
            push_own_words(self, &request);
            self.keys.tally.effects.suppress_words();
        }
    }

    /// What has to go because its time is over goes with this word.
    pub(crate) fn removal_of_expired(&self) -> &'static str {
        if self.node.settings.lazyfree_lazy_expire() { "UNLINK" } else { "DEL" }
    }
}

/// After a handler: its request's own words are the effect if it changed something and said nothing else.
pub(crate) fn conclude(ctx: &mut Ctx<'_>, request: &Request<'_>, dirty_before: u64) {
    let tally = &*ctx.keys.tally;
    if tally.dirty != dirty_before && !tally.effects.is_said() && request.row.command.has(flag::WRITE) {
        push_own_words(ctx, request);
    }
}

fn push_own_words(ctx: &mut Ctx<'_>, request: &Request<'_>) {
    let (db, effects) = (ctx.client.db, &mut ctx.keys.tally.effects);
    match request.raw() {
        Some(raw) => effects.push_raw(db, raw),
        None => effects.push(db, request.words()),
    }
}
