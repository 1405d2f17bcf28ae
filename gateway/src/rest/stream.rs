//! Messages as server-sent events, for as long as the client stays.

use axum::response::Response;
use commands::spec::category;
use resp::Reply;

use super::{Asked, bad};
use crate::session::write_request;
use crate::{json, sse};

/// Runs SUBSCRIBE, PSUBSCRIBE or MONITOR; a refusal is an answer like any other.
pub(super) async fn open(asked: &Asked, words: Vec<Vec<u8>>) -> Result<Response, Response> {
    let mut request = Vec::new();
    write_request(&mut request, &words);
    let mut session = asked.peer.session(&asked.credentials).await?;
    let first = session.ask(&request, 1).await?.last();
    if let Reply::Error(text) = &first {
        return Err(bad(String::from_utf8_lossy(text)));
    }
    let is_monitor =
        asked.peer.shared.node.table.find(&words[0]).is_none_or(|row| row.categories & category::PUBSUB == 0);
    let line = if is_monitor { monitor_line } else { message_line };
    Ok(sse::stream(session, first, line))
}

/// `message,channel,text`
fn message_line(reply: &Reply) -> Vec<u8> {
    let Reply::Array(parts) = reply else { return Vec::new() };
    let part = |reply: &Reply| match reply {
        Reply::Int(number) => number.to_string().into_bytes(),
        other => other.as_bytes().unwrap_or_default().to_vec(),
    };
    parts.iter().map(part).collect::<Vec<_>>().join(&b","[..])
}

/// The command as MONITOR shows it; the first line is `"OK"`.
fn monitor_line(reply: &Reply) -> Vec<u8> {
    match reply {
        Reply::Simple(text) if text == b"OK" => {
            let mut line = Vec::new();
            json::push_text(&mut line, "OK");
            line
        }
        other => other.as_bytes().unwrap_or_default().to_vec(),
    }
}
