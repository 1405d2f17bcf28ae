//! The comparison as a bar chart: an SVG without outside parts, readable on light and on dark pages.

use super::{Results, Row};

const LABEL_WIDTH: f64 = 230.0;
const BAR_WIDTH: f64 = 440.0;
const BAR_HEIGHT: f64 = 12.0;
const WIDTH: f64 = 800.0;
/// Bars are cut here, in multiples of the first server's figure; the number beside them is not.
const LONGEST: f64 = 1.6;

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#1f2328}.title{font-size:15px;font-weight:600}\
.figure{font-size:10px;fill:#59636e}.s0{fill:#8c959f}.s1{fill:#afb8c1}.s2{fill:#d0d7de}.ours{fill:#0969da}\
.base{stroke:#59636e;stroke-dasharray:2 3}\
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.figure{fill:#9198a1}.s0{fill:#848d97}.s1{fill:#656c76}\
.s2{fill:#3d444d}.ours{fill:#4493f8}.base{stroke:#9198a1}}";

/// `results.svg`: cost per request and per item of every server, relative to the first.
pub fn svg(results: &Results) -> String {
    let mut body = String::new();
    let mut y = legend(results, &mut body);
    let sections =
        [("Server CPU per request", &results.cpu, "us", 3), ("Resident memory per item", &results.memory, "B", 0)];
    for (title, rows, unit, decimals) in sections {
        if rows.is_empty() {
            continue;
        }
        let first = results.servers.first().map_or("", String::as_str);
        y += 34.0;
        body += &text(16.0, y, "title", &format!("{title}, relative to {first} (shorter is better)"));
        y += 12.0;
        let top = y;
        for row in rows {
            y = draw_row(row, results, y, (unit, decimals), &mut body);
        }
        let x = LABEL_WIDTH + BAR_WIDTH / LONGEST;
        body += &format!("<line class=\"base\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top:.1}\" y2=\"{y:.1}\"/>\n");
    }
    let height = y + 16.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\" aria-label=\"Cost per request and per item of each server\">\n\
         <style>{STYLE}</style>\n{body}</svg>\n"
    )
}

fn legend(results: &Results, body: &mut String) -> f64 {
    let mut x = 16.0;
    for (i, server) in results.servers.iter().enumerate() {
        *body += &rect(x, 14.0, BAR_HEIGHT, class(i, results));
        *body += &text(x + 18.0, 24.0, "", server);
        x += 40.0 + 7.0 * server.len() as f64;
    }
    28.0
}

fn draw_row(row: &Row, results: &Results, top: f64, (unit, decimals): (&str, usize), body: &mut String) -> f64 {
    let base = row.figures.first().map_or(0.0, |figure| figure.cost);
    let mut y = top + 8.0;
    let middle = y + row.figures.len() as f64 * (BAR_HEIGHT + 1.0) / 2.0 + 4.0;
    *body += &text(16.0, middle, "", row.name);
    for (i, figure) in row.figures.iter().enumerate() {
        let ratio = if base > 0.0 { figure.cost / base } else { 0.0 };
        let width = ratio.min(LONGEST) * BAR_WIDTH / LONGEST;
        *body += &rect(LABEL_WIDTH, y, width.max(1.0), class(i, results));
        *body += &text(LABEL_WIDTH + width + 5.0, y + 10.0, "figure", &format!("{:.decimals$} {unit}", figure.cost));
        y += BAR_HEIGHT + 1.0;
    }
    y
}

/// Ours stands last and in its own colour.
fn class(server: usize, results: &Results) -> &'static str {
    if server + 1 == results.servers.len() { "ours" } else { ["s0", "s1", "s2"][server.min(2)] }
}

fn rect(x: f64, y: f64, width: f64, class: &str) -> String {
    format!(
        "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR_HEIGHT}\" rx=\"2\"/>\n"
    )
}

fn text(x: f64, y: f64, class: &str, words: &str) -> String {
    let words = words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{words}</text>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_has_its_bar_in_every_row() {
        let chart = svg(&super::super::table::sample());
        // Two rows, and the legend.
        assert_eq!(chart.matches("<rect class=\"ours\"").count(), 3);
        assert_eq!(chart.matches("<rect class=\"s0\"").count(), 3);
        assert!(chart.contains("stateless &lt;0.1&gt;") && !chart.contains("href"));
    }
}
