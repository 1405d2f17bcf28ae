//! The supervisor that started the process: what it is told, and how.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::OnceLock;

use settings::{Settings, Supervised};

use crate::{log, system};

static KIND: OnceLock<&'static str> = OnceLock::new();

/// Finds out who supervises, by the settings and the environment. A supervised process stays in the foreground.
pub(crate) fn find(settings: &Settings) -> bool {
    let has = |name: &str| std::env::var_os(name).is_some();
    let kind = match settings.supervised() {
        Supervised::No => "no",
        Supervised::Systemd | Supervised::Auto if has("NOTIFY_SOCKET") => "systemd",
        Supervised::Upstart | Supervised::Auto if has("UPSTART_JOB") => "upstart",
        Supervised::Systemd => {
            log::warning("systemd supervision requested, but NOTIFY_SOCKET not found!");
            "no"
        }
        Supervised::Upstart => {
            log::warning("upstart supervision requested, but UPSTART_JOB not found!");
            "no"
        }
        Supervised::Auto => "no",
    };
    let _ = KIND.set(kind);
    match kind {
        "systemd" => {
            log::notice(
                "Supervised by systemd. Please make sure you set appropriate values for TimeoutStartSec and \
                 TimeoutStopSec in your service unit.",
            );
        }
        "upstart" => {
            log::notice("Supervised by upstart, will stop to signal readiness.");
            system::stop_self();
        }
        _ => {}
    }
    kind != "no"
}

/// As INFO names it.
pub(crate) fn name() -> &'static str {
    KIND.get().copied().unwrap_or("no")
}

/// Tells systemd: lines of `NAME=value`. A supervisor that does not listen is no reason to stop.
pub(crate) fn tell(lines: &str) {
    if name() != "systemd" {
        return;
    }
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let address = match path.as_encoded_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(&path),
    };
    let sent = UnixDatagram::unbound().and_then(|socket| socket.send_to_addr(lines.as_bytes(), &address?));
    if let Err(error) = sent {
        log::warning(&format!("Can't notify systemd: {}", base::system::reason(&error)));
    }
}

/// Tells systemd that a reload begins; `STATUS` and `READY=1` end it.
pub(crate) fn tell_reload() {
    tell(&format!("RELOADING=1\nMONOTONIC_USEC={}\n", system::monotonic_us()));
}
