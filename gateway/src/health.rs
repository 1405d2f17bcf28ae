//! `/livez`, `/readyz`, `/healthz`: for who asks often, needs no password, and is to learn nothing else.

use std::sync::Arc;

use axum::extract::Extension;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use crate::peer::Peer;
use crate::respond;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// It answers: it lives.
pub(crate) async fn live() -> Response {
    respond::with(StatusCode::OK, TEXT, b"ok\n".to_vec())
}

/// Whether requests are worth sending here.
pub(crate) async fn ready(Extension(peer): Extension<Arc<Peer>>) -> Response {
    match peer.shared.node.unreadiness() {
        None => respond::with(StatusCode::OK, TEXT, b"ok\n".to_vec()),
        Some(why) => respond::with(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{why}\n").into_bytes()),
    }
}
