//! CPU time per request, under redis-benchmark.

use super::Figure;
use super::memory::{self, Load};
use super::peers::Server;
use crate::process;
use std::process::Command;

/// A workload of redis-benchmark.
pub struct Workload {
    pub name: &'static str,
    requests: u64,
    pipeline: u32,
    /// What the server holds before; nothing without.
    preload: Option<&'static Load>,
    args: &'static [&'static str],
}

const KEYS: Load =
    Load { name: "a million keys", items: 1_000_000, command: |i| format!("SET key:{i:012} {:x<64}", "") };
const LIST: Load = Load { name: "a list of 100", items: 100, command: |i| format!("RPUSH mylist item{i:04}") };

const fn workload(
    name: &'static str,
    requests: u64,
    pipeline: u32,
    preload: Option<&'static Load>,
    args: &'static [&'static str],
) -> Workload {
    Workload { name, requests, pipeline, preload, args }
}

/// What is compared. Reads find every key; writes draw from a million keys.
pub const WORKLOADS: &[Workload] = &[
    workload("SET 64 B P1", 300_000, 1, None, &["-t", "set", "-d", "64", "-r", "1000000"]),
    workload("GET 64 B P1", 300_000, 1, Some(&KEYS), &["-t", "get", "-d", "64", "-r", "1000000"]),
    workload("SET 64 B P16", 3_000_000, 16, None, &["-t", "set", "-d", "64", "-r", "1000000"]),
    workload("GET 64 B P16", 3_000_000, 16, Some(&KEYS), &["-t", "get", "-d", "64", "-r", "1000000"]),
    workload("GET 64 B P100", 5_000_000, 100, Some(&KEYS), &["-t", "get", "-d", "64", "-r", "1000000"]),
    workload("INCR P16", 3_000_000, 16, None, &["-t", "incr", "-r", "1000000"]),
    workload("LPUSH P16", 2_000_000, 16, None, &["-t", "lpush", "-r", "1000000"]),
    workload("SADD P16", 2_000_000, 16, None, &["-t", "sadd", "-r", "1000000"]),
    workload("HSET P16", 2_000_000, 16, None, &["-t", "hset", "-r", "1000000"]),
    workload("ZADD P16", 2_000_000, 16, None, &["-t", "zadd", "-r", "1000000"]),
    workload("LRANGE 100 P1", 200_000, 1, Some(&LIST), &["LRANGE", "mylist", "0", "99"]),
    workload("MSET 10 P1", 200_000, 1, None, &["-t", "mset", "-d", "64", "-r", "1000000"]),
];

/// The median of `runs` turns for each server.
pub fn measure(workload: &Workload, servers: &[Server], runs: usize, scale: f64) -> Result<Vec<Figure>, String> {
    let requests = ((workload.requests as f64 * scale) as u64).max(1000);
    for server in servers {
        memory::empty(server)?;
        workload.preload.map_or(Ok(()), |load| memory::fill(server, load, load.items))?;
    }
    let mut turns = vec![Vec::new(); servers.len()];
    for _ in 0..runs {
        for (server, turns) in servers.iter().zip(&mut turns) {
            turns.push(turn(workload, server, requests).map_err(|e| format!("{}: {e}", server.label))?);
        }
    }
    servers.iter().try_for_each(memory::empty)?;
    Ok(turns.iter().map(|turns| median(turns)).collect())
}

fn turn(workload: &Workload, server: &Server, requests: u64) -> Result<Figure, String> {
    let before = process::cpu_time(server.pid).map_err(|e| e.to_string())?;
    let output = Command::new("redis-benchmark")
        .args(["-h", "127.0.0.1", "-p", &server.address.port().to_string(), "--csv", "-c", "50"])
        .args(["-n", &requests.to_string(), "-P", &workload.pipeline.to_string()])
        .args(workload.args)
        .output()
        .map_err(|e| format!("redis-benchmark: {e}; it is in the package redis-tools"))?;
    let after = process::cpu_time(server.pid).map_err(|e| e.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    // "test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms",...
    let row: Vec<&str> = said.lines().last().unwrap_or_default().split("\",\"").collect();
    let column = |i: usize| row.get(i).and_then(|text| text.trim_matches('"').parse::<f64>().ok());
    let (Some(per_second), Some(p50_ms), true) = (column(1), column(4), output.status.success()) else {
        return Err(format!("redis-benchmark says: {said}{}", String::from_utf8_lossy(&output.stderr)));
    };
    let micros = |seconds: f64| seconds / requests as f64 * 1e6;
    let user = micros(after.user - before.user);
    Ok(Figure { cost: user + micros(after.system - before.system), user, per_second, p50_ms })
}

fn median(turns: &[Figure]) -> Figure {
    let middle = |field: fn(&Figure) -> f64| {
        let mut values: Vec<f64> = turns.iter().map(field).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    Figure {
        cost: middle(|turn| turn.cost),
        user: middle(|turn| turn.user),
        per_second: middle(|turn| turn.per_second),
        p50_ms: middle(|turn| turn.p50_ms),
    }
}
