//! SORT's words.

use keyspace::keys::Key;
use smallvec::SmallVec;

use crate::args::{Arg, Args};
use crate::error::{Error, Result};
use crate::request::Request;
use crate::spec::key;

/// What SORT was asked for.
pub(super) struct Options<'a> {
    pub(super) by: Option<&'a [u8]>,
    pub(super) gets: SmallVec<[&'a [u8]; 4]>,
    pub(super) offset: i64,
    /// Negative: all.
    pub(super) count: i64,
    pub(super) descending: bool,
    pub(super) alpha: bool,
    pub(super) store: Option<Key<'a>>,
}

impl<'a> Options<'a> {
    pub(super) fn parse(mut words: Args<'a>, may_store: bool, reads_all: impl Fn() -> bool) -> Result<Self> {
        let mut found = Self {
            by: None,
            gets: SmallVec::new(),
            offset: 0,
            count: -1,
            descending: false,
            alpha: false,
            store: None,
        };
        while !words.is_empty() {
            // A token whose value is missing is no token.
            let left = words.len() - 1;
            match () {
                () if words.take_token("ASC") => found.descending = false,
                () if words.take_token("DESC") => found.descending = true,
                () if words.take_token("ALPHA") => found.alpha = true,
                () if left >= 2 && words.take_token("LIMIT") => {
                    found.offset = i64::take(&mut words)?;
                    found.count = i64::take(&mut words)?;
                }
                () if left >= 1 && may_store && words.take_token("STORE") => found.store = Some(words.key()?),
                () if left >= 1 && words.take_token("BY") => {
                    found.by = Some(words.word()?);
                    if !found.keeps_order() && !reads_all() {
                        return Err(Error::Plain("ERR BY option of SORT denied due to insufficient ACL permissions."));
                    }
                }
                () if left >= 1 && words.take_token("GET") => {
                    found.gets.push(words.word()?);
                    if !reads_all() {
                        return Err(Error::Plain("ERR GET option of SORT denied due to insufficient ACL permissions."));
                    }
                }
                () => return Err(Error::Syntax),
            }
        }
        Ok(found)
    }

    /// A pattern without a star is the same for all elements: a way to say that they stay as they are.
    pub(super) fn keeps_order(&self) -> bool {
        self.by.is_some_and(|by| !by.contains(&b'*'))
    }

    /// The places asked for in a sequence of `len` elements.
    pub(super) fn range(&self, len: usize) -> std::ops::Range<usize> {
        let start = usize::try_from(self.offset).unwrap_or(0).min(len);
        let count = usize::try_from(self.count).unwrap_or(len);
        start..start.saturating_add(count).min(len)
    }
}

/// The key after STORE, the last one if there are several.
pub(super) fn stored_key(request: &Request<'_>, visit: &mut dyn FnMut(usize, u16)) {
    let (mut at, mut found) = (2, None);
    while let Some(word) = request.word(at) {
        let is = |token: &[u8]| word.eq_ignore_ascii_case(token);
        at += match () {
            () if is(b"LIMIT") => 3,
            () if is(b"GET") || is(b"BY") => 2,
            () if is(b"STORE") => {
                found = Some(at + 1).filter(|&place| request.word(place).is_some());
                2
            }
            () => 1,
        };
    }
    if let Some(place) = found {
        visit(place, key::OW | key::UPDATE);
    }
}
