//! Random commands of users with random rules: is what they may do what Redis lets them do, is ACL DRYRUN the real
//! thing, and is everything that a command touches inside of what its user was granted?
//!
//! The commands come from [`differential`](crate::differential). What was touched is not asked of the part that finds
//! a command's keys: keyspace events tell it, those of keys that were looked for and missed among them.

use crate::connection::{Connection, PATIENCE, encode};
use crate::differential::catalog::{self, Command};
use crate::differential::draw::Draw;
use crate::model::generate::Step;
use crate::rng::Rng;
use crate::target::Target;
use base::quote::quote;
use resp::Reply;
use std::collections::BTreeMap;

const BATCH: usize = 50;

/// A key, and the event that told of it.
type Touch = (Vec<u8>, Vec<u8>);

/// What to run.
pub struct Plan {
    pub seed: u64,
    /// How many sets of rules.
    pub sets: usize,
    /// Commands for each of them.
    pub commands: usize,
}

/// What was compared.
#[derive(Default, Debug)]
pub struct Report {
    /// Verdicts of ACL DRYRUN on both servers.
    pub verdicts: usize,
    /// How many of them let the command pass.
    pub granted: usize,
    /// Commands that ran in earnest.
    pub runs: usize,
    /// Keys that commands changed or missed.
    pub touched: usize,
    /// What differs, the first time for each command.
    pub differences: BTreeMap<String, String>,
}

/// Plays the plan.
pub fn compare(plan: &Plan, ours: &dyn Target, reference: &dyn Target) -> Result<Report, String> {
    let version = if reference.name() == "redis7" { [7, 0] } else { [8, 0] };
    let commands = catalog::common(&mut ours.client(), &mut reference.client(), version)?;
    let mut world = World::new(ours, reference)?;
    let mut report = Report::default();
    for set in 0..plan.sets {
        let mut rng = Rng::new(plan.seed ^ ((set as u64) << 32));
        let rules = Rules::draw(&commands, &mut rng);
        world.set(&rules).map_err(|fault| format!("{fault}\nSEED={} (set {set})", plan.seed))?;
        let mut left = plan.commands;
        while left > 0 {
            let batch = left.min(BATCH);
            left -= batch;
            let drawn: Vec<Vec<Vec<u8>>> = (0..batch).map(|_| Draw { commands: &commands }.argv(&mut rng)).collect();
            world.check(&drawn, &commands, &rules, &mut report)?;
        }
    }
    Ok(report)
}

impl Report {
    fn differs(&mut self, argv: &[Vec<u8>], rules: &Rules, text: String) {
        let name = String::from_utf8_lossy(&argv[0]).into_owned();
        self.differences.entry(name).or_insert_with(|| format!("{text}\n  rules: {}", rules.words.join(" ")));
    }
}

/// Where another server is known to grant what it should not.
const HOLES: &[(&str, &str)] = &[("PFMERGE", "without sources Redis 7.0 finds no key in it")];

/// The rules of one user, and what they grant.
struct Rules {
    words: Vec<String>,
    /// The patterns of keys with whether they may be read and written, of the user and of his selectors.
    keys: Vec<(String, bool, bool)>,
}

impl Rules {
    fn draw(commands: &[Command], rng: &mut Rng) -> Rules {
        let mut rules = Rules { words: Vec::new(), keys: Vec::new() };
        rules.some(commands, rng);
        for _ in 0..rng.below(3) {
            let start = rules.words.len();
            rules.some(commands, rng);
            let inside: Vec<String> = rules.words.drain(start..).collect();
            rules.words.push(format!("({})", inside.join(" ")));
        }
        rules
    }

    fn some(&mut self, commands: &[Command], rng: &mut Rng) {
        const CATEGORIES: &[&str] = &[
            "all",
            "read",
            "write",
            "keyspace",
            "string",
            "list",
            "hash",
            "set",
            "sortedset",
            "stream",
            "bitmap",
            "geo",
            "fast",
            "slow",
            "blocking",
            "dangerous",
            "scripting",
            "transaction",
            "pubsub",
            "connection",
        ];
        for _ in 0..=rng.below(5) {
            let sign = *rng.pick(&["+", "+", "-"]);
            let word = match rng.below(5) {
                0 | 1 => format!("{sign}@{}", rng.pick(CATEGORIES)),
                2 => format!("{sign}{}", rng.pick(commands).words[0]),
                3 => format!("{sign}{}", rng.pick(commands).name()),
                _ => (*rng.pick(&["+@all", "allcommands", "nocommands"])).to_owned(),
            };
            self.words.push(word);
        }
        const PATTERNS: &[&str] =
            &["*", "s*", "l*", "z*", "h?sh", "[a-i]*", "dst", "none", "stream", "*t", "w_*", "\\*"];
        for _ in 0..rng.below(5) {
            let pattern = (*rng.pick(PATTERNS)).to_owned();
            let (mark, reads, writes) =
                *rng.pick(&[("~", true, true), ("%R~", true, false), ("%W~", false, true), ("%RW~", true, true)]);
            self.words.push(format!("{mark}{pattern}"));
            // No pattern may follow the one that grants all.
            let is_all = pattern == "*" && reads && writes;
            self.keys.push((pattern, reads, writes));
            if is_all {
                break;
            }
        }
        if rng.one_in(3) {
            self.words.push((*rng.pick(&["&*", "&ch", "&c*", "resetchannels"])).to_owned());
        }
    }

    fn grants(&self, key: &[u8], writes: bool) -> bool {
        let is_match = |pattern: &str| pattern == "*" || base::glob::matches(pattern.as_bytes(), key, false);
        self.keys.iter().any(|(pattern, _, may_write)| (*may_write || !writes) && is_match(pattern))
    }
}

/// Both servers, and a connection of the user to ours.
struct World<'a> {
    ours: &'a dyn Target,
    admins: [Connection; 2],
    events: Connection,
    user: Connection,
}

impl<'a> World<'a> {
    fn new(ours: &'a dyn Target, reference: &dyn Target) -> Result<World<'a>, String> {
        let mut events = ours.client();
        let mut world =
            World { ours, admins: [ours.client(), reference.client()], user: ours.client(), events: ours.client() };
        for line in ["CONFIG SET notify-keyspace-events KEAm", "CONFIG SET proto-max-bulk-len 1mb"] {
            world.admins[0].words(line).map_err(|why| why.to_string())?;
        }
        events.words("PSUBSCRIBE __keyspace@*__:*").map_err(|why| why.to_string())?;
        world.events = events;
        Ok(world)
    }

    fn set(&mut self, rules: &Rules) -> Result<(), String> {
        let mut words = vec!["ACL", "SETUSER", "u", "reset", "on", "nopass"];
        words.extend(rules.words.iter().map(String::as_str));
        for admin in &mut self.admins {
            match admin.call(&words) {
                Ok(Reply::Simple(_)) => {}
                other => return Err(format!("{}: {other:?}", words.join(" "))),
            }
        }
        self.refill()?;
        self.user = self.ours.client();
        self.user.words("AUTH u x").map(|_| ()).map_err(|why| why.to_string())
    }

    /// The data that every batch begins with.
    fn refill(&mut self) -> Result<(), String> {
        self.admins[0].words("FLUSHALL").map_err(|why| why.to_string())?;
        for unit in Draw::beginning() {
            if let Step::Send { argv, .. } = &unit[0] {
                self.admins[0].call(argv).map_err(|why| why.to_string())?;
            }
        }
        Ok(())
    }

    fn check(
        &mut self,
        drawn: &[Vec<Vec<u8>>],
        commands: &[Command],
        rules: &Rules,
        report: &mut Report,
    ) -> Result<(), String> {
        let dry_runs = |admin: &mut Connection| -> Result<Vec<Reply>, String> {
            let mut bytes = Vec::new();
            for argv in drawn {
                let words: Vec<&[u8]> =
                    [&b"ACL"[..], b"DRYRUN", b"u"].into_iter().chain(argv.iter().map(Vec::as_slice)).collect();
                encode(&words, &mut bytes);
            }
            admin.send_raw(&bytes);
            drawn.iter().map(|_| admin.read(PATIENCE).map_err(|why| why.to_string())).collect()
        };
        let (got, want) = (dry_runs(&mut self.admins[0])?, dry_runs(&mut self.admins[1])?);
        for ((argv, got), want) in drawn.iter().zip(&got).zip(&want) {
            report.verdicts += 1;
            report.granted += usize::from(is_ok(got));
            // It is none of the other server's commands: an argument may have come later.
            let is_unknown = matches!(want, Reply::Error(_));
            if refusal(argv, got) != refusal(argv, want) && !is_unknown && !self.is_explained(argv, want, got)? {
                let text = format!("ACL DRYRUN u {}\n  - {}\n  + {}", spell(argv), want.to_cli(), got.to_cli());
                report.differs(argv, rules, text);
            }
            if may_run(argv, commands) {
                self.run(argv, got, rules, report)?;
            }
        }
        self.refill()?;
        self.touched().map(|_| ())
    }

    /// Words that a command refuses name no keys for the one, and for the other they do: then nothing may come of it.
    fn is_explained(&mut self, argv: &[Vec<u8>], want: &Reply, got: &Reply) -> Result<bool, String> {
        let is_hole = HOLES.iter().any(|(name, _)| name.as_bytes() == argv[0]);
        let client = match (is_ok(want), is_ok(got)) {
            (false, true) => &mut self.user,
            (true, false) if is_hole => return Ok(true),
            (true, false) => &mut self.admins[0],
            _ => return Ok(false),
        };
        let reply = client.call(argv).map_err(|why| format!("{}: {why}", spell(argv)))?;
        Ok(matches!(reply, Reply::Error(_)))
    }

    /// Runs a command as the user, and compares with what the trial said.
    fn run(&mut self, argv: &[Vec<u8>], verdict: &Reply, rules: &Rules, report: &mut Report) -> Result<(), String> {
        self.touched()?;
        report.runs += 1;
        let reply = self.user.call(argv).map_err(|why| format!("{}: {why}", spell(argv)))?;
        // What a script may not do is refused when it does it.
        let is_refusal =
            |text: &[u8]| text.starts_with(b"NOPERM") && !text.starts_with(b"NOPERM ACL failure in script");
        let refused = matches!(&reply, Reply::Error(text) if is_refusal(text));
        let is_error = matches!(verdict, Reply::Error(_));
        if !is_error && refused == is_ok(verdict) {
            let text = format!("{}\n  DRYRUN: {}\n  run: {}", spell(argv), verdict.to_cli(), reply.to_cli());
            report.differs(argv, rules, text);
        }
        for (key, event) in self.touched()? {
            report.touched += 1;
            let writes = event != b"keymiss";
            // What a script or a flush does is not said by its keys.
            let names_keys = ![&b"FLUSHALL"[..], b"FLUSHDB", b"SWAPDB"].contains(&&*argv[0]);
            if names_keys && !rules.grants(&key, writes) {
                let text = format!("{} touched {} ({})", spell(argv), quote(&key), String::from_utf8_lossy(&event));
                report.differs(argv, rules, text);
            }
        }
        Ok(())
    }

    /// The keys of events since the last call.
    fn touched(&mut self) -> Result<Vec<Touch>, String> {
        self.admins[0].call(&["PUBLISH", "__keyspace@9__:end", "end"]).map_err(|why| why.to_string())?;
        let mut found = Vec::new();
        loop {
            let Ok(Reply::Array(parts)) = self.events.read(PATIENCE) else { return Err("no events come".into()) };
            let (Some(channel), Some(event)) =
                (parts.get(2).and_then(Reply::as_bytes), parts.get(3).and_then(Reply::as_bytes))
            else {
                continue;
            };
            if event == b"end" {
                return Ok(found);
            }
            if let Some(at) = channel.windows(3).position(|part| part == b"__:") {
                found.push((channel[at + 3..].to_vec(), event.to_vec()));
            }
        }
    }
}

/// What is told. 7.0 does not name the user; Redis's texts end at a zero byte, ours are text.
fn refusal(argv: &[Vec<u8>], reply: &Reply) -> String {
    let text = reply.to_cli().replace("This user has", "User u has");
    match argv.iter().flatten().all(|byte| (1..0x80).contains(byte)) {
        true => text,
        false => text.split('\'').next().unwrap_or_default().to_owned(),
    }
}

fn is_ok(reply: &Reply) -> bool {
    matches!(reply, Reply::Simple(text) if text == b"OK")
}

/// Whether a command may run in earnest: it must not wait, nor turn the connection into another one.
fn may_run(argv: &[Vec<u8>], commands: &[Command]) -> bool {
    let name = String::from_utf8_lossy(&argv[0]).to_lowercase();
    let waits = commands.iter().any(|command| command.may_wait && command.words[0] == name);
    // Events are those of the first database.
    !waits && !["select", "swapdb", "watch", "unwatch"].contains(&&*name)
}

fn spell(argv: &[Vec<u8>]) -> String {
    argv.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}
