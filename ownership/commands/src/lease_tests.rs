//! Leases through the commands: sessions, what the log keeps, and random schedules against a model.

use std::collections::{HashMap, HashSet};

use commands::testing::{Fixture, check_with};

use crate::tests::{check, effects, fixture};

#[test]
fn one_owns_and_nobody_else_writes() {
    check(
        "
        > OWN user:42 cart:*
        (integer) 1
        > SET user:42 a
        OK
        @2> SET user:42 b
        (error) OWNED by client 1 (pattern user:42, no end)
        @2> GET user:42
        \"a\"
        @2> RPUSH cart:7 x
        (error) OWNED by client 1 (pattern cart:*, no end)
        @2> MSET free a cart:1 b
        (error) OWNED by client 1 (pattern cart:*, no end)
        @2> EXISTS free
        (integer) 0
        @2> RENAME user:42 free
        (error) OWNED by client 1 (pattern user:42, no end)
        @2> EVAL \"return redis.call('SET', 'cart:1', 'x')\" 0
        (error) OWNED by client 1 (pattern cart:*, no end) script: bf806e426e0943da8523d6e8628d07156748145c, on @user_script:1.
        @2> FLUSHALL
        (error) OWNED by client 1 (pattern user:42, no end)
        @2> INVALIDATE user:*
        (error) OWNED by client 1 (pattern user:42, no end)
        @2> MULTI
        OK
        @2> SET user:42 b
        QUEUED
        @2> SET other b
        QUEUED
        @2> EXEC
        1) (error) OWNED by client 1 (pattern user:42, no end)
        2) OK
        @2> OWN cart:1
        (error) OWNED by client 1 (pattern cart:*, no end)
        @2> BORROW user:<id>
        (error) OWNED by client 1 (pattern user:42, no end)
        > RELEASE 1
        (integer) 1
        @2> SET user:42 b
        OK
        > RELEASE 1
        (error) ERR no such lease: 1
        > RELEASE ALL
        (integer) 0
        ",
    );
}

#[test]
fn many_borrow_and_nobody_writes() {
    check(
        "
        > BORROW settings:* EX 10
        (integer) 1
        @2> BORROW settings:a
        (integer) 2
        > SET settings:a x
        (error) BORROWED by client 1 (pattern settings:*, 10000 ms left)
        @3> SET settings:b x
        (error) BORROWED by client 1 (pattern settings:*, 10000 ms left)
        @3> OWN settings:a
        (error) BORROWED by client 1 (pattern settings:*, 10000 ms left)
        + 9999ms
        @3> SET settings:b x
        (error) BORROWED by client 1 (pattern settings:*, 1 ms left)
        > RENEW 1 PX 5
        OK
        + 5ms
        @3> SET settings:b x
        OK
        @3> SET settings:a x
        (error) BORROWED by client 2 (pattern settings:a, no end)
        > SET settings:b x
        (error) LEASELOST lease 1 (pattern settings:*) has ended: somebody else may hold the keys. RELEASE 1 acknowledges that
        > SET other x
        OK
        > RELEASE 1
        (integer) 1
        > SET settings:b x
        OK
        ",
    );
}

#[test]
fn waiting_is_first_come_first_served() {
    let mut fixture = fixture();
    check_with(
        &mut fixture,
        "
        > OWN k
        (integer) 1
        @2> OWN k WAIT 100
        (waits)
        @3> BORROW k WAIT 0
        (waits)
        @4> BORROW k
        (error) OWNED by client 1 (pattern k, no end)
        > RELEASE ALL
        (integer) 1
        @2
        (integer) 2
        @3
        (nothing)
        @4> BORROW k
        (error) OWNED by client 2 (pattern k, no end)
        @2> RELEASE 2
        (integer) 1
        @3
        (integer) 3
        @2> OWN k WAIT 50
        (waits)
        @4> BORROW k
        (error) OWNED soon by client 2 (pattern k, 50 ms left): it waits for the keys and came first
        + 49ms
        @2
        (nothing)
        + 1ms
        @2
        (error) BORROWED by client 3 (pattern k, no end)
        @4> BORROW k
        (integer) 4
        @2> OWN k WAIT 0
        (waits)
        > CLIENT UNBLOCK 2
        (integer) 1
        @2
        (error) BORROWED by client 3 (pattern k, no end)
        @2> OWN k WAIT 0
        (waits)
        > CLIENT UNBLOCK 2 ERROR
        (integer) 1
        @2
        (error) UNBLOCKED client unblocked via CLIENT UNBLOCK
        @2> OWN k WAIT 10
        (waits)
        ",
    );
    let node = fixture.node.clone();
    fixture.client(3).leave(&node);
    fixture.client(4).leave(&node);
    assert_eq!(fixture.received(2), "(integer) 5", "what belongs to a connection ends with it");
    assert_eq!(node.leases().iter().count(), 1);
    assert_eq!(node.blocking.clients(), 0);
}

#[test]
fn the_youngest_of_those_who_wait_for_each_other_is_refused() {
    check(
        "
        > OWN a
        (integer) 1
        @2> OWN b
        (integer) 2
        > OWN b WAIT 1000
        (waits)
        @2> OWN a WAIT 1000
        (error) DEADLOCK those who hold the keys wait for leases of this client
        @2> RELEASE 2
        (integer) 1
        @1
        (integer) 3
        ",
    );
}

#[test]
fn names_outlive_connections() {
    let mut fixture = fixture();
    check_with(
        &mut fixture,
        "
        > OWN job:<id> AS worker-7
        (error) ERR a lease AS a name needs PX or EX: nobody would end it
        > OWN job:<id> AS worker-7 PX 1000
        (integer) 1
        @2> SET job:1 x
        (error) OWNED by worker-7 (pattern job:<id>, 1000 ms left)
        @2> CLIENT LEASE 1
        OK
        @2> SET job:1 x
        OK
        @3> CLIENT LEASE 9
        (error) ERR no such lease: 9
        @3> OWNERSHIP LEASES
        1)  1) \"token\"
            2) (integer) 1
            3) \"mode\"
            4) \"OWN\"
            5) \"holder\"
            6) \"worker-7\"
            7) \"user\"
            8) \"default\"
            9) \"left-ms\"
           10) (integer) 1000
           11) \"patterns\"
           12) 1) \"job:<id>\"
           13) \"clients\"
           14) 1) (integer) 1
               2) (integer) 2
        ",
    );
    let node = fixture.node.clone();
    fixture.client(1).leave(&node);
    check_with(
        &mut fixture,
        "
        @3> SET job:1 y
        (error) OWNED by worker-7 (pattern job:<id>, 1000 ms left)
        @3> OWNERSHIP REVOKE 1
        OK
        @2> SET job:1 y
        (error) LEASELOST lease 1 (pattern job:<id>) has ended: somebody else may hold the keys. RELEASE 1 acknowledges that
        @3> SET job:1 y
        OK
        @3> OWNERSHIP REVOKE 1
        (error) ERR no such lease: 1
        @2> RESET
        RESET
        @2> SET job:1 y
        OK
        ",
    );
}

#[test]
fn a_lease_that_ends_by_the_clock_serves_who_waits() {
    let mut fixture = fixture();
    check_with(&mut fixture, "> OWN k PX 50\n(integer) 1\n@2> OWN k WAIT 0\n(waits)\n+ 49ms");
    fixture.tick();
    assert_eq!(fixture.received(2), "(nothing)");
    fixture.advance_ms(1);
    fixture.tick();
    assert_eq!(fixture.received(2), "(integer) 2");
    let info = fixture.cli(3, "INFO ownership");
    assert!(info.contains("ownership_leases:1\\r\\n") && info.contains("ownership_leases_expired:1\\r\\n"), "{info}");
    let lost =
        "(error) LEASELOST lease 1 (pattern k) has ended: somebody else may hold the keys. RELEASE 1 acknowledges that";
    assert_eq!(fixture.cli(1, "SET k v"), lost);
}

#[test]
fn within_a_transaction_nobody_waits() {
    check(
        "
        @2> OWN b
        (integer) 1
        > MULTI
        OK
        > OWN a
        QUEUED
        > SET a x
        QUEUED
        > OWN b WAIT 100
        QUEUED
        > EXEC
        1) (integer) 2
        2) OK
        3) (error) OWNED by client 1 (pattern b, no end)
        > EVAL \"return redis.call('OWN', 'c')\" 0
        (integer) 3
        @2> SET c x
        (error) OWNED by client 2 (pattern c, no end)
        @3> BLPOP q 0
        (waits)
        > OWN q
        (integer) 4
        > RPUSH q x
        (integer) 1
        @3
        (error) OWNED by client 2 (pattern q, no end)
        ",
    );
}

#[test]
fn mistakes() {
    check(
        "
        > OWN PX 5
        (error) ERR a lease needs a pattern; one that is spelled like an option is written with \\
        > OWN k PX 0
        (error) ERR the lease's deadline is not in the future
        > OWN k PX 9223372036854775807
        (error) ERR the lease's deadline is not in the future
        > OWN k EX 9223372036854775807
        (error) ERR the lease's deadline is not in the future
        > OWN k PX
        (error) ERR syntax error
        > OWN k PX 5 EX 5
        (error) ERR syntax error
        > OWN k PX 5 l
        (error) ERR syntax error
        > OWN k PX x
        (error) ERR value is not an integer or out of range
        > OWN k WAIT -1
        (error) ERR timeout is negative
        > OWN <k
        (error) ERR '<' at byte 1 begins no capture: write <name> with letters, digits, '_' or '-', or \\< for the byte
        > RENEW 1 PX 5
        (error) ERR no such lease: 1
        > RENEW 1 XX 5
        (error) ERR syntax error
        > RELEASE x
        (error) ERR value is not an integer or out of range
        > CLIENT LEASE -1
        (error) ERR a token is not negative
        > OWNERSHIP LEASE 1 OWN u
        (error) ERR a lease is: token [OWN|BORROW user name unix-time-milliseconds pattern ...]
        > OWNERSHIP LEASES
        (empty array)
        > OWN \\PX
        (integer) 1
        @2> SET PX a
        (error) OWNED by client 1 (pattern PX, no end)
        ",
    );
}

#[test]
fn the_log_keeps_names_and_counts_tokens() {
    let mut fixture = fixture();
    fixture.keep_effects();
    let at = fixture.now_ms() + 1000;
    fixture.cli(1, "OWN a");
    assert_eq!(effects(&mut fixture), ["OWNERSHIP LEASE 1"]);
    fixture.cli(1, "BORROW b:* c AS me PX 1000");
    assert_eq!(effects(&mut fixture), [format!("OWNERSHIP LEASE 2 BORROW default me {at} b:* c")]);
    fixture.cli(1, "RENEW 2 PX 2000");
    assert_eq!(effects(&mut fixture), [format!("OWNERSHIP LEASE 2 BORROW default me {} b:* c", at + 1000)]);
    fixture.cli(1, "RELEASE ALL");
    assert_eq!(effects(&mut fixture), ["OWNERSHIP LEASE 2"]);
}

#[test]
fn a_restart_keeps_names_with_the_time_that_they_have_left() {
    let mut before = fixture();
    before.keep_effects();
    for line in ["OWN a", "OWN b AS me PX 1000", "OWN c AS me PX 1000", "RELEASE 3", "BORROW d AS you EX 60"] {
        before.cli(1, line);
    }
    let text = before.node.ownership_state().expect("there are leases");
    let log = before.take_effects();
    let restarts: [&dyn Fn(&mut Fixture); 2] = [
        &|after| {
            for (db, words) in &log {
                after.replay(*db, &words.iter().map(Vec::as_slice).collect::<Vec<_>>());
            }
        },
        &|after| after.node.restore_ownership_state(text.as_bytes()).expect("it was printed"),
    ];
    for restart in restarts {
        let mut after = fixture();
        restart(&mut after);
        assert_eq!(after.cli(1, "SET a x"), "OK", "it ended with its connection");
        let left = before.now_ms() + 1000 - after.now_ms();
        assert_eq!(after.cli(1, "SET b x"), format!("(error) OWNED by me (pattern b, {left} ms left)"));
        assert_eq!(after.cli(1, "SET c x"), "OK");
        assert!(after.cli(1, "SET d x").starts_with("(error) BORROWED by you"));
        assert_eq!(after.cli(1, "CLIENT LEASE 2"), "OK");
        assert_eq!(after.cli(1, "SET b x"), "OK");
        assert_eq!(after.cli(1, "OWN e"), "(integer) 5", "tokens go on");
        after.advance_ms(left);
        after.tick();
        assert_eq!(after.cli(2, "SET b x"), "OK");
        assert_eq!(after.node.ownership_state(), after.node.ownership_state());
    }
    assert!(fixture().node.restore_ownership_state(b"lease 1\nlease x").is_err_and(|it| it.starts_with("line 2: ")));
}

/// What the model knows of a lease: whose, how, which keys, until when.
struct Held {
    client: u32,
    owns: bool,
    keys: HashSet<&'static str>,
    until_ms: i64,
}

struct World {
    fixture: Fixture,
    held: HashMap<i64, Held>,
    waiting: HashMap<u32, (bool, HashSet<&'static str>)>,
    /// Clients with keys of leases that ended while they did not look.
    lost: HashMap<u32, Vec<HashSet<&'static str>>>,
    last_token: i64,
    seed: u64,
}

const KEYS: [&str; 5] = ["a:1", "a:2", "b:1", "b:2", "c"];
const PATTERNS: [(&str, &[&str]); 6] = [
    ("a:*", &["a:1", "a:2"]),
    ("?:1", &["a:1", "b:1"]),
    ("b:<x>", &["b:1", "b:2"]),
    ("c", &["c"]),
    ("a:1", &["a:1"]),
    ("*", &KEYS),
];
const FOR_EVER: i64 = i64::MAX;

impl World {
    fn below(&mut self, limit: u64) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.seed % limit
    }

    fn granted(&mut self, client: u32, token: i64, until_ms: i64, (owns, keys): (bool, HashSet<&'static str>)) {
        assert!(token > self.last_token, "tokens grow");
        self.last_token = token;
        for other in self.held.values().filter(|other| other.client != client && (other.owns || owns)) {
            assert!(other.keys.is_disjoint(&keys), "{client} beside {}", other.client);
        }
        if let Some(lost) = self.lost.get_mut(&client) {
            lost.retain(|lost| lost.is_disjoint(&keys));
        }
        self.held.insert(token, Held { client, owns, keys, until_ms });
    }

    /// Answers of those who waited.
    fn hear(&mut self) {
        let mut granted = Vec::new();
        for client in 1..=5 {
            if !self.waiting.contains_key(&client) || self.fixture.is_waiting(client) {
                continue;
            }
            let asked = self.waiting.remove(&client).expect("it waited");
            let reply = self.fixture.received(client);
            match reply.strip_prefix("(integer) ") {
                Some(token) => granted.push((token.parse().expect("a token"), client, asked)),
                None => assert!(reply.starts_with("(error) "), "{reply}"),
            }
        }
        granted.sort_by_key(|(token, ..)| *token);
        for (token, client, asked) in granted {
            self.granted(client, token, FOR_EVER, asked);
        }
    }

    fn expire(&mut self) {
        let now_ms = self.fixture.now_ms();
        let over: Vec<i64> =
            self.held.iter().filter(|(_, it)| it.until_ms <= now_ms).map(|(&token, _)| token).collect();
        for token in over {
            let held = self.held.remove(&token).expect("it is there");
            self.lost.entry(held.client).or_default().push(held.keys);
        }
    }

    fn step(&mut self) {
        let client = 1 + self.below(5) as u32;
        if self.below(8) == 0 {
            let ms = self.below(20) as i64;
            self.fixture.advance_ms(ms);
            self.expire();
            self.fixture.tick();
            return self.hear();
        }
        if self.below(25) == 0 {
            let node = self.fixture.node.clone();
            self.fixture.client(client).leave(&node);
            self.fixture.forget(client);
            self.held.retain(|_, held| held.client != client);
            self.waiting.remove(&client);
            self.lost.remove(&client);
            return self.hear();
        }
        if self.waiting.contains_key(&client) {
            return;
        }
        match self.below(3) {
            0 => self.take(client),
            1 => self.write(client),
            _ => {
                let all = self.below(3) == 0;
                let mine = self.held.iter().find(|(_, held)| held.client == client).map(|(&token, _)| token);
                if all {
                    self.fixture.cli(client, "RELEASE ALL");
                    self.held.retain(|_, held| held.client != client);
                    self.lost.remove(&client);
                } else if let Some(token) = mine {
                    assert_eq!(self.fixture.cli(client, &format!("RELEASE {token}")), "(integer) 1");
                    self.held.remove(&token);
                }
                self.hear();
            }
        }
    }

    fn take(&mut self, client: u32) {
        let (pattern, keys) = PATTERNS[self.below(PATTERNS.len() as u64) as usize];
        let asked = (self.below(2) == 0, keys.iter().copied().collect());
        let mut line = format!("{} {pattern}", if asked.0 { "OWN" } else { "BORROW" });
        let mut until_ms = FOR_EVER;
        match self.below(3) {
            0 => {
                let ms = 1 + self.below(40) as i64;
                until_ms = self.fixture.now_ms() + ms;
                line.push_str(&format!(" PX {ms}"));
            }
            1 => line.push_str(&format!(" WAIT {}", self.below(30))),
            _ => {}
        }
        let reply = self.fixture.cli(client, &line);
        // Asking for one lease ends those whose time is over, and serves who waits.
        self.hear();
        match reply.strip_prefix("(integer) ") {
            Some(token) => self.granted(client, token.parse().expect("a token"), until_ms, asked),
            None if reply == "(waits)" => drop(self.waiting.insert(client, asked)),
            None => assert!(reply.starts_with("(error) "), "{line}: {reply}"),
        }
    }

    fn write(&mut self, client: u32) {
        let key = KEYS[self.below(KEYS.len() as u64) as usize];
        let reply = self.fixture.cli(client, &format!("SET {key} x"));
        let over: Vec<&Held> = self.held.values().filter(|held| held.keys.contains(key)).collect();
        let is_lost = self.lost.get(&client).is_some_and(|lost| lost.iter().any(|keys| keys.contains(key)));
        let owns = over.iter().any(|held| held.owns && held.client == client);
        let expected = match () {
            () if is_lost => "(error) LEASELOST",
            () if owns || over.is_empty() => "OK",
            () if over.iter().any(|held| held.owns) => "(error) OWNED",
            () => "(error) BORROWED",
        };
        assert!(reply.starts_with(expected), "client {client}, key {key}: {reply} where {expected}");
    }
}

/// `LEASE_STEPS` steps, or a few thousand.
#[test]
fn random_schedules_keep_the_rules() {
    let variable = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (steps, first) = (variable("LEASE_STEPS").unwrap_or(6_000), variable("SEED").unwrap_or(1));
    for seed in first..first + steps.div_ceil(1000) {
        let seed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let (held, waiting, lost) = (HashMap::new(), HashMap::new(), HashMap::new());
        let mut world = World { fixture: fixture(), held, waiting, lost, last_token: 0, seed };
        for _ in 0..1000 {
            world.step();
        }
        // Nobody starves: once all others have let go, whoever waits is served.
        for _ in 0..6 {
            for client in (1..=5).filter(|client| !world.waiting.contains_key(client)).collect::<Vec<_>>() {
                world.fixture.cli(client, "RELEASE ALL");
                world.held.retain(|_, held| held.client != client);
            }
            world.hear();
        }
        assert!(world.waiting.is_empty(), "seed {seed}");
    }
}
