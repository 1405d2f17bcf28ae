//! TLS: who is let in, as whom, and that nothing is lost or dropped on the way.

mod certificates;
mod client;

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use certificates::{Authority, Flaw, Identity};
use client::{ask, config, connect, line, tcp};
use compat_tests::connection::{Connection, NoReply};
use compat_tests::ports;
use compat_tests::target::{Target, Tcp};
use compat_tests::until;
use resp::Reply;

/// A server with a TLS port, and the authority of its clients.
struct Served {
    server: Tcp,
    tls: SocketAddr,
    authority: Authority,
    dir: PathBuf,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _left_behind = std::fs::remove_dir_all(&self.dir);
    }
}

impl Served {
    fn new(options: &[&str]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("compat-tests-tls-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory");
        let authority = Authority::new();
        std::fs::write(dir.join("ca.crt"), &authority.pem).expect("a directory of the test");
        authority.issue("server", Flaw::None).write(&dir, "server");
        let port = ports::free().expect("a port");
        let port_word = port.to_string();
        let path = |name: &str| dir.join(name).display().to_string();
        let (ca, certificate, key, log) = (path("ca.crt"), path("server.crt"), path("server.key"), path("log"));
        let mut words = vec!["--tls-port", &port_word, "--tls-ca-cert-file", &ca, "--tls-cert-file", &certificate];
        words.extend(["--tls-key-file", &key, "--loglevel", "verbose", "--logfile", &log]);
        words.extend(options);
        let server = Tcp::ours_with(&dir, &words).expect("the server");
        Self { server, tls: SocketAddr::from(([127, 0, 0, 1], port)), authority, dir }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    /// The plain port.
    fn control(&self) -> Connection {
        self.server.client()
    }

    /// What PING over TLS is answered, or why not.
    fn ping(&self, own: Option<&Identity>) -> Result<String, String> {
        ask(&mut connect(self.tls, &config(&self.authority, own)), "PING").map_err(|error| error.to_string())
    }
}

fn set(control: &mut Connection, words: &[&str]) -> String {
    let words: Vec<&str> = ["CONFIG", "SET"].iter().chain(words).copied().collect();
    text(control.call(&words))
}

/// A reply as one text.
fn text(reply: Result<Reply, NoReply>) -> String {
    match reply.expect("it answers") {
        Reply::Array(items) => items.into_iter().map(|item| text(Ok(item))).collect::<Vec<_>>().join(" "),
        reply => String::from_utf8_lossy(reply.as_bytes().unwrap_or_default()).into_owned(),
    }
}

#[test]
fn who_is_let_in() {
    let served = Served::new(&[]);
    let (other, mut control) = (Authority::new(), served.control());
    let good = served.authority.issue("client", Flaw::None);
    let bad = [
        ("nobody vouches", Identity::self_signed("client")),
        ("another authority", other.issue("client", Flaw::None)),
        ("expired", served.authority.issue("client", Flaw::Expired)),
        ("not yet valid", served.authority.issue("client", Flaw::NotYet)),
        ("for servers", served.authority.issue("client", Flaw::Purpose)),
    ];
    for (mode, none_is_let_in, bad_is_let_in) in [("yes", false, false), ("optional", true, false), ("no", true, true)]
    {
        set(&mut control, &["tls-auth-clients", mode]);
        assert_eq!(served.ping(Some(&good)).as_deref(), Ok("+PONG"), "{mode}");
        assert_eq!(served.ping(None).is_ok(), none_is_let_in, "{mode}");
        for (what, identity) in &bad {
            assert_eq!(served.ping(Some(identity)).is_ok(), bad_is_let_in, "{mode}: {what}");
        }
    }
    assert!(served.log().contains("Error accepting a client connection: "), "{}", served.log());
    let info = text(control.words("INFO server"));
    assert!(info.contains(&format!("name=tls,bind=127.0.0.1,port={}", served.tls.port())), "{info}");
}

#[test]
fn certificates_sign_in() {
    let served = Served::new(&["--tls-auth-clients-user", "CN"]);
    let mut control = served.control();
    for words in ["ACL SETUSER alice on nopass ~* +@all", "ACL SETUSER off off nopass ~* +@all"] {
        control.words(words).expect("it answers");
    }
    control.words("ACL SETUSER urn:user:5 on nopass ~* +@all").expect("it answers");
    let who = |name: &str| {
        let identity = served.authority.issue(name, Flaw::None);
        let mut stream = connect(served.tls, &config(&served.authority, Some(&identity)));
        ask(&mut stream, "ACL WHOAMI").and_then(|_len| line(&mut stream)).map_err(drop)
    };
    assert_eq!(who("alice").as_deref(), Ok("alice"));
    assert_eq!(who("off").as_deref(), Ok("default"));
    assert_eq!(who("nobody").as_deref(), Ok("default"));
    assert_eq!(who("alice\0.evil"), Err(()));
    assert!(served.log().contains("zero byte"));
    set(&mut control, &["tls-auth-clients-user", "URI"]);
    assert_eq!(who("alice").as_deref(), Ok("urn:user:5"));
    set(&mut control, &["tls-auth-clients-user", "off"]);
    assert_eq!(who("alice").as_deref(), Ok("default"));
}

#[test]
fn files_change_and_nobody_is_dropped() {
    let served = Served::new(&["--tls-auth-clients", "no"]);
    let mut control = served.control();
    let trusting = config(&served.authority, None);
    let mut open = connect(served.tls, &trusting);
    assert_eq!(ask(&mut open, "PING").expect("it answers"), "+PONG");

    let wrong = served.dir.join("wrong.crt").display().to_string();
    std::fs::write(&wrong, "no certificate").expect("a directory of the test");
    let (_, other_key) = Identity::self_signed("other").write(&served.dir, "other");
    for (name, value) in [("tls-cert-file", wrong), ("tls-key-file", other_key.display().to_string())] {
        let reply = set(&mut control, &[name, &value]);
        assert!(reply.contains("Unable to update TLS configuration. Check server logs."), "{reply}");
        let get = text(control.call(&["CONFIG", "GET", name]));
        assert!(get.contains("server."), "{get}");
        assert_eq!(served.ping(None).as_deref(), Ok("+PONG"));
    }
    for words in [["tls-protocols", "TLSv1.1"], ["tls-protocols", "SSLv3"], ["tls-ciphers", "AES128-SHA"]] {
        assert!(set(&mut control, &words).contains("Unable to update TLS configuration"), "{words:?}");
    }
    assert!(set(&mut control, &["tls-ciphersuites", "TLS_AES_128_GCM_SHA256"]).contains("OK"));

    // A new authority's certificate in the same files, found by the clock.
    let next = Authority::new();
    next.issue("server", Flaw::None).write(&served.dir, "server");
    let trusting_next = config(&next, None);
    let answers = |config| ask(&mut connect(served.tls, config), "PING").is_ok_and(|line| line == "+PONG");
    until("the new certificate", || answers(&trusting_next));
    assert!(!answers(&trusting));
    assert_eq!(ask(&mut open, "PING").expect("it answers"), "+PONG");

    // The first one's again, by a signal.
    served.authority.issue("server", Flaw::None).write(&served.dir, "server");
    let id = served.server.process_id().expect("it was started here").to_string();
    assert!(Command::new("kill").args(["-HUP", &id]).status().expect("kill").success());
    until("the old authority", || answers(&trusting));
    assert_eq!(ask(&mut open, "PING").expect("it answers"), "+PONG");
}

#[test]
fn what_is_no_tls_is_closed_and_what_hangs_can_be_killed() {
    let served = Served::new(&["--tls-auth-clients", "no"]);
    let mut control = served.control();
    let mut plain = tcp(served.tls);
    plain.write_all(b"PING\r\nPING\r\nPING\r\n").expect("it reads");
    let mut rest = Vec::new();
    plain.read_to_end(&mut rest).ok();
    assert!(rest.is_empty(), "{rest:?}");

    let clients = |control: &mut Connection| text(control.words("CLIENT LIST")).matches("id=").count();
    until("the plain one is gone", || clients(&mut control) == 1);
    // Half a record's head, as a handshake that goes no further.
    let mut hanging = tcp(served.tls);
    hanging.write_all(&[22, 3, 1]).expect("it reads");
    // And half a record within a session.
    let mut half = connect(served.tls, &config(&served.authority, None));
    assert_eq!(ask(&mut half, "PING").expect("it answers"), "+PONG");
    half.sock.write_all(&[23, 3, 3, 1, 0, 7]).expect("it reads");
    until("both are there", || clients(&mut control) == 3);
    control.words("CLIENT KILL TYPE normal SKIPME yes").expect("it answers");
    until("both are gone", || clients(&mut control) == 1);
    assert_eq!(hanging.read(&mut [0; 100]).unwrap_or(0), 0);
    assert!(ask(&mut half, "PING").is_err());
}

#[test]
fn much_goes_both_ways() {
    let served = Served::new(&["--tls-auth-clients", "no"]);
    let mut stream = connect(served.tls, &config(&served.authority, None));
    let value: Vec<u8> = (0..3_000_000u32).map(|at| (at * 7 % 251) as u8).collect();
    let mut request = format!("*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n${}\r\n", value.len()).into_bytes();
    request.extend(&value);
    request.extend(b"\r\n");
    // Twelve times three megabytes wait for a client who reads none of it at first.
    for _ in 0..12 {
        request.extend(b"GET big\r\n");
    }
    for number in 0..20_000 {
        request.extend(format!("ECHO {number}\r\n").into_bytes());
    }
    stream.write_all(&request).expect("it reads");
    assert_eq!(line(&mut stream).expect("it answers"), "+OK");
    let mut stream = std::io::BufReader::new(stream);
    for _ in 0..12 {
        assert_eq!(line(&mut stream).expect("it answers"), format!("${}", value.len()));
        let mut got = vec![0; value.len() + 2];
        stream.read_exact(&mut got).expect("all of it");
        assert!(got.starts_with(&value));
    }
    for number in 0..20_000 {
        let _len = line(&mut stream).expect("it answers");
        assert_eq!(line(&mut stream).expect("it answers"), number.to_string());
    }
}

#[test]
fn ports_change_places() {
    let served = Served::new(&["--tls-auth-clients", "no"]);
    let (plain, tls) = (served.server.address(), served.tls);
    let mut stream = connect(tls, &config(&served.authority, None));
    assert_eq!(ask(&mut stream, "CONFIG SET tls-port 0").expect("it answers"), "+OK");
    let moved = format!("CONFIG SET port {}", tls.port());
    assert_eq!(ask(&mut stream, &moved).expect("it answers"), "+OK");
    assert_eq!(ask(&mut tcp(tls), "PING").expect("it answers"), "+PONG");
    let moved = format!("CONFIG SET tls-port {}", plain.port());
    assert_eq!(ask(&mut tcp(tls), &moved).expect("it answers"), "+OK");
    assert_eq!(ask(&mut tcp(tls), "CONFIG SET port 0").expect("it answers"), "+OK");
    let mut last = connect(plain, &config(&served.authority, None));
    assert_eq!(ask(&mut last, "PING").expect("it answers"), "+PONG");
    assert_eq!(ask(&mut stream, "PING").expect("it answers"), "+PONG");
}

/// A redis-cli that knows TLS, where there is one.
#[test]
fn redis_cli_talks_tls() {
    let help = Command::new("redis-cli").arg("--help").output();
    if !help.is_ok_and(|help| String::from_utf8_lossy(&[help.stdout, help.stderr].concat()).contains("--tls")) {
        return;
    }
    let served = Served::new(&[]);
    served.authority.issue("client", Flaw::None).write(&served.dir, "client");
    let path = |name: &str| served.dir.join(name);
    let output = Command::new("redis-cli")
        .args(["-h", "127.0.0.1", "-p", &served.tls.port().to_string(), "--tls", "--cacert"])
        .arg(path("ca.crt"))
        .arg("--cert")
        .arg(path("client.crt"))
        .arg("--key")
        .arg(path("client.key"))
        .arg("PING")
        .output()
        .expect("redis-cli");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "PONG\n", "{}", String::from_utf8_lossy(&output.stderr));
}
