//! Scripts that break out, eat memory, or never end.

use std::time::{Duration, Instant};

use super::{Watched, text};

/// A script that runs without end is known as one after so many milliseconds.
const BUSY_AFTER_MS: &str = "100";

/// Requests with what the reply, as redis-cli prints it, has in it.
type Attack = (&'static str, &'static [&'static str], &'static str);

/// Scripts that end by themselves.
const SCRIPTS: &[Attack] = &[
    ("CVE-2024-31449", &["EVAL", "return bit.tohex(65535, -2147483648)", "0"], "0000FFFF"),
    ("CVE-2024-31449", &["EVAL", "return bit.tohex(1, 2147483647)", "0"], "00000001"),
    ("CVE-2024-46981", &["EVAL", "local p = newproxy(true)", "0"], "nonexistent global variable 'newproxy'"),
    (
        "CVE-2024-46981",
        &[
            "EVAL",
            "local t = setmetatable({}, {__gc = function() error('x') end, __mode = 'kv'}) t = nil \
             for i = 1, 1000 do local s = tostring({}) .. i end collectgarbage() return 'swept'",
            "0",
        ],
        "swept",
    ),
    (
        "CVE-2025-49844",
        &[
            "EVAL",
            "collectgarbage('setpause', 0) for i = 1, 2000 do loadstring('local x' .. i .. ' = {' .. \
             ('\"s\" .. '):rep(50) .. i .. '}', '@name' .. i .. ('n'):rep(100)) end return 'parsed'",
            "0",
        ],
        "parsed",
    ),
    ("CVE-2025-46817", &["EVAL", "return {unpack({0, 0, 0}, 0, 2147483647)}", "0"], "too many results to unpack"),
    ("CVE-2025-46817", &["EVAL", "return {unpack({}, -2147483648, 2147483647)}", "0"], "too many results to unpack"),
    ("CVE-2025-46818", &["EVAL", "getmetatable('').__index = function() end", "0"], "readonly table"),
    ("CVE-2025-46818", &["EVAL", "getmetatable('').__add = function() end", "0"], "readonly table"),
    ("CVE-2025-46818", &["EVAL", "getmetatable(1).__index = {}", "0"], "attempt to index a nil value"),
    ("CVE-2025-46818", &["EVAL", "setmetatable('', {})", "0"], "bad argument #1 to 'setmetatable'"),
    ("CVE-2025-46819", &["EVAL", "return loadstring('return [' .. ('='):rep(3000000))", "0"], "(nil)"),
    ("CVE-2025-46819", &["EVAL", "return loadstring('--[' .. ('='):rep(3000000) .. '[')", "0"], "(nil)"),
    (
        "CVE-2022-0543",
        &["EVAL", "return package.loadlib('libc.so.6', '*')", "0"],
        "nonexistent global variable 'package'",
    ),
    ("CVE-2022-0543", &["EVAL", "return io.popen('id')", "0"], "nonexistent global variable 'io'"),
    ("CVE-2022-0543", &["EVAL", "return os.execute('id')", "0"], "attempt to call field 'execute' (a nil value)"),
    ("CVE-2022-24735", &["EVAL", "redis.call = function() return 'mine' end", "0"], "readonly table"),
    ("CVE-2022-24735", &["EVAL", "rawset(_G, 'redis', {})", "0"], "readonly table"),
    ("CVE-2022-24735", &["EVAL", "setmetatable(_G, {})", "0"], "readonly table"),
    ("CVE-2022-24735", &["EVAL", "table.insert(math, 1)", "0"], "readonly table"),
    ("CVE-2022-24736", &["EVAL", "return loadstring(string.dump(function() end))", "0"], "(nil)"),
    ("CVE-2022-24736", &["EVAL", "return load(function() return '\\27Lua' end)", "0"], "(nil)"),
    (
        "CVE-2022-24834",
        &["EVAL", "local t = {} for i = 1, 10000 do t = {t} end return cjson.encode(t)", "0"],
        "excessive nesting",
    ),
    (
        "CVE-2022-24834",
        &["EVAL", "return cjson.decode(('['):rep(100000) .. (']'):rep(100000))", "0"],
        "too many nested",
    ),
    (
        "CVE-2022-24834",
        &["EVAL", "local s = ('x'):rep(1048576) return #cjson.encode({s, s})", "0"],
        "(integer) 2097159",
    ),
    (
        "CVE-2022-24834",
        &["EVAL", "local t = {} for i = 1, 10000 do t = {t} end return #cmsgpack.pack(t)", "0"],
        "(integer)",
    ),
    ("CVE-2022-24834", &["EVAL", "return cmsgpack.unpack('\\221\\255\\255\\255\\255')", "0"], "Missing bytes in input"),
    ("CVE-2020-14147", &["EVAL", "return struct.pack('>I2147483648', 1)", "0"], "integral size"),
    ("CVE-2020-14147", &["EVAL", "return struct.unpack('c4294967295', 'x')", "0"], "(error)"),
    ("CVE-2021-32626", &["EVAL", "return {unpack({}, 1, 1000000)}", "0"], "too many results to unpack"),
    (
        "CVE-2021-32626",
        &["EVAL", "local t = {} for i = 1, 100000 do t[i] = 'x' end return redis.call('SADD', 'k', unpack(t))", "0"],
        "too many results to unpack",
    ),
    (
        "CVE-2021-32626",
        &["EVAL", "local t = {} for i = 1, 100000 do t = {t} end return t", "0"],
        "ERR reached lua stack limit",
    ),
    ("CVE-2025-67733", &["EVAL", "return redis.error_reply('E x\\r\\n+INJECTED\\r\\n')", "0"], "(error) E x"),
    ("CVE-2025-67733", &["EVAL", "return {err = 'E x\\r\\n+INJECTED\\0'}", "0"], "(error) E x"),
    ("CVE-2025-67733", &["EVAL", "return {ok = 'x\\r\\n+INJECTED\\r\\n'}", "0"], "x  +INJECTED"),
    ("CVE-2025-67733", &["EVAL", "error({err = 'E x\\r\\n+INJECTED\\r\\n'})", "0"], "(error) E x"),
    ("memory", &["EVAL", "return string.rep('x', 2147483647)", "0"], "(error)"),
    ("memory", &["EVAL", "local s = 'x' while true do s = s .. s end", "0"], "not enough memory"),
    (
        "memory",
        &["EVAL", "local t = {} while true do t[#t + 1] = ('x'):rep(10000) .. #t end", "0"],
        "not enough memory",
    ),
    ("memory", &["EVAL", "return table.concat({}, ('x'):rep(1000), 1, 1000000)", "0"], "(error)"),
    ("memory", &["EVAL", "return ('x'):rep(20000):gsub('x', ('y'):rep(20000))", "0"], "not enough memory"),
    ("depth", &["EVAL", "local function f() return 1 + f() end return f()", "0"], "stack overflow"),
    ("depth", &["EVAL", "return ('a'):rep(100000):find(('a?'):rep(100000))", "0"], "pattern too complex"),
    ("depth", &["EVAL", "local function f(s) return (s:gsub('.', f)) end return f('x')", "0"], "C stack overflow"),
    ("#5118", &["EVAL", "return setmetatable({}, {__index = function() error('x') end})", "0"], "(empty array)"),
    ("#6603", &["EVALSHA", "", "0"], "NOSCRIPT"),
    ("#14847", &["EVAL", "return 1"], "wrong number of arguments"),
    ("CVE-2022-24736", &["FUNCTION", "LOAD", "#!lua name=x\nreturn \u{1b}Lua"], "Error compiling function"),
    ("CVE-2022-24735", &["FUNCTION", "LOAD", "#!lua name=x\nredis.x = 1"], "readonly table"),
    ("CVE-2024-31228", &["FUNCTION", "LIST", "LIBRARYNAME", STARS], "(empty array)"),
];

/// A pattern that a naive matcher takes years for.
const STARS: &str = "a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b";

/// Scripts without end: each is to be seen as busy, and to end when it is killed.
const ENDLESS: &[&str] = &[
    "while true do end",
    "while true do pcall(function() while true do end end) end",
    "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
    "setmetatable({}, {__index = function() while true do end end}).x = nil return setmetatable({}, {__index = function() while true do end end}).x",
    "while true do local s = string.rep('x', 1000000) end",
    "local s = ('a'):rep(50000) while true do s:find(('a-'):rep(100) .. 'b') end",
    "local t = {} for i = 1, 100000 do t[i] = 'x' end while true do table.concat(t, ',') end",
    "local t = {} for i = 1, 100000 do t[i] = i end while true do table.sort(t, function(a, b) return a > b end) end",
    "while true do ('x'):rep(1000):gsub('.', function() return 'y' end) end",
    "while true do cjson.decode(cjson.encode({1, 2, 3})) end",
    "while true do redis.pcall('GET', 'k') end",
];

#[test]
fn scripts_get_an_error_and_leave_nothing() {
    let mut watched = Watched::new();
    for (advisory, request, answer) in SCRIPTS {
        watched.attack(&format!("{advisory}, {request:?}"), answer, |client| text(client, request));
    }
    watched.end();
}

#[test]
fn scripts_without_end_are_ended() {
    let Watched { mut client, mut other, server: _server, .. } = Watched::new();
    assert_eq!(text(&mut other, &["CONFIG", "SET", "busy-reply-threshold", BUSY_AFTER_MS]), "OK");
    for script in ENDLESS {
        client.send(&["EVAL", script, "0"]);
        let start = Instant::now();
        while text(&mut other, &["SCRIPT", "KILL"]) != "OK" {
            assert!(start.elapsed() < Duration::from_secs(20), "nobody can kill {script}");
            std::thread::sleep(Duration::from_millis(10));
        }
        let reply = client.read(Duration::from_secs(20)).unwrap_or_else(|silence| panic!("{script}: {silence}"));
        assert!(reply.to_cli().contains("Script killed by user"), "{script}: {reply:?}");
        assert_eq!(text(&mut client, &["ECHO", "in step"]), "\"in step\"", "{script}");
    }
}
