//! One thread for each core: a runtime, the connections that it was handed, and its periodic tick.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use commands::client::{Client, Shared};
use commands::node::core::Core;
use commands::node::{Node, memory};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

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

/// Starts the thread of a core, which says when it is `ready`; it ends when its door is dropped.
pub(crate) fn spawn(
    node: Arc<Node>,
    journal: Arc<Journal>,
    inner: Inner,
    ready: Sender<()>,
    end: UnboundedSender<End>,
) -> io::Result<JoinHandle<()>> {
    let index = inner.index;
    let run = move || {
        let _watch = Watch(end);
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
            Ok(runtime) => LocalSet::new().block_on(&runtime, serve(node, journal, inner, ready)),
            Err(error) => panic!("core {index} has no runtime: {error}"),
        }
    };
    std::thread::Builder::new().name(format!("core-{index}")).spawn(run)
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

async fn serve(node: Arc<Node>, journal: Arc<Journal>, inner: Inner, ready: Sender<()>) {
    let Inner { index, mut arrivals, load, cores } = inner;
    Journal::enter_core(index);
    let holds = Rc::new(Holds::new(journal));
    let writes = holds.clone();
    tokio::task::spawn_local(async move { poll_fn(|cx| writes.poll_write(cx)).await });
    let core = RefCell::new(Core::new(&node, index).expect("the OS gives random bytes"));
    let placement = RefCell::new(Placement::new(index, node.cores.len()));
    let local = Rc::new(CoreLocal { node, core, holds, placement, scratch: RefCell::new(Scratch::default()) });
    // Its buffers are there, and counted: nothing of a core's own comes out of the room for keys later.
    memory::publish_thread();
    let _ = ready.send(());
    drop(ready);
    let tick = tokio::time::sleep(Duration::ZERO);
    tokio::pin!(tick);
    loop {
        tokio::select! {
            arrival = arrivals.recv() => match arrival {
                Some(Arrival::New(socket)) => open(&local, socket, &load, &cores),
                Some(Arrival::Moved(moving)) => match moving.arrive(&local) {
                    Some(connection) => run(connection, load.clone(), cores.clone()),
                    None => drop(load.connections.fetch_sub(1, Relaxed)),
                },
                None => return,
            },
            () = &mut tick => {
                let rest = local.node.tick(&mut local.core.borrow_mut());
                if Journal::take_last() > 0 {
                    local.holds.ask();
                }
                if let Some(cores) = cores.upgrade() {
                    local.placement.borrow_mut().look(&load, Cores(cores).loads());
                }
                tick.as_mut().reset(tokio::time::Instant::now() + rest);
            }
        }
    }
}

fn open(local: &Rc<CoreLocal>, socket: Accepted, load: &Arc<Load>, cores: &Weak<[CoreDoor]>) {
    let node = &local.node;
    let (addr, laddr, fd) = socket.names();
    let mut shared = Shared::new(node.next_client_id(), fd, addr, laddr, base::clock::unix_ms());
    shared.core = local.core.borrow().index.into();
    let shared = Arc::new(shared);
    shared.facts.unix_socket.store(matches!(socket, Accepted::Unix(_)), Relaxed);
    let Ok(socket) = socket.register() else {
        load.connections.fetch_sub(1, Relaxed);
        return;
    };
    node.clients.insert(shared.id, shared.clone());
    local.core.borrow().stats.connections.add(1);
    let guest = Guest::new(node.clone(), Client::new(node, shared));
    run(Connection::new(local.clone(), socket, guest), load.clone(), cores.clone());
}

/// Serves a connection until it ends or goes to another core.
fn run(mut connection: Connection, load: Arc<Load>, cores: Weak<[CoreDoor]>) {
    tokio::task::spawn_local(async move {
        let target = poll_fn(|cx| connection.poll_steps(cx)).await;
        load.connections.fetch_sub(1, Relaxed);
        // How it ended concerns nobody: the peer is gone. Without doors the server is on its way down.
        match target {
            Left::For(core) => {
                if let Some(cores) = cores.upgrade()
                    && let Some(moving) = connection.leave()
                {
                    Cores(cores).pass_on(core, moving);
                }
            }
            Left::Ended => drop(connection),
        }
        // What it held is free in the eyes of the other cores, too, though this one may sleep from now on.
        memory::publish_thread();
    });
}
