//! An interpreter: what it may use, what it can call, and how it is called.
//!
//! # Invariants
//! - Errors end at `lua_hostpcall`: no frame of Rust lies between it and where they are raised. Functions of the host
//!   answer an error instead of raising it, and a panic in one is held until the interpreter has returned.
//! - `Shared` stays where it is for as long as the state lives: the interpreter has its address.
//! - The host of a call is reachable only while that call lasts.
#![allow(unsafe_code)]

use std::alloc::{Layout, handle_alloc_error};
use std::any::Any;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::ffi::{self, LuaState};
use crate::libraries;
use crate::stack::{Kind, Raised, Stack};

/// A function of the host that needs nothing but its arguments; answers the number of results on top of the stack.
pub type Native = fn(&mut Stack<'_>) -> Result<i32, Raised>;

/// Who runs a script.
pub trait Host {
    /// Runs a function that [`State::push_host_function`] made: its number of results on top of the stack.
    fn call(&mut self, function: usize, stack: &mut Stack<'_>) -> Result<i32, Raised>;

    /// Asked now and then, also from within native loops; a message stops the script, and nothing in it can hold
    /// that up.
    fn check(&mut self) -> Option<&'static CStr>;
}

/// A value that scripts cannot reach, kept for the host.
#[derive(Debug)]
pub struct Reference(c_int);

/// Tells host functions from native ones: addresses of functions are larger.
const HOST_FUNCTIONS: usize = 4096;

struct Shared {
    host: Option<*mut dyn Host>,
    panic: Option<Box<dyn Any + Send>>,
}

/// See the module's head.
pub struct State {
    state: *mut LuaState,
    shared: *mut Shared,
    handler: Option<Reference>,
    /// Not `Send`: hosts are of one thread.
    thread: PhantomData<*const ()>,
}

extern "C" fn allocate(_: *mut c_void, block: *mut c_void, old: usize, new: usize) -> *mut c_void {
    const ALIGN: usize = 16;
    let layout = |size| Layout::from_size_align(size, ALIGN).unwrap_or(Layout::new::<u8>());
    // SAFETY: the interpreter says the size that it was given with each block; blocks of size 0 are null.
    unsafe {
        let made = match (old, new) {
            (0, 0) => return std::ptr::null_mut(),
            (0, _) => std::alloc::alloc(layout(new)),
            (_, 0) => {
                std::alloc::dealloc(block.cast(), layout(old));
                return std::ptr::null_mut();
            }
            _ => std::alloc::realloc(block.cast(), layout(old), new),
        };
        if made.is_null() {
            handle_alloc_error(layout(new));
        }
        made.cast()
    }
}

extern "C" fn call(state: *mut LuaState, function: *mut c_void, shared: *mut c_void) -> c_int {
    // SAFETY: the interpreter gives its own state and what `new` gave it; the host runs until this returns.
    let (mut stack, shared) = unsafe { (Stack::new(state), shared.cast::<Shared>()) };
    let run = AssertUnwindSafe(|| {
        if (function as usize) < HOST_FUNCTIONS {
            // SAFETY: `shared` is ours.
            match unsafe { (*shared).host } {
                // SAFETY: the host of the running call; nothing else refers to it meanwhile.
                Some(host) => unsafe { (*host).call(function as usize, &mut stack) },
                None => Err(stack.raise("ERR no script runs")),
            }
        } else {
            // SAFETY: only `push_native` makes such functions, of a `Native`.
            let native = unsafe { std::mem::transmute::<*mut c_void, Native>(function) };
            native(&mut stack)
        }
    });
    match catch_unwind(run) {
        Ok(Ok(results)) => results,
        Ok(Err(Raised)) => -1,
        Err(payload) => {
            // SAFETY: as above.
            unsafe {
                (*shared).panic = Some(payload);
                ffi::lua_hostinterrupt(state, c"the host panicked".as_ptr());
            }
            stack.push_nil();
            -1
        }
    }
}

extern "C" fn check(shared: *mut c_void) -> *const c_char {
    let shared = shared.cast::<Shared>();
    // SAFETY: what `new` gave the interpreter; the host of the running call.
    unsafe {
        let Some(host) = (*shared).host else { return std::ptr::null() };
        match catch_unwind(AssertUnwindSafe(|| (*host).check())) {
            Ok(None) => std::ptr::null(),
            Ok(Some(message)) => message.as_ptr(),
            Err(payload) => {
                (*shared).panic = Some(payload);
                c"the host panicked".as_ptr()
            }
        }
    }
}

impl State {
    /// An interpreter with Lua's libraries and those of scripts, whose scripts may use so many bytes.
    pub fn new(memory_max: usize) -> Self {
        let shared = Box::into_raw(Box::new(Shared { host: None, panic: None }));
        // SAFETY: `shared` lives until `drop`.
        let state = unsafe { ffi::lua_hostnew(allocate, call, check, shared.cast()) };
        assert!(!state.is_null(), "an empty interpreter needs no more than memory, and want of that ends the process");
        let mut new = Self { state, shared, handler: None, thread: PhantomData };
        new.open();
        // SAFETY: the state lives.
        unsafe { ffi::lua_hostlimit(state, memory_max) };
        new
    }

    fn open(&mut self) {
        for library in [ffi::luaopen_base, ffi::luaopen_table, ffi::luaopen_string, ffi::luaopen_math] {
            // SAFETY: the libraries only make tables, for which there is no limit yet.
            unsafe {
                ffi::lua_pushcclosure(self.state, library, 0);
                ffi::lua_call(self.state, 0, 0);
            }
        }
        libraries::open(&mut self.stack());
    }

    /// The stack, between calls.
    pub fn stack(&mut self) -> Stack<'_> {
        // SAFETY: the state lives as long as `self`, and no script runs.
        unsafe { Stack::new(self.state) }
    }

    /// Bytes in use.
    pub fn bytes(&self) -> usize {
        // SAFETY: the state lives.
        unsafe { ffi::lua_hostbytes(self.state) }
    }

    /// Frees all that no script can reach any more.
    pub fn collect(&mut self) {
        // SAFETY: `&mut self`: no `Stack` is there whose strings could go.
        unsafe { ffi::lua_hostcollect(self.state) }
    }

    /// Where the numbers of `math.random` begin.
    pub fn seed(&mut self, seed: i32) {
        // SAFETY: the state lives.
        unsafe { ffi::lua_hostseed(self.state, seed) }
    }

    /// Undoes what a script may have set for the whole interpreter: the collector's pace.
    pub fn reset(&mut self) {
        // SAFETY: the state lives.
        unsafe { ffi::lua_hostreset(self.state) }
    }

    /// Compiles a text; the function, or the error's text, is on top of the stack.
    pub fn load(&mut self, text: &[u8], name: &CStr) -> Result<(), Raised> {
        // SAFETY: the state lives; the interpreter reads `text` only during the call.
        let status = unsafe { ffi::lua_hostload(self.state, text.as_ptr().cast(), text.len(), name.as_ptr()) };
        if status == 0 { Ok(()) } else { Err(Raised) }
    }

    /// Takes the value on top out of scripts' reach.
    pub fn keep(&mut self) -> Reference {
        self.stack().keep()
    }

    /// Pushes a kept value.
    #[inline]
    pub fn push_kept(&mut self, reference: &Reference) {
        // SAFETY: as `keep`.
        unsafe { ffi::lua_rawgeti(self.state, ffi::REGISTRY, reference.0) }
    }

    /// Forgets a kept value.
    pub fn forget(&mut self, reference: Reference) {
        // SAFETY: as `keep`; each reference is forgotten once, for it is moved in.
        unsafe { ffi::luaL_unref(self.state, ffi::REGISTRY, reference.0) }
    }

    /// Takes the function on top for the one that turns errors into what calls answer.
    pub fn set_handler(&mut self) {
        self.handler = Some(self.keep());
    }

    /// Calls the function below `args` values with these; its `results` (or all, for -1), or the error, are on top.
    pub fn call(&mut self, host: &mut dyn Host, args: i32, results: i32) -> Result<(), Raised> {
        // SAFETY: the reference is taken back before this function returns, within the life of `host`.
        let host = unsafe { std::mem::transmute::<*mut (dyn Host + '_), *mut (dyn Host + 'static)>(host) };
        // SAFETY: `shared` lives; the state is not running.
        unsafe {
            let outer = (*self.shared).host.replace(host);
            let handler = self.handler.as_ref().map_or(0, |reference| reference.0);
            let status = ffi::lua_hostpcall(self.state, args, results, handler);
            (*self.shared).host = outer;
            if let Some(payload) = (*self.shared).panic.take() {
                ffi::lua_settop(self.state, 0);
                resume_unwind(payload);
            }
            if status == 0 { Ok(()) } else { Err(Raised) }
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        // SAFETY: made in `new`, and not used after. Nothing that a script leaves behind runs: it has no finalizers.
        unsafe {
            ffi::lua_hostcollect(self.state);
            ffi::lua_close(self.state);
            drop(Box::from_raw(self.shared));
        }
    }
}

impl Stack<'_> {
    /// Ends the running script: the error that the running function answers is held by nothing in it.
    pub fn interrupt(&mut self, message: &'static CStr) -> Raised {
        // SAFETY: the state lives; the message always does.
        unsafe { ffi::lua_hostinterrupt(self.state(), message.as_ptr()) };
        self.raise(message.to_bytes())
    }

    /// Takes the value on top out of scripts' reach.
    pub fn keep(&mut self) -> Reference {
        // SAFETY: the registry is a table that nobody makes read-only.
        Reference(unsafe { ffi::luaL_ref(self.state(), ffi::REGISTRY) })
    }

    /// Pushes a function that needs nothing but its arguments.
    pub fn push_native(&mut self, native: Native) {
        self.push_nil();
        self.push_native_with(native);
    }

    /// As `push_native`; takes the value on top for what [`Stack::upvalue`] names.
    pub(crate) fn push_native_with(&mut self, native: Native) {
        // SAFETY: `call` makes a function of the address again.
        unsafe { ffi::lua_hostfunction(self.state(), native as *mut c_void) }
    }

    /// The index of the running function's own value.
    pub(crate) const UPVALUE: i32 = ffi::upvalue(2);

    /// Pushes function `number` of whoever runs the script.
    pub fn push_host_function(&mut self, number: usize) {
        assert!(number < HOST_FUNCTIONS, "host functions have small numbers");
        self.push_nil();
        // SAFETY: no address, which `call` knows by its size.
        unsafe { ffi::lua_hostfunction(self.state(), number as *mut c_void) }
    }

    /// Makes all tables that are reachable from the globals, and the strings' metatable, read-only.
    pub fn protect(&mut self) {
        self.push_globals();
        self.protect_top();
        self.push_bytes(b"");
        if self.push_metatable(-1) {
            self.protect_top();
        }
        self.pop(1);
    }

    /// Makes the table on top with those in it read-only, and drops it.
    fn protect_top(&mut self) {
        let table = self.len();
        if !self.reserve(8) {
            return self.pop(1);
        }
        self.set_readonly(table, true);
        if self.push_metatable(table) {
            self.set_readonly(-1, true);
            self.pop(1);
        }
        self.push_nil();
        while self.next(table) {
            // `_G` is in itself, and the libraries are flat.
            self.push_globals();
            let is_own = self.is_same(-1, -2);
            self.pop(1);
            if self.kind(-1) == Kind::Table && !is_own {
                self.protect_top();
            } else {
                self.pop(1);
            }
        }
        self.pop(1);
    }
}

#[cfg(test)]
mod tests;
