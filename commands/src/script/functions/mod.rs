//! Functions: libraries that clients load and everybody calls by name.
//!
//! The shelf here has what all cores share: sources, names, flags. `library` reads a library's first line, `load` runs
//! its code once to hear which functions it registers, `vm` is a core's interpreter: it runs a library's code
//! when one of its functions is first called there, so values that a library keeps between calls are a core's own.
//!
//! Invariant: the shelf changes only while all shards are locked, or before the first client: a picture of the keys
//! and the log's order fit it.

pub(crate) mod library;
pub(crate) mod load;
pub(crate) mod vm;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed, Ordering::SeqCst};

use parking_lot::Mutex;

use crate::error::{Error, Result};
use library::{Function, Library};

/// A function with its library.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) library: Arc<Library>,
    at: usize,
}

impl Found {
    pub(crate) fn function(&self) -> &Function {
        &self.library.functions[self.at]
    }
}

/// All libraries at an instant. Names of libraries are exact, those of functions in any case.
#[derive(Default)]
struct Shelf {
    libraries: BTreeMap<Box<str>, Arc<Library>>,
    functions: HashMap<Box<str>, Found>,
    bytes: usize,
}

/// What FUNCTION RESTORE does with the libraries that are there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    /// They all go.
    Flush,
    /// They stay, and may not have the name of one that comes.
    Append,
    /// Those go that have the name of one that comes.
    Replace,
}

/// See the module's head.
#[derive(Default)]
pub(crate) struct Libraries {
    shelf: Mutex<Shelf>,
    /// Grows with each change, so that cores notice.
    generation: AtomicU64,
}

/// How many there are of what.
pub(crate) struct Counts {
    pub(crate) libraries: usize,
    pub(crate) functions: usize,
    pub(crate) bytes: usize,
}

impl Shelf {
    fn put(&mut self, library: Arc<Library>) {
        self.bytes += library.memory_usage();
        for (at, function) in library.functions.iter().enumerate() {
            let found = Found { library: library.clone(), at };
            self.functions.insert(function.name.to_ascii_lowercase().into(), found);
        }
        self.libraries.insert(library.name.clone(), library);
    }

    fn take(&mut self, name: &str) -> Option<Arc<Library>> {
        let library = self.libraries.remove(name)?;
        self.bytes -= library.memory_usage();
        for function in &library.functions {
            self.functions.remove(&*function.name.to_ascii_lowercase());
        }
        Some(library)
    }

    /// The first function of a library that one of another library bears the name of.
    fn collision<'l>(&self, library: &'l Library, is_going: impl Fn(&str) -> bool) -> Option<&'l str> {
        let names = library.functions.iter().map(|function| &*function.name);
        names.into_iter().find(|name| {
            let other = self.functions.get(&*name.to_ascii_lowercase());
            other.is_some_and(|other| !is_going(&other.library.name))
        })
    }
}

fn function_exists(name: &str) -> Error {
    Error::text(format!("ERR Function {name} already exists"))
}

impl Libraries {
    /// See [`Libraries`].
    #[inline]
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Relaxed)
    }

    fn changed(&self) {
        self.generation.fetch_add(1, SeqCst);
    }

    /// Whether there is a library, so that a load can be refused before its code runs.
    pub(crate) fn refuses(&self, name: &str, replaces: bool) -> Result<()> {
        if !replaces && self.shelf.lock().libraries.contains_key(name) {
            return Err(Error::text(format!("ERR Library '{name}' already exists")));
        }
        Ok(())
    }

    /// Adds a library, in place of the one of its name where that may go.
    pub(crate) fn add(&self, library: Arc<Library>, replaces: bool) -> Result<()> {
        self.refuses(&library.name, replaces)?;
        let mut shelf = self.shelf.lock();
        if let Some(name) = shelf.collision(&library, |other| *other == *library.name) {
            return Err(function_exists(name));
        }
        shelf.take(&library.name);
        shelf.put(library);
        self.changed();
        Ok(())
    }

    /// Adds libraries of a payload or a file, all or none.
    pub(crate) fn restore(&self, fresh: Vec<Arc<Library>>, policy: Policy) -> Result<()> {
        let mut coming = Shelf::default();
        for library in fresh {
            if coming.libraries.contains_key(&library.name) {
                return Err(Error::text(format!("ERR Library '{}' already exists", library.name)));
            }
            if let Some(name) = coming.collision(&library, |_| false) {
                return Err(function_exists(name));
            }
            coming.put(library);
        }
        let mut shelf = self.shelf.lock();
        if policy == Policy::Flush {
            *shelf = coming;
        } else {
            let is_going = |name: &str| policy == Policy::Replace && coming.libraries.contains_key(name);
            for library in coming.libraries.values() {
                if shelf.libraries.contains_key(&library.name) && !is_going(&library.name) {
                    return Err(Error::text(format!("ERR Library {} already exists", library.name)));
                }
                if let Some(name) = shelf.collision(library, is_going) {
                    return Err(function_exists(name));
                }
            }
            for (name, library) in coming.libraries {
                shelf.take(&name);
                shelf.put(library);
            }
        }
        self.changed();
        Ok(())
    }

    /// Removes a library; whether there was one.
    pub(crate) fn remove(&self, name: &[u8]) -> bool {
        let removed = std::str::from_utf8(name).ok().and_then(|name| self.shelf.lock().take(name));
        self.changed();
        removed.is_some()
    }

    /// Removes all libraries: what they were, to be dropped, and how many functions they had.
    pub(crate) fn clear(&self) -> (Box<dyn Send>, usize) {
        let shelf = std::mem::take(&mut *self.shelf.lock());
        self.changed();
        let functions = shelf.functions.len();
        (Box::new(shelf), functions)
    }

    /// A function by its name in lower case.
    pub(crate) fn find(&self, name: &[u8]) -> Option<Found> {
        std::str::from_utf8(name).ok().and_then(|name| self.shelf.lock().functions.get(name).cloned())
    }

    /// Whether a library is still the one that is meant.
    fn has(&self, library: &Arc<Library>) -> bool {
        self.shelf.lock().libraries.get(&library.name).is_some_and(|known| Arc::ptr_eq(known, library))
    }

    /// All libraries, by name.
    pub(crate) fn all(&self) -> Vec<Arc<Library>> {
        self.shelf.lock().libraries.values().cloned().collect()
    }

    /// How many there are.
    pub(crate) fn counts(&self) -> Counts {
        let shelf = self.shelf.lock();
        Counts { libraries: shelf.libraries.len(), functions: shelf.functions.len(), bytes: shelf.bytes }
    }
}
