//! Where the server listens and how it keeps connections.

use crate::kind::Kind;
use crate::table::section;
use crate::value::{Text, Words};

const ADDRESSES: Kind = Kind::Words { max: 16, too_many: "Too many bind addresses specified." };

section! {
    "Network";

    /// The addresses to listen on. An address after a minus sign is left out where this machine does not have it.
    bind: Words = "* -::*", ADDRESSES, works;
    /// The TCP port to listen on; 0 opens none.
    port: u16 = "6379", Kind::PORT, works;
    /// Refuses clients from other machines while no password is set and no address is bound by name.
    protected_mode: bool = "yes", Kind::SWITCH, works;
    /// The path of a Unix socket to listen on; empty opens none.
    unixsocket: Text = "", Kind::TEXT, at_start, works;
    /// The file mode of the Unix socket, in octal; 0 leaves it to the umask.
    unixsocketperm: u32 = "0", Kind::Octal, at_start, works;
    /// The group of the Unix socket's file; empty leaves it to the system.
    unixsocketgroup: Text = "", Kind::TEXT, at_start, own, works;
    /// How many connections the kernel may hold until they are accepted.
    tcp_backlog: i32 = "511", Kind::SMALL, at_start, works;
    /// Seconds of idleness after which a client is disconnected; 0 never does.
    timeout: u32 = "0", Kind::SMALL, works;
    /// Seconds between TCP keepalive probes to an idle client; 0 sends none.
    tcp_keepalive: u32 = "300", Kind::SMALL, works;
    /// How many connections are accepted in one go before clients are served again.
    max_new_connections_per_cycle: u32 = "10", Kind::integer(1, 1000);
    /// How many TLS connections are accepted in one go before clients are served again.
    max_new_tls_connections_per_cycle: u32 = "1", Kind::integer(1, 1000);
    /// The address from which outgoing connections are made.
    bind_source_addr: Text = "", Kind::TEXT;
    /// The mark that the kernel puts on packets of listening sockets, for routing and firewalls.
    socket_mark_id: u32 = "0", Kind::integer(0, u32::MAX as i64), at_start;
}
