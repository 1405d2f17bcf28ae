//! One event, as its fields.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::class::Class;
use crate::{json, time};

/// What happened, before it has its place in the chain.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// When, microseconds since 1970.
    pub unix_us: i64,
    /// What kind of event.
    pub class: Class,
    /// `ok`, `error`, `denied`, ...
    pub outcome: &'a str,
    /// The user's name.
    pub user: &'a [u8],
    /// The connection's number; 0: none.
    pub client: u64,
    /// The peer's address.
    pub addr: &'a str,
    /// The name in the peer's certificate.
    pub tls_name: Option<&'a [u8]>,
    /// The database.
    pub db: Option<u32>,
    /// The command, or what happened to the connection.
    pub cmd: &'a str,
    /// Arguments that may be shown.
    pub args: &'a [&'a [u8]],
    /// The keys that it is about.
    pub keys: &'a [&'a [u8]],
    /// Whether keys appear as hashes.
    pub hides_keys: bool,
    /// Why, in the server's words.
    pub reason: Option<&'a str>,
    /// How long it took, nanoseconds.
    pub ns: Option<u64>,
}

impl Event<'_> {
    /// The fields, without the braces around and without those of the chain.
    pub fn fields(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        let mut text = |name: &str, value: &[u8]| {
            json::name(&mut out, name);
            json::string(&mut out, value);
        };
        text("ts", time::rfc3339(self.unix_us).as_bytes());
        text("event", self.class.name().as_bytes());
        text("outcome", self.outcome.as_bytes());
        text("user", self.user);
        text("addr", self.addr.as_bytes());
        if let Some(name) = self.tls_name {
            text("tls_cn", name);
        }
        text("cmd", self.cmd.as_bytes());
        if let Some(reason) = self.reason {
            text("reason", reason.as_bytes());
        }
        json::name(&mut out, "client");
        out.extend_from_slice(self.client.to_string().as_bytes());
        if let Some(db) = self.db {
            json::name(&mut out, "db");
            out.extend_from_slice(db.to_string().as_bytes());
        }
        if !self.args.is_empty() {
            json::name(&mut out, "args");
            json::list(&mut out, self.args.iter().copied());
        }
        self.push_keys(&mut out);
        if let Some(ns) = self.ns {
            json::name(&mut out, "ms");
            out.extend_from_slice(format!("{}.{:03}", ns / 1_000_000, ns / 1000 % 1000).as_bytes());
        }
        out
    }

    fn push_keys(&self, out: &mut Vec<u8>) {
        if self.keys.is_empty() {
            return;
        }
        if self.hides_keys {
            let hashes: Vec<String> = self.keys.iter().map(|key| hashed(key)).collect();
            json::name(out, "key_hashes");
            json::list(out, hashes.iter().map(String::as_bytes));
        } else {
            json::name(out, "keys");
            json::list(out, self.keys.iter().copied());
        }
    }
}

/// The first 16 bytes of a text's SHA-256, in hex: enough to compare, too little to read.
pub fn hashed(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(16).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
