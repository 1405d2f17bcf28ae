//! The slow log: the newest entries first, each with as much of its request as fits.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use super::trim::{REDACTED, is_secret};
use crate::client::Client;
use crate::request::Request;

/// Words that an entry keeps; the last one tells how many more there were.
const WORDS_MAX: usize = 32;
/// Bytes that an entry keeps of one word.
const WORD_LEN_MAX: usize = 128;

/// A slow command.
#[derive(Debug)]
pub struct Entry {
    /// Grows by one; RESET does not start anew.
    pub id: u64,
    /// When it was done.
    pub unix_seconds: i64,
    /// How long it took.
    pub us: u64,
    /// Its words.
    pub words: Vec<Box<[u8]>>,
    /// The client's address.
    pub addr: String,
    /// The client's name.
    pub name: Box<[u8]>,
}

/// See the module's head.
#[derive(Debug, Default)]
pub struct SlowLog(Mutex<Log>);

#[derive(Debug, Default)]
struct Log {
    entries: VecDeque<Arc<Entry>>,
    next_id: u64,
}

impl SlowLog {
    pub(super) fn add(&self, client: &Client, request: &Request<'_>, us: u64, unix_seconds: i64, len_max: u64) {
        if len_max == 0 {
            return;
        }
        let words = words(request);
        let name = client.shared.facts.name.lock().clone().unwrap_or_default();
        let mut log = self.0.lock();
        let id = log.next_id;
        log.next_id += 1;
        let entry = Entry { id, unix_seconds, us, words, addr: client.shared.addr.clone(), name };
        log.entries.push_front(Arc::new(entry));
        log.entries.truncate(usize::try_from(len_max).unwrap_or(usize::MAX));
    }

    /// The newest `count` entries.
    pub fn newest(&self, count: usize) -> Vec<Arc<Entry>> {
        self.0.lock().entries.iter().take(count).cloned().collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.lock().entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all.
    pub fn reset(&self) {
        self.0.lock().entries.clear();
    }
}

fn words(request: &Request<'_>) -> Vec<Box<[u8]>> {
    let total = request.spans.len();
    let kept = if total > WORDS_MAX { WORDS_MAX - 1 } else { total };
    let mut words: Vec<Box<[u8]>> = (0..kept)
        .filter_map(
            |index| if is_secret(request, index) { Some(REDACTED.into()) } else { request.word(index).map(trimmed) },
        )
        .collect();
    if kept < total {
        words.push(format!("... ({} more arguments)", total - kept).into_bytes().into());
    }
    words
}

fn trimmed(word: &[u8]) -> Box<[u8]> {
    if word.len() <= WORD_LEN_MAX {
        return word.into();
    }
    let mut kept = word[..WORD_LEN_MAX].to_vec();
    kept.extend(format!("... ({} more bytes)", word.len() - WORD_LEN_MAX).into_bytes());
    kept.into()
}
