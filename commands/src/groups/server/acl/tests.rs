//! Sessions of several users.

use crate::client::signal;
use crate::testing::{Fixture, check, check_with};

#[test]
fn users_come_and_go() {
    let mut fixture = Fixture::new();
    check_with(
        &mut fixture,
        r#"
        > ACL WHOAMI
        "default"
        > ACL SETUSER bob
        OK
        > ACL LIST
        1) "user bob off sanitize-payload resetchannels -@all"
        2) "user default on nopass sanitize-payload ~* &* +@all"
        > ACL USERS
        1) "bob"
        2) "default"
        > ACL SETUSER "b b"
        (error) ERR Usernames can't contain spaces or null characters
        > ACL SETUSER bob on >secret ~k* +get +acl|whoami
        OK
        @2> AUTH bob wrong
        (error) WRONGPASS invalid username-password pair or user is disabled.
        @2> AUTH bob secret
        OK
        @2> ACL WHOAMI
        "bob"
        @2> GET k
        (nil)
        @2> GET x
        (error) NOPERM No permissions to access a key
        @2> SET k v
        (error) NOPERM User bob has no permissions to run the 'set' command
        @2> ACL LIST
        (error) NOPERM User bob has no permissions to run the 'acl|list' command
        > CLIENT KILL USER nobody
        (error) ERR No such user 'nobody'
        > ACL DELUSER default
        (error) ERR The 'default' user cannot be removed
        > ACL DELUSER bob nobody
        (integer) 1
        > ACL GETUSER bob
        (nil)
        "#,
    );
    assert!(fixture.client(2).shared.signals() & signal::KILL != 0);
}

#[test]
fn rules_that_do_not_hold_change_nothing() {
    check(
        r#"
        > ACL SETUSER u on +get what
        (error) ERR Error in ACL SETUSER modifier 'what': Syntax error
        > ACL GETUSER u
        (nil)
        > ACL SETUSER u +nothing
        (error) ERR Error in ACL SETUSER modifier '+nothing': Unknown command or category name in ACL
        > ACL SETUSER u on (+get (+set
        (error) ERR Unmatched parenthesis in acl selector starting at '(+get'.
        > ACL SETUSER u (&* &c)
        (error) ERR Error in ACL SETUSER modifier '(&* &c)': Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try 'resetchannels' to start with an empty list of channels
        > ACL SETUSER u #12
        (error) ERR Error in ACL SETUSER modifier '#12': The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters
        > ACL SETUSER u +select|0 +config|get +config|set|x
        (error) ERR Error in ACL SETUSER modifier '+config|set|x': Allowing first-arg of a subcommand is not supported
        "#,
    );
}

#[test]
fn what_getuser_shows() {
    let rules = "> ACL SETUSER u on >foo %R~a* ~b &c +@string -set (+set %W~w)\nOK\n";
    check(&format!(
        "{rules}{}",
        r#"> ACL GETUSER u
         1) "flags"
         2) 1) "on"
            2) "sanitize-payload"
         3) "passwords"
         4) 1) "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
         5) "commands"
         6) "-@all +@string -set"
         7) "keys"
         8) "%R~a* ~b"
         9) "channels"
        10) "&c"
        11) "selectors"
        12) 1) 1) "commands"
               2) "-@all +set"
               3) "keys"
               4) "%W~w"
               5) "channels"
               6) """#
    ));
}

#[test]
fn a_rule_that_goes_is_felt_at_once() {
    let mut fixture = Fixture::new();
    check_with(
        &mut fixture,
        r#"
        > ACL SETUSER u on nopass +@all ~* &c
        OK
        @2> AUTH u x
        OK
        @2> MULTI
        OK
        @2> INCR k
        QUEUED
        @3> AUTH u x
        OK
        @3> BLPOP l 0
        (waits)
        @4> AUTH u x
        OK
        @4> SUBSCRIBE c
        1) "subscribe"
        2) "c"
        3) (integer) 1
        > ACL SETUSER u resetkeys ~a
        OK
        @2> EXEC
        1) (error) NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no longer allowed for the following reason: no permission to touch the specified keys
        > RPUSH l v
        (integer) 1
        @3
        (error) NOPERM No permissions to access a key
        > LLEN l
        (integer) 1
        "#,
    );
    let stats = fixture.cli(1, "INFO commandstats");
    assert!(
        stats.contains("cmdstat_blpop:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0"),
        "{stats}"
    );
    assert!(fixture.client(4).shared.signals() & signal::KILL == 0);
    fixture.cli(1, "ACL SETUSER u resetchannels &d");
    assert!(fixture.client(4).shared.signals() & signal::KILL != 0, "it listens to what it may not hear");
}

#[test]
fn channels() {
    check(
        r#"
        > ACL SETUSER u on nopass +@pubsub &a* &p?
        OK
        @2> AUTH u x
        OK
        @2> PUBLISH abc x
        (integer) 0
        @2> SPUBLISH b x
        (error) NOPERM No permissions to access a channel
        @2> PSUBSCRIBE abc
        (error) NOPERM No permissions to access a channel
        @2> PSUBSCRIBE a*
        1) "psubscribe"
        2) "a*"
        3) (integer) 1
        @2> SUBSCRIBE p1 b
        (error) NOPERM No permissions to access a channel
        "#,
    );
}

#[test]
fn dryrun() {
    check(
        r#"
        > ACL SETUSER u +@all %R~read* %W~write* %RW~rw*
        OK
        > ACL DRYRUN u GET read
        OK
        > ACL DRYRUN u GET write
        "User u has no permissions to access the 'write' key"
        > ACL DRYRUN u COPY read write
        OK
        > ACL DRYRUN u SORT read STORE read
        "User u has no permissions to access the 'read' key"
        > ACL DRYRUN u PUBLISH c m
        "User u has no permissions to access the 'c' channel"
        > ACL DRYRUN nobody GET k
        (error) ERR User 'nobody' not found
        > ACL DRYRUN u NOTHING k
        (error) ERR Command 'NOTHING' not found
        > ACL DRYRUN u GET
        (error) ERR wrong number of arguments for 'get' command
        "#,
    );
}

#[test]
fn the_log_groups_what_is_alike() {
    let mut fixture = Fixture::new();
    check_with(
        &mut fixture,
        r#"
        > ACL SETUSER u on nopass ~k
        OK
        @2> AUTH u x
        OK
        @2> GET k
        (error) NOPERM User u has no permissions to run the 'get' command
        @2> get k
        (error) NOPERM User u has no permissions to run the 'get' command
        > AUTH nobody x
        (error) WRONGPASS invalid username-password pair or user is disabled.
        "#,
    );
    let log = fixture.cli(1, "ACL LOG");
    let lines: Vec<&str> = log.lines().map(str::trim).collect();
    assert!(
        lines[0].starts_with("1)  1) \"count\"") && log.contains("\"nobody\"") && log.contains("(integer) 2"),
        "{log}"
    );
    assert!(log.contains("cmd=get user=u"), "{log}");
    assert!(fixture.cli(1, "INFO stats").contains("acl_access_denied_cmd:2\\r"));
    check_with(
        &mut fixture,
        "> ACL LOG RESET\nOK\n> ACL LOG\n(empty array)\n> ACL LOG x\n(error) ERR value is not an integer or out of range",
    );
}

#[test]
fn the_log_tells_the_context_and_what_the_client_sent() {
    let mut fixture = Fixture::new();
    fixture.cli(1, "ACL SETUSER u on nopass ~* +@all -get");
    fixture.cli(2, "AUTH u x");
    fixture.cli(2, "MULTI");
    fixture.cli(2, "INCR k");
    fixture.cli(1, "ACL SETUSER u -incr");
    fixture.cli(2, "EXEC");
    let log = fixture.cli(1, "ACL LOG 1");
    assert!(log.contains("\"multi\"") && log.contains("\"incr\"") && log.contains(" cmd=exec "), "{log}");
    fixture.cli(2, "EVAL \"return redis.call('get','k')\" 0");
    let log = fixture.cli(1, "ACL LOG 1");
    assert!(log.contains("\"lua\"") && log.contains("\"get\"") && log.contains(" cmd=eval "), "{log}");
}

#[test]
fn odds_and_ends() {
    check(
        r#"
        > ACL CAT nothing
        (error) ERR Unknown category 'nothing'
        > ACL CAT a b
        (error) ERR unknown subcommand or wrong number of arguments for 'CAT'. Try ACL HELP.
        > ACL CAT transaction
        1) "discard"
        2) "exec"
        3) "multi"
        4) "unwatch"
        5) "watch"
        > ACL GENPASS 0
        (error) ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096
        > ACL LOAD
        (error) ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis configuration.
        "#,
    );
    assert_eq!(Fixture::new().cli(1, "ACL GENPASS 5").len(), 4);
}

#[test]
fn the_file_is_read_and_written() {
    let dir = std::env::temp_dir().join(format!("stateless-acl-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a folder of our own");
    std::fs::write(dir.join("users.acl"), "user bob on nopass ~b +@all\n").expect("a file of our own");
    let args = ["--dir", dir.to_str().expect("a path of letters"), "--aclfile", "users.acl"];
    let args: Vec<Vec<u8>> = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
    let Ok(settings::Startup::Serve(configured)) = settings::Settings::load(&args, &mut std::io::empty()) else {
        panic!("good settings")
    };
    let mut fixture = Fixture::with_settings(configured.settings);
    fixture.node.load_users(&[]).expect("a good file");
    check_with(
        &mut fixture,
        r#"
        > ACL USERS
        1) "bob"
        2) "default"
        > ACL SETUSER eve on
        OK
        > ACL SAVE
        OK
        > ACL DELUSER eve
        (integer) 1
        > ACL LOAD
        OK
        > ACL USERS
        1) "bob"
        2) "default"
        3) "eve"
        "#,
    );
    std::fs::write(dir.join("users.acl"), "user bob on\nuser bob off\n").expect("a file of our own");
    assert!(fixture.cli(1, "ACL LOAD").contains("Duplicate user 'bob' found on line 2"));
    assert!(fixture.cli(1, "ACL USERS").contains("eve"));
    std::fs::remove_dir_all(&dir).expect("a folder of our own");
}

#[test]
fn sort_reads_other_keys_only_for_who_reads_all() {
    check(
        r#"
        > RPUSH l 1
        (integer) 1
        > ACL SETUSER u on nopass (+sort ~l)
        OK
        @2> AUTH u x
        OK
        @2> SORT l BY w*
        (error) ERR BY option of SORT denied due to insufficient ACL permissions.
        @2> SORT l BY nosort
        1) "1"
        @2> SORT l GET #
        (error) ERR GET option of SORT denied due to insufficient ACL permissions.
        > ACL SETUSER u (+sort ~l %R~*)
        OK
        @2> SORT l BY w*
        1) "1"
        "#,
    );
}
