//! Expired fields that a command comes upon.

use keyspace::change::Event;
use keyspace::hash::HashMut;
use keyspace::keys::Key;

use super::{hash_event, limits};
use crate::ctx::Ctx;
use crate::error::Result;

const EXPIRED_EVENT: Event = hash_event("hexpired");

/// Removes those of `fields` whose deadline has passed, after a read came upon them.
#[cold]
pub(super) fn purge_after_read<'f>(ctx: &mut Ctx, key: &Key, fields: impl Iterator<Item = &'f [u8]>) -> Result<()> {
    let limits = limits(ctx);
    purge_fields(&mut ctx.keys.hash_for_write(key, limits)?, fields);
    Ok(())
}

/// Removes those of `fields` whose deadline has passed, before a write looks at them.
#[inline]
pub(super) fn purge<'f>(hash: &mut HashMut<'_, '_>, fields: impl Iterator<Item = &'f [u8]>) {
    if hash.has_expired() {
        purge_fields(hash, fields);
    }
}

#[cold]
fn purge_fields<'f>(hash: &mut HashMut<'_, '_>, fields: impl Iterator<Item = &'f [u8]>) {
    let mut count = 0;
    for field in fields {
        count += usize::from(hash.take_expired(field));
    }
    announce(hash, count);
}

/// Removes all fields whose deadline has passed.
pub(super) fn purge_all(hash: &mut HashMut<'_, '_>) {
    let count = hash.take_all_expired();
    announce(hash, count);
}

/// Says that `count` fields expired, and the key with them if they were its last.
pub(super) fn announce(hash: &mut HashMut<'_, '_>, count: usize) {
    if count > 0 {
        // The time did it, not the client: INFO counts no change.
        hash.changed(EXPIRED_EVENT, 0);
        announce_end(hash);
    }
}

/// Says that the key went with its last field, if so.
#[inline]
pub(super) fn announce_end(hash: &mut HashMut<'_, '_>) {
    if hash.is_gone() {
        hash.event(Event::DEL);
    }
}
