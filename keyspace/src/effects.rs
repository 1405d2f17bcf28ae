//! Effects: what commands did, in words that do the same again, whenever and wherever they are run. The log keeps
//! them, replicas will be fed with them.
//!
//! # Invariants
//! - The buffer holds one record: whole requests as RESP arrays. A record begins in database 0; SELECT stands before
//!   an effect in another database than the one before it.
//! - Where an effect could be cut from the next one, MULTI and EXEC stand around them.
//! - While nobody wants effects (`is_on`), none are collected.

/// See the module's head. One for each core, reused: collecting allocates nothing once the buffer has grown.
#[derive(Debug, Default)]
pub struct Effects {
    bytes: Vec<u8>,
    db: usize,
    count: usize,
    is_on: bool,
    is_said: bool,
    /// UNLINK in place of DEL for keys whose time is over.
    unlinks_expired: bool,
    is_loose: bool,
}

/// A place in a record that is being made.
#[derive(Clone, Copy, Debug)]
pub struct EffectsMark {
    len: usize,
    db: usize,
    count: usize,
}

/// Bytes that the buffer keeps between records.
const KEPT_LEN: usize = 1024 * 1024;

const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

impl Effects {
    /// Collects effects from now on; `unlinks_expired` is `lazyfree-lazy-expire`.
    pub fn turn_on(&mut self, unlinks_expired: bool) {
        self.is_on = true;
        self.unlinks_expired = unlinks_expired;
    }

    /// Collects none from now on.
    #[inline]
    pub fn turn_off(&mut self) {
        self.is_on = false;
    }

    /// Collects them, or not, for a while: answers what it was before.
    pub fn set_on(&mut self, is_on: bool) -> bool {
        std::mem::replace(&mut self.is_on, is_on)
    }

    /// Whether effects are wanted.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// The effects that follow need not happen together (what expires, what is evicted).
    pub fn loosen(&mut self) {
        self.is_loose = true;
    }

    /// A request begins: it has not said anything about its effect yet.
    #[inline]
    pub fn begin_request(&mut self) {
        self.is_said = false;
    }

    /// Whether the request said its effect itself, or that it has none.
    #[inline]
    pub fn is_said(&self) -> bool {
        self.is_said
    }

    /// The request's own words are not its effect.
    #[inline]
    pub fn suppress_words(&mut self) {
        self.is_said = true;
    }

    /// Adds an effect in a database.
    pub fn push<'w>(&mut self, db: usize, words: impl ExactSizeIterator<Item = &'w [u8]>) {
        if !self.is_on {
            return;
        }
        self.begin_effect(db);
        push_head(&mut self.bytes, b'*', words.len());
        words.for_each(|word| push_word(&mut self.bytes, word));
    }

    /// Adds an effect that is a RESP array already.
    #[inline]
    pub fn push_raw(&mut self, db: usize, request: &[u8]) {
        if self.is_on {
            self.begin_effect(db);
            self.bytes.extend_from_slice(request);
        }
    }

    /// Adds the removal of a key whose time is over.
    pub fn push_expired(&mut self, db: usize, key: &[u8]) {
        let removal: &[u8] = if self.unlinks_expired { b"UNLINK" } else { b"DEL" };
        self.push(db, [removal, key].into_iter());
    }

    #[inline]
    fn begin_effect(&mut self, db: usize) {
        self.count += 1;
        if self.count == 2 && !self.is_loose {
            self.bytes.splice(0..0, MULTI.iter().copied());
        }
        if db != self.db {
            self.db = db;
            let mut digits = Vec::new();
            base::number::push_i64(&mut digits, db as i64);
            push_head(&mut self.bytes, b'*', 2);
            push_word(&mut self.bytes, b"SELECT");
            push_word(&mut self.bytes, &digits);
        }
    }

    /// How far the record has come.
    pub fn mark(&self) -> EffectsMark {
        EffectsMark { len: self.bytes.len(), db: self.db, count: self.count }
    }

    /// Takes back what was added since a mark.
    pub fn truncate(&mut self, mark: EffectsMark) {
        if mark.count < 2 && self.count >= 2 && !self.is_loose {
            self.bytes.drain(..MULTI.len());
        }
        self.bytes.truncate(mark.len);
        (self.db, self.count) = (mark.db, mark.count);
    }

    /// Whether there is a record.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The whole record.
    #[inline]
    pub fn finish(&mut self) -> &[u8] {
        if self.count > 1 && !self.is_loose {
            self.bytes.extend_from_slice(EXEC);
        }
        &self.bytes
    }

    /// Makes room for the next record.
    #[inline]
    pub fn clear(&mut self) {
        self.bytes.clear();
        if self.bytes.capacity() > KEPT_LEN {
            self.bytes.shrink_to(KEPT_LEN);
        }
        (self.db, self.count, self.is_loose) = (0, 0, false);
    }
}

/// `*3` or `$12`, and the line's end.
#[inline]
fn push_head(bytes: &mut Vec<u8>, mark: u8, count: usize) {
    bytes.push(mark);
    if count < 10 {
        bytes.push(b'0' + count as u8);
    } else {
        base::number::push_i64(bytes, count as i64);
    }
    bytes.extend_from_slice(b"\r\n");
}

#[inline]
fn push_word(bytes: &mut Vec<u8>, word: &[u8]) {
    push_head(bytes, b'$', word.len());
    bytes.extend_from_slice(word);
    bytes.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(effects: &mut Effects) -> String {
        let text = String::from_utf8_lossy(effects.finish()).replace("\r\n", " ");
        effects.clear();
        text.trim_end().to_owned()
    }

    fn push(effects: &mut Effects, db: usize, words: &str) {
        effects.push(db, words.split(' ').map(str::as_bytes).collect::<Vec<_>>().into_iter());
    }

    #[test]
    fn one_stands_alone_and_several_together() {
        let mut effects = Effects::default();
        push(&mut effects, 0, "DEL a");
        assert!(effects.is_empty(), "nobody asked");
        effects.turn_on(false);
        push(&mut effects, 0, "DEL a");
        assert_eq!(record(&mut effects), "*2 $3 DEL $1 a");
        push(&mut effects, 3, "DEL a");
        assert_eq!(record(&mut effects), "*2 $6 SELECT $1 3 *2 $3 DEL $1 a");
        effects.push_raw(0, b"*1\r\n$8\r\nFLUSHALL\r\n");
        push(&mut effects, 12, "DEL abcdefghijkl");
        push(&mut effects, 0, "DEL b");
        let several = "*1 $5 MULTI *1 $8 FLUSHALL *2 $6 SELECT $2 12 *2 $3 DEL $12 abcdefghijkl \
                       *2 $6 SELECT $1 0 *2 $3 DEL $1 b *1 $4 EXEC";
        assert_eq!(record(&mut effects), several);
        for before in 0..3 {
            (0..before).for_each(|_| push(&mut effects, 1, "DEL a"));
            let mark = effects.mark();
            (0..before).for_each(|_| push(&mut effects, 2, "DEL b"));
            push(&mut effects, 3, "DEL c");
            effects.truncate(mark);
            push(&mut effects, 1, "DEL a");
            let taken_back = record(&mut effects);
            (0..=before).for_each(|_| push(&mut effects, 1, "DEL a"));
            assert_eq!(taken_back, record(&mut effects));
        }
        effects.loosen();
        effects.push_expired(0, b"a");
        effects.push_expired(0, b"b");
        assert_eq!(record(&mut effects), "*2 $3 DEL $1 a *2 $3 DEL $1 b");
        effects.turn_on(true);
        effects.push_expired(0, b"a");
        assert_eq!(record(&mut effects), "*2 $6 UNLINK $1 a");
    }
}
