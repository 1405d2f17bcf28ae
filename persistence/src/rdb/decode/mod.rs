//! From bytes to values, built right into the forms that they have here.

mod hash;
mod list;
mod listpack;
mod module;
mod set;
mod skip;
mod stream;
mod ziplist;
mod zset;

use std::borrow::Cow;

use keyspace::db::Value;
use keyspace::import::{Fresh, Limits};

use super::format::kind;
use super::input::{Input, Malformed, Result, Text};

pub(super) use module::skip_aux;
pub(super) use skip::skip;

/// A function library's source.
pub type Functions = Vec<Box<[u8]>>;

/// A value as it was found.
pub enum Decoded<'a> {
    /// A string.
    Text(Cow<'a, [u8]>),
    /// A string that spells this number.
    Int(i64),
    /// Any other value.
    Value(Value),
    /// A collection without elements, which versions of Redis with a defect wrote.
    Empty,
    /// The value of a module's type, by its name.
    Module(Box<str>),
}

impl Decoded<'_> {
    /// Gives the value, if there is one, to `take`; otherwise it comes back.
    pub fn put<T>(self, take: impl FnOnce(Fresh<'_>) -> T) -> std::result::Result<T, Self> {
        match self {
            Self::Text(bytes) => Ok(take(Fresh::Text(&bytes))),
            Self::Int(number) => Ok(take(Fresh::Int(number))),
            Self::Value(value) => Ok(take(Fresh::Value(value))),
            none => Err(none),
        }
    }

    fn of(value: Option<Value>) -> Self {
        value.map_or(Self::Empty, Self::Value)
    }
}

/// What a value's form depends on.
#[derive(Clone, Copy)]
pub(super) struct Context<'c> {
    /// The settings that shape collections.
    pub(super) limits: &'c Limits,
    /// Differs from key to key.
    pub(super) seed: u64,
    /// The bytes were written by Valkey 9 or later, where some numbers mean something else.
    pub(super) is_valkey: bool,
}

const TWICE: Malformed = Malformed("integrity check failed: a collection or listpack with dup elements");

/// Reads the value of a type.
pub(super) fn decode<'a>(kind: u8, input: &mut Input<'a>, context: Context<'_>) -> Result<Decoded<'a>> {
    match kind {
        kind::STRING => Ok(match input.text()? {
            Text::Bytes(bytes) => Decoded::Text(bytes),
            Text::Int(number) => Decoded::Int(number),
        }),
        kind::LIST | kind::LIST_ZIPLIST | kind::LIST_QUICKLIST | kind::LIST_QUICKLIST_2 => {
            list::decode(kind, input, context).map(Decoded::of)
        }
        kind::SET | kind::SET_INTSET | kind::SET_LISTPACK => set::decode(kind, input, context).map(Decoded::of),
        kind::ZSET_TEXT | kind::ZSET | kind::ZSET_ZIPLIST | kind::ZSET_LISTPACK => {
            zset::decode(kind, input, context).map(Decoded::of)
        }
        kind::HASH
        | kind::HASH_ZIPMAP
        | kind::HASH_ZIPLIST
        | kind::HASH_LISTPACK
        | kind::HASH_DEADLINES_PRE_GA
        | kind::HASH_LISTPACK_DEADLINES_PRE_GA
        | kind::HASH_DEADLINES
        | kind::HASH_LISTPACK_DEADLINES => hash::decode(kind, input, context),
        kind::STREAM_1 | kind::STREAM_2 | kind::STREAM_3 => stream::decode(kind, input).map(Decoded::Value),
        kind::MODULE => module::skip(input).map(|name| Decoded::Module(name.into())),
        _ => Err(Malformed("a value of unknown type")),
    }
}

/// Whether a number is a type of values.
pub(super) fn is_kind(kind: u8) -> bool {
    matches!(kind, kind::STRING..=kind::MODULE | kind::HASH_ZIPMAP..=kind::HASH_LISTPACK_DEADLINES)
}
