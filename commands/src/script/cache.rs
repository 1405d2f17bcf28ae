//! The scripts of EVAL and SCRIPT LOAD by the SHA-1 of their text. Those that only EVAL brought are forgotten when
//! there are too many, the one first that was not used for longest.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};

use lru::LruCache;
use parking_lot::Mutex;
use sha1::{Digest, Sha1};

use super::shebang;
use crate::error::Result;

/// 40 hex digits, lower case.
pub(crate) type Sha = [u8; 40];

/// Scripts of EVAL that are remembered.
const EVALUATED_MAX: NonZeroUsize = NonZeroUsize::new(500).unwrap();

/// A script's text and what its first line says.
pub(crate) struct Script {
    pub(crate) sha: Sha,
    pub(crate) body: Box<[u8]>,
    /// See [`shebang::may`].
    pub(crate) flags: u8,
    /// Where the code begins, behind the first line's words.
    pub(crate) code_at: usize,
    /// It is forgotten: who has it compiled forgets it, too.
    pub(crate) is_gone: AtomicBool,
    /// How many scripts had come when it was last used.
    used_at: AtomicU64,
}

impl Script {
    fn new(sha: Sha, body: &[u8]) -> Result<Self> {
        let (flags, code) = shebang::read(body)?;
        let code_at = body.len() - code.len();
        let (is_gone, used_at) = (AtomicBool::new(false), AtomicU64::new(0));
        Ok(Self { sha, body: body.into(), flags, code_at, is_gone, used_at })
    }

    /// What the interpreter compiles.
    pub(crate) fn code(&self) -> &[u8] {
        &self.body[self.code_at..]
    }

    fn memory_usage(&self) -> usize {
        size_of::<Self>() + self.body.len() + size_of::<Sha>()
    }
}

/// See the module's head.
pub(crate) struct Cache {
    inner: Mutex<Inner>,
    /// Grows when all scripts are forgotten.
    generation: AtomicU64,
    /// How many scripts came so far.
    came: AtomicU64,
    evicted: AtomicU64,
}

struct Inner {
    loaded: HashMap<Sha, Arc<Script>>,
    evaluated: LruCache<Sha, Arc<Script>>,
    bytes: usize,
}

impl Default for Cache {
    fn default() -> Self {
        let inner = Inner { loaded: HashMap::new(), evaluated: LruCache::new(EVALUATED_MAX), bytes: 0 };
        Self {
            inner: Mutex::new(inner),
            generation: AtomicU64::new(0),
            came: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
        }
    }
}

/// The SHA-1 of a text.
pub(crate) fn sha_of(body: &[u8]) -> Sha {
    hex(&Sha1::digest(body))
}

/// Lower-case hex digits of a digest.
pub(crate) fn hex(digest: &[u8]) -> Sha {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut sha = [0; 40];
    for (pair, byte) in sha.chunks_exact_mut(2).zip(digest) {
        pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    sha
}

/// A SHA-1 as clients write it, in any case.
pub(crate) fn parse_sha(word: &[u8]) -> Option<Sha> {
    let mut sha: Sha = word.try_into().ok()?;
    sha.make_ascii_lowercase();
    Some(sha)
}

impl Cache {
    /// See [`Cache::flush`].
    #[inline]
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Relaxed)
    }

    /// A script that is known.
    pub(crate) fn find(&self, sha: &Sha) -> Option<Arc<Script>> {
        let mut inner = self.inner.lock();
        inner.loaded.get(sha).cloned().or_else(|| inner.evaluated.get(sha).cloned())
    }

    /// A script that may be new; one that is to stay is never forgotten for others.
    pub(crate) fn add(&self, sha: &Sha, body: &[u8], stays: bool) -> Result<Arc<Script>> {
        let mut inner = self.inner.lock();
        if let Some(known) = inner.loaded.get(sha) {
            return Ok(known.clone());
        }
        let known = if stays { inner.evaluated.pop(sha) } else { inner.evaluated.get(sha).cloned() };
        let script = match known {
            Some(known) if !stays => return Ok(known),
            Some(known) => known,
            None => {
                let script = Arc::new(Script::new(*sha, body)?);
                inner.bytes += script.memory_usage();
                script
            }
        };
        let came = self.came.fetch_add(1, Relaxed) + 1;
        script.used_at.store(came, Relaxed);
        if stays {
            inner.loaded.insert(*sha, script.clone());
        } else if let Some((_, oldest)) = inner.evaluated.push(*sha, script.clone()) {
            inner.bytes -= oldest.memory_usage();
            oldest.is_gone.store(true, SeqCst);
            self.evicted.fetch_add(1, Relaxed);
        }
        Ok(script)
    }

    /// Takes note of a use. As long as no script comes, which of them was used last makes no difference.
    #[inline]
    pub(crate) fn touch(&self, script: &Script) {
        let came = self.came.load(Relaxed);
        if script.used_at.load(Relaxed) != came {
            script.used_at.store(came, Relaxed);
            self.inner.lock().evaluated.promote(&script.sha);
        }
    }

    /// Forgets a script that could not be compiled.
    pub(crate) fn remove(&self, sha: &Sha) {
        let mut inner = self.inner.lock();
        let removed = inner.loaded.remove(sha).or_else(|| inner.evaluated.pop(sha));
        if let Some(script) = removed {
            inner.bytes -= script.memory_usage();
            script.is_gone.store(true, SeqCst);
        }
    }

    /// Forgets all.
    pub(crate) fn flush(&self) {
        let mut inner = self.inner.lock();
        inner.loaded.clear();
        inner.evaluated.clear();
        inner.bytes = 0;
        self.generation.fetch_add(1, SeqCst);
    }

    /// How many there are, their bytes, and how many were forgotten for others.
    pub(crate) fn counts(&self) -> (usize, usize, u64) {
        let inner = self.inner.lock();
        (inner.loaded.len() + inner.evaluated.len(), inner.bytes, self.evicted.load(Relaxed))
    }
}
