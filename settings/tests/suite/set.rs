//! CONFIG GET and CONFIG SET, with the errors of Redis 8.0.6.

use settings::{Caller, SetError, Settings};

use crate::{configured, shown};

const REMOTE: Caller = Caller { local: false, loading: false };
const LOCAL: Caller = Caller { local: true, loading: false };

fn refused(settings: &Settings, pairs: &[(&str, &str)]) -> String {
    settings.set(pairs, REMOTE).unwrap_err().to_string()
}

fn changed(settings: &Settings, pairs: &[(&str, &str)]) -> Vec<&'static str> {
    settings.set(pairs, REMOTE).unwrap().into_iter().map(|spec| spec.name).collect()
}

#[test]
fn errors_are_those_of_redis() {
    let settings = Settings::new();
    let failed =
        |name: &str, reason: &str| format!("CONFIG SET failed (possibly related to argument '{name}') - {reason}");
    let unknown = |name: &str| format!("Unknown option or number of arguments for CONFIG SET - '{name}'");
    let rows: [(&[(&str, &str)], String); 19] = [
        (&[("Foo", "1")], unknown("Foo")),
        (&[("include", "x")], unknown("include")),
        (&[("port", "x"), ("unknown", "5")], unknown("unknown")),
        (&[("maxmemory", "x")], failed("maxmemory", "argument must be a memory value")),
        (&[("maxmemory", "1"), ("MAXMEMORY", "2")], failed("MAXMEMORY", "duplicate parameter")),
        (&[("databases", "x")], failed("databases", "can't set immutable config")),
        (&[("port", "x"), ("databases", "5"), ("port", "4")], failed("databases", "can't set immutable config")),
        (&[("slaveof", "x")], failed("slaveof", "can't set immutable config")),
        (&[("dir", "/")], failed("dir", "can't set protected config")),
        (&[("dbfilename", "x")], failed("dbfilename", "can't set protected config")),
        (&[("timeout", " 5")], failed("timeout", "argument couldn't be parsed into an integer")),
        (&[("timeout", "+5")], failed("timeout", "argument couldn't be parsed into an integer")),
        (&[("timeout", "-0")], failed("timeout", "argument couldn't be parsed into an integer")),
        (&[("save", "3600 1 1")], failed("save", "Invalid save parameters")),
        (&[("save", "3600  1")], failed("save", "Invalid save parameters")),
        (&[("save", "\"3600\" \"1\"")], failed("save", "Invalid save parameters")),
        (&[("appendonly", "")], failed("appendonly", "argument must be 'yes' or 'no'")),
        (
            &[("shutdown-on-sigint", "")],
            failed("shutdown-on-sigint", "argument(s) must be one of the following: default, save, nosave, now, force"),
        ),
        (
            &[("loglevel", "debug warning")],
            failed("loglevel", "argument(s) must be one of the following: debug, verbose, notice, warning, nothing"),
        ),
    ];
    for (pairs, expected) in rows {
        assert_eq!(refused(&settings, pairs), expected, "{pairs:?}");
    }
    assert_eq!(settings.get(&["*"]), Settings::new().get(&["*"]));
}

#[test]
fn all_or_nothing() {
    let settings = Settings::new();
    refused(&settings, &[("maxmemory", "100mb"), ("bind", "::1"), ("timeout", "zz")]);
    assert_eq!(settings.get(&["*"]), Settings::new().get(&["*"]));
    assert_eq!(changed(&settings, &[("maxmemory", "100mb"), ("timeout", "0"), ("bind", "::1")]), ["maxmemory", "bind"]);
    assert_eq!((settings.maxmemory(), shown(&settings, "bind")), (100 << 20, "::1".into()));
}

#[test]
fn lists_replace_and_classes_stay() {
    let settings = Settings::new();
    changed(&settings, &[("save", "3600 1 60 5"), ("client-output-buffer-limit", "normal 1mb 2 3 replica 0 0 0")]);
    assert_eq!(shown(&settings, "save"), "3600 1 60 5");
    assert_eq!(
        shown(&settings, "client-output-buffer-limit"),
        "normal 1048576 2 3 slave 0 0 0 pubsub 33554432 8388608 60"
    );
    changed(&settings, &[("save", ""), ("latency-tracking-info-percentiles", ""), ("bind", ""), ("maxmemory", "")]);
    assert_eq!(shown(&settings, "save"), "");
    assert_eq!(settings.bind().len(), 0);
}

#[test]
fn two_names_of_one_setting_are_two_parameters() {
    let settings = Settings::new();
    changed(&settings, &[("hash-max-ziplist-entries", "1"), ("hash-max-listpack-entries", "512")]);
    assert_eq!(settings.hash_max_listpack_entries(), 512);
    refused(&settings, &[("hash-max-ziplist-entries", "1"), ("hash-max-listpack-entries", "2"), ("port", "x")]);
    assert_eq!(settings.hash_max_listpack_entries(), 512);
}

#[test]
fn protected_settings_need_permission() {
    let settings = configured("enable-protected-configs local").settings;
    assert!(settings.set(&[("dbfilename", "x.rdb")], REMOTE).is_err());
    assert!(settings.set(&[("dbfilename", "x.rdb"), ("dir", "/")], LOCAL).is_ok());
    assert_eq!((shown(&settings, "dbfilename"), shown(&settings, "dir")), ("x.rdb".into(), "/".into()));
    assert!(configured("enable-protected-configs yes").settings.set(&[("dir", "/")], REMOTE).is_ok());
}

#[test]
fn some_settings_wait_for_the_data_set() {
    let settings = Settings::new();
    let loading = Caller { local: true, loading: true };
    assert_eq!(settings.set(&[("repl-diskless-load", "flush-before-load")], loading).unwrap_err(), SetError::Loading);
    assert!(settings.set(&[("timeout", "5")], loading).is_ok());
}

#[test]
fn a_refusal_of_apply_undoes_all() {
    let settings = Settings::new();
    let mut applied = Vec::new();
    let error = settings
        .set_with(&[("timeout", "77"), ("loglevel", "debug"), ("port", "7100"), ("hz", "20")], REMOTE, &mut |spec| {
            applied.push((spec.name, shown(&settings, spec.name)));
            if spec.name == "port" { Err("Unable to listen on this port. Check server logs.".into()) } else { Ok(()) }
        })
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check server logs."
    );
    let expected =
        [("timeout", "77"), ("loglevel", "debug"), ("port", "7100"), ("loglevel", "notice"), ("timeout", "0")];
    assert_eq!(applied, expected.map(|(name, value)| (name, value.to_owned())));
    assert_eq!(settings.get(&["*"]), Settings::new().get(&["*"]));
}

#[test]
fn a_change_moves_the_generation() {
    let settings = Settings::new();
    let before = settings.generation();
    changed(&settings, &[("timeout", "0")]);
    assert_eq!(settings.generation(), before);
    changed(&settings, &[("timeout", "1")]);
    assert!(settings.generation() > before);
}

#[test]
fn get_answers_each_name_once_in_any_case() {
    let settings = Settings::new();
    let names = |patterns: &[&str]| -> Vec<String> {
        settings.get(patterns).into_iter().map(|(name, _)| String::from_utf8(name).unwrap()).collect()
    };
    assert_eq!(names(&["maxmemory-s*", "MAXMEMORY-SAMPLES"]), ["maxmemory-samples"]);
    assert_eq!(names(&["TIMEOUT", "timeout"]), ["TIMEOUT"]);
    assert_eq!(names(&["[t]imeou?"]), ["timeout"]);
    assert_eq!(names(&["slave-pri*", "replica-priority"]), ["replica-priority", "slave-priority"]);
    assert_eq!(names(&["nothing"]), [""; 0]);
    assert_eq!(names(&["repl-rdb-channe*"]), [""; 0]);
    assert_eq!(names(&["REPL-RDB-CHANNEL"]), ["REPL-RDB-CHANNEL"]);
}

#[test]
fn patterns_show_what_redis_knows_too() {
    let settings = Settings::new();
    let shown = settings.get(&["*"]);
    for name in ["core-threads", "redis-version-reported", "rdb-version", "log-format"] {
        assert!(shown.iter().all(|(known, _)| known != name.as_bytes()), "{name}");
        assert_eq!(settings.get(&[name]).len(), 1);
    }
}
