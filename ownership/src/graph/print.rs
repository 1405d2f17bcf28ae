//! A graph for people and tools.

use std::fmt::Write;

use super::{Graph, Relation};
use crate::pattern::Pattern;

impl Graph {
    /// As JSON: patterns with what is said of them, and edges.
    pub fn to_json(&self) -> String {
        let nodes = self.rules().nodes.iter().map(|rule| {
            let mut text = format!("{{\"pattern\":{}", json(&rule.pattern));
            for (name, value) in rule.attributes.words() {
                let _ = write!(text, ",\"{name}\":\"{value}\"");
            }
            text + "}"
        });
        let edges = self.rules().edges.iter().map(|rule| {
            let (left, right) = (json(&rule.left), json(&rule.right));
            format!("{{\"left\":{left},\"relation\":\"{}\",\"right\":{right}}}", rule.relation.name())
        });
        let (nodes, edges): (Vec<_>, Vec<_>) = (nodes.collect(), edges.collect());
        format!("{{\"patterns\":[{}],\"edges\":[{}]}}", nodes.join(","), edges.join(","))
    }

    /// As a graph in the language of Graphviz; arrows go where a change goes.
    pub fn to_dot(&self) -> String {
        let mut text = "digraph ownership {\n".to_owned();
        for node in self.nodes() {
            let _ = writeln!(text, "  {};", json(&node.pattern));
        }
        for rule in &self.rules().edges {
            let (from, to, style) = match (rule.source(), rule.target()) {
                (Some(source), Some(target)) => (source, target, "solid"),
                _ => (&rule.right, &rule.left, "dotted"),
            };
            let style = if rule.relation == Relation::Invalidates { "dashed" } else { style };
            let name = rule.relation.name();
            let _ = writeln!(text, "  {} -> {} [label=\"{name}\", style={style}];", json(from), json(to));
        }
        text + "}\n"
    }
}

/// A pattern as a string of JSON; bytes that are no text become replacement characters.
fn json(pattern: &Pattern) -> String {
    let mut quoted = String::from("\"");
    for c in String::from_utf8_lossy(pattern.text()).chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c < ' ' => drop(write!(quoted, "\\u{:04x}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
