//! The servers under test. Each is reached through [`Target::connect`]; nothing else knows where it runs.
//!
//! Invariant: a server that was started here is stopped by its process id when its target is dropped.

use crate::connection::{Connection, Stream};
use crate::ports;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server.
pub trait Target: Send + Sync {
    /// `stateless`, `redis7`, `redis8` or `valkey9`: what a transcript's conditions name.
    fn name(&self) -> &str;

    /// A new connection to it.
    fn connect(&self) -> io::Result<Box<dyn Stream>>;

    /// A new client of it.
    fn client(&self) -> Connection {
        Connection::new(self.connect().unwrap_or_else(|e| panic!("cannot connect to {}: {e}", self.name())))
    }
}

/// A server at an address: one that runs already, or one started by this process.
pub struct Tcp {
    name: String,
    address: SocketAddr,
    child: Option<Started>,
}

struct Started {
    process: Child,
    /// Removed with the server; none where somebody else owns it.
    dir: Option<PathBuf>,
}

impl Drop for Started {
    fn drop(&mut self) {
        let _gone_already = self.process.kill();
        let _reaped = self.process.wait();
        if let Some(dir) = &self.dir {
            let _left_behind = std::fs::remove_dir_all(dir);
        }
    }
}

impl Target for Tcp {
    fn name(&self) -> &str {
        &self.name
    }

    fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }
}

impl Tcp {
    /// A server that runs already, at `host:port`.
    pub fn at(address: &str) -> Result<Tcp, String> {
        let resolved = address.to_socket_addrs().ok().and_then(|mut all| all.next());
        let address = resolved.ok_or_else(|| format!("'{address}' is not an address (write host:port)"))?;
        let mut target = Tcp { name: String::new(), address, child: None };
        target.name = name_of(&mut Connection::new(
            target.connect().map_err(|e| format!("no server answers at {address}: {e}"))?,
        ));
        Ok(target)
    }

    /// This project's server: the binary named by `CARGO_BIN`, else the newest one built.
    pub fn ours() -> Result<Tcp, String> {
        Tcp::start_ours(None)
    }

    /// As [`Tcp::ours`], with the files of a directory.
    pub fn ours_in(dir: &Path) -> Result<Tcp, String> {
        Tcp::start_ours(Some(dir))
    }

    /// As [`Tcp::ours_in`], with more options.
    pub fn ours_with(dir: &Path, options: &[&str]) -> Result<Tcp, String> {
        let mut target = Tcp::start_with(&our_binary()?, Some(dir), options)?;
        target.name = "stateless".into();
        Ok(target)
    }

    /// As [`Tcp::redis_in`], with more options.
    pub fn redis_with(dir: &Path, options: &[&str]) -> Result<Tcp, String> {
        Tcp::start_with(&redis_binary()?, Some(dir), options)
    }

    /// Waits until the process that was started here has ended by itself.
    pub fn wait_for_end(&mut self) {
        let Some(child) = &mut self.child else { return };
        crate::until("it ends", || matches!(child.process.try_wait(), Ok(Some(_))));
    }

    /// The number of the process that was started here.
    pub fn process_id(&self) -> Option<u32> {
        self.child.as_ref().map(|child| child.process.id())
    }

    fn start_ours(dir: Option<&Path>) -> Result<Tcp, String> {
        let mut target = Tcp::start(&our_binary()?, dir)?;
        target.name = "stateless".into();
        Ok(target)
    }

    /// The distribution's redis-server.
    pub fn redis() -> Result<Tcp, String> {
        Tcp::start(&redis_binary()?, None)
    }

    /// As [`Tcp::redis`], with the files of a directory.
    pub fn redis_in(dir: &Path) -> Result<Tcp, String> {
        Tcp::start(&redis_binary()?, Some(dir))
    }

    /// The server that `word` names: `ours`, `redis`, or `host:port`.
    pub fn named(word: &str) -> Result<Tcp, String> {
        match word {
            "ours" => Tcp::ours(),
            "redis" => Tcp::redis(),
            address => Tcp::at(address),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    fn start(binary: &Path, own_dir: Option<&Path>) -> Result<Tcp, String> {
        Tcp::start_with(binary, own_dir, &[])
    }

    fn start_with(binary: &Path, own_dir: Option<&Path>, options: &[&str]) -> Result<Tcp, String> {
        // Somebody else may take the port before the server does: then another one is tried.
        let mut tries = 0;
        loop {
            match Tcp::start_at(ports::free()?, binary, own_dir, options) {
                Err(_) if tries < 3 => tries += 1,
                result => return result,
            }
        }
    }

    fn start_at(port: u16, binary: &Path, own_dir: Option<&Path>, options: &[&str]) -> Result<Tcp, String> {
        let fresh = || std::env::temp_dir().join(format!("compat-tests-{}-{port}", std::process::id()));
        let dir = own_dir.map_or_else(fresh, Path::to_owned);
        std::fs::create_dir_all(&dir).map_err(|e| format!("cannot make {}: {e}", dir.display()))?;
        let process = Command::new(binary)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--loglevel", "warning", "--enable-debug-command", "yes", "--dir"])
            .arg(&dir)
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|e| format!("cannot start {}: {e}", binary.display()))?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut target = Tcp {
            name: String::new(),
            address,
            child: Some(Started { process, dir: own_dir.is_none().then_some(dir) }),
        };
        target.wait_until_up(binary)?;
        target.name = name_of(&mut target.client());
        Ok(target)
    }

    fn wait_until_up(&mut self, binary: &Path) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            if let Some(Ok(Some(status))) = self.child.as_mut().map(|child| child.process.try_wait()) {
                return Err(format!("{} ended before it listened ({status})", binary.display()));
            }
            if let Ok(stream) = self.connect() {
                return self.is_ours(&mut Connection::new(stream), binary);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(format!("{} did not listen within 10 s", binary.display()))
    }

    /// Whether the process that answers is the one that was started, and not another one at the same port.
    fn is_ours(&self, client: &mut Connection, binary: &Path) -> Result<(), String> {
        let Some(child) = &self.child else { return Ok(()) };
        let info = client.words("INFO server").map_err(|e| format!("{} does not answer: {e}", binary.display()))?;
        let field = format!("process_id:{}\r\n", child.process.id());
        match String::from_utf8_lossy(info.as_bytes().unwrap_or_default()).contains(&field) {
            true => Ok(()),
            false => Err(format!("another server than {} answers at {}", binary.display(), self.address)),
        }
    }
}

fn redis_binary() -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join("redis-server")).find(|file| file.is_file());
    found.ok_or_else(|| {
        "redis-server is not installed, and these tests compare with it: \
         run 'apt-get install redis-server' (Debian 12 has 7.0) and try again"
            .into()
    })
}

/// The binary of this project's server.
pub fn our_binary() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("CARGO_BIN") {
        return Ok(path.into());
    }
    // A test binary stands in <target>/<profile>/deps, and the server beside that folder.
    let here = std::env::current_exe().map_err(|e| format!("where am I? {e}"))?;
    let mut built: Vec<PathBuf> = here.ancestors().map(|dir| dir.join("stateless-server")).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    built.extend(["debug", "fast", "release"].map(|profile| root.join(profile).join("stateless-server")));
    built.into_iter().find(|file| file.is_file()).ok_or_else(|| {
        "the server is not built: run 'cargo build -p stateless-server', or name a binary in CARGO_BIN".into()
    })
}

fn name_of(client: &mut Connection) -> String {
    let info = match client.words("INFO server") {
        Ok(reply) => String::from_utf8_lossy(reply.as_bytes().unwrap_or_default()).into_owned(),
        Err(_) => String::new(),
    };
    let field = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map(|value| value.split('.').next().unwrap_or(value).to_string())
    };
    match (field("valkey_version"), field("redis_version")) {
        _ if field("executable").is_some_and(|path| path.ends_with("stateless-server")) => "stateless".into(),
        (Some(major), _) => format!("valkey{major}"),
        (_, Some(major)) => format!("redis{major}"),
        _ => "unknown".into(),
    }
}
