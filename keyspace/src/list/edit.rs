//! Changes that are not at an end: replace, insert, remove by value, trim.

use super::limits::Limits;
use super::node::{End, Needle, Node};
use super::{List, Repr, capture, release_spare};
use crate::snapshot::CaptureSlot;
use std::collections::VecDeque;

/// Where an element goes, seen from its pivot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Towards the head.
    Before,
    /// Towards the tail.
    After,
}

impl List {
    /// Replaces the element at an index, negative from the tail; `false` when there is none.
    ///
    /// As in Redis the encoding is adapted to the value before the index is looked at.
    pub fn set(&mut self, index: i64, value: &[u8], limits: Limits) -> bool {
        self.adapt_to(value.len(), 1, limits);
        let Some(index) = self.resolve(index) else {
            return false;
        };
        let (at, within) = self.locate(index);
        if self.capture.is_some() {
            self.keep_around(at);
        }
        match &mut self.repr {
            Repr::Listpack(node) => node.replace(node.range_of(within), value),
            Repr::Quicklist { nodes, .. } => replace_at(nodes, at, within, value, limits),
        }
        self.settle(limits);
        true
    }

    /// Inserts `value` beside the first element that equals `pivot`; `false` when none does.
    ///
    /// As in Redis the encoding is adapted to the value before the pivot is looked for.
    pub fn insert(&mut self, side: Side, pivot: &[u8], value: &[u8], limits: Limits) -> bool {
        self.adapt_to(value.len(), 1, limits);
        let needle = Needle::new(pivot);
        let after = usize::from(side == Side::After);
        let Self { repr, capture } = self;
        match repr {
            Repr::Listpack(node) => {
                let Some(index) = node.find(&needle) else {
                    return false;
                };
                node.insert(node.offset_of(index + after), value);
            }
            Repr::Quicklist { nodes, len } => {
                let found = nodes.iter().enumerate().find_map(|(at, node)| Some((at, node.find(&needle)?)));
                let Some((at, index)) = found else {
                    return false;
                };
                if capture.is_some() {
                    capture::keep_around(capture, nodes, at);
                }
                insert_at(nodes, at, index + after, value, limits);
                *len += 1;
            }
        }
        true
    }

    /// Removes elements that equal `value` and returns how many: the first `count` from the head,
    /// the first `-count` from the tail, or all of them for 0.
    pub fn remove(&mut self, count: i64, value: &[u8], limits: Limits) -> usize {
        let needle = Needle::new(value);
        let most = if count == 0 { usize::MAX } else { usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX) };
        if self.capture.is_some() {
            self.keep_matches(&needle);
        }
        let removed = match &mut self.repr {
            Repr::Listpack(node) => remove_from(std::iter::once(node), &needle, most, count < 0),
            Repr::Quicklist { nodes, len } => {
                let removed = if count < 0 {
                    remove_from(nodes.iter_mut().rev(), &needle, most, true)
                } else {
                    remove_from(nodes.iter_mut(), &needle, most, false)
                };
                *len -= removed;
                if removed > 0 {
                    nodes.retain(|node| node.count() > 0);
                    release_spare(nodes);
                }
                removed
            }
        };
        // A removal of nothing leaves the encoding alone, as in Redis.
        if removed > 0 {
            self.settle(limits);
        }
        removed
    }

    /// Keeps the elements from `start` to `stop` inclusive, each negative from the tail.
    pub fn trim(&mut self, start: i64, stop: i64, limits: Limits) {
        let (first, kept) = self.resolve_range(start, stop);
        let behind = self.len() - first - kept;
        let Self { repr, capture } = self;
        match repr {
            Repr::Listpack(node) => {
                node.truncate(End::Back, behind);
                node.truncate(End::Front, first);
            }
            Repr::Quicklist { nodes, len } => {
                drop_elements(nodes, End::Back, behind, capture);
                drop_elements(nodes, End::Front, first, capture);
                *len = kept;
                release_spare(nodes);
            }
        }
        self.settle(limits);
    }
}

/// Removes up to `most` matches from the nodes in the order given; `from_tail` says that a node's
/// last matches go first.
fn remove_from<'n>(
    nodes: impl Iterator<Item = &'n mut Node>,
    needle: &Needle<'_>,
    most: usize,
    from_tail: bool,
) -> usize {
    let mut removed = 0;
    for node in nodes {
        let take = most - removed;
        let skip = if from_tail { node.count_matches(needle).saturating_sub(take) } else { 0 };
        removed += node.remove_matches(needle, skip, take);
        if removed == most {
            break;
        }
    }
    removed
}

/// Takes `count` elements off one end: whole nodes first, then part of one.
fn drop_elements(nodes: &mut VecDeque<Node>, end: End, mut count: usize, capture: &CaptureSlot) {
    while count > 0 {
        let node = match end {
            End::Front => nodes.front_mut(),
            End::Back => nodes.back_mut(),
        };
        let Some(node) = node else {
            return;
        };
        if count < node.count() {
            capture::keep(capture, node);
            node.truncate(end, count);
            return;
        }
        count -= node.count();
        let gone = match end {
            End::Front => nodes.pop_front(),
            End::Back => nodes.pop_back(),
        };
        if let (Some(node), Some(_)) = (gone, capture) {
            capture::keep_gone(capture, node);
        }
    }
}

fn admits(node: &Node, len: usize, limits: Limits) -> bool {
    !node.is_plain() && !limits.is_plain(len) && limits.admit(node.bytes().len(), node.count(), len)
}

/// A node of `value` alone.
fn single(value: &[u8], limits: Limits) -> Node {
    if limits.is_plain(value.len()) { Node::plain(value) } else { Node::packed(value) }
}

fn replace_at(nodes: &mut VecDeque<Node>, at: usize, within: usize, value: &[u8], limits: Limits) {
    // What takes the place of a large value joins the next node, so that no one-element node stays.
    if nodes[at].is_plain()
        && let Some(next) = nodes.get_mut(at + 1)
        && admits(next, value.len(), limits)
    {
        next.insert(next.begin(), value);
        nodes.remove(at);
        return;
    }
    let node = &mut nodes[at];
    if node.count() == 1 {
        *node = single(value, limits);
        return;
    }
    let range = node.range_of(within);
    let rest = node.bytes().len() - range.len();
    if !limits.is_plain(value.len()) && limits.admit_replaced(rest, value.len()) {
        node.replace(range, value);
    } else {
        node.remove(range);
        insert_at(nodes, at, within, value, limits);
    }
}

/// Inserts `value` before the element `within` of the node `at`, or at its end.
fn insert_at(nodes: &mut VecDeque<Node>, at: usize, within: usize, value: &[u8], limits: Limits) {
    let count = nodes[at].count();
    if admits(&nodes[at], value.len(), limits) {
        let node = &mut nodes[at];
        node.insert(node.offset_of(within), value);
    } else if within == count {
        match nodes.get_mut(at + 1) {
            Some(next) if admits(next, value.len(), limits) => next.insert(next.begin(), value),
            _ => nodes.insert(at + 1, single(value, limits)),
        }
    } else if within == 0 {
        match at.checked_sub(1).and_then(|before| nodes.get_mut(before)) {
            Some(previous) if admits(previous, value.len(), limits) => {
                previous.insert(previous.offset_of(previous.count()), value);
            }
            _ => nodes.insert(at, single(value, limits)),
        }
    } else {
        split_and_insert(nodes, at, within, value, limits);
    }
}

/// Splits a full node to make place for `value`, then joins the halves with what lies beside them
/// where that fits, so that insertions do not leave a trail of small nodes.
fn split_and_insert(nodes: &mut VecDeque<Node>, at: usize, within: usize, value: &[u8], limits: Limits) {
    let right = nodes[at].split_off(within);
    nodes.insert(at + 1, right);
    let mut right_at = at + 1;
    if admits(&nodes[at], value.len(), limits) {
        let left = &mut nodes[at];
        left.insert(left.offset_of(within), value);
    } else if admits(&nodes[right_at], value.len(), limits) {
        let right = &mut nodes[right_at];
        right.insert(right.begin(), value);
    } else {
        nodes.insert(right_at, single(value, limits));
        right_at += 1;
    }
    merge_with_next(nodes, right_at, limits);
    if let Some(before) = at.checked_sub(1) {
        merge_with_next(nodes, before, limits);
    }
}

fn merge_with_next(nodes: &mut VecDeque<Node>, at: usize, limits: Limits) {
    let (Some(left), Some(right)) = (nodes.get(at), nodes.get(at + 1)) else {
        return;
    };
    let bytes = left.bytes().len() + right.bytes().len();
    if left.is_plain() || right.is_plain() || !limits.admit_merged(bytes, left.count() + right.count()) {
        return;
    }
    if let Some(right) = nodes.remove(at + 1) {
        nodes[at].append(&right);
    }
}
