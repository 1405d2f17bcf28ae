//! The comparison as Markdown tables.

use super::{Figure, Results, Row};

/// `results.md`. The first server is what the others' ratios refer to.
pub fn markdown(results: &Results) -> String {
    let mut out = String::from("# Side by side\n\n");
    out += &format!("Machine: {}. Load: redis-benchmark, 50 connections, on the same machine.\n", results.machine);
    out += &format!("Made by `{}`; each figure is a median, servers took turns.\n\n", results.command);
    if !results.cpu.is_empty() {
        out += "## Server CPU per request, in microseconds\n\n";
        out += &table(results, &results.cpu, |figure| format!("{:.3}", figure.cost));
        out += "\n## Requests per second, in thousands\n\n";
        out += "Bound by redis-benchmark, which is single-threaded, where pipelines are deep.\n\n";
        out += &plain(results, &results.cpu, |figure| format!("{:.0}", figure.per_second / 1e3));
        out += "\n## Median latency, in milliseconds\n\n";
        out += &plain(results, &results.cpu, |figure| format!("{:.3}", figure.p50_ms));
    }
    if !results.memory.is_empty() {
        out += "\n## Resident bytes per item\n\n";
        out += &table(results, &results.memory, |figure| format!("{:.1}", figure.cost));
    }
    out
}

fn header(results: &Results) -> String {
    format!("| | {} |\n|---|{}\n", results.servers.join(" | "), "---:|".repeat(results.servers.len()))
}

fn plain(results: &Results, rows: &[Row], show: fn(&Figure) -> String) -> String {
    rows.iter().fold(header(results), |out, row| {
        out + &format!("| {} | {} |\n", row.name, row.figures.iter().map(show).collect::<Vec<_>>().join(" | "))
    })
}

fn table(results: &Results, rows: &[Row], show: fn(&Figure) -> String) -> String {
    rows.iter().fold(header(results), |out, row| {
        let base = row.figures.first().map_or(0.0, |figure| figure.cost);
        let cells = row.figures.iter().enumerate().map(|(i, figure)| match i {
            0 => show(figure),
            _ if base > 0.0 => format!("{} (x{:.2})", show(figure), figure.cost / base),
            _ => show(figure),
        });
        out + &format!("| {} | {} |\n", row.name, cells.collect::<Vec<_>>().join(" | "))
    })
}

#[cfg(test)]
pub(super) fn sample() -> Results {
    let figure = |cost| Figure { cost, user: cost / 2.0, per_second: 1e6, p50_ms: 0.25 };
    Results {
        servers: vec!["Valkey 9".into(), "stateless <0.1>".into()],
        cpu: vec![Row { name: "GET P1", figures: vec![figure(2.0), figure(1.0)] }],
        memory: vec![Row { name: "string", figures: vec![figure(69.0), figure(50.0)] }],
        machine: "a machine".into(),
        command: "make bench-compare".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_refer_to_the_first_server() {
        let text = markdown(&sample());
        assert!(text.contains("| GET P1 | 2.000 | 1.000 (x0.50) |"), "{text}");
        assert!(text.contains("| string | 69.0 | 50.0 (x0.72) |"), "{text}");
        assert!(text.contains("| GET P1 | 1000 | 1000 |"), "{text}");
    }
}
