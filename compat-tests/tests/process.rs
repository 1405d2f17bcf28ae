//! The process around the server: who supervises it, what it is called, and what it says when it breaks.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use compat_tests::connection::Connection;
use compat_tests::ports;
use compat_tests::target::our_binary;
use compat_tests::until;

/// A process with a directory of its own.
struct Started {
    process: Child,
    port: u16,
    dir: PathBuf,
}

impl Drop for Started {
    fn drop(&mut self) {
        let _gone_already = self.process.kill();
        let _reaped = self.process.wait();
        let _left_behind = fs::remove_dir_all(&self.dir);
    }
}

fn dir() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("compat-tests-process-{}-{number}", std::process::id()));
    fs::create_dir_all(&path).expect("a directory");
    path
}

impl Started {
    fn new(dir: PathBuf, options: &[&str], environment: &[(&str, &Path)]) -> Self {
        let port = ports::free().expect("a port");
        let process = Command::new(our_binary().expect("a server"))
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--enable-debug-command", "yes"])
            .args(["--logfile", "log", "--dir"])
            .arg(&dir)
            .args(options)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts");
        let started = Self { process, port, dir };
        until("it serves", || started.log().contains("Ready to accept connections"));
        started
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    fn client(&self) -> Connection {
        let stream = std::net::TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        Connection::new(Box::new(stream))
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.process.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    fn end(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().expect("it is a child") {
                return status;
            }
            assert!(start.elapsed() < Duration::from_secs(45), "it does not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn title(&self) -> String {
        let mut text = String::new();
        let file = fs::File::open(format!("/proc/{}/cmdline", self.process.id()));
        file.and_then(|mut file| file.read_to_string(&mut text)).expect("it runs");
        text.trim_end_matches('\0').to_owned()
    }
}

#[test]
fn systemd_is_told() {
    let dir = dir();
    let path = dir.join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(15))).expect("a socket");
    let heard = || {
        let mut buffer = [0; 1000];
        let len = socket.recv(&mut buffer).expect("it tells");
        String::from_utf8_lossy(&buffer[..len]).into_owned()
    };
    // `daemonize` would lose a supervised process.
    let options = ["--supervised", "systemd", "--daemonize", "yes"];
    let mut started = Started::new(dir, &options, &[("NOTIFY_SOCKET", &path)]);
    assert_eq!(heard(), "STATUS=Ready to accept connections\nREADY=1\n");
    let info = started.client().words("INFO server").expect("it answers");
    assert!(String::from_utf8_lossy(info.as_bytes().expect("a text")).contains("process_supervised:systemd"));
    started.signal("HUP");
    assert!(heard().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert_eq!(heard(), "READY=1\n");
    started.signal("TERM");
    assert_eq!(heard(), "STOPPING=1\n");
    assert_eq!(started.end().code(), Some(0));
}

#[test]
fn the_title_says_what_runs() {
    let started = Started::new(dir(), &[], &[]);
    assert!(started.title().ends_with(&format!("stateless-server 127.0.0.1:{}", started.port)), "{}", started.title());
    let mut client = started.client();
    let long = "a".repeat(150);
    let template = format!("TEST {{title}} {long} {{port}} {{tls-port}}");
    client.call(&["CONFIG", "SET", "proc-title-template", &template]).expect("it answers");
    let title = started.title();
    assert!(title.starts_with("TEST ") && title.ends_with(&format!("{long} {} 0", started.port)), "{title}");
    client.call(&["CONFIG", "SET", "proc-title-template", "short"]).expect("it answers");
    assert_eq!(started.title(), "short");
    let silent = Started::new(dir(), &["--set-proc-title", "no"], &[]);
    assert!(silent.title().contains("--set-proc-title"));
}

#[test]
fn a_broken_process_says_where() {
    for (words, line, signal) in [
        ("DEBUG SEGFAULT", "Redis 8.0.6 crashed by signal: 11, si_code: ", libc_signal::SEGV),
        ("DEBUG ASSERT", "=== ASSERTION FAILED ===", libc_signal::ABRT),
        ("DEBUG PANIC", "Guru Meditation: called by DEBUG PANIC", libc_signal::ABRT),
    ] {
        let mut started = Started::new(dir(), &[], &[]);
        let mut client = started.client();
        client.words("CONFIG SET requirepass planted").expect("it answers");
        client.words("AUTH planted").expect("it answers");
        client.send(&words.split(' ').collect::<Vec<_>>());
        assert_eq!(started.end().signal(), Some(signal), "{words}");
        let log = started.log();
        let parts = [
            "=== REDIS BUG REPORT START: Cut & paste starting from here ===",
            line,
            "------ STACK TRACE ------",
            "groups::server::debug::",
            "------ STACK TRACE DONE ------",
            "------ INFO OUTPUT ------",
            "connected_clients:",
            "------ CLIENT LIST OUTPUT ------",
            "cmd=auth user=default",
            "=== REDIS BUG REPORT END. Make sure to include from START to END. ===",
        ];
        for part in parts {
            assert!(log.contains(part), "{words}: no '{part}' in\n{log}");
        }
        assert!(!log.contains("planted"), "{log}");
    }
}

#[test]
fn who_sent_the_signal_and_when_to_say_nothing() {
    let mut started = Started::new(dir(), &[], &[]);
    started.signal("ABRT");
    assert_eq!(started.end().signal(), Some(libc_signal::ABRT));
    assert!(started.log().contains("crashed by signal: 6, si_code: 0"), "{}", started.log());
    assert!(started.log().contains("Killed by PID: "), "{}", started.log());

    let mut silent = Started::new(dir(), &["--crash-log-enabled", "no"], &[]);
    silent.client().send(&["DEBUG", "SEGFAULT"]);
    assert_eq!(silent.end().signal(), Some(libc_signal::SEGV));
    assert!(!silent.log().contains("BUG REPORT"), "{}", silent.log());

    let mut exits = Started::new(dir(), &["--use-exit-on-panic", "yes"], &[]);
    exits.client().send(&["DEBUG", "ASSERT"]);
    assert_eq!(exits.end().code(), Some(1));
    assert!(exits.log().contains("STACK TRACE DONE"), "{}", exits.log());
}

#[test]
fn sigalrm_tells_where_all_threads_are() {
    let started = Started::new(dir(), &[], &[]);
    started.signal("ALRM");
    until("they are told", || started.log().contains("STACK TRACE DONE"));
    let log = started.log();
    assert!(log.contains("Received SIGALRM") && log.contains(" core-0\n") && log.contains(" acceptor\n"), "{log}");
    assert!(started.client().words("PING").is_ok());
}

/// The numbers of Linux.
mod libc_signal {
    pub(crate) const ABRT: i32 = 6;
    pub(crate) const SEGV: i32 = 11;
}

#[test]
fn a_unix_socket_is_as_open_as_it_is_to_be() {
    for (mode, expected) in [("700", 0o700), ("770", 0o770), ("777", 0o777)] {
        let started =
            Started::new(dir(), &["--unixsocket", "socket", "--unixsocketperm", mode, "--unixsocketgroup", "0"], &[]);
        let path = started.dir.join("socket");
        let facts = fs::metadata(&path).expect("the socket");
        assert!(facts.file_type().is_socket());
        assert_eq!(facts.permissions().mode() & 0o777, expected, "{mode}");
        UnixStream::connect(&path).expect("it listens");
    }
}
