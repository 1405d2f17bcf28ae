//! The conversation with the server that keys go to.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{Journey, Route, Traveller};

/// A connection is kept for so long, and no more than so many are.
const KEPT: Duration = Duration::from_secs(10);
const KEPT_MAX: usize = 64;
/// Replies are read after so many requests: a target that cannot get rid of its replies reads no more.
const WINDOW: usize = 512;
/// An error of a target is no longer.
const LINE_MAX: u64 = 16 << 10;

struct Target {
    address: (String, u16),
    /// The database that it has selected; None: nobody knows.
    db: Option<i64>,
    stream: BufReader<TcpStream>,
    used: Instant,
}

/// Connections for the next time.
#[derive(Default)]
pub(super) struct Sockets {
    idle: Mutex<Vec<Target>>,
    count: AtomicUsize,
}

impl Sockets {
    pub(super) fn len(&self) -> usize {
        self.count.load(SeqCst)
    }

    pub(super) fn close_idle(&self, now: Instant) {
        if self.len() > 0 {
            let mut idle = self.idle.lock();
            idle.retain(|target| now.duration_since(target.used) < KEPT);
            self.count.store(idle.len(), SeqCst);
        }
    }

    fn take(&self, route: &Route) -> Option<Target> {
        let mut idle = self.idle.lock();
        let at = idle.iter().position(|target| target.address.0 == route.host && target.address.1 == route.port)?;
        let target = idle.swap_remove(at);
        self.count.store(idle.len(), SeqCst);
        Some(target)
    }

    fn keep(&self, mut target: Target) {
        let mut idle = self.idle.lock();
        if idle.len() >= KEPT_MAX {
            let oldest = idle.iter().enumerate().min_by_key(|(_, target)| target.used).map_or(0, |(at, _)| at);
            idle.swap_remove(oldest);
        }
        target.used = Instant::now();
        idle.push(target);
        self.count.store(idle.len(), SeqCst);
    }
}

/// Why a conversation ended early.
enum Broken {
    Connecting,
    Writing(io::Error),
    Reading(io::Error),
}

impl Broken {
    /// Redis's words.
    fn line(&self) -> &'static str {
        match self {
            Self::Connecting => "IOERR error or timeout connecting to the client",
            Self::Writing(_) => "IOERR error or timeout writing to target instance",
            Self::Reading(_) => "IOERR error or timeout reading to target instance",
        }
    }

    /// The target had closed a connection that was kept.
    fn was_stale(&self) -> bool {
        let kind = match self {
            Self::Connecting => return false,
            Self::Writing(error) | Self::Reading(error) => error.kind(),
        };
        !matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
    }
}

/// Sends what has not arrived, and notes what did and what went wrong.
pub(super) fn send(sockets: &Sockets, journey: &mut Journey) {
    journey.round += 1;
    let kept = sockets.take(&journey.route);
    let mut may_retry = kept.is_some();
    let mut target = kept;
    loop {
        let broken = match target.take().map_or_else(|| connect(&journey.route), Ok) {
            Ok(mut connected) => match talk(&mut connected, journey) {
                Ok(()) => return sockets.keep(connected),
                Err(broken) => broken,
            },
            Err(broken) => broken,
        };
        let nothing_arrived = !journey.travellers.iter().any(|traveller| traveller.has_arrived);
        if std::mem::take(&mut may_retry) && broken.was_stale() && nothing_arrived {
            continue;
        }
        journey.error.get_or_insert_with(|| broken.line().to_owned());
        return;
    }
}

fn connect(route: &Route) -> Result<Target, Broken> {
    let addresses = (&*route.host, route.port).to_socket_addrs().map_err(|_| Broken::Connecting)?;
    let timeout = Duration::from_millis(route.timeout_ms);
    let mut result = Err(Broken::Connecting);
    for address in addresses {
        result = TcpStream::connect_timeout(&address, timeout).map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut => Broken::Connecting,
            // Redis notices a refusal when it writes.
            _ => Broken::Writing(error),
        });
        if result.is_ok() {
            break;
        }
    }
    let stream = result?;
    // Without it small writes wait; it is no reason to give up.
    let _ = stream.set_nodelay(true);
    let address = (route.host.clone(), route.port);
    Ok(Target { address, db: Some(0), stream: BufReader::new(stream), used: Instant::now() })
}

fn talk(target: &mut Target, journey: &mut Journey) -> Result<(), Broken> {
    let Journey { route, travellers, error, .. } = journey;
    let timeout = Some(Duration::from_millis(route.timeout_ms));
    let socket = target.stream.get_ref();
    let limits = socket.set_read_timeout(timeout).and_then(|()| socket.set_write_timeout(timeout));
    limits.map_err(|_| Broken::Connecting)?;
    let mut head = Vec::new();
    let (needs_auth, needs_db) = (!route.auth.is_empty(), target.db != Some(route.db));
    if needs_auth {
        let words: Vec<&[u8]> = [&b"AUTH"[..]].into_iter().chain(route.auth.iter().map(|word| &**word)).collect();
        push(&mut head, &words);
    }
    if needs_db {
        push(&mut head, &[b"SELECT", route.db.to_string().as_bytes()]);
        target.db = None;
    }
    let mut refusal = None;
    let mut greetings = usize::from(needs_auth) + usize::from(needs_db);
    for window in travellers.chunks_mut(WINDOW) {
        let requests = std::mem::take(&mut head);
        target.stream.get_mut().write_all(&requests).map_err(Broken::Writing)?;
        for traveller in window.iter() {
            let request = request_for(traveller, route);
            target.stream.get_mut().write_all(&request).map_err(Broken::Writing)?;
        }
        for _ in 0..std::mem::take(&mut greetings) {
            refusal = refusal.or(read_refusal(target)?);
        }
        if needs_db && refusal.is_none() {
            target.db = Some(route.db);
        }
        for traveller in window.iter_mut() {
            let answer = read_refusal(target)?;
            match refusal.clone().or(answer) {
                None => (traveller.has_arrived, traveller.was_there) = (true, true),
                Some(why) => {
                    error.get_or_insert_with(|| format!("ERR Target instance replied with error: {why}"));
                }
            }
        }
    }
    Ok(())
}

fn request_for(traveller: &Traveller, route: &Route) -> Vec<u8> {
    let mut request = Vec::new();
    let Some(payload) = &traveller.payload else {
        push(&mut request, &[b"DEL", &traveller.key]);
        return request;
    };
    // What expires meanwhile expires there: 0 would be for ever.
    let left_ms = traveller.deadline_ms.map_or(0, |at_ms| (at_ms - base::clock::unix_ms()).max(1));
    let ttl = left_ms.to_string();
    let words: [&[u8]; 5] = [b"RESTORE", &traveller.key, ttl.as_bytes(), payload, b"REPLACE"];
    let count = if route.replaces || traveller.was_there { 5 } else { 4 };
    push(&mut request, &words[..count]);
    request
}

/// Appends a request.
fn push(request: &mut Vec<u8>, words: &[&[u8]]) {
    request.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        request.extend_from_slice(word);
        request.extend_from_slice(b"\r\n");
    }
}

/// Reads a reply, which is one line: what it says when it is an error.
fn read_refusal(target: &mut Target) -> Result<Option<String>, Broken> {
    let mut line = Vec::new();
    let mut source = io::Read::take(&mut target.stream, LINE_MAX);
    source.read_until(b'\n', &mut line).map_err(Broken::Reading)?;
    let Some(text) = line.strip_suffix(b"\r\n") else {
        return Err(Broken::Reading(io::ErrorKind::UnexpectedEof.into()));
    };
    match text.split_first() {
        Some((b'-', why)) => Ok(Some(String::from_utf8_lossy(why).into_owned())),
        Some((b'+' | b':', _)) => Ok(None),
        _ => Err(Broken::Reading(io::ErrorKind::InvalidData.into())),
    }
}
