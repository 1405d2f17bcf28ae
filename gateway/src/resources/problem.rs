//! What went wrong, as RFC 9457 has it.

use std::borrow::Cow;

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use resp::Reply;
use serde_json::json;

use crate::body::BadBody;
use crate::respond;
use crate::session::Fault;

const TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// See the module's head.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    /// The server's code of the error, where it is one of its.
    code: Option<String>,
    detail: Cow<'static, str>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code: None, detail: detail.into() }
    }

    /// A request that cannot be understood.
    pub(crate) fn bad(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// The server's own refusal.
    pub(crate) fn of_error(line: &[u8]) -> Self {
        let line = String::from_utf8_lossy(line);
        let (code, text) = line.split_once(' ').unwrap_or((&line, ""));
        Self { status: status_of(code), code: Some(code.to_owned()), detail: text.to_owned().into() }
    }

    /// The reply, where it is none.
    pub(crate) fn refuse(reply: Reply) -> Result<Reply, Self> {
        match reply {
            Reply::Error(line) => Err(Self::of_error(&line)),
            reply => Ok(reply),
        }
    }
}

fn status_of(code: &str) -> StatusCode {
    match code {
        "NOPERM" => StatusCode::FORBIDDEN,
        "WRONGTYPE" => StatusCode::CONFLICT,
        "OWNED" | "STALELEASE" => StatusCode::LOCKED,
        "OOM" => StatusCode::INSUFFICIENT_STORAGE,
        "LOADING" | "BUSY" | "MASTERDOWN" | "MISCONF" | "READONLY" | "IOERR" => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let (status, text) = fault.explained();
        Self::new(status, text)
    }
}

impl From<BadBody> for Problem {
    fn from(bad: BadBody) -> Self {
        let (status, text) = bad.explained();
        Self::new(status, text)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { status, code, detail } = self;
        let title = status.canonical_reason().unwrap_or("error");
        let mut body = json!({ "title": title, "status": status.as_u16(), "detail": detail });
        if let Some(code) = code {
            body["code"] = code.into();
        }
        let mut response = respond::with(status, TYPE, body.to_string().into_bytes());
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"stateless\""));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// A path below `/v1` that is none.
pub(super) async fn unknown_path() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no such path")
}

/// A method that the path does not know.
pub(super) async fn wrong_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "the path does not know this method")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_statuses() {
        let problem = Problem::of_error(b"WRONGTYPE Operation against a key");
        assert_eq!((problem.status, &*problem.detail), (StatusCode::CONFLICT, "Operation against a key"));
        assert_eq!(Problem::of_error(b"ERR no").status, StatusCode::BAD_REQUEST);
        assert_eq!(Problem::of_error(b"NOPERM x").status, StatusCode::FORBIDDEN);
        assert!(Problem::refuse(Reply::Int(1)).is_ok());
    }
}
