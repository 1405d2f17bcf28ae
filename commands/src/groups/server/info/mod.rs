//! INFO: what the server knows of itself, by sections.

mod commands;
mod keysizes;
mod keyspace;
mod log;
mod memory;
mod process;
mod stats;
mod tier;

use std::fmt::{Display, Write};

use commands_macros::command;

use crate::args::Rest;
use crate::client::Origin;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::spec::{ArgDoc, ArgType};

pub(super) use self::keyspace::{Totals, totals};
pub(super) use memory::{Figures, Scripts, ratio};

/// Who sees a section.
#[derive(Clone, Copy, PartialEq)]
enum Shown {
    /// Everybody who asks for INFO.
    Always,
    /// Who asks for all.
    WithAll,
    /// Who asks for it by its name.
    ByName,
}

/// A section: its name in requests, its heading, who sees it, and what writes it.
struct Section {
    name: &'static str,
    heading: &'static str,
    shown: Shown,
    write: fn(&mut Ctx, &mut Text),
}

const fn section(name: &'static str, heading: &'static str, shown: Shown, write: fn(&mut Ctx, &mut Text)) -> Section {
    Section { name, heading, shown, write }
}

/// All sections in their order.
const SECTIONS: &[Section] = &[
    section("server", "Server", Shown::Always, process::server),
    section("clients", "Clients", Shown::Always, process::clients),
    section("memory", "Memory", Shown::Always, memory::memory),
    section("tier", "Tier", Shown::WithAll, tier::tier),
    section("persistence", "Persistence", Shown::Always, stats::persistence),
    section("threads", "Threads", Shown::Always, process::threads),
    section("stats", "Stats", Shown::Always, stats::stats),
    section("replication", "Replication", Shown::Always, stats::replication),
    section("cpu", "CPU", Shown::Always, process::cpu),
    section("modules", "Modules", Shown::Always, modules),
    section("commandstats", "Commandstats", Shown::WithAll, commands::command_stats),
    section("errorstats", "Errorstats", Shown::Always, commands::error_stats),
    section("latencystats", "Latencystats", Shown::WithAll, commands::latency_stats),
    section("cluster", "Cluster", Shown::Always, |_, text| text.field("cluster_enabled", 0)),
    section("keyspace", "Keyspace", Shown::Always, keyspace::keyspace),
    // A walk over all keys: only who asks for it by its name waits for it.
    section("keysizes", "Keysizes", Shown::Always, |_, _| {}),
    section("debug", "Debug", Shown::ByName, stats::debug),
];

fn modules(ctx: &mut Ctx, text: &mut Text) {
    for module in ctx.node.table.modules() {
        let (name, version) = (module.name, module.version);
        let rest = "api=1,filters=0,usedby=[],using=[],options=[]";
        text.field("module", format_args!("name={name},ver={version},{rest}"));
    }
}

/// The text under way.
#[derive(Default)]
struct Text(String);

impl Text {
    /// A line `name:value`.
    fn field(&mut self, name: &str, value: impl Display) {
        let _ = write!(self.0, "{name}:{value}\r\n");
    }

    /// A number of bytes, and the same for people.
    fn bytes(&mut self, name: &str, bytes: u64) {
        self.field(name, bytes);
        self.field(&format!("{name}_human"), base::size::human(bytes));
    }

    /// Fields with a value in common.
    fn same(&mut self, value: impl Display, names: &[&str]) {
        names.iter().for_each(|name| self.field(name, &value));
    }
}

/// Answers statistics and state as lines of text, by sections.
#[command(
    "INFO",
    since = "1.0.0",
    complexity = "O(1)",
    flags(LOADING | STALE),
    locks(Walk),
    categories(DANGEROUS),
    tips("nondeterministic_output", "request_policy:all_shards", "response_policy:special"),
    args(ArgDoc::new("section", ArgType::String).optional().multiple())
)]
pub(crate) fn info(ctx: &mut Ctx, sections: Rest) -> Result<()> {
    let asked: Vec<&[u8]> = sections.0.iter().collect();
    let is = |word: &str| asked.iter().any(|asked| asked.eq_ignore_ascii_case(word.as_bytes()));
    let (all, default) = (is("all") || is("everything"), asked.is_empty() || is("default"));
    let mut text = Text::default();
    for section in SECTIONS {
        // Who has no tier need not read of it.
        let by_default = section.shown == Shown::Always || section.name == "tier" && ctx.node.warm.is_on();
        let all = all && section.shown != Shown::ByName;
        if all || (default && by_default) || is(section.name) {
            if !text.0.is_empty() {
                text.0.push_str("\r\n");
            }
            let _ = write!(text.0, "# {}\r\n", section.heading);
            (section.write)(ctx, &mut text);
        }
    }
    for section in ctx.node.table.modules().iter().filter_map(|module| module.info.as_ref()) {
        if is("everything") || is("modules") || is(section.heading) {
            if !text.0.is_empty() {
                text.0.push_str("\r\n");
            }
            let _ = write!(text.0, "# {}\r\n", section.heading);
            (section.write)(ctx.node, &mut text.0);
        }
    }
    if is("keysizes") && ctx.origin == Origin::Connection {
        return keysizes::answer_later(ctx, text);
    }
    ctx.out.verbatim("txt", text.0.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Fixture;

    fn info(fixture: &mut Fixture, words: &[&[u8]]) -> String {
        let request: Vec<&[u8]> = std::iter::once(&b"INFO"[..]).chain(words.iter().copied()).collect();
        String::from_utf8(fixture.run(1, &request).expect("a reply")).expect("text")
    }

    #[test]
    fn what_is_for_developers_comes_by_its_name_alone() {
        let mut fixture = Fixture::new();
        fixture.tick();
        for words in [&[][..], &[&b"all"[..]], &[b"everything"]] {
            assert!(!info(&mut fixture, words).contains("eventloop_duration_cron_sum"));
        }
        let text = info(&mut fixture, &[b"debug"]);
        for field in ["aof_sum:0", "cron_sum:", "max:"] {
            assert!(text.contains(&format!("eventloop_duration_{field}")), "{field} in {text}");
        }
        assert!(text.contains("eventloop_cmd_per_cycle_max:") && text.contains("allocator_allocated_lua:"), "{text}");
    }

    #[test]
    fn sections_come_once_and_in_order() {
        let mut fixture = Fixture::new();
        let text = info(&mut fixture, &[b"CPU", b"default", b"server"]);
        assert_eq!(text.matches("# CPU").count(), 1);
        assert!(text.find("# Server") < text.find("# CPU"));
        assert!(!text.contains("# Commandstats"));
        assert!(info(&mut fixture, &[b"everything"]).contains("cmdstat_info:calls=1,"));
        assert_eq!(info(&mut fixture, &[b"nosuch"]), "$0\r\n\r\n");
    }

    #[test]
    fn keys_errors_and_calls_are_counted() {
        let mut fixture = Fixture::new();
        fixture.cli(1, "SET k v EX 100");
        fixture.cli(1, "GET k");
        fixture.cli(1, "LPUSH k v");
        let text = info(&mut fixture, &[b"all"]);
        assert!(text.contains("\r\ndb0:keys=1,expires=1,avg_ttl="), "{text}");
        assert!(text.contains("\r\nerrorstat_WRONGTYPE:count=1\r\n"), "{text}");
        assert!(text.contains("\r\nkeyspace_hits:1\r\n"), "{text}");
        assert!(text.contains("\r\nlatency_percentiles_usec_set:p50="), "{text}");
        fixture.cli(1, "CONFIG RESETSTAT");
        assert!(info(&mut fixture, &[b"stats"]).contains("\r\nkeyspace_hits:0\r\n"));
    }

    #[test]
    fn codes_without_end_end_the_count() {
        let mut fixture = Fixture::new();
        (0..200).for_each(|code| fixture.node.count_error(&format!("CODE{code}")));
        fixture.node.count_error("CODE1");
        let text = info(&mut fixture, &[b"errorstats"]);
        assert!(text.ends_with("# Errorstats\r\nerrorstat_ERRORSTATS_DISABLED:count=1\r\n\r\n"), "{text}");
        fixture.cli(1, "CONFIG RESETSTAT");
        fixture.node.count_error("CODE1");
        assert!(info(&mut fixture, &[b"errorstats"]).contains("errorstat_CODE1:count=1\r\n"));
    }
}
