//! Server-sent events out of a session. The client's own pace is the stream's: what he does not read waits with the
//! session, under the limits of a subscriber's output.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::Response;
use futures_util::stream;
use resp::Reply;

use crate::session::Session;

/// A comment after so long without an event: proxies keep what moves, and who is gone is noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Makes the data of an event of a message.
type Line = fn(&Reply) -> Vec<u8>;

/// The first reply, then whatever the session gets, each as an event.
pub(crate) fn stream(session: Session, first: Reply, line: Line) -> Response {
    let next = move |(mut session, first): (Session, Option<Reply>)| async move {
        let event = match first {
            Some(first) => event(&line(&first)),
            None => match tokio::time::timeout(HEARTBEAT, session.next()).await {
                Ok(Ok(reply)) => event(&line(&reply)),
                Ok(Err(_)) => return None,
                Err(_) => Bytes::from_static(b":\n\n"),
            },
        };
        Some((Ok::<_, Infallible>(event), (session, None)))
    };
    let mut response = Response::new(Body::from_stream(stream::unfold((session, Some(first)), next)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// Data with line breaks is several lines of one event.
fn event(data: &[u8]) -> Bytes {
    let mut event = Vec::with_capacity(data.len() + 8);
    for line in data.split(|&byte| byte == b'\n') {
        event.extend_from_slice(b"data: ");
        event.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        event.push(b'\n');
    }
    event.push(b'\n');
    event.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events() {
        assert_eq!(&event(b"message,a,b")[..], b"data: message,a,b\n\n");
        assert_eq!(&event(b"a\r\nb\n")[..], b"data: a\ndata: b\ndata: \n\n");
    }
}
