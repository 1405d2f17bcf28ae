//! One thread for each core: a runtime, the connections that it was handed, and its periodic tick.
//!
//! While a script keeps the thread the runtime does not turn. Then the core's connections are looked at in between, from
//! within the script (`serve_meanwhile`): they are told BUSY, and can end it.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::{self, Rc};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use commands::client::{Client, Shared};
use commands::node::core::Core;
use commands::node::{Node, memory};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

use crate::crash;
use crate::durability::holds::Holds;
use crate::durability::journal::Journal;
use crate::host::End;
use crate::net::connection::{Connection, CoreLocal, Guest, Left, Scratch};
use crate::net::listener::{Arrival, CoreDoor, Cores};
use crate::net::socket::Accepted;
use crate::placement::{Load, Placement};

/// The inner side of a core's door.
pub(crate) struct Inner {
    index: usize,
    arrivals: UnboundedReceiver<Arrival>,
    load: Arc<Load>,
    /// Weak: a core ends when nobody outside has a door to it.
    cores: Weak<[CoreDoor]>,
}

/// The doors of `count` cores, seen from outside and from inside.
pub(crate) fn doors(count: usize) -> (Cores, Vec<Inner>) {
    let (mut doors, mut inner_sides) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let (sender, arrivals) = unbounded_channel();
        let load = Load::new();
        doors.push(CoreDoor { sender, load: load.clone() });
        inner_sides.push((arrivals, load));
    }
    let cores: Arc<[CoreDoor]> = doors.into();
    let inner = |(index, (arrivals, load))| Inner { index, arrivals, load, cores: Arc::downgrade(&cores) };
    let inner_sides = inner_sides.into_iter().enumerate().map(inner).collect();
    (Cores(cores), inner_sides)
}

/// A core that no listener hands connections to, and that none leaves: its door is for who lives in its thread.
pub(crate) fn private_door(index: usize) -> (CoreDoor, Inner) {
    let (sender, arrivals) = unbounded_channel();
    let load = Load::new();
    (CoreDoor { sender, load: load.clone() }, Inner { index, arrivals, load, cores: Weak::<[CoreDoor; 0]>::new() })
}

/// Makes what lives in a core's thread beside its connections; it ends with the core.
pub(crate) type Lodger = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// Starts the thread of a core, which says when it is `ready`; it ends when its door is dropped.
pub(crate) fn spawn(
    node: Arc<Node>,
    journal: Arc<Journal>,
    inner: Inner,
    lodger: Option<Lodger>,
    ready: Sender<()>,
    end: UnboundedSender<End>,
) -> io::Result<JoinHandle<()>> {
    let index = inner.index;
    let name = if lodger.is_some() { format!("http-{index}") } else { format!("core-{index}") };
    let run = move || {
        let _watch = Watch(end);
        crash::give_thread_a_stack();
        let (before, after) = (inner.load.clone(), inner.load.clone());
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().on_thread_park(move || {
            keyspace::epoch::rest(index);
            before.park();
        });
        runtime.on_thread_unpark(move || {
            keyspace::epoch::wake(index);
            after.unpark();
        });
        match runtime.build() {
            Ok(runtime) => LocalSet::new().block_on(&runtime, serve(node, journal, inner, lodger, ready)),
            Err(error) => panic!("core {index} has no runtime: {error}"),
        }
    };
    std::thread::Builder::new().name(name).spawn(run)
}

/// Says when a core's thread panics: its connections would hang for ever.
struct Watch(UnboundedSender<End>);

impl Drop for Watch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = self.0.send(End::CoreDied);
        }
    }
}

/// What the tasks of a core share: its connections come and go here.
struct Seat {
    local: Rc<CoreLocal>,
    /// Cores that connections move between.
    count: usize,
    load: Arc<Load>,
    /// Weak: a core ends when nobody outside has a door to it.
    cores: Weak<[CoreDoor]>,
    arrivals: RefCell<UnboundedReceiver<Arrival>>,
    /// Its connections by their clients' numbers; each belongs to its task.
    connections: RefCell<HashMap<u64, rc::Weak<RefCell<Connection>>>>,
    /// What connections are served with while a script has `local`'s core; made when first needed.
    aside: OnceCell<Option<CoreLocal>>,
    /// Until when the connections are left alone.
    rests_until: Cell<Option<Instant>>,
    is_serving: Cell<bool>,
}

thread_local! {
    /// The seat of this thread's core.
    static SEAT: RefCell<rc::Weak<Seat>> = const { RefCell::new(rc::Weak::new()) };
}

/// Between two looks at the connections of a core that a script keeps.
const REST_MIN: Duration = Duration::from_millis(2);
/// The looks take a tenth of its time at most.
const REST_FACTOR: u32 = 10;

/// Serves the connections of this thread's core, in the midst of a command that takes long or waits for one that does.
pub(crate) fn serve_meanwhile() {
    // A thread that is no core has nothing to serve.
    if let Some(seat) = SEAT.with_borrow(rc::Weak::upgrade) {
        seat.serve_meanwhile();
    }
}

async fn serve(node: Arc<Node>, journal: Arc<Journal>, inner: Inner, lodger: Option<Lodger>, ready: Sender<()>) {
    let Inner { index, arrivals, load, cores } = inner;
    Journal::enter_core(index);
    let holds = Rc::new(Holds::new(journal, node.cores[index].clone()));
    let writes = holds.clone();
    tokio::task::spawn_local(async move { poll_fn(|cx| writes.poll_write(cx)).await });
    let count = cores.upgrade().map_or(1, |cores| cores.len());
    let local = core_local(node, index, count, holds).expect("the OS gives random bytes");
    let seat = Rc::new(Seat {
        local: Rc::new(local),
        count,
        load,
        cores,
        arrivals: RefCell::new(arrivals),
        connections: RefCell::default(),
        aside: OnceCell::new(),
        rests_until: Cell::new(None),
        is_serving: Cell::new(false),
    });
    SEAT.set(Rc::downgrade(&seat));
    // Its buffers are there, and counted: nothing of a core's own comes out of the room for keys later.
    memory::publish_thread();
    let _ = ready.send(());
    drop(ready);
    if let Some(lodger) = lodger {
        tokio::task::spawn_local(lodger());
    }
    let tick = tokio::time::sleep(Duration::ZERO);
    tokio::pin!(tick);
    let local = &seat.local;
    loop {
        tokio::select! {
            arrival = poll_fn(|cx| seat.arrivals.borrow_mut().poll_recv(cx)) => match arrival {
                Some(arrival) => seat.admit(arrival),
                None => return,
            },
            () = &mut tick => {
                let rest = local.node.tick(&mut local.core.borrow_mut());
                if Journal::take_last() > 0 {
                    local.holds.ask();
                }
                if let Some(cores) = seat.cores.upgrade() {
                    local.placement.borrow_mut().look(&seat.load, Cores(cores).loads());
                }
                tick.as_mut().reset(tokio::time::Instant::now() + rest);
            }
        }
    }
}

fn core_local(node: Arc<Node>, index: usize, count: usize, holds: Rc<Holds>) -> io::Result<CoreLocal> {
    let core = RefCell::new(Core::new(&node, index)?);
    let placement = RefCell::new(Placement::new(index, count));
    Ok(CoreLocal { node, index, core, holds, placement, scratch: RefCell::new(Scratch::default()) })
}

impl Seat {
    fn admit(self: &Rc<Self>, arrival: Arrival) {
        let connection = match arrival {
            Arrival::New(socket) => self.open(socket),
            Arrival::Moved(moving) => moving.arrive(&self.local),
        };
        match connection {
            Some(connection) => self.run(connection),
            None => drop(self.load.connections.fetch_sub(1, Relaxed)),
        }
    }

    fn open(&self, socket: Accepted) -> Option<Connection> {
        let CoreLocal { node, index, .. } = &*self.local;
        let (addr, laddr, fd) = socket.names();
        let mut shared = Shared::new(node.next_client_id(), fd, addr, laddr, base::clock::unix_ms());
        shared.core = (*index).into();
        let shared = Arc::new(shared);
        shared.facts.unix_socket.store(matches!(socket, Accepted::Unix(_)), Relaxed);
        if let Accepted::Inside(_, caller) = &socket {
            *shared.facts.lib_name.lock() = Some(caller.via.as_bytes().into());
        }
        let socket = socket.register().ok()?;
        node.clients.insert(shared.id, shared.clone());
        node.audit_connection(&shared, "connect");
        node.cores[*index].connections.add(1);
        let guest = Guest::new(node.clone(), Client::new(node, shared));
        Some(Connection::new(self.local.clone(), socket, guest))
    }

    /// Serves a connection until it ends or goes to another core.
    fn run(self: &Rc<Self>, connection: Connection) {
        let id = connection.id();
        let connection = Rc::new(RefCell::new(connection));
        self.connections.borrow_mut().insert(id, Rc::downgrade(&connection));
        let seat = self.clone();
        tokio::task::spawn_local(async move {
            let target = poll_fn(|cx| connection.borrow_mut().poll_steps(cx)).await;
            seat.connections.borrow_mut().remove(&id);
            seat.load.connections.fetch_sub(1, Relaxed);
            let connection = Rc::into_inner(connection).map(RefCell::into_inner);
            // How it ended concerns nobody: the peer is gone. Without doors the server is on its way down.
            match (target, seat.cores.upgrade()) {
                (Left::For(core), Some(cores)) => {
                    if let Some(moving) = connection.and_then(Connection::leave) {
                        Cores(cores).pass_on(core, moving);
                    }
                }
                _ => drop(connection.map(Connection::close)),
            }
            // What it held is free in the eyes of the other cores, too, though this one may sleep from now on.
            memory::publish_thread();
        });
    }

    /// See [`serve_meanwhile`]. Tasks do not run here: connections that only their task can go on with wait.
    #[cold]
    fn serve_meanwhile(self: &Rc<Self>) {
        let start = Instant::now();
        if self.rests_until.get().is_some_and(|until| start < until) || self.is_serving.replace(true) {
            return;
        }
        self.load.note_stuck();
        while let Ok(arrival) = { self.arrivals.borrow_mut().try_recv() } {
            self.admit(arrival);
        }
        let CoreLocal { node, index, holds, .. } = &*self.local;
        let aside = self.aside.get_or_init(|| core_local(node.clone(), *index, self.count, holds.clone()).ok());
        if let Some(aside) = aside {
            let connections: Vec<_> = self.connections.borrow().values().filter_map(rc::Weak::upgrade).collect();
            for connection in connections {
                // One of them is in the midst of its command.
                if let Ok(mut connection) = connection.try_borrow_mut() {
                    connection.serve_aside(aside);
                }
            }
        }
        let end = Instant::now();
        self.rests_until.set(Some(end + (REST_FACTOR * (end - start)).max(REST_MIN)));
        self.is_serving.set(false);
    }
}
