//! Random commands built from the table, with boundary arguments, on this server and on a real one.
//!
//! [`catalog`] reads the grammar of every command from COMMAND DOCS, [`draw`] and [`values`] make commands of it, alone,
//! in transactions, in scripts, and beside a client that waits; [`play`] runs them; [`explained`] knows the differences
//! that have a reason. Whatever else differs is a bug, and is printed as short as it can be made.
//!
//! Invariant: the same seed gives the same sequences.

pub mod catalog;
pub mod draw;
pub mod explained;
pub mod play;
pub mod values;

use crate::model::generate::{Sequence, Step, Unit};
use crate::model::{normalise, shrink};
use crate::rng::Rng;
use crate::target::Target;
use crate::transcript::parse::Proto;
use base::quote::quote;
use draw::Draw;
use explained::Explained;
use play::{Side, Trace};
use resp::Reply;
use std::collections::BTreeMap;

/// Units of a sequence.
const LENGTH: usize = 60;

/// What to run.
pub struct Plan {
    pub proto: Proto,
    pub seed: u64,
    /// At least this many commands.
    pub commands: usize,
    /// It ends after so many differences of different commands.
    pub differences_max: usize,
}

/// What came of it.
#[derive(Default)]
pub struct Report {
    pub commands: usize,
    /// How often each explained difference was met, by its reason.
    pub explained: BTreeMap<String, usize>,
    /// By command: how often it differs, and the shortest sequence of the first time.
    pub differences: BTreeMap<String, (usize, String)>,
}

/// Plays the plan on both servers.
pub fn compare(plan: &Plan, ours: &dyn Target, reference: &dyn Target) -> Result<Report, String> {
    let version = if reference.name() == "redis7" { [7, 0] } else { [8, 0] };
    let commands = catalog::common(&mut ours.client(), &mut reference.client(), version)?;
    let mut sides = Sides {
        ours: Side::new(ours, plan.proto),
        reference: Side::new(reference, plan.proto),
        known: explained::read()?,
    };
    let (draw, mut report, mut round) = (Draw { commands: &commands }, Report::default(), 0);
    while report.commands < plan.commands && report.differences.len() < plan.differences_max {
        let mut rng = Rng::new(plan.seed ^ (round << 32));
        let mut units = Draw::beginning();
        units.extend((0..LENGTH).map(|_| draw.unit(&mut rng)));
        let sequence = Sequence { units, batch: 1, small_limits: round % 2 == 0 };
        report.commands += sequence.units.iter().map(Vec::len).sum::<usize>();
        round += 1;
        let Some(difference) = sides.difference(&sequence, &mut report.explained) else { continue };
        let entry = report.differences.entry(difference.name.clone()).or_default();
        entry.0 += 1;
        if entry.0 == 1 {
            let seen = &mut BTreeMap::new();
            let (shortest, text) = shrink::shortest(sequence, |shorter| {
                sides.difference(shorter, seen).filter(|found| found.name == difference.name).map(|found| found.text)
            });
            let head = format!("{:?}, SEED={} (round {})", plan.proto, plan.seed, round - 1);
            entry.1 = format!("{head}\n{}{text}\n- {}\n+ {}\n", script(&shortest), reference.name(), ours.name());
        }
    }
    Ok(report)
}

struct Difference {
    /// Of the command, or of what is looked at in the end.
    name: String,
    text: String,
}

struct Sides<'a> {
    ours: Side<'a>,
    reference: Side<'a>,
    known: Vec<Explained>,
}

impl Sides<'_> {
    fn difference(&mut self, sequence: &Sequence, seen: &mut BTreeMap<String, usize>) -> Option<Difference> {
        let (want, got) = (self.reference.play(sequence), self.ours.play(sequence));
        let steps: Vec<&Step> = sequence.units.iter().flatten().collect();
        match self.replies(&steps, &want, &got, seen) {
            Some(found) => found,
            None => self.state(&want, &got, seen),
        }
    }

    /// The outer None: all is compared, and what remains is the state.
    fn replies(
        &self,
        steps: &[&Step],
        want: &Trace,
        got: &Trace,
        seen: &mut BTreeMap<String, usize>,
    ) -> Option<Option<Difference>> {
        let inner: Vec<Step> = steps.iter().map(|step| unwrapped(step)).collect();
        let inner: Vec<&Step> = inner.iter().collect();
        let server = self.reference.name();
        let (want, got) = (normalise::replies(&inner, &want.replies), normalise::replies(&inner, &got.replies));
        for (at, step) in inner.iter().enumerate() {
            let (want, got) = (shape(step, &want[at]), shape(step, &got[at]));
            if normalise::same_reply(step, &want, &got, server) {
                continue;
            }
            for (step, want, got) in parts(&inner[..=at], &want, &got) {
                if normalise::same_reply(step, &want, &got, server) {
                    continue;
                }
                let (line, want, got) = (line(step), want.to_cli(), got.to_cli());
                match self.known.iter().find(|known| known.covers(server, &line, &want, &got)) {
                    Some(known) => {
                        *seen.entry(known.why.clone()).or_default() += 1;
                        if known.ends {
                            return Some(None);
                        }
                    }
                    None => {
                        let text = format!("the reply to {}\n  - {want}\n  + {got}", steps[at]);
                        return Some(Some(Difference { name: name(step), text }));
                    }
                }
            }
        }
        None
    }

    fn state(&self, want: &Trace, got: &Trace, seen: &mut BTreeMap<String, usize>) -> Option<Difference> {
        let server = self.reference.name();
        let mut rest = want.sizes != got.sizes;
        for (key, (want, got)) in values::KEYS.iter().zip(want.state.iter().zip(&got.state)) {
            for (what, (want, got)) in ["TYPE", "ENCODING", "PTTL", "VALUE"].iter().zip(want.iter().zip(got)) {
                if same_state(what, want, got, server) {
                    continue;
                }
                rest = false;
                let (line, want, got) = (format!("{what} {}", quote(key.as_bytes())), want.to_cli(), got.to_cli());
                match self.known.iter().find(|known| known.covers(server, &line, &want, &got)) {
                    Some(known) => *seen.entry(known.why.clone()).or_default() += 1,
                    None => {
                        let text = format!("{line} in the end\n  - {want}\n  + {got}");
                        return Some(Difference { name: (*what).to_owned(), text });
                    }
                }
            }
        }
        let text = || format!("the keys of all databases in the end\n  - {}\n  + {}", want.sizes, got.sizes);
        rest.then(|| Difference { name: "DBSIZE".into(), text: text() })
    }
}

/// The last of `steps` with its replies; of an EXEC each command that it ran with its own.
fn parts<'s>(steps: &[&'s Step], want: &Reply, got: &Reply) -> Vec<(&'s Step, Reply, Reply)> {
    let (last, before) = steps.split_last().expect("there is a step");
    let queued = before.iter().rev().take_while(|step| name(step) != "MULTI").collect::<Vec<_>>();
    match (&name(last)[..], want, got) {
        ("EXEC", Reply::Array(want), Reply::Array(got)) if want.len() == queued.len() && got.len() == queued.len() => {
            let pairs = queued.iter().rev().zip(want.iter().zip(got));
            pairs.map(|(step, (want, got))| (**step, shape(step, want), shape(step, got))).collect()
        }
        _ => vec![(*last, want.clone(), got.clone())],
    }
}

fn same_state(what: &str, want: &Reply, got: &Reply, server: &str) -> bool {
    match (what, want, got) {
        ("ENCODING", want, got) => normalise::same_encoding(&want.to_cli(), &got.to_cli(), server),
        ("PTTL", Reply::Int(want), Reply::Int(got)) => want.abs_diff(*got) <= normalise::TOLERANCE_MS,
        ("VALUE", want, got) => normalise::same_scores(want, got, server),
        _ => want == got,
    }
}

/// The command that a script of the draw runs; any other as it is.
fn unwrapped(step: &Step) -> Step {
    match step {
        Step::Send { connection, argv }
            if argv.len() > 3 && argv[0] == b"EVAL" && argv[1] == draw::SCRIPT.as_bytes() =>
        {
            Step::Send { connection: *connection, argv: argv[3..].to_vec() }
        }
        step => step.clone(),
    }
}

fn argv(step: &Step) -> &[Vec<u8>] {
    if let Step::Send { argv, .. } = step { argv } else { &[] }
}

fn name(step: &Step) -> String {
    argv(step).first().map(|word| String::from_utf8_lossy(word).to_uppercase()).unwrap_or_default()
}

/// The command as the patterns of explained differences see it.
fn line(step: &Step) -> String {
    let words = argv(step).iter().enumerate().map(|(at, word)| {
        let text = if at == 0 { word.to_ascii_uppercase() } else { word.clone() };
        let is_plain = !text.is_empty() && text.iter().all(u8::is_ascii_graphic);
        if is_plain { String::from_utf8_lossy(&text).into_owned() } else { quote(&text) }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A reply whose content is the server's own, as no more than its type.
fn shape(step: &Step, reply: &Reply) -> Reply {
    let words = argv(step);
    let is = |at: usize, word: &[u8]| words.get(at).is_some_and(|found| found.eq_ignore_ascii_case(word));
    let is_own = match &name(step)[..] {
        "DUMP" | "RANDOMKEY" => true,
        // Where a scan with a COUNT stands depends on the table.
        "SCAN" => true,
        "SSCAN" | "HSCAN" | "ZSCAN" => words.iter().any(|word| word.eq_ignore_ascii_case(b"count")),
        // Whether the reply before it holds what was drawn is for those who ask for the whole first.
        "SPOP" | "SRANDMEMBER" | "HRANDFIELD" | "ZRANDMEMBER" => {
            return match reply {
                Reply::Array(parts) => parts.first().cloned().unwrap_or(Reply::Null),
                other => other.clone(),
            };
        }
        // Redis counts a value that a request still holds.
        "OBJECT" => is(1, b"idletime") || is(1, b"freq") || is(1, b"refcount"),
        _ => false,
    };
    match reply {
        Reply::Error(_) => reply.clone(),
        _ if !is_own || reply.is_null() => reply.clone(),
        Reply::Array(items) => Reply::Simple(format!("(an array of {})", items.len().min(2)).into()),
        _ => Reply::Simple(b"(a value)".to_vec()),
    }
}

fn script(sequence: &Sequence) -> String {
    let lines = |unit: &Unit| unit.iter().map(|step| format!("{step}\n")).collect::<String>();
    let limits = if sequence.small_limits { "# with small limits of packed encodings\n" } else { "" };
    limits.to_owned() + &sequence.units.iter().map(lines).collect::<String>()
}
