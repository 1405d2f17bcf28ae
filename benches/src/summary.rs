//! What a run says about the server, and whether the run itself can be believed.

use hdrhistogram::Histogram;
use std::fmt::Write;

/// The length of a window.
pub const WINDOW_NS: u64 = 100_000_000;

/// What happened within one window.
#[derive(Clone, Copy, Default)]
pub struct Window {
    pub replies: u64,
    pub max_ns: u64,
}

/// The figures of one run.
pub struct Summary {
    pub requests: u64,
    pub elapsed_ns: u64,
    pub latencies: Histogram<u64>,
    pub windows: Vec<Window>,
    pub errors: u64,
    pub first_error: Option<String>,
    pub nils: u64,
    /// Requests whose reply had not come ten seconds after the last was sent.
    pub unanswered: u64,
    /// The fixed rate, if there was one.
    pub rate: Option<f64>,
    /// Connections times pipeline, the requests that a closed loop keeps under way.
    pub in_flight: f64,
}

impl Summary {
    /// Replies per second.
    pub fn throughput(&self) -> f64 {
        self.latencies.len() as f64 / (self.elapsed_ns.max(1) as f64 / 1e9)
    }

    /// Little's law in a closed loop: throughput times mean latency is what was under way. 1.0 is right; far
    /// below it the generator was the bottleneck, above it the clock is wrong.
    pub fn little(&self) -> f64 {
        self.throughput() * self.latencies.mean() / 1e9 / self.in_flight
    }

    /// Why the figures must not be quoted, if so.
    pub fn fault(&self) -> Option<String> {
        if let Some(error) = &self.first_error {
            return Some(format!("{} replies were errors, the first: {error}", self.errors));
        }
        if self.unanswered > 0 {
            return Some(format!("{} requests were never answered", self.unanswered));
        }
        let little = self.little();
        (self.rate.is_none() && !(0.85..=1.05).contains(&little)).then(|| {
            format!("throughput x mean latency is {little:.2} of connections x pipeline: the generator was busy")
        })
    }

    /// Whole windows, without the first and the last, whose rate was below `share` of the fixed rate.
    fn slow_windows(&self, share: f64) -> Option<usize> {
        let wanted = self.rate? * (WINDOW_NS as f64 / 1e9) * share;
        let inner = self.windows.get(1..self.windows.len().saturating_sub(1))?;
        Some(inner.iter().filter(|window| (window.replies as f64) < wanted).count())
    }

    fn micros(&self, quantile: f64) -> f64 {
        self.latencies.value_at_quantile(quantile) as f64 / 1e3
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut out = format!(
            "{} requests in {:.2} s: {:.0} per second\nlatency in us: mean {:.1}  p50 {:.1}  p99 {:.1}  p99.9 {:.1}  max {:.1}\n",
            self.latencies.len(),
            self.elapsed_ns as f64 / 1e9,
            self.throughput(),
            self.latencies.mean() / 1e3,
            self.micros(0.5),
            self.micros(0.99),
            self.micros(0.999),
            self.latencies.max() as f64 / 1e3,
        );
        let _infallible = match (self.rate, self.slow_windows(0.95)) {
            (Some(rate), Some(slow)) => writeln!(
                out,
                "rate {rate:.0} per second; {slow} of {} windows of 100 ms below 95% of it",
                self.windows.len().saturating_sub(2)
            ),
            _ => writeln!(out, "throughput x mean latency = {:.3} of connections x pipeline", self.little()),
        };
        if self.nils > 0 {
            let _infallible = writeln!(out, "{} reads missed", self.nils);
        }
        if let Some(fault) = self.fault() {
            let _infallible = writeln!(out, "NOT VALID: {fault}");
        }
        out
    }

    /// For programs; times in microseconds, windows as `[replies, longest latency]`.
    pub fn json(&self) -> String {
        let windows: Vec<String> =
            self.windows.iter().map(|w| format!("[{},{:.1}]", w.replies, w.max_ns as f64 / 1e3)).collect();
        format!(
            "{{\"requests\":{},\"seconds\":{:.3},\"per_second\":{:.0},\"mean\":{:.2},\"p50\":{:.2},\"p99\":{:.2},\
             \"p999\":{:.2},\"max\":{:.2},\"errors\":{},\"nils\":{},\"unanswered\":{},\"little\":{},\"valid\":{},\
             \"window_ms\":100,\"windows\":[{}]}}",
            self.latencies.len(),
            self.elapsed_ns as f64 / 1e9,
            self.throughput(),
            self.latencies.mean() / 1e3,
            self.micros(0.5),
            self.micros(0.99),
            self.micros(0.999),
            self.latencies.max() as f64 / 1e3,
            self.errors,
            self.nils,
            self.unanswered,
            if self.rate.is_none() { format!("{:.3}", self.little()) } else { "null".into() },
            self.fault().is_none(),
            windows.join(",")
        )
    }
}
