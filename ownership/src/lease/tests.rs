//! Leases: by example, and random schedules against a model that knows keys and no patterns.

use std::collections::HashMap;

use super::*;

fn patterns(text: &str) -> Vec<Pattern> {
    text.split(' ').map(|word| Pattern::parse(word.as_bytes()).expect("a pattern")).collect()
}

fn request(mode: Mode, connection: Connection, text: &str) -> Request {
    let patterns = patterns(text);
    Request { mode, patterns, connection, user: (*b"u").into(), name: None, ttl_ms: None, wait_until_ms: None }
}

fn own(connection: Connection, text: &str) -> Request {
    request(Mode::Own, connection, text)
}

fn borrow(connection: Connection, text: &str) -> Request {
    request(Mode::Borrow, connection, text)
}

fn named(mut request: Request, name: &str, ttl_ms: i64) -> Request {
    (request.name, request.ttl_ms) = (Some(name.as_bytes().into()), Some(ttl_ms));
    request
}

fn waiting(mut request: Request, until_ms: i64) -> Request {
    request.wait_until_ms = Some(until_ms);
    request
}

fn denied(answer: Answer) -> String {
    let Answer::Denied(denied) = answer else { panic!("{answer:?}") };
    denied.to_string()
}

#[test]
fn many_borrowers_or_one_owner() {
    let mut leases = Leases::default();
    assert_eq!(leases.take(borrow(1, "user:*"), 0), Answer::Granted(1));
    assert_eq!(leases.take(borrow(2, "user:<id>"), 0), Answer::Granted(2));
    assert_eq!(denied(leases.take(own(3, "user:4? x"), 0)), "BORROWED by client 1 (pattern user:*, no end)");
    assert_eq!(leases.take(own(3, "x"), 0), Answer::Granted(3));
    assert_eq!(denied(leases.take(borrow(1, "x"), 0)), "OWNED by client 3 (pattern x, no end)");
    // All or nothing: what was refused holds nothing.
    assert_eq!(leases.take(own(4, "y"), 0), Answer::Granted(4));
    assert!(leases.may_write(3, b"x", 0).is_ok() && leases.may_write(1, b"free", 0).is_ok());
    assert!(leases.may_write(1, b"user:4", 0).is_err(), "a borrower does not write either");
    assert!(leases.may_write(1, b"x", 0).is_err());
}

#[test]
fn names_outlive_connections_until_their_deadline() {
    let mut leases = Leases::default();
    assert_eq!(denied(leases.take(named(own(1, "k"), "n", 0), 5)), "ERR the lease's deadline is not in the future");
    let without = Request { ttl_ms: None, ..named(own(1, "k"), "n", 1) };
    assert!(denied(leases.take(without, 5)).starts_with("ERR a lease AS a name needs PX or EX"));
    assert_eq!(leases.take(named(own(1, "k"), "n", 100), 5), Answer::Granted(1));
    assert!(leases.disconnect(1, 6).is_empty());
    assert_eq!(leases.may_write(2, b"k", 55).expect_err("owned").to_string(), "OWNED by n (pattern k, 50 ms left)");
    assert_eq!(leases.attach(1, 2, b"other"), Err(Denied::NotYours(1)));
    assert_eq!(leases.attach(1, 2, b"u"), Ok(()));
    assert!(leases.may_write(2, b"k", 55).is_ok());
    assert_eq!(leases.renew(1, 2, b"u", 100, 60), Ok(()));
    assert!(leases.advance(159).is_empty());
    assert!(matches!(&leases.advance(160)[..], [Event::Expired(lease)] if lease.token == 1));
    let lost = leases.may_write(2, b"k", 160).expect_err("a paused process does not write past its lease");
    assert!(lost.to_string().starts_with("LEASELOST lease 1 (pattern k) has ended"));
    assert!(leases.may_write(2, b"l", 160).is_ok() && leases.may_write(3, b"k", 160).is_ok());
    assert_eq!(leases.release(1, 2, b"u", 161), Ok(Vec::new()));
    assert!(leases.may_write(2, b"k", 161).is_ok() && leases.is_idle());
    assert_eq!(leases.release(1, 2, b"u", 161), Err(Denied::NoSuchLease(1)));
}

#[test]
fn who_comes_first_is_served_first() {
    let mut leases = Leases::default();
    assert_eq!(leases.take(borrow(1, "k"), 0), Answer::Granted(1));
    assert_eq!(leases.take(waiting(own(2, "k"), 100), 0), Answer::Waits);
    assert!(denied(leases.take(borrow(3, "k"), 0)).contains("it waits for the keys and came first"));
    assert_eq!(leases.take(waiting(borrow(3, "k"), 100), 0), Answer::Waits);
    assert_eq!(leases.release(1, 1, b"u", 1), Ok(vec![Event::Granted(2, 2)]));
    assert_eq!(leases.disconnect(2, 2), [Event::Granted(3, 3)]);
    assert_eq!(leases.take(waiting(own(4, "k"), 50), 2), Answer::Waits);
    assert!(matches!(&leases.advance(50)[..], [Event::Denied(4, Denied::Borrowed(_))]));
}

#[test]
fn circles_of_waiters_are_broken() {
    let mut leases = Leases::default();
    for (connection, key) in [(1, "a"), (2, "b"), (3, "c")] {
        assert!(matches!(leases.take(own(connection, key), 0), Answer::Granted(_)));
    }
    assert_eq!(leases.take(waiting(own(1, "b"), 100), 0), Answer::Waits);
    assert_eq!(leases.take(waiting(own(2, "c"), 100), 0), Answer::Waits);
    assert!(denied(leases.take(waiting(own(3, "a"), 100), 0)).starts_with("DEADLOCK"));
    assert_eq!(leases.release(3, 3, b"u", 0), Ok(vec![Event::Granted(2, 4)]));
    // One who holds what others wait for takes more of it without waiting for them.
    assert_eq!(leases.take(borrow(2, "b"), 0), Answer::Granted(5));
}

#[test]
fn tokens_go_on_after_a_restart() {
    let mut leases = Leases::default();
    leases.take(named(own(1, "k"), "n", 100), 0);
    let mut again = Leases::default();
    leases.iter().cloned().for_each(|lease| again.restore(Lease { attached: [].into(), ..lease }));
    again.restore_last_token(7);
    assert!(again.may_write(1, b"k", 1).is_err());
    assert_eq!(again.take(own(1, "l"), 1), Answer::Granted(8));
}

/// What the model knows: who holds what how, by token; of patterns, which of them overlap and which keys they match.
struct World {
    leases: Leases,
    held: HashMap<Token, (Mode, Connection, Vec<Pattern>)>,
    /// Who waits, in order.
    queue: Vec<(Connection, Mode, Vec<Pattern>)>,
    tokens: Token,
    now_ms: i64,
    seed: u64,
}

const KEYS: [&str; 6] = ["a:1", "a:2", "b:1", "b:2", "a:1:x", "c"];
const PATTERNS: [&str; 9] = ["a:*", "a:<x>", "?:1", "b:[12]", "c", "*:2", "a:1", "b:<y>", "a:1*"];
const CONNECTIONS: u64 = 6;

fn matches(patterns: &[Pattern], key: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(key.as_bytes()))
}

impl World {
    fn below(&mut self, limit: u64) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.seed % limit
    }

    fn is_waiting(&self, connection: Connection) -> bool {
        self.queue.iter().any(|(waiter, ..)| *waiter == connection)
    }

    fn meet(a: (Mode, &[Pattern]), b: (Mode, &[Pattern])) -> bool {
        (a.0 == Mode::Own || b.0 == Mode::Own) && meet(a.1, b.1)
    }

    fn granted(&mut self, connection: Connection, token: Token, mode: Mode, patterns: Vec<Pattern>) {
        assert!(token > self.tokens, "tokens grow");
        self.tokens = token;
        for (held_mode, holder, held) in self.held.values().filter(|(_, holder, _)| *holder != connection) {
            assert!(!Self::meet((*held_mode, held), (mode, &patterns)), "{connection} beside {holder}");
            let both = |key: &str| matches(held, key) && matches(&patterns, key);
            assert!(mode == Mode::Borrow && *held_mode == Mode::Borrow || !KEYS.iter().any(|key| both(key)));
        }
        self.held.insert(token, (mode, connection, patterns));
    }

    fn hear(&mut self, events: Vec<Event>) {
        for event in events {
            match event {
                Event::Granted(connection, token) => {
                    let place = self.queue.iter().position(|(waiter, ..)| *waiter == connection).expect("he waits");
                    let (_, mode, patterns) = self.queue.remove(place);
                    for (earlier, earlier_mode, awaited) in &self.queue[..place] {
                        let passed = Self::meet((*earlier_mode, awaited), (mode, &patterns));
                        let waits_for_him = self.held.values().any(|(held_mode, holder, held)| {
                            *holder == connection && Self::meet((*held_mode, held), (*earlier_mode, awaited))
                        });
                        assert!(!passed || waits_for_him, "{connection} passed {earlier}");
                    }
                    self.granted(connection, token, mode, patterns);
                }
                Event::Denied(connection, _) => self.queue.retain(|(waiter, ..)| *waiter != connection),
                Event::Expired(lease) => drop(self.held.remove(&lease.token)),
            }
        }
    }

    fn take(&mut self, connection: Connection) {
        let mode = if self.below(2) == 0 { Mode::Own } else { Mode::Borrow };
        let count = 1 + self.below(2);
        let patterns: Vec<Pattern> =
            (0..count).flat_map(|_| patterns(PATTERNS[self.below(PATTERNS.len() as u64) as usize])).collect();
        let mut request = Request { patterns: patterns.clone(), ..request(mode, connection, "x") };
        if self.below(2) == 0 {
            request.ttl_ms = Some(1 + self.below(30) as i64);
        }
        if self.below(3) > 0 {
            request.wait_until_ms = Some(self.now_ms + 1 + self.below(60) as i64);
        }
        match self.leases.take(request, self.now_ms) {
            Answer::Granted(token) => self.granted(connection, token, mode, patterns),
            Answer::Waits => self.queue.push((connection, mode, patterns)),
            Answer::Denied(_) => {}
        }
    }

    fn step(&mut self) {
        let connection = self.below(CONNECTIONS);
        let now_ms = self.now_ms;
        match self.below(10) {
            0..5 if !self.is_waiting(connection) => self.take(connection),
            5 | 6 if !self.is_waiting(connection) => {
                let mine = self.held.iter().find(|(_, (_, holder, _))| *holder == connection).map(|(&token, _)| token);
                if let Some(token) = mine {
                    let events = self.leases.release(token, connection, b"u", now_ms).expect("it is his");
                    self.held.remove(&token);
                    self.hear(events);
                }
            }
            7 => {
                self.queue.retain(|(waiter, ..)| *waiter != connection);
                self.held.retain(|_, (_, holder, _)| *holder != connection);
                let events = self.leases.disconnect(connection, now_ms);
                self.hear(events);
            }
            8 if !self.is_waiting(connection) => {
                let mine = self.held.iter().find(|(_, (_, holder, _))| *holder == connection).map(|(&token, _)| token);
                if let Some(token) = mine {
                    self.leases.renew(token, connection, b"u", 20, now_ms).expect("it is his");
                }
            }
            _ => {
                self.now_ms += self.below(10) as i64;
                let events = self.leases.advance(self.now_ms);
                self.hear(events);
            }
        }
    }

    /// The tables agree, and writes are let through as the table of keys says.
    fn check(&mut self) {
        assert_eq!(self.leases.iter().count(), self.held.len());
        assert_eq!(self.leases.waiting(), self.queue.len());
        let (key, connection) = (KEYS[self.below(KEYS.len() as u64) as usize], self.below(CONNECTIONS));
        let over: Vec<_> = self.held.values().filter(|(_, _, held)| matches(held, key)).collect();
        let owns = over.iter().any(|(mode, holder, _)| *mode == Mode::Own && *holder == connection);
        match self.leases.may_write(connection, key.as_bytes(), self.now_ms) {
            Ok(()) => assert!(owns || over.is_empty()),
            Err(Denied::Lost(token, _)) => assert!(!self.held.contains_key(&token)),
            Err(_) => assert!(!owns && !over.is_empty()),
        }
    }

    /// When whoever can gives everything back, everybody is served in the end: nobody starves, no circle is left.
    fn drain(&mut self) {
        while !self.queue.is_empty() {
            let free = self.held.values().map(|(_, holder, _)| *holder).find(|holder| !self.is_waiting(*holder));
            let free = free.expect("somebody can go on");
            let (_, events) = self.leases.release_all(free, self.now_ms);
            self.held.retain(|_, (_, holder, _)| *holder != free);
            self.hear(events);
        }
    }
}

/// `LEASE_STEPS` steps, or a few thousand.
#[test]
fn random_schedules_keep_the_rules() {
    let variable = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (steps, first) = (variable("LEASE_STEPS").unwrap_or(20_000), variable("SEED").unwrap_or(1));
    let steps_per_world = 500;
    for seed in first..first + steps.div_ceil(steps_per_world) {
        let seed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let leases = Leases::default();
        let mut world = World { leases, held: HashMap::new(), queue: Vec::new(), tokens: 0, now_ms: 1, seed };
        for _ in 0..steps_per_world {
            world.step();
            world.check();
        }
        world.drain();
    }
}
