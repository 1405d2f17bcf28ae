//! What the kernel knows about a server process.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// CPU time of a process so far, in seconds.
#[derive(Clone, Copy)]
pub struct CpuTime {
    pub user: f64,
    pub system: f64,
}

/// User and system time of the process `pid`, all threads.
pub fn cpu_time(pid: u32) -> io::Result<CpuTime> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name may contain spaces and parentheses; the fields after it do not.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    let field = |i: usize| fields.get(i).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0) / ticks;
    Ok(CpuTime { user: field(11), system: field(12) })
}

/// Resident bytes of the process `pid`.
pub fn resident(pid: u32) -> io::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.map(|kb| kb * 1024).ok_or_else(|| io::Error::other(format!("/proc/{pid}/status has no VmRSS")))
}

/// Sends one inline command and reads until `enough` is content with what came.
pub fn ask(address: SocketAddr, command: &str, enough: impl Fn(&str) -> bool) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(std::time::Duration::from_secs(60)))?;
    stream.write_all(format!("{command}\r\n").as_bytes())?;
    let (mut text, mut chunk) = (String::new(), [0; 16 * 1024]);
    while !enough(&text) {
        match stream.read(&mut chunk)? {
            0 => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("no whole answer to {command}"))),
            n => text.push_str(&String::from_utf8_lossy(&chunk[..n])),
        }
    }
    Ok(text)
}

/// A field of `INFO server`.
pub fn info(address: SocketAddr, field: &str) -> io::Result<String> {
    let marker = format!("\n{field}:");
    let text = ask(address, "INFO server", |text| text.contains("\r\n") && text.trim_end().lines().count() > 10)?;
    let value = text.split(&marker).nth(1).and_then(|rest| rest.lines().next());
    value.map(|value| value.trim().to_string()).ok_or_else(|| io::Error::other(format!("INFO has no {field}")))
}

/// The process id of the server at `address`, which must be on this machine.
pub fn pid_at(address: SocketAddr) -> io::Result<u32> {
    info(address, "process_id")?.parse().map_err(io::Error::other)
}
