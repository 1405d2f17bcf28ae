//! Sends requests and takes the time of each, on one thread.
//!
//! At a fixed rate every request has an intended time, given by the rate alone, and its latency counts from there:
//! a server that stalls is charged for every request that should have been sent meanwhile (no coordinated
//! omission). Without a rate each connection sends its next pipeline when the last one is answered.
//!
//! Invariant: the n-th reply on a connection answers the n-th request on it, so times are a queue per connection.

use crate::replies::ReplyCounter;
use crate::requests::{Command, Requests};
use crate::summary::{Summary, WINDOW_NS, Window};
use hdrhistogram::Histogram;
use rustix::event::epoll;
use rustix::fd::{AsFd, OwnedFd};
use rustix::time::{TimerfdClockId, TimerfdFlags, TimerfdTimerFlags};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// What to send, and for how long.
#[derive(Clone)]
pub struct Config {
    pub address: SocketAddr,
    pub command: Command,
    pub connections: usize,
    pub pipeline: usize,
    pub keyspace: u64,
    pub value_len: usize,
    /// Requests per second; as fast as possible without.
    pub rate: Option<f64>,
    pub duration: Duration,
    /// Ends the run before its duration.
    pub requests: Option<u64>,
    /// The first number of the keys that are new.
    pub first_new: u64,
    pub seed: u64,
    /// The exponent of Zipf's law by which keys are drawn; None: all alike.
    pub zipf: Option<f64>,
}

/// Shorter waits are spent awake, because a timer would come too late.
const SPIN_NS: u64 = 30_000;
/// How long the last replies may take.
const LINGER_NS: u64 = 10_000_000_000;
/// The epoll token of the timer.
const TIMER: u64 = u64::MAX;

struct Client {
    stream: TcpStream,
    out: Vec<u8>,
    written: usize,
    /// When each request that is under way was intended.
    intended: VecDeque<u64>,
    counter: ReplyCounter,
}

struct Generator {
    config: Config,
    clients: Vec<Client>,
    requests: Requests,
    epoll: OwnedFd,
    timer: OwnedFd,
    start: Instant,
    sent: u64,
    next_client: usize,
    summary: Summary,
    buffer: Vec<u8>,
}

/// Runs to the end of the duration and waits for the last replies.
pub fn run(config: &Config) -> io::Result<Summary> {
    let mut generator = Generator::connect(config.clone())?;
    generator.start = Instant::now();
    if config.rate.is_none() {
        for i in 0..generator.clients.len() {
            generator.send_pipeline(i, 0)?;
        }
    }
    let mut events = Vec::with_capacity(1024);
    loop {
        let now = generator.now();
        generator.send_due(now)?;
        let under_way = generator.clients.iter().any(|client| !client.intended.is_empty());
        if generator.is_over(now) && (!under_way || now > generator.end_ns() + LINGER_NS) {
            break;
        }
        generator.wait(now, &mut events)?;
        for event in &events {
            let event: &epoll::Event = event;
            if event.data.u64() != TIMER {
                generator.serve(event.data.u64() as usize)?;
            }
        }
    }
    Ok(generator.finish())
}

impl Generator {
    fn connect(config: Config) -> io::Result<Generator> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK)?;
        epoll::add(&epoll, &timer, epoll::EventData::new_u64(TIMER), epoll::EventFlags::IN | epoll::EventFlags::ET)?;
        let mut clients = Vec::with_capacity(config.connections);
        for i in 0..config.connections {
            let stream = TcpStream::connect(config.address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let interest = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
            epoll::add(&epoll, stream.as_fd(), epoll::EventData::new_u64(i as u64), interest)?;
            let (out, intended, counter) = Default::default();
            clients.push(Client { stream, out, written: 0, intended, counter });
        }
        let summary = Summary {
            requests: 0,
            elapsed_ns: 0,
            latencies: Histogram::new_with_max(3_600_000_000_000, 3).map_err(io::Error::other)?,
            windows: Vec::new(),
            errors: 0,
            first_error: None,
            nils: 0,
            unanswered: 0,
            rate: config.rate,
            in_flight: (config.connections * config.pipeline) as f64,
        };
        let mut requests =
            Requests::new(config.command, config.keyspace, config.value_len, config.first_new, config.seed);
        requests.set_zipf(config.zipf);
        Ok(Generator {
            config,
            clients,
            requests,
            epoll,
            timer,
            start: Instant::now(),
            sent: 0,
            next_client: 0,
            summary,
            buffer: vec![0; 256 * 1024],
        })
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    fn end_ns(&self) -> u64 {
        self.config.duration.as_nanos() as u64
    }

    fn is_over(&self, now: u64) -> bool {
        now >= self.end_ns() || self.config.requests.is_some_and(|requests| self.sent >= requests)
    }

    /// When the n-th request is due at the fixed rate.
    fn due_ns(rate: f64, n: u64) -> u64 {
        (n as f64 * 1e9 / rate) as u64
    }

    /// Sends everything that is due at the fixed rate, a pipeline to each connection in turn.
    fn send_due(&mut self, now: u64) -> io::Result<()> {
        let Some(rate) = self.config.rate else { return Ok(()) };
        // After a stall of the generator itself the backlog is sent too: its intended times are in the past.
        while !self.is_over(now) && Self::due_ns(rate, self.sent) <= now {
            let client = self.next_client;
            self.next_client = (client + 1) % self.clients.len();
            for _ in 0..self.config.pipeline {
                let due = Self::due_ns(rate, self.sent);
                if due > now || self.is_over(now) {
                    break;
                }
                self.queue(client, due);
            }
            self.flush(client)?;
        }
        Ok(())
    }

    fn send_pipeline(&mut self, client: usize, now: u64) -> io::Result<()> {
        for _ in 0..self.config.pipeline {
            self.queue(client, now);
        }
        self.flush(client)
    }

    fn queue(&mut self, client: usize, intended: u64) {
        let client = &mut self.clients[client];
        self.requests.push(&mut client.out);
        client.intended.push_back(intended);
        self.sent += 1;
    }

    fn flush(&mut self, client: usize) -> io::Result<()> {
        let client = &mut self.clients[client];
        while client.written < client.out.len() {
            match client.stream.write(&client.out[client.written..]) {
                Ok(n) => client.written += n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()), // epoll tells when it goes on
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        client.out.clear();
        client.written = 0;
        Ok(())
    }

    /// Waits for a reply, or until the next request is due.
    fn wait(&self, now: u64, events: &mut Vec<epoll::Event>) -> io::Result<()> {
        let next = match self.config.rate {
            Some(rate) if !self.is_over(now) => Self::due_ns(rate, self.sent).saturating_sub(now),
            _ => 100_000_000,
        };
        let mut timeout = None;
        if next < SPIN_NS {
            timeout = Some(rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 });
        } else {
            let value = rustix::time::Timespec {
                tv_sec: (next / 1_000_000_000) as i64,
                tv_nsec: (next % 1_000_000_000) as i64,
            };
            let once = rustix::time::Itimerspec {
                it_interval: rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 },
                it_value: value,
            };
            rustix::time::timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
        }
        events.clear();
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(events), timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    fn serve(&mut self, index: usize) -> io::Result<()> {
        if !self.clients[index].out.is_empty() {
            self.flush(index)?;
        }
        loop {
            let client = &mut self.clients[index];
            match client.stream.read(&mut self.buffer) {
                Ok(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed a connection")),
                Ok(n) => {
                    let replies = client.counter.count(&self.buffer[..n]);
                    self.record(index, replies);
                    if n < self.buffer.len() {
                        break;
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        let now = self.now();
        if self.config.rate.is_none() && self.clients[index].intended.is_empty() && !self.is_over(now) {
            self.send_pipeline(index, now)?;
        }
        Ok(())
    }

    fn record(&mut self, index: usize, replies: u64) {
        let now = self.now();
        let at = (now / WINDOW_NS) as usize;
        if self.summary.windows.len() <= at {
            self.summary.windows.resize(at + 1, Window::default());
        }
        let window = &mut self.summary.windows[at];
        for _ in 0..replies {
            let Some(intended) = self.clients[index].intended.pop_front() else { break };
            let latency = now.saturating_sub(intended).max(1);
            self.summary.latencies.saturating_record(latency);
            window.replies += 1;
            window.max_ns = window.max_ns.max(latency);
        }
    }

    fn finish(mut self) -> Summary {
        self.summary.elapsed_ns = self.now();
        self.summary.requests = self.sent;
        for client in &mut self.clients {
            self.summary.unanswered += client.intended.len() as u64;
            self.summary.errors += client.counter.errors;
            self.summary.nils += client.counter.nils;
            self.summary.first_error = self.summary.first_error.take().or(client.counter.first_error.take());
        }
        self.summary
    }
}
