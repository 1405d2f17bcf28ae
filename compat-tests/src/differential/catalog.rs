//! The commands of a server with their argument trees, as its own COMMAND DOCS tells them: what is drawn is built from
//! the table, and a new command or option is tried as soon as it is declared.

use crate::connection::Connection;
use resp::Reply;
use std::collections::BTreeSet;

/// What is not drawn, by the first word or by both, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("acl", "changes what the rest of the run may do; compared by the runner of rules"),
    ("auth", "as above"),
    ("bgrewriteaof", "a job in the background: its result depends on the moment"),
    ("bgsave", "as above"),
    ("client", "about connections, of which each server has its own"),
    ("cluster", "no cluster"),
    ("command", "the tables differ by version; compared by the tests of the table"),
    ("config", "changes what the rest of the run means"),
    ("debug", "for tests of a server on itself"),
    ("failover", "no replicas"),
    ("fcall", "libraries are compared by their own transcripts"),
    ("fcall_ro", "as above"),
    ("function", "as above"),
    ("hello", "changes the protocol"),
    ("info", "tells of this server alone"),
    ("lastsave", "depends on the moment"),
    ("latency", "depends on the moment"),
    ("lolwut", "a picture of the version"),
    ("memory", "how much memory a value takes is the server's own"),
    ("migrate", "no other server"),
    ("module", "no modules"),
    ("monitor", "changes the connection"),
    ("pfdebug", "changes encodings"),
    ("pfselftest", "takes seconds"),
    ("psync", "no replicas"),
    ("replicaof", "no replicas"),
    ("replconf", "no replicas"),
    ("reset", "changes the connection"),
    ("quit", "closes the connection"),
    ("save", "writes files"),
    ("shutdown", "ends the server"),
    ("slaveof", "no replicas"),
    ("slowlog", "depends on the moment"),
    ("subscribe", "changes the connection"),
    ("psubscribe", "changes the connection"),
    ("ssubscribe", "changes the connection"),
    ("unsubscribe", "changes the connection"),
    ("punsubscribe", "changes the connection"),
    ("sunsubscribe", "changes the connection"),
    ("sync", "no replicas"),
    ("time", "depends on the moment"),
    ("graph", "our own"),
    ("multi", "drawn around others"),
    ("exec", "drawn around others"),
    ("discard", "drawn around others"),
    ("wait", "no replicas to wait for, and no bound on the wait"),
    ("waitaof", "as above"),
    ("role", "the offset of replication is the server's own"),
    ("script|debug", "of the real one: forks, or hangs"),
    ("script|kill", "needs a script that runs"),
];

/// A command with its grammar.
#[derive(Clone, Debug)]
pub struct Command {
    /// One word, or two for a subcommand.
    pub words: Vec<String>,
    pub group: String,
    pub args: Vec<Node>,
    /// Whether it may wait for keys.
    pub may_wait: bool,
}

impl Command {
    /// `xgroup|create`.
    pub fn name(&self) -> String {
        self.words.join("|")
    }
}

/// An argument.
#[derive(Clone, Debug, Default)]
pub struct Node {
    pub name: String,
    /// As COMMAND DOCS names types.
    pub kind: String,
    pub token: Option<String>,
    pub optional: bool,
    pub multiple: bool,
    pub multiple_token: bool,
    pub children: Vec<Node>,
}

/// The commands that both servers have, with the options that both have.
pub fn common(ours: &mut Connection, reference: &mut Connection, version: [u32; 2]) -> Result<Vec<Command>, String> {
    let theirs: BTreeSet<String> = match reference.words("COMMAND LIST") {
        Ok(Reply::Array(names)) => names.iter().map(text).collect(),
        other => return Err(format!("COMMAND LIST of the reference: {other:?}")),
    };
    let waiting = waiting(ours)?;
    let docs = match ours.words("COMMAND DOCS") {
        Ok(Reply::Array(items)) => items,
        other => return Err(format!("COMMAND DOCS: {other:?}")),
    };
    let mut commands = Vec::new();
    for pair in docs.chunks(2) {
        let name = text(&pair[0]);
        let subcommands = field(&pair[1], "subcommands");
        if let Some(Reply::Array(subcommands)) = subcommands {
            for sub in subcommands.chunks(2) {
                commands.push(command(&text(&sub[0]), &sub[1], version, waiting.contains(&name)));
            }
        } else {
            commands.push(command(&name, &pair[1], version, waiting.contains(&name)));
        }
    }
    let is_left_out = |command: &Command| {
        let name = command.name();
        // Each project has its own words for HELP.
        name.ends_with("|help") || LEFT_OUT.iter().any(|(word, _)| *word == command.words[0] || *word == name)
    };
    commands.retain(|command| theirs.contains(&command.name()) && !is_left_out(command));
    if commands.len() < 100 {
        return Err(format!("only {} commands in common: is COMMAND DOCS whole?", commands.len()));
    }
    Ok(commands)
}

fn waiting(server: &mut Connection) -> Result<BTreeSet<String>, String> {
    match server.words("COMMAND LIST FILTERBY ACLCAT blocking") {
        Ok(Reply::Array(names)) => Ok(names.iter().map(text).collect()),
        other => Err(format!("COMMAND LIST FILTERBY: {other:?}")),
    }
}

fn command(name: &str, docs: &Reply, version: [u32; 2], may_wait: bool) -> Command {
    let args = field(docs, "arguments").map(|args| nodes(args, version)).unwrap_or_default();
    let group = field(docs, "group").map(text).unwrap_or_default();
    Command { words: name.split('|').map(str::to_owned).collect(), group, args, may_wait }
}

fn nodes(args: &Reply, version: [u32; 2]) -> Vec<Node> {
    let Reply::Array(args) = args else { return Vec::new() };
    let known = args.iter().filter(|arg| field(arg, "since").is_none_or(|since| is_known(&text(since), version)));
    known.map(|arg| node(arg, version)).collect()
}

fn node(arg: &Reply, version: [u32; 2]) -> Node {
    let flags: Vec<String> = match field(arg, "flags") {
        Some(Reply::Array(flags)) => flags.iter().map(text).collect(),
        _ => Vec::new(),
    };
    let has = |name: &str| flags.iter().any(|flag| flag == name);
    Node {
        name: field(arg, "name").map(text).unwrap_or_default(),
        kind: field(arg, "type").map(text).unwrap_or_default(),
        token: field(arg, "token").map(text),
        optional: has("optional"),
        multiple: has("multiple"),
        multiple_token: has("multiple_token"),
        children: field(arg, "arguments").map(|args| nodes(args, version)).unwrap_or_default(),
    }
}

/// Whether a server of `version` (major, minor) has what came with `since`.
fn is_known(since: &str, version: [u32; 2]) -> bool {
    let mut parts = since.split('.').map(|part| part.parse().unwrap_or(0));
    [parts.next().unwrap_or(0), parts.next().unwrap_or(0)] <= version
}

/// A field of a map in the form of RESP2.
fn field<'a>(map: &'a Reply, name: &str) -> Option<&'a Reply> {
    let Reply::Array(items) = map else { return None };
    items.chunks(2).find(|pair| text(&pair[0]) == name).and_then(|pair| pair.get(1))
}

fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(reply.as_bytes().unwrap_or_default()).to_lowercase()
}
