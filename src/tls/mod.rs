//! TLS: what the settings say as a configuration of rustls, and sessions over sockets.
//!
//! Reading order: `config` (settings to configuration, from `files` and `ciphers`), `session` (bytes in and out),
//! `peer` (who the certificate says it is), `tickets` (resumption).
//!
//! Invariants: a configuration is built whole before it takes the place of the one before, so a wrong file changes
//! nothing; a session keeps the configuration that it began with, so a change drops nobody.

mod ciphers;
mod config;
mod files;
mod peer;
mod session;
mod tickets;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls::{ServerConfig, ServerConnection};
use settings::Settings;

pub(crate) use peer::{Peer, Unnamed};
pub(crate) use session::Session;

use crate::log;

/// The configuration for new sessions.
#[derive(Default)]
pub(crate) struct Tls(Mutex<State>);

#[derive(Default)]
struct State {
    current: Option<Arc<ServerConfig>>,
    /// The files that it was read from.
    files: Vec<Seen>,
}

/// A file as it was when it was read.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Seen {
    path: PathBuf,
    /// None where it could not be looked at.
    state: Option<(SystemTime, u64)>,
}

impl Seen {
    fn now(path: PathBuf) -> Self {
        let state = std::fs::metadata(&path).and_then(|facts| Ok((facts.modified()?, facts.len()))).ok();
        Self { path, state }
    }
}

/// Whether anything uses TLS.
pub(crate) fn is_wanted(settings: &Settings) -> bool {
    settings.tls_port() != 0 || settings.tls_replication() || settings.tls_cluster()
}

impl Tls {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the settings and the files over for sessions that begin from now on; what is wrong is logged, and nothing
    /// changes then.
    pub(crate) fn follow(&self, settings: &Settings) -> Result<(), config::Refused> {
        if !is_wanted(settings) {
            return Ok(());
        }
        // Looked at before they are read: what changes meanwhile is found at the next look.
        let files = config::paths(settings).into_iter().map(Seen::now).collect();
        let mut state = self.state();
        match config::build(settings) {
            Ok(built) => {
                built.notes.iter().for_each(|note| log::notice(note));
                *state = State { current: Some(Arc::new(built.server)), files };
                Ok(())
            }
            Err(refused) => {
                log::warning(&refused.0);
                // Not tried again before something changes.
                state.files = files;
                Err(refused)
            }
        }
    }

    /// Reads the files again where one of them has changed, or where `is_told` to.
    pub(crate) fn look_at_files(&self, settings: &Settings, is_told: bool) {
        let has_changed = || self.state().files.iter().any(|seen| Seen::now(seen.path.clone()) != *seen);
        if !is_wanted(settings) || !(is_told || has_changed()) {
            return;
        }
        match self.follow(settings) {
            Ok(()) => log::notice("TLS certificates and keys reloaded; connections that are open stay as they are"),
            Err(_) => log::warning("TLS files changed and cannot be used: new connections go on with the old ones"),
        }
    }

    /// A session for a connection that was just accepted; None where there is no configuration.
    pub(crate) fn session(&self) -> Option<Box<Session>> {
        let config = self.state().current.clone()?;
        // It fails for configurations that cannot serve anybody, which `build` does not make.
        ServerConnection::new(config).ok().map(Session::new)
    }
}
