//! The C interface of the interpreter, as far as it is used.
//!
//! Invariant: what is declared here matches `vendor/lua.h` and `vendor/lhost.h`. While the host runs (see `lhost.c`)
//! none of it raises an error, as long as keys are neither nil nor NaN and tables written to are not read-only.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_double, c_int, c_void};

#[repr(C)]
pub(crate) struct LuaState {
    opaque: [u8; 0],
}

pub(crate) const REGISTRY: c_int = -10000;
pub(crate) const GLOBALS: c_int = -10002;

/// The pseudo-index of an upvalue.
pub(crate) const fn upvalue(number: c_int) -> c_int {
    GLOBALS - number
}

const SHORT_SOURCE_LEN: usize = 60;

/// Facts about a function on the call stack.
#[repr(C)]
pub(crate) struct Debug {
    pub(crate) event: c_int,
    pub(crate) name: *const c_char,
    pub(crate) name_what: *const c_char,
    pub(crate) what: *const c_char,
    pub(crate) source: *const c_char,
    pub(crate) current_line: c_int,
    pub(crate) upvalues: c_int,
    pub(crate) line_defined: c_int,
    pub(crate) last_line_defined: c_int,
    pub(crate) short_source: [c_char; SHORT_SOURCE_LEN],
    pub(crate) call_info: c_int,
}

pub(crate) type Allocate = extern "C" fn(*mut c_void, *mut c_void, usize, usize) -> *mut c_void;
pub(crate) type Call = extern "C" fn(*mut LuaState, *mut c_void, *mut c_void) -> c_int;
pub(crate) type Check = extern "C" fn(*mut c_void) -> *const c_char;
pub(crate) type CFunction = unsafe extern "C" fn(*mut LuaState) -> c_int;

unsafe extern "C" {
    pub(crate) fn lua_hostnew(allocate: Allocate, call: Call, check: Check, ud: *mut c_void) -> *mut LuaState;
    pub(crate) fn lua_hostlimit(state: *mut LuaState, limit: usize);
    pub(crate) fn lua_hostbytes(state: *mut LuaState) -> usize;
    pub(crate) fn lua_hostfunction(state: *mut LuaState, function: *mut c_void);
    pub(crate) fn lua_hostinterrupt(state: *mut LuaState, message: *const c_char);
    pub(crate) fn lua_hostload(state: *mut LuaState, text: *const c_char, len: usize, name: *const c_char) -> c_int;
    pub(crate) fn lua_hostpcall(state: *mut LuaState, args: c_int, results: c_int, handler: c_int) -> c_int;
    pub(crate) fn lua_hostargument(
        state: *mut LuaState,
        index: c_int,
        text: *mut *const c_char,
        len: *mut usize,
        number: *mut c_double,
    ) -> c_int;
    pub(crate) fn lua_hostlist(state: *mut LuaState, text: *const c_char, places: *const u32, count: c_int);
    pub(crate) fn lua_hostsetglobal(state: *mut LuaState, name: *const c_char, len: usize);
    pub(crate) fn lua_hostcollect(state: *mut LuaState);
    pub(crate) fn lua_hostseed(state: *mut LuaState, seed: c_int);
    pub(crate) fn lua_hostreset(state: *mut LuaState);
    pub(crate) fn lua_hostreadonly(state: *mut LuaState, index: c_int, on: c_int);
    pub(crate) fn lua_hostwhere(state: *mut LuaState, level: c_int, facts: *mut Debug) -> c_int;

    pub(crate) fn lua_close(state: *mut LuaState);
    pub(crate) fn lua_gettop(state: *mut LuaState) -> c_int;
    pub(crate) fn lua_settop(state: *mut LuaState, top: c_int);
    pub(crate) fn lua_pushvalue(state: *mut LuaState, index: c_int);
    pub(crate) fn lua_replace(state: *mut LuaState, index: c_int);
    pub(crate) fn lua_remove(state: *mut LuaState, index: c_int);
    pub(crate) fn lua_insert(state: *mut LuaState, index: c_int);
    pub(crate) fn lua_checkstack(state: *mut LuaState, more: c_int) -> c_int;
    pub(crate) fn lua_type(state: *mut LuaState, index: c_int) -> c_int;
    pub(crate) fn lua_tonumber(state: *mut LuaState, index: c_int) -> c_double;
    pub(crate) fn lua_isnumber(state: *mut LuaState, index: c_int) -> c_int;
    pub(crate) fn lua_toboolean(state: *mut LuaState, index: c_int) -> c_int;
    pub(crate) fn lua_tolstring(state: *mut LuaState, index: c_int, len: *mut usize) -> *const c_char;
    pub(crate) fn lua_objlen(state: *mut LuaState, index: c_int) -> usize;
    pub(crate) fn lua_touserdata(state: *mut LuaState, index: c_int) -> *mut c_void;
    pub(crate) fn lua_pushnil(state: *mut LuaState);
    pub(crate) fn lua_pushnumber(state: *mut LuaState, number: c_double);
    pub(crate) fn lua_pushlstring(state: *mut LuaState, text: *const c_char, len: usize);
    pub(crate) fn lua_pushboolean(state: *mut LuaState, value: c_int);
    pub(crate) fn lua_pushlightuserdata(state: *mut LuaState, pointer: *mut c_void);
    pub(crate) fn lua_pushcclosure(state: *mut LuaState, function: CFunction, upvalues: c_int);
    pub(crate) fn lua_newuserdata(state: *mut LuaState, len: usize) -> *mut c_void;
    pub(crate) fn lua_createtable(state: *mut LuaState, array: c_int, hash: c_int);
    pub(crate) fn lua_rawget(state: *mut LuaState, index: c_int);
    pub(crate) fn lua_rawgeti(state: *mut LuaState, index: c_int, at: c_int);
    pub(crate) fn lua_rawset(state: *mut LuaState, index: c_int);
    pub(crate) fn lua_rawseti(state: *mut LuaState, index: c_int, at: c_int);
    pub(crate) fn lua_getmetatable(state: *mut LuaState, index: c_int) -> c_int;
    pub(crate) fn lua_setmetatable(state: *mut LuaState, index: c_int) -> c_int;
    pub(crate) fn lua_next(state: *mut LuaState, index: c_int) -> c_int;
    pub(crate) fn lua_rawequal(state: *mut LuaState, one: c_int, other: c_int) -> c_int;
    pub(crate) fn lua_call(state: *mut LuaState, args: c_int, results: c_int);
    pub(crate) fn luaL_ref(state: *mut LuaState, table: c_int) -> c_int;
    pub(crate) fn luaL_unref(state: *mut LuaState, table: c_int, reference: c_int);

    pub(crate) fn luaopen_base(state: *mut LuaState) -> c_int;
    pub(crate) fn luaopen_table(state: *mut LuaState) -> c_int;
    pub(crate) fn luaopen_string(state: *mut LuaState) -> c_int;
    pub(crate) fn luaopen_math(state: *mut LuaState) -> c_int;
}

/// Processor time of the process.
pub(crate) fn cpu_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the system fills `time`.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    time.tv_sec as f64 + (time.tv_nsec / 1000) as f64 / 1e6
}
