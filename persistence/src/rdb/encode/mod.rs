//! From values to bytes: each in the type that stands nearest to the form that it has here.

mod stream;

use keyspace::entry::Type;
use keyspace::export::{Head, Outline, Part, Usage, View};
use keyspace::hash::HashRef;
use keyspace::list::{List, NodeView};
use keyspace::packed::Element;
use keyspace::set::SetRef;
use keyspace::zset::ZsetRef;

use super::format::{NODE_PACKED, NODE_PLAIN, Version, kind, opcode};
use super::output::{Row, Texts, push_int, push_number};

/// Writes values at the end of buffers.
pub struct Encoder {
    version: Version,
    texts: Texts,
    row: Row,
    /// The parts that follow belong to such a collection.
    outline: Outline,
}

/// Whole scores up to this magnitude are written as integers.
const WHOLE_MAX: f64 = (1_u64 << 52) as f64;

impl Encoder {
    /// Writes what readers of a version know; `compresses` strings, packed rows among them.
    ///
    /// Deadlines of hash fields are written in the form of version 12 whatever the version: to leave them out would
    /// make fields immortal.
    pub fn new(version: Version, compresses: bool) -> Self {
        let outline = Outline { kind: Type::String, len: 0, earliest_deadline_ms: None };
        Self { version, texts: Texts::new(compresses), row: Row::default(), outline }
    }

    /// The version that is written.
    pub fn version(&self) -> Version {
        self.version
    }

    /// A string by itself.
    pub(super) fn text(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.texts.push(bytes, out);
    }

    /// What stands before a key's type in a file.
    pub(super) fn head(head: Head<'_>, out: &mut Vec<u8>) {
        if let Some(deadline_ms) = head.deadline_ms {
            out.push(opcode::DEADLINE_MS);
            out.extend_from_slice(&deadline_ms.to_le_bytes());
        }
        match head.usage {
            Usage::Untold => {}
            Usage::IdleSeconds(seconds) => {
                out.push(opcode::IDLE);
                push_number(u64::from(seconds), out);
            }
            Usage::Frequency(counter) => out.extend_from_slice(&[opcode::FREQ, counter]),
        }
    }

    /// A value's type, what `between` writes, and the value.
    pub fn value(&mut self, view: View<'_>, out: &mut Vec<u8>, between: impl FnOnce(&mut Self, &mut Vec<u8>)) {
        out.push(self.kind_of(view));
        between(self, out);
        match view {
            View::Text(bytes) => self.texts.push(bytes, out),
            View::Int(number) => push_int(number, out),
            View::List(list) => self.list(list, out),
            View::Set(set) => self.set(set, out),
            View::Zset(zset) => self.zset(zset, out),
            View::Hash(hash) => self.hash(hash, out),
            View::Stream(stream) => stream::push(stream, self.version, &mut self.texts, &mut self.row, out),
        }
    }

    fn kind_of(&self, view: View<'_>) -> u8 {
        match view {
            View::Text(_) | View::Int(_) => kind::STRING,
            View::List(_) => kind::LIST_QUICKLIST_2,
            View::Stream(_) if self.version >= Version::V11 => kind::STREAM_3,
            View::Stream(_) => kind::STREAM_2,
            View::Set(set) => match set.encoding() {
                "intset" => kind::SET_INTSET,
                "listpack" if self.version >= Version::V11 => kind::SET_LISTPACK,
                _ => kind::SET,
            },
            View::Zset(zset) if zset.encoding() == "listpack" => kind::ZSET_LISTPACK,
            View::Zset(_) => kind::ZSET,
            View::Hash(hash) => match (hash.encoding(), hash.earliest_deadline_ms()) {
                ("listpack", _) => kind::HASH_LISTPACK,
                ("listpackex", Some(_)) => kind::HASH_LISTPACK_DEADLINES,
                // It had fields that expire, and has none any more: readers of every version know it without.
                ("listpackex", None) if self.version < Version::V12 => kind::HASH_LISTPACK,
                ("listpackex", None) => kind::HASH_LISTPACK_DEADLINES,
                (_, Some(_)) => kind::HASH_DEADLINES,
                (_, None) => kind::HASH,
            },
        }
    }

    fn list(&mut self, list: &List, out: &mut Vec<u8>) {
        let nodes = list.nodes();
        push_number(nodes.len() as u64, out);
        for node in nodes {
            match node {
                NodeView::Plain(bytes) => {
                    push_number(NODE_PLAIN, out);
                    self.texts.push_opaque(bytes, out);
                }
                NodeView::Packed(elements, len) => {
                    push_number(NODE_PACKED, out);
                    self.row.start();
                    self.row.push_elements(elements, len);
                    self.texts.push_opaque(self.row.finish(), out);
                }
            }
        }
    }

    fn set(&mut self, set: SetRef<'_>, out: &mut Vec<u8>) {
        match self.kind_of(View::Set(set)) {
            kind::SET_INTSET => {
                let Some((&width, values)) = set.as_intset().and_then(<[u8]>::split_first) else { return };
                let (width, len) = (u32::from(width), set.len() as u32);
                let ints = [&width.to_le_bytes()[..], &len.to_le_bytes(), values].concat();
                self.texts.push_opaque(&ints, out);
            }
            kind::SET_LISTPACK => {
                self.row.start();
                set.for_each(|member| self.row.push(member));
                self.texts.push_opaque(self.row.finish(), out);
            }
            _ => {
                push_number(set.len() as u64, out);
                set.for_each(|member| self.texts.push_element(member, out));
            }
        }
    }

    fn zset(&mut self, zset: ZsetRef<'_>, out: &mut Vec<u8>) {
        if zset.encoding() == "listpack" {
            self.row.start();
            zset.for_each(|member, score| {
                self.row.push(member);
                if score.trunc() == score && score.abs() <= WHOLE_MAX {
                    self.row.push(Element::Int(score as i64));
                } else {
                    self.row.push(Element::Bytes(base::number::format_f64(score).as_bytes()));
                }
            });
            return self.texts.push_opaque(self.row.finish(), out);
        }
        push_number(zset.len() as u64, out);
        // The last one first: a reader that keeps a sorted list adds each at its front.
        zset.for_each_in(0..zset.len(), true, |member, score| {
            self.texts.push_element(member, out);
            out.extend_from_slice(&score.to_le_bytes());
        });
    }

    fn hash(&mut self, hash: HashRef<'_>, out: &mut Vec<u8>) {
        let kind = self.kind_of(View::Hash(hash));
        let earliest_deadline_ms = hash.earliest_deadline_ms();
        if matches!(kind, kind::HASH_DEADLINES | kind::HASH_LISTPACK_DEADLINES) {
            // A row whose deadlines are all gone has Redis's sign for none.
            out.extend_from_slice(&earliest_deadline_ms.unwrap_or(NO_DEADLINE).to_le_bytes());
        }
        if matches!(kind, kind::HASH_LISTPACK | kind::HASH_LISTPACK_DEADLINES) {
            self.row.start();
            hash.for_each(|field| {
                self.row.push(field.name);
                self.row.push(field.value);
                if kind == kind::HASH_LISTPACK_DEADLINES {
                    self.row.push(Element::Int(field.deadline_ms.unwrap_or(0)));
                }
            });
            return self.texts.push_opaque(self.row.finish(), out);
        }
        self.outline = Outline { kind: Type::Hash, len: hash.stored_len(), earliest_deadline_ms };
        push_number(hash.stored_len() as u64, out);
        hash.for_each(|field| self.part(Part::Field(field), out));
    }

    /// The type of a collection whose parts follow, what `between` writes, and how many parts there are.
    pub(super) fn begin(&mut self, outline: Outline, out: &mut Vec<u8>, between: impl FnOnce(&mut Self, &mut Vec<u8>)) {
        self.outline = outline;
        out.push(match (outline.kind, outline.earliest_deadline_ms) {
            (Type::List, _) => kind::LIST,
            (Type::Set, _) => kind::SET,
            (Type::Zset, _) => kind::ZSET,
            (_, Some(_)) => kind::HASH_DEADLINES,
            (_, None) => kind::HASH,
        });
        between(self, out);
        if let Some(deadline_ms) = outline.earliest_deadline_ms {
            out.extend_from_slice(&deadline_ms.to_le_bytes());
        }
        push_number(outline.len as u64, out);
    }

    /// The next part of the collection that was begun.
    pub(super) fn part(&mut self, part: Part<'_>, out: &mut Vec<u8>) {
        match part {
            Part::Element(element) => self.texts.push_element(element, out),
            Part::Scored(member, score) => {
                self.texts.push_element(member, out);
                out.extend_from_slice(&score.to_le_bytes());
            }
            Part::Field(field) => {
                if let Some(earliest) = self.outline.earliest_deadline_ms {
                    let later = field.deadline_ms.map_or(0, |at| at.saturating_sub(earliest).max(0) as u64 + 1);
                    push_number(later, out);
                }
                self.texts.push_element(field.name, out);
                self.texts.push_element(field.value, out);
            }
        }
    }
}

/// What Redis writes where the earliest of no deadlines should stand.
const NO_DEADLINE: i64 = (1 << 48) - 1;
