//! The interpreter alone: what scripts may do, and what none may bring about.

use std::ffi::CStr;
use std::time::{Duration, Instant};

use super::*;

/// A host whose time is up after some milliseconds.
struct Limited {
    until: Instant,
}

impl Host for Limited {
    fn call(&mut self, function: usize, stack: &mut Stack<'_>) -> Result<i32, Raised> {
        match function {
            0 => Err(stack.raise("raised by the host")),
            1 => panic!("a defect"),
            _ => {
                stack.push_number(function as f64);
                Ok(1)
            }
        }
    }

    fn check(&mut self) -> Option<&'static CStr> {
        (Instant::now() > self.until).then_some(c"stopped")
    }
}

const CAP: usize = 64 << 20;

fn run_in(state: &mut State, script: &str, ms: u64) -> Result<String, String> {
    let mut host = Limited { until: Instant::now() + Duration::from_millis(ms) };
    let done = state.load(script.as_bytes(), c"@test").and_then(|()| state.call(&mut host, 0, 1));
    let stack = state.stack();
    let text = stack
        .text(-1)
        .map_or_else(|| stack.kind(-1).name().to_owned(), |text| String::from_utf8_lossy(text).into_owned());
    state.stack().set_len(0);
    done.map(|()| text.clone()).map_err(|Raised| text)
}

fn fresh() -> State {
    let mut state = State::new(CAP);
    for number in 0..3 {
        state.stack().push_globals();
        state.stack().push_host_function(number);
        state.stack().set_field(-2, format!("host{number}").as_bytes());
        state.stack().pop(1);
    }
    state.stack().protect();
    state
}

fn run(script: &str) -> Result<String, String> {
    run_in(&mut fresh(), script, 200)
}

#[track_caller]
fn fails(script: &str, with: &str) {
    let mut state = fresh();
    let start = Instant::now();
    let error = run_in(&mut state, script, 200).expect_err(script);
    assert!(error.contains(with), "{script}: {error}");
    assert!(start.elapsed() < Duration::from_secs(5), "{script} took {:?}", start.elapsed());
    state.collect();
    assert!(state.bytes() < CAP, "{script} keeps {}", state.bytes());
    assert_eq!(run_in(&mut state, "return 1 + 1", 200).as_deref(), Ok("2"), "after {script}");
}

#[test]
fn runs() {
    assert_eq!(run("return 1 + 1").as_deref(), Ok("2"));
    assert_eq!(run("return host2()").as_deref(), Ok("2"));
    assert_eq!(run("local ok, e = pcall(host0) return e").as_deref(), Ok("raised by the host"));
    assert_eq!(run("return tostring(math.random())").as_deref(), Ok("0.17082803611217"));
    assert_eq!(run("math.randomseed(100) return tostring(math.random())").as_deref(), Ok("0.25105890270838"));
    assert_eq!(run("return type(os.clock())").as_deref(), Ok("number"));
    fails("error('x', 0)", "x");
}

#[test]
fn a_panic_of_the_host_goes_on_behind_the_interpreter() {
    let mut state = fresh();
    let caught = catch_unwind(AssertUnwindSafe(|| run_in(&mut state, "while true do pcall(host1) end", 5000)));
    assert!(caught.is_err());
    assert_eq!(run_in(&mut state, "return 1", 200).as_deref(), Ok("1"));
}

#[test]
fn nothing_holds_up_the_end() {
    for script in [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "while true do xpcall(function() while true do end end, function() end) end",
        "local f = coroutine.wrap(function() while true do coroutine.yield() end end) while true do f() end",
        "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
        "repeat until not pcall(loadstring, 'return 1') and false",
        "string.rep('', 2147483647)  while true do end",
        "local s = string.rep('a', 50000) s:find(string.rep('a-', 100) .. 'b')",
        "local s = string.rep('a', 1000000) s:find(string.rep('a', 500000) .. 'b', 1, true) while true do s:find('.-b') end",
        "local s = string.rep('(', 200000) return s:find('%b()x')",
        "local t = {} for i = 1, 200000 do t[i] = i end while true do table.sort(t, function(a, b) return a > b end) end",
        "local t = {} for i = 1, 200000 do t[i] = i end while true do table.insert(t, 1, 1) table.remove(t, 1) end",
        "local t = {} for i = 1, 200000 do t[i] = 'x' end while true do table.concat(t, ',') end",
        "while true do ('x'):rep(1000):gsub('.', function() return 'y' end) end",
        "load(function() return ' ' end)",
        "setmetatable({}, {__index = function(t, k) while true do end end}).x = nil local y = setmetatable({}, {__index = function() while true do end end}).x",
    ] {
        fails(script, "stopped");
    }
}

#[test]
fn memory_is_bounded() {
    for script in [
        "local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end",
        "local s = 'x' while true do s = s .. s end",
        "return string.rep('x', 100000000)",
        "return string.rep('x', 2147483647)",
        "local t = {} for i = 1, 1e9 do t[i] = i end",
        "local t = {} for i = 1, 100000 do t[i] = ('x'):rep(1000) end return table.concat(t)",
        "local f = 'local a = 1 ' return loadstring(f:rep(10000000))",
    ] {
        let error = run_in(&mut fresh(), script, 20_000).expect_err(script);
        assert!(error.contains("not enough memory") || error.contains("too large"), "{script}: {error}");
    }
    // Garbage is no reason to fail.
    assert_eq!(
        run_in(&mut fresh(), "for i = 1, 3000 do local s = ('x'):rep(100000) .. i end return 'ok'", 20_000).as_deref(),
        Ok("ok")
    );
}

#[test]
fn depth_is_bounded() {
    for (script, with) in [
        ("local function f() return 1 + f() end return f()", "stack overflow"),
        ("local function f() return coroutine.wrap(f)() end return f()", "C stack overflow"),
        ("local function f(s) return (s:gsub('.', f)) end return f('x')", "C stack overflow"),
        ("local function f() table.sort({1, 2, 3}, f) end f()", "C stack overflow"),
        ("return ('a'):rep(100000):find(('a?'):rep(100000))", "pattern too complex"),
        ("return ('a'):find(('()'):rep(1000))", "too many captures"),
        (
            "return loadstring('return ' .. ('('):rep(100000) .. '1' .. (')'):rep(100000))()",
            "attempt to call a nil value",
        ),
        ("return unpack({}, 1, 100000)", "too many results to unpack"),
        ("return ('x'):rep(100000):byte(1, -1)", "string slice too long"),
    ] {
        fails(script, with);
    }
}

#[test]
fn known_holes_are_closed() {
    for (script, with) in [
        // CVE-2025-46817
        ("unpack({}, 0, 2147483647)", "too many results to unpack"),
        ("unpack({}, -2147483648, 2147483647)", "too many results to unpack"),
        ("unpack({}, -2, 2147483647)", "too many results to unpack"),
        // CVE-2025-46818
        ("getmetatable('').__index = {}", "Attempt to modify a readonly table"),
        ("getmetatable('').__add = print", "Attempt to modify a readonly table"),
        ("string.rep = nil", "Attempt to modify a readonly table"),
        // CVE-2022-24735
        ("rawset(_G, 'x', 1)", "Attempt to modify a readonly table"),
        ("_G.x = 1", "Attempt to modify a readonly table"),
        ("setmetatable(_G, {})", "Attempt to modify a readonly table"),
        ("setmetatable(math, {})", "Attempt to modify a readonly table"),
        ("table.insert(table, 1)", "Attempt to modify a readonly table"),
        ("local k = next(string) rawset(string, k, nil)", "Attempt to modify a readonly table"),
        // CVE-2025-46819
        ("return loadstring('return [' .. ('='):rep(3000000))()", "attempt to call a nil value"),
        ("return loadstring('--[' .. ('='):rep(3000000) .. '[x')()", "attempt to call a nil value"),
        // No bytecode, no way out.
        ("return loadstring(string.dump(function() end))()", "attempt to call a nil value"),
        ("return load(function() return '\\27Lua' end)()", "attempt to call a nil value"),
    ] {
        fails(script, with);
    }
    // CVE-2025-49844: a collection in the middle of a parse.
    let parse = "collectgarbage('setpause', 0) for i = 1, 2000 do loadstring('local x' .. i .. ' = {' .. ('\"s\" .. '):rep(50) .. i .. '}', '@name' .. i .. ('n'):rep(100)) end return 'ok'";
    assert_eq!(run_in(&mut fresh(), parse, 5000).as_deref(), Ok("ok"));
    for name in
        ["newproxy", "getfenv", "setfenv", "dofile", "loadfile", "print", "require", "package", "io", "debug", "module"]
    {
        assert_eq!(run(&format!("return type({name})")).as_deref(), Ok("nil"), "{name}");
    }
}
