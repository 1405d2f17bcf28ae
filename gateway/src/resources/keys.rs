//! `/v1/keys/{key}`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Request};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::percent_decode_str;
use resp::Reply;

use super::Problem;
use super::condition::Conditions;
use super::read::{self, Found, Part, words};
use super::write::{self, Ttl};
use crate::auth::Credentials;
use crate::body;
use crate::peer::Peer;
use crate::rest::form_pairs;
use crate::session::{Session, write_request};

pub(super) const PREFIX: &str = "/v1/keys/";
/// Milliseconds that a key has left.
const TTL_MS: HeaderName = HeaderName::from_static("stateless-ttl-ms");
/// Who loses the race for a key this often hears of it.
const TRIES_MAX: usize = 16;

/// What a request says beside its body.
struct Asked {
    key: Vec<u8>,
    credentials: Credentials,
    conditions: Conditions,
    part: Part,
    ttl: Ttl,
}

impl Asked {
    fn of(headers: &HeaderMap, uri: &Uri) -> Result<Self, Problem> {
        let (mut part, mut ttl, mut token, mut is_base64) = (Part::default(), Ttl::None, None, false);
        for (name, value) in form_pairs(uri.query().unwrap_or_default()) {
            match &name[..] {
                b"start" => part.start = Some(value),
                b"stop" => part.stop = Some(value),
                b"count" => part.count = Some(value),
                b"ttl" => ttl = Ttl::of_seconds(&value)?,
                b"ttl_ms" => ttl = Ttl::of_ms(&value)?,
                b"encoding" if value == b"base64" => is_base64 = true,
                b"_token" => token = Some(value),
                _ => return Err(Problem::bad(format!("unknown parameter {}", String::from_utf8_lossy(&name)))),
            }
        }
        let path = uri.path().strip_prefix(PREFIX).unwrap_or_default();
        let mut key: Vec<u8> = percent_decode_str(path).collect();
        if is_base64 {
            key = URL_SAFE_NO_PAD.decode(&key).map_err(|_| Problem::bad("the key is no base64url"))?;
        }
        let credentials = Credentials::of(headers, token.as_deref());
        Ok(Self { key, credentials, conditions: Conditions::of(headers), part, ttl })
    }
}

/// GET and HEAD.
pub(super) async fn read(Extension(peer): Extension<Arc<Peer>>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::of(request.headers(), request.uri())?;
    let mut session = peer.session(&asked.credentials).await?;
    let found = read::read(&mut session, &asked.key, &asked.part, false).await?;
    peer.rest(session);
    let tag = found.as_ref().map(Found::tag);
    if !asked.conditions.admit_match(tag.as_deref()) {
        return Err(failed());
    }
    let Some(found) = found else { return Err(missing()) };
    let is_fresh = !asked.conditions.admit_none_match(tag.as_deref());
    let mut response = tagged(if is_fresh { StatusCode::NOT_MODIFIED } else { StatusCode::OK }, tag.as_deref());
    let headers = response.headers_mut();
    let mut lifetime = "private, no-cache".to_owned();
    if found.ttl_ms >= 0 {
        headers.insert(TTL_MS, found.ttl_ms.into());
        lifetime = format!("private, max-age={}", found.ttl_ms / 1000);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::try_from(lifetime).map_err(|_| missing())?);
    if !is_fresh {
        headers.insert(CONTENT_TYPE, found.kind.media_type(request.headers()));
        // A value is what somebody stored: no browser is to guess what it might be.
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        *response.body_mut() = Body::from(found.body);
    }
    Ok(response)
}

/// PUT.
pub(super) async fn write(Extension(peer): Extension<Arc<Peer>>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let asked = Asked::of(&parts.headers, &parts.uri)?;
    let body = body::read(&peer, &parts.headers, body).await?;
    let put = write::Put::new(&asked.key, &parts.headers, &body)?;
    let mut session = peer.session(&asked.credentials).await?;
    for _ in 0..TRIES_MAX {
        let mut ttl = asked.ttl;
        if !asked.conditions.is_empty() || put.loses(ttl) {
            let found = look(&mut session, &asked).await?;
            let left_ms = found.map_or(-1, |found| found.ttl_ms);
            ttl = if put.loses(ttl) { Ttl::left(left_ms) } else { ttl };
        }
        let Some(outcomes) = read::transaction(&mut session, &put.commands(ttl)).await? else { continue };
        peer.rest(session);
        let mut outcomes = outcomes.into_iter().map(Problem::refuse).collect::<Result<Vec<_>, _>>()?;
        let is_new = outcomes.first() == Some(&Reply::Int(0));
        let tag = put.tag(outcomes.pop());
        return Ok(tagged(if is_new { StatusCode::CREATED } else { StatusCode::NO_CONTENT }, Some(&tag)));
    }
    Err(Problem::new(StatusCode::CONFLICT, "the key changed all the time"))
}

/// DELETE.
pub(super) async fn remove(Extension(peer): Extension<Arc<Peer>>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::of(request.headers(), request.uri())?;
    let mut session = peer.session(&asked.credentials).await?;
    for _ in 0..TRIES_MAX {
        if !asked.conditions.is_empty() {
            look(&mut session, &asked).await?;
        }
        let commands = [words![b"DEL", asked.key]];
        let Some(mut outcomes) = read::transaction(&mut session, &commands).await? else { continue };
        peer.rest(session);
        let was_there = Problem::refuse(outcomes.pop().unwrap_or(Reply::Int(0)))? != Reply::Int(0);
        return if was_there { Ok(tagged(StatusCode::NO_CONTENT, None)) } else { Err(missing()) };
    }
    Err(Problem::new(StatusCode::CONFLICT, "the key changed all the time"))
}

/// Watches the key and looks whether the conditions hold. Where they do not, the session, which watches, ends.
async fn look(session: &mut Session, asked: &Asked) -> Result<Option<Found>, Problem> {
    let mut request = Vec::new();
    write_request(&mut request, &[b"WATCH", &asked.key[..]]);
    Problem::refuse(session.ask(&request, 1).await?.last())?;
    let found = read::read(session, &asked.key, &Part::default(), true).await?;
    let tag = found.as_ref().map(Found::tag);
    let conditions = &asked.conditions;
    if conditions.admit_match(tag.as_deref()) && conditions.admit_none_match(tag.as_deref()) {
        return Ok(found);
    }
    Err(failed())
}

fn tagged(status: StatusCode, tag: Option<&str>) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(tag).ok()) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

fn missing() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is no such key")
}

fn failed() -> Problem {
    Problem::new(StatusCode::PRECONDITION_FAILED, "the key is not as the request wants it")
}
