//! The body of a request, within the limits of size and time.

use axum::body::Body;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::peer::Peer;

/// Why there is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BadBody {
    /// It exceeds `http-body-max`.
    TooLarge,
    /// It ended before its announced end.
    Broken,
    /// It did not come within `http-timeout`.
    Late,
}

impl BadBody {
    /// Its status and its words.
    pub(crate) fn explained(self) -> (StatusCode, &'static str) {
        match self {
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "ERR the body is larger than http-body-max"),
            Self::Broken => (StatusCode::BAD_REQUEST, "ERR the body ended early"),
            Self::Late => (StatusCode::REQUEST_TIMEOUT, "ERR the body did not come in time"),
        }
    }
}

/// All of it. Memory grows with what comes, never with what is announced.
pub(crate) async fn read(peer: &Peer, headers: &HeaderMap, body: Body) -> Result<Vec<u8>, BadBody> {
    let max = peer.shared.node.settings.http_body_max();
    let announced = headers.get(CONTENT_LENGTH).and_then(|len| len.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|len| len > max as u64) {
        return Err(BadBody::TooLarge);
    }
    let all = Limited::new(body, max).collect();
    match tokio::time::timeout(peer.time_limit(), all).await {
        Ok(Ok(body)) => Ok(body.to_bytes().into()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BadBody::TooLarge),
        Ok(Err(_)) => Err(BadBody::Broken),
        Err(_) => Err(BadBody::Late),
    }
}
