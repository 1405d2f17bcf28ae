//! Random command sequences on two servers: this one and a real redis-server, which is the model.
//!
//! [`templates`] says what commands look like, [`generate`] draws a sequence from a seed, [`play`] runs it on one
//! server and keeps a trace (replies, final state, keyspace events), [`normalise`] takes out of a reply what
//! Redis leaves open, [`shrink`] removes commands from a sequence that differs until each one is needed.
//!
//! Invariant: the same seed gives the same sequences, on every machine.

pub mod generate;
pub mod normalise;
pub mod play;
pub mod shrink;
pub mod templates;

use crate::rng::Rng;
use crate::target::Target;
use crate::transcript::parse::Proto;
use base::quote::quote;
use generate::{Sequence, Step};
use normalise::{same_encoding, same_reply, same_scores};
use play::{KeyState, Side, Trace};
use resp::Reply;
use std::fmt::Write;

/// Commands per sequence.
const LENGTH: usize = 60;

/// What to run.
pub struct Plan {
    /// A name of [`templates::kinds`].
    pub kind: &'static str,
    pub proto: Proto,
    pub seed: u64,
    /// At least this many commands in total.
    pub steps: usize,
}

/// Plays the plan on both servers; the commands played, or the shortest sequence on which they differ.
pub fn compare(plan: &Plan, ours: &dyn Target, reference: &dyn Target) -> Result<usize, String> {
    let mut sides = Sides { ours: Side::new(ours, plan.proto), reference: Side::new(reference, plan.proto) };
    let (mut played, mut round) = (0, 0);
    while played < plan.steps {
        let mut rng = Rng::new(plan.seed ^ (round << 32));
        let sequence = generate::sequence(plan.kind, reference.name(), LENGTH, round % 2 == 0, &mut rng);
        if sides.difference(&sequence).is_some() {
            let (shortest, difference) = shrink::shortest(sequence, |shorter| sides.difference(shorter));
            let head = format!("{}, {:?}, SEED={} (round {round})", plan.kind, plan.proto, plan.seed);
            let names = format!("- {}\n+ {}", reference.name(), ours.name());
            return Err(format!("{head}\n{}{difference}\n{names}\n", script(&shortest)));
        }
        played += sequence.units.iter().map(Vec::len).sum::<usize>();
        round += 1;
    }
    Ok(played)
}

struct Sides<'a> {
    ours: Side<'a>,
    reference: Side<'a>,
}

impl Sides<'_> {
    fn difference(&mut self, sequence: &Sequence) -> Option<String> {
        let (want, got) = (self.reference.play(sequence), self.ours.play(sequence));
        let steps: Vec<&Step> = sequence.units.iter().flatten().collect();
        reply_difference(&steps, &want, &got, self.reference.name())
            .or_else(|| state_difference(&want, &got, self.reference.name()))
            .or_else(|| event_difference(&want, &got))
    }
}

fn reply_difference(steps: &[&Step], want: &Trace, got: &Trace, reference: &str) -> Option<String> {
    let (want, got) = (normalise::replies(steps, &want.replies), normalise::replies(steps, &got.replies));
    let at = (0..steps.len()).find(|&i| !same_reply(steps[i], &want[i], &got[i], reference))?;
    Some(format!("the reply to {}\n{}", steps[at], both(&want[at].to_cli(), &got[at].to_cli())))
}

fn state_difference(want: &Trace, got: &Trace, reference: &str) -> Option<String> {
    want.state.iter().zip(&got.state).find_map(|(want, got)| {
        let what = if want.kind != got.kind {
            ("TYPE", both(&want.kind, &got.kind))
        } else if !same_encoding(&want.encoding, &got.encoding, reference) {
            ("OBJECT ENCODING", both(&want.encoding, &got.encoding))
        } else if !same_contents(want, got, reference) {
            ("contents", both(&want.contents.to_cli(), &got.contents.to_cli()))
        } else if want.ttl_ms.abs_diff(got.ttl_ms) > normalise::TOLERANCE_MS {
            ("PTTL", both(&want.ttl_ms.to_string(), &got.ttl_ms.to_string()))
        } else {
            return None;
        };
        Some(format!("{} of key {} in the end\n{}", what.0, quote(want.key.as_bytes()), what.1))
    })
}

fn same_contents(want: &KeyState, got: &KeyState, reference: &str) -> bool {
    want.contents == got.contents || (want.kind == "zset" && same_scores(&want.contents, &got.contents, reference))
}

fn event_difference(want: &Trace, got: &Trace) -> Option<String> {
    // When a key is found to be expired is up to the server; that it is told once is not.
    let ordered = |trace: &Trace| -> Vec<String> {
        let (mut expired, mut events): (Vec<_>, Vec<_>) =
            trace.events.iter().cloned().partition(|event| event.contains("expired"));
        expired.sort();
        events.extend(expired);
        events
    };
    let (want, got) = (ordered(want), ordered(got));
    let at = (0..want.len().max(got.len())).find(|&i| want.get(i) != got.get(i))?;
    let show = |events: &[String]| events.get(at).cloned().unwrap_or_else(|| "(no more events)".into());
    Some(format!("keyspace event {}\n{}", at + 1, both(&show(&want), &show(&got))))
}

fn both(want: &str, got: &str) -> String {
    let mark = |mark: char, text: &str| text.lines().map(|line| format!("  {mark} {line}\n")).collect::<String>();
    mark('-', want) + &mark('+', got)
}

/// The sequence in the form of a transcript.
fn script(sequence: &Sequence) -> String {
    let mut out = String::new();
    for (name, value) in sequence.settings() {
        let _infallible = writeln!(out, "> CONFIG SET {name} {value}");
    }
    for step in sequence.units.iter().flatten() {
        let _infallible = writeln!(out, "{step}");
    }
    let _infallible = writeln!(out, "# sent {} at a time", sequence.batch);
    out
}

/// A reply that stands for "none came".
fn missing(why: &str) -> Reply {
    Reply::Error(format!("no reply: {why}").into_bytes())
}
