//! The report itself.

use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use commands::client::{Client, Shared};
use commands::execute::execute;
use commands::node::Node;
use commands::node::core::Core;
use commands::request::OwnedRequest;
use resp::{Proto, Writer};

use super::signal::Caught;
use crate::log;

/// Writes the report into the log, part by part: what is hard to find out comes last.
pub(super) fn write(node: Option<Arc<Node>>, caught: Option<&Caught>) {
    let version = node
        .as_ref()
        .map_or_else(String::new, |node| node.settings.redis_version_reported().to_string_lossy().into_owned());
    log::last_words("\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===\n");
    if let Some(caught) = caught {
        log::warning(&format!("Redis {version} crashed by signal: {}, si_code: {}", caught.signal, caught.code));
        match caught.sender {
            Some((pid, uid)) => log::warning(&format!("Killed by PID: {pid}, UID: {uid}")),
            None => log::warning(&format!("Accessing address: {:#x}", caught.address)),
        }
    }
    log::last_words("\n------ STACK TRACE ------\n");
    let frames = caught.map_or_else(own_frames, |caught| caught.frames.clone());
    let thread = caught.map_or_else(String::new, |caught| format!("{} {} *\n", caught.thread, name_of(caught.thread)));
    log::last_words(&format!("{thread}{}\n------ STACK TRACE DONE ------\n", shown(&frames)));
    if let Some(node) = node {
        for (title, name, words) in [
            ("INFO OUTPUT", "info", &["INFO", "everything"]),
            ("CLIENT LIST OUTPUT", "client|list", &["CLIENT", "LIST"]),
        ] {
            let text = catch_unwind(AssertUnwindSafe(|| ask(&node, name, words)));
            log::last_words(&format!(
                "\n------ {title} ------\n{}\n",
                text.unwrap_or_else(|_| "(cannot be told)".into())
            ));
        }
    }
    log::last_words(
        "\n=== REDIS BUG REPORT END. Make sure to include from START to END. ===\n\n\
         The process is broken and ends now. Please report this with the lines above.\n\n",
    );
}

/// Writes where threads are into the log.
pub(super) fn look(threads: &[Caught]) {
    log::last_words("\n--- Received SIGALRM ---\n\n------ STACK TRACE ------\n");
    for caught in threads {
        log::last_words(&format!("{} {}\n{}\n", caught.thread, name_of(caught.thread), shown(&caught.frames)));
    }
    log::last_words("------ STACK TRACE DONE ------\n\n");
}

/// Where this thread is.
fn own_frames() -> Vec<usize> {
    let mut frames = Vec::new();
    backtrace::trace(|frame| {
        frames.push(frame.ip() as usize);
        true
    });
    frames
}

/// A line for each frame, and for each function that the compiler put into another.
fn shown(frames: &[usize]) -> String {
    let mut text = String::new();
    for &ip in frames {
        let mut is_known = false;
        backtrace::resolve(ip as *mut _, |symbol| {
            is_known = true;
            let name = symbol.name().map_or_else(|| "?".to_owned(), |name| name.to_string());
            let place =
                symbol.filename().map(|file| format!(" at {}:{}", file.display(), symbol.lineno().unwrap_or(0)));
            let _ = writeln!(text, "{ip:#x} {name}{}", place.unwrap_or_default());
        });
        if !is_known {
            let _ = writeln!(text, "{ip:#x} ?");
        }
    }
    text
}

fn name_of(thread: i32) -> String {
    let name = std::fs::read_to_string(format!("/proc/self/task/{thread}/comm")).unwrap_or_default();
    name.trim_end().to_owned()
}

/// What the instance answers to a command, by a core and a client of its own.
fn ask(node: &Arc<Node>, name: &str, words: &[&str]) -> String {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    let Some(row) = node.table.in_order().find(|row| *row.name == *name) else { return String::new() };
    let Ok(core) = Core::new(node, 0) else { return String::new() };
    // Its end would say that core 0 has left.
    let mut core = std::mem::ManuallyDrop::new(core);
    let shared = Arc::new(Shared::new(0, -1, String::new(), String::new(), base::clock::unix_ms()));
    let mut client = Client::new(node, shared);
    client.authenticated = true;
    let mut out = Writer::new(Proto::Resp2);
    execute(node, &mut core, &mut client, OwnedRequest::new(row, &words).request(), &mut out);
    let reply: Vec<u8> = out.take().into_iter().flat_map(|chunk| chunk.as_ref().to_vec()).collect();
    // Behind the length.
    String::from_utf8_lossy(&reply).split_once("\r\n").map_or_else(String::new, |(_, text)| text.replace("\r\n", "\n"))
}
