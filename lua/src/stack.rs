//! The values that the interpreter and the host hand each other: a safe view of one call's stack.
//!
//! # Invariants
//! - A `Stack` exists only while the host runs: nothing is collected then, so that the bytes of a string live as long
//!   as the `Stack` that gave them, wherever the string itself went meanwhile.
//! - Nothing here raises: keys are strings or numbers, tables are checked, room on the stack is asked for.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int};
use std::marker::PhantomData;
use std::mem::MaybeUninit;

use crate::ffi::{self, LuaState};

/// The type of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Kind {
    None,
    Nil,
    Boolean,
    Pointer,
    Number,
    String,
    Table,
    Function,
    Userdata,
    Thread,
}

impl Kind {
    /// As Lua's `type` names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "no value",
            Self::Nil => "nil",
            Self::Boolean => "boolean",
            Self::Pointer | Self::Userdata => "userdata",
            Self::Number => "number",
            Self::String => "string",
            Self::Table => "table",
            Self::Function => "function",
            Self::Thread => "thread",
        }
    }
}

/// An error value is on top of the stack.
#[derive(Debug)]
pub struct Raised;

/// Where the interpreter is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The chunk's name as it was given.
    pub source: Vec<u8>,
    /// The line; -1 when there is none.
    pub line: i32,
    /// Whether it is a function of the host or of the interpreter's own libraries.
    pub is_native: bool,
}

/// See the module's head.
pub struct Stack<'s> {
    state: *mut LuaState,
    life: PhantomData<&'s ()>,
}

/// A string, or a number that is none.
#[allow(missing_docs)]
pub enum Argument<'s> {
    Text(&'s [u8]),
    Number(f64),
}

const NUMBER: c_int = 3;
const STRING: c_int = 4;

/// Room that every call has without asking.
const ROOM: i32 = 16;

impl<'s> Stack<'s> {
    /// # Safety
    /// The state lives, and the host runs, for as long as `'s`.
    pub(crate) unsafe fn new(state: *mut LuaState) -> Self {
        let stack = Self { state, life: PhantomData };
        stack.reserve(ROOM);
        stack
    }

    pub(crate) fn state(&self) -> *mut LuaState {
        self.state
    }

    /// The number of values.
    #[inline]
    pub fn len(&self) -> i32 {
        // SAFETY: the state lives.
        unsafe { ffi::lua_gettop(self.state) }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops values from the top.
    #[inline]
    pub fn pop(&mut self, count: i32) {
        // SAFETY: the state lives; never below the bottom.
        unsafe { ffi::lua_settop(self.state, (self.len() - count).max(0)) }
    }

    /// Keeps the first `len` values, or fills up with nil.
    pub fn set_len(&mut self, len: i32) {
        // SAFETY: the state lives.
        unsafe { ffi::lua_settop(self.state, len.max(0)) }
    }

    /// Makes room for values; false when there are too many.
    #[inline]
    pub fn reserve(&self, count: i32) -> bool {
        // SAFETY: the state lives.
        unsafe { ffi::lua_checkstack(self.state, count) != 0 }
    }

    /// Whether an index names a value or an upvalue.
    fn holds(&self, index: i32) -> bool {
        let len = self.len();
        (index > 0 && index <= len) || (index < 0 && (-index <= len || index <= ffi::REGISTRY))
    }

    /// The index from the bottom.
    pub fn absolute(&self, index: i32) -> i32 {
        if index < 0 && index > ffi::REGISTRY { self.len() + 1 + index } else { index }
    }

    /// The type of a value.
    #[inline]
    pub fn kind(&self, index: i32) -> Kind {
        if !self.holds(index) {
            return Kind::None;
        }
        // SAFETY: the index is one of the stack's.
        match unsafe { ffi::lua_type(self.state, index) } {
            0 => Kind::Nil,
            1 => Kind::Boolean,
            2 => Kind::Pointer,
            NUMBER => Kind::Number,
            STRING => Kind::String,
            5 => Kind::Table,
            6 => Kind::Function,
            7 => Kind::Userdata,
            8 => Kind::Thread,
            _ => Kind::None,
        }
    }

    /// The bytes of a string.
    #[inline]
    pub fn bytes(&self, index: i32) -> Option<&'s [u8]> {
        if self.kind(index) == Kind::String { self.text(index) } else { None }
    }

    /// The bytes of a string, or of a number, which becomes a string on the stack.
    #[inline]
    pub fn text(&self, index: i32) -> Option<&'s [u8]> {
        if !self.holds(index) {
            return None;
        }
        let mut len = 0;
        // SAFETY: the index is one of the stack's; nothing is collected while `'s` lasts, so the bytes stay.
        unsafe {
            let start = ffi::lua_tolstring(self.state, index, &raw mut len);
            (!start.is_null()).then(|| std::slice::from_raw_parts(start.cast::<u8>(), len))
        }
    }

    /// What is at a place of the running function, counted from 1, if it is a string or a number.
    #[inline]
    pub fn argument(&self, index: i32) -> Option<Argument<'s>> {
        let (mut text, mut len, mut number) = (std::ptr::null(), 0, 0.0);
        // SAFETY: places beyond the top are told apart; nothing is collected while `'s` lasts, so the bytes stay.
        unsafe {
            match ffi::lua_hostargument(self.state, index, &raw mut text, &raw mut len, &raw mut number) {
                STRING => Some(Argument::Text(std::slice::from_raw_parts(text.cast::<u8>(), len))),
                NUMBER => Some(Argument::Number(number)),
                _ => None,
            }
        }
    }

    /// A number, not a string that looks like one.
    #[inline]
    pub fn number(&self, index: i32) -> Option<f64> {
        // SAFETY: the index is one of the stack's.
        (self.kind(index) == Kind::Number).then(|| unsafe { ffi::lua_tonumber(self.state, index) })
    }

    /// A number, or a string that looks like one.
    pub fn to_number(&self, index: i32) -> Option<f64> {
        // SAFETY: the index is one of the stack's.
        unsafe {
            let is = self.holds(index) && ffi::lua_isnumber(self.state, index) != 0;
            is.then(|| ffi::lua_tonumber(self.state, index))
        }
    }

    /// Whether a value is neither nil nor false.
    pub fn truth(&self, index: i32) -> bool {
        // SAFETY: the index is one of the stack's.
        self.holds(index) && unsafe { ffi::lua_toboolean(self.state, index) != 0 }
    }

    /// The length of a table's array, or of a string.
    pub fn raw_len(&self, index: i32) -> usize {
        match self.kind(index) {
            // SAFETY: the index is one of the stack's.
            Kind::Table | Kind::String => unsafe { ffi::lua_objlen(self.state, index) },
            _ => 0,
        }
    }

    /// Whether a value is the null pointer (`cjson.null`).
    pub fn is_null_pointer(&self, index: i32) -> bool {
        // SAFETY: the index is one of the stack's.
        self.kind(index) == Kind::Pointer && unsafe { ffi::lua_touserdata(self.state, index).is_null() }
    }

    /// The memory of a userdata of ours.
    pub(crate) fn userdata(&self, index: i32) -> *mut u8 {
        // SAFETY: any index is allowed: null for what is no userdata.
        unsafe { ffi::lua_touserdata(self.state, index).cast() }
    }

    /// Pushes nil.
    #[inline]
    pub fn push_nil(&mut self) {
        // SAFETY: room is kept by the callers.
        unsafe { ffi::lua_pushnil(self.state) }
    }

    /// Pushes a truth value.
    #[inline]
    pub fn push_bool(&mut self, value: bool) {
        // SAFETY: as above.
        unsafe { ffi::lua_pushboolean(self.state, c_int::from(value)) }
    }

    /// Pushes a number.
    #[inline]
    pub fn push_number(&mut self, number: f64) {
        // SAFETY: as above.
        unsafe { ffi::lua_pushnumber(self.state, number) }
    }

    /// Pushes a string.
    #[inline]
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        // SAFETY: as above; the interpreter copies the bytes.
        unsafe { ffi::lua_pushlstring(self.state, bytes.as_ptr().cast::<c_char>(), bytes.len()) }
    }

    /// Pushes a table of strings, each a start in `text` and a length.
    ///
    /// # Panics
    /// When one is not within `text`.
    pub fn push_list(&mut self, text: &[u8], places: &[[u32; 2]]) {
        assert!(places.iter().all(|[start, len]| u64::from(*start) + u64::from(*len) <= text.len() as u64));
        let count = c_int::try_from(places.len()).unwrap_or(c_int::MAX);
        // SAFETY: room is kept by the callers; the places are within the text, whose bytes are copied.
        unsafe { ffi::lua_hostlist(self.state, text.as_ptr().cast(), places.as_ptr().cast(), count) }
    }

    /// Takes the value on top for a global, whether globals are read-only or not.
    pub fn set_global(&mut self, name: &[u8]) {
        if !self.is_empty() {
            // SAFETY: there is a value on top.
            unsafe { ffi::lua_hostsetglobal(self.state, name.as_ptr().cast(), name.len()) }
        }
    }

    /// Pushes the null pointer.
    pub fn push_null_pointer(&mut self) {
        // SAFETY: as above.
        unsafe { ffi::lua_pushlightuserdata(self.state, std::ptr::null_mut()) }
    }

    /// Pushes a copy of a value.
    pub fn push_copy(&mut self, index: i32) {
        if self.holds(index) {
            // SAFETY: as above; the index is one of the stack's.
            unsafe { ffi::lua_pushvalue(self.state, index) }
        } else {
            self.push_nil();
        }
    }

    /// Pushes an empty table with room for so many items and fields.
    #[inline]
    pub fn push_table(&mut self, items: usize, fields: usize) {
        /// More is made when it comes: a number in some input is no reason to take memory.
        const ROOM_MAX: usize = 1 << 16;
        // SAFETY: as above.
        unsafe { ffi::lua_createtable(self.state, items.min(ROOM_MAX) as c_int, fields.min(ROOM_MAX) as c_int) }
    }

    pub(crate) fn push_userdata(&mut self, len: usize) -> *mut u8 {
        // SAFETY: as above.
        unsafe { ffi::lua_newuserdata(self.state, len).cast() }
    }

    /// Takes a value out.
    pub fn remove(&mut self, index: i32) {
        if self.holds(index) {
            // SAFETY: the index is one of the stack's.
            unsafe { ffi::lua_remove(self.state, index) }
        }
    }

    /// Moves the value on top to a place below.
    pub fn insert(&mut self, index: i32) {
        if self.holds(index) {
            // SAFETY: the index is one of the stack's.
            unsafe { ffi::lua_insert(self.state, index) }
        }
    }

    /// Pushes the value of a string key, without metatables.
    pub fn push_field(&mut self, table: i32, name: &[u8]) {
        let table = self.absolute(table);
        if self.kind(table) != Kind::Table {
            return self.push_nil();
        }
        self.push_bytes(name);
        // SAFETY: `table` is a table.
        unsafe { ffi::lua_rawget(self.state, table) }
    }

    /// Pushes the item at a place, without metatables.
    #[inline]
    pub fn push_item(&mut self, table: i32, at: i32) {
        if self.kind(table) != Kind::Table {
            return self.push_nil();
        }
        // SAFETY: `table` is a table.
        unsafe { ffi::lua_rawgeti(self.state, table, at) }
    }

    /// Takes the value on top for a string key of a table of the host.
    pub fn set_field(&mut self, table: i32, name: &[u8]) {
        let table = self.absolute(table);
        self.push_bytes(name);
        self.insert(-2);
        // SAFETY: callers write to tables that they made, which are not read-only; the key is a string.
        unsafe { ffi::lua_rawset(self.state, table) }
    }

    /// Takes the value on top for a place of a table of the host.
    #[inline]
    pub fn set_item(&mut self, table: i32, at: i32) {
        // SAFETY: callers write to tables that they made, which are not read-only.
        unsafe { ffi::lua_rawseti(self.state, table, at) }
    }

    /// Takes key and value from the top. A key that no table can have is left out, with its value.
    pub fn set_entry(&mut self, table: i32) {
        let table = self.absolute(table);
        let is_key = match self.kind(-2) {
            Kind::Nil | Kind::None => false,
            Kind::Number => self.number(-2).is_some_and(|number| !number.is_nan()),
            _ => true,
        };
        if is_key {
            // SAFETY: as `set_field`; the key is neither nil nor NaN.
            unsafe { ffi::lua_rawset(self.state, table) }
        } else {
            self.pop(2);
        }
    }

    /// Steps through a table: takes a key from the top, and pushes the next key with its value; false at the end.
    pub fn next(&mut self, table: i32) -> bool {
        // SAFETY: the key came from the step before, and no host function changes the table it steps through.
        self.kind(table) == Kind::Table && unsafe { ffi::lua_next(self.state, table) != 0 }
    }

    /// Whether two values are the same, without metatables.
    pub fn is_same(&self, one: i32, other: i32) -> bool {
        // SAFETY: the indices are the stack's.
        self.holds(one) && self.holds(other) && unsafe { ffi::lua_rawequal(self.state, one, other) != 0 }
    }

    /// Pushes a value's metatable; false when there is none.
    pub fn push_metatable(&mut self, index: i32) -> bool {
        // SAFETY: the index is one of the stack's.
        self.holds(index) && unsafe { ffi::lua_getmetatable(self.state, index) != 0 }
    }

    /// Takes the table on top for the metatable of another one, which is not read-only.
    pub fn set_metatable(&mut self, index: i32) {
        // SAFETY: callers do it to tables that they made.
        unsafe {
            ffi::lua_setmetatable(self.state, index);
        }
    }

    /// Makes a table read-only, or writable again.
    pub fn set_readonly(&mut self, index: i32, on: bool) {
        // SAFETY: what is no table stays as it is.
        unsafe { ffi::lua_hostreadonly(self.state, index, c_int::from(on)) }
    }

    /// Pushes the table of globals.
    pub fn push_globals(&mut self) {
        // SAFETY: a pseudo-index.
        unsafe { ffi::lua_pushvalue(self.state, ffi::GLOBALS) }
    }

    /// Takes the table on top for the globals of what is compiled from now on.
    pub fn set_globals(&mut self) {
        if self.kind(-1) == Kind::Table {
            // SAFETY: a pseudo-index, and a table, which is what it takes.
            unsafe { ffi::lua_replace(self.state, ffi::GLOBALS) }
        }
    }

    /// Where the function `level` steps up the call stack is; 0 is the one that runs.
    pub fn place(&self, level: i32) -> Option<Place> {
        let facts = self.facts(level)?;
        let text = |pointer: *const c_char| {
            // SAFETY: the interpreter's strings end with a zero byte.
            if pointer.is_null() { &[][..] } else { unsafe { CStr::from_ptr(pointer) }.to_bytes() }
        };
        Some(Place {
            source: text(facts.source).to_vec(),
            line: facts.current_line,
            is_native: text(facts.what) == b"C",
        })
    }

    fn facts(&self, level: i32) -> Option<ffi::Debug> {
        let mut facts = MaybeUninit::<ffi::Debug>::zeroed();
        // SAFETY: the interpreter fills all fields when it answers 1; zeros are valid for the rest.
        unsafe { (ffi::lua_hostwhere(self.state, level, facts.as_mut_ptr()) != 0).then(|| facts.assume_init()) }
    }

    /// Raises a text as it stands.
    pub fn raise(&mut self, text: impl AsRef<[u8]>) -> Raised {
        self.push_bytes(text.as_ref());
        Raised
    }

    /// Raises a text with the place of the calling function before it, as Lua's own functions do.
    pub fn raise_here(&mut self, text: impl AsRef<[u8]>) -> Raised {
        let mut line = Vec::new();
        if let Some(facts) = self.facts(1)
            && facts.current_line > 0
        {
            // SAFETY: the interpreter ends the short name with a zero byte.
            line.extend_from_slice(unsafe { CStr::from_ptr(facts.short_source.as_ptr()) }.to_bytes());
            line.extend_from_slice(format!(":{}: ", facts.current_line).as_bytes());
        }
        line.extend_from_slice(text.as_ref());
        self.raise(line)
    }

    /// Raises that an argument is not what the running function takes.
    pub fn bad_argument(&mut self, number: i32, what: &str) -> Raised {
        let name = self.facts(0).map_or(std::ptr::null(), |facts| facts.name);
        // SAFETY: the interpreter's strings end with a zero byte.
        let name = if name.is_null() { "?".into() } else { unsafe { CStr::from_ptr(name) }.to_string_lossy() };
        self.raise_here(format!("bad argument #{number} to '{name}' ({what})"))
    }

    /// Raises that an argument is of another type.
    pub fn bad_type(&mut self, number: i32, wanted: &str) -> Raised {
        let found = self.kind(number).name();
        self.bad_argument(number, &format!("{wanted} expected, got {found}"))
    }

    /// An argument that must be a string or a number.
    pub fn check_text(&mut self, number: i32) -> Result<&'s [u8], Raised> {
        self.text(number).ok_or_else(|| self.bad_type(number, "string"))
    }

    /// An argument that must be a number or look like one.
    pub fn check_number(&mut self, number: i32) -> Result<f64, Raised> {
        self.to_number(number).ok_or_else(|| self.bad_type(number, "number"))
    }

    /// As `check_number`, cut to an integer as C does.
    pub fn check_int(&mut self, number: i32) -> Result<i64, Raised> {
        self.check_number(number).map(|value| value as i64)
    }

    /// Whether an argument is nil or was not given.
    pub fn is_absent(&self, number: i32) -> bool {
        matches!(self.kind(number), Kind::None | Kind::Nil)
    }
}
