//! This server and its peers side by side, on one machine, in one run.
//!
//! The figure to quote is the CPU time that the server spends per request: it does not depend on how fast the load
//! generator is. Servers take turns (A B C A B C ...), and the median counts.

pub mod chart;
pub mod cpu;
pub mod memory;
pub mod peers;
pub mod table;

use peers::{Launch, Server};

/// One line of the comparison: a workload, and each server's figure in the order of the servers.
pub struct Row {
    pub name: &'static str,
    pub figures: Vec<Figure>,
}

/// The medians of one server under one workload.
#[derive(Clone, Copy, Default)]
pub struct Figure {
    /// Microseconds of CPU per request, or resident bytes per item.
    pub cost: f64,
    /// The share of `cost` that was spent outside the kernel.
    pub user: f64,
    pub per_second: f64,
    pub p50_ms: f64,
}

/// Everything that a comparison found.
pub struct Results {
    pub servers: Vec<String>,
    pub cpu: Vec<Row>,
    pub memory: Vec<Row>,
    pub machine: String,
    pub command: String,
}

/// Runs the workloads and the memory loads whose name contains `only`, `runs` times, scaled by `scale`.
/// Each memory load gets fresh servers: what another load has left behind would count as free room.
pub fn run(
    servers: &[Server],
    launches: &[Launch],
    only: &str,
    runs: usize,
    scale: f64,
    progress: &mut dyn FnMut(&str),
) -> Result<(Vec<Row>, Vec<Row>), String> {
    let mut cpu_rows = Vec::new();
    for workload in cpu::WORKLOADS.iter().filter(|workload| workload.name.contains(only)) {
        progress(workload.name);
        cpu_rows.push(Row { name: workload.name, figures: cpu::measure(workload, servers, runs, scale)? });
    }
    let mut memory_rows = Vec::new();
    for load in memory::LOADS.iter().filter(|load| load.name.contains(only)) {
        progress(load.name);
        memory_rows.push(Row { name: load.name, figures: memory::measure(load, launches, scale)? });
    }
    Ok((cpu_rows, memory_rows))
}

/// The processor, the kernel and the cores of this machine.
pub fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu_info = read("/proc/cpuinfo");
    let model = cpu_info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, {cores} cores, Linux {}", read("/proc/sys/kernel/osrelease").trim())
}
