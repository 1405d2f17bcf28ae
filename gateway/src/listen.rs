//! Connections of HTTP: accepted within the limits, served as HTTP/1.1 or HTTP/2 by what they begin with, and closed
//! when nothing comes from them for too long.
//!
//! A client who sends his headers or his body slowly is an idle one: what counts is whole requests.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use crate::peer::{Peer, Served};
use crate::{Door, Shared};

/// The head of a request.
const HEAD_BYTES_MAX: usize = 32 * 1024;
const HEADERS_MAX: usize = 100;
/// Requests that one connection of HTTP/2 has in work.
const STREAMS_MAX: u32 = 128;
/// Requests of HTTP/2 that a client may take back before they are looked at.
const RESETS_MAX: usize = 32;
/// Between two signs of life that HTTP/2 asks for.
const PING_EVERY: Duration = Duration::from_secs(30);
/// What a connection that is to end has for its last answers.
const LAST_WORDS: Duration = Duration::from_secs(2);
const AFTER_ERROR: Duration = Duration::from_millis(10);

/// Accepts until the thread ends.
pub(crate) async fn accept(shared: Arc<Shared>, socket: std::net::TcpListener, door: Door, router: Router) {
    let Ok(listener) = TcpListener::from_std(socket) else { return };
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                if let Some(peer) = admit(&shared, &stream, from, &door) {
                    tokio::spawn(serve(Arc::new(peer), stream, router.clone()));
                }
            }
            // No file is left, or the server is on its way down: a little later it can or needs no more.
            Err(_) => tokio::time::sleep(AFTER_ERROR).await,
        }
    }
}

/// A connection that may stay.
fn admit(shared: &Arc<Shared>, stream: &TcpStream, from: SocketAddr, door: &Door) -> Option<Peer> {
    let settings = &shared.node.settings;
    let others = shared.node.clients.len() + shared.connections.load(Relaxed);
    if others >= settings.maxclients() as usize {
        shared.node.count_rejected_connection();
        return None;
    }
    prepare(stream, settings.tcp_keepalive()).ok()?;
    Some(Peer::new(shared.clone(), stream, from, door.clone()))
}

/// Answers leave at once, and a peer that is gone without a word is noticed.
fn prepare(stream: &TcpStream, keepalive_seconds: u32) -> io::Result<()> {
    stream.set_nodelay(true)?;
    if keepalive_seconds > 0 {
        let period = Duration::from_secs(keepalive_seconds.into());
        let probes = socket2::TcpKeepalive::new().with_time(period).with_interval(period / 3).with_retries(3);
        socket2::SockRef::from(stream).set_tcp_keepalive(&probes)?;
    }
    Ok(())
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // Time is looked after below, for both versions.
    builder.http1().header_read_timeout(None).max_buf_size(HEAD_BYTES_MAX).max_headers(HEADERS_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .max_pending_accept_reset_streams(RESETS_MAX);
    builder
}

/// Serves a connection until it ends, or is idle for longer than `http-timeout`.
async fn serve(peer: Arc<Peer>, stream: TcpStream, router: Router) {
    let service = service_fn(|request: Request<Incoming>| {
        let (router, peer) = (router.clone(), peer.clone());
        async move {
            let busy = peer.begin();
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            let Ok(response) = router.oneshot(request).await;
            Ok::<_, Infallible>(response.map(|body| Served { body, _busy: busy }))
        }
    });
    let builder = builder();
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    loop {
        tokio::select! {
            // How it ended concerns nobody: the peer is gone.
            _ = connection.as_mut() => return,
            () = tokio::time::sleep(peer.idle_rest()) => {}
        }
        if peer.idle_rest().is_zero() {
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(LAST_WORDS, connection.as_mut()).await;
            return;
        }
    }
}
