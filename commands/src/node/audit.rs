//! What is told to the audit log. Where it goes is the process's matter; whether it is wanted is one load for each
//! command, the one that also tells whether somebody watches with MONITOR.

use std::sync::OnceLock;

use audit::{Class, Classes, Event};

use super::Node;
use super::monitoring::trim::{REDACTED, is_secret};
use crate::client::{Client, Shared};
use crate::error::{Error, Result};
use crate::keys::find_keys;
use crate::request::Request;
use crate::spec::{Command, flag, key};
use crate::table::Group;

/// Arguments of a command that an event shows.
const WORDS_MAX: usize = 32;
/// Bytes that it shows of each.
const WORD_LEN_MAX: usize = 128;

/// Where events go.
pub trait Sink: Send + Sync {
    /// Takes an event's fields (see [`audit::Event::fields`]); it never waits.
    fn push(&self, fields: Vec<u8>);

    /// Whether nothing may be done that it could not tell of.
    fn is_shut(&self) -> bool;
}

/// The instance's connection to its audit log.
#[derive(Default)]
pub struct AuditSeam(OnceLock<Box<dyn Sink>>);

/// What the audit log calls a command; none for those that it never tells of.
pub(crate) fn class_of(command: &Command, group: Group) -> Classes {
    let class = match group {
        _ if command.has(flag::SETTINGS) => Some(Class::Config),
        _ if command.has(flag::ADMIN) => Some(Class::Admin),
        // AUTH and HELLO tell of themselves: what counts is whether they succeed.
        _ if command.has(flag::NO_AUTH) => None,
        Group::Scripting => Some(Class::Script),
        _ if command.has(flag::WRITE) => Some(Class::Write),
        _ if command.has(flag::READONLY) => Some(Class::Read),
        _ => None,
    };
    Classes(class.map_or(0, Class::bit))
}

impl Node {
    /// Says where events go; once, when the data is there.
    pub fn set_audit_sink(&self, sink: Box<dyn Sink>) {
        let _ = self.audit.0.set(sink);
    }

    /// Takes `audit-log-classes` over from the settings.
    pub fn follow_audit(&self) -> std::result::Result<(), String> {
        let words = self.settings.audit_log_classes();
        let named = Classes::parse(words.iter().map(|word| &**word));
        let classes = named.map_err(|word| {
            let names = Class::ALL.map(Class::name).join(", ");
            format!("'{}' is no class of events: they are {names}", String::from_utf8_lossy(word))
        })?;
        let is_on = self.audit.0.get().is_some();
        self.monitoring.monitors.want(if is_on { classes } else { Classes::default() });
        Ok(())
    }

    /// Refuses what the audit log could not be told of.
    #[cold]
    pub(crate) fn audit_admits(&self) -> Result<()> {
        if self.audit.0.get().is_some_and(|sink| sink.is_shut()) {
            return Err(Error::Plain(
                "MISCONF The audit log cannot be written (audit-log-policy closed): see the server's log",
            ));
        }
        Ok(())
    }

    /// Tells of a command that ran.
    #[cold]
    pub(crate) fn audit_command(&self, client: &Client, request: &Request<'_>, is_ok: bool, ns: u64) {
        let class = Class::ALL.into_iter().find(|class| request.row.audit.has(*class));
        let Some(class) = class else { return };
        let shows_args = matches!(class, Class::Admin | Class::Config);
        let outcome = if is_ok { "ok" } else { "error" };
        let words = if shows_args { shown_words(self, request) } else { script_words(class, request) };
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        self.audit_request(client, request, Told { class, outcome, reason: None, ns: Some(ns), args: &words });
    }

    /// Tells of a command that was refused before it ran.
    pub(crate) fn audit_refusal(&self, client: &Client, request: &Request<'_>, line: &str) {
        let class = Class::ALL.into_iter().find(|class| request.row.audit.has(*class));
        let code = line.split(' ').next();
        // Refusals by rules are events of their own.
        if let Some(class) = class.filter(|class| self.monitoring.monitors.wants(*class) && code != Some("NOPERM")) {
            self.audit_request(client, request, Told { class, outcome: "refused", reason: code, ns: None, args: &[] });
        }
    }

    /// Tells of a refusal by a rule; `reason` is what it is about.
    pub(crate) fn audit_denial(&self, client: &Client, request: &Request<'_>, reason: &str) {
        let class = Class::AclDeny;
        if self.monitoring.monitors.wants(class) {
            let told = Told { class, outcome: "denied", reason: Some(reason), ns: None, args: &[] };
            self.audit_request(client, request, told);
        }
    }

    fn audit_request(&self, client: &Client, request: &Request<'_>, told: Told<'_>) {
        let hides_keys = self.settings.hide_user_data_from_log();
        let found = find_keys(request);
        let keys: Vec<&[u8]> = found
            .iter()
            .filter(|found| found.flags & key::NOT_KEY == 0)
            .filter_map(|found| request.word(found.word))
            .map(|key| if hides_keys { key } else { cut(key) })
            .take(WORDS_MAX)
            .collect();
        let Told { class, outcome, reason, ns, args } = told;
        let tls_name = client.shared.facts.tls_name.lock().clone();
        self.push_event(&Event {
            outcome,
            user: cut(client.user.name()),
            db: Some(client.db as u32),
            args,
            keys: &keys,
            reason,
            ns,
            ..self.event(class, &client.shared, &request.row.name, tls_name.as_deref())
        });
    }

    /// Tells of somebody who signed in as `user`, or failed to.
    pub(crate) fn audit_sign_in(&self, shared: &Shared, user: &[u8], how: &str, is_ok: bool) {
        if self.monitoring.monitors.wants(Class::Auth) {
            let (user, outcome) = (cut(user), if is_ok { "ok" } else { "denied" });
            let tls_name = shared.facts.tls_name.lock().clone();
            self.push_event(&Event { outcome, user, ..self.event(Class::Auth, shared, how, tls_name.as_deref()) });
        }
    }

    /// Tells of a connection that begins (`connect`) or ends (`disconnect`).
    pub fn audit_connection(&self, shared: &Shared, what: &str) {
        if self.monitoring.monitors.wants(Class::Conn) {
            let (user, tls_name) = (shared.facts.user.lock().clone(), shared.facts.tls_name.lock().clone());
            self.push_event(&Event { user: &user, ..self.event(Class::Conn, shared, what, tls_name.as_deref()) });
        }
    }

    fn event<'a>(&self, class: Class, shared: &'a Shared, cmd: &'a str, tls_name: Option<&'a [u8]>) -> Event<'a> {
        Event {
            unix_us: base::clock::unix_us(),
            class,
            outcome: "ok",
            user: b"",
            client: shared.id,
            addr: &shared.addr,
            tls_name,
            db: None,
            cmd,
            args: &[],
            keys: &[],
            hides_keys: self.settings.hide_user_data_from_log(),
            reason: None,
            ns: None,
        }
    }

    fn push_event(&self, event: &Event<'_>) {
        if let Some(sink) = self.audit.0.get() {
            sink.push(event.fields());
        }
    }
}

/// What an event tells beyond the request itself.
struct Told<'a> {
    class: Class,
    outcome: &'a str,
    reason: Option<&'a str>,
    ns: Option<u64>,
    args: &'a [&'a [u8]],
}

/// The arguments of a command for operators, as far as others may see them.
fn shown_words(node: &Node, request: &Request<'_>) -> Vec<Vec<u8>> {
    let names = if request.row.is_subcommand() { 2 } else { 1 };
    let hides_all = node.settings.hide_user_data_from_log();
    let show = |index: usize, word: &[u8]| match hides_all || is_secret(request, index) {
        true => REDACTED.to_vec(),
        false => cut(word).to_vec(),
    };
    request.words().enumerate().skip(names).take(WORDS_MAX).map(|(index, word)| show(index, word)).collect()
}

fn cut(word: &[u8]) -> &[u8] {
    &word[..word.len().min(WORD_LEN_MAX)]
}

/// Of a script or a library no more than the hash of its text, or the name by which it is called.
fn script_words(class: Class, request: &Request<'_>) -> Vec<Vec<u8>> {
    if class != Class::Script {
        return Vec::new();
    }
    let names = if request.row.is_subcommand() { 2 } else { 1 };
    let docs = request.row.command.args;
    let has = |name: &str| docs.iter().any(|doc| doc.name == name);
    // FUNCTION LOAD has its code behind options, all others have their text in front.
    let word = if has("function-code") { request.words().skip(names).last() } else { request.words().nth(names) };
    let Some(word) = word else { return Vec::new() };
    let is_text = docs.is_empty() || ["script", "function-code", "serialized-value"].into_iter().any(has);
    vec![if is_text { format!("sha256:{}", audit::hashed(word)).into_bytes() } else { cut(word).to_vec() }]
}
