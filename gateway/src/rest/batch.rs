//! Several commands in one request: one after the other, or as a transaction.

use axum::http::StatusCode;
use axum::response::Response;
use commands::spec::flag;
use resp::Reply;

use super::command::admitted;
use super::format::Format;
use super::{Asked, bad};
use crate::json;
use crate::respond::{self, BYTES, JSON};
use crate::session::{leaves_no_trace, write_request};

/// One after the other: commands of others may come in between, and each has its own outcome.
pub(super) async fn pipeline(asked: &Asked) -> Result<Response, Response> {
    let commands = json::commands(&asked.body).map_err(bad)?;
    let peer = &asked.peer;
    let (mut request, mut can_rest) = (Vec::new(), true);
    for words in &commands {
        can_rest &= leaves_no_trace(admitted(&peer.shared.node, words).map_err(bad)?);
        write_request(&mut request, words);
    }
    let mut session = peer.session(&asked.credentials).await?;
    let replies = session.ask(&request, commands.len()).await?;
    if can_rest {
        peer.rest(session);
    }
    Ok(match asked.format {
        Format::Resp2 => {
            let mut body = format!("*{}\r\n", commands.len()).into_bytes();
            replies.raw().for_each(|raw| body.extend_from_slice(raw));
            respond::with(StatusCode::OK, BYTES, body)
        }
        Format::Json(strings) => {
            let mut body = Vec::new();
            push_outcomes(&mut body, replies.parsed(), strings);
            respond::with(StatusCode::OK, JSON, body)
        }
    })
}

/// All or, where one cannot be queued, none; JSON only.
pub(super) async fn transaction(asked: &Asked) -> Result<Response, Response> {
    let commands = json::commands(&asked.body).map_err(bad)?;
    let peer = &asked.peer;
    let (mut request, mut can_rest) = (Vec::new(), true);
    write_request(&mut request, &["MULTI"]);
    for words in &commands {
        let row = admitted(&peer.shared.node, words).map_err(bad)?;
        if let Some(row) = row.filter(|row| row.command.has(flag::UNQUEUED)) {
            return Err(bad(format!("ERR '{}' cannot be part of a transaction", row.name)));
        }
        can_rest &= leaves_no_trace(row);
        write_request(&mut request, words);
    }
    write_request(&mut request, &["EXEC"]);
    let mut session = peer.session(&asked.credentials).await?;
    let replies = session.ask(&request, commands.len() + 2).await?;
    if can_rest {
        // EXEC has ended what MULTI began.
        peer.rest(session);
    }
    let mut body = Vec::new();
    let status = match replies.last() {
        Reply::Array(outcomes) => {
            push_outcomes(&mut body, outcomes.into_iter(), asked.format.strings());
            StatusCode::OK
        }
        // Discarded as a whole: the first refusal says why, where there is one.
        whole => {
            let refusal = replies.parsed().find(|reply| matches!(reply, Reply::Error(_)));
            json::push_outcome(&mut body, &explained(&whole, refusal), asked.format.strings());
            StatusCode::BAD_REQUEST
        }
    };
    Ok(respond::with(status, JSON, body))
}

/// Why a transaction was discarded.
fn explained(whole: &Reply, refusal: Option<Reply>) -> Reply {
    match (whole, refusal) {
        (Reply::Error(whole), Some(Reply::Error(refusal))) if *whole != refusal => {
            let (whole, refusal) = (String::from_utf8_lossy(whole), String::from_utf8_lossy(&refusal));
            Reply::Error(format!("{whole} The first of them: {refusal}").into_bytes())
        }
        _ => whole.clone(),
    }
}

fn push_outcomes(body: &mut Vec<u8>, replies: impl Iterator<Item = Reply>, strings: json::Strings) {
    body.push(b'[');
    for (index, reply) in replies.enumerate() {
        if index > 0 {
            body.push(b',');
        }
        json::push_outcome(body, &reply, strings);
    }
    body.push(b']');
}
