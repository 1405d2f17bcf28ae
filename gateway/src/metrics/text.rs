//! Prometheus's text format: families with their type, each once, their samples together.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

/// What a family is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Gauge,
    Counter,
    Summary,
    Histogram,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Summary => "summary",
            Self::Histogram => "histogram",
        }
    }
}

/// See the module's head.
#[derive(Default)]
pub(super) struct Exposition {
    families: BTreeMap<String, Family>,
}

struct Family {
    kind: Kind,
    help: String,
    samples: String,
}

/// Names of labels with their values.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

impl Exposition {
    /// A sample of a gauge or counter.
    pub(super) fn add(&mut self, kind: Kind, name: &str, help: &str, labels: Labels<'_>, value: impl Display) {
        self.part(kind, name, "", help, labels, value);
    }

    /// A sample of a family with several series: `name` with a suffix such as `_sum`.
    pub(super) fn part(
        &mut self,
        kind: Kind,
        name: &str,
        suffix: &str,
        help: &str,
        labels: Labels<'_>,
        value: impl Display,
    ) {
        let fresh = || Family { kind, help: help.to_owned(), samples: String::new() };
        let family = self.families.entry(name.to_owned()).or_insert_with(fresh);
        let samples = &mut family.samples;
        samples.push_str(name);
        samples.push_str(suffix);
        for (index, (label, value)) in labels.iter().enumerate() {
            let _ = write!(samples, "{}{label}=\"{}\"", if index == 0 { '{' } else { ',' }, escaped(value));
        }
        let _ = writeln!(samples, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    /// All of it.
    pub(super) fn finish(self) -> String {
        let mut text = String::new();
        for (name, Family { kind, help, samples }) in self.families {
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {}\n{samples}", kind.name());
        }
        text
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_come_together() {
        let mut text = Exposition::default();
        text.add(Kind::Counter, "b_total", "B.", &[("x", "1\"\\")], 2);
        text.add(Kind::Gauge, "a", "A.", &[], 1.5);
        text.add(Kind::Counter, "b_total", "B.", &[("x", "2"), ("y", "\n")], 3);
        text.part(Kind::Summary, "c", "_sum", "C.", &[], 4);
        let wanted = "# HELP a A.\n# TYPE a gauge\na 1.5\n# HELP b_total B.\n# TYPE b_total counter\n\
                      b_total{x=\"1\\\"\\\\\"} 2\nb_total{x=\"2\",y=\"\\n\"} 3\n# HELP c C.\n# TYPE c summary\nc_sum 4\n";
        assert_eq!(text.finish(), wanted);
    }
}
