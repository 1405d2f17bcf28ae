//! Rules as sessions: what is written is what is read, and what a request may do.

use super::*;
use crate::category;
use crate::commands::CommandFacts;
use crate::rule::{Access, RuleError, join_selectors};
use crate::selector::{Denied, Request};

fn users() -> Users {
    let facts = |name: &str, categories, subcommands, is_subcommand| CommandFacts {
        name: name.into(),
        categories,
        subcommands,
        is_subcommand,
    };
    Users::new(Commands::new(vec![
        facts("get", category::STRING | category::READ, 0, false),
        facts("set", category::STRING | category::WRITE, 0, false),
        facts("config", category::ADMIN, 2, false),
        facts("config|get", category::ADMIN | category::SLOW, 0, true),
        facts("config|set", category::ADMIN | category::SLOW, 0, true),
        facts("hget", category::HASH | category::READ, 0, false),
        facts("select", category::CONNECTION, 0, false),
        facts("publish", category::PUBSUB, 0, false),
    ]))
}

/// Changes a user by a line of rules.
fn set(users: &Users, name: &str, rules: &str) -> Result<Arc<User>, String> {
    let words = join_selectors(rules.split(' ').map(str::as_bytes)).map_err(|_| "unmatched".to_owned())?;
    let changed = users.update(name.as_bytes(), false, |user, commands| {
        words.iter().try_for_each(|word| user.apply(word, commands, false))
    });
    changed.map(|(_, user)| user).map_err(|error: RuleError| error.to_string())
}

/// `get key`, `%R`, `&channel`: a request as a test writes it.
struct Wish<'a> {
    command: usize,
    words: Vec<&'a str>,
}

impl Request for Wish<'_> {
    fn command(&self) -> usize {
        self.command
    }

    fn is_open(&self) -> bool {
        false
    }

    fn first_arg(&self) -> Option<&[u8]> {
        self.words.first().map(|word| word.as_bytes())
    }

    fn keys(&self, check: &mut dyn FnMut(&[u8], Access) -> bool) -> Result<(), usize> {
        for (index, word) in self.words.iter().enumerate() {
            let access = match &word[..1] {
                "r" => Access::READ,
                "w" => Access::WRITE,
                "b" => Access::ALL,
                _ => continue,
            };
            if !check(word.as_bytes(), access) {
                return Err(index);
            }
        }
        Ok(())
    }

    fn channels(&self, check: &mut dyn FnMut(&[u8], bool) -> bool) -> Result<(), usize> {
        match self.words.iter().position(|word| word.starts_with('&') && !check(&word.as_bytes()[1..], false)) {
            Some(index) => Err(index),
            None => Ok(()),
        }
    }
}

fn check(users: &Users, user: &User, line: &str) -> Result<(), Denied> {
    let mut words = line.split(' ');
    let command = users.commands().find(words.next().unwrap_or_default().as_bytes()).expect("a known command");
    user.check(&Wish { command, words: words.collect() })
}

#[test]
fn rules_about_commands_are_kept_short() {
    let users = users();
    for (rules, shown) in [
        ("+@all -@hash -@slow +hget", "+@all -@hash -@slow +hget"),
        ("-@hash", "+@all -@slow +hget -@hash"),
        ("+@hash", "+@all -@slow +hget +@hash"),
        ("-@all", "-@all"),
        ("+@HASH +@hash +@HaSh", "-@all +@hash"),
        ("-@all +GET -set +set -get", "-@all +set -get"),
        ("-@all +config|get +config|get +config -get", "-@all +config -get"),
        ("-@all +select|0 +select|0 +select|1", "-@all +select|0 +select|1"),
        ("+select", "-@all +select"),
        ("+@all", "+@all"),
    ] {
        assert_eq!(set(&users, "u", rules).expect("good rules").root().commands(), shown, "{rules}");
    }
}

#[test]
fn refusals() {
    let users = users();
    for (rules, text) in [
        ("+nothing", "Unknown command or category name in ACL"),
        ("-@nothing", "Unknown command or category name in ACL"),
        ("+config|nothing", "Unknown command or category name in ACL"),
        ("-get|x", "Unknown command or category name in ACL"),
        ("+config|", "Syntax error"),
        ("+config|get|x", "Allowing first-arg of a subcommand is not supported"),
        ("(on)", "Syntax error"),
        ("<x", "The password you are trying to remove from the user does not exist"),
    ] {
        assert_eq!(set(&users, "u", rules).map(|_| ()), Err(text.to_owned()), "{rules}");
    }
    assert!(users.get(b"u").is_none(), "a refused change makes no user");
    assert!(set(&users, "u", "~* ~a").is_err_and(|text| text.contains("'allkeys'")));
    assert!(set(&users, "u", "&* &a").is_err_and(|text| text.contains("'allchannels'")));
}

#[test]
fn who_may_do_what() {
    let users = users();
    let user = set(&users, "u", "on +get +select|0 %R~r* ~b* &c:* (+set %W~w*)").expect("good rules");
    let check = |line: &str| check(&users, &user, line);
    assert_eq!(check("get r1 b1"), Ok(()));
    assert_eq!(check("get r1 w1"), Err(Denied::Key(1)));
    assert_eq!(check("hget r1"), Err(Denied::Command));
    assert_eq!(check("set w1"), Ok(()));
    assert_eq!(check("set w1 r1"), Err(Denied::Key(1)), "selectors do not add up");
    assert_eq!(check("select 0"), Ok(()));
    assert_eq!(check("select 1"), Err(Denied::Command));
    assert_eq!(check("get &c:1"), Ok(()));
    assert_eq!(check("get &d"), Err(Denied::Channel(0)));
}

#[test]
fn what_is_printed_reads_back() {
    let users = users();
    set(&users, "a", "on >x ~k %R~r &c +@string -set +select|0 (+hget ~*)").expect("good rules");
    set(&users, "b", "+@all -config|set ~* &* nopass skip-sanitize-payload").expect("good rules");
    let text = users.print();
    let before = users.all();
    users.load(&text, "file", false, |_| Ok(())).expect("what was printed");
    assert_eq!(users.all(), before);
    assert_eq!(users.print(), text);
}

#[test]
fn a_bad_file_changes_nothing() {
    let users = users();
    let error = users.load(b"user a on\n\nuser a off\nuse b\nuser c +x\nuser d (~k\n", "f.acl", false, |_| Ok(()));
    let text = error.expect_err("four bad lines").0;
    assert_eq!(
        text,
        "WARNING: Duplicate user 'a' found on line 3. f.acl:4 should start with user keyword followed by the username. \
         f.acl:5: Unknown command or category name in ACL. f.acl:6: Unmatched parenthesis in selector definition.\
         WARNING: ACL errors detected, no change to the previously active ACL rules was performed"
    );
    assert_eq!(users.all().len(), 1);
}

#[test]
fn passwords_and_the_default_user() {
    let users = users();
    assert!(users.default_user().is_unrestricted() && users.default_user().accepts(b"anything"));
    let user = set(&users, "default", ">a >b").expect("good rules");
    assert!(user.accepts(b"a") && user.accepts(b"b") && !user.accepts(b"c"));
    assert!(!set(&users, "default", "<a").expect("a known password").accepts(b"a"));
    assert!(!set(&users, "default", "off").expect("a flag").accepts(b"b"));
    assert!(!set(&users, "default", "-get").expect("a rule").is_unrestricted());
}
