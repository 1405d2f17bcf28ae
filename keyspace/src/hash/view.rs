//! A hash for reading, whatever its form. Expired fields are not there.

use std::collections::HashSet;

use super::has_passed;
use super::large::Hash;
use super::record::Record;
use super::small::{Place, Small};
use crate::entry::{Entry, Kind, Type};
use crate::keys::WrongType;
use crate::packed::Element;

/// A field as it is stored.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// Its name.
    pub name: Element<'a>,
    /// Its value.
    pub value: Element<'a>,
    /// When it expires, unix milliseconds.
    pub deadline_ms: Option<i64>,
}

impl<'a> Field<'a> {
    fn of_record(record: Record<'a>) -> Self {
        let (name, value) = (Element::Bytes(record.field()), Element::Bytes(record.value()));
        Self { name, value, deadline_ms: record.deadline_ms() }
    }

    fn of_place((name, place): (Element<'a>, Place<'a>)) -> Self {
        Self { name, value: place.value, deadline_ms: place.deadline_ms }
    }
}

#[derive(Clone, Copy)]
enum Form<'a> {
    Small(Small<'a>),
    Large(&'a Hash),
}

/// See the module's head.
#[derive(Clone, Copy)]
pub struct HashRef<'a> {
    form: Form<'a>,
    unix_ms: i64,
}

/// Throws of the dice for a live field among expired ones, before they are counted off.
const THROWS_MAX: usize = 32;

impl<'a> HashRef<'a> {
    /// The hash of an entry as of `unix_ms`; `i64::MIN` shows expired fields too.
    #[inline]
    pub fn of(entry: Entry<'a>, unix_ms: i64) -> Result<Self, WrongType> {
        let form = match entry.kind() {
            kind @ (Kind::HashPacked | Kind::HashPackedEx) => Form::Small(Small::of(kind, entry.value())),
            Kind::Hash => Form::Large(Hash::of_entry(entry)),
            kind => {
                debug_assert_ne!(kind.type_of(), Type::Hash);
                return Err(WrongType);
            }
        };
        Ok(Self { form, unix_ms })
    }

    /// As OBJECT ENCODING names it.
    pub fn encoding(&self) -> &'static str {
        match self.form {
            Form::Small(small) if small.kind() == Kind::HashPackedEx => "listpackex",
            Form::Small(_) => "listpack",
            Form::Large(_) => "hashtable",
        }
    }

    /// The number of fields.
    #[inline]
    pub fn len(&self) -> usize {
        match self.form {
            Form::Small(small) => small.len() - small.expired(self.unix_ms).0,
            Form::Large(large) => large.len() - large.expired(self.unix_ms),
        }
    }

    /// The number of stored fields, expired ones included: what HLEN counts in Redis.
    #[inline]
    pub fn stored_len(&self) -> usize {
        match self.form {
            Form::Small(small) => small.len(),
            Form::Large(large) => large.len(),
        }
    }

    /// Whether some field's deadline has passed.
    #[inline]
    pub fn has_expired(&self) -> bool {
        has_passed(self.earliest_deadline_ms(), self.unix_ms)
    }

    /// Whether there is no field (any more).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A field's value and deadline.
    #[inline]
    pub fn find(&self, field: &[u8]) -> Option<(Element<'a>, Option<i64>)> {
        let (value, deadline_ms) = match self.form {
            Form::Small(small) => small.find(field).map(|place| (place.value, place.deadline_ms))?,
            Form::Large(large) => {
                large.find(field).map(|record| (Element::Bytes(record.value()), record.deadline_ms()))?
            }
        };
        (!has_passed(deadline_ms, self.unix_ms)).then_some((value, deadline_ms))
    }

    /// A field's value.
    #[inline]
    pub fn get(&self, field: &[u8]) -> Option<Element<'a>> {
        self.find(field).map(|(value, _)| value)
    }

    /// Whether there is such a field.
    #[inline]
    pub fn contains(&self, field: &[u8]) -> bool {
        self.find(field).is_some()
    }

    /// The length of a field's value; 0 when there is none.
    pub fn strlen(&self, field: &[u8]) -> usize {
        self.get(field).map_or(0, |value| value.text_len())
    }

    /// The earliest deadline of any field, passed ones included.
    #[inline]
    pub fn earliest_deadline_ms(&self) -> Option<i64> {
        match self.form {
            Form::Small(small) => small.deadline_ms(),
            Form::Large(large) => large.deadline_ms(),
        }
    }

    /// Bytes beside the entry.
    pub fn memory_usage(&self) -> usize {
        match self.form {
            Form::Small(_) => 0,
            Form::Large(large) => large.memory_usage(),
        }
    }

    /// The live fields of the small form, in their order.
    fn live(&self, small: Small<'a>) -> impl Iterator<Item = Field<'a>> + use<'a> {
        small.fields_from(small.expired(self.unix_ms).1).map(Field::of_place)
    }

    fn is_live(&self, field: &Field<'_>) -> bool {
        !has_passed(field.deadline_ms, self.unix_ms)
    }

    /// Visits every field.
    pub fn for_each(&self, mut visit: impl FnMut(Field<'a>)) {
        match self.form {
            Form::Small(small) => self.live(small).for_each(visit),
            Form::Large(large) => large.for_each(|record| {
                let field = Field::of_record(record);
                if self.is_live(&field) {
                    visit(field);
                }
            }),
        }
    }

    /// Visits `count` fields or somewhat more from `cursor` (0 begins) on and answers the next cursor, 0 at the
    /// end. A field that is there from the first call to the last is visited; a small hash is visited at once.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(Field<'a>)) -> u64 {
        let large = match self.form {
            Form::Small(small) => {
                self.live(small).for_each(visit);
                return 0;
            }
            Form::Large(large) => large,
        };
        let (mut cursor, mut seen) = (cursor, 0);
        // Sparse buckets must not make a call endless: Redis too stops at ten empty ones for each field asked for.
        for _ in 0..count.saturating_mul(10).max(1) {
            cursor = large.scan(cursor, |record| {
                let field = Field::of_record(record);
                seen += 1;
                if self.is_live(&field) {
                    visit(field);
                }
            });
            if cursor == 0 || seen >= count {
                break;
            }
        }
        cursor
    }

    /// A field chosen uniformly; `below(n)` gives random numbers below n.
    pub fn random(&self, mut below: impl FnMut(u64) -> u64) -> Option<Field<'a>> {
        let large = match self.form {
            Form::Small(small) => {
                let len = self.len() as u64;
                return if len == 0 { None } else { self.live(small).nth(below(len) as usize) };
            }
            Form::Large(large) => large,
        };
        for _ in 0..THROWS_MAX {
            let field = Field::of_record(large.random(&mut below)?);
            if self.is_live(&field) {
                return Some(field);
            }
        }
        let mut rest = below((self.len() as u64).max(1));
        let mut chosen = None;
        self.for_each(|field| {
            if rest == 0 && chosen.is_none() {
                chosen = Some(field);
            }
            rest = rest.saturating_sub(1);
        });
        chosen
    }

    /// Visits `count` different fields chosen uniformly, or all when there are fewer.
    pub fn random_distinct(&self, count: usize, mut below: impl FnMut(u64) -> u64, mut visit: impl FnMut(Field<'a>)) {
        let len = self.len();
        if let Form::Large(_) = self.form
            && count < len / 8
        {
            // Few of many: throw again when a field comes twice. A field is known by where its name stands.
            let mut seen = HashSet::with_capacity(count);
            while seen.len() < count {
                let Some(field) = self.random(&mut below) else { return };
                if let Element::Bytes(name) = field.name
                    && seen.insert(name.as_ptr())
                {
                    visit(field);
                }
            }
            return;
        }
        // Each field is taken with the chance (still wanted) / (still to come).
        let (mut wanted, mut to_come) = (count.min(len) as u64, len as u64);
        self.for_each(|field| {
            if wanted > 0 && below(to_come.max(1)) < wanted {
                wanted -= 1;
                visit(field);
            }
            to_come = to_come.saturating_sub(1);
        });
    }
}
