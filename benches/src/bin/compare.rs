//! Us and the peers side by side: `compare install`, then `compare run --server target/release/stateless-server`.
//! Takes whatever peers are installed; `--only WORD --runs N --scale 0.1` make a shorter run.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]

use benches::compare::{self, Results, chart, peers, table};
use benches::options::Options;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let mode = words.next().unwrap_or_default();
    let done = match mode.as_str() {
        "install" => peers::install(),
        "run" => Options::parse(words, &["server", "only", "runs", "scale", "out"]).and_then(|options| run(&options)),
        _ => Err(
            "usage: compare install | compare run [--server BINARY] [--only WORD] [--runs N] [--scale F] [--out DIR]"
                .into(),
        ),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let mut launches = peers::installed();
    if launches.is_empty() {
        return Err("no peer is installed: run 'compare install' as root, or 'apt-get install redis-server'".into());
    }
    if let Some(binary) = options.find::<PathBuf>("server")? {
        launches.push(peers::ours(&binary));
    }
    let servers: Vec<peers::Server> = launches.iter().map(peers::start).collect::<Result<_, _>>()?;
    let mut results = Results {
        servers: servers.iter().map(|server| server.label.clone()).collect(),
        cpu: Vec::new(),
        memory: Vec::new(),
        machine: compare::machine(),
        command: "make bench-compare".into(),
    };
    let (runs, scale) = (options.get("runs", 3)?, options.get("scale", 1.0)?);
    let only: String = options.get("only", String::new())?;
    if runs != 3 || scale != 1.0 || !only.is_empty() {
        results.command = format!("compare run --runs {runs} --scale {scale} --only '{only}'");
    }
    let mut progress = |name: &str| eprintln!("{name} ...");
    (results.cpu, results.memory) = compare::run(&servers, &launches, &only, runs, scale, &mut progress)?;
    let out: PathBuf = options.get("out", "benches/compare".into())?;
    for (name, text) in [("results.md", table::markdown(&results)), ("results.svg", chart::svg(&results))] {
        let file = out.join(name);
        std::fs::write(&file, text).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    print!("{}", table::markdown(&results));
    Ok(())
}
