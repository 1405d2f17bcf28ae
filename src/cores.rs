//! One thread for each core: a runtime, the connections that it was handed, and its periodic tick.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use commands::client::{Client, Shared};
use commands::node::Node;
use commands::node::core::Core;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

use crate::host::End;
use crate::net::connection::{Connection, CoreLocal, Scratch};
use crate::net::listener::CoreDoor;
use crate::net::socket::Accepted;

/// Starts the thread of core `index`; it ends when its door is dropped.
pub(crate) fn spawn(
    node: Arc<Node>,
    index: usize,
    end: UnboundedSender<End>,
) -> io::Result<(CoreDoor, JoinHandle<()>)> {
    let (sender, receiver) = unbounded_channel();
    let load = Arc::new(AtomicUsize::new(0));
    let door = CoreDoor { sender, load: load.clone() };
    let run = move || {
        let _watch = Watch(end);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        match runtime {
            Ok(runtime) => LocalSet::new().block_on(&runtime, serve(node, index, receiver, load)),
            Err(error) => panic!("core {index} has no runtime: {error}"),
        }
    };
    let thread = std::thread::Builder::new().name(format!("core-{index}")).spawn(run)?;
    Ok((door, thread))
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

async fn serve(node: Arc<Node>, index: usize, mut sockets: UnboundedReceiver<Accepted>, load: Arc<AtomicUsize>) {
    let core = RefCell::new(Core::new(&node, index).expect("the OS gives random bytes"));
    let local = Rc::new(CoreLocal { node, core, scratch: RefCell::new(Scratch::default()) });
    let tick = tokio::time::sleep(Duration::ZERO);
    tokio::pin!(tick);
    loop {
        tokio::select! {
            socket = sockets.recv() => match socket {
                Some(socket) => open(&local, socket, &load),
                None => return,
            },
            () = &mut tick => {
                let rest = local.node.tick(&mut local.core.borrow_mut());
                tick.as_mut().reset(tokio::time::Instant::now() + rest);
            }
        }
    }
}

fn open(local: &Rc<CoreLocal>, socket: Accepted, load: &Arc<AtomicUsize>) {
    let node = &local.node;
    let (addr, laddr, fd) = socket.names();
    let mut shared = Shared::new(node.next_client_id(), fd, addr, laddr, base::clock::unix_ms());
    shared.core = local.core.borrow().index;
    let shared = Arc::new(shared);
    shared.facts.unix_socket.store(matches!(socket, Accepted::Unix(_)), Relaxed);
    let Ok(socket) = socket.register() else {
        load.fetch_sub(1, Relaxed);
        return;
    };
    node.clients.insert(shared.id, shared.clone());
    local.core.borrow().stats.connections.add(1);
    let connection = Connection::new(local.clone(), socket, Client::new(node, shared));
    let load = load.clone();
    tokio::task::spawn_local(async move {
        // How it ended concerns nobody: the peer is gone.
        let _ = connection.await;
        load.fetch_sub(1, Relaxed);
    });
}
