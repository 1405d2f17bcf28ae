//! An interpreter with the room that its runs share.

use std::cell::{Cell, RefCell};

use lua::State;
use resp::{Proto, Span, Writer};

use super::functions::vm::Functions;
use super::interpreter::Interpreter;
use crate::node::memory::publish_thread;
use crate::request::HashedKey;

/// Bytes that the scripts of one core may use.
const MEMORY_MAX: usize = 256 << 20;
/// Garbage beyond this is collected at once when a script is done.
const KEPT_MAX: usize = 16 << 20;

/// Room for the requests of a script and their replies, used again and again.
pub(crate) struct Scratch {
    pub(crate) reply: Writer,
    pub(crate) words: Vec<u8>,
    pub(crate) spans: Vec<Span>,
    pub(crate) hashes: Vec<HashedKey>,
}

impl Scratch {
    fn new() -> Self {
        Self { reply: Writer::new(Proto::Resp2), words: Vec::new(), spans: Vec::new(), hashes: Vec::new() }
    }
}

/// The interpreters of a core; while a script runs, its own is taken out.
#[derive(Default)]
pub(crate) struct Interpreters {
    /// For EVAL.
    pub(crate) scripts: RefCell<Option<Box<Interpreter>>>,
    /// For FCALL.
    pub(crate) functions: RefCell<Option<Box<Functions>>>,
    /// The time for all of a script, from its first look at the clock on; 0: none so far.
    pub(crate) time_us: Cell<i64>,
}

/// See the module's head.
pub(crate) struct Machine {
    pub(crate) state: State,
    pub(crate) scratch: Scratch,
    /// Live bytes after the last collection.
    kept: usize,
}

impl Machine {
    pub(crate) fn new(seed: i32) -> Self {
        let mut state = State::new(MEMORY_MAX);
        state.seed(seed);
        Self { state, scratch: Scratch::new(), kept: 0 }
    }

    /// Bytes that the interpreter uses.
    pub(crate) fn bytes(&self) -> usize {
        self.state.bytes()
    }

    /// After a run: what it left on the stack goes, and garbage when it is much.
    pub(crate) fn settle(&mut self) {
        self.state.stack().set_len(0);
        if self.state.bytes() > self.kept + KEPT_MAX {
            self.state.collect();
            self.kept = self.state.bytes();
            // What used_memory tells would have all of it until the next tick.
            publish_thread();
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
