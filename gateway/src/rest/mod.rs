//! The contract of Upstash at the root: a command in the body or in the path, pipelines, transactions, and messages as
//! server-sent events. Clients that were written for it work unchanged.

mod batch;
mod command;
mod format;
mod path;
mod stream;

use std::sync::Arc;

use axum::extract::{Extension, Request};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;

use crate::auth::Credentials;
use crate::body;
use crate::peer::Peer;
use crate::respond::{self, SYNC_TOKEN};
use format::Format;
use path::Target;
pub(crate) use path::form_pairs;

/// The token in a query.
pub(crate) fn query_token(uri: &Uri) -> Option<Vec<u8>> {
    path::query(uri.query().unwrap_or_default()).token
}

/// A request that is read.
struct Asked {
    peer: Arc<Peer>,
    credentials: Credentials,
    format: Format,
    body: Vec<u8>,
}

/// Answers whatever is no path of ours: it is a command.
pub(crate) async fn root(Extension(peer): Extension<Arc<Peer>>, request: Request) -> Response {
    let shared = peer.shared.clone();
    let mut response = match answer(peer, request).await {
        Ok(response) | Err(response) => response,
    };
    let count = shared.answers.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    if let Ok(token) = HeaderValue::from_str(&format!("{}-{count:x}", &shared.node.run_id[..8])) {
        response.headers_mut().insert(SYNC_TOKEN, token);
    }
    response
}

async fn answer(peer: Arc<Peer>, request: Request) -> Result<Response, Response> {
    let (parts, body) = request.into_parts();
    if ![Method::GET, Method::HEAD, Method::POST, Method::PUT].contains(&parts.method) {
        return Err(respond::wrong_method("GET, HEAD, POST, PUT"));
    }
    let has_body = [Method::POST, Method::PUT].contains(&parts.method);
    let query = path::query(parts.uri.query().unwrap_or_default());
    let credentials = Credentials::of(&parts.headers, query.token.as_deref());
    let target = Target::of(parts.uri.path());
    if !has_body && matches!(target, Target::Command | Target::Pipeline | Target::Transaction) {
        return Err(respond::wrong_method("POST, PUT"));
    }
    let format = Format::of(&parts.headers).map_err(bad)?;
    let body = if has_body { body::read(&peer, &parts.headers, body).await? } else { Vec::new() };
    let asked = Asked { peer, credentials, format, body };
    match target {
        Target::Command => command::run_body(&asked).await,
        Target::Path(words) => command::run_path(&asked, words, query.words).await,
        Target::Pipeline => batch::pipeline(&asked).await,
        Target::Transaction => batch::transaction(&asked).await,
        Target::Stream(words) => stream::open(&asked, words).await,
    }
}

/// A request that cannot be understood.
fn bad(text: impl AsRef<str>) -> Response {
    respond::error(StatusCode::BAD_REQUEST, text.as_ref())
}
