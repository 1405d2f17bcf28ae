//! The load generator. `load run|probe|idle --option value ...`
//!
//! run     `--command ping|get|set|mixed|new --connections N --pipeline N --keyspace N --value-bytes N
//!         --rate PER_SECOND --seconds N --requests N --preload 1 --first-new N --zipf EXPONENT --json FILE`; as fast as
//!         possible without `--rate`
//! probe   PING at 1 kHz while something else runs: the longest wait of anybody
//! idle    `--connections N --seconds N`: opens connections, says what each costs, and holds them
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]

use benches::generator::{self, Config};
use benches::options::Options;
use benches::process;
use benches::requests::Command;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

const OPTIONS: &[&str] = &[
    "address",
    "command",
    "connections",
    "pipeline",
    "keyspace",
    "value-bytes",
    "rate",
    "seconds",
    "requests",
    "preload",
    "first-new",
    "seed",
    "zipf",
    "json",
];

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let mode = words.next().unwrap_or_default();
    let done = Options::parse(words, OPTIONS).and_then(|options| match mode.as_str() {
        "run" => run(&options, Command::Mixed, 50, None),
        "probe" => run(&options, Command::Ping, 1, Some(1000.0)),
        "idle" => idle(&options),
        _ => Err("usage: load run|probe|idle --address HOST:PORT [--option value ...]".into()),
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::from(2)
        }
    }
}

fn address(options: &Options) -> Result<SocketAddr, String> {
    let word: String = options.get("address", "127.0.0.1:6379".into())?;
    let found = word.to_socket_addrs().ok().and_then(|mut all| all.next());
    found.ok_or_else(|| format!("--address: '{word}' is not HOST:PORT"))
}

/// True when the figures are valid.
fn run(options: &Options, command: Command, connections: usize, rate: Option<f64>) -> Result<bool, String> {
    let config = Config {
        address: address(options)?,
        command: options.get("command", command)?,
        connections: options.get("connections", connections)?.max(1),
        pipeline: options.get("pipeline", 1)?.max(1),
        keyspace: options.get("keyspace", 1_000_000)?,
        value_len: options.get("value-bytes", 64)?,
        rate: options.find("rate")?.or(rate),
        duration: Duration::from_secs_f64(options.get("seconds", 10.0)?),
        requests: options.find("requests")?,
        first_new: options.get("first-new", 0)?,
        seed: options.get("seed", 1)?,
        zipf: options.find("zipf")?,
    };
    if config.zipf.is_some_and(|exponent| !(exponent > 0.0 && exponent < 1.0)) {
        return Err("--zipf must be between 0 and 1".into());
    }
    if config.rate.is_some_and(|rate| !rate.is_finite() || rate <= 0.0) {
        return Err("--rate must be above 0".into());
    }
    raise_open_files(config.connections)?;
    if options.get("preload", 0)? != 0 {
        preload(&config)?;
    }
    let summary = generator::run(&config).map_err(|e| format!("{}: {e}", config.address))?;
    print!("{}", summary.text());
    if let Some(file) = options.find::<String>("json")? {
        std::fs::write(&file, summary.json() + "\n").map_err(|e| format!("{file}: {e}"))?;
    }
    Ok(summary.fault().is_none())
}

/// Sets every key of the keyspace once, so that no read misses.
fn preload(config: &Config) -> Result<(), String> {
    let fill = Config {
        command: Command::NewKeys,
        connections: 10,
        pipeline: 50,
        rate: None,
        duration: Duration::from_secs(3600),
        requests: Some(config.keyspace),
        first_new: 0,
        zipf: None,
        ..config.clone()
    };
    let summary = generator::run(&fill).map_err(|e| format!("{}: {e}", config.address))?;
    summary.first_error.map_or(Ok(()), |error| Err(format!("while preloading: {error}")))
}

fn idle(options: &Options) -> Result<bool, String> {
    let (address, count) = (address(options)?, options.get("connections", 1000)?);
    raise_open_files(count)?;
    let fault = |e: std::io::Error| format!("{address}: {e}");
    let pid = process::pid_at(address).map_err(fault)?;
    let before = process::resident(pid).map_err(fault)?;
    let streams: Vec<TcpStream> =
        (0..count).map(|_| TcpStream::connect(address)).collect::<Result<_, _>>().map_err(fault)?;
    // The server answers behind all of them: it has accepted every one.
    process::ask(address, "PING", |text| text.contains('\n')).map_err(fault)?;
    std::thread::sleep(Duration::from_secs(1));
    let after = process::resident(pid).map_err(fault)?;
    let each = (after.saturating_sub(before)) as f64 / count.max(1) as f64;
    println!("{} idle connections: {each:.0} resident bytes each", streams.len());
    std::thread::sleep(Duration::from_secs_f64(options.get("seconds", 0.0)?));
    Ok(true)
}

fn raise_open_files(connections: usize) -> Result<(), String> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let wanted = connections as u64 + 64;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    let raised = Rlimit { current: Some(wanted), maximum: limit.maximum.map(|maximum| maximum.max(wanted)) };
    setrlimit(Resource::Nofile, raised).map_err(|e| {
        format!("{connections} connections need {wanted} open files ({e}): run 'ulimit -n {wanted}' first")
    })
}
