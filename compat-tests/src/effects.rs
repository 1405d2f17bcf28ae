//! What a real server writes into its append-only file for each command of the transcripts.
//!
//! The recording is a text that the `commands` crate plays again in process: `> words` is a command (`@2>` of another
//! connection), `! sleep 20` passes time, `=3 words` is what it left in the log for database 3. A number that is a
//! time near the present stands as `+ms` from then.

use crate::connection::{Connection, PATIENCE, parse_words};
use crate::target::Target;
use crate::transcript::parse::{Action, Case, File, Step};
use base::quote::quote;
use resp::Reply;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// A time that commands of the transcripts make of the present is not farther away.
const NEAR_MS: i64 = 10 * 366 * 24 * 60 * 60 * 1000;

/// A database, and the words.
type Effect = (String, Vec<Vec<u8>>);

/// Records cases from a server that writes to `log`.
pub struct Recorder<'a> {
    target: &'a dyn Target,
    log: std::fs::File,
    /// Bytes of it that are no whole command yet.
    rest: Vec<u8>,
    /// The database that the log has selected.
    db: String,
    connections: BTreeMap<usize, Connection>,
    saved: BTreeMap<String, Vec<u8>>,
}

impl<'a> Recorder<'a> {
    /// `log` is the file that the server of `target` appends to.
    pub fn new(target: &'a dyn Target, log: &Path) -> io::Result<Recorder<'a>> {
        let (connections, saved) = Default::default();
        Ok(Recorder { target, log: std::fs::File::open(log)?, rest: Vec::new(), db: "0".into(), connections, saved })
    }

    /// Plays a file, and appends what it recorded.
    pub fn record(&mut self, file: &File, text: &mut String) -> io::Result<()> {
        if !file.conditions.allow(self.target.name()) {
            return Ok(());
        }
        for case in &file.cases {
            self.connections.clear();
            let mut control = self.target.client();
            for words in [
                "CONFIG SET appendfsync no",
                "FLUSHALL",
                "DEBUG SET-ACTIVE-EXPIRE 0",
                "SELECT 9",
                "SET x y",
                "FLUSHALL",
            ] {
                let _ready = control.words(words);
            }
            self.effects()?;
            let _ = writeln!(text, "== {} {}", file.path, case.title);
            self.record_case(case, text)?;
        }
        Ok(())
    }

    fn record_case(&mut self, case: &Case, text: &mut String) -> io::Result<()> {
        for step in case.steps.iter().filter(|step| step.conditions.allow(self.target.name())) {
            let present_ms = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis() as i64;
            if self.play(step, text).is_none() {
                return Ok(());
            }
            for (db, words) in self.effects()? {
                let shown: Vec<String> = words.iter().map(|word| show(word, step, present_ms)).collect();
                let _ = writeln!(text, "={db} {}", shown.join(" "));
            }
        }
        Ok(())
    }

    /// None: the rest of the case cannot be played again.
    fn play(&mut self, step: &Step, text: &mut String) -> Option<()> {
        match &step.action {
            Action::SleepMs(ms) => {
                let _ = writeln!(text, "! sleep {ms}");
                std::thread::sleep(Duration::from_millis(*ms));
            }
            Action::Command(argv) => {
                let argv: Vec<Vec<u8>> = argv.iter().map(|arg| self.substitute(arg)).collect();
                let words: Vec<String> = argv.iter().map(|word| shown_word(word)).collect();
                let _ = writeln!(text, "@{}> {}", step.connection, words.join(" "));
                self.connection(step.connection).send(&argv);
                if step.pending {
                    std::thread::sleep(Duration::from_millis(30));
                } else {
                    self.read(step)?;
                }
            }
            Action::Await => self.read(step)?,
            Action::Send(_) | Action::Close => return None,
        }
        Some(())
    }

    fn read(&mut self, step: &Step) -> Option<()> {
        if step.expected.first().is_some_and(|line| line == "(nothing)" || line == "(closed)") {
            return Some(());
        }
        let reply = self.connection(step.connection).read(PATIENCE).ok()?;
        if let Some(name) = &step.save {
            let text = match &reply {
                Reply::Int(number) => number.to_string().into_bytes(),
                other => other.as_bytes().map(<[u8]>::to_vec).unwrap_or_default(),
            };
            self.saved.insert(name.clone(), text);
        }
        Some(())
    }

    fn connection(&mut self, number: usize) -> &mut Connection {
        let target = self.target;
        self.connections.entry(number).or_insert_with(|| target.client())
    }

    fn substitute(&self, arg: &[u8]) -> Vec<u8> {
        let name = arg.strip_prefix(b"${").and_then(|rest| rest.strip_suffix(b"}"));
        name.and_then(|name| self.saved.get(&*String::from_utf8_lossy(name))).cloned().unwrap_or_else(|| arg.to_vec())
    }

    /// What was appended (whole commands: the server writes before it answers) since the last time, without SELECT.
    fn effects(&mut self) -> io::Result<Vec<Effect>> {
        let mut bytes = std::mem::take(&mut self.rest);
        self.log.read_to_end(&mut bytes)?;
        let (mut at, mut effects) = (0, Vec::new());
        while let Some((words, used)) = parse_words(&bytes[at..]) {
            at += used;
            match &words[..] {
                [name, db] if name.eq_ignore_ascii_case(b"SELECT") => {
                    self.db = String::from_utf8_lossy(db).into_owned();
                }
                _ => effects.push((self.db.clone(), words)),
            }
        }
        self.rest = bytes.split_off(at);
        Ok(effects)
    }
}

/// A word as it stands in the recording.
fn shown_word(word: &[u8]) -> String {
    let is_plain = !word.is_empty() && word.iter().all(|byte| byte.is_ascii_graphic() && !b"\"'\\".contains(byte));
    if is_plain { String::from_utf8_lossy(word).into_owned() } else { quote(word) }
}

fn show(word: &[u8], step: &Step, present_ms: i64) -> String {
    let said = matches!(&step.action, Action::Command(argv) if argv.iter().any(|arg| arg == word));
    let number = if said || word.len() != 13 { None } else { base::number::parse_i64(word) };
    match number.map(|number| number - present_ms) {
        Some(ahead_ms) if ahead_ms.abs() < NEAR_MS => format!("+{}", (ahead_ms + 5).div_euclid(10) * 10),
        _ => shown_word(word),
    }
}
