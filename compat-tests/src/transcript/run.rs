//! Plays a transcript on a target.
//!
//! Invariant: a case leaves no trace. It starts with FLUSHALL and fresh connections, and what it sets by
//! CONFIG SET is put back.

use super::Report;
use super::compare::difference;
use super::parse::{Action, Case, File, Proto, Step};
use super::update::Fills;
use crate::connection::{Connection, NoReply, PATIENCE};
use crate::target::Target;
use resp::Reply;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long `(nothing)` listens.
const SILENCE: Duration = Duration::from_millis(60);

/// Plays every case of `file` in one protocol.
pub(super) fn file(file: &File, proto: Proto, target: &dyn Target, fills: &mut Fills, report: &mut Report) {
    if !file.conditions.allow(target.name()) {
        return;
    }
    for case in &file.cases {
        let mut session = Session::start(target, proto);
        if let Err(failure) = session.play(case, fills, &mut report.compared) {
            let title = if case.title.is_empty() { String::new() } else { format!(" ({})", case.title) };
            report.failures.push(format!("{}:{failure}    on {}, {proto:?}{title}\n", file.path, target.name()));
        }
        session.put_back();
    }
}

struct Session<'a> {
    target: &'a dyn Target,
    proto: Proto,
    /// Asks about the other connections; no step of the transcript uses it.
    control: Connection,
    connections: BTreeMap<usize, Connection>,
    saved: BTreeMap<String, Vec<u8>>,
    /// The settings that the case has changed, with their values before.
    settings: BTreeMap<Vec<u8>, Vec<u8>>,
    blocked: usize,
}

impl<'a> Session<'a> {
    fn start(target: &'a dyn Target, proto: Proto) -> Session<'a> {
        let mut control = target.client();
        // A server that does not answer shows at the first step.
        let _empty = control.words("FLUSHALL");
        let (connections, saved, settings) = Default::default();
        Session { target, proto, control, connections, saved, settings, blocked: 0 }
    }

    fn play(&mut self, case: &Case, fills: &mut Fills, compared: &mut usize) -> Result<(), String> {
        for step in &case.steps {
            if step.conditions.allow(self.target.name()) && step.proto.is_none_or(|proto| proto == self.proto) {
                self.step(step, fills, compared).map_err(|e| format!("{}: {}\n{e}", step.line, step.source.trim()))?;
            }
        }
        Ok(())
    }

    fn step(&mut self, step: &Step, fills: &mut Fills, compared: &mut usize) -> Result<(), String> {
        match &step.action {
            Action::SleepMs(ms) => std::thread::sleep(Duration::from_millis(*ms)),
            Action::Close => drop(self.connections.remove(&step.connection)),
            Action::Send(bytes) => self.connection(step.connection).send_raw(bytes),
            Action::Command(argv) => {
                let argv: Vec<Vec<u8>> = argv.iter().map(|arg| self.substitute(arg)).collect::<Result<_, _>>()?;
                self.note_setting(&argv);
                self.connection(step.connection).send(&argv);
                if step.pending {
                    self.blocked += 1;
                    self.wait_until_blocked();
                    return Ok(());
                }
            }
            Action::Await => self.blocked = self.blocked.saturating_sub(1),
        }
        if !matches!(step.action, Action::Command(_) | Action::Await) {
            return Ok(());
        }
        let patience = if step.expected.first().is_some_and(|line| line == "(nothing)") { SILENCE } else { PATIENCE };
        let reply = self.connection(step.connection).read(patience);
        let shown = reply.as_ref().map_or_else(NoReply::to_string, Reply::to_cli);
        if let (Some(name), Ok(reply)) = (&step.save, reply) {
            self.saved.insert(name.clone(), text_of(&reply));
        }
        *compared += 1;
        if step.expected.is_empty() {
            let taken = fills.take(step, self.proto, &shown);
            return if taken {
                Ok(())
            } else {
                Err(format!("  no expected reply (UPDATE=1 writes it)\n  + {shown}\n"))
            };
        }
        difference(&step.expected, &shown, &step.matching).map_or(Ok(()), Err)
    }

    fn connection(&mut self, number: usize) -> &mut Connection {
        let (target, proto) = (self.target, self.proto);
        self.connections.entry(number).or_insert_with(|| {
            let mut connection = target.client();
            if proto == Proto::Resp3 {
                // A server that cannot switch shows at the first step.
                let _hello = connection.words("HELLO 3");
            }
            connection
        })
    }

    /// `${name}` becomes the reply saved under that name.
    fn substitute(&self, arg: &[u8]) -> Result<Vec<u8>, String> {
        let Some(name) = arg.strip_prefix(b"${").and_then(|rest| rest.strip_suffix(b"}")) else {
            return Ok(arg.to_vec());
        };
        let name = String::from_utf8_lossy(name);
        self.saved.get(&*name).cloned().ok_or_else(|| format!("  nothing was saved as '{name}'\n"))
    }

    /// Waits until the server has parked every pending command, so that the next line finds it waiting.
    fn wait_until_blocked(&mut self) {
        let deadline = Instant::now() + Duration::from_millis(100);
        while Instant::now() < deadline {
            self.control.send(&["INFO", "clients"]);
            let Ok(Reply::Bulk(info)) = self.control.read(Duration::from_millis(50)) else {
                // A paused server does not answer; a late answer must not be taken for a later one's.
                self.control = self.target.client();
                return;
            };
            let info = String::from_utf8_lossy(&info).into_owned();
            let blocked = info.lines().find_map(|line| line.strip_prefix("blocked_clients:")?.parse().ok());
            if blocked.is_some_and(|blocked: usize| blocked >= self.blocked) {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn note_setting(&mut self, argv: &[Vec<u8>]) {
        let is = |i: usize, word: &str| argv.get(i).is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()));
        if !is(0, "CONFIG") || !is(1, "SET") {
            return;
        }
        for name in argv[2..].iter().step_by(2).filter(|name| !name.contains(&b'*')) {
            if let Ok(Reply::Array(pair)) = self.control.call(&[b"CONFIG", &b"GET"[..], name])
                && let [_, value] = &pair[..]
            {
                self.settings.entry(name.clone()).or_insert_with(|| text_of(value));
            }
        }
    }

    fn put_back(&mut self) {
        self.connections.clear();
        for (name, value) in std::mem::take(&mut self.settings) {
            let mut client = self.target.client();
            let _read_only_settings_stay = client.call(&[b"CONFIG", &b"SET"[..], &name, &value]);
        }
    }
}

/// The bytes that a reply stands for as an argument.
fn text_of(reply: &Reply) -> Vec<u8> {
    match reply {
        Reply::Int(n) => n.to_string().into_bytes(),
        other => other.as_bytes().map_or_else(|| other.to_cli().into_bytes(), <[u8]>::to_vec),
    }
}
