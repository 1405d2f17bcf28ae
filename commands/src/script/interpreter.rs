//! A core's interpreter: what it has compiled, and the room that its runs share.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use lua::{Reference, State};
use resp::{Proto, Span, Writer};

use super::api;
use super::cache::{Script, Sha};
use crate::error::{Error, Result};
use crate::node::Node;
use crate::request::HashedKey;

/// Bytes that the scripts of one core may use.
const MEMORY_MAX: usize = 256 << 20;
/// Garbage beyond this is collected at once when a script is done.
const KEPT_MAX: usize = 16 << 20;
/// Compiled scripts from which on forgotten ones are looked for.
const COMPILED_MAX: usize = 1024;

/// Room for the requests of a script and their replies, used again and again.
pub(crate) struct Scratch {
    pub(crate) reply: Writer,
    pub(crate) words: Vec<u8>,
    pub(crate) spans: Vec<Span>,
    pub(crate) hashes: Vec<HashedKey>,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self { reply: Writer::new(Proto::Resp2), words: Vec::new(), spans: Vec::new(), hashes: Vec::new() }
    }
}

/// The interpreters of a core; while a script runs, its own is taken out.
#[derive(Default)]
pub(crate) struct Interpreters {
    /// For EVAL.
    pub(crate) scripts: RefCell<Option<Box<Interpreter>>>,
}

/// A compiled script.
struct Compiled {
    script: Arc<Script>,
    function: Reference,
}

/// See the module's head.
pub(crate) struct Interpreter {
    pub(crate) state: State,
    pub(crate) scratch: Scratch,
    compiled: HashMap<Sha, Compiled, foldhash::fast::RandomState>,
    /// The cache's generation that `compiled` belongs to.
    generation: u64,
    /// Live bytes after the last collection.
    kept: usize,
    seed: i32,
}

impl Interpreter {
    pub(crate) fn new(node: &Node, seed: i32) -> Self {
        let mut state = State::new(MEMORY_MAX);
        state.seed(seed);
        api::open(&mut state, node, false);
        let generation = node.scripts.cache.generation();
        Self { state, scratch: Scratch::new(), compiled: HashMap::default(), generation, kept: 0, seed }
    }

    /// Bytes that the interpreter uses.
    pub(crate) fn bytes(&self) -> usize {
        self.state.bytes()
    }

    /// Forgets everything if SCRIPT FLUSH was called since the last time.
    fn follow(&mut self, node: &Node) {
        if self.generation != node.scripts.cache.generation() {
            *self = Self::new(node, self.seed.wrapping_add(1));
        }
    }

    /// A script that this core has compiled, if it is still known.
    #[inline]
    pub(crate) fn find(&mut self, node: &Node, sha: &Sha) -> Option<Arc<Script>> {
        self.follow(node);
        let found = self.compiled.get(sha)?;
        if found.script.is_gone.load(std::sync::atomic::Ordering::Relaxed) {
            return None;
        }
        node.scripts.cache.touch(&found.script);
        Some(found.script.clone())
    }

    /// Compiles a script.
    pub(crate) fn compile(&mut self, script: &Arc<Script>) -> Result<()> {
        if self.compiled.contains_key(&script.sha) {
            self.forget(&script.sha);
        }
        if self.compiled.len() >= COMPILED_MAX {
            self.forget_gone();
        }
        if self.state.load(script.code(), c"@user_script").is_err() {
            let stack = self.state.stack();
            let text = String::from_utf8_lossy(stack.text(-1).unwrap_or(b"out of memory")).into_owned();
            self.state.stack().set_len(0);
            return Err(Error::text(format!("ERR Error compiling script (new function): {text}")));
        }
        let function = self.state.keep();
        self.compiled.insert(script.sha, Compiled { script: script.clone(), function });
        Ok(())
    }

    fn forget(&mut self, sha: &Sha) {
        if let Some(compiled) = self.compiled.remove(sha) {
            self.state.forget(compiled.function);
        }
    }

    fn forget_gone(&mut self) {
        let is_gone = |compiled: &Compiled| compiled.script.is_gone.load(std::sync::atomic::Ordering::Relaxed);
        let gone: Vec<Sha> =
            self.compiled.iter().filter(|(_, compiled)| is_gone(compiled)).map(|(sha, _)| *sha).collect();
        gone.iter().for_each(|sha| self.forget(sha));
    }

    /// Pushes a compiled script's function.
    pub(crate) fn push(&mut self, sha: &Sha) {
        match self.compiled.get(sha) {
            Some(compiled) => self.state.push_kept(&compiled.function),
            None => self.state.stack().push_nil(),
        }
    }

    /// After a run: what it left on the stack goes, and garbage when it is much.
    pub(crate) fn settle(&mut self) {
        self.state.stack().set_len(0);
        if self.state.bytes() > self.kept * 2 + KEPT_MAX {
            self.state.collect();
            self.kept = self.state.bytes();
        }
        let Scratch { reply, words, .. } = &mut self.scratch;
        reply.clear();
        if words.capacity() + reply.capacity() > KEPT_MAX {
            words.clear();
            words.shrink_to(0);
            reply.shrink_to(0);
        }
    }
}
