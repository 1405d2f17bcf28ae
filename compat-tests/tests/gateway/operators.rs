//! `/metrics` and the paths of health.

use std::collections::{BTreeMap, BTreeSet};

use compat_tests::until;

use super::{Server, get, post};

/// What the Grafana board 763 and the rules of redis-mixin ask for, as far as a server without replicas and without a
/// cluster has it: name, type, labels.
const WANTED: &[(&str, &str, &str)] = &[
    ("redis_up", "gauge", ""),
    ("redis_uptime_in_seconds", "gauge", ""),
    ("redis_start_time_seconds", "gauge", ""),
    ("redis_connected_clients", "gauge", ""),
    ("redis_blocked_clients", "gauge", ""),
    ("redis_max_clients", "gauge", ""),
    ("redis_memory_used_bytes", "gauge", ""),
    ("redis_memory_used_rss_bytes", "gauge", ""),
    ("redis_memory_max_bytes", "gauge", ""),
    ("redis_total_system_memory_bytes", "gauge", ""),
    ("redis_mem_fragmentation_ratio", "gauge", ""),
    ("redis_commands_processed_total", "counter", ""),
    ("redis_commands_total", "counter", "cmd"),
    ("redis_commands_duration_seconds_total", "counter", "cmd"),
    ("redis_commands_failed_calls_total", "counter", "cmd"),
    ("redis_commands_rejected_calls_total", "counter", "cmd"),
    ("redis_errors_total", "counter", "err"),
    ("redis_latency_percentiles_usec", "summary", "cmd,quantile"),
    ("redis_commands_latencies_usec", "histogram", "cmd,le"),
    ("redis_keyspace_hits_total", "counter", ""),
    ("redis_keyspace_misses_total", "counter", ""),
    ("redis_net_input_bytes_total", "counter", ""),
    ("redis_net_output_bytes_total", "counter", ""),
    ("redis_db_keys", "gauge", "db"),
    ("redis_db_keys_expiring", "gauge", "db"),
    ("redis_db_avg_ttl_seconds", "gauge", "db"),
    ("redis_expired_keys_total", "counter", ""),
    ("redis_evicted_keys_total", "counter", ""),
    ("redis_connected_slaves", "gauge", ""),
    ("redis_slowlog_length", "gauge", ""),
    ("redis_slowlog_last_id", "gauge", ""),
    ("redis_rdb_changes_since_last_save", "gauge", ""),
    ("redis_rdb_last_bgsave_status", "gauge", ""),
    ("redis_rdb_last_save_timestamp_seconds", "gauge", ""),
    ("redis_aof_last_write_status", "gauge", ""),
    ("redis_latest_fork_seconds", "gauge", ""),
    (
        "redis_instance_info",
        "gauge",
        "role,redis_version,redis_build_id,redis_mode,os,maxmemory_policy,tcp_port,run_id,process_id,master_replid",
    ),
    ("redis_config_maxmemory", "gauge", ""),
    ("redis_config_maxclients", "gauge", ""),
    ("redis_total_error_replies", "counter", ""),
    ("redis_total_reads_processed", "counter", ""),
    ("stateless_ownership_edges", "gauge", ""),
    ("stateless_ownership_triggers_total", "counter", ""),
    ("stateless_http_connections", "gauge", ""),
    ("stateless_thread_reads_total", "counter", "thread"),
];

/// Families by name: their type, and their samples as series and value.
type Families = BTreeMap<String, (String, Vec<(String, f64)>)>;

/// Reads the text format, and holds what promtool would: HELP and TYPE once and first, samples together, no series twice,
/// names and values in form.
fn parsed(text: &str) -> Families {
    let mut families = Families::new();
    let (mut current, mut seen) = (String::new(), BTreeSet::new());
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            current = rest.split(' ').next().expect("a name").to_owned();
            assert!(rest.len() > current.len() + 1, "no help: {line}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            assert_eq!(name, current, "HELP and TYPE stand together");
            assert!(families.insert(name.to_owned(), (kind.to_owned(), Vec::new())).is_none(), "{name} twice");
        } else {
            let (series, value) = line.rsplit_once(' ').expect("a value");
            let name = series.split('{').next().expect("a name");
            assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{line}");
            let (kind, samples) = families.get_mut(&current).expect("a type comes first");
            let suffixes: &[&str] = match &**kind {
                "summary" => &["", "_sum", "_count"],
                "histogram" => &["_bucket", "_sum", "_count"],
                _ => &[""],
            };
            assert!(suffixes.iter().any(|suffix| name == format!("{current}{suffix}")), "{line} under {current}");
            let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
            assert!(seen.insert(series.to_owned()), "twice: {series}");
            samples.push((series.to_owned(), value));
        }
    }
    families
}

/// The labels of a series, in order.
fn labels(series: &str) -> String {
    let inside = series.split_once('{').map_or("", |(_, rest)| rest.trim_end_matches('}'));
    let names: Vec<_> = inside.split("\",").filter_map(|pair| Some(pair.split_once("=\"")?.0)).collect();
    names.join(",")
}

#[test]
fn every_name_that_boards_ask_for_is_there() {
    let server = Server::new(&["--slowlog-log-slower-than", "0"]);
    let http = &mut server.http();
    server.cli("SET k v EX 100");
    server.cli("GET k");
    server.cli("LPUSH k v");
    let answer = http.ask("GET", "/metrics", &[], b"").expect("an answer");
    assert_eq!(
        (answer.status, answer.header("content-type").map(|kind| kind.starts_with("text/plain; version=0.0.4"))),
        (200, Some(true))
    );
    let families = parsed(&answer.text());
    for (name, kind, wanted) in WANTED {
        let (found, samples) = families.get(*name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(found, kind, "{name}");
        assert!(samples.iter().any(|(series, _)| labels(series) == *wanted), "{name}: {samples:?}");
    }
    let value = |series: &str| {
        let mut all = families.values().flat_map(|(_, samples)| samples);
        all.find(|(known, _)| known == series).unwrap_or_else(|| panic!("no {series}")).1
    };
    assert_eq!(value("redis_commands_total{cmd=\"set\"}"), 1.0);
    assert_eq!(value("redis_errors_total{err=\"WRONGTYPE\"}"), 1.0);
    assert_eq!(value("redis_db_keys{db=\"db0\"}"), 1.0);
    assert_eq!(value("redis_db_keys{db=\"db15\"}"), 0.0);
    assert_eq!(value("redis_keyspace_hits_total"), 1.0);
    assert_eq!(value("redis_commands_latencies_usec_count{cmd=\"set\"}"), 1.0);
    assert_eq!(value("redis_commands_latencies_usec_bucket{cmd=\"set\",le=\"+Inf\"}"), 1.0);
    let again = parsed(&http.ask("GET", "/metrics", &[], b"").expect("an answer").text());
    for (name, (_, samples)) in families.iter().filter(|(_, (kind, _))| kind == "counter") {
        let later: BTreeMap<_, _> = again[name].1.iter().cloned().collect();
        for (series, before) in samples {
            assert!(later[series] >= *before, "{series} fell from {before} to {}", later[series]);
        }
    }
}

#[test]
fn metrics_are_for_who_may_ask() {
    let server = Server::new(&[]);
    server.cli("ACL SETUSER watcher on >secret +info +config|get +slowlog|len");
    server.cli("ACL SETUSER reader on >secret +get ~*");
    let (watcher, reader) = (server.token("watcher", "secret"), server.token("reader", "secret"));
    server.cli("CONFIG SET requirepass hidden");
    let http = &mut server.http();
    assert_eq!(get(http, "/metrics").0, 401);
    let mut scrape = |header: &str| http.ask("GET", "/metrics", &[header], b"").expect("an answer");
    assert_eq!(scrape(&reader).status, 403);
    let answer = scrape(&watcher);
    assert_eq!(answer.status, 200);
    assert!(parsed(&answer.text()).contains_key("redis_memory_used_bytes"));
    assert_eq!(post(http, "/metrics", &[&watcher], "x").0, 405);
}

#[test]
fn health_tells_whether_to_send_requests() {
    let server = Server::new(&["--save", "3600 1000"]);
    let http = &mut server.http();
    for path in ["/livez", "/readyz", "/healthz"] {
        assert_eq!(get(http, path), (200, "ok\n".to_owned()), "{path}");
    }
    // A snapshot that cannot be written: its directory is gone.
    std::fs::remove_dir_all(&server.dir).expect("a directory");
    server.cli("BGSAVE");
    until("it failed", || server.info("rdb_last_bgsave_status") == "err");
    assert_eq!(get(http, "/livez").0, 200);
    let (status, why) = get(http, "/readyz");
    assert!(status == 503 && why.contains("snapshot"), "{status} {why}");
    server.cli("CONFIG SET requirepass hidden");
    assert_eq!(get(http, "/readyz").0, 503);
    std::fs::create_dir_all(&server.dir).expect("a directory");
}
