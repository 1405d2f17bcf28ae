//! CLIENT HELP.

use commands_macros::command;

use crate::ctx::Ctx;
use crate::error::Result;
use crate::reply;

const LINES: &[&str] = &[
    "CACHING (YES|NO)",
    "    Say whether the keys of the next command are tracked (OPTIN and OPTOUT modes).",
    "GETNAME",
    "    Show this connection's name.",
    "GETREDIR",
    "    Show the id of the connection that gets this one's invalidation messages.",
    "ID",
    "    Show this connection's id.",
    "INFO",
    "    Show this connection's line of CLIENT LIST.",
    "KILL <ip:port>",
    "    Close the connection from an address.",
    "KILL <filter> <value> [<filter> <value> [...]]",
    "    Close the connections that all filters admit:",
    "    * ADDR (<ip:port>|<unixsocket>:0), LADDR (<ip:port>|<unixsocket>:0)",
    "      The peer's address; the server's own.",
    "    * ID <client-id>, TYPE (NORMAL|MASTER|REPLICA|PUBSUB), USER <username>",
    "      One connection; those of a kind; those signed in as a user.",
    "    * MAXAGE <seconds>",
    "      Those at least so old.",
    "    * SKIPME (YES|NO)",
    "      Whether this connection is spared (default: yes).",
    "LAYER (CLIENT|EDGE|SERVER)",
    "    Say where this connection stands: what is placed in the server is written from there only.",
    "LEASE <token>",
    "    Act for a lease of this connection's user: write the keys that it owns.",
    "LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB) | ID <client-id> [<client-id> ...]]",
    "    Show connections, a line each.",
    "MAINT_NOTIFICATIONS (ON|OFF)",
    "    Choose whether to hear of maintenance.",
    "NO-EVICT (ON|OFF)",
    "    Spare this connection when clients use too much memory.",
    "NO-TOUCH (ON|OFF)",
    "    Leave the LRU and LFU state of keys as it is.",
    "PAUSE <milliseconds> [WRITE|ALL]",
    "    Make writes, or all commands, wait.",
    "REPLY (ON|OFF|SKIP)",
    "    Send replies, send none, or leave out the next one.",
    "SETINFO (LIB-NAME|LIB-VER) <value>",
    "    Note the name or version of the client's library.",
    "SETNAME <name>",
    "    Name this connection.",
    "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
    "         [OPTIN] [OPTOUT] [NOLOOP]",
    "    Help this client to cache keys on its side.",
    "TRACKINGINFO",
    "    Show how this connection is tracked.",
    "UNBLOCK <client-id> [TIMEOUT|ERROR]",
    "    Let a client go that waits for its keys.",
    "UNPAUSE",
    "    End a pause.",
];

/// Shows the subcommands.
#[command("HELP", since = "5.0.0", complexity = "O(1)", flags(LOADING | STALE))]
pub(crate) fn help(ctx: &mut Ctx) -> Result<()> {
    reply::help(ctx.out, "CLIENT", LINES);
    Ok(())
}
