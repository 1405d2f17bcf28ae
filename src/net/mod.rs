//! Sockets: who accepts, and the loop of a connection.

mod batch;
pub(crate) mod connection;
pub(crate) mod listener;
pub(crate) mod listeners;
pub(crate) mod socket;
