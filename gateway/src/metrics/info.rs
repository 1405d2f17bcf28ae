//! The fields of INFO as metrics.

use std::time::{SystemTime, UNIX_EPOCH};

use super::names::{COUNTERS, GAUGES, INSTANCE, OWN_COUNTERS, OWN_SECTIONS};
use super::text::{Exposition, Kind};

/// INFO's answer, line by line: section, field, value.
pub(super) struct Info<'t>(Vec<(&'t str, &'t str, &'t str)>);

/// The value of `name` in `a=1,b=2`.
fn part<'v>(value: &'v str, name: &str) -> Option<&'v str> {
    value.split(',').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// A number, however INFO spells it.
fn number(value: &str) -> Option<f64> {
    match value {
        "ok" => Some(1.0),
        "err" => Some(0.0),
        text => text.parse().ok(),
    }
}

impl<'t> Info<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let mut section = "";
        let mut fields = Vec::new();
        for line in text.lines() {
            if let Some(heading) = line.strip_prefix("# ") {
                section = heading;
            } else if let Some((name, value)) = line.split_once(':') {
                fields.push((section, name, value));
            }
        }
        Self(fields)
    }

    fn get(&self, name: &str) -> Option<&'t str> {
        self.0.iter().find(|(_, known, _)| *known == name).map(|(_, _, value)| *value)
    }

    /// The time that a command took, its subcommands' with it.
    pub(super) fn usec_of(&self, command: &str) -> u64 {
        let is_its = |name: &str| {
            let rest = name.strip_prefix("cmdstat_").and_then(|name| name.strip_prefix(command));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('|'))
        };
        let its = self.0.iter().filter(|(_, name, _)| is_its(name));
        its.filter_map(|(_, _, value)| part(value, "usec")?.parse::<u64>().ok()).sum()
    }

    /// All of it; databases that are empty are told, too.
    pub(super) fn tell(&self, out: &mut Exposition, databases: usize) {
        for (rows, kind) in [(GAUGES, Kind::Gauge), (COUNTERS, Kind::Counter)] {
            for (field, metric) in rows {
                if let Some(value) = self.get(field).and_then(number) {
                    out.add(kind, &format!("redis_{metric}"), &format!("INFO: {field}."), &[], value);
                }
            }
        }
        if let Some(us) = self.get("latest_fork_usec").and_then(number) {
            out.add(Kind::Gauge, "redis_latest_fork_seconds", "INFO: latest_fork_usec.", &[], us / 1e6);
        }
        if let Some(uptime) = self.get("uptime_in_seconds").and_then(number) {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
            let start = now as f64 - uptime;
            out.add(Kind::Gauge, "redis_start_time_seconds", "When the server started.", &[], start);
        }
        let labels: Vec<(&str, &str)> = INSTANCE.iter().map(|name| (*name, self.get(name).unwrap_or(""))).collect();
        out.add(Kind::Gauge, "redis_instance_info", "What the server is.", &labels, 1);
        self.tell_databases(out, databases);
        self.tell_commands(out);
        self.tell_replicas(out);
        self.tell_own(out);
    }

    fn tell_databases(&self, out: &mut Exposition, databases: usize) {
        for index in 0..databases {
            let name = format!("db{index}");
            let value = self.get(&name).unwrap_or("keys=0,expires=0,avg_ttl=0");
            let labels = [("db", &*name)];
            let of = |field| part(value, field).and_then(number).unwrap_or(0.0);
            out.add(Kind::Gauge, "redis_db_keys", "Keys.", &labels, of("keys"));
            out.add(Kind::Gauge, "redis_db_keys_expiring", "Keys with a time to live.", &labels, of("expires"));
            let ttl = of("avg_ttl") / 1000.0;
            out.add(Kind::Gauge, "redis_db_avg_ttl_seconds", "The mean time to live.", &labels, ttl);
        }
    }

    fn tell_commands(&self, out: &mut Exposition) {
        const LATENCY: &str = "redis_latency_percentiles_usec";
        const HELP: &str = "INFO latencystats.";
        for (_, name, value) in &self.0 {
            if let Some(command) = name.strip_prefix("cmdstat_") {
                let labels = [("cmd", command)];
                let of = |field| part(value, field).and_then(number).unwrap_or(0.0);
                let mut tell = |metric, value| out.add(Kind::Counter, metric, "INFO commandstats.", &labels, value);
                tell("redis_commands_total", of("calls"));
                tell("redis_commands_duration_seconds_total", of("usec") / 1e6);
                tell("redis_commands_rejected_calls_total", of("rejected_calls"));
                tell("redis_commands_failed_calls_total", of("failed_calls"));
            } else if let Some(command) = name.strip_prefix("latency_percentiles_usec_") {
                for (percentile, us) in value.split(',').filter_map(|pair| pair.strip_prefix('p')?.split_once('=')) {
                    let quantile = (percentile.parse::<f64>().unwrap_or(0.0) / 100.0).to_string();
                    out.part(Kind::Summary, LATENCY, "", HELP, &[("cmd", command), ("quantile", &quantile)], us);
                }
                let calls = self.get(&format!("cmdstat_{command}")).and_then(|value| part(value, "calls"));
                out.part(Kind::Summary, LATENCY, "_sum", HELP, &[("cmd", command)], self.usec_of(command));
                out.part(Kind::Summary, LATENCY, "_count", HELP, &[("cmd", command)], calls.unwrap_or("0"));
            } else if let Some(code) = name.strip_prefix("errorstat_") {
                let count = part(value, "count").unwrap_or("0");
                out.add(Kind::Counter, "redis_errors_total", "INFO errorstats.", &[("err", code)], count);
            }
        }
    }

    fn tell_replicas(&self, out: &mut Exposition) {
        let is_replica = |name: &str| name.strip_prefix("slave").is_some_and(|rest| rest.parse::<u32>().is_ok());
        for (_, _, value) in self.0.iter().filter(|(_, name, _)| is_replica(name)) {
            let of = |field| part(value, field).unwrap_or("");
            let labels = [("slave_ip", of("ip")), ("slave_port", of("port")), ("slave_state", of("state"))];
            let offset = number(of("offset")).unwrap_or(0.0);
            out.add(Kind::Gauge, "redis_connected_slave_offset_bytes", "INFO replication.", &labels, offset);
            let lag = number(of("lag")).unwrap_or(0.0);
            out.add(Kind::Gauge, "redis_connected_slave_lag_seconds", "INFO replication.", &labels, lag);
        }
        let Some(link) = self.get("master_link_status") else { return };
        let of = |field| self.get(field).unwrap_or("");
        let labels = [("master_host", of("master_host")), ("master_port", of("master_port"))];
        let is_up = u8::from(link == "up");
        out.add(Kind::Gauge, "redis_master_link_up", "INFO replication.", &labels, is_up);
        for field in ["master_last_io_seconds_ago", "master_sync_in_progress", "slave_repl_offset"] {
            if let Some(value) = self.get(field).and_then(number) {
                out.add(Kind::Gauge, &format!("redis_{field}"), "INFO replication.", &labels, value);
            }
        }
    }

    fn tell_own(&self, out: &mut Exposition) {
        for (section, name, value) in &self.0 {
            let Some(value) = value.parse::<f64>().ok().filter(|_| OWN_SECTIONS.contains(section)) else { continue };
            let help = format!("INFO: {name}.");
            if OWN_COUNTERS.contains(name) {
                out.add(Kind::Counter, &format!("stateless_{name}_total"), &help, &[], value);
            } else {
                out.add(Kind::Gauge, &format!("stateless_{name}"), &help, &[], value);
            }
        }
        for (_, name, value) in &self.0 {
            let Some(thread) = name.strip_prefix("io_thread_") else { continue };
            let labels = [("thread", thread)];
            let of = |field| part(value, field).and_then(number).unwrap_or(0.0);
            out.add(Kind::Gauge, "stateless_thread_clients", "INFO threads.", &labels, of("clients"));
            out.add(Kind::Counter, "stateless_thread_reads_total", "INFO threads.", &labels, of("reads"));
            out.add(Kind::Counter, "stateless_thread_writes_total", "INFO threads.", &labels, of("writes"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_become_metrics() {
        let info = Info::of(
            "# Server\r\nuptime_in_seconds:5\r\nrole:master\r\n\r\n# Stats\r\nkeyspace_hits:3\r\nlatest_fork_usec:1500\r\n\
             # Commandstats\r\ncmdstat_config|get:calls=1,usec=20,usec_per_call=20.00,rejected_calls=2,failed_calls=3\r\n\
             # Replication\r\nslave0:ip=::1,port=7,state=online,offset=9,lag=1\r\nslave_priority:100\r\n\
             # Keyspace\r\ndb1:keys=2,expires=1,avg_ttl=2500,subexpiry=0\r\n# Tier\r\ntier_reads:4\r\ntier_path:/x\r\n",
        );
        let mut out = Exposition::default();
        info.tell(&mut out, 2);
        let text = out.finish();
        for line in [
            "# TYPE redis_keyspace_hits_total counter\nredis_keyspace_hits_total 3\n",
            "redis_latest_fork_seconds 0.0015\n",
            "redis_commands_duration_seconds_total{cmd=\"config|get\"} 0.00002\n",
            "redis_commands_rejected_calls_total{cmd=\"config|get\"} 2\n",
            "redis_db_keys{db=\"db0\"} 0\nredis_db_keys{db=\"db1\"} 2\n",
            "redis_db_avg_ttl_seconds{db=\"db1\"} 2.5\n",
            "redis_connected_slave_lag_seconds{slave_ip=\"::1\",slave_port=\"7\",slave_state=\"online\"} 1\n",
            "redis_instance_info{role=\"master\",redis_version=\"\",",
            "# TYPE stateless_tier_reads_total counter\nstateless_tier_reads_total 4\n",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
        assert!(!text.contains("tier_path"));
        assert_eq!(info.usec_of("config"), 20);
        assert_eq!(info.usec_of("conf"), 0);
    }
}
