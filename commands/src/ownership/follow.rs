//! Under the locks of a change: what follows from it.

use keyspace::change::{Change, Event, Interest};
use keyspace::keys::Keys;
use ownership::{Found, Graph, Keys as Gone, Trigger};
use std::sync::atomic::Ordering::Relaxed;

use super::{INVALIDATED, Owed, Own};
use crate::client::Origin;
use crate::ctx::Ctx;
use crate::node::Node;

/// What is done with a change.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    /// It takes others along.
    Originate,
    /// What goes is told by the log.
    Replay,
}

/// After a command, whose shards are still locked: `from` is where its changes begin.
#[cold]
pub(crate) fn follow_call(ctx: &mut Ctx<'_>, from: usize) {
    let role = if ctx.origin == Origin::Log { Role::Replay } else { Role::Originate };
    follow_as(ctx.node, ctx.core.own, &mut ctx.keys, from, role);
}

/// After keys went by themselves.
#[cold]
pub(crate) fn follow(node: &Node, own: &Own, keys: &mut Keys<'_>, from: usize) {
    follow_as(node, own, keys, from, Role::Originate);
}

fn follow_as(node: &Node, own: &Own, keys: &mut Keys<'_>, from: usize, role: Role) {
    if keys.tally.flushed && keys.holds_all() {
        forget_flushed(node, keys);
    }
    if keys.tally.changes.len() == from {
        return;
    }
    let (graph, selected) = (own.graph(node), keys.db_index());
    let mut changes = std::mem::take(&mut keys.tally.changes);
    for change in changes[from..].iter().filter(|change| change.modified) {
        if change.db != keys.db_index() {
            keys.select(change.db);
        }
        follow_one(node, own, &graph, keys, change, role);
    }
    if keys.db_index() != selected {
        keys.select(selected);
    }
    changes.append(&mut keys.tally.changes);
    keys.tally.changes = changes;
}

fn forget_flushed(node: &Node, keys: &mut Keys<'_>) {
    let selected = keys.db_index();
    for db in 0..node.space.databases() {
        keys.select(db);
        if keys.tables().all(|table| table.is_empty()) {
            node.ownership.members.clear(db);
            let given_up = node.ownership.production.forget(db);
            super::claims::wake(node, keys, given_up);
        }
    }
    keys.select(selected);
}

fn follow_one(node: &Node, own: &Own, graph: &Graph, keys: &mut Keys<'_>, change: &Change, role: Role) {
    let key = keys.key(&change.key);
    if !keys.holds(key.hash) {
        return;
    }
    let is_there = keys.peek(&key).is_some();
    let is_of_time = is_there && is_of_time_only(change.event);
    let has_claims = node.space.interest() & Interest::CLAIMS.0 != 0;
    if has_claims && !is_of_time && change.event != INVALIDATED {
        super::claims::written(node, keys, key.bytes);
    }
    let mut found = Found::new();
    graph.matches(&change.key, &mut found);
    if found.is_empty() {
        return;
    }
    if found.iter().any(|&id| graph.node(id).goes_as_a_whole()) {
        node.ownership.members.set((node.space.shard_of(key.hash), change.db), key.bytes, is_there);
    }
    if !is_of_time && change.event != INVALIDATED && role == Role::Originate {
        node.ownership.tallies.add(&found, 1, |counts| &counts.writes);
    }
    if role == Role::Replay || change.event == INVALIDATED || is_of_time {
        return;
    }
    let trigger = if is_there { Trigger::Written } else { Trigger::Gone };
    let consequences = graph.cascade_found(&found, key.bytes, trigger);
    if consequences.is_empty() {
        return;
    }
    node.ownership.figures.triggers.fetch_add(1, Relaxed);
    for it in consequences {
        if has_claims {
            super::claims::touched(node, keys, &it.keys);
        }
        let is_listed = graph.is_listed(&it);
        take_along(node, own, keys, it.keys, is_listed);
    }
}

/// The value is what it was.
fn is_of_time_only(event: Event) -> bool {
    event == Event::EXPIRE || event.name == "persist"
}

fn take_along(node: &Node, own: &Own, keys: &mut Keys<'_>, gone: Gone, is_listed: bool) {
    let db = keys.db_index();
    match &gone {
        Gone::One(bytes) => {
            let key = keys.key(bytes);
            if keys.holds(key.hash) {
                own.note_gone(node, db, &gone);
                super::sweep::remove(node, keys, bytes, super::Fate::Stale);
                return;
            }
            keys.tally.effects.push(db, [&b"UNLINK"[..], bytes].into_iter());
        }
        Gone::Matching(pattern) => {
            node.ownership.figures.sweeps.fetch_add(1, Relaxed);
            // An option is none behind a pattern's backslash.
            keys.tally.effects.push(db, [&b"INVALIDATE"[..], pattern.text(), b"NOCASCADE"].into_iter());
        }
    }
    own.owe(Owed { db, keys: gone, is_listed });
}
