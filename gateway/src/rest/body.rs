//! The body of a request, within the limits of size and time.

use axum::body::Body;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::peer::Peer;
use crate::respond;

/// All of it. Memory grows with what comes, never with what is announced.
pub(crate) async fn read(peer: &Peer, headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Response> {
    let max = peer.shared.node.settings.http_body_max();
    let announced = headers.get(CONTENT_LENGTH).and_then(|len| len.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|len| len > max as u64) {
        return Err(too_large());
    }
    let all = Limited::new(body, max).collect();
    match tokio::time::timeout(peer.time_limit(), all).await {
        Ok(Ok(body)) => Ok(body.to_bytes().into()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(respond::error(StatusCode::BAD_REQUEST, "ERR the body ended early")),
        Err(_) => Err(respond::error(StatusCode::REQUEST_TIMEOUT, "ERR the body did not come in time")),
    }
}

fn too_large() -> Response {
    respond::error(StatusCode::PAYLOAD_TOO_LARGE, "ERR the body is larger than http-body-max")
}
