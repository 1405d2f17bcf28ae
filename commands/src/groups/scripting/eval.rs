//! EVAL, EVALSHA and their twins that never write.

use commands_macros::command;

use crate::args::Rest;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::node::Node;
use crate::request::Request;
use crate::script::cache::{parse_sha, sha_of};
use crate::script::call::{self, Call};
use crate::script::shebang::{self, may};
use crate::spec::{ArgDoc, ArgType};

const NO_SCRIPT: Error = Error::Plain("NOSCRIPT No matching script. Please use EVAL.");

pub(super) const NUMKEYS: ArgDoc = ArgDoc::new("numkeys", ArgType::Integer);
pub(super) const KEYS: ArgDoc = ArgDoc::new("key", ArgType::Key).key_spec(0).optional().multiple();
pub(super) const ARGS: ArgDoc = ArgDoc::new("arg", ArgType::String).optional().multiple();
const SCRIPT: ArgDoc = ArgDoc::new("script", ArgType::String);
const SHA: ArgDoc = ArgDoc::new("sha1", ArgType::String);

/// Runs a script.
#[command(
    "EVAL",
    since = "2.6.0",
    complexity = "Depends on the script that is executed.",
    flags(NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS | MOVABLEKEYS | MAY_REPLICATE),
    flags_of(flags_of_text),
    keys(KeySpec::counted(2, RW | ACCESS | UPDATE).notes("We cannot tell how the keys will be used so we assume the worst, RW and UPDATE")),
    locks(Script),
    args(SCRIPT, NUMKEYS, KEYS, ARGS)
)]
pub(crate) fn eval(ctx: &mut Ctx, words: Rest) -> Result<()> {
    text(ctx, words, false)
}

/// Runs a script that changes nothing.
#[command(
    "EVAL_RO",
    since = "7.0.0",
    complexity = "Depends on the script that is executed.",
    flags(NOSCRIPT | READONLY | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS | MOVABLEKEYS),
    flags_of(flags_of_text),
    keys(KeySpec::counted(2, RO | ACCESS).notes("We cannot tell how the keys will be used so we assume the worst, RO and ACCESS")),
    locks(Script),
    args(SCRIPT, NUMKEYS, KEYS, ARGS)
)]
pub(crate) fn eval_ro(ctx: &mut Ctx, words: Rest) -> Result<()> {
    text(ctx, words, true)
}

/// Runs a script that is known by its SHA-1.
#[command(
    "EVALSHA",
    since = "2.6.0",
    complexity = "Depends on the script that is executed.",
    flags(NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS | MOVABLEKEYS | MAY_REPLICATE),
    flags_of(flags_of_known),
    keys(KeySpec::counted(2, RW | ACCESS | UPDATE)),
    locks(Script),
    args(SHA, NUMKEYS, KEYS, ARGS)
)]
pub(crate) fn evalsha(ctx: &mut Ctx, words: Rest) -> Result<()> {
    known(ctx, words, false)
}

/// Runs a script that is known by its SHA-1 and changes nothing.
#[command(
    "EVALSHA_RO",
    since = "7.0.0",
    complexity = "Depends on the script that is executed.",
    flags(NOSCRIPT | READONLY | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS | MOVABLEKEYS),
    flags_of(flags_of_known),
    keys(KeySpec::counted(2, RO | ACCESS)),
    locks(Script),
    args(SHA, NUMKEYS, KEYS, ARGS)
)]
pub(crate) fn evalsha_ro(ctx: &mut Ctx, words: Rest) -> Result<()> {
    known(ctx, words, true)
}

/// What a text says of itself.
fn flags_of_text(_: &Node, request: &Request<'_>) -> u32 {
    let declared = shebang::read(request.word(1).unwrap_or_default()).map_or(may::UNDECLARED, |(flags, _)| flags);
    shebang::flags_of(request.row.command.flags, declared)
}

/// What a known script says of itself.
fn flags_of_known(node: &Node, request: &Request<'_>) -> u32 {
    let script = request.word(1).and_then(parse_sha).and_then(|sha| node.scripts.cache.find(&sha));
    shebang::flags_of(request.row.command.flags, script.map_or(may::UNDECLARED, |script| script.flags))
}

fn text(ctx: &mut Ctx, words: Rest, is_readonly: bool) -> Result<()> {
    let mut words = words.0;
    let body = words.word()?;
    let call = Call::new(words, is_readonly, Error::NotAnInteger)?;
    call::with_scripts(ctx, |ctx, interpreter| {
        let sha = sha_of(body);
        if let Some(script) = interpreter.find(ctx.node, &sha) {
            return call::run_script(ctx, script, &call);
        }
        let cache = &ctx.node.scripts.cache;
        let script = cache.add(&sha, body, false)?;
        call::run_script(ctx, interpreter.compile(&script).inspect_err(|_| cache.remove(&sha))?, &call)
    })
}

fn known(ctx: &mut Ctx, words: Rest, is_readonly: bool) -> Result<()> {
    let mut words = words.0;
    let sha = words.word()?;
    let sha = parse_sha(sha).ok_or(NO_SCRIPT)?;
    let call = Call::new(words, is_readonly, Error::NotAnInteger)?;
    call::with_scripts(ctx, |ctx, interpreter| {
        if let Some(script) = interpreter.find(ctx.node, &sha) {
            return call::run_script(ctx, script, &call);
        }
        let script = ctx.node.scripts.cache.find(&sha).ok_or(NO_SCRIPT)?;
        call::run_script(ctx, interpreter.compile(&script)?, &call)
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fixture, check, check_with};

    #[test]
    fn values_there_and_back() {
        check(
            r#"
            > EVAL "return {KEYS[1], ARGV[1], 3.9, true, false, {'x'}, nil, 1}" 1 k a
            1) "k"
            2) "a"
            3) (integer) 3
            4) (integer) 1
            5) (nil)
            6) 1) "x"
            > EVAL "return redis.call('SET', KEYS[1], 3.14)" 1 k
            OK
            > EVAL "return redis.call('GET', KEYS[1])" 1 k
            "3.14"
            > EVAL "return {ok = 'fine'}" 0
            fine
            > EVAL "return {err = 'MY error'}" 0
            (error) MY error
            > EVAL "return redis.pcall('INCR', KEYS[1])" 1 k
            (error) ERR value is not an integer or out of range
            "#,
        );
    }

    #[test]
    fn errors_tell_where() {
        check(
            r#"
            > EVAL "return foo" 0
            (error) ERR user_script:1: Script attempted to access nonexistent global variable 'foo' script: 47e30a5d10d5694f99208f9adc4fe3bf2450edbd, on @user_script:1.
            > EVAL "foo=1" 0
            (error) ERR user_script:1: Attempt to modify a readonly table script: 5bddd8336e5f711bfa499383fc73c17560c6250b, on @user_script:1.
            > EVAL "redis.call('nosuch','x')" 0
            (error) ERR Unknown Redis command called from script script: 17b7a9e195d1bb336996a7e6711a7230499b1479, on @user_script:1.
            > EVAL "redis.call('multi')" 0
            (error) ERR This Redis command is not allowed from script script: def2e0239549b300d870f6dea60827c0d5ec1b62, on @user_script:1.
            > EVAL "syntax error here" 0
            (error) ERR Error compiling script (new function): user_script:1: '=' expected near 'error'
            > EVAL_RO "redis.call('set','x',1)" 0
            (error) ERR Write commands are not allowed from read-only scripts. script: 3a7eb4d7a1c19d3d1d9c5b5fd0ac0a3ad4f3f7d1, on @user_script:1.
            "#
            .replace("3a7eb4d7a1c19d3d1d9c5b5fd0ac0a3ad4f3f7d1", &String::from_utf8_lossy(&super::sha_of(b"redis.call('set','x',1)")))
            .as_str(),
        );
    }

    #[test]
    fn undeclared_keys_of_any_shard() {
        let mut fixture = Fixture::new();
        let script = "for i = 1, 200 do redis.call('SET', 'k' .. i, i) end return redis.call('DBSIZE')";
        assert_eq!(fixture.cli(1, &format!("EVAL \"{script}\" 1 k7")), "(integer) 200");
        check_with(&mut fixture, "> EVAL \"redis.call('FLUSHALL') return redis.call('KEYS', '*')\" 0\n(empty array)");
        assert!(fixture.node.space.try_gate().is_some(), "it is given back");
    }

    #[test]
    fn known_scripts() {
        check(
            r#"
            > EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0
            (error) NOSCRIPT No matching script. Please use EVAL.
            > SCRIPT LOAD "return 1"
            "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"
            > EVALSHA E0E1F9FABFC9D4800C877A703B823AC0578FF8DB 0
            (integer) 1
            > SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db x
            1) (integer) 1
            2) (integer) 0
            > SCRIPT FLUSH
            OK
            > EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0
            (error) NOSCRIPT No matching script. Please use EVAL.
            > SCRIPT KILL
            (error) NOTBUSY No scripts in execution right now.
            "#,
        );
    }

    #[test]
    fn scripts_of_eval_are_bounded_those_of_load_stay() {
        let mut fixture = Fixture::new();
        fixture.cli(1, "SCRIPT LOAD \"return 'loaded'\"");
        for number in 0..600 {
            fixture.cli(1, &format!("EVAL \"return {number}\" 0"));
            fixture.cli(1, "EVAL \"return 'used again and again'\" 0");
        }
        let known = |fixture: &mut Fixture, body: &str| {
            let sha = String::from_utf8_lossy(&super::sha_of(body.as_bytes())).into_owned();
            fixture.cli(1, &format!("SCRIPT EXISTS {sha}")) == "1) (integer) 1"
        };
        assert!(known(&mut fixture, "return 'loaded'"));
        assert!(known(&mut fixture, "return 'used again and again'"));
        assert!(known(&mut fixture, "return 599"));
        assert!(!known(&mut fixture, "return 0"));
        assert_eq!(fixture.node.scripts.cache.counts().0, 501);
    }

    #[test]
    fn thousands_of_arguments_leave_room_for_the_reply() {
        let script = "local a = {} for i = 1, 7900 do a[i] = i end return redis.call('RPUSH', KEYS[1], unpack(a))";
        check(&format!("> EVAL \"{script}\" 1 l\n(integer) 7900"));
    }

    #[test]
    fn time_stands_still_for_a_script() {
        let mut fixture = Fixture::new();
        let script = "local t = redis.call('TIME') for i = 1, 100000 do local x = i end local u = redis.call('TIME') \
                      return t[1] == u[1] and t[2] == u[2]";
        assert_eq!(fixture.cli(1, &format!("EVAL \"{script}\" 0")), "(integer) 1");
        assert_ne!(
            fixture.cli(1, "EVAL \"return redis.call('TIME')\" 0"),
            fixture.cli(1, "EVAL \"return redis.call('TIME')\" 0")
        );
    }

    #[test]
    fn what_is_kept_from_the_log_leaves_no_effect() {
        let mut fixture = Fixture::new();
        fixture.keep_effects();
        let script = "redis.call('set','a','1') redis.set_repl(redis.REPL_NONE) redis.call('set','b','1') \
                      redis.set_repl(redis.REPL_AOF) redis.call('set','c','1')";
        fixture.run(1, &[b"EVAL", script.as_bytes(), b"0"]);
        let effects = fixture.take_effects();
        let keys: Vec<&[u8]> = effects.iter().filter_map(|(_, words)| words.get(1)).map(Vec::as_slice).collect();
        assert_eq!(keys, [b"a", b"c"]);
        assert_eq!(fixture.cli(1, "GET b"), "\"1\"");
    }
}
