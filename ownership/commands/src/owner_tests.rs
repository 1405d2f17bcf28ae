//! Who owns keys by the rules of users.

use commands::testing::check_with;

use crate::tests::{check, fixture};

const USERS: &str = "
    > ACL SETUSER svc-users on nopass +@all ~* own~user:<id>
    OK
    > ACL SETUSER web on nopass +@all ~* borrow~user:*
    OK
    @2> AUTH svc-users x
    OK
    @3> AUTH web x
    OK
    ";

#[test]
fn only_owners_write() {
    let mut fixture = fixture();
    check_with(&mut fixture, USERS);
    check_with(
        &mut fixture,
        "
        @2> SET user:42 a
        OK
        @3> SET user:42 b
        (error) NOTOWNER key 'user:42' is owned by svc-users (pattern user:<id>)
        @3> MSET page:1 b user:42 c
        (error) NOTOWNER key 'user:42' is owned by svc-users (pattern user:<id>)
        @3> SET user:42:pic b
        OK
        @3> GET user:42
        \"a\"
        @3> EVAL \"return redis.call('DEL', 'user:42')\" 0
        (error) NOTOWNER key 'user:42' is owned by svc-users (pattern user:<id>) script: a1d6e5310f85fe139dac12b88b3bedac4dbee2bb, on @user_script:1.
        @3> FLUSHALL
        (error) NOTOWNER some of these keys are owned by svc-users (pattern user:<id>)
        @3> INVALIDATE user:4*
        (error) NOTOWNER some of these keys are owned by svc-users (pattern user:<id>)
        @3> CLAIM user:43
        (error) NOTOWNER key 'user:43' is owned by svc-users (pattern user:<id>)
        @3> OWN user:42
        (error) NOTOWNER some of these keys are owned by svc-users (pattern user:<id>)
        @3> OWN page:1
        (error) NOPERM the own~ rules of web do not cover page:1
        @3> BORROW page:1
        (error) NOPERM the own~ and borrow~ rules of web do not cover page:1
        @3> BORROW user:1*
        (integer) 1
        @3> RELEASE 1
        (integer) 1
        @2> OWN user:7
        (integer) 2
        > SET user:8 x
        (error) NOTOWNER key 'user:8' is owned by svc-users (pattern user:<id>)
        > OWNERSHIP WHO user:7
         1) \"key\"
         2) \"user:7\"
         3) \"patterns\"
         4) (empty array)
         5) \"derives-from\"
         6) (empty array)
         7) \"takes-along\"
         8) (empty array)
         9) \"owner\"
        10) \"svc-users\"
        11) \"leases\"
        12) 1) (integer) 2
        > ACL DRYRUN web SET user:42 x
        \"NOTOWNER key 'user:42' is owned by svc-users (pattern user:<id>)\"
        > ACL DRYRUN svc-users SET user:42 x
        OK
        > ACL DELUSER svc-users
        (integer) 1
        @3> SET user:42 b
        OK
        ",
    );
    let log = fixture.cli(1, "ACL LOG 20");
    assert!(log.contains("\"user:42\"") && log.contains("\"web\""), "{log}");
}

#[test]
fn two_owners_of_a_key_are_refused_with_a_key_of_both() {
    let mut fixture = fixture();
    check_with(&mut fixture, USERS);
    check_with(
        &mut fixture,
        "
        > ACL SETUSER svc-import own~user:4?
        (error) ERR ownership conflict: user:<id> of svc-users overlaps user:4? of svc-import, e.g. user:4a
        > ACL GETUSER svc-import
        (nil)
        > ACL SETUSER svc-import own~user:4?:raw own~<x
        (error) ERR '<x': '<' at byte 1 begins no capture: write <name> with letters, digits, '_' or '-', or \\< for the byte
        > ACL SETUSER svc-import +@all (own~import:* ~import:* +set)
        OK
        > ACL SETUSER svc-users own~user:4?
        OK
        > ACL SETUSER web own~import:7
        (error) ERR ownership conflict: import:* of svc-import overlaps import:7 of web, e.g. import:7
        > ACL SETUSER svc-import clearselectors
        OK
        > ACL SETUSER web own~import:7
        OK
        > ACL LIST
        1) \"user default on nopass sanitize-payload ~* &* +@all\"
        2) \"user svc-import off sanitize-payload resetchannels +@all\"
        3) \"user svc-users on nopass sanitize-payload ~* own~user:<id> own~user:4? resetchannels +@all\"
        4) \"user web on nopass sanitize-payload ~* own~import:7 borrow~user:* resetchannels +@all\"
        > ACL SETUSER web resetown
        OK
        > ACL SETUSER svc-import own~import:*
        OK
        ",
    );
}

#[test]
fn rules_can_be_tried_out() {
    let mut fixture = fixture();
    check_with(&mut fixture, USERS);
    fixture.configure("ownership-mode", "warn");
    check_with(&mut fixture, "@3> SET user:42 b\nOK");
    assert!(fixture.cli(1, "ACL LOG 1").contains("\"user:42\""));
    fixture.cli(1, "ACL LOG RESET");
    fixture.configure("ownership-mode", "off");
    check_with(&mut fixture, "@3> SET user:42 b\nOK\n> ACL LOG 1\n(empty array)");
}

#[test]
fn what_somebody_may_do_can_be_asked() {
    let mut fixture = fixture();
    check_with(&mut fixture, USERS);
    check_with(
        &mut fixture,
        "
        > OWNERSHIP CHECK web write user:42
        1) (integer) 0
        2) \"NOTOWNER key 'user:42' is owned by svc-users (pattern user:<id>)\"
        > OWNERSHIP CHECK web read user:42
        1) (integer) 1
        2) (nil)
        > OWNERSHIP CHECK web borrow user:42
        1) (integer) 1
        2) (nil)
        > OWNERSHIP CHECK web own page:1
        1) (integer) 0
        2) \"NOPERM the own~ rules of web do not cover page:1\"
        > OWNERSHIP CHECK svc-users own user:42
        1) (integer) 1
        2) (nil)
        @2> OWN user:42
        (integer) 1
        > OWNERSHIP CHECK svc-users write user:42
        1) (integer) 0
        2) \"OWNED by client 2 (pattern user:42, no end)\"
        > OWNERSHIP CHECK web borrow user:42
        1) (integer) 0
        2) \"OWNED by client 2 (pattern user:42, no end)\"
        > ACL SETUSER reader %R~page:*
        OK
        > OWNERSHIP CHECK reader read user:1
        1) (integer) 0
        2) \"NOPERM User reader has no permissions to read the key\"
        > OWNERSHIP CHECK reader write page:1
        1) (integer) 0
        2) \"NOPERM User reader has no permissions to write the key\"
        > OWNERSHIP CHECK nobody read a
        (error) ERR User 'nobody' not found
        > OWNERSHIP CHECK web eat a
        (error) ERR syntax error
        ",
    );
}

#[test]
fn with_no_owner_nothing_is_asked() {
    check(
        "
        > ACL SETUSER web on nopass +@all ~*
        OK
        @2> AUTH web x
        OK
        @2> OWN a
        (integer) 1
        ",
    );
}
