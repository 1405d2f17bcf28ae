//! One request: the words that a client sent, and the row that they name.

use keyspace::shard::Keyspace;
use resp::Span;

use crate::args::Args;
pub use crate::keys::{KeyShape, hash_keys};
use crate::table::Row;

/// A key's word, and the key's hash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HashedKey {
    /// Where the key is.
    pub span: Span,
    /// [`Keyspace::hash`] of it.
    pub hash: u64,
}

/// A request whose words stand in somebody's buffer.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// What to run.
    pub row: &'static Row,
    /// Where the words are.
    pub buffer: &'a [u8],
    /// All words, the command's name first.
    pub spans: &'a [Span],
    /// The keys whose hashes were computed ahead, in the order of their words.
    pub hashes: &'a [HashedKey],
}

impl<'a> Request<'a> {
    /// The `index`-th word; 0 is the command's name.
    pub fn word(&self, index: usize) -> Option<&'a [u8]> {
        self.spans.get(index).map(|span| span.of(self.buffer))
    }

    /// All words.
    pub fn words(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a> {
        let buffer = self.buffer;
        self.spans.iter().map(move |span| span.of(buffer))
    }

    /// The request as it came, when its bytes are exactly those of a RESP array of its words.
    pub fn raw(&self) -> Option<&'a [u8]> {
        let digits = |number: usize| match number {
            0..10 => 1,
            10..100 => 2,
            _ => base::number::digits(number as i64),
        };
        let (first, last) = (self.spans.first()?, self.spans.last()?);
        let head = |len: usize| digits(len) + 3;
        let words: usize = self.spans.iter().map(|span| head(span.len as usize) + span.len as usize + 2).sum();
        let end = (last.start + last.len) as usize + 2;
        let start = end.checked_sub(words + head(self.spans.len()))?;
        // Longer heads than needed would move the start: neither it nor the first word would be where it must be.
        let is_canonical = first.start as usize == start + head(self.spans.len()) + head(first.len as usize);
        self.buffer.get(start..end).filter(|raw| is_canonical && raw[0] == b'*')
    }

    /// The words after the name (and the container's name).
    #[inline]
    pub fn args(&self, space: &'a Keyspace) -> Args<'a> {
        let names = if self.row.is_subcommand() { 2 } else { 1 };
        Args::new(self.buffer, &self.spans[names..], space, self.hashes)
    }

    /// A copy that outlives the read buffer: for MULTI queues and for clients that wait.
    pub fn to_owned(&self) -> OwnedRequest {
        let size = self.spans.iter().map(|span| span.len as usize).sum();
        let (mut buffer, mut spans) = (Vec::with_capacity(size), Vec::with_capacity(self.spans.len()));
        for word in self.words() {
            spans.push(Span { start: buffer.len() as u32, len: word.len() as u32 });
            buffer.extend_from_slice(word);
        }
        OwnedRequest { row: self.row, buffer: buffer.into(), spans: spans.into() }
    }
}

/// A request with its words.
pub struct OwnedRequest {
    row: &'static Row,
    buffer: Box<[u8]>,
    spans: Box<[Span]>,
}

impl OwnedRequest {
    /// A request of some words.
    pub fn new(row: &'static Row, words: &[&[u8]]) -> Self {
        let (mut buffer, mut spans) = (Vec::new(), Vec::new());
        for word in words {
            spans.push(Span { start: buffer.len() as u32, len: word.len() as u32 });
            buffer.extend_from_slice(word);
        }
        Self { row, buffer: buffer.into(), spans: spans.into() }
    }

    /// The view that `execute` takes.
    pub fn request(&self) -> Request<'_> {
        Request { row: self.row, buffer: &self.buffer, spans: &self.spans, hashes: &[] }
    }

    /// Bytes that it occupies.
    pub fn memory_usage(&self) -> usize {
        size_of::<Self>() + self.buffer.len() + size_of_val(&*self.spans)
    }
}
