//! `/metrics`: what INFO and its relatives say, under the names that redis_exporter gives it, and what only this server
//! has under `stateless_`. It is asked for like everything else, by a user who may.

mod info;
mod names;
mod text;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use axum::extract::{Extension, Request};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use resp::Reply;

use crate::auth::Credentials;
use crate::peer::Peer;
use crate::respond;
use crate::rest::query_token;
use crate::session::write_request;
use text::{Exposition, Kind};

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// What is asked, in one go.
const QUESTIONS: &[&[&str]] = &[
    &["INFO", "everything"],
    &["CONFIG", "GET", "maxmemory"],
    &["CONFIG", "GET", "maxclients"],
    &["SLOWLOG", "LEN"],
    &["SLOWLOG", "GET", "1"],
    &["LATENCY", "LATEST"],
    &["LATENCY", "HISTOGRAM"],
];

/// Answers a scrape.
pub(crate) async fn scrape(Extension(peer): Extension<Arc<Peer>>, request: Request) -> Result<Response, Response> {
    let credentials = Credentials::of(request.headers(), query_token(request.uri()).as_deref());
    let mut session = peer.session(&credentials).await?;
    let mut questions = Vec::new();
    QUESTIONS.iter().for_each(|words| write_request(&mut questions, words));
    let replies = session.ask(&questions, QUESTIONS.len()).await?;
    peer.rest(session);
    let replies: Vec<Reply> = replies.parsed().collect();
    if let Reply::Error(error) = &replies[0] {
        let status = if error.starts_with(b"NOPERM") { StatusCode::FORBIDDEN } else { StatusCode::SERVICE_UNAVAILABLE };
        return Err(respond::error(status, &String::from_utf8_lossy(error)));
    }
    let text = exposition(&peer, &replies).finish();
    Ok(respond::with(StatusCode::OK, TEXT, text.into_bytes()))
}

fn exposition(peer: &Peer, replies: &[Reply]) -> Exposition {
    let mut out = Exposition::default();
    out.add(Kind::Gauge, "redis_up", "Whether the server answers.", &[], 1);
    let text = String::from_utf8_lossy(replies[0].as_bytes().unwrap_or_default()).into_owned();
    let info = info::Info::of(&text);
    info.tell(&mut out, peer.shared.node.settings.databases() as usize);
    for (reply, name) in replies[1..3].iter().zip(["maxmemory", "maxclients"]) {
        if let Some(value) = elements(reply).get(1).and_then(as_text) {
            out.add(Kind::Gauge, &format!("redis_config_{name}"), "CONFIG GET.", &[], value);
        }
    }
    slow_log(&mut out, &replies[3], &replies[4]);
    spikes(&mut out, &replies[5]);
    histograms(&mut out, &info, &replies[6]);
    let connections = peer.shared.connections.load(Relaxed);
    out.add(Kind::Gauge, "stateless_http_connections", "Open connections of HTTP.", &[], connections);
    let answers = peer.shared.answers.load(Relaxed);
    out.add(Kind::Counter, "stateless_http_commands_total", "Requests of HTTP at the root.", &[], answers);
    out
}

fn elements(reply: &Reply) -> &[Reply] {
    match reply {
        Reply::Array(elements) => elements,
        _ => &[],
    }
}

fn as_text(reply: &Reply) -> Option<String> {
    match reply {
        Reply::Int(number) => Some(number.to_string()),
        other => other.as_bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned()),
    }
}

fn as_int(reply: Option<&Reply>) -> i64 {
    match reply {
        Some(Reply::Int(number)) => *number,
        _ => 0,
    }
}

fn slow_log(out: &mut Exposition, len: &Reply, newest: &Reply) {
    let newest = elements(newest).first().map_or(&[][..], elements);
    let seconds = as_int(newest.get(2)) as f64 / 1e6;
    out.add(Kind::Gauge, "redis_slowlog_length", "SLOWLOG LEN.", &[], as_int(Some(len)));
    out.add(Kind::Gauge, "redis_slowlog_last_id", "SLOWLOG GET 1: its number.", &[], as_int(newest.first()));
    let name = "redis_last_slow_execution_duration_seconds";
    out.add(Kind::Gauge, name, "SLOWLOG GET 1: how long it took.", &[], seconds);
}

/// LATENCY LATEST: name, when, how long, the longest.
fn spikes(out: &mut Exposition, latest: &Reply) {
    for event in elements(latest).iter().map(elements) {
        let Some(name) = event.first().and_then(as_text) else { continue };
        let labels = [("event_name", &*name)];
        out.add(Kind::Gauge, "redis_latency_spike_last", "LATENCY LATEST: when.", &labels, as_int(event.get(1)));
        let seconds = as_int(event.get(2)) as f64 / 1e3;
        out.add(Kind::Gauge, "redis_latency_spike_duration_seconds", "LATENCY LATEST: how long.", &labels, seconds);
    }
}

/// LATENCY HISTOGRAM: pairs of a command and its calls and buckets, which are cumulative already.
fn histograms(out: &mut Exposition, info: &info::Info<'_>, reply: &Reply) {
    const NAME: &str = "redis_commands_latencies_usec";
    const HELP: &str = "LATENCY HISTOGRAM.";
    let pairs = elements(reply);
    for (command, details) in pairs.iter().zip(pairs.iter().skip(1)).step_by(2) {
        let (Some(command), details) = (as_text(command), elements(details)) else { continue };
        let calls = as_int(details.get(1)).to_string();
        let buckets = details.get(3).map_or(&[][..], elements);
        for (bound, count) in buckets.iter().zip(buckets.iter().skip(1)).step_by(2) {
            let bound = as_int(Some(bound)).to_string();
            let labels = [("cmd", &*command), ("le", &*bound)];
            out.part(Kind::Histogram, NAME, "_bucket", HELP, &labels, as_int(Some(count)));
        }
        out.part(Kind::Histogram, NAME, "_bucket", HELP, &[("cmd", &command), ("le", "+Inf")], &calls);
        out.part(Kind::Histogram, NAME, "_sum", HELP, &[("cmd", &command)], info.usec_of(&command));
        out.part(Kind::Histogram, NAME, "_count", HELP, &[("cmd", &command)], &calls);
    }
}
