//! One connection of HTTP: who it is, whether it is busy, and the sessions that its requests take turns with.

use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use parking_lot::Mutex;
use tokio::net::TcpStream;

use crate::auth::Credentials;
use crate::session::{Fault, Session};
use crate::{Caller, Door, Shared};

/// Sessions that wait for the next request; the others end with theirs.
const RESTING_MAX: usize = 16;

/// See the module's head.
pub(crate) struct Peer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) caller: Caller,
    pub(crate) door: Door,
    /// It is of another machine, and these are not let in while no password protects the data.
    is_kept_out: bool,
    resting: Mutex<Vec<Session>>,
    work: Mutex<Work>,
}

struct Work {
    /// Requests whose answer is not out.
    open: usize,
    /// When the last one ended.
    since: Instant,
}

/// A request in work.
pub(crate) struct Busy(Arc<Peer>);

impl Drop for Busy {
    fn drop(&mut self) {
        let mut work = self.0.work.lock();
        work.open -= 1;
        work.since = Instant::now();
    }
}

impl Peer {
    pub(crate) fn new(shared: Arc<Shared>, stream: &TcpStream, from: SocketAddr, door: Door) -> Self {
        let node = &shared.node;
        let needs_password = node.settings.protected_mode() && node.acl.users.default_user().needs_no_password();
        let is_kept_out = needs_password && !from.ip().to_canonical().is_loopback();
        if is_kept_out {
            node.count_rejected_connection();
        }
        let laddr = stream.local_addr().map_or_else(|_| "?:0".into(), |at| at.to_string());
        let caller = Caller { addr: from.to_string(), laddr, fd: stream.as_raw_fd(), via: "http" };
        shared.connections.fetch_add(1, Relaxed);
        let work = Mutex::new(Work { open: 0, since: Instant::now() });
        Self { shared, caller, door, is_kept_out, resting: Mutex::default(), work }
    }

    /// A request begins.
    pub(crate) fn begin(self: &Arc<Self>) -> Busy {
        self.work.lock().open += 1;
        Busy(self.clone())
    }

    /// How long it may stay idle from now on.
    pub(crate) fn idle_rest(&self) -> Duration {
        let limit = self.time_limit();
        let work = self.work.lock();
        if work.open > 0 { limit } else { limit.saturating_sub(work.since.elapsed()) }
    }

    /// For headers, for a body, for idleness.
    pub(crate) fn time_limit(&self) -> Duration {
        Duration::from_secs(self.shared.node.settings.http_timeout().into())
    }

    /// A session of who the credentials say, one that is at rest or a new one.
    pub(crate) async fn session(&self, credentials: &Credentials) -> Result<Session, Fault> {
        if self.is_kept_out {
            return Err(Fault::KeptOut);
        }
        let users = &self.shared.node.acl.users;
        if *credentials == Credentials::None && !users.default_user().is_open() {
            return Err(Fault::Unauthorized);
        }
        let generation = users.generation();
        loop {
            let at_rest = {
                let mut resting = self.resting.lock();
                let place = resting.iter().position(|session| session.is_of(credentials));
                place.map(|place| resting.swap_remove(place))
            };
            let Some(mut session) = at_rest else {
                return Session::open(self, credentials.clone(), generation).await;
            };
            // Whoever may no longer sign in finds out now.
            if session.generation == generation && !session.is_over() {
                return Ok(session);
            }
        }
    }

    /// Keeps a session whose state is that of a new one.
    pub(crate) fn rest(&self, session: Session) {
        let mut resting = self.resting.lock();
        if resting.len() < RESTING_MAX {
            resting.push(session);
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.shared.connections.fetch_sub(1, Relaxed);
    }
}

/// The body of an answer: the request is in work until it is out.
pub(crate) struct Served {
    pub(crate) body: Body,
    pub(crate) _busy: Busy,
}

impl HttpBody for Served {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
