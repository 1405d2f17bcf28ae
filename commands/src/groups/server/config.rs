//! CONFIG and its subcommands.

use std::sync::atomic::Ordering::Relaxed;

use commands_macros::command;
use settings::{Caller, Effect, Extent, LogLevel, SetError, Spec};

use super::is_local;
use crate::args::{Many, Pair};
use crate::client::Origin;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::node::Node;
use crate::reply::Ok as Done;
use crate::request::Request;
use crate::spec::{ArgDoc, ArgType, Command};

pub(crate) static CONFIG: Command = Command::container(
    "CONFIG",
    "2.0.0",
    "Holds the commands about the server's settings.",
    &[&GET, &HELP, &RESETSTAT, &REWRITE, &SET],
);

/// Answers the settings that match some patterns.
#[command(
    "GET",
    since = "2.0.0",
    complexity = "O(N) when N is the number of configuration parameters provided",
    flags(ADMIN | NOSCRIPT | LOADING | STALE)
)]
pub(crate) fn get(ctx: &mut Ctx, parameter: Many<&[u8]>) -> Result<()> {
    let patterns: Vec<&[u8]> = parameter.words().iter().collect();
    let found = ctx.node.settings.get(&patterns);
    ctx.out.map(found.len());
    for (name, value) in found {
        ctx.out.bulk(&name);
        ctx.out.bulk(&value);
    }
    Ok(())
}

/// Sets some settings, or none of them.
#[command(
    "SET",
    since = "2.0.0",
    complexity = "O(N) when N is the number of configuration parameters provided",
    flags(ADMIN | NOSCRIPT | LOADING | STALE | SETTINGS),
    tips("request_policy:all_nodes", "response_policy:all_succeeded"),
    secrets(is_secret),
    args(
        ArgDoc::block("data", &[ArgDoc::new("parameter", ArgType::String), ArgDoc::new("value", ArgType::String)])
            .multiple()
    )
)]
pub(crate) fn set(ctx: &mut Ctx, data: Many<Pair<&[u8], &[u8]>>) -> Result<Done> {
    if !data.words().len().is_multiple_of(2) {
        return Err(Error::Arity);
    }
    let pairs: Vec<(&[u8], &[u8])> =
        data.iter().map(|pair| pair.map(|Pair(name, value)| (name, value))).collect::<Result<_>>()?;
    let caller = Caller { local: is_local(ctx), loading: ctx.node.loading.is_loading.load(Relaxed) };
    // A transaction goes on: nothing is to begin in the midst of it.
    let (node, waits) = (ctx.node, ctx.origin != Origin::Connection);
    let outcome = node.settings.set_with(&pairs, caller, &mut |spec| apply(node, spec, waits));
    match outcome {
        Ok(changed) => {
            for spec in changed.iter().filter(|spec| spec.effect == Effect::Stored) {
                let text = format!(
                    "'{}' is accepted and reported, but has no effect in this version of the server",
                    spec.name
                );
                node.host().log(LogLevel::Notice, &text);
            }
            Ok(Done)
        }
        Err(SetError::Loading) => Err(Error::Plain("LOADING Redis is loading the dataset in memory")),
        Err(error) => Err(Error::text(format!("ERR {error}"))),
    }
}

/// The value after a sensitive setting's name.
fn is_secret(request: &Request<'_>, index: usize) -> bool {
    let name = index.checked_sub(1).filter(|name| name % 2 == 0).and_then(|name| request.word(name));
    name.is_some_and(|name| {
        settings::table::specs()
            .any(|spec| spec.sensitive && spec.names().any(|known| known.as_bytes().eq_ignore_ascii_case(name)))
    })
}

/// Puts a changed setting into effect where that takes more than reading it.
fn apply(node: &Node, spec: &Spec, waits: bool) -> std::result::Result<(), String> {
    match spec.name {
        // Sockets that listen already stay, so that both may change in one command.
        "bind" => node.host().listen_again().map_err(|_| "Failed to bind to specified addresses.".to_owned()),
        "tls-port" => {
            node.host().follow_tls()?;
            node.host().listen_again().map_err(|_| "Unable to listen on this port. Check server logs.".to_owned())
        }
        name if name.starts_with("tls-") => node.host().follow_tls(),
        "port" => {
            node.host().listen_again().map_err(|_| "Unable to listen on this port. Check server logs.".to_owned())
        }
        "requirepass" => {
            node.acl.require_password(&node.settings.requirepass());
            Ok(())
        }
        "warm-tier-max-size" => {
            if let Some(tier) = node.warm.tier() {
                tier.set_bytes_max(node.settings.warm_tier_max_size());
            }
            Ok(())
        }
        "maxmemory" => {
            node.size_tier_cache();
            Ok(())
        }
        "maxclients" => node.host().make_room_for_clients(node.settings.maxclients()),
        "dir" => node.host().change_dir(),
        "loglevel" => {
            node.host().follow_log_level();
            Ok(())
        }
        "slowlog-log-slower-than" | "latency-monitor-threshold" => {
            node.monitoring.follow(&node.settings);
            Ok(())
        }
        "proc-title-template" | "crash-log-enabled" | "oom-score-adj" | "oom-score-adj-values" => {
            node.host().follow_process(spec.name)
        }
        "audit-log-classes" => node.follow_audit(),
        "notify-keyspace-events" => {
            node.follow_events();
            Ok(())
        }
        "appendfsync" => {
            node.keeper().follow_policy();
            Ok(())
        }
        "appendonly" => node.keeper().follow_switch(waits),
        "latency-tracking" => {
            if !node.settings.latency_tracking() {
                node.reset_histograms();
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Sets the statistics of INFO back to 0.
#[command(
    "RESETSTAT",
    since = "2.0.0",
    complexity = "O(1)",
    flags(ADMIN | NOSCRIPT | LOADING | STALE | SETTINGS),
    tips("request_policy:all_nodes", "response_policy:all_succeeded")
)]
pub(crate) fn resetstat(ctx: &mut Ctx) -> Result<Done> {
    ctx.node.reset_statistics();
    Ok(Done)
}

/// Writes the settings as they are now into the configuration file.
#[command(
    "REWRITE",
    since = "2.8.0",
    complexity = "O(1)",
    flags(ADMIN | NOSCRIPT | LOADING | STALE | SETTINGS),
    tips("request_policy:all_nodes", "response_policy:all_succeeded")
)]
pub(crate) fn rewrite(ctx: &mut Ctx) -> Result<Done> {
    rewrite_file(ctx, Extent::Needed)
}

/// Rewrites the configuration file and logs how that went.
pub(super) fn rewrite_file(ctx: &Ctx, extent: Extent) -> Result<Done> {
    match ctx.node.settings.rewrite(ctx.node.user_lines().as_deref(), extent) {
        Ok(()) => {
            ctx.node.host().log(LogLevel::Notice, "CONFIG REWRITE executed with success.");
            Ok(Done)
        }
        Err(error) => {
            ctx.node.host().log(LogLevel::Warning, &format!("CONFIG REWRITE failed: {error}"));
            Err(Error::text(format!("ERR {error}")))
        }
    }
}

/// Answers the subcommands with a line about each.
#[command("HELP", since = "5.0.0", complexity = "O(1)", flags(LOADING | STALE))]
pub(crate) fn help(ctx: &mut Ctx) -> Result<()> {
    crate::reply::help(
        ctx.out,
        "CONFIG",
        &[
            "GET <pattern> [<pattern> ...]",
            "    Return the settings whose names match a <pattern>.",
            "SET <directive> <value> [<directive> <value> ...]",
            "    Change settings, all or none.",
            "RESETSTAT",
            "    Set the statistics of INFO back to zero.",
            "REWRITE",
            "    Write the settings into the configuration file.",
        ],
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, check3};

    #[test]
    fn get_and_set() {
        check(
            r#"
            > CONFIG GET maxmemory
            1) "maxmemory"
            2) "0"
            > CONFIG SET maxmemory 1mb maxmemory-samples 7
            OK
            > CONFIG GET maxmemory maxmemory-samples
            1) "maxmemory"
            2) "1048576"
            3) "maxmemory-samples"
            4) "7"
            > CONFIG SET maxmemory 1 maxmemory-samples
            (error) ERR wrong number of arguments for 'config|set' command
            > CONFIG SET maxmemory 2 nope 3
            (error) ERR Unknown option or number of arguments for CONFIG SET - 'nope'
            > CONFIG SET databases 3
            (error) ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config
            > CONFIG REWRITE
            (error) ERR The server is running without a config file
            > CONFIG RESETSTAT
            OK
            > CONFIG what
            (error) ERR unknown subcommand 'what'. Try CONFIG HELP.
            "#,
        );
        check3("> CONFIG GET port\n1# \"port\" => \"6379\"");
    }
}
