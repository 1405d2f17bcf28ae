//! Gets and starts the servers. Peers come from Debian's own packages: redis-server of the running system, and
//! Redis 8.0 and Valkey 9 of Debian sid in a folder of their own, where they run under chroot.
//!
//! Invariant: a server that was started is stopped by its process id when it is dropped.

use crate::process;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server.
pub struct Server {
    /// Name and version, as tables print it.
    pub label: String,
    pub address: SocketAddr,
    pub pid: u32,
    child: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// How a server is started.
pub struct Launch {
    name: &'static str,
    words: Vec<PathBuf>,
}

/// The folder with Debian sid: `PEERS_DIR`, else in the user's cache.
fn sid() -> PathBuf {
    let home = std::env::var_os("HOME").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
    let cache = std::env::var_os("PEERS_DIR").map_or_else(|| home.join(".cache/stateless-peers"), PathBuf::from);
    cache.join("sid")
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// The peers that are installed, the strongest first: it is what the others are compared with.
pub fn installed() -> Vec<Launch> {
    let sid = sid();
    let in_sid = |name, program: &str| {
        let words = vec!["chroot".into(), sid.clone(), program.into()];
        sid.join("usr/bin").join(program).exists().then_some(Launch { name, words })
    };
    let here = on_path("redis-server").map(|program| Launch { name: "Redis", words: vec![program] });
    [in_sid("Valkey", "valkey-server"), in_sid("Redis", "redis-server"), here].into_iter().flatten().collect()
}

/// This project's server.
pub fn ours(binary: &Path) -> Launch {
    Launch { name: "stateless", words: vec![binary.to_path_buf()] }
}

/// Installs the peers; needs root, because packages and chroot do.
pub fn install() -> Result<(), String> {
    if on_path("redis-server").is_none() || on_path("redis-benchmark").is_none() || on_path("debootstrap").is_none() {
        run("apt-get", &["update", "-qq"])?;
        run("apt-get", &["install", "-y", "-qq", "redis-server", "redis-tools", "debootstrap"])?;
    }
    let sid = sid();
    if !sid.join("usr/bin/valkey-server").exists() {
        let folder = sid.to_str().ok_or("PEERS_DIR is not valid UTF-8")?;
        std::fs::create_dir_all(&sid).map_err(|e| format!("{folder}: {e}"))?;
        run("debootstrap", &["--variant=minbase", "--include=redis-server,valkey-server", "sid", folder])?;
    }
    Ok(())
}

fn run(program: &str, words: &[&str]) -> Result<(), String> {
    let status = Command::new(program).args(words).status().map_err(|e| format!("{program}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{program} {} ended with {status}", words.join(" "))) }
}

/// Starts a server bare: no persistence, on the loopback, on a free port.
pub fn start(launch: &Launch) -> Result<Server, String> {
    let port =
        TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr()).map_err(|e| e.to_string())?.port();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let shown = launch.words.iter().map(|word| word.display().to_string()).collect::<Vec<_>>().join(" ");
    let mut child = Command::new(&launch.words[0])
        .args(&launch.words[1..])
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(["--dir", "/tmp", "--loglevel", "warning"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|e| format!("{shown}: {e}"))?;
    let deadline = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(address).is_err() {
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("{shown} ended before it listened ({status})"));
        }
        if Instant::now() > deadline {
            let _gone = child.kill();
            return Err(format!("{shown} did not listen within 10 s"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut server = Server { label: String::new(), address, pid: child.id(), child };
    let fault = |e: std::io::Error| format!("{shown}: {e}");
    server.pid = process::pid_at(address).map_err(fault)?;
    // Each of them also names the version of Redis that it stands in for.
    let version = process::info(address, &format!("{}_version", launch.name.to_lowercase()));
    server.label = format!("{} {}", launch.name, version.unwrap_or_default()).trim_end().into();
    Ok(server)
}
