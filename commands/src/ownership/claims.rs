//! CLAIM and FILL: one producer for a missing value, and no value that was computed before its sources changed.
//!
//! # Invariants
//! - A claim is given while the shard of its key is locked. From then on every change of the key, or of anything that it
//!   derives from, ends it under the locks of the change: what is filled was begun after the last one.
//! - Old values stand aside only while their pattern says so; a write of the key, or its end for good, throws them away.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use keyspace::change::{Change, Classes, Event, Interest};
use keyspace::keys::{Key, Keys};
use ownership::{Claim, Claims, Keys as Gone};
use parking_lot::Mutex;

use super::Fate;
use crate::ctx::Ctx;
use crate::error::{Error, Otherwise, Result, Wait};
use crate::node::Node;
use crate::node::core::Core;
use crate::reply;
use crate::wake::{self, Ready};

/// A claim ended without its key having changed: those who wait for it look again. Clients hear of no such event.
const GIVEN_UP: Event = Event::new(Classes(0), "given_up");
const SET_EVENT: Event = Event::new(Classes::STRING, "set");
/// Bytes of old values that stand aside.
const ASIDE_BYTES_MAX: usize = 64 << 20;

/// What all cores share.
pub(super) struct Production {
    state: Mutex<State>,
    /// When something ends by itself next.
    next_deadline_ms: AtomicI64,
}

impl Default for Production {
    fn default() -> Self {
        Self { state: Mutex::default(), next_deadline_ms: AtomicI64::new(i64::MAX) }
    }
}

#[derive(Default)]
struct State {
    claims: Claims,
    aside: Aside,
    ended: Ended,
}

/// The keys of claims that a change ended lately, to count for which patterns values are refused.
#[derive(Default)]
struct Ended {
    keys: HashMap<u64, Box<[u8]>>,
    order: VecDeque<u64>,
}

/// So many of them.
const ENDED_MAX: usize = 10_000;

impl Ended {
    fn note(&mut self, claims: &[Claim]) {
        for claim in claims {
            self.keys.insert(claim.token, claim.key.clone());
            self.order.push_back(claim.token);
            if self.order.len() > ENDED_MAX
                && let Some(token) = self.order.pop_front()
            {
                self.keys.remove(&token);
            }
        }
    }
}

type DbKey = (usize, Box<[u8]>);

/// Old values that may still be shown.
#[derive(Default)]
struct Aside {
    /// With the time until when.
    values: HashMap<DbKey, (Box<[u8]>, i64)>,
    deadlines: BTreeSet<(i64, usize, Box<[u8]>)>,
    bytes: usize,
}

impl Aside {
    fn put(&mut self, db: usize, key: &[u8], value: Box<[u8]>, until_ms: i64) {
        self.remove(db, key);
        self.bytes += key.len() + value.len();
        self.deadlines.insert((until_ms, db, key.into()));
        self.values.insert((db, key.into()), (value, until_ms));
        while self.bytes > ASIDE_BYTES_MAX {
            let Some((_, db, key)) = self.deadlines.first().cloned() else { return };
            self.remove(db, &key);
        }
    }

    fn remove(&mut self, db: usize, key: &[u8]) {
        if let Some((value, until_ms)) = self.values.remove(&(db, key.into())) {
            self.bytes -= key.len() + value.len();
            self.deadlines.remove(&(until_ms, db, key.into()));
        }
    }

    fn get(&self, db: usize, key: &[u8], now_ms: i64) -> Option<&[u8]> {
        let (value, until_ms) = self.values.get(&(db, key.into()))?;
        (*until_ms > now_ms).then_some(value)
    }

    fn remove_where(&mut self, is_it: impl Fn(usize, &[u8]) -> bool) {
        let met: Vec<_> = self.values.keys().filter(|(db, key)| is_it(*db, key)).cloned().collect();
        met.into_iter().for_each(|(db, key)| self.remove(db, &key));
    }

    fn advance(&mut self, now_ms: i64) {
        while let Some((at, db, key)) = self.deadlines.first().filter(|(at, ..)| *at <= now_ms).cloned() {
            debug_assert!(at <= now_ms);
            self.remove(db, &key);
        }
    }
}

impl Production {
    fn change<T>(&self, node: &Node, work: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock();
        let answer = work(&mut state);
        let is_idle = state.claims.is_empty() && state.aside.values.is_empty();
        if is_idle != (node.space.interest() & Interest::CLAIMS.0 == 0) {
            node.space.set_interest(Interest::CLAIMS, !is_idle);
        }
        let aside = state.aside.deadlines.first().map(|(at, ..)| *at);
        let next_ms = state.claims.next_deadline_ms().into_iter().chain(aside).min();
        self.next_deadline_ms.store(next_ms.unwrap_or(i64::MAX), SeqCst);
        answer
    }

    /// A database is another one now: nobody produces for it.
    pub(super) fn forget(&self, db: usize) -> Vec<Claim> {
        let mut state = self.state.lock();
        state.aside.remove_where(|other, _| other == db);
        state.claims.touch_all(db)
    }

    /// Claims that hold, and values that stand aside with their bytes.
    pub(super) fn figures(&self) -> (usize, usize, usize) {
        let state = self.state.lock();
        (state.claims.iter().count(), state.aside.values.len(), state.aside.bytes)
    }

    /// Tokens go on behind this one.
    pub(super) fn begin_tokens(&self, token: u64) {
        self.state.lock().claims.restore_last_token(token);
    }
}

/// Lets those look again who wait for what somebody no longer produces.
pub(super) fn wake(node: &Node, keys: &mut Keys<'_>, given_up: Vec<Claim>) {
    for Claim { space: db, key, .. } in given_up {
        if node.blocking.is_awaited(db, &key) {
            keys.tally.changes.push(Change { db, event: GIVEN_UP, key, modified: true });
        }
    }
}

/// A key was written or is gone; its shard is locked. Who waits for it hears of the change itself.
pub(super) fn written(node: &Node, keys: &Keys<'_>, key: &[u8]) {
    let db = keys.db_index();
    node.ownership.production.change(node, |state| {
        state.aside.remove(db, key);
        let ended = state.claims.touch_key(db, key);
        state.ended.note(ended.as_slice());
    });
}

/// Keys go because of a change.
pub(super) fn touched(node: &Node, keys: &mut Keys<'_>, gone: &Gone) {
    if node.space.interest() & Interest::CLAIMS.0 != 0 {
        let db = keys.db_index();
        let given_up = node.ownership.production.change(node, |state| {
            let ended = state.claims.touch(db, gone);
            state.ended.note(&ended);
            ended
        });
        wake(node, keys, given_up);
    }
}

/// Keys are gone for good, also those that went a while ago.
pub(super) fn gone_for_good(node: &Node, keys: &Keys<'_>, gone: &Gone) {
    if node.space.interest() & Interest::CLAIMS.0 == 0 {
        return;
    }
    let own = keys.db_index();
    let is_it = |db: usize, key: &[u8]| {
        db == own
            && match gone {
                Gone::One(one) => **one == *key,
                Gone::Matching(pattern) => pattern.matches(key),
            }
    };
    node.ownership.production.change(node, |state| state.aside.remove_where(is_it));
}

/// Keeps the value of a key that is about to go, if its patterns say so.
#[cold]
pub(super) fn put_aside(node: &Node, keys: &Keys<'_>, key: &Key<'_>, fate: Fate) {
    let db = keys.db_index();
    if fate == Fate::Gone {
        node.ownership.production.change(node, |state| state.aside.remove(db, key.bytes));
        return;
    }
    let Some(stale_ms) = node.ownership.graph().attributes(key.bytes).stale_ms else { return };
    let Some(value) = keys.peek(key).and_then(|slot| Some(Box::from(&*keys.string_at(key, slot).ok()?))) else {
        return;
    };
    let until_ms = keys.now.unix_ms.saturating_add_unsigned(stale_ms);
    node.ownership.production.change(node, |state| state.aside.put(db, key.bytes, value, until_ms));
}

/// By the clock: producers that took too long give up, and old values go.
pub(crate) fn look_after_claims(node: &Node, core: &mut Core) {
    let (production, now_ms) = (&node.ownership.production, core.now.unix_ms);
    if production.next_deadline_ms.load(SeqCst) > now_ms {
        return;
    }
    let given_up = production.change(node, |state| {
        state.aside.advance(now_ms);
        state.claims.advance(now_ms)
    });
    let mut ready = Ready::default();
    given_up.iter().for_each(|claim| ready.note(node, claim.space, &claim.key));
    wake::serve(node, core, ready);
}

/// What CLAIM found when there is no value.
pub enum Claimed {
    /// The client is the producer.
    Fill(u64),
    /// Somebody is, and this was there before.
    Stale(Box<[u8]>),
    /// Somebody is.
    Miss,
}

impl Claimed {
    /// Writes it: state, value, token.
    pub(crate) fn write(&self, out: &mut resp::Writer) {
        out.array(3);
        match self {
            Self::Fill(token) => {
                out.bulk(b"FILL");
                out.null();
                out.int(*token as i64);
            }
            Self::Stale(value) => {
                out.bulk(b"STALE");
                out.bulk(value);
                out.null();
            }
            Self::Miss => {
                out.bulk(b"MISS");
                out.null();
                out.null();
            }
        }
    }
}

/// CLAIM: the key's shard is locked.
pub fn claim(ctx: &mut Ctx<'_>, key: &Key<'_>, ttl_ms: i64, wait_ms: Option<i64>) -> Result<()> {
    if let Some(text) = ctx.keys.string(key)? {
        ctx.out.array(3);
        ctx.out.bulk(b"HIT");
        reply::text(ctx.out, text);
        ctx.out.null();
        return Ok(());
    }
    let (node, db, now_ms) = (ctx.node, ctx.keys.db_index(), ctx.now_ms());
    let may_fill = may_fill(ctx, key.bytes);
    let (claimed, given_up) = node.ownership.production.change(node, |state| {
        let given_up = state.claims.advance(now_ms);
        let claimed = match (state.claims.of(db, key.bytes), &may_fill) {
            (None, Ok(())) => state.claims.claim(db, key.bytes, ttl_ms, now_ms).ok().map(Claimed::Fill),
            _ => state.aside.get(db, key.bytes, now_ms).map(|value| Claimed::Stale(value.into())),
        };
        (claimed.unwrap_or(Claimed::Miss), given_up)
    });
    wake(node, &mut ctx.keys, given_up);
    let figures = &node.ownership.figures;
    match &claimed {
        Claimed::Fill(_) => drop(figures.claims.fetch_add(1, Relaxed)),
        Claimed::Stale(_) => drop(figures.stale_shown.fetch_add(1, Relaxed)),
        Claimed::Miss => {
            may_fill?;
            if let Some(ms) = wait_ms {
                let until_ms = match ms {
                    0 => None,
                    ms => Some(now_ms.checked_add(ms).ok_or(Error::Plain("ERR timeout is out of range"))?),
                };
                return Err(Error::Wait(Wait { until_ms, otherwise: Otherwise::Miss }));
            }
        }
    }
    claimed.write(ctx.out);
    Ok(())
}

/// Whether the client may write a key that no request declares.
fn may_fill(ctx: &Ctx<'_>, key: &[u8]) -> Result<()> {
    super::owners::may_write(ctx, key)?;
    if ctx.node.space.interest() & Interest::LEASES.0 != 0 {
        let denied = ctx.node.leases().may_write(ctx.client.shared.id, key, ctx.now_ms());
        denied.map_err(|denied| Error::text(denied.to_string()))?;
    }
    super::limits::may_write(ctx, key).map_err(Error::text)
}

/// FILL: nothing is locked, or, in a transaction, everything. The deadline is that of the value.
pub fn fill(ctx: &mut Ctx<'_>, token: u64, value: &[u8], deadline_ms: Option<i64>) -> Result<()> {
    let (node, production) = (ctx.node, &ctx.node.ownership.production);
    let refused = |refusal: ownership::Refusal| {
        node.ownership.figures.refused_fills.fetch_add(1, Relaxed);
        if let Some(key) = production.state.lock().ended.keys.get(&token) {
            let graph = node.ownership.graph();
            node.ownership.tallies.add_of_key(&graph, key, |counts| &counts.refused_fills);
        }
        Error::text(refusal.to_string())
    };
    let now_ms = ctx.now_ms();
    let check = |state: &mut State| {
        let given_up = state.claims.advance(now_ms);
        (state.claims.check(token).cloned(), given_up)
    };
    let (claim, given_up) = production.change(node, check);
    wake(node, &mut ctx.keys, given_up);
    let Claim { space: db, key, .. } = claim.map_err(refused)?;
    if !ctx.client.user.writes_key(&key) {
        return Err(Error::Plain("NOPERM No permissions to access a key"));
    }
    let deadline_ms = super::limits::of_fill(node, &key, value, deadline_ms, now_ms).map_err(Error::text)?;
    may_fill(ctx, &key)?;
    let (own, is_alone) = (ctx.core.own, !ctx.keys.holds_all());
    let mut keys = ctx.keys.enter_shard(node.space.shard_of(node.space.hash(&key)));
    if keys.tally.halted {
        return Ok(());
    }
    keys.select(db);
    // Its source may have changed before the shard was locked.
    production.change(node, |state| state.claims.check(token).map(drop)).map_err(refused)?;
    let before = keys.tally.changes.len();
    let key = keys.key(&key);
    keys.set_string(&key, value, deadline_ms);
    keys.changed(&key, SET_EVENT);
    match deadline_ms.map(|at| at.to_string()) {
        Some(at) => keys.tally.effects.push(db, [b"SET", key.bytes, value, b"PXAT", at.as_bytes()].into_iter()),
        None => keys.tally.effects.push(db, [&b"SET"[..], key.bytes, value].into_iter()),
    }
    super::follow(node, own, &mut keys, before);
    if is_alone && let Some(place) = node.reserve_record(&mut keys) {
        drop(keys);
        ctx.client.last_place = place;
        node.append_record(place, ctx.keys.tally);
    } else {
        drop(keys);
    }
    ctx.no_words();
    node.ownership.figures.fills.fetch_add(1, Relaxed);
    Ok(())
}
