//! Command lines and configuration files, with the errors of Redis 8.0.6.

use settings::{Access, Action, ClientsMemory, LoadError, Startup};

use crate::scratch::Scratch;
use crate::{configured, load, load_with_stdin, shown};

fn report(args: &[&str], stdin: &str) -> String {
    match load_with_stdin(args, stdin) {
        Err(error) => String::from_utf8(error.report("8.0.6")).unwrap(),
        Ok(_) => panic!("{args:?} with {stdin:?} is accepted"),
    }
}

/// The reason for which a line is refused.
fn reason(line: &str) -> String {
    let report = report(&["-"], line);
    let head = format!(
        "\n*** FATAL CONFIG FILE ERROR (Redis 8.0.6) ***\nReading the configuration file, at line 1\n>>> '{}'\n",
        line.trim()
    );
    report.strip_prefix(&head).unwrap_or_else(|| panic!("{report:?}")).trim_end().to_owned()
}

fn served(args: &[&str], stdin: &str) -> settings::Configured {
    match load_with_stdin(args, stdin) {
        Ok(Startup::Serve(configured)) => *configured,
        Ok(Startup::Act(action)) => panic!("{args:?} asks for {action:?}"),
        Err(error) => panic!("{args:?} is refused: {error:?}"),
    }
}

#[test]
fn a_bad_line_is_shown_with_its_number() {
    assert_eq!(
        report(&["-"], "# one\n\n  foo bar \nport x\n"),
        "\n*** FATAL CONFIG FILE ERROR (Redis 8.0.6) ***\nReading the configuration file, at line 3\n>>> 'foo bar'\n\
         Bad directive or wrong number of arguments\n"
    );
}

#[test]
fn reasons_are_those_of_redis() {
    let rows = [
        ("foo", "Bad directive or wrong number of arguments"),
        ("include", "Bad directive or wrong number of arguments"),
        ("user", "Bad directive or wrong number of arguments"),
        ("rename-command get", "Bad directive or wrong number of arguments"),
        ("loadmodule", "Bad directive or wrong number of arguments"),
        ("sentinel x", "sentinel directive while not in sentinel mode"),
        ("timeout \"a", "Unbalanced quotes in configuration line"),
        ("timeout \"a\"b", "Unbalanced quotes in configuration line"),
        ("port x", "argument couldn't be parsed into an integer"),
        ("PORT x", "argument couldn't be parsed into an integer"),
        ("timeout 007", "argument couldn't be parsed into an integer"),
        ("timeout 1k", "argument couldn't be parsed into an integer"),
        ("timeout \"1 \"", "argument couldn't be parsed into an integer"),
        ("port 70000", "argument must be between 0 and 65535 inclusive"),
        ("port -1", "argument must be between 0 and 65535 inclusive"),
        ("maxclients 0", "argument must be between 1 and 4294967295 inclusive"),
        ("slowlog-log-slower-than -5", "argument must be between -1 and 9223372036854775807 inclusive"),
        ("repl-backlog-size 0", "argument must be between 1 and 9223372036854775807 inclusive"),
        ("proto-max-bulk-len 1", "argument must be between 1048576 and 9223372036854775807 inclusive"),
        ("port 1 2", "wrong number of arguments"),
        ("port 1 # x", "wrong number of arguments"),
        ("timeout", "wrong number of arguments"),
        ("notify-keyspace-events K E", "wrong number of arguments"),
        ("appendonly maybe", "argument must be 'yes' or 'no'"),
        ("maxmemory 1zb", "argument must be a memory value"),
        ("maxmemory 1.5gb", "argument must be a memory value"),
        ("maxmemory -1", "argument must be a memory value"),
        ("maxmemory-clients 200%", "percentage argument must be less or equal to 100"),
        ("maxmemory-clients 9223372036854775808", "argument must be a memory or percent value"),
        ("maxmemory-clients 20%x", "argument must be a memory or percent value"),
        ("loglevel x", "argument(s) must be one of the following: debug, verbose, notice, warning, nothing"),
        ("enable-debug-command x", "argument(s) must be one of the following: no, yes, local"),
        ("shutdown-on-sigint x", "argument(s) must be one of the following: default, save, nosave, now, force"),
        ("shutdown-on-sigint", "argument(s) must be one of the following: default, save, nosave, now, force"),
        ("shutdown-on-sigint nosave save", "shutdown options SAVE and NOSAVE can't be used simultaneously"),
        ("unixsocketperm 888", "argument couldn't be parsed as an octal number"),
        ("unixsocketperm 1777", "argument must be between 0 and 777 inclusive"),
        ("unixsocketperm -1", "argument must be between 0 and 777 inclusive"),
        ("notify-keyspace-events foo", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."),
        ("oom-score-adj-values 1 2", "wrong number of arguments"),
        ("oom-score-adj-values 1 2 5000", "Invalid oom-score-adj-values, elements must be between -2000 and 2000."),
        ("oom-score-adj-values 1 a 3", "Invalid oom-score-adj-values, elements must be between -2000 and 2000."),
        ("dir /no/such/directory", "No such file or directory"),
        ("dbfilename a/b", "dbfilename can't be a path, just a filename"),
        ("appendfilename a/b", "appendfilename can't be a path, just a filename"),
        ("appendfilename \"\"", "appendfilename can't be empty"),
        ("appenddirname a/b", "appenddirname can't be a path, just a dirname"),
        ("appenddirname \"\"", "appenddirname can't be empty"),
        ("proc-title-template {foo}", "template format is invalid or contains unknown variables"),
        ("proc-title-template \"\"", "template format is invalid or contains unknown variables"),
        ("replicaof a", "wrong number of arguments"),
        ("slaveof a b", "Invalid master port"),
        ("replicaof a 70000", "Invalid master port"),
        ("cluster-announce-hostname a_b", "Hostnames may only contain alphanumeric characters, hyphens or dots"),
        ("cluster-announce-human-nodename a!", "Announced human node name contained invalid character"),
    ];
    for (line, expected) in rows {
        assert_eq!(reason(line), expected, "{line}");
    }
}

#[test]
fn reasons_of_lists_are_those_of_redis() {
    for line in ["save 1", "save x y", "save 0 1", "save 1 -1", "save 5x 1", "save \"3600 1 300\"", "save \"\" 5 5"] {
        assert_eq!(reason(line), "Invalid save parameters", "{line}");
    }
    let rows = [
        ("normal 1", "Wrong number of arguments in buffer limit configuration."),
        ("foo 1 2 3", "Invalid client class specified in buffer limit configuration."),
        ("master 1 2 3", "Invalid client class specified in buffer limit configuration."),
        ("normal x 2 3", "Error in hard, soft or soft_seconds setting in buffer limit configuration."),
        ("normal 1 1 -1", "Error in hard, soft or soft_seconds setting in buffer limit configuration."),
    ];
    for (words, expected) in rows {
        assert_eq!(reason(&format!("client-output-buffer-limit {words}")), expected, "{words}");
    }
    let percentiles = "latency-tracking-info-percentiles";
    assert_eq!(reason(&format!("{percentiles} 5 a")), format!("Invalid {percentiles} parameters"));
    for number in ["500", "-1", "100.0001", "inf", "nan"] {
        let expected = format!("{percentiles} parameters should sit between [0.0,100.0]");
        assert_eq!(reason(&format!("{percentiles} {number}")), expected, "{number}");
    }
    assert_eq!(reason(&format!("bind{}", " ::1".repeat(17))), "Too many bind addresses specified.");
}

#[test]
fn values_are_shown_as_redis_shows_them() {
    let rows = [
        ("hz 0", "hz", "1"),
        ("hz 1000", "hz", "500"),
        ("maxmemory 1GB", "maxmemory", "1073741824"),
        ("maxmemory 1k", "maxmemory", "1000"),
        ("maxmemory-clients 5%", "maxmemory-clients", "5%"),
        ("maxmemory-clients 0%", "maxmemory-clients", "0"),
        ("appendonly YES", "appendonly", "yes"),
        ("maxmemory-policy ALLKEYS-LRU", "maxmemory-policy", "allkeys-lru"),
        ("unixsocketperm 700", "unixsocketperm", "700"),
        ("notify-keyspace-events KEA", "notify-keyspace-events", "AKE"),
        ("notify-keyspace-events KEAmn", "notify-keyspace-events", "AKEm"),
        ("notify-keyspace-events Kn", "notify-keyspace-events", "nK"),
        ("notify-keyspace-events Emntd", "notify-keyspace-events", "tdnEm"),
        ("notify-keyspace-events g$lshzxetd", "notify-keyspace-events", "A"),
        ("shutdown-on-sigterm force save", "shutdown-on-sigterm", "save force"),
        ("shutdown-on-sigterm default now", "shutdown-on-sigterm", "now"),
        ("latency-tracking-info-percentiles 50 99.99 1.5", "latency-tracking-info-percentiles", "50 99.99 1.5"),
        ("latency-tracking-info-percentiles 99.123456789 1e1", "latency-tracking-info-percentiles", "99.123457 10"),
        ("latency-tracking-info-percentiles 0.00001", "latency-tracking-info-percentiles", "0.00001"),
        ("latency-tracking-info-percentiles \"\"", "latency-tracking-info-percentiles", ""),
        ("oom-score-adj-values \"1 2 3\"", "oom-score-adj-values", "1 2 3"),
        ("slave-priority 7", "replica-priority", "7"),
        ("hash-max-ziplist-entries 5", "hash-max-listpack-entries", "5"),
        ("server_cpulist 0-1", "server-cpulist", "0-1"),
        ("lua-time-limit 6", "busy-reply-threshold", "6"),
        ("replicaof a 80\nslaveof b 90", "slaveof", "b 90"),
        ("replicaof \"a 80\"", "replicaof", "a 80"),
        ("replicaof a 80\nreplicaof NO ONE", "replicaof", ""),
        ("bind ::1\nbind \"127.0.0.1 -::1\"", "bind", "127.0.0.1 -::1"),
        ("timeout 4\ntimeout 5\r\n", "timeout", "5"),
        ("requirepass \"a \\x41\"", "requirepass", "a A"),
        ("save 900 1\nsave 5 5", "save", "900 1 5 5"),
        ("save 5 5 7 7", "save", "5 5 7 7"),
        ("save \"\"", "save", ""),
        ("save \"\"\nsave 5 5", "save", "5 5"),
        ("save 5 5\nsave \"\"", "save", ""),
        ("# nothing", "save", "3600 1 300 100 60 10000"),
        ("list-max-ziplist-entries 5\nio-threads-do-reads yes", "io-threads", "1"),
    ];
    for (text, name, value) in rows {
        assert_eq!(shown(&configured(text).settings, name), value, "{text:?}");
    }
    let limits = "client-output-buffer-limit normal 1 2 3\nclient-output-buffer-limit replica 1mb 2 3";
    assert_eq!(
        shown(&configured(limits).settings, "client-output-buffer-limit"),
        "normal 1 2 3 slave 1048576 2 3 pubsub 33554432 8388608 60"
    );
    assert_eq!(configured("maxmemory-clients 25%").settings.maxmemory_clients(), ClientsMemory::Percent(25));
    assert_eq!(ClientsMemory::Percent(25).bytes(u64::MAX), u64::MAX / 4);
    assert!(configured("enable-debug-command LOCAL").settings.enable_debug_command() == Access::Local);
}

#[test]
fn lines_need_not_be_utf_8() {
    let Ok(Startup::Serve(loaded)) = settings::Settings::load(&[b"-".to_vec()], &mut &b"requirepass \xff\xfe"[..])
    else {
        panic!("refused");
    };
    assert_eq!(*loaded.settings.requirepass(), *b"\xff\xfe");
}

#[test]
fn options_are_lines_after_the_file() {
    let scratch = Scratch::new("options");
    let file = scratch.write("redis.conf", "timeout 3\nsave 900 1");
    let rows: [(&[&str], &str, &str); 16] = [
        (&[&file, "--port", "7777", "--replicaof", "127.0.0.1", "8888"], "replicaof", "127.0.0.1 8888"),
        (&[&file, "--timeout", "4"], "timeout", "4"),
        (&[&file, "hz", "20"], "hz", "20"),
        (&[&file, "--save", "3600", "1"], "save", "900 1 3600 1"),
        (&[&file, "--save", ""], "save", ""),
        (&["--save"], "save", ""),
        (&["--save", "--port", "1"], "save", ""),
        (&["--save", "3600 1 300 100"], "save", "3600 1 300 100"),
        (&["--save", "3600 1", "--save", "300 100"], "save", "3600 1 300 100"),
        (&["--shutdown-on-sigint", "\"nosave\" now"], "shutdown-on-sigint", "nosave now"),
        (&["--proc-title-template", "--my--{title}", "--port", "1"], "proc-title-template", "--my--{title}"),
        (&["--bind", "127.0.0.1", "-::1"], "bind", "127.0.0.1 -::1"),
        (&["--bind", "127.0.0.1 -::1"], "bind", "127.0.0.1 -::1"),
        (&["--requirepass", "a b"], "requirepass", "a b"),
        (&["--PORT 7", "--"], "port", "7"),
        (&["", "--port", "7"], "port", "7"),
    ];
    for (args, name, value) in rows {
        assert_eq!(shown(&served(args, "").settings, name), value, "{args:?}");
    }
    assert_eq!(served(&[&file], "").settings.config_file().unwrap().to_str(), Some(file.as_str()));
    assert_eq!(served(&["--port", "1"], "").settings.config_file(), None);
}

#[test]
fn errors_in_options_count_their_lines_after_the_file() {
    let scratch = Scratch::new("option-errors");
    let file = scratch.write("redis.conf", "timeout 3\n");
    let rows: [(&[&str], usize, &str); 7] = [
        (&["--foo"], 2, "foo"),
        (&["--port", "1", "--foo"], 3, "foo"),
        (&["--port", "1", "2"], 2, "port \"1\" \"2\""),
        (&["--port", "", "7113"], 2, "port \"\" \"7113\""),
        (&["--notify-keyspace-events", "--port", "7"], 2, "notify-keyspace-events \"--port\" \"7\""),
        (&["--port", "1", "-", "--hz", "2"], 2, "port \"1\" \"-\""),
        (&[&file, "--foo"], 3, "foo"),
    ];
    for (args, line, text) in rows {
        let Err(LoadError::Line { place, .. }) = load(args) else { panic!("{args:?} is accepted") };
        assert_eq!((place.line, place.text), (line, text.as_bytes().to_vec()), "{args:?}");
    }
}

#[test]
fn standard_input_comes_between_file_and_options() {
    let scratch = Scratch::new("stdin");
    let file = scratch.write("redis.conf", "timeout 1\nhz 11");
    let loaded = served(&[&file, "--port", "4", "-"], "timeout 2\nport 3").settings;
    assert_eq!((loaded.hz(), loaded.timeout(), loaded.port()), (11, 2, 4));
    let loaded = served(&["-", "--port", "4"], "timeout 2\nport 3\n").settings;
    assert_eq!((loaded.timeout(), loaded.port()), (2, 4));
    assert!(report(&["-"], "port 1\nfoo").contains("at line 2\n>>> 'foo'\n"));
}

#[test]
fn actions_are_the_first_word() {
    let action = |args: &[&str]| match load(args) {
        Ok(Startup::Act(action)) => Some(action),
        _ => None,
    };
    assert_eq!(action(&["-v"]), Some(Action::Version));
    assert_eq!(action(&["--version", "--port", "1"]), Some(Action::Version));
    assert_eq!(action(&["-h"]), Some(Action::Help));
    assert_eq!(action(&["--help"]), Some(Action::Help));
    assert_eq!(action(&["--check-system"]), Some(Action::CheckSystem));
    assert_eq!(action(&["--test-memory", "16"]), Some(Action::TestMemory { mebibytes: 16 }));
    assert_eq!(action(&["--port", "1", "-v"]), None);
    assert!(report(&["--test-memory"], "").starts_with("Please specify the amount of memory to test in megabytes."));
    assert!(report(&["--test-memory", "x"], "").starts_with("Please specify"));
    assert!(report(&["a.conf", "--sentinel"], "").contains("no Sentinel mode"));
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let report_of = |args: &[&str], stdin: &str| report(args, stdin);
    assert_eq!(
        report_of(&["/no/such.conf"], ""),
        "Fatal error, can't open config file '/no/such.conf': No such file or directory\n"
    );
    assert_eq!(
        report_of(&["-"], "include /no/such.conf"),
        "Fatal error, can't open config file '/no/such.conf': No such file or directory\n"
    );
    assert_eq!(report_of(&["/"], ""), "Fatal error, can't open config file '/': Is a directory\n");
    assert_eq!(
        report_of(&["-"], "logfile /no/such/log"),
        "\n*** FATAL CONFIG FILE ERROR (Redis 8.0.6) ***\nCan't open the log file: No such file or directory\n"
    );
    assert!(report_of(&["/dev/zero"], "").contains("larger than 64 MiB"));
}

#[test]
fn include_takes_patterns() {
    let scratch = Scratch::new("include");
    scratch.write("b.inc", "timeout 2\nhz 20");
    scratch.write("a.inc", "timeout 1\nport 10");
    scratch.write(".hidden.inc", "port 11");
    let pattern = scratch.path("*.inc");
    let loaded = configured(&format!("include {pattern}\ninclude /no/such/*\nhz 30")).settings;
    assert_eq!((loaded.timeout(), loaded.port(), loaded.hz()), (2, 10, 30));
    // Once `dir` is set, relative paths start there.
    let loaded = configured(&format!("dir {}\ninclude a.inc", scratch.path(""))).settings;
    assert_eq!((loaded.timeout(), loaded.port()), (1, 10));
    scratch.write("bad.conf", "\nfoo");
    assert!(report(&["-"], &format!("include {}", scratch.path("bad.conf"))).contains("at line 2\n>>> 'foo'\n"));
}

#[test]
fn files_that_include_each_other_are_refused() {
    let scratch = Scratch::new("include-loop");
    let file = scratch.path("loop.conf");
    scratch.write("loop.conf", &format!("include {file}"));
    assert!(report(&[&file], "").contains("include is nested more than 16 deep"));
    // Two includes per level would be 2^16 files.
    scratch.write("wide.conf", &format!("include {0}\ninclude {0}", scratch.path("*.conf")));
    assert!(load(&[&scratch.path("wide.conf")]).is_err());
}

#[test]
fn directives_that_are_not_settings_are_kept_with_their_place() {
    let loaded = configured(
        "rename-command CONFIG \"\"\nrename-command GET fetch\nuser alice on >secret\nuser bob\nloadmodule /m.so a b\n",
    );
    let args = |directives: &[settings::Directive]| -> Vec<String> {
        let line = |directive: &settings::Directive| directive.args.join(&b'|').escape_ascii().to_string();
        directives.iter().map(line).collect()
    };
    assert_eq!(args(&loaded.rename_commands), ["CONFIG|", "GET|fetch"]);
    assert_eq!(args(&loaded.users), ["alice|on|>secret", "bob"]);
    assert_eq!(args(&loaded.modules), ["/m.so|a|b"]);
    let refused = loaded.rename_commands[1].place.clone().refuse("No such command in rename-command");
    assert_eq!(
        String::from_utf8(refused.report("8.0.6")).unwrap(),
        "\n*** FATAL CONFIG FILE ERROR (Redis 8.0.6) ***\nReading the configuration file, at line 2\n\
         >>> 'rename-command GET fetch'\nNo such command in rename-command\n"
    );
    assert!(report(&["-"], "user a\nuser a").ends_with(
        ">>> 'user a'\nError in user declaration 'a': Duplicate user found. \
         A user can only be defined once in config files\n"
    ));
}

#[test]
fn settings_without_effect_are_listed_where_they_were_changed() {
    let loaded = configured("appendonly yes\ncluster-enabled no\nport 1\nslave-priority 5\nappendonly yes");
    assert_eq!(loaded.stored_only, ["replica-priority"]);
}
