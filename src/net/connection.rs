//! One connection: read, run what is whole, write, once around for each readiness.
//!
//! It is one hand-written future, so that an idle connection costs its socket, its client state and nothing
//! else: buffers belong to the core and are only borrowed while a batch runs; a connection has buffers of its
//! own only while a command is incomplete or a reply does not fit the socket.

mod aside;
mod guest;
mod output;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future as _;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use commands::client::signal;
use commands::node::Node;
use commands::node::blocking::LetGo;
use commands::node::clients::SHRINK_AFTER_MS;
use commands::node::core::Core;
use resp::Writer;
use tokio::io::ReadBuf;
use tokio::time::{Instant, Sleep};

pub(crate) use guest::Guest;

use super::batch::{self, Batch};
use super::socket::{Accepted, Socket};
use crate::durability::holds::Holds;
use crate::durability::journal::Journal;
use crate::placement::Placement;

/// What the connections of one core share.
pub(crate) struct CoreLocal {
    pub(crate) node: Arc<Node>,
    pub(crate) index: usize,
    pub(crate) core: RefCell<Core>,
    pub(crate) holds: std::rc::Rc<Holds>,
    pub(crate) placement: RefCell<Placement>,
    pub(crate) scratch: RefCell<Scratch>,
}

impl CoreLocal {
    #[inline]
    fn count_written(&self, bytes: usize) {
        let core = self.core.borrow();
        core.stats.writes.add(1);
        core.stats.net_output_bytes.add(bytes as u64);
    }
}

/// Buffers that are in use only while a batch runs.
pub(crate) struct Scratch {
    input: Vec<u8>,
    out: Writer,
    batch: Batch,
}

/// Bytes that one read takes at most into the core's buffer.
const INPUT_SIZE: usize = 64 * 1024;
/// Bytes that one read takes at most into a connection's own buffer.
const OWN_READ_MAX: usize = 1024 * 1024;
/// Commands after which a connection lets others run.
const TURN_LEN: usize = 256;
/// A connection that does not read its replies is not read from either, from so many bytes on.
const OUTPUT_BACKLOG_MAX: usize = 64 * 1024 * 1024;
/// Messages from this size on are not copied to join others.
const JOINED_MAX: usize = 8 * 1024;
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl Default for Scratch {
    fn default() -> Self {
        let mut out = Writer::new(resp::Proto::Resp2);
        // Memory that every core will need counts from the start, not against the first keys under `maxmemory`.
        out.reserve(INPUT_SIZE);
        Self { input: vec![0; INPUT_SIZE], out, batch: Batch::default() }
    }
}

/// A connection on its way from one core to another.
pub(crate) struct Moving {
    socket: Accepted,
    guest: Guest,
    input: Vec<u8>,
    input_peak: usize,
    needed: usize,
}

impl Moving {
    /// The connection on its new core; None where the system cannot watch its socket.
    pub(crate) fn arrive(self, local: &std::rc::Rc<CoreLocal>) -> Option<Connection> {
        let Self { socket, guest, input, input_peak, needed } = self;
        guest.client.shared.core.store(local.index, Relaxed);
        let socket = socket.register().ok()?;
        Some(Connection { input, input_peak, needed, ..Connection::new(local.clone(), socket, guest) })
    }
}

/// How a connection left its core.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Left {
    /// It is over.
    Ended,
    /// It goes on with another core.
    For(usize),
}

/// See the module's head.
pub(crate) struct Connection {
    local: std::rc::Rc<CoreLocal>,
    socket: Socket,
    guest: Guest,
    /// The start of a command that is not whole.
    input: Vec<u8>,
    /// The longest input since the room in `input` was last looked at.
    input_peak: usize,
    /// Bytes that `input` must have before it is worth parsing.
    needed: usize,
    /// Replies that did not fit the socket.
    output: VecDeque<Bytes>,
    output_bytes: usize,
    /// The place in the log that must be settled before `output` may leave; 0: none.
    held_for: u64,
    /// The same of what the log's task was asked to wake for.
    asked_for: u64,
    has_waker: bool,
    /// Until when CLIENT PAUSE holds the command at the start of `input`.
    pause: Option<Pin<Box<Sleep>>>,
    /// Until when the client waits for keys.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    pub(crate) fn new(local: std::rc::Rc<CoreLocal>, socket: Socket, guest: Guest) -> Self {
        Self {
            local,
            socket,
            guest,
            input: Vec::new(),
            input_peak: 0,
            needed: 1,
            output: VecDeque::new(),
            output_bytes: 0,
            held_for: 0,
            asked_for: 0,
            has_waker: false,
            pause: None,
            deadline: None,
        }
    }

    /// Serves it until it ends or is to go to another core; an error of its socket is an end.
    pub(crate) fn poll_steps(&mut self, cx: &mut Context<'_>) -> Poll<Left> {
        self.poll_until_left(cx).map(|left| left.unwrap_or(Left::Ended))
    }

    /// Takes it out of this core; None where the system does not let go of its socket.
    pub(crate) fn leave(self) -> Option<Box<Moving>> {
        let Self { socket, guest, input, input_peak, needed, .. } = self;
        Some(Box::new(Moving { socket: socket.release().ok()?, guest, input, input_peak, needed }))
    }

    /// Ends it.
    pub(crate) fn close(mut self) {
        self.socket.close();
    }

    /// The core that it goes to after a turn, when this one has too much to do.
    #[inline]
    fn target(&self) -> Option<usize> {
        if self.socket.is_inside() {
            return None;
        }
        let turn_ns = self.local.core.borrow().end_batch();
        let target = self.local.placement.borrow().target(self.guest.client.shared.id, turn_ns)?;
        (self.is_at_rest() && !self.guest.client.closing).then_some(target)
    }

    /// Its client's number.
    pub(crate) fn id(&self) -> u64 {
        self.guest.client.shared.id
    }

    fn poll_until_left(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Left>> {
        if !self.has_waker {
            self.guest.client.shared.set_waker(cx.waker().clone());
            self.has_waker = true;
        }
        loop {
            let signals = self.guest.client.shared.signals();
            if signals != 0 && self.obey(signals) {
                return Poll::Ready(Ok(Left::Ended));
            }
            if self.held_for != 0 && !self.let_go(cx) {
                return Poll::Pending;
            }
            if !self.output.is_empty() {
                let flushed = self.poll_flush(cx)?;
                if flushed.is_pending() && (self.guest.client.closing || self.output_bytes > OUTPUT_BACKLOG_MAX) {
                    return Poll::Pending;
                }
            }
            if self.guest.client.closing {
                return Poll::Ready(Ok(Left::Ended));
            }
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.resume();
            }
            if self.guest.client.is_set_aside() {
                // Whoever reads its values wakes it.
                return Poll::Pending;
            }
            let waited = self.guest.client.waiting.is_some();
            let turn = if waited { self.poll_wait(cx) } else { self.poll_turn(cx) };
            match ready!(turn)? {
                Turn::Ended => return Poll::Ready(Ok(Left::Ended)),
                Turn::Done if waited => {}
                Turn::Done => {
                    if let Some(core) = self.target() {
                        return Poll::Ready(Ok(Left::For(core)));
                    }
                }
                Turn::Unfinished => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
    }

    /// Whether the log has come far enough for the replies to leave; if not, the connection is woken then.
    fn let_go(&mut self, cx: &Context<'_>) -> bool {
        if !self.local.holds.may_leave(self.held_for) {
            if self.asked_for != self.held_for {
                self.asked_for = self.held_for;
                self.local.holds.wait(self.held_for, cx.waker());
            }
            return false;
        }
        self.held_for = 0;
        self.asked_for = 0;
        true
    }

    /// Does what others asked for; true when the connection is to end at once.
    #[cold]
    fn obey(&mut self, signals: u32) -> bool {
        if signals & signal::KILL != 0 {
            return true;
        }
        if signals & signal::CLOSE != 0 {
            self.guest.client.closing = true;
        }
        if signals & signal::RESUME != 0 {
            self.guest.client.shared.lower(signal::RESUME);
            self.resume();
        }
        // That it came is all: `poll_wait` looks at the waiter itself.
        self.guest.client.shared.lower(signal::UNBLOCKED);
        if signals & signal::SHRINK != 0 {
            self.guest.client.shared.lower(signal::SHRINK);
            self.shrink_input();
        }
        if signals & signal::PUSHED != 0 {
            self.take_messages();
        }
        false
    }

    /// Gives room that the last commands did not need back: a shrunk buffer keeps what the longest of them took.
    fn shrink_input(&mut self) {
        let mut peak = std::mem::take(&mut self.input_peak);
        if !self.input.is_empty() {
            peak = peak.max(self.needed.min(OWN_READ_MAX));
        }
        let idle_ms = base::clock::unix_ms() - self.guest.client.shared.facts.last_ms.load(Relaxed);
        if idle_ms > SHRINK_AFTER_MS {
            self.input.shrink_to_fit();
        } else if self.input.capacity() / 2 > peak {
            self.input.shrink_to(peak);
        }
        self.note_input();
    }

    /// Queues what was sent to the client, small messages joined: each piece costs a write.
    fn take_messages(&mut self) {
        if self.guest.client.waiting.is_some() {
            // Who served it has left a record of that.
            self.held_for = self.held_for.max(self.local.holds.last_reserved());
        }
        let mut joined = Vec::new();
        for message in self.guest.client.shared.take_outbox() {
            self.output_bytes += message.len();
            if message.len() < JOINED_MAX {
                joined.extend_from_slice(&message);
                continue;
            }
            if !joined.is_empty() {
                self.output.push_back(std::mem::take(&mut joined).into());
            }
            self.output.push_back(message);
        }
        if !joined.is_empty() {
            self.output.push_back(joined.into());
        }
        self.note_growth();
    }

    /// As `note_output`; what more output waits now may be too much for `maxmemory-clients`.
    fn note_growth(&self) {
        self.note_output();
        self.local.node.bound_clients(&self.guest.client.shared);
    }

    /// What waits for the socket, for CLIENT LIST.
    fn note_output(&self) {
        let facts = &self.guest.client.shared.facts;
        facts.reply_bytes.store(self.output_bytes as u64, Relaxed);
        facts.reply_chunks.store(self.output.len() as u32, Relaxed);
    }

    /// Holds the connection for CLIENT PAUSE, if that is still on.
    fn hold(&mut self) {
        let now_ms = base::clock::unix_ms();
        let Some((_, until_ms)) = self.local.node.pause.state(now_ms) else { return };
        self.pause = Some(Box::pin(tokio::time::sleep_until(instant_of(until_ms))));
        self.guest.client.shared.facts.paused.store(true, Relaxed);
    }

    fn resume(&mut self) {
        self.pause = None;
        self.guest.client.shared.facts.paused.store(false, Relaxed);
    }

    /// While the client waits for keys: looks whether that is over, and keeps what comes in for later.
    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Turn>> {
        let local = self.local.clone();
        let Some(waiter) = &self.guest.client.waiting else { return Poll::Ready(Ok(Turn::Done)) };
        if waiter.is_over() {
            // Its reply was in the outbox before, and leaves with the next step.
            self.guest.client.waiting = None;
            self.deadline = None;
            return Poll::Ready(Ok(Turn::Done));
        }
        if local.node.poll_durable_for(waiter, cx).is_ready() {
            local.node.blocking.let_go(&local.node, &local.core.borrow().stats, waiter, LetGo::TimedOut);
            return Poll::Ready(Ok(Turn::Done));
        }
        if local.node.migrations.is_done(self.guest.client.shared.id) {
            commands::wake::resume(&local.node, &mut local.core.borrow_mut(), waiter);
            return Poll::Ready(Ok(Turn::Done));
        }
        if let Some(until_ms) = waiter.until_ms() {
            let deadline =
                self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(instant_of(until_ms))));
            if deadline.as_mut().poll(cx).is_ready() {
                let core = local.core.borrow();
                if !local.node.blocking.let_go(&local.node, &core.stats, waiter, LetGo::TimedOut) {
                    // Somebody serves it at this moment, or will put it back.
                    deadline.as_mut().reset(Instant::now() + Duration::from_millis(1));
                }
                return Poll::Ready(Ok(Turn::Done));
            }
        }
        let scratch = &mut *local.scratch.borrow_mut();
        let mut buffer = ReadBuf::new(&mut scratch.input);
        ready!(self.socket.poll_read(cx, &mut buffer))?;
        let is_too_much = self.input.len() as u64 > local.node.settings.client_query_buffer_limit();
        if buffer.filled().is_empty() || is_too_much {
            return Poll::Ready(Ok(Turn::Ended));
        }
        self.input.extend_from_slice(buffer.filled());
        local.core.borrow().stats.net_input_bytes.add(buffer.filled().len() as u64);
        self.note_input();
        Poll::Ready(Ok(Turn::Done))
    }

    /// One read and what follows from it.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Turn>> {
        let local = self.local.clone();
        let scratch = &mut *local.scratch.borrow_mut();
        if self.input.is_empty() {
            let mut buffer = ReadBuf::new(&mut scratch.input);
            ready!(self.socket.poll_read(cx, &mut buffer))?;
            let read = buffer.filled().len();
            if read == 0 {
                return Poll::Ready(Ok(Turn::Ended));
            }
            let (used, unfinished) =
                self.run(&local, read, &scratch.input[..read], INPUT_SIZE, &mut scratch.out, &mut scratch.batch);
            if used < read && !self.guest.client.closing {
                // Of a large argument that is announced, room for some: the rest when that much has come.
                self.input.reserve(self.needed.min(OWN_READ_MAX).max(read - used));
                self.input.extend_from_slice(&scratch.input[used..read]);
            }
            self.note_input();
            return Poll::Ready(self.send(cx, &mut scratch.out).map(|()| unfinished));
        }
        self.poll_own(cx, &local, scratch)
    }

    /// As `poll_turn`, into the connection's own buffer, behind the incomplete command that it holds.
    fn poll_own(&mut self, cx: &mut Context<'_>, local: &CoreLocal, scratch: &mut Scratch) -> Poll<io::Result<Turn>> {
        let mut read = 0;
        if self.input.len() < self.needed {
            // In steps: who announces 512 MB and sends nothing gets no 512 MB.
            let had = self.input.len();
            let len = had + (self.needed - had).clamp(INPUT_SIZE / 4, OWN_READ_MAX);
            if len > self.input.capacity() {
                // Room grows by doubling, but not beyond what the command takes.
                let room = len.max(self.needed.min(2 * self.input.capacity()));
                self.input.reserve_exact(room - had);
            }
            self.input.resize(len, 0);
            let mut buffer = ReadBuf::new(&mut self.input[had..]);
            let polled = self.socket.poll_read(cx, &mut buffer);
            read = buffer.filled().len();
            self.input.truncate(had + read);
            ready!(polled)?;
            if read == 0 {
                return Poll::Ready(Ok(Turn::Ended));
            }
        }
        let input = std::mem::take(&mut self.input);
        let (used, turn) = self.run(local, read, &input, input.capacity(), &mut scratch.out, &mut scratch.batch);
        self.keep_rest(input, used);
        self.note_input();
        Poll::Ready(self.send(cx, &mut scratch.out).map(|()| turn))
    }

    /// What is left in the connection's own buffer, for CLIENT LIST.
    #[inline]
    fn note_input(&self) {
        let facts = &self.guest.client.shared.facts;
        facts.query_bytes.store(self.input.len() as u64, Relaxed);
        facts.query_free_bytes.store((self.input.capacity() - self.input.len()) as u64, Relaxed);
    }

    fn keep_rest(&mut self, mut input: Vec<u8>, used: usize) {
        if self.guest.client.closing {
            return;
        }
        let is_whole = used == input.len();
        input.drain(..used);
        if is_whole {
            // Large commands come in rows: the room stays until the clock finds that it is not needed.
            if input.capacity() <= OWN_READ_MAX {
                self.input = input;
            }
            return;
        }
        if input.capacity() > 2 * INPUT_SIZE && input.capacity() / 4 > self.needed.max(input.len()) {
            input.shrink_to(self.needed.max(input.len()));
        }
        self.input = input;
    }

    fn run(
        &mut self,
        local: &CoreLocal,
        read: usize,
        input: &[u8],
        room: usize,
        out: &mut Writer,
        batch: &mut Batch,
    ) -> (usize, Turn) {
        let core = &mut *local.core.borrow_mut();
        core.begin_batch(&local.node);
        core.stats.reads.add(1);
        core.stats.net_input_bytes.add(read as u64);
        let facts = &self.guest.client.shared.facts;
        if read > 0 {
            facts.last_ms.store(core.now.unix_ms, Relaxed);
        }
        self.input_peak = self.input_peak.max(input.len());
        facts.query_bytes.store(input.len() as u64, Relaxed);
        facts.query_free_bytes.store(room.saturating_sub(input.len()) as u64, Relaxed);
        if !local.node.admits_input(&self.guest.client, input) {
            return (input.len(), Turn::Ended);
        }
        if let Some(peer) = self.socket.take_peer()
            && !guest::greet(&local.node, &mut self.guest.client, &peer)
        {
            return (input.len(), Turn::Ended);
        }
        out.set_proto(self.guest.client.proto);
        let client = &mut self.guest.client;
        let run = AssertUnwindSafe(|| batch::run(&local.node, core, client, input, batch, out, TURN_LEN));
        let ran = catch_unwind(run);
        // What was seen may not be settled either.
        self.held_for = self.held_for.max(Journal::take_last()).max(core.take_awaited());
        let Ok(progress) = ran else { return self.give_up(input.len(), out) };
        self.guest.client.shared.facts.command.store(self.guest.client.last_command, Relaxed);
        self.needed = progress.needed;
        if progress.paused {
            self.needed = 0;
            self.hold();
        }
        if progress.set_aside {
            self.needed = 0;
        }
        local.node.bound_clients(&self.guest.client.shared);
        let output_bytes = out.len() + self.output_bytes;
        if !local.node.bound_output(&self.guest.client.shared, output_bytes)
            || self.guest.client.shared.signals() & signal::KILL != 0
        {
            // Who is cut off gets no half of an answer.
            out.clear();
            out.shrink_to(INPUT_SIZE);
            return (progress.consumed, Turn::Ended);
        }
        (progress.consumed, if progress.unfinished { Turn::Unfinished } else { Turn::Done })
    }

    /// A command panicked: a defect of ours, which the panic hook has logged. Locks were freed on the way up; this
    /// connection's state is in doubt, so it ends, and all others go on.
    #[cold]
    fn give_up(&mut self, used: usize, out: &mut Writer) -> (usize, Turn) {
        out.clear();
        out.error("ERR internal error, see the server's log; this connection is closed");
        self.guest.client.closing = true;
        (used, Turn::Done)
    }
}

/// The moment of a wall clock time; one of centuries ahead is as good as never.
fn instant_of(unix_ms: i64) -> Instant {
    let rest = Duration::from_millis(unix_ms.saturating_sub(base::clock::unix_ms()).max(0) as u64);
    Instant::now().checked_add(rest).unwrap_or_else(|| Instant::now() + YEAR)
}

/// How a turn ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Done,
    /// Whole commands are left.
    Unfinished,
    /// The peer is gone.
    Ended,
}
