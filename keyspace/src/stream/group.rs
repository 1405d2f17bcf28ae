//! Consumer groups: what was delivered to whom, and is not acknowledged yet.
//!
//! # Invariants
//! - An entry that is pending stands once, in the group's `pending`, and its id in its consumer's list.
//! - Consumers keep their number for life; `order` lists the numbers by name.

use super::id::Id;
use super::pel::Pel;

/// A consumer of a group, until it is removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConsumerRef(u32);

/// Nobody's: only while a group is being built.
const NOBODY: ConsumerRef = ConsumerRef(u32::MAX);

/// An entry that was delivered and is not acknowledged.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    /// When it was delivered last, unix milliseconds.
    pub delivered_ms: i64,
    /// How many times.
    pub deliveries: u64,
    consumer: ConsumerRef,
}

impl Pending {
    /// To whom it was delivered last.
    pub fn consumer(&self) -> ConsumerRef {
        self.consumer
    }
}

/// Who reads for a group.
#[derive(Clone, Debug)]
pub struct Consumer {
    name: Box<[u8]>,
    /// When it was heard of last, unix milliseconds.
    pub seen_ms: i64,
    /// When it read or claimed something last; None: never.
    pub active_ms: Option<i64>,
    pending: Pel<()>,
}

impl Consumer {
    /// Its name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// How many entries it has not acknowledged.
    pub fn pending_count(&self) -> usize {
        self.pending.len()
    }

    /// The ids of the entries that it has not acknowledged, from `from` on.
    pub fn pending_from(&self, from: Id) -> impl DoubleEndedIterator<Item = Id> {
        self.pending.range(from, Id::MAX).map(|(id, ())| *id)
    }
}

/// See the module's head.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// The last entry that was delivered.
    pub last_id: Id,
    /// How many entries were delivered, counted from the stream's first ever; None: nobody knows.
    pub entries_read: Option<i64>,
    pending: Pel<Pending>,
    consumers: Vec<Option<Box<Consumer>>>,
    order: Vec<ConsumerRef>,
}

impl Group {
    /// A group that has read up to an entry.
    pub fn new(last_id: Id, entries_read: Option<i64>) -> Self {
        Self { last_id, entries_read, ..Self::default() }
    }

    fn position(&self, name: &[u8]) -> Result<usize, usize> {
        self.order.binary_search_by(|&consumer| (*self[consumer].name).cmp(name))
    }

    /// Finds a consumer.
    pub fn find(&self, name: &[u8]) -> Option<ConsumerRef> {
        self.position(name).ok().map(|place| self.order[place])
    }

    /// Adds a consumer; None when there is one of this name.
    pub fn create(&mut self, name: &[u8], seen_ms: i64) -> Option<ConsumerRef> {
        let place = self.position(name).err()?;
        let consumer = Box::new(Consumer { name: name.into(), seen_ms, active_ms: None, pending: Pel::default() });
        let number = match self.consumers.iter().position(Option::is_none) {
            Some(free) if self.order.len() < self.consumers.len() => free,
            _ => {
                self.consumers.push(None);
                self.consumers.len() - 1
            }
        };
        self.consumers[number] = Some(consumer);
        let number = ConsumerRef(number as u32);
        self.order.insert(place, number);
        Some(number)
    }

    /// Removes a consumer with the entries pending for it; how many those were.
    pub fn remove(&mut self, name: &[u8]) -> Option<usize> {
        let number = self.order.remove(self.position(name).ok()?);
        let consumer = self.consumers[number.0 as usize].take()?;
        for (id, ()) in consumer.pending.iter() {
            self.pending.remove(*id);
        }
        Some(consumer.pending.len())
    }

    /// The consumers, by name.
    pub fn consumers(&self) -> impl ExactSizeIterator<Item = &Consumer> {
        self.order.iter().map(|&number| &self[number])
    }

    /// How many entries are pending.
    pub fn pending_count(&self) -> usize {
        self.pending.len()
    }

    /// The pending entries in a range of ids.
    pub fn pending_in(&self, from: Id, to: Id) -> impl DoubleEndedIterator<Item = (&Id, &Pending)> {
        self.pending.range(from, to).map(|(id, pending)| (id, pending))
    }

    /// A pending entry.
    pub fn pending(&self, id: Id) -> Option<Pending> {
        self.pending.get(id).copied()
    }

    /// Makes an entry pending for a consumer, whoever it was pending for.
    #[inline]
    pub fn assign(&mut self, id: Id, consumer: ConsumerRef, delivered_ms: i64, deliveries: u64) {
        if let Some(old) = self.pending.insert(id, Pending { delivered_ms, deliveries, consumer }) {
            if old.consumer == consumer {
                return;
            }
            if old.consumer != NOBODY {
                self[old.consumer].pending.remove(id);
            }
        }
        self[consumer].pending.insert(id, ());
    }

    /// An entry is pending no more; whether it was.
    #[inline]
    pub fn acknowledge(&mut self, id: Id) -> bool {
        let Some(pending) = self.pending.remove(id) else { return false };
        if pending.consumer != NOBODY {
            self[pending.consumer].pending.remove(id);
        }
        true
    }

    /// Whether the group still needs an entry: it was not delivered, or not acknowledged.
    pub fn needs(&self, id: Id) -> bool {
        id > self.last_id || self.pending.get(id).is_some()
    }

    /// Adds a pending entry whose consumer comes later (with `assign`), as snapshots have them.
    pub(super) fn add_orphan(&mut self, id: Id, delivered_ms: i64, deliveries: u64) {
        self.pending.insert(id, Pending { delivered_ms, deliveries, consumer: NOBODY });
    }

    /// Whether each pending entry has its consumer.
    pub(super) fn is_whole(&self) -> bool {
        self.pending.iter().all(|(_, pending)| pending.consumer != NOBODY)
    }

    /// Bytes that it takes, nearly.
    pub fn memory_usage(&self) -> usize {
        let names: usize = self.consumers().map(|consumer| consumer.name.len()).sum();
        let own: usize = self.consumers().map(|consumer| consumer.pending.memory_usage()).sum();
        let consumers = self.order.len() * (size_of::<Consumer>() + 16) + names + own;
        size_of::<Self>() + self.pending.memory_usage() + consumers
    }
}

impl std::ops::Index<ConsumerRef> for Group {
    type Output = Consumer;

    /// # Panics
    /// When the consumer was removed.
    #[inline]
    fn index(&self, consumer: ConsumerRef) -> &Consumer {
        self.consumers[consumer.0 as usize].as_deref().expect("a consumer of this group")
    }
}

impl std::ops::IndexMut<ConsumerRef> for Group {
    #[inline]
    fn index_mut(&mut self, consumer: ConsumerRef) -> &mut Consumer {
        self.consumers[consumer.0 as usize].as_deref_mut().expect("a consumer of this group")
    }
}
