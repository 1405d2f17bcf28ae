//! A server process that is killed and started again on the same directory.

use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use compat_tests::ports;
use compat_tests::target::our_binary;

/// How often it is looked whether it serves, at most, and how long apart.
const LOOKS_MAX: usize = 6000;
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Only a server that hangs takes longer, on whatever machine.
const REPLY_WITHIN: Duration = Duration::from_secs(300);

/// See the module's head.
pub(crate) struct Server {
    binary: PathBuf,
    policy: String,
    has_tier: bool,
    port: u16,
    dir: PathBuf,
    process: Mutex<Option<Child>>,
}

impl Server {
    /// `policy` is one of appendfsync, with `+tier` for a server whose values move to files.
    pub(crate) fn new(policy: &str) -> Result<Self, String> {
        let (policy, has_tier) = policy.strip_suffix("+tier").map_or((policy, false), |policy| (policy, true));
        let binary = match std::env::var_os("KILL_SERVER") {
            Some(path) => path.into(),
            None => our_binary()?,
        };
        let port = ports::free()?;
        let dir = std::env::temp_dir().join(format!("kill-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&dir).map_err(|error| error.to_string())?;
        Ok(Self { binary, policy: policy.to_owned(), has_tier, port, dir, process: Mutex::new(None) })
    }

    /// Starts it and waits until it serves.
    pub(crate) fn start(&mut self) -> Result<(), String> {
        let log = self.dir.join("log.txt");
        let tier = self.dir.join("tier").display().to_string();
        let tier_args = ["--warm-tier-path", &tier, "--enable-debug-command", "yes"];
        let child = Command::new(&self.binary)
            .args(if self.has_tier { &tier_args[..] } else { &[] })
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"])
            .args(["--appendfsync", &self.policy, "--dir"])
            .arg(&self.dir)
            .args(["--logfile", &log.display().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", self.binary.display()))?;
        *self.process.lock().expect("no panic under it") = Some(child);
        // Counted, not timed: who stops the whole test for a while has not made it slow.
        for _ in 0..LOOKS_MAX {
            if let Some(child) = &mut *self.process.lock().expect("no panic under it")
                && let Ok(Some(status)) = child.try_wait()
            {
                let text = std::fs::read_to_string(&log).unwrap_or_default();
                let tail: Vec<&str> = text.lines().rev().take(5).collect();
                return Err(format!("it does not start again ({status}): {}", tail.join(" | ")));
            }
            if let Ok(mut client) = self.connect()
                && super::load::ask(&mut client, &[&["PING"]]).is_ok_and(|reply| reply == [b"PONG".to_vec()])
            {
                return Ok(());
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Err("it does not serve within 30 s".to_owned())
    }

    /// Moves all values to files again and again until it is killed, where it has a tier.
    pub(crate) fn keep_cool(&self) {
        let Some(mut client) = self.has_tier.then(|| self.connect().ok()).flatten() else { return };
        while super::load::ask(&mut client, &[&["DEBUG", "COOL"]]).is_ok() {
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    pub(crate) fn connect(&self) -> std::io::Result<TcpStream> {
        let stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], self.port)))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(REPLY_WITHIN))?;
        Ok(stream)
    }

    /// As `kill -9` does.
    pub(crate) fn kill(&self) {
        if let Some(mut child) = self.process.lock().expect("no panic under it").take() {
            let _gone_already = child.kill();
            let _reaped = child.wait();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _left_behind = std::fs::remove_dir_all(&self.dir);
    }
}
