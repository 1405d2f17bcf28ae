//! A core's interpreter for FCALL: the functions that it has compiled.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lua::Reference;
use smallvec::SmallVec;

use super::super::api;
use super::super::machine::Machine;
use super::Found;
use super::library::Library;
use super::load::{self, Loaded, TIMEOUT_KNOWN};
use crate::error::{Error, Result};
use crate::node::Node;

const NOT_FOUND: Error = Error::Plain("ERR Function not found");

/// A function that can be called.
pub(crate) struct Callable {
    pub(crate) found: Found,
    pub(crate) callback: Reference,
}

/// See the module's head.
pub(crate) struct Functions {
    pub(crate) machine: Machine,
    globals: api::FunctionGlobals,
    /// By their names in lower case.
    callables: HashMap<Box<[u8]>, Callable, foldhash::fast::RandomState>,
    /// The shelf's generation that `callables` belongs to.
    generation: u64,
    seed: i32,
}

impl Functions {
    pub(crate) fn new(node: &Node, seed: i32) -> Self {
        let mut machine = Machine::new(seed);
        let globals = api::open_for_functions(&mut machine.state, node);
        machine.state.collect();
        let generation = node.scripts.libraries.generation();
        Self { machine, globals, callables: HashMap::default(), generation, seed }
    }

    /// Whether nothing that it has compiled is there any more.
    pub(crate) fn is_spent(&self, node: &Node) -> bool {
        let libraries = &node.scripts.libraries;
        self.generation != libraries.generation() && libraries.counts().libraries == 0
    }

    /// Forgets what is no longer on the shelf.
    pub(crate) fn follow(&mut self, node: &Node) {
        let libraries = &node.scripts.libraries;
        let generation = libraries.generation();
        if self.generation == generation {
            return;
        }
        if self.is_spent(node) {
            *self = Self::new(node, self.seed.wrapping_add(1));
            return;
        }
        self.generation = generation;
        let Self { machine, callables, .. } = self;
        for (_, gone) in callables.extract_if(|_, callable| !libraries.has(&callable.found.library)) {
            machine.state.forget(gone.callback);
        }
    }

    /// Runs a library's code: what it registers, which nobody can call yet.
    pub(crate) fn load(&mut self, node: &Node, source: &[u8], timeout: Duration) -> Result<Loaded> {
        self.globals.expose(&mut self.machine.state, true);
        let loaded = load::run(&mut self.machine, node, source, timeout);
        self.globals.expose(&mut self.machine.state, false);
        loaded
    }

    /// Makes functions callable here that are on the shelf.
    pub(crate) fn adopt(&mut self, loaded: Loaded) {
        let Loaded { library, callbacks } = loaded;
        for (at, callback) in callbacks.into_iter().enumerate() {
            let name = library.functions[at].name.to_ascii_lowercase().into_bytes();
            let callable = Callable { found: Found { library: library.clone(), at }, callback };
            if let Some(old) = self.callables.insert(name.into(), callable) {
                self.machine.state.forget(old.callback);
            }
        }
    }

    /// Forgets functions that did not come onto the shelf.
    pub(crate) fn forget(&mut self, loaded: Loaded) {
        loaded.callbacks.into_iter().for_each(|callback| self.machine.state.forget(callback));
    }

    /// A function by its name in any case, and what runs it.
    #[inline]
    pub(crate) fn find(&mut self, node: &Node, name: &[u8]) -> Result<(&Callable, &mut Machine)> {
        let mut lower: SmallVec<[u8; 64]> = name.into();
        lower.make_ascii_lowercase();
        self.follow(node);
        if !self.callables.contains_key(&lower[..]) {
            self.fetch(node, &lower)?;
        }
        let Self { callables, machine, .. } = self;
        callables.get(&lower[..]).map(|callable| (callable, machine)).ok_or(NOT_FOUND)
    }

    /// Runs the code of a library that another core, or a file, brought.
    #[cold]
    fn fetch(&mut self, node: &Node, name: &[u8]) -> Result<()> {
        let found = node.scripts.libraries.find(name).ok_or(NOT_FOUND)?;
        let mut loaded = self.load(node, &found.library.source, TIMEOUT_KNOWN)?;
        if !is_same(&loaded.library, &found.library) {
            self.forget(loaded);
            let name = &found.library.name;
            return Err(Error::text(format!("ERR Library '{name}' does not register the same functions each time")));
        }
        // The shelf's own, by which it is known whether it is still there.
        loaded.library = found.library;
        self.adopt(loaded);
        Ok(())
    }
}

fn is_same(one: &Arc<Library>, other: &Arc<Library>) -> bool {
    let names = |library: &Arc<Library>| -> Vec<(Box<str>, u8)> {
        library.functions.iter().map(|function| (function.name.clone(), function.flags)).collect()
    };
    names(one) == names(other)
}
