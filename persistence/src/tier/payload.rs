//! A value's bytes in a block: those of its entry where it lives there, Redis's format for objects.
//!
//! A value comes back in the form that it had: forms that only grow with a collection and never go back are told by
//! its kind, which the ticket has.

use keyspace::db::Value;
use keyspace::entry::Kind;
use keyspace::export::View;
use keyspace::import::Limits;
use keyspace::object::Object;

use crate::rdb::{Encoder, Version, bare_value};

/// Appends a value's bytes.
pub(super) fn push(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Inline(_, bytes) => out.extend_from_slice(bytes),
        Value::Object(Object::Text(text)) => out.extend_from_slice(text),
        Value::Object(_) => value.with_view(|view: View<'_>| {
            Encoder::new(Version::V12, false).value(view, out, |_, _| ());
        }),
    }
}

/// The value of a kind from its bytes; None when they are none.
pub(super) fn value(kind: Kind, bytes: &[u8], limits: &Limits, seed: u64) -> Option<Value> {
    if !kind.is_object() {
        let is_sound = kind != Kind::Int || bytes.len() == 8;
        return is_sound.then(|| Value::Inline(kind, bytes.into()));
    }
    if kind == Kind::StrShared {
        return Some(Value::Object(Object::Text(bytes.to_vec().into())));
    }
    let value = bare_value(bytes, &limits_for(kind, *limits), seed)?;
    (value.kind() == kind).then_some(value)
}

/// The limits under which a value takes the large form of its kind.
fn limits_for(kind: Kind, mut limits: Limits) -> Limits {
    match kind {
        Kind::Hash => limits.hash.entries_max = 0,
        Kind::Set => (limits.set.intset_entries_max, limits.set.listpack_entries_max) = (0, 0),
        Kind::Zset => limits.zset.entries_max = 0,
        _ => {}
    }
    limits
}
