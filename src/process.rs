//! The program around the server: command line, log, limits, pid file, signals, end.
#![allow(clippy::print_stderr)] // A configuration that is refused is said to whoever started the program.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use settings::{Configured, LogLevel, Settings, Startup};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::{self, Product, VERSION};
use crate::durability::start::RefusedLog;
use crate::durability::{check_aof, tools};
use crate::host::End;
use crate::startup::{self, Running, StartError};
use crate::{audit, crash, limits, log, logo, oom, rdb_tools, supervisor, system, title};

/// Between two looks whether files of TLS have changed.
const FILE_LOOK: Duration = Duration::from_secs(1);
/// How often it is looked whether DEBUG PAUSE-CRON still holds a shutdown.
const PAUSED_CRON_POLL: Duration = Duration::from_millis(5);

/// The log may have scripts that nest deeply.
const LOAD_STACK_BYTES: usize = 8 << 20;

/// Runs the program: `program` is the name it was started by, `args` what follows it.
pub fn run(program: &[u8], args: &[Vec<u8>]) -> ExitCode {
    let product = Product::named_by(program);
    match args.split_first() {
        _ if rdb_tools::is_checker(program) => return rdb_tools::check_rdb("redis-check-rdb", args),
        Some((word, rest)) if word == b"--check-rdb" => {
            return rdb_tools::check_rdb("stateless-server --check-rdb", rest);
        }
        _ if check_aof::is_checker(program) => return check_aof::check_aof("redis-check-aof", args),
        Some((word, rest)) if word == b"--check-aof" => {
            return check_aof::check_aof("stateless-server --check-aof", rest);
        }
        Some((word, rest)) if word == b"--import" => return rdb_tools::import(rest),
        Some((word, rest)) if word == b"--check-audit" => return audit::tools::check(product.program, rest),
        _ => {}
    }
    if let Some(code) = tools::act(product.program, args) {
        return code;
    }
    match Settings::load(args, &mut io::stdin()) {
        Ok(Startup::Act(action)) => cli::act(action, product),
        Ok(Startup::Serve(configured)) => serve(*configured, product, program, !args.is_empty()),
        Err(error) => {
            let version = Settings::new().redis_version_reported().to_string_lossy().into_owned();
            let _ = io::stderr().write_all(&error.report(&version));
            ExitCode::FAILURE
        }
    }
}

fn serve(configured: Configured, product: Product, program: &[u8], is_configured: bool) -> ExitCode {
    let settings = &configured.settings;
    if let Err(reason) = enter_dir(settings) {
        eprintln!("Can't chdir to '{}': {reason}", settings.dir().to_string_lossy());
        return ExitCode::FAILURE;
    }
    log::open(settings);
    log_panics();
    greet(settings, product, is_configured);
    let is_supervised = supervisor::find(settings);
    if settings.daemonize() && !is_supervised {
        if let Err(error) = system::daemonize() {
            log::warning(&format!("Can't daemonize: {}", base::system::reason(&error)));
            return ExitCode::FAILURE;
        }
        // The allocator's own thread stayed with the parent.
        let _ = tikv_jemalloc_ctl::background_thread::write(true);
    }
    system::ignore_hangup();
    title::begin(settings, program);
    crash::give_thread_a_stack();
    if let Err(reason) = limits::adjust_max_clients(settings) {
        log::warning(&reason);
        return ExitCode::FAILURE;
    }
    let version = settings.redis_version_reported().to_string_lossy().into_owned();
    let pid_file = startup::pid_file(settings);
    logo::show(settings, product);
    for name in &configured.stored_only {
        log::notice(&format!("'{name}' is accepted and reported, but has no effect in this version of the server"));
    }
    if let Err(reason) = oom::follow(settings) {
        log::warning(&reason);
    }
    match startup::start_loading(configured) {
        Ok(running) => serve_until_told(running, pid_file, product),
        Err(error) => {
            say_refusal(&error, &version);
            ExitCode::FAILURE
        }
    }
}

/// Goes to `dir`; relative paths of the settings start there.
fn enter_dir(settings: &Settings) -> Result<(), String> {
    std::env::set_current_dir(settings.dir().as_path()).map_err(|error| base::system::reason(&error))
}

fn greet(settings: &Settings, product: Product, is_configured: bool) {
    log::log_early(LogLevel::Notice, &format!("oO0OoO0OoO0Oo {} is starting oO0OoO0OoO0Oo", product.title));
    let line = format!(
        "{} version={}, bits={}, commit=00000000, modified=0, pid={}, just started (build {VERSION})",
        product.title,
        settings.redis_version_reported().to_string_lossy(),
        usize::BITS,
        std::process::id()
    );
    log::log_early(LogLevel::Notice, &line);
    if is_configured {
        log::log_early(LogLevel::Notice, "Configuration loaded");
    } else {
        let line = format!(
            "Warning: no config file specified, using the default config. Start with '{} /path/to/redis.conf' to use one",
            product.program
        );
        log::log_early(LogLevel::Warning, &line);
    }
}

/// A defect of ours goes to the log, where operators look, with the place in the source.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, ToString::to_string);
        let text = panic.payload_as_str().unwrap_or("no message");
        log::warning(&format!("Internal error at {place}: {text}. Please report it with the lines around this one."));
        let trace = std::backtrace::Backtrace::force_capture();
        log::last_words(&format!("\n------ STACK TRACE ------\n{trace}\n------ STACK TRACE DONE ------\n\n"));
    }));
}

fn say_refusal(error: &StartError, version: &str) {
    match error {
        StartError::Config(error) => {
            let _ = io::stderr().write_all(&error.report(version));
        }
        StartError::Listen { address, reason, kind: "unix", .. } => {
            log::warning(&format!("Failed opening Unix socket: {address}: {reason}"));
        }
        StartError::Listen { address, reason, kind, port } => {
            log::warning(&format!("Warning: Could not create server TCP listening socket {address}: {reason}"));
            log::warning(&format!("Failed listening on port {port} ({kind}), aborting."));
        }
        StartError::Users(_) | StartError::Tls | StartError::Audit(_) | StartError::Tier(_) => {
            log::warning(&error.to_string());
        }
        StartError::System(_) | StartError::Log(_) => log::warning(&format!("Cannot start: {error}")),
    }
}

fn serve_until_told(mut running: Running, pid_file: Option<PathBuf>, product: Product) -> ExitCode {
    let kinds = running.listeners.kinds();
    if kinds.is_empty() {
        log::warning("Configured to not listen anywhere, exiting.");
        return ExitCode::FAILURE;
    }
    if let Some(path) = &pid_file
        && let Err(error) = fs::write(path, format!("{}\n", std::process::id()))
    {
        log::warning(&format!("Failed to write PID file {}: {}", path.display(), base::system::reason(&error)));
    }
    crash::follow(&running.node);
    log::notice("Server initialized");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let told = runtime.and_then(|runtime| {
        runtime.block_on(async {
            if load(&mut running).await?.is_none() {
                remove_pid_file(pid_file.clone());
                std::process::exit(1);
            }
            wait(&mut running, &kinds).await
        })
    });
    match told {
        Ok(()) => {}
        Err(error) => log::warning(&format!("Cannot wait for signals: {}", base::system::reason(&error))),
    }
    end(running, pid_file, product)
}

/// Loads what is there, on a thread of its own: who wants the end before it is done gets it at once, as nothing is
/// changed by then that is not on the disk. None: it cannot be loaded, which the log says.
async fn load(running: &mut Running) -> io::Result<Option<()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (sender, done) = tokio::sync::oneshot::channel();
    let load = running.loader();
    let run = move || {
        let _ = sender.send(load());
    };
    std::thread::Builder::new().name("load".into()).stack_size(LOAD_STACK_BYTES).spawn(run)?;
    let result = tokio::select! {
        result = done => result,
        _ = interrupt.recv() => leave_loading(),
        _ = terminate.recv() => leave_loading(),
        end = running.told_to_end() => match end {
            End::Asked => leave_loading(),
            End::CoreDied => {
                log::warning("A core's thread has ended: the server cannot go on");
                std::process::exit(1);
            }
        },
    };
    match result {
        Ok(Ok(())) => Ok(Some(())),
        // The lines that say why are there already.
        Ok(Err(StartError::Log(RefusedLog::Said))) => Ok(None),
        Ok(Err(error)) => {
            log::warning(&format!("Cannot start: {error}"));
            Ok(None)
        }
        // It panicked, which is in the log.
        Err(_) => Ok(None),
    }
}

fn leave_loading() -> ! {
    log::warning("Received shutdown signal during loading, exiting now.");
    std::process::exit(0)
}

/// Says that it is ready, and waits for a signal or SHUTDOWN.
async fn wait(running: &mut Running, kinds: &[&str]) -> io::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    for kind in kinds {
        log::notice(&format!("Ready to accept connections {kind}"));
    }
    supervisor::tell("STATUS=Ready to accept connections\nREADY=1\n");
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut look = tokio::time::interval(FILE_LOOK);
    loop {
        let (name, how) = tokio::select! {
            _ = hang_up.recv() => {
                supervisor::tell_reload();
                running.reopen_files();
                supervisor::tell("READY=1\n");
                continue;
            }
            _ = look.tick() => {
                running.listeners.look_at_files(false);
                continue;
            }
            _ = interrupt.recv() => ("SIGINT", running.node.settings.shutdown_on_sigint()),
            _ = terminate.recv() => ("SIGTERM", running.node.settings.shutdown_on_sigterm()),
            end = running.told_to_end() => match end {
                End::Asked => break,
                End::CoreDied => {
                    log::warning("A core's thread has ended: the server cannot go on");
                    std::process::exit(1);
                }
            },
        };
        log::warning(&format!("Received {name} scheduling shutdown..."));
        let node = &running.node;
        node.ending.ask();
        // DEBUG PAUSE-CRON stops what runs by the clock, this too.
        while node.monitoring.cron_paused.load(Relaxed) && node.ending.is_asked() {
            tokio::time::sleep(PAUSED_CRON_POLL).await;
        }
        if !node.ending.take() {
            continue;
        }
        let (again, snapshot) = (signal(SignalKind::interrupt())?, running.node.snapshot_path());
        std::thread::spawn(move || insist(again, &snapshot));
        let saves = how.save() || (!how.nosave() && running.node.has_save_points());
        if running.node.prepare_end(saves, how.force()) || how.force() {
            return Ok(());
        }
        log::warning(&format!(
            "{name} received but errors trying to shut down the server, check the logs for more information"
        ));
    }
    let snapshot = running.node.snapshot_path();
    std::thread::spawn(move || insist(interrupt, &snapshot));
    Ok(())
}

/// A second SIGINT ends a shutdown that takes too long.
fn insist(mut interrupt: Signal, snapshot: &Path) {
    if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build()
        && runtime.block_on(interrupt.recv()).is_some()
    {
        log::warning("You insist... exiting now.");
        // The snapshot under way is of no use to anybody.
        let _ = fs::remove_file(persistence::snapshot::temporary(snapshot, "rdb"));
        std::process::exit(1);
    }
}

fn end(running: Running, pid_file: Option<PathBuf>, product: Product) -> ExitCode {
    log::notice("User requested shutdown...");
    supervisor::tell("STOPPING=1\n");
    remove_pid_file(pid_file);
    running.stop();
    log::warning(&format!("{} is now ready to exit, bye bye...", product.title));
    // Keys need not be freed one by one when the whole process goes.
    std::process::exit(0)
}

fn remove_pid_file(pid_file: Option<PathBuf>) {
    if let Some(path) = pid_file {
        log::notice("Removing the pid file.");
        let _ = fs::remove_file(path);
    }
}

/// Whether somebody looks at the output as it comes.
pub(crate) fn is_watched(settings: &Settings) -> bool {
    settings.logfile().is_empty() && io::stdout().is_terminal()
}
