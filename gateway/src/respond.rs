//! Answers of the contract at the root: JSON with a status, and why a request got no reply.

use axum::body::Body;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;

use crate::body::BadBody;
use crate::json;
use crate::session::Fault;

/// Says which of two answers is newer. Whoever sends it back reads his own writes, as everybody here does.
pub(crate) const SYNC_TOKEN: HeaderName = HeaderName::from_static("upstash-sync-token");

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(crate) const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");
/// Answers about data are nobody else's, and old at once.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// A body of a type.
pub(crate) fn with(status: StatusCode, content_type: HeaderValue, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}

/// `{"error": ...}`
pub(crate) fn error(status: StatusCode, text: &str) -> Response {
    let mut body = Vec::new();
    json::push_error(&mut body, text);
    with(status, JSON, body)
}

/// A method that the path does not know.
pub(crate) fn wrong_method(allowed: &'static str) -> Response {
    let mut response = error(StatusCode::METHOD_NOT_ALLOWED, "ERR method not allowed");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

impl Fault {
    /// Its status and its words.
    pub(crate) fn explained(self) -> (StatusCode, &'static str) {
        match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "Unauthorized"),
            Self::KeptOut => (
                StatusCode::FORBIDDEN,
                "DENIED protected mode is on and no password is set for the default user: only clients of this \
                 machine are served. Set a password ('requirepass'), or turn the mode off ('protected-mode no').",
            ),
            Self::Full => (StatusCode::SERVICE_UNAVAILABLE, "ERR max number of clients reached"),
            Self::Ended => (StatusCode::SERVICE_UNAVAILABLE, "ERR the server closed this request's connection"),
        }
    }
}

impl From<BadBody> for Response {
    fn from(bad: BadBody) -> Self {
        let (status, text) = bad.explained();
        error(status, text)
    }
}

impl From<Fault> for Response {
    fn from(fault: Fault) -> Self {
        let (status, text) = fault.explained();
        let mut response = error(status, text);
        if fault == Fault::Unauthorized {
            let scheme = HeaderValue::from_static("Bearer realm=\"stateless\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        }
        response
    }
}
