//! One table of settings: redis.conf, command line, CONFIG GET, SET and REWRITE.
//!
//! Each setting is declared once, in [`table`], with its name, kind, default, mutability, effect and sentence of
//! documentation. The parser, CONFIG GET, SET and REWRITE, `redis.conf.example` and the typed getters of
//! [`Settings`] all read that declaration.
//!
//! Invariants: a value held by [`Settings`] has passed its kind's check; numbers, switches and choices are one
//! relaxed atomic load to read; nothing here logs, prints, listens or changes the process's directory.

mod choices;
mod example;
mod get;
mod grammar;
mod kind;
mod load;
mod rewrite;
mod set;
mod spec;
mod store;
pub mod table;
mod value;

pub use choices::*;
pub use example::example;
pub use kind::events::KeyspaceEvents;
pub use load::command_line::Action;
pub use load::error::{LoadError, Place};
pub use load::{Configured, Directive, Startup};
pub use rewrite::Extent;
pub use rewrite::file::RewriteError;
pub use set::{Caller, SetError};
pub use spec::{Change, Effect, Spec};
pub use store::Settings;
pub use value::{ClientClass, ClientsMemory, OutputLimit, SavePoint, ShutdownOptions, Text, Words};
