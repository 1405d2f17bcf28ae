//! From settings to a running server, and how it stops.
//!
//! Invariant: dropping the doors ends the cores, so a server that is stopped leaves no thread behind.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use commands::node::{Node, memory};
use commands::table::Table;
use persistence::disk::RealDisk;
use settings::{Configured, LoadError, Settings};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::LocalSet;

use crate::audit::Audit;
use crate::durability;
use crate::durability::journal::Journal;
use crate::durability::keep::{Keep, Kept};
use crate::durability::start::RefusedLog;
use crate::host::{End, Process};
use crate::net::listener::{self, Accepting, Admission, Cores, Listener};
use crate::net::listeners::Listeners;
use crate::net::socket::Accepted;
use crate::tls::Session;
use crate::{cores, gateway, log};

/// Between two looks whether a thread has ended.
const END_LOOK: Duration = Duration::from_millis(1);

/// A load of this time is not told to clients.
const LOAD_UNNOTICED: Duration = Duration::from_millis(500);
/// Between two looks whether it is done.
const LOAD_LOOK: Duration = Duration::from_millis(2);

/// A server that serves.
pub struct Running {
    /// The instance.
    pub node: Arc<Node>,
    pub(crate) listeners: Arc<Listeners>,
    threads: Vec<JoinHandle<()>>,
    journal: Arc<Journal>,
    keep: Arc<Keep>,
    audit: Option<Audit>,
    end: UnboundedReceiver<End>,
}

/// Why it does not serve.
#[derive(Debug)]
pub enum StartError {
    /// A line of the configuration.
    Config(LoadError),
    /// A port or path cannot be listened on.
    Listen {
        /// Address or path, as written.
        address: String,
        /// The system's reason.
        reason: String,
        /// `tcp` or `unix`
        kind: &'static str,
        /// The configured port, 0 for a path.
        port: u16,
    },
    /// The users of the configuration or of the ACL file.
    Users(String),
    /// The log of `appendonly`.
    Log(RefusedLog),
    /// The certificates or keys of TLS, as the log says.
    Tls,
    /// The audit log.
    Audit(String),
    /// The directory of the warm tier.
    Tier(String),
    /// Anything else that the system refused.
    System(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => write!(f, "{error:?}"),
            Self::Listen { address, reason, kind, .. } => write!(f, "cannot listen on {address} ({kind}): {reason}"),
            Self::Users(reason) | Self::Audit(reason) | Self::Tier(reason) => f.write_str(reason),
            Self::Tls => f.write_str("Failed to configure TLS. Check logs for more info."),
            Self::Log(refused) => write!(f, "{refused}"),
            Self::System(error) => write!(f, "the system refused: {}", base::system::reason(error)),
        }
    }
}

impl std::error::Error for StartError {}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl Running {
    /// The TCP ports that it listens on, in order of the addresses of `bind`.
    pub fn ports(&self) -> Vec<u16> {
        self.listeners.open().iter().filter_map(Listener::port).collect()
    }

    /// Loads what is there, in the log and its base or in a snapshot; clients are told to wait meanwhile. Where there is
    /// to be a log, it goes on from here.
    pub(crate) fn loader(&self) -> impl FnOnce() -> Result<(), StartError> + Send + 'static {
        let (node, journal, keep) = (self.node.clone(), self.journal.clone(), self.keep.clone());
        move || {
            let result = if node.settings.appendonly() {
                durability::start::start(&node, &journal).map(|threads| keep.is_kept(threads)).map_err(StartError::Log)
            } else {
                crate::loading::load(&node).map_err(|_| StartError::Log(RefusedLog::Said))
            };
            if result.is_ok() {
                node.loading.end();
                // It may have been turned on or off meanwhile; the log says so when that fails.
                let _said = node.keeper().follow_switch(false);
            }
            result
        }
    }

    /// Waits until a command asks for the end.
    pub(crate) async fn told_to_end(&mut self) -> End {
        match self.end.recv().await {
            Some(end) => end,
            // The instance holds the other end for as long as it lives, and `self` holds the instance.
            None => std::future::pending().await,
        }
    }

    /// What SIGHUP asks for: files that others renew or move away are opened anew.
    pub(crate) fn reopen_files(&self) {
        self.listeners.look_at_files(true);
        if let Some(audit) = &self.audit {
            audit.reopen();
        }
    }

    /// Stops serving: closes all sockets and waits for the threads.
    pub fn stop(self) {
        self.listeners.close();
        for thread in self.threads {
            while !thread.is_finished() && !self.node.space.is_halted() {
                std::thread::sleep(END_LOOK);
            }
            // A script that does not end goes with the process; what it did is not whole, and in no log.
            if thread.is_finished() {
                // A thread that panicked has logged it.
                let _ = thread.join();
            }
        }
        self.keep.stop();
        if let Some(audit) = self.audit {
            audit.stop();
        }
    }
}

/// Starts a server with these settings, and with the keys of its log if it has one. It logs only where the process has
/// opened a log.
pub fn start(configured: Configured) -> Result<Running, StartError> {
    let has_log = configured.settings.appendonly();
    let running = start_with(configured, has_log)?;
    if has_log {
        running.loader()()?;
    }
    Ok(running)
}

/// As [`start`], without any keys: where there is data, clients are told to wait until [`Running::loader`] is done.
pub(crate) fn start_loading(configured: Configured) -> Result<Running, StartError> {
    let has_data = configured.settings.appendonly() || crate::loading::has_data(&configured.settings);
    start_with(configured, has_data)
}

fn start_with(configured: Configured, is_loading: bool) -> Result<Running, StartError> {
    let Configured { settings, rename_commands, users, modules, .. } = configured;
    let table = table(&rename_commands)?;
    check_modules(&modules)?;
    let count = match settings.core_threads() {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        count => count as usize,
    };
    // The gateway's threads are cores, too, which have no other connections.
    let own_count = count;
    let count = own_count + gateway::threads(&settings);
    // The keys of the log's base are in the order of their hashes: with the same seed they go where they were.
    let seed = if settings.appendonly() { durability::open::seed(&settings) } else { None };
    let node = match seed {
        Some(seed) => Node::with_seed(settings, table, count, seed)?,
        None => Node::new(settings, table, count)?,
    };
    let node = Arc::new(node);
    node.keep_own();
    node.load_users(&users).map_err(StartError::Users)?;
    node.load_manifest().map_err(StartError::Users)?;
    node.begin_tokens(base::clock::unix_ms());
    node.loading.is_loading.store(is_loading, Relaxed);
    let (sender, receiver) = unbounded_channel();
    let listeners = Arc::new(Listeners::new(node.clone(), sender));
    let (end_sender, end) = unbounded_channel();
    let host = Process { node: Arc::downgrade(&node), listeners: Arc::downgrade(&listeners), end: end_sender.clone() };
    node.set_host(Box::new(host));
    node.space.set_meanwhile(cores::serve_meanwhile);
    let journal = Arc::new(Journal::new(count));
    listeners.listen_first()?;
    open_tier(&node)?;
    let keep = Keep::new(&node, journal.clone());
    node.set_keeper(Box::new(Kept(keep.clone())));
    keep.watch()?;
    let audit = Audit::start(&node).map_err(StartError::Audit)?;
    let (cores, inner_sides) = cores::doors(own_count);
    let inner_sides = inner_sides.into_iter().map(|inner| (inner, None));
    let (private_doors, private_sides) = gateway::seats(&node, own_count..count, &listeners)?;
    let mut threads = Vec::new();
    let (ready_sender, ready) = std::sync::mpsc::channel();
    for (inner, lodger) in inner_sides.chain(private_sides) {
        let (ready, end) = (ready_sender.clone(), end_sender.clone());
        threads.push(cores::spawn(node.clone(), journal.clone(), inner, lodger, ready, end)?);
    }
    drop(ready_sender);
    // Nobody is let in before all cores have their memory. One that panics is silent, and reported by itself.
    ready.iter().for_each(drop);
    memory::settle();
    let (gate, of_gate) = (node.clone(), Arc::downgrade(&listeners));
    let acceptor = std::thread::Builder::new().name("acceptor".into());
    threads.push(acceptor.spawn(move || {
        accept_all(receiver, &cores, &gate, &of_gate);
        drop(private_doors);
    })?);
    Ok(Running { node, listeners, threads, journal, keep, audit, end })
}

/// Opens the warm tier, if there is to be one.
fn open_tier(node: &Arc<Node>) -> Result<(), StartError> {
    node.open_tier(Arc::new(RealDisk)).map_err(|error| {
        let (path, reason) = (node.settings.warm_tier_path(), base::system::reason(&error));
        let path = path.as_path().display().to_string();
        StartError::Tier(format!("warm-tier-path '{path}' is no directory that can be written to: {reason}"))
    })?;
    if node.warm.is_on() && node.settings.maxmemory() == 0 {
        log::warning("warm-tier-path has no effect without maxmemory: nothing leaves memory that has no bound");
    }
    Ok(())
}

/// What is built in.
const MODULES: &[&commands::module::Module] = &[&ownership_commands::MODULE];

/// `loadmodule` lines name modules that are built in, by their usual file names.
fn check_modules(lines: &[settings::Directive]) -> Result<(), StartError> {
    for line in lines {
        let path = line.args.first().map_or(&[][..], Vec::as_slice);
        let shown = String::from_utf8_lossy(path);
        match MODULES.iter().find(|module| module.is_file(path)) {
            Some(module) => log::notice(&format!("Module '{}' is built in: {shown} is not needed", module.name)),
            None => {
                log::warning(&commands::module::cannot_load(&shown, MODULES));
                let reason = format!("Can't load module from {shown}: server aborting");
                return Err(StartError::Config(line.place.clone().refuse(reason)));
            }
        }
    }
    Ok(())
}

/// The table with `rename-command` applied; a line that cannot be applied is an error at its place.
fn table(renames: &[settings::Directive]) -> Result<Table, StartError> {
    let mut pairs = Vec::new();
    let mut table = Table::with_modules(&[], MODULES);
    for line in renames {
        let word =
            |index: usize| String::from_utf8_lossy(line.args.get(index).map_or(&[][..], Vec::as_slice)).into_owned();
        pairs.push((word(0), word(1)));
        table = Table::with_modules(&pairs, MODULES);
        if let Err(reason) = &table {
            return Err(StartError::Config(line.place.clone().refuse(reason.clone())));
        }
    }
    table.map_err(|reason| StartError::System(io::Error::other(reason)))
}

/// The acceptor's thread: accepts on every listening socket that it is sent, until there is no sender left.
fn accept_all(mut sockets: UnboundedReceiver<Accepting>, cores: &Cores, node: &Arc<Node>, listeners: &Weak<Listeners>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return log::warning("The acceptor has no runtime: nobody can connect") };
    LocalSet::new().block_on(&runtime, async {
        loaded_soon(node).await;
        while let Some(socket) = sockets.recv().await {
            let gate = Gate { node: node.clone(), cores: cores.clone(), listeners: listeners.clone() };
            tokio::task::spawn_local(listener::accept(socket, cores.clone(), gate));
        }
    });
}

/// Ready when the data is there, or takes long to come: who connects to a server that starts need not hear of a load
/// that is over in a moment. Connections wait in the system's backlog meanwhile.
async fn loaded_soon(node: &Node) {
    let begun = std::time::Instant::now();
    while node.loading.is_loading.load(Relaxed) && begun.elapsed() < LOAD_UNNOTICED {
        tokio::time::sleep(LOAD_LOOK).await;
    }
}

/// Protected mode and `maxclients`.
struct Gate {
    node: Arc<Node>,
    cores: Cores,
    listeners: Weak<Listeners>,
}

impl Admission for Gate {
    fn admit(&self, socket: &Accepted) -> Result<(), &'static [u8]> {
        let settings = &self.node.settings;
        if self.cores.connections() >= settings.maxclients() as usize {
            self.node.count_rejected_connection();
            return Err(b"-ERR max number of clients reached\r\n");
        }
        if settings.protected_mode() && self.node.acl.users.default_user().needs_no_password() && !socket.is_local() {
            self.node.count_rejected_connection();
            return Err(
                b"-DENIED Redis is running in protected mode because protected mode is enabled and no password \
is set for the default user. In this mode connections are only accepted from the loopback interface. To accept \
others, set a password ('requirepass'), or turn the mode off from a local connection with 'CONFIG SET \
protected-mode no' or the option '--protected-mode no'.\r\n",
            );
        }
        Ok(())
    }

    fn session(&self) -> Option<Box<Session>> {
        self.listeners.upgrade()?.tls.session()
    }

    fn keepalive_seconds(&self) -> u32 {
        self.node.settings.tcp_keepalive()
    }
}

/// Where the pid is written; none when nobody asked.
pub(crate) fn pid_file(settings: &Settings) -> Option<PathBuf> {
    let path = settings.pidfile();
    match (path.is_empty(), settings.daemonize()) {
        (false, _) => Some(settings.dir().as_path().join(path.as_path())),
        (true, true) => Some("/var/run/redis.pid".into()),
        (true, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use settings::Startup;

    use super::*;

    fn started(port: u16, more: &[&str]) -> Result<Running, StartError> {
        let port = port.to_string();
        let words = ["--port", &port, "--bind", "127.0.0.1", "--core-threads", "2"];
        let words: Vec<Vec<u8>> = words.iter().chain(more).map(|word| word.as_bytes().to_vec()).collect();
        match Settings::load(&words, &mut io::empty()) {
            Ok(Startup::Serve(configured)) => start(*configured),
            _ => panic!("the words are in order"),
        }
    }

    fn free_port() -> u16 {
        let socket = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        socket.local_addr().expect("its address").port()
    }

    fn ask(port: u16, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        stream.write_all(format!("{request}\r\nQUIT\r\n").as_bytes()).expect("it reads");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("it writes");
        reply
    }

    #[test]
    fn serves_moves_and_stops() {
        let (first, second) = (free_port(), free_port());
        let running = started(first, &[]).expect("the port is free");
        assert_eq!(running.ports(), [first]);
        assert_eq!(ask(first, "PING"), "+PONG\r\n+OK\r\n");
        assert_eq!(ask(first, &format!("CONFIG SET port {second}")), "+OK\r\n+OK\r\n");
        assert_eq!(ask(second, "PING"), "+PONG\r\n+OK\r\n");
        assert!(TcpStream::connect(("127.0.0.1", first)).is_err());
        running.stop();
        assert!(TcpStream::connect(("127.0.0.1", second)).is_err());
    }

    /// Sends a request and reads until the answer ends with `end`.
    fn talk(stream: &mut TcpStream, request: &str, end: &str) -> String {
        stream.write_all(format!("{request}\r\n").as_bytes()).expect("it reads");
        let mut reply = Vec::new();
        while !reply.ends_with(end.as_bytes()) {
            let mut part = [0; 4096];
            let read = stream.read(&mut part).expect("it answers in time");
            assert!(read > 0, "{request} ended the connection after {}", String::from_utf8_lossy(&reply));
            reply.extend_from_slice(&part[..read]);
        }
        String::from_utf8(reply).expect("text")
    }

    #[test]
    fn a_connection_whose_command_took_long_goes_on_with_the_last_core() {
        let port = free_port();
        let running = started(port, &["--enable-debug-command", "yes"]).expect("the port is free");
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
        assert!(talk(&mut stream, "CLIENT INFO", "\n\r\n").contains("io-thread=0"));
        let state = "SELECT 3\r\nCLIENT SETNAME mover\r\nWATCH k\r\nDEBUG SLEEP 0.02";
        talk(&mut stream, state, "+OK\r\n+OK\r\n+OK\r\n+OK\r\n");
        let info = talk(&mut stream, "CLIENT INFO", "\n\r\n");
        for fact in ["io-thread=1", "name=mover", "db=3", "watch=1"] {
            assert!(info.contains(fact), "{fact} in {info}");
        }
        assert_eq!(ask(port, "SELECT 3\r\nSET k v"), "+OK\r\n+OK\r\n+OK\r\n");
        assert_eq!(talk(&mut stream, "MULTI\r\nGET k\r\nEXEC", "*-1\r\n"), "+OK\r\n+QUEUED\r\n*-1\r\n");
        talk(&mut stream, "SUBSCRIBE news", ":1\r\n");
        assert_eq!(ask(port, "PUBLISH news it"), ":1\r\n+OK\r\n");
        let message = talk(&mut stream, "UNSUBSCRIBE", ":0\r\n");
        assert!(message.starts_with("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nit\r\n"), "{message}");
        drop(stream);
        running.stop();
    }

    #[test]
    fn a_taken_port_is_an_error_and_keeps_the_old_one() {
        let (own, taken) = (free_port(), TcpListener::bind(("127.0.0.1", 0)).expect("a free port"));
        let port = taken.local_addr().expect("its address").port();
        assert!(matches!(started(port, &[]), Err(StartError::Listen { .. })));
        let running = started(own, &[]).expect("the port is free");
        assert!(ask(own, &format!("CONFIG SET port {port}")).contains("Unable to listen on this port"));
        assert_eq!(ask(own, "PING"), "+PONG\r\n+OK\r\n");
        running.stop();
    }

    #[test]
    fn a_command_can_be_renamed_but_not_twice_to_one_name() {
        assert!(matches!(started(free_port(), &["--rename-command", "GET", "SET"]), Err(StartError::Config(_))));
        let port = free_port();
        let running = started(port, &["--rename-command", "PING", "pong"]).expect("the port is free");
        assert_eq!(ask(port, "pong"), "+PONG\r\n+OK\r\n");
        running.stop();
    }
}
