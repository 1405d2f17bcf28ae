//! HTTP in front of the same commands.

mod abuse;
mod access;
mod http2;
mod operators;
mod resources;
mod rest;
mod streams;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use compat_tests::connection::Connection;
use compat_tests::http::{Answer, Http};
use compat_tests::ports;
use compat_tests::target::{Target, Tcp};
use resp::Reply;

/// A server with a gateway.
struct Server {
    resp: Tcp,
    http: SocketAddr,
    dir: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _left_behind = std::fs::remove_dir_all(&self.dir);
    }
}

impl Server {
    fn new(options: &[&str]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("compat-tests-gateway-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory");
        // Somebody else may take the port before the server does: then another one is tried.
        for _ in 0..3 {
            let port = ports::free().expect("a port");
            let word = port.to_string();
            let options = [&["--http-port", &word], options].concat();
            if let Ok(resp) = Tcp::ours_with(&dir, &options) {
                return Self { resp, http: (Ipv4Addr::LOCALHOST, port).into(), dir };
            }
        }
        panic!("the server does not start with {options:?}")
    }

    fn http(&self) -> Http {
        Http::connect(self.http).expect("it listens")
    }

    fn resp(&self) -> Connection {
        self.resp.client()
    }

    /// A command over RESP whose reply is text.
    fn cli(&self, command: &str) -> String {
        match self.resp().words(command).expect("a reply") {
            Reply::Int(number) => number.to_string(),
            reply => String::from_utf8_lossy(reply.as_bytes().unwrap_or_default()).into_owned(),
        }
    }

    /// A field of INFO.
    fn info(&self, field: &str) -> String {
        let info = self.cli("INFO everything");
        let line = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("no {field} in {info}")).to_owned()
    }

    fn token(&self, user: &str, password: &str) -> String {
        let token = self.cli(&format!("ACL RESTTOKEN {user} {password}"));
        format!("Authorization: Bearer {token}")
    }
}

/// `POST` with a body to a path: status and body.
fn post(http: &mut Http, path: &str, headers: &[&str], body: &str) -> (u16, String) {
    told(&http.ask("POST", path, headers, body.as_bytes()).expect("an answer"))
}

/// `GET` of a path: status and body.
fn get(http: &mut Http, path: &str) -> (u16, String) {
    told(&http.ask("GET", path, &[], b"").expect("an answer"))
}

fn told(answer: &Answer) -> (u16, String) {
    (answer.status, answer.text())
}

fn ok(body: &str) -> (u16, String) {
    (200, body.to_owned())
}
