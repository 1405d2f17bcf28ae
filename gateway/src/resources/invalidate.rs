//! `POST /v1/invalidate`.

use std::sync::Arc;

use axum::extract::{Extension, Request};
use axum::http::StatusCode;
use axum::response::Response;
use resp::Reply;
use serde_json::{Value, json};

use super::Problem;
use crate::auth::Credentials;
use crate::body;
use crate::peer::Peer;
use crate::respond::{self, JSON};
use crate::rest::query_token;
use crate::session::write_request;

/// `{"patterns": ["user:1"], "cascade": true, "dry_run": false}`
pub(super) async fn invalidate(Extension(peer): Extension<Arc<Peer>>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let credentials = Credentials::of(&parts.headers, query_token(&parts.uri).as_deref());
    let body = body::read(&peer, &parts.headers, body).await?;
    let (words, is_dry) = words(&body)?;
    let mut request = Vec::new();
    write_request(&mut request, &words);
    let mut session = peer.session(&credentials).await?;
    let reply = Problem::refuse(session.ask(&request, 1).await?.last())?;
    peer.rest(session);
    let answer = if is_dry { json!({ "would_remove": plan(&reply) }) } else { json!({ "removed": count(&reply) }) };
    Ok(respond::with(StatusCode::OK, JSON, answer.to_string().into_bytes()))
}

/// The command, and whether it is to do nothing.
fn words(body: &[u8]) -> Result<(Vec<String>, bool), Problem> {
    let json: Value =
        serde_json::from_slice(body).map_err(|error| Problem::bad(format!("the body is no JSON: {error}")))?;
    let Value::Object(fields) = json else { return Err(Problem::bad("the body is to be an object")) };
    let (mut words, mut cascades, mut is_dry) = (vec!["INVALIDATE".to_owned()], true, false);
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("patterns", Value::Array(patterns)) => {
                for pattern in patterns {
                    let Value::String(pattern) = pattern else { return Err(Problem::bad("patterns are strings")) };
                    words.push(escaped(pattern));
                }
            }
            ("cascade", Value::Bool(is)) => cascades = is,
            ("dry_run", Value::Bool(is)) => is_dry = is,
            (name, _) => return Err(Problem::bad(format!("{name} is no field of this request, or of another type"))),
        }
    }
    if words.len() == 1 {
        return Err(Problem::bad("patterns names what is to go"));
    }
    if !cascades {
        words.push("NOCASCADE".into());
    }
    if is_dry {
        words.push("DRYRUN".into());
    }
    Ok((words, is_dry))
}

/// A pattern that is spelled like an option of the command.
fn escaped(pattern: String) -> String {
    let is_option = ["NOCASCADE", "DRYRUN", "SOFT"].iter().any(|option| pattern.eq_ignore_ascii_case(option));
    if is_option { format!("\\{pattern}") } else { pattern }
}

fn count(reply: &Reply) -> i64 {
    if let Reply::Int(count) = reply { *count } else { 0 }
}

/// Keys, each with the edges that lead to it.
fn plan(reply: &Reply) -> Vec<Value> {
    let Reply::Array(all) = reply else { return Vec::new() };
    let text = |reply: &Reply| String::from_utf8_lossy(reply.as_bytes().unwrap_or_default()).into_owned();
    let one = |reply: &Reply| match reply {
        Reply::Array(parts) => parts
            .split_first()
            .map(|(key, edges)| json!({ "key": text(key), "edges": edges.iter().map(text).collect::<Vec<_>>() })),
        _ => None,
    };
    all.iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies() {
        let (found, is_dry) =
            words(br#"{"patterns":["a:*","soft"],"dry_run":true,"cascade":false}"#).expect("a request");
        assert_eq!((found.join(" "), is_dry), (r"INVALIDATE a:* \soft NOCASCADE DRYRUN".to_owned(), true));
        for body in ["", "[]", "{}", r#"{"patterns":[]}"#, r#"{"patterns":[1]}"#, r#"{"pattern":["a"]}"#] {
            assert!(words(body.as_bytes()).is_err(), "{body}");
        }
    }
}
