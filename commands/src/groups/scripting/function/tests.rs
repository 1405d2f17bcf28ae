//! Functions as clients see them, in process.

use crate::testing::{Fixture, check, check_with};

const LIB: &str = "\"#!lua name=lib\\nlocal n = 0 redis.register_function('Count', function(keys, args) n = n + 1 return {n, #keys, args[1]} end)\"";

#[test]
fn libraries_come_and_go() {
    check(&format!(
        r##"
        > FUNCTION LOAD {LIB}
        "lib"
        > FCALL count 1 k a
        1) (integer) 1
        2) (integer) 1
        3) "a"
        > FCALL COUNT 0
        1) (integer) 2
        2) (integer) 0
        > FUNCTION LOAD {LIB}
        (error) ERR Library 'lib' already exists
        > FUNCTION LOAD "#!lua name=other\nredis.register_function('COUNT', function() end)"
        (error) ERR Function COUNT already exists
        > FUNCTION LOAD REPLACE {LIB}
        "lib"
        > FCALL count 0
        1) (integer) 1
        2) (integer) 0
        > FCALL_RO count 0
        (error) ERR Can not execute a script with write flag using *_ro command.
        > FUNCTION DELETE LIB
        (error) ERR Library not found
        > FUNCTION DELETE lib
        OK
        > FCALL count 0
        (error) ERR Function not found
        "##
    ));
}

#[test]
fn a_load_that_fails_changes_nothing() {
    let mut fixture = Fixture::new();
    check_with(&mut fixture, &format!("> FUNCTION LOAD {LIB}\n\"lib\""));
    for (code, error) in [
        ("x =", "ERR Error compiling function: user_function:2: unexpected symbol near '<eof>'"),
        (
            "redis.register_function('f', 1)",
            "ERR Error registering functions: ERR second argument to redis.register_function must be a function",
        ),
        (
            "redis.call('PING')",
            "ERR Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'call'",
        ),
        (
            "redis.register_function('a', function() end) redis.register_function('A', function() end)",
            "ERR Error registering functions: ERR Function already exists in the library",
        ),
        ("x = 1", "ERR Error registering functions: ERR user_function:2: Attempt to modify a readonly table"),
        ("return 1", "ERR No functions registered"),
        ("while true do end", "ERR Error registering functions: ERR FUNCTION LOAD timeout"),
    ] {
        let reply = fixture.cli(1, &format!("FUNCTION LOAD REPLACE \"#!lua name=lib\\n{code}\""));
        assert_eq!(reply, format!("(error) {error}"), "{code}");
    }
    check_with(&mut fixture, "> FCALL count 0\n1) (integer) 1\n2) (integer) 0");
    assert_eq!(fixture.node.scripts.libraries.counts().functions, 1);
}

#[test]
fn what_a_load_is_refused_for_leaves_nothing_behind() {
    let mut fixture = Fixture::new();
    let big = "redis.register_function{function_name='f', callback=function() return [[x]] end, flags={'x'}}";
    let line = format!("FUNCTION LOAD \"#!lua name=lib\\n{big}\"");
    for _ in 0..100 {
        fixture.cli(1, &line);
    }
    let before = fixture.node.cores[0].function_bytes.get();
    for _ in 0..20_000 {
        fixture.cli(1, &line);
    }
    let grown = fixture.node.cores[0].function_bytes.get().saturating_sub(before);
    // Garbage of a collection's length, not of twenty thousand closures.
    assert!(grown < 4 << 20, "{grown} bytes stay");
}

#[test]
fn effects_are_the_requests_themselves() {
    let mut fixture = Fixture::new();
    fixture.keep_effects();
    fixture.cli(1, &format!("FUNCTION LOAD {LIB}"));
    fixture.cli(1, "FUNCTION DELETE nosuch");
    fixture.cli(1, "FCALL count 0");
    fixture.cli(1, "FUNCTION DELETE lib");
    fixture.cli(1, "FUNCTION FLUSH");
    let effects = fixture.take_effects();
    let seconds: Vec<String> =
        effects.iter().map(|(_, words)| String::from_utf8_lossy(&words[1]).into_owned()).collect();
    assert_eq!(seconds, ["LOAD", "DELETE", "FLUSH"]);
}

#[test]
fn dumps_come_back() {
    let mut fixture = Fixture::new();
    let load = |name: &str, function: &str| {
        format!(
            "FUNCTION LOAD \"#!lua name={name}\\nredis.register_function('{function}', function() return '{name}' end)\""
        )
    };
    fixture.cli(1, &load("one", "f1"));
    fixture.cli(1, &load("two", "f2"));
    let payload = persistence::rdb::dump_functions(
        &fixture.node.library_sources(),
        &mut persistence::rdb::Encoder::new(persistence::rdb::Version(10), true),
    );
    let restore = |fixture: &mut Fixture, policy: &str| {
        let words: Vec<&[u8]> = [&b"FUNCTION"[..], b"RESTORE", &payload, policy.as_bytes()]
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect();
        String::from_utf8_lossy(&fixture.run(1, &words).unwrap_or_default()).into_owned()
    };
    assert_eq!(restore(&mut fixture, ""), "-ERR Library one already exists\r\n");
    assert_eq!(restore(&mut fixture, "REPLACE"), "+OK\r\n");
    fixture.cli(1, "FUNCTION DELETE two");
    fixture.cli(1, &load("three", "f2"));
    assert_eq!(restore(&mut fixture, "REPLACE"), "-ERR Function f2 already exists\r\n");
    check_with(&mut fixture, "> FCALL f2 0\n\"three\"");
    assert_eq!(restore(&mut fixture, "FLUSH"), "+OK\r\n");
    check_with(&mut fixture, "> FCALL f2 0\n\"two\"");
    assert_eq!(
        restore(&mut fixture, "WHAT").split('.').next(),
        Some("-ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE")
    );
}

#[test]
fn what_functions_see() {
    let mut fixture = Fixture::new();
    let mut call = |body: &str| {
        fixture.cli(
            1,
            &format!(
                "FUNCTION LOAD REPLACE \"#!lua name=t\\nredis.register_function('a', function(k, v) {body} end)\""
            ),
        );
        fixture.cli(1, "FCALL a 0")
    };
    assert_eq!(
        call("return {redis.call('SET', 'x', 1), type(redis.pcall), type(cjson), type(math)}"),
        "1) OK\n2) \"function\"\n3) \"table\"\n4) \"table\""
    );
    assert_eq!(
        call("return KEYS"),
        "(error) ERR user_function:2: Script attempted to access nonexistent global variable 'KEYS' script: a, on @user_function:2."
    );
    assert_eq!(
        call("x = 1"),
        "(error) ERR user_function:2: Attempt to modify a readonly table script: a, on @user_function:2."
    );
    assert_eq!(call("return type(redis.register_function)"), "\"nil\"");
    assert_eq!(call("return type(redis.breakpoint)"), "\"nil\"");
    assert_eq!(
        call("_G.redis = nil"),
        "(error) ERR user_function:2: Attempt to modify a readonly table script: a, on @user_function:2."
    );
    assert_eq!(
        call("getmetatable(_G).__index = nil"),
        "(error) ERR user_function:2: Attempt to modify a readonly table script: a, on @user_function:2."
    );
    assert_eq!(call("error('boom')"), "(error) ERR user_function:2: boom script: a, on @user_function:2.");
}

#[test]
fn scripts_of_valkey_call_the_server() {
    check(
        r##"
        > EVAL "return server.call('SET', KEYS[1], 'v')" 1 k
        OK
        > FUNCTION LOAD "#!lua name=lib\nserver.register_function('f', function(keys) return server.call('GET', keys[1]) end)"
        "lib"
        > FCALL f 1 k
        "v"
        "##,
    );
}

#[test]
fn tricks_with_the_table_of_the_load() {
    check(
        r##"
        > FUNCTION LOAD "#!lua name=lib\nlocal lib = redis\nlib.register_function('f1', function() lib.redis = redis end)\nlib.register_function('f2', function() lib.register_function('f1', function() end) end)"
        "lib"
        > FCALL f1 0
        (error) ERR user_function:3: Attempt to modify a readonly table script: f1, on @user_function:3.
        > FCALL f2 0
        (error) ERR redis.register_function can only be called on FUNCTION LOAD command script: f2, on @user_function:4.
        "##,
    );
}
