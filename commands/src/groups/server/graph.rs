//! The drawing of LATENCY GRAPH.

use std::fmt::Write;

use crate::node::monitoring::latency::Series;

/// Rows of the drawing.
const HEIGHT: usize = 4;
/// Marks for the parts of a row that a bar fills, from little to much.
const PARTS: [char; 3] = ['_', 'o', '#'];

/// Bars of the samples with their ages below, upright.
pub(super) fn draw(event: &str, series: &Series, now_seconds: i64) -> String {
    let values = || series.samples.iter().map(|sample| sample.ms);
    let (high, low) = (values().max().unwrap_or(0), values().min().unwrap_or(0));
    let mut drawing = format!("{event} - high {high} ms, low {low} ms (all time high {} ms)\n", series.max_ms);
    drawing.push_str(&"-".repeat(80));
    drawing.push('\n');
    let steps = (HEIGHT * PARTS.len()) as u64;
    let bar = |ms: u64| ((ms - low) * (steps - 1) / (high - low).max(1)) as usize;
    for row in (0..HEIGHT).rev() {
        let line: String = values()
            .map(|ms| {
                let filled = bar(ms) as i64 - (row * PARTS.len()) as i64;
                match filled {
                    ..0 => ' ',
                    0..3 => PARTS[filled as usize],
                    _ => '|',
                }
            })
            .collect();
        let _ = writeln!(drawing, "{}", line.trim_end());
    }
    drawing.push('\n');
    let ages: Vec<Vec<char>> =
        series.samples.iter().map(|sample| age(now_seconds - sample.unix_seconds).chars().collect()).collect();
    for row in 0..ages.iter().map(Vec::len).max().unwrap_or(0) {
        let line: String = ages.iter().map(|age| age.get(row).copied().unwrap_or(' ')).collect();
        let _ = writeln!(drawing, "{}", line.trim_end());
    }
    drawing
}

fn age(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m", seconds / 60),
        seconds @ 3600..86400 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::monitoring::latency::Sample;

    #[test]
    fn bars_stand_above_their_ages() {
        let samples = [(90, 10), (95, 40)].map(|(unix_seconds, ms)| Sample { unix_seconds, ms });
        let drawing = draw("command", &Series { samples: samples.into(), max_ms: 50 }, 100);
        assert!(drawing.starts_with("command - high 40 ms, low 10 ms (all time high 50 ms)\n---"), "{drawing}");
        assert!(drawing.ends_with("\n #\n |\n |\n_|\n\n15\n0s\ns\n"), "{drawing}");
    }
}
