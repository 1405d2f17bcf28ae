//! Libraries of functions as files and the log keep them: sources alone, which say their names.

use std::sync::Arc;

use super::Node;
use super::core::Core;
use crate::error::{Error, Result};
use crate::script::functions::Policy;
use crate::script::functions::library::Library;
use crate::script::functions::load::TIMEOUT_KNOWN;
use crate::script::functions::vm::Functions;

/// A library's source, first line and all.
pub type Source = Arc<[u8]>;

impl Node {
    /// The sources of all libraries, by name. They fit a picture of the keys when all shards are locked.
    pub fn library_sources(&self) -> Vec<Source> {
        self.scripts.libraries.all().iter().map(|library| library.source.clone()).collect()
    }

    /// Loads libraries of a file, all or none: beside those that are there, or in their place. An error names the
    /// library.
    pub fn load_libraries<S: AsRef<[u8]>>(&self, sources: &[S], merges: bool) -> std::result::Result<(), String> {
        let policy = if merges { Policy::Replace } else { Policy::Append };
        let fresh = self.read_libraries(sources);
        let result = fresh.and_then(|fresh| self.scripts.libraries.restore(fresh, policy));
        result.map_err(|error| error.line("").into_owned())
    }

    /// Runs the code of libraries, each on its own, to know what they register.
    pub(crate) fn read_libraries<S: AsRef<[u8]>>(&self, sources: &[S]) -> Result<Vec<Arc<Library>>> {
        if sources.is_empty() {
            return Ok(Vec::new());
        }
        let mut functions = Functions::new(self, 0);
        let load = |source: &S| {
            let loaded = functions.load(self, source.as_ref(), TIMEOUT_KNOWN).map_err(|error| {
                let line = error.line("");
                Error::text(format!("ERR Failed creating the library: {}", line.strip_prefix("ERR ").unwrap_or(&line)))
            })?;
            let library = loaded.library.clone();
            functions.forget(loaded);
            Ok(library)
        };
        sources.iter().map(load).collect()
    }

    /// Gives up a core's interpreter of functions once there are none.
    pub(crate) fn drop_spent_functions(&self, core: &Core) {
        let place = &core.interpreters.functions;
        if place.borrow().as_ref().is_some_and(|functions| functions.is_spent(self)) {
            place.take();
            core.stats.function_bytes.set(0);
        }
    }

    /// Removes all libraries; in the background, where that is told apart.
    pub(crate) fn flush_libraries(&self, lazily: bool) {
        let (libraries, functions) = self.scripts.libraries.clear();
        // Cores give their interpreters up at their next tick.
        self.cores.iter().for_each(|core| core.function_bytes.set(0));
        if lazily {
            // The interpreter that ran them counts, too.
            keyspace::object::discard_counted(libraries, functions + 1);
        }
    }
}
