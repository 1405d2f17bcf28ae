//! The process as commands see it.

use std::sync::{Arc, Weak};

use commands::node::Node;
use commands::node::host::{Crash, Host};
use settings::LogLevel;
use tokio::sync::mpsc::UnboundedSender;

use crate::net::listeners::Listeners;
use crate::{crash, limits, log, oom, supervisor, title};

/// Why the server is to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// SHUTDOWN.
    Asked,
    /// A defect: a core is gone.
    CoreDied,
}

/// See the module's head. It refers weakly: the instance owns it.
pub(crate) struct Process {
    pub(crate) node: Weak<Node>,
    pub(crate) listeners: Weak<Listeners>,
    pub(crate) end: UnboundedSender<End>,
}

impl Process {
    fn listeners(&self) -> Option<Arc<Listeners>> {
        self.listeners.upgrade()
    }
}

impl Host for Process {
    fn log(&self, level: LogLevel, text: &str) {
        log::log(level, text);
    }

    fn follow_log_level(&self) {
        if let Some(node) = self.node.upgrade() {
            log::follow_level(&node.settings);
        }
    }

    fn listen_again(&self) -> Result<(), String> {
        self.listeners().map_or(Ok(()), |listeners| listeners.listen_again())
    }

    fn follow_tls(&self) -> Result<(), String> {
        self.listeners().map_or(Ok(()), |listeners| listeners.follow_tls())
    }

    fn listeners(&self) -> Vec<String> {
        self.listeners().map_or_else(Vec::new, |listeners| listeners.shown())
    }

    fn make_room_for_clients(&self, clients: u32) -> Result<(), String> {
        limits::make_room_for_clients(clients)
    }

    fn change_dir(&self) -> Result<(), String> {
        let Some(node) = self.node.upgrade() else { return Ok(()) };
        std::env::set_current_dir(node.settings.dir().as_path()).map_err(|error| base::system::reason(&error))
    }

    fn serve_meanwhile(&self) {
        crate::cores::serve_meanwhile();
    }

    fn shut_down(&self) {
        // Whoever sees his connection end finds nobody listening any more.
        if let Some(listeners) = self.listeners() {
            listeners.close();
        }
        let _ = self.end.send(End::Asked);
    }

    fn follow_process(&self, setting: &str) -> Result<(), String> {
        let Some(node) = self.node.upgrade() else { return Ok(()) };
        match setting {
            "proc-title-template" => title::follow(&node.settings),
            "crash-log-enabled" => crash::follow(&node),
            _ => return oom::follow(&node.settings),
        }
        Ok(())
    }

    fn supervisor(&self) -> &'static str {
        supervisor::name()
    }

    fn crash(&self, how: Crash<'_>) {
        crash::break_down(how);
    }

    fn executable(&self) -> String {
        std::env::current_exe().map(|path| path.display().to_string()).unwrap_or_default()
    }
}
