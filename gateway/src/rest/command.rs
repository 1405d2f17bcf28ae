//! One command.

use axum::http::StatusCode;
use axum::response::Response;
use commands::node::Node;
use commands::spec::flag;
use commands::table::Row;

use super::{Asked, bad};
use crate::json;
use crate::respond::{self, BYTES, JSON};
use crate::rest::format::Format;
use crate::session::{leaves_no_trace, write_request};

/// Commands whose replies no single answer can hold, or that have none.
const STREAMS: &[&str] = &["monitor", "sync", "psync", "client|reply"];

/// The row of a command that can be answered here; None: the server will say that it knows none.
pub(super) fn admitted<W: AsRef<[u8]>>(node: &Node, words: &[W]) -> Result<Option<&'static Row>, String> {
    let Some(name) = words.first() else { return Err("ERR empty command".into()) };
    let row = node.table.resolve(name.as_ref(), words.get(1).map(AsRef::as_ref));
    let is_stream = |row: &Row| row.command.has(flag::MESSAGE) || STREAMS.contains(&&*row.name);
    match row.filter(|row| is_stream(row)) {
        Some(row) => Err(format!("ERR '{}' has no answer that fits a request of HTTP", row.name)),
        None => Ok(row),
    }
}

/// A command in the body.
pub(super) async fn run_body(asked: &Asked) -> Result<Response, Response> {
    let words = json::command(&asked.body).map_err(bad)?;
    run(asked, &words).await
}

/// A command in the path; a body is the word behind it, and the query's words come last.
pub(super) async fn run_path(
    asked: &Asked,
    mut words: Vec<Vec<u8>>,
    options: Vec<Vec<u8>>,
) -> Result<Response, Response> {
    if !asked.body.is_empty() {
        words.push(asked.body.clone());
    }
    words.extend(options);
    run(asked, &words).await
}

async fn run<W: AsRef<[u8]>>(asked: &Asked, words: &[W]) -> Result<Response, Response> {
    let peer = &asked.peer;
    let row = admitted(&peer.shared.node, words).map_err(bad)?;
    let mut request = Vec::new();
    write_request(&mut request, words);
    let mut session = peer.session(&asked.credentials).await?;
    let replies = session.ask(&request, 1).await?;
    if leaves_no_trace(row) {
        peer.rest(session);
    }
    let raw = replies.raw().next().unwrap_or_default();
    let status = if raw.starts_with(b"-") { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    Ok(match asked.format {
        Format::Resp2 => respond::with(status, BYTES, raw.to_vec()),
        Format::Json(strings) => {
            let mut body = Vec::new();
            json::push_outcome(&mut body, &replies.last(), strings);
            respond::with(status, JSON, body)
        }
    })
}
