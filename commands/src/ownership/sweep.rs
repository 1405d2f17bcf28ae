//! Keys go: those that are owed, and those that INVALIDATE names.

use keyspace::change::Interest;
use keyspace::keys::Keys;
use ownership::{Graph, Keys as Gone, Pattern};
use std::ops::ControlFlow;
use std::sync::atomic::Ordering::Relaxed;

use super::{INVALIDATED, Owed, has_all};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::node::Node;
use crate::node::core::Core;
use crate::node::tick::on_table;
use crate::publish;
use crate::wake::Ready;

/// Keys that go under one lock: others wait for no more than these.
const SLICE: usize = 64;

/// What becomes of a value that goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It is gone for good.
    Gone,
    /// CLAIM may show it for a while, where its pattern says so.
    Stale,
}

/// Removes a key that another one took along; whether it was there. Its shard is locked.
pub(super) fn remove(node: &Node, keys: &mut Keys<'_>, bytes: &[u8], fate: Fate) -> bool {
    let (key, db) = (keys.key(bytes), keys.db_index());
    if node.ownership.keeps_stale.load(Relaxed) {
        super::claims::put_aside(node, keys, &key, fate);
    }
    node.ownership.members.set((node.space.shard_of(key.hash), db), bytes, false);
    if !keys.remove(&key) {
        return false;
    }
    keys.tally.dirty += 1;
    keys.tally.effects.push(db, [&b"UNLINK"[..], bytes].into_iter());
    keys.went_along(&key, INVALIDATED);
    node.count_invalidated(bytes);
    true
}

/// What a step over one shard's keys of a pattern does.
struct Step<'p> {
    pattern: &'p Pattern,
    is_listed: bool,
    fate: Fate,
    /// The last key of the step before.
    after: Option<Box<[u8]>>,
}

impl Step<'_> {
    /// Removes some keys of the locked shard; how many, and whether there may be more.
    fn run(&mut self, node: &Node, keys: &mut Keys<'_>, shard: usize) -> (usize, bool) {
        let names = names(node, keys, shard, self, SLICE);
        let removed = names.iter().filter(|name| remove(node, keys, name, self.fate)).count();
        let is_full = names.len() == SLICE;
        self.after = names.into_iter().last();
        (removed, is_full && self.is_listed)
    }
}

/// Keys of a pattern in a locked shard: some of those that are listed, or all that a walk finds.
fn names(node: &Node, keys: &Keys<'_>, shard: usize, step: &Step<'_>, limit: usize) -> Vec<Box<[u8]>> {
    let pattern = step.pattern;
    if step.is_listed {
        return node.ownership.members.some((shard, keys.db_index()), pattern, step.after.as_deref(), limit);
    }
    let mut found = Vec::new();
    if let Some(table) = keys.table() {
        table.dict().for_each(|record| {
            let key = table.entry_of(record).key();
            if pattern.matches(key) {
                found.push(key.into());
            }
        });
    }
    found
}

/// Does what is owed, before the reply of what owes it.
#[cold]
pub(crate) fn settle_owed(node: &Node, core: &mut Core, ready: &mut Ready, actor: u64) {
    core.own.settle_aftermath(node);
    settle_sweeps(node, core, ready, actor);
    core.own.tell_gone(node);
}

fn settle_sweeps(node: &Node, core: &mut Core, ready: &mut Ready, actor: u64) {
    loop {
        let owed = std::mem::take(&mut *core.own.owed.borrow_mut());
        if owed.is_empty() {
            return;
        }
        let mut left = Vec::new();
        for it in owed {
            match sweep(node, core, &it, ready, actor) {
                ControlFlow::Continue(()) => core.own.note_gone(node, it.db, &it.keys),
                ControlFlow::Break(()) => left.push(it),
            }
        }
        if !left.is_empty() {
            // A script holds shards for so long that everybody is told BUSY: it is done when that is over.
            core.own.owed.borrow_mut().extend(left);
            return;
        }
    }
}

fn sweep(node: &Node, core: &mut Core, owed: &Owed, ready: &mut Ready, actor: u64) -> ControlFlow<()> {
    let pattern = match &owed.keys {
        Gone::One(key) => {
            let place = (node.space.shard_of(node.space.hash(key)), owed.db);
            let done = on_table(node, core, place, |keys| Some(remove(node, keys, key, Fate::Stale)));
            return if done.is_some() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
        }
        Gone::Matching(pattern) => pattern,
    };
    for shard in 0..node.space.shards() {
        let mut step = Step { pattern, is_listed: owed.is_listed, fate: Fate::Stale, after: None };
        loop {
            let Some((removed, more)) =
                on_table(node, core, (shard, owed.db), |keys| Some(step.run(node, keys, shard)))
            else {
                return ControlFlow::Break(());
            };
            if removed > 0 {
                publish::settle(node, core, ready, actor);
            }
            if !more {
                break;
            }
        }
    }
    ControlFlow::Continue(())
}

/// All that goes with some patterns, themselves first: each with the edge that leads to it and from which of these.
struct Plan {
    /// Which keys.
    keys: Gone,
    /// The edge, and the number of the one before; None: it was asked for.
    by: Option<(u32, usize)>,
    is_listed: bool,
}

fn plan(graph: &Graph, patterns: &[Pattern], cascades: bool) -> Vec<Plan> {
    let mut all = Vec::new();
    for pattern in patterns {
        let first = all.len();
        let keys = pattern.key().map_or_else(|| Gone::Matching(pattern.clone()), |key| Gone::One(key.into()));
        all.push(Plan { keys, by: None, is_listed: has_all(graph, pattern) });
        for it in if cascades { graph.cascade_of(pattern) } else { Vec::new() } {
            let before = it.after.map_or(first, |after| first + 1 + after as usize);
            let is_listed = graph.is_listed(&it);
            all.push(Plan { by: Some((it.edge, before)), is_listed, keys: it.keys });
        }
    }
    all
}

/// Removes all keys of some patterns, and what follows from them; how many went. The command locks nothing at first,
/// or, in a transaction, everything.
pub fn invalidate(ctx: &mut Ctx<'_>, patterns: &[Pattern], cascades: bool, fate: Fate) -> Result<usize> {
    super::may_remove(ctx, patterns)?;
    let (node, graph) = (ctx.node, ctx.node.ownership.graph());
    let (id, now_ms) = (ctx.client.shared.id, ctx.now_ms());
    let mut removed = 0;
    for it in plan(&graph, patterns, cascades) {
        super::claims::touched(node, &mut ctx.keys, &it.keys);
        if fate == Fate::Gone {
            super::claims::gone_for_good(node, &ctx.keys, &it.keys);
        }
        // A lease that was given in the meantime holds for each step.
        let asked = it.by.is_none().then(|| it.keys.pattern());
        let mut denied = None;
        visit(ctx, &it, fate, |keys, shard, step| {
            if node.space.interest() & Interest::LEASES.0 != 0 && asked.is_some() {
                denied = denied.take().or_else(|| node.leases().may_write_all(id, asked.as_ref(), now_ms).err());
                if denied.is_some() {
                    return false;
                }
            }
            let (count, more) = match step {
                Some(step) => step.run(node, keys, shard),
                None => match &it.keys {
                    Gone::One(key) => (usize::from(remove(node, keys, key, fate)), false),
                    Gone::Matching(_) => (0, false),
                },
            };
            removed += count;
            more
        });
        ctx.core.own.note_gone(node, ctx.keys.db_index(), &it.keys);
        if let Some(denied) = denied {
            ctx.no_words();
            return Err(Error::text(denied.to_string()));
        }
    }
    ctx.no_words();
    Ok(removed)
}

/// The keys that [`invalidate`] would remove, each with the edges that lead to it, the last one first.
pub fn would_go(ctx: &mut Ctx<'_>, patterns: &[Pattern]) -> Vec<(Box<[u8]>, Vec<u32>)> {
    let (node, graph) = (ctx.node, ctx.node.ownership.graph());
    let plan = plan(&graph, patterns, true);
    let mut found: Vec<(Box<[u8]>, Vec<u32>)> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for it in &plan {
        let mut path = Vec::new();
        let mut at = it;
        while let Some((edge, before)) = at.by {
            path.push(edge);
            at = &plan[before];
        }
        visit(ctx, it, Fate::Gone, |keys, shard, step| {
            let (names, more) = match (step, &it.keys) {
                (Some(step), _) => {
                    let names = names(node, keys, shard, step, SLICE);
                    step.after = names.last().cloned();
                    let more = step.is_listed && names.len() == SLICE;
                    (names, more)
                }
                (None, Gone::One(key)) => (vec![key.clone()], false),
                (None, Gone::Matching(_)) => (Vec::new(), false),
            };
            for name in names {
                if keys.peek(&keys.key(&name)).is_some() && seen.insert(name.clone()) {
                    found.push((name, path.clone()));
                }
            }
            more
        });
    }
    found
}

/// Visits the shards where keys of a plan may be, each again as long as `work` asks for it. What it did is a record of
/// its own, unless the whole transaction is one.
fn visit(
    ctx: &mut Ctx<'_>,
    it: &Plan,
    fate: Fate,
    mut work: impl FnMut(&mut Keys<'_>, usize, Option<&mut Step<'_>>) -> bool,
) {
    let node = ctx.node;
    let (shards, pattern) = match &it.keys {
        Gone::One(key) => {
            let shard = node.space.shard_of(node.space.hash(key));
            (shard..shard + 1, None)
        }
        Gone::Matching(pattern) => (0..node.space.shards(), Some(pattern)),
    };
    let is_alone = !ctx.keys.holds_all();
    for shard in shards {
        let mut step = pattern.map(|pattern| Step { pattern, is_listed: it.is_listed, fate, after: None });
        loop {
            let mut keys = ctx.keys.enter_shard(shard);
            if keys.tally.halted {
                return;
            }
            let more = work(&mut keys, shard, step.as_mut());
            if !is_alone {
                drop(keys);
            } else {
                let place = node.reserve_record(&mut keys);
                drop(keys);
                if let Some(place) = place {
                    ctx.client.last_place = place;
                    node.append_record(place, ctx.keys.tally);
                }
            }
            if !more {
                break;
            }
        }
    }
}
