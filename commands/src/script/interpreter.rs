//! A core's interpreter for EVAL: the scripts that it has compiled.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use lua::Reference;

use super::api;
use super::cache::{Script, Sha};
use super::machine::Machine;
use crate::error::{Error, Result};
use crate::node::Node;

/// Compiled scripts from which on forgotten ones are looked for.
const COMPILED_MAX: usize = 1024;

/// A compiled script.
pub(crate) struct Compiled {
    pub(crate) script: Arc<Script>,
    pub(crate) function: Reference,
}

/// See the module's head.
pub(crate) struct Interpreter {
    pub(crate) machine: Machine,
    compiled: HashMap<Sha, Compiled, foldhash::fast::RandomState>,
    /// The cache's generation that `compiled` belongs to.
    generation: u64,
    seed: i32,
}

impl Interpreter {
    pub(crate) fn new(node: &Node, seed: i32) -> Self {
        let mut machine = Machine::new(seed);
        api::open(&mut machine.state, node, false);
        machine.state.collect();
        let generation = node.scripts.cache.generation();
        Self { machine, compiled: HashMap::default(), generation, seed }
    }

    /// Forgets everything if SCRIPT FLUSH was called since the last time.
    pub(crate) fn follow(&mut self, node: &Node) {
        if self.generation != node.scripts.cache.generation() {
            *self = Self::new(node, self.seed.wrapping_add(1));
        }
    }

    /// A script that this core has compiled, if it is still known, and what runs it.
    #[inline]
    pub(crate) fn find(&mut self, node: &Node, sha: &Sha) -> Option<(&Compiled, &mut Machine)> {
        let found = self.compiled.get(sha)?;
        if found.script.is_gone.load(Relaxed) {
            return None;
        }
        node.scripts.cache.touch(&found.script);
        Some((found, &mut self.machine))
    }

    /// Compiles a script.
    pub(crate) fn compile(&mut self, script: &Arc<Script>) -> Result<(&Compiled, &mut Machine)> {
        if self.compiled.contains_key(&script.sha) {
            self.forget(&script.sha);
        }
        if self.compiled.len() >= COMPILED_MAX {
            self.forget_gone();
        }
        let Self { machine, compiled, .. } = self;
        let state = &mut machine.state;
        if state.load(script.code(), c"@user_script").is_err() {
            let stack = state.stack();
            let text = String::from_utf8_lossy(stack.text(-1).unwrap_or(b"out of memory")).into_owned();
            state.stack().set_len(0);
            return Err(Error::text(format!("ERR Error compiling script (new function): {text}")));
        }
        let function = state.keep();
        let compiled = compiled.entry(script.sha).insert_entry(Compiled { script: script.clone(), function });
        Ok((compiled.into_mut(), machine))
    }

    fn forget(&mut self, sha: &Sha) {
        if let Some(compiled) = self.compiled.remove(sha) {
            self.machine.state.forget(compiled.function);
        }
    }

    fn forget_gone(&mut self) {
        let is_gone = |compiled: &Compiled| compiled.script.is_gone.load(Relaxed);
        let gone: Vec<Sha> =
            self.compiled.iter().filter(|(_, compiled)| is_gone(compiled)).map(|(sha, _)| *sha).collect();
        gone.iter().for_each(|sha| self.forget(sha));
    }
}
