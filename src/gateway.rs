//! The gateway's threads: cores whose connections come from HTTP requests in the same thread, through pipes.
//!
//! So a request of HTTP is one of a connection in every respect: guards, log, pauses, waiting, statistics; and RESP never
//! waits for HTTP, which has threads of its own.

use std::ops::Range;
use std::sync::Arc;

use commands::node::Node;
use gateway::{Door, Gateway};
use settings::Settings;

use crate::cores::{self, Inner, Lodger};
use crate::net::listener::{Arrival, CoreDoor};
use crate::net::listeners::Listeners;
use crate::net::socket::Accepted;
use crate::startup::StartError;

/// How many threads it has; 0: it is off.
pub(crate) fn threads(settings: &Settings) -> usize {
    if settings.http_port() == 0 { 0 } else { settings.http_threads() as usize }
}

/// A core's inner side, and what lives in its thread.
pub(crate) type Seat = (Inner, Option<Lodger>);

/// What its threads are to run, each with the number of a core, and their doors: each thread ends when its door is
/// dropped.
pub(crate) fn seats(
    node: &Arc<Node>,
    indices: Range<usize>,
    listeners: &Listeners,
) -> Result<(Vec<CoreDoor>, Vec<Seat>), StartError> {
    let (mut doors, mut inner_sides) = (Vec::new(), Vec::new());
    if indices.is_empty() {
        return Ok((doors, inner_sides));
    }
    let gateway = Gateway::new(node.clone());
    let sockets = listeners.listen_http()?;
    for index in indices {
        let (door, inner) = cores::private_door(index);
        let mut own = Vec::new();
        for socket in &sockets {
            own.push(socket.try_clone()?);
        }
        let (gateway, entrance) = (gateway.clone(), entrance(&door));
        let lodger: Lodger = Box::new(move || Box::pin(gateway.serve(own, entrance)));
        doors.push(door);
        inner_sides.push((inner, Some(lodger)));
    }
    Ok((doors, inner_sides))
}

/// Lets pipes in as connections. It holds the door weakly: a core ends when nobody outside has its door.
fn entrance(door: &CoreDoor) -> Door {
    let (sender, load) = (door.sender.downgrade(), door.load.clone());
    Arc::new(move |caller, pipe| {
        let Some(sender) = sender.upgrade() else { return false };
        let door = CoreDoor { sender, load: load.clone() };
        door.hand(Arrival::New(Accepted::Inside(pipe, Box::new(caller))));
        true
    })
}
