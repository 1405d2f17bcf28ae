//! The effects of commands about streams: ids that the time made, entries that a group handed out, and trimming that
//! depends on how entries are kept.

use keyspace::keys::Key;
use keyspace::packed::IntText;
use keyspace::stream::{Group, Id, IdText, Keep, Trim};
use smallvec::SmallVec;

use crate::ctx::Ctx;

/// A pending entry as it is after a command, with the consumer that has it.
pub(super) struct Claim {
    id: Id,
    delivered_ms: i64,
    deliveries: u64,
    /// Where the group was then.
    last_id: Id,
    consumer: SmallVec<[u8; 32]>,
}

/// What a command did to a group. Nothing is collected unless effects are wanted.
#[derive(Default)]
pub(super) struct GroupEffects {
    is_wanted: bool,
    claims: Vec<Claim>,
    /// A consumer that came into being.
    pub(super) is_new_consumer: bool,
    /// The group's place, where it moved on by itself.
    place: Option<(Id, Option<i64>)>,
}

impl GroupEffects {
    pub(super) fn new(is_wanted: bool) -> Self {
        Self { is_wanted, ..Self::default() }
    }

    /// Takes note of a pending entry.
    pub(super) fn claim(&mut self, group: &Group, id: Id) {
        if let Some(pending) = group.pending(id).filter(|_| self.is_wanted) {
            self.claims.push(Claim {
                id,
                delivered_ms: pending.delivered_ms,
                deliveries: pending.deliveries,
                last_id: group.last_id,
                consumer: group[pending.consumer()].name().into(),
            });
        }
    }

    /// Takes note of where the group is.
    pub(super) fn moved(&mut self, group: &Group) {
        self.place = Some((group.last_id, group.entries_read));
    }

    /// Whether no pending entry changed.
    pub(super) fn is_without_claims(&self) -> bool {
        self.claims.is_empty()
    }

    /// Says it all; the command's own words are not its effect.
    pub(super) fn say(&self, ctx: &mut Ctx, key: &Key, group: &[u8], consumer: &[u8]) {
        ctx.no_words();
        if !self.is_wanted {
            return;
        }
        if self.is_new_consumer && !self.claims.iter().any(|claim| *claim.consumer == *consumer) {
            ctx.say_with("XGROUP", [&b"CREATECONSUMER"[..], key.bytes, group, consumer].into_iter());
        }
        let (mut id, mut last_id) = (IdText::default(), IdText::default());
        let (mut time, mut count) = (IntText::default(), IntText::default());
        for claim in &self.claims {
            let head = [key.bytes, group, &claim.consumer, b"0", id.spell(claim.id)];
            let state =
                [&b"TIME"[..], time.spell(claim.delivered_ms), b"RETRYCOUNT", count.spell(claim.deliveries as i64)];
            let tail = [&b"FORCE"[..], b"JUSTID", b"LASTID", last_id.spell(claim.last_id)];
            ctx.say_with("XCLAIM", head.into_iter().chain(state).chain(tail));
        }
        if let Some((place, entries_read)) = self.place {
            let head = [&b"SETID"[..], key.bytes, group, id.spell(place)];
            let read = [&b"ENTRIESREAD"[..], count.spell(entries_read.unwrap_or(-1))];
            ctx.say_with("XGROUP", head.into_iter().chain(read));
        }
    }
}

/// Says XADD or XTRIM with an exact place to trim to, and with the id that the entry got at the `id_at`-th word.
pub(super) fn say_exact(
    ctx: &mut Ctx,
    name: &'static str,
    id_at: Option<(usize, Id)>,
    trim: Option<&Trim>,
    (len, first_id): (u64, Id),
) {
    let (mut id_text, mut first, mut count) = (IdText::default(), IdText::default(), IntText::default());
    let threshold = match trim.map(|trim| trim.keep) {
        Some(Keep::Newest(_)) => count.spell(len as i64),
        _ => first.spell(first_id),
    };
    let is_approximate = trim.is_some_and(|trim| trim.is_approximate);
    let options_end = id_at.map_or(usize::MAX, |(at, _)| at);
    let mut words: SmallVec<[&[u8]; 16]> = SmallVec::new();
    let mut request = ctx.request.words().enumerate().skip(1);
    let mut spelled = None;
    if let Some((at, id)) = id_at {
        spelled = Some((at, id_text.spell(id)));
    }
    while let Some((at, word)) = request.next() {
        let is = |token: &str| at < options_end && at > 1 && word.eq_ignore_ascii_case(token.as_bytes());
        if is_approximate && is("~") {
            let given = request.next().map_or(threshold, |(_, word)| word);
            // Nothing is left, where the place that was asked for says so exactly.
            words.extend([&b"="[..], if len == 0 { given } else { threshold }]);
        } else if is_approximate && is("LIMIT") {
            // There is nothing left that would have to be limited.
            request.next();
        } else {
            words.push(spelled.take_if(|(id_at, _)| *id_at == at).map_or(word, |(_, text)| text));
        }
    }
    ctx.say_with(name, words.into_iter());
}
