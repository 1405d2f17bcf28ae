//! One node: a run of elements in a buffer with free room at both ends, or one large value alone.
//!
//! Invariants of a packed node: `start <= end <= buf.len()`; `buf[start..end]` is `count` elements,
//! each in the encoding of [`crate::packed`] followed by its back length. Of a plain node: `buf`
//! is the value itself and `count` is 1. Offsets are positions in `buf`.
//!
//! A push is a store at one end. Elements move only when that end has no room left, and then so
//! much room is made that moving costs a constant per byte pushed.

use crate::backlen;
use crate::packed::{self, Element, Encoded};
use base::number::parse_i64;
use std::ops::Range;

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The head, index 0.
    Front,
    /// The tail, index -1.
    Back,
}

/// Buffers up to this size are not worth shrinking.
const SHRINK_ABOVE: usize = 64;

/// A value to compare elements with, parsed once.
pub(super) struct Needle<'a> {
    text: &'a [u8],
    int: Option<i64>,
}

impl<'a> Needle<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, int: parse_i64(text) }
    }

    #[inline]
    pub(super) fn matches(&self, element: Element<'_>) -> bool {
        match element {
            Element::Bytes(bytes) => bytes == self.text,
            Element::Int(int) => self.int == Some(int),
        }
    }
}

/// How a node's buffer may grow.
#[derive(Clone, Copy)]
pub(super) struct Growth {
    /// The capacity at which a node is usually full: growth stops there first.
    pub(super) bytes_max: usize,
    /// Whether pushes may come at either end: no neighbour shields one.
    pub(super) both_ends: bool,
}

#[derive(Clone)]
pub(super) struct Node {
    buf: Box<[u8]>,
    start: u32,
    end: u32,
    count: u32,
    /// Whether the node is plain, and its place in the picture that still lacks it, plus one.
    tag: u32,
}

const PLAIN: u32 = 1 << 31;

impl Node {
    /// A packed node without elements.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self { buf: zeroed(capacity), start: 0, end: 0, count: 0, tag: 0 }
    }

    /// A packed node with one element and little room beside it.
    pub(super) fn packed(value: &[u8]) -> Self {
        let mut node = Self::with_capacity(0);
        node.insert(0, value);
        node
    }

    /// A node that is `value`.
    pub(super) fn plain(value: &[u8]) -> Self {
        Self { buf: value.into(), start: 0, end: 0, count: 1, tag: PLAIN }
    }

    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.tag & PLAIN != 0
    }

    /// Gives the node its place in a picture that is to have it.
    pub(super) fn set_place(&mut self, place: usize) {
        self.tag = self.tag & PLAIN | (place as u32 + 1);
    }

    /// Its place in a picture that does not have it yet.
    #[inline]
    pub(super) fn place(&self) -> Option<u32> {
        (self.tag & !PLAIN).checked_sub(1)
    }

    /// The node is in no picture (any more).
    pub(super) fn clear_place(&mut self) {
        self.tag &= PLAIN;
    }

    /// A node of these bytes.
    pub(super) fn of_bytes(bytes: &[u8], count: usize, plain: bool) -> Self {
        let end = if plain { 0 } else { bytes.len() as u32 };
        Self { buf: bytes.into(), start: 0, end, count: count as u32, tag: if plain { PLAIN } else { 0 } }
    }

    #[inline]
    pub(super) fn count(&self) -> usize {
        self.count as usize
    }

    #[inline]
    pub(super) fn capacity(&self) -> usize {
        self.buf.len()
    }

    /// The elements with their back lengths, or the value of a plain node.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        if self.is_plain() { &self.buf } else { &self.buf[self.start as usize..self.end as usize] }
    }

    /// Offset of the first element.
    #[inline]
    pub(super) fn begin(&self) -> usize {
        self.start as usize
    }

    #[inline]
    fn finish(&self) -> usize {
        if self.is_plain() { self.buf.len() } else { self.end as usize }
    }

    /// The element at an offset and the offset of the one behind it.
    #[inline]
    pub(super) fn entry(&self, at: usize) -> Option<(Element<'_>, usize)> {
        if self.is_plain() {
            return (at == 0).then_some((Element::Bytes(&self.buf), self.buf.len()));
        }
        let (element, next) = packed::decode(&self.buf[..self.end as usize], at)?;
        Some((element, next + backlen::size(next - at)))
    }

    /// The element that ends at an offset and its own offset.
    #[inline]
    fn entry_before(&self, at: usize) -> Option<(Element<'_>, usize)> {
        if self.is_plain() {
            return Some((Element::Bytes(&self.buf), 0));
        }
        let start = self.start as usize;
        let from = start + backlen::start_of_last(&self.buf[start..at])?;
        let (element, _) = packed::decode(&self.buf[..at], from)?;
        Some((element, from))
    }

    #[inline]
    fn next_offset(&self, at: usize) -> Option<usize> {
        let next = packed::skip(&self.buf, at)?;
        Some(next + backlen::size(next - at))
    }

    /// Offset of the `index`-th element, walked to from the nearer end; for `count` the end.
    pub(super) fn offset_of(&self, index: usize) -> usize {
        let finish = self.finish();
        if self.is_plain() {
            return if index == 0 { 0 } else { finish };
        }
        let start = self.start as usize;
        if index <= self.count() / 2 {
            (0..index).try_fold(start, |at, _| self.next_offset(at)).unwrap_or(finish)
        } else {
            let back = |at: usize, _| Some(start + backlen::start_of_last(&self.buf[start..at])?);
            (index..self.count()).try_fold(finish, back).unwrap_or(start)
        }
    }

    /// The element at one end.
    #[inline]
    pub(super) fn peek(&self, end: End) -> Option<Element<'_>> {
        match end {
            End::Front => self.entry(self.begin()).map(|(element, _)| element),
            End::Back => self.entry_before(self.finish()).map(|(element, _)| element),
        }
    }

    /// Index of the first element that equals the needle.
    pub(super) fn find(&self, needle: &Needle<'_>) -> Option<usize> {
        let (mut at, mut index) = (self.begin(), 0);
        while let Some((element, next)) = self.entry(at) {
            if needle.matches(element) {
                return Some(index);
            }
            at = next;
            index += 1;
        }
        None
    }

    /// Number of elements that equal the needle.
    pub(super) fn count_matches(&self, needle: &Needle<'_>) -> usize {
        let (mut at, mut matches) = (self.begin(), 0);
        while let Some((element, next)) = self.entry(at) {
            matches += usize::from(needle.matches(element));
            at = next;
        }
        matches
    }

    /// Adds an element at one end of a packed node.
    #[inline]
    pub(super) fn push(&mut self, end: End, value: &[u8], growth: Growth) {
        let encoded = Encoded::new(value);
        let total = encoded.len() + backlen::size(encoded.len());
        let room = match end {
            End::Front => self.start as usize,
            End::Back => self.buf.len() - self.end as usize,
        };
        if room < total {
            self.make_room(end, total, growth);
        }
        let at = match end {
            End::Front => {
                self.start -= total as u32;
                self.start
            }
            End::Back => {
                self.end += total as u32;
                self.end - total as u32
            }
        };
        self.write(at as usize, &encoded, total);
        self.count += 1;
    }

    /// Adds an element at the tail of a packed node that is being filled.
    #[inline]
    pub(super) fn push_element(&mut self, element: Element<'_>) {
        let encoded = Encoded::of(element);
        let total = encoded.len() + backlen::size(encoded.len());
        if self.buf.len() - (self.end as usize) < total {
            self.make_room(End::Back, total, Growth { bytes_max: 0, both_ends: false });
        }
        self.write(self.end as usize, &encoded, total);
        self.end += total as u32;
        self.count += 1;
    }

    #[inline]
    fn write(&mut self, at: usize, encoded: &Encoded<'_>, total: usize) {
        let (body, behind) = self.buf[at..at + total].split_at_mut(encoded.len());
        encoded.write(body);
        backlen::write(behind, encoded.len());
    }

    /// Takes the element at one end of a packed node out, after `read` has seen it.
    #[inline]
    pub(super) fn pop_with<R>(&mut self, end: End, read: impl FnOnce(Element<'_>) -> R) -> Option<R> {
        let result = match end {
            End::Front => {
                let (element, next) = self.entry(self.begin())?;
                let result = read(element);
                self.start = next as u32;
                result
            }
            End::Back => {
                let (element, from) = self.entry_before(self.finish())?;
                let result = read(element);
                self.end = from as u32;
                result
            }
        };
        self.count -= 1;
        self.shrink();
        Some(result)
    }

    /// Makes room for `need` bytes at `end`, by moving the elements or into a larger buffer.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self, end: End, need: usize, growth: Growth) {
        let len = self.bytes().len();
        let used = len + need;
        // Moving in place pays while it yields room in proportion to what it moves.
        let capacity = if self.buf.len() >= used + len / 8 { self.buf.len() } else { grown(used, len, growth) };
        let far_room = match end {
            End::Front => self.buf.len() - self.end as usize,
            End::Back => self.start as usize,
        };
        // The far end keeps room only where it had some, which a list fed from one end never has.
        let far = if growth.both_ends && far_room > 0 { (capacity - used) / 4 } else { 0 };
        let start = match end {
            End::Front => capacity - far - len,
            End::Back => far,
        };
        self.relocate(capacity, start);
    }

    /// Moves the elements to `start` of a buffer of `capacity` bytes.
    fn relocate(&mut self, capacity: usize, start: usize) {
        let from = self.start as usize..self.end as usize;
        let len = from.len();
        if capacity == self.buf.len() {
            self.buf.copy_within(from, start);
        } else {
            let mut buf = zeroed(capacity);
            buf[start..start + len].copy_from_slice(&self.buf[from]);
            self.buf = buf;
        }
        self.start = start as u32;
        self.end = (start + len) as u32;
    }

    /// Gives memory back when three quarters of the buffer are free.
    #[inline]
    fn shrink(&mut self) {
        if self.buf.len() > SHRINK_ABOVE && self.bytes().len() * 4 <= self.buf.len() {
            self.shrink_now();
        }
    }

    #[cold]
    #[inline(never)]
    fn shrink_now(&mut self) {
        let len = self.bytes().len();
        let capacity = size_class(len * 2);
        self.relocate(capacity, (capacity - len) / 2);
    }

    /// Replaces the bytes of `range` by `len` bytes to be written, moving the shorter side, and
    /// returns where they start.
    fn splice(&mut self, range: Range<usize>, len: usize) -> usize {
        let (start, end) = (self.start as usize, self.end as usize);
        let (before, after) = (range.start - start, end - range.end);
        // Negative when the bytes behind the range move towards the front.
        let more = len as isize - range.len() as isize;
        let front_fits = start as isize >= more;
        let back_fits = (self.buf.len() - end) as isize >= more;
        if front_fits && (before < after || !back_fits) {
            let to = start.wrapping_add_signed(-more);
            self.buf.copy_within(start..range.start, to);
            self.start = to as u32;
            return to + before;
        }
        if back_fits {
            let to = range.end.wrapping_add_signed(more);
            self.buf.copy_within(range.end..end, to);
            self.end = (to + after) as u32;
            return range.start;
        }
        let used = before + len + after;
        let mut buf = zeroed(size_class(used + used / 8));
        buf[..before].copy_from_slice(&self.buf[start..range.start]);
        buf[before + len..used].copy_from_slice(&self.buf[range.end..end]);
        self.buf = buf;
        (self.start, self.end) = (0, used as u32);
        before
    }

    /// Inserts an element before the one at offset `at` of a packed node.
    pub(super) fn insert(&mut self, at: usize, value: &[u8]) {
        let encoded = Encoded::new(value);
        let total = encoded.len() + backlen::size(encoded.len());
        let at = self.splice(at..at, total);
        self.write(at, &encoded, total);
        self.count += 1;
    }

    /// Replaces the element whose bytes are `range` in a packed node.
    pub(super) fn replace(&mut self, range: Range<usize>, value: &[u8]) {
        let encoded = Encoded::new(value);
        let total = encoded.len() + backlen::size(encoded.len());
        let at = self.splice(range, total);
        self.write(at, &encoded, total);
        self.shrink();
    }

    /// Removes the element whose bytes are `range` from a packed node.
    pub(super) fn remove(&mut self, range: Range<usize>) {
        self.splice(range, 0);
        self.count -= 1;
    }

    /// Bytes of the `index`-th element, back length included.
    pub(super) fn range_of(&self, index: usize) -> Range<usize> {
        let at = self.offset_of(index);
        at..self.entry(at).map_or(at, |(_, next)| next)
    }

    /// Takes `count` elements off one end of a packed node.
    pub(super) fn truncate(&mut self, end: End, count: usize) {
        match end {
            End::Front => self.start = self.offset_of(count) as u32,
            End::Back => self.end = self.offset_of(self.count() - count) as u32,
        }
        self.count -= count as u32;
        self.shrink();
    }

    /// Moves the elements from `index` on into a node of their own.
    pub(super) fn split_off(&mut self, index: usize) -> Self {
        let at = self.offset_of(index);
        let tail = &self.buf[at..self.end as usize];
        let mut right = Self::with_capacity(size_class(tail.len()));
        right.buf[..tail.len()].copy_from_slice(tail);
        right.end = tail.len() as u32;
        right.count = self.count - index as u32;
        self.end = at as u32;
        self.count = index as u32;
        self.shrink();
        right
    }

    /// Takes over the elements of a packed node that follows this one.
    pub(super) fn append(&mut self, right: &Self) {
        let at = self.splice(self.end as usize..self.end as usize, right.bytes().len());
        self.buf[at..at + right.bytes().len()].copy_from_slice(right.bytes());
        self.count += right.count;
    }

    /// Removes up to `take` elements that equal the needle, leaving the first `skip` of them.
    pub(super) fn remove_matches(&mut self, needle: &Needle<'_>, mut skip: usize, take: usize) -> usize {
        let (mut from, mut to, mut removed) = (self.begin(), self.begin(), 0);
        while removed < take
            && let Some((element, next)) = self.entry(from)
        {
            if needle.matches(element) {
                if skip == 0 {
                    removed += 1;
                    from = next;
                    continue;
                }
                skip -= 1;
            }
            if from != to {
                self.buf.copy_within(from..next, to);
            }
            to += next - from;
            from = next;
        }
        self.count -= removed as u32;
        if !self.is_plain() && removed > 0 {
            self.buf.copy_within(from..self.end as usize, to);
            self.end -= (from - to) as u32;
            self.shrink();
        }
        removed
    }
}

fn zeroed(capacity: usize) -> Box<[u8]> {
    vec![0; capacity].into_boxed_slice()
}

/// The capacity for `used` bytes where `len` were used so far: a quarter more, rounded up to a size
/// class, but not over the limit while that suffices.
fn grown(used: usize, len: usize, growth: Growth) -> usize {
    let wanted = if len == 0 { size_class(used) } else { size_class(used + used / 4) };
    if wanted > growth.bytes_max && used + used / 8 <= growth.bytes_max { growth.bytes_max } else { wanted }
}

/// The size the allocator would hand out for `bytes`: four classes to a doubling, as jemalloc has.
pub(super) fn size_class(bytes: usize) -> usize {
    if bytes <= 128 {
        return bytes.next_multiple_of(16);
    }
    let step = 1 << ((bytes - 1).ilog2() - 2);
    bytes.next_multiple_of(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_classes_are_four_to_a_doubling() {
        let classes = [(0, 0), (1, 16), (16, 16), (17, 32), (128, 128), (129, 160), (1024, 1024), (1025, 1280)];
        for (bytes, class) in classes.into_iter().chain([(8192, 8192), (8193, 10_240)]) {
            assert_eq!(size_class(bytes), class, "{bytes}");
        }
    }

    #[test]
    fn pushes_at_both_ends_move_few_bytes() {
        // Counts relocations: whatever the order of the ends, they stay logarithmic in the bytes.
        let orders: [fn(usize) -> End; 4] = [
            |_| End::Front,
            |_| End::Back,
            |i| if i % 2 == 0 { End::Front } else { End::Back },
            |i| if i % 100 < 50 { End::Front } else { End::Back },
        ];
        for order in orders {
            let growth = Growth { bytes_max: 8192, both_ends: true };
            let mut node = Node::with_capacity(0);
            let mut moves = 0;
            for i in 0..480 {
                let before = node.buf.as_ptr();
                let first = node.begin();
                node.push(order(i), b"fifteen bytes..", growth);
                let stayed = before == node.buf.as_ptr()
                    && node.begin() == if order(i) == End::Front { first.wrapping_sub(17) } else { first };
                moves += usize::from(!stayed);
            }
            assert!(moves < 48, "{moves} moves");
            assert!(node.capacity() <= 10_240);
        }
    }

    #[test]
    fn a_queue_of_steady_length_does_not_grow() {
        let growth = Growth { bytes_max: 8192, both_ends: true };
        let mut node = Node::packed(b"seed");
        for i in 0..100_000u32 {
            node.push(End::Back, &i.to_be_bytes(), growth);
            if i >= 100 {
                assert!(node.pop_with(End::Front, |_| ()).is_some());
            }
        }
        assert!(node.capacity() <= 1280, "{}", node.capacity());
    }
}
