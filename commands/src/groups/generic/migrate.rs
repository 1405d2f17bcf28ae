//! MIGRATE: keys go to another server, and away from here once it has them.

use commands_macros::command;
use keyspace::change::Event;

use super::dump::pack;
use crate::args::Rest;
use crate::client::Origin;
use crate::ctx::Ctx;
use crate::error::{Error, Otherwise, Result, Wait};
use crate::node::migration::{Journey, Route, Traveller};
use crate::node::pause::Paused;
use crate::request::Request;
use crate::spec::{ArgDoc, ArgType, Begin, Find, KeySpec, key};

const KEY_SELECTOR: ArgDoc = ArgDoc::one_of(
    "key-selector",
    &[ArgDoc::new("key", ArgType::Key).key_spec(0), ArgDoc::token_only("empty-string").token("")],
);
const AUTHENTICATION: ArgDoc = ArgDoc::one_of(
    "authentication",
    &[
        ArgDoc::new("auth", ArgType::String).display("password").token("AUTH").since("4.0.7"),
        ArgDoc::block("auth2", &[ArgDoc::new("username", ArgType::String), ArgDoc::new("password", ArgType::String)])
            .token("AUTH2")
            .since("6.0.0"),
    ],
)
.optional();
const KEYS: ArgDoc =
    ArgDoc::new("keys", ArgType::Key).display("key").key_spec(1).token("KEYS").since("3.0.6").optional().multiple();

const SELECTED: KeySpec = KeySpec::one(3, key::RW | key::ACCESS | key::DELETE | key::SHOWN_ONLY);
const LISTED: KeySpec = KeySpec {
    flags: key::RW | key::ACCESS | key::DELETE | key::INCOMPLETE | key::SHOWN_ONLY,
    begin: Begin::Keyword("KEYS", -2),
    find: Find::Range { last: -1, step: 1, limit: 0 },
    notes: "",
};

/// Where the words of a request stand.
const KEY_WORD: usize = 3;
const DB_WORD: usize = 4;
const TIMEOUT_WORD: usize = 5;
const OPTIONS_WORD: usize = 6;

/// So many times keys are sent anew that changed meanwhile, before writes are paused.
const FREE_ROUNDS: u32 = 3;
const DEFAULT_TIMEOUT_MS: u64 = 1000;

/// What stands behind the timeout, by the places of the words.
#[derive(Default)]
struct Options {
    copies: bool,
    replaces: bool,
    /// The words of AUTH.
    auth: Vec<usize>,
    /// The first word after KEYS.
    keys_at: Option<usize>,
}

impl Options {
    /// The options as far as they are in order, and whether all of them are.
    fn of(request: &Request) -> (Self, bool) {
        let mut options = Self::default();
        let mut at = OPTIONS_WORD;
        while let Some(word) = request.word(at) {
            let left = request.spans.len() - at - 1;
            let is = |token: &str| word.eq_ignore_ascii_case(token.as_bytes());
            if is("COPY") {
                options.copies = true;
            } else if is("REPLACE") {
                options.replaces = true;
            } else if is("AUTH") && left >= 1 {
                options.auth = vec![at + 1];
                at += 1;
            } else if is("AUTH2") && left >= 2 {
                options.auth = vec![at + 1, at + 2];
                at += 2;
            } else if is("KEYS") {
                options.keys_at = Some(at + 1);
                return (options, true);
            } else {
                return (options, false);
            }
            at += 1;
        }
        (options, true)
    }
}

/// The places of the keys.
fn key_words(request: &Request) -> std::ops::Range<usize> {
    let is_selected = request.word(KEY_WORD).is_some_and(|key| !key.is_empty());
    match Options::of(request).0.keys_at {
        Some(first) if !is_selected => first..request.spans.len(),
        Some(_) => 0..0,
        None => KEY_WORD..KEY_WORD + 1,
    }
}

fn find_keys(request: &Request<'_>, found: &mut dyn FnMut(usize, u16)) {
    key_words(request).for_each(|word| found(word, key::RW | key::ACCESS | key::DELETE));
}

fn is_secret(request: &Request<'_>, index: usize) -> bool {
    Options::of(request).0.auth.contains(&index)
}

/// Moves keys to another server; they go here once they are there.
#[command(
    "MIGRATE",
    since = "2.6.0",
    complexity = "This command actually executes a DUMP+DEL in the source instance, and a RESTORE in the target instance. See the pages of these commands for time complexity. Also an O(N) data transfer between the two instances is performed.",
    flags(WRITE | MOVABLEKEYS | ASIDE),
    categories(DANGEROUS),
    keys(SELECTED, LISTED),
    more_keys(find_keys),
    secrets(is_secret),
    arity(-6),
    tips("nondeterministic_output"),
    args(
        ArgDoc::new("host", ArgType::String),
        ArgDoc::new("port", ArgType::Integer),
        KEY_SELECTOR,
        ArgDoc::new("destination-db", ArgType::Integer),
        ArgDoc::new("timeout", ArgType::Integer),
        ArgDoc::token_only("copy").token("COPY").since("3.0.0").optional(),
        ArgDoc::token_only("replace").token("REPLACE").since("3.0.0").optional(),
        AUTHENTICATION,
        KEYS
    )
)]
pub(crate) fn migrate(ctx: &mut Ctx, words: Rest) -> Result<()> {
    let _ = words;
    if ctx.origin == Origin::Wakened {
        return match ctx.node.migrations.take_done(ctx.client.shared.id) {
            Some(journey) => arrive(ctx, journey),
            None => Err(WAIT),
        };
    }
    let route = read_route(&ctx.request)?;
    let request = ctx.request;
    let places = key_words(&request);
    let travellers: Vec<Traveller> =
        places.filter_map(|place| request.word(place)).filter_map(|key| set_out(ctx, key)).collect();
    if travellers.is_empty() {
        ctx.out.simple("NOKEY");
        return Ok(());
    }
    if ctx.origin != Origin::Connection {
        // Its locks would be held while the target is waited for.
        return Err(Error::Plain("ERR MIGRATE is not allowed in transactions and scripts"));
    }
    go(ctx, Box::new(Journey { route, travellers, error: None, round: 0, has_paused: false }))
}

const WAIT: Error = Error::Wait(Wait { until_ms: None, otherwise: Otherwise::Null });

fn read_route(request: &Request) -> Result<Route> {
    let (options, is_whole) = Options::of(request);
    if options.keys_at.is_some() && request.word(KEY_WORD).is_some_and(|key| !key.is_empty()) {
        return Err(Error::Plain(
            "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string",
        ));
    }
    if !is_whole {
        return Err(Error::Syntax);
    }
    let number = |word| request.word(word).and_then(base::number::parse_i64).ok_or(Error::NotAnInteger);
    let (timeout_ms, db) = (number(TIMEOUT_WORD)?, number(DB_WORD)?);
    let text = |word| request.word(word).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
    // A port that is none is one that nobody listens on.
    let port = text(2).parse().unwrap_or(0);
    Ok(Route {
        host: text(1),
        port,
        db,
        timeout_ms: u64::try_from(timeout_ms).ok().filter(|&ms| ms > 0).unwrap_or(DEFAULT_TIMEOUT_MS),
        auth: options.auth.iter().filter_map(|&word| request.word(word)).map(Into::into).collect(),
        replaces: options.replaces,
        copies: options.copies,
    })
}

/// A key as it is now; None when it is not there.
fn set_out(ctx: &mut Ctx, key: &[u8]) -> Option<Traveller> {
    let key = ctx.keys.key(key);
    ctx.keys.find(&key)?;
    let (payload, deadline_ms) = pack(ctx, &key)?;
    let key = key.bytes.into();
    Some(Traveller { key, payload: Some(payload), deadline_ms, was_there: false, has_arrived: false })
}

fn go(ctx: &mut Ctx, journey: Box<Journey>) -> Result<()> {
    let has_paused = journey.has_paused;
    if ctx.node.send_off(ctx.client.shared.id, journey) {
        return Err(WAIT);
    }
    if has_paused {
        ctx.node.unpause();
    }
    Err(Error::Plain("IOERR no thread to be had for another MIGRATE, try again later"))
}

/// Removes what has arrived and is here as it is there; what changed meanwhile is sent once more.
fn arrive(ctx: &mut Ctx, mut journey: Box<Journey>) -> Result<()> {
    if !journey.route.copies {
        let mut removed = Vec::new();
        journey.travellers.retain_mut(|traveller| traveller.has_arrived && !leaves(ctx, traveller, &mut removed));
        if !removed.is_empty() {
            ctx.say_with("DEL", removed.iter().map(|key| &key[..]));
        }
        if !journey.travellers.is_empty() && journey.error.is_none() {
            if journey.round == FREE_ROUNDS && !ctx.node.pause.is_set() {
                let until_ms = ctx.now_ms().saturating_add(journey.route.timeout_ms as i64);
                ctx.node.pause.extend(Paused::Writes, until_ms);
                journey.has_paused = true;
            }
            if journey.round <= FREE_ROUNDS {
                return go(ctx, journey);
            }
            let key = journey.travellers[0].key.escape_ascii().to_string();
            journey.error = Some(format!("IOERR key '{key}' changes while it is moved: it is here and on the target"));
        }
    }
    if journey.has_paused {
        ctx.node.unpause();
    }
    match journey.error {
        Some(line) => Err(Error::text(line)),
        None => {
            ctx.out.ok();
            Ok(())
        }
    }
}

/// True: nothing is left to do about a key that has arrived. False: it is to be sent as it is now.
fn leaves(ctx: &mut Ctx, traveller: &mut Traveller, removed: &mut Vec<Box<[u8]>>) -> bool {
    let name = traveller.key.clone();
    let key = ctx.keys.key(&name);
    let now = pack(ctx, &key);
    let (payload, deadline_ms) = now.map_or((None, None), |(payload, deadline_ms)| (Some(payload), deadline_ms));
    if payload != traveller.payload || deadline_ms != traveller.deadline_ms {
        (traveller.payload, traveller.deadline_ms, traveller.has_arrived) = (payload, deadline_ms, false);
        return false;
    }
    if ctx.keys.remove(&key) {
        ctx.keys.changed(&key, Event::DEL);
        removed.push(name);
    }
    true
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream};
    use std::thread::JoinHandle;
    use std::time::{Duration, Instant};

    use crate::testing::{Fixture, check, check_with};

    #[test]
    fn words_are_judged_first() {
        check(
            r#"
            > MIGRATE 127.0.0.1 1 k 0 x
            (error) ERR value is not an integer or out of range
            > MIGRATE 127.0.0.1 1 k x 10
            (error) ERR value is not an integer or out of range
            > MIGRATE 127.0.0.1 1 k 0 10 WHAT
            (error) ERR syntax error
            > MIGRATE 127.0.0.1 1 k 0 10 AUTH
            (error) ERR syntax error
            > MIGRATE 127.0.0.1 1 k 0 10 AUTH2 u
            (error) ERR syntax error
            > MIGRATE 127.0.0.1 1 k 0 10 KEYS a b
            (error) ERR When using MIGRATE KEYS option, the key argument must be set to the empty string
            > MIGRATE 127.0.0.1 1 k 0 10 COPY REPLACE AUTH keys
            NOKEY
            > MIGRATE 127.0.0.1 1 "" 0 10 AUTH2 keys copy KEYS a b
            NOKEY
            > COMMAND GETKEYS MIGRATE 127.0.0.1 1 "" 0 10 AUTH keys KEYS a b
            1) "a"
            2) "b"
            > COMMAND GETKEYS MIGRATE 127.0.0.1 1 k 0 10 AUTH keys
            1) "k"
            > SET k v
            OK
            > MULTI
            OK
            > MIGRATE 127.0.0.1 1 k 0 10
            QUEUED
            > EXEC
            1) (error) ERR MIGRATE is not allowed in transactions and scripts
            "#,
        );
    }

    /// A server that answers each request by what `answer` makes of it, for one connection after another.
    fn serve(count: usize, mut answer: impl FnMut(&[String]) -> String + Send + 'static) -> (u16, JoinHandle<()>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let thread = std::thread::spawn(move || {
            for _ in 0..count {
                let (stream, _) = listener.accept().expect("a client");
                let mut stream = BufReader::new(stream);
                while let Some(words) = read_request(&mut stream) {
                    stream.get_mut().write_all(answer(&words).as_bytes()).expect("the client reads");
                }
            }
        });
        (port, thread)
    }

    fn read_request(stream: &mut BufReader<TcpStream>) -> Option<Vec<String>> {
        let line = |stream: &mut BufReader<TcpStream>| {
            let mut line = Vec::new();
            stream.read_until(b'\n', &mut line).ok()?;
            String::from_utf8_lossy(&line).trim_end().get(1..)?.parse::<usize>().ok()
        };
        let count = line(stream)?;
        (0..count)
            .map(|_| {
                let mut word = vec![0; line(stream)? + 2];
                std::io::Read::read_exact(stream, &mut word).ok()?;
                word.truncate(word.len() - 2);
                Some(word.escape_ascii().to_string())
            })
            .collect()
    }

    /// Runs a MIGRATE to its end.
    fn migrate(fixture: &mut Fixture, line: &str) -> String {
        assert_eq!(fixture.cli(1, line), "(waits)");
        until(fixture, is_through);
        fixture.received(1)
    }

    fn until(fixture: &mut Fixture, is_it: impl Fn(&mut Fixture) -> bool) {
        let start = Instant::now();
        while !is_it(fixture) {
            assert!(start.elapsed() < Duration::from_secs(20), "it takes too long");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn is_through(fixture: &mut Fixture) -> bool {
        fixture.resume(1) && !fixture.is_waiting(1)
    }

    #[test]
    fn keys_go_once_they_are_there() {
        let mut fixture = Fixture::new();
        fixture.keep_effects();
        let (port, server) = serve(1, |words| match words[0].as_str() {
            "RESTORE" if words[1] == "busy" => "-BUSYKEY Target key name already exists.\r\n".to_owned(),
            "AUTH" | "SELECT" | "RESTORE" => "+OK\r\n".to_owned(),
            other => panic!("{other}"),
        });
        check_with(&mut fixture, "> MSET a 1 b 2 busy 3\nOK");
        fixture.take_effects();
        let line = format!("MIGRATE 127.0.0.1 {port} \"\" 3 5000 AUTH2 u p KEYS a nokey b busy");
        let refused = "(error) ERR Target instance replied with error: BUSYKEY Target key name already exists.";
        assert_eq!(migrate(&mut fixture, &line), refused);
        check_with(&mut fixture, "> EXISTS a b\n(integer) 0\n> GET busy\n\"3\"");
        let effects = fixture.take_effects();
        assert_eq!(effects.len(), 1);
        assert_eq!(effects[0].1, [&b"DEL"[..], b"a", b"b"]);
        let line = format!("MIGRATE 127.0.0.1 {port} busy 3 5000 COPY REPLACE");
        assert_eq!(migrate(&mut fixture, &line), refused);
        assert_eq!(fixture.node.migrations.cached_sockets(), 1);
        drop(fixture);
        server.join().expect("it was asked what it knows");
    }

    #[test]
    fn what_changes_on_the_way_is_sent_again() {
        let mut fixture = Fixture::new();
        let (told, tells) = std::sync::mpsc::channel();
        let (goes, may_go) = std::sync::mpsc::channel();
        let (port, server) = serve(1, move |words| {
            told.send(words.join(" ")).expect("the test listens");
            may_go.recv().expect("the test says so");
            "+OK\r\n".to_owned()
        });
        check_with(&mut fixture, "> SET k 1\nOK\n> SET gone 1\nOK");
        let line = format!("MIGRATE 127.0.0.1 {port} \"\" 0 5000 KEYS k gone");
        assert_eq!(fixture.cli(1, &line), "(waits)");
        let hear = || {
            let heard = tells.recv_timeout(Duration::from_secs(10)).expect("a request");
            goes.send(()).expect("the target waits");
            heard
        };
        check_with(&mut fixture, "@2> SET k 2\nOK\n@2> DEL gone\n(integer) 1");
        let id = fixture.client(1).shared.id;
        assert_eq!(fixture.cli(2, &format!("CLIENT UNBLOCK {id}")), "(integer) 0", "it cannot be left halfway");
        let mut heard = vec![hear(), hear()];
        until(&mut fixture, |fixture| fixture.resume(1));
        heard.extend([hear(), hear()]);
        assert!(heard[0].starts_with("RESTORE k 0 ") && heard[1].starts_with("RESTORE gone 0 "), "{heard:?}");
        assert!(heard[2].starts_with("RESTORE k 0 ") && heard[2].ends_with(" REPLACE"), "{heard:?}");
        assert_eq!(heard[3], "DEL gone");
        until(&mut fixture, is_through);
        assert_eq!(fixture.received(1), "OK");
        check_with(&mut fixture, "> EXISTS k gone\n(integer) 0");
        drop(fixture);
        server.join().expect("it answered");
    }

    #[test]
    fn a_target_that_is_not_there_or_silent_takes_nothing() {
        let mut fixture = Fixture::new();
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        check_with(&mut fixture, "> SET k 1\nOK");
        let line = format!("MIGRATE 127.0.0.1 {port} k 0 50");
        assert_eq!(migrate(&mut fixture, &line), "(error) IOERR error or timeout reading to target instance");
        drop(listener);
        assert_eq!(migrate(&mut fixture, &line), "(error) IOERR error or timeout writing to target instance");
        check_with(&mut fixture, "> GET k\n\"1\"");
    }
}
