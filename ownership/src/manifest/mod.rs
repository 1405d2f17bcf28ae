//! The manifest: a file of rules, one a line. All of it holds, or none.
//!
//! ```text
//! pattern page:<id>   layer edge  ttl 5m  stale 30s
//! edge    page:<id>   derives     user:<id>
//! ```
//!
//! Words are split as in redis.conf, so a pattern with blanks stands in quotes; a line that begins with `#` is a
//! comment.

use std::fmt::{self, Write};

use nom::branch::alt;
use nom::bytes::complete::{tag, tag_no_case, take_till1, take_while1};
use nom::combinator::{eof, map, rest, value};
use nom::sequence::{preceded, terminated};
use nom::{IResult, Parser};

use crate::graph::{Attributes, EdgeRule, Graph, NodeRule, Place, Relation, Rules};
use crate::pattern::{Pattern, shown};

/// A line that does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LineError {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// All lines that do not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ManifestError(pub Vec<LineError>);

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, LineError { line, reason }) in self.0.iter().enumerate() {
            write!(f, "{}line {line}: {reason}", if index > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for ManifestError {}

/// Reads a manifest.
pub fn parse(text: &[u8]) -> Result<Graph, ManifestError> {
    let (mut rules, mut errors) = (Rules::default(), Vec::new());
    let (mut node_lines, mut edge_lines) = (Vec::new(), Vec::new());
    for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let line_number = index + 1;
        match rule(line.trim_ascii()) {
            Ok(None) => {}
            Ok(Some(Rule::Node(rule))) => {
                rules.nodes.push(rule);
                node_lines.push(line_number);
            }
            Ok(Some(Rule::Edge(rule))) => {
                rules.edges.push(rule);
                edge_lines.push(line_number);
            }
            Err(reason) => errors.push(LineError { line: line_number, reason }),
        }
    }
    if !errors.is_empty() {
        return Err(ManifestError(errors));
    }
    Graph::new(rules).map_err(|refused| {
        let line = match refused.place {
            Place::Node(number) => node_lines[number],
            Place::Edge(number) => edge_lines[number],
        };
        ManifestError(vec![LineError { line, reason: refused.reason.to_string() }])
    })
}

enum Rule {
    Node(NodeRule),
    Edge(EdgeRule),
}

/// A line, its keyword read.
#[derive(Clone)]
enum Line<'a> {
    Nothing,
    Pattern(&'a [u8]),
    Edge(&'a [u8]),
    Unknown(&'a [u8]),
}

fn line(text: &[u8]) -> IResult<&[u8], Line<'_>> {
    alt((
        value(Line::Nothing, eof),
        value(Line::Nothing, (tag("#"), rest)),
        map(preceded(keyword("pattern"), rest), Line::Pattern),
        map(preceded(keyword("edge"), rest), Line::Edge),
        map(take_till1(base::quote::is_blank), Line::Unknown),
    ))
    .parse(text)
}

/// A whole word in any case, and the blanks behind it.
fn keyword<'a>(name: &'static str) -> impl Parser<&'a [u8], Output = &'a [u8], Error = nom::error::Error<&'a [u8]>> {
    terminated(tag_no_case(name), alt((eof, take_while1(base::quote::is_blank))))
}

fn rule(text: &[u8]) -> Result<Option<Rule>, String> {
    let (_, line) = line(text).map_err(|_| "no rule".to_owned())?;
    match line {
        Line::Nothing => Ok(None),
        Line::Pattern(words) => node(&split(words)?).map(|rule| Some(Rule::Node(rule))),
        Line::Edge(words) => edge(&split(words)?).map(|rule| Some(Rule::Edge(rule))),
        Line::Unknown(word) => Err(format!("'{}' begins no rule: 'pattern' or 'edge' is expected", shown(word))),
    }
}

fn split(words: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    base::quote::split_args(words).ok_or_else(|| "unbalanced quotes".to_owned())
}

fn node(words: &[Vec<u8>]) -> Result<NodeRule, String> {
    let [name, attributes @ ..] = words else { return Err("'pattern' without a pattern".to_owned()) };
    let pattern = Pattern::parse(name).map_err(|error| error.to_string())?;
    let attributes = Attributes::parse(attributes).map_err(|error| error.to_string())?;
    Ok(NodeRule { pattern, attributes })
}

fn edge(words: &[Vec<u8>]) -> Result<EdgeRule, String> {
    let [left, relation, right] = words else {
        return Err("an edge is two patterns and owns, derives, invalidates or borrows between them".to_owned());
    };
    let relation = Relation::parse(relation).ok_or_else(|| {
        format!("unknown edge '{}': owns, derives, invalidates and borrows are known", shown(relation))
    })?;
    let side = |text: &[u8]| Pattern::parse(text).map_err(|error| error.to_string());
    Ok(EdgeRule { left: side(left)?, relation, right: side(right)? })
}

/// The text of a manifest with these rules; reading it gives them again.
pub fn print(rules: &Rules) -> String {
    let patterns = rules.nodes.iter().map(|rule| spell(&rule.pattern));
    let lefts = rules.edges.iter().map(|rule| spell(&rule.left));
    let width = patterns.chain(lefts).map(|text| text.len()).filter(|&len| len <= 40).max().unwrap_or(0);
    let mut text = String::new();
    for NodeRule { pattern, attributes } in &rules.nodes {
        let mut line = format!("pattern {:width$}", spell(pattern));
        for (name, value) in attributes.words() {
            let _ = write!(line, "  {name} {value}");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    for EdgeRule { left, relation, right } in &rules.edges {
        let _ = writeln!(text, "edge    {:width$}  {:<11}  {}", spell(left), relation.name(), spell(right));
    }
    text
}

/// A pattern as one word of a line.
fn spell(pattern: &Pattern) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'');
    match std::str::from_utf8(pattern.text()) {
        Ok(text) if !text.is_empty() && text.bytes().all(|byte| is_plain(&byte)) => text.to_owned(),
        _ => base::quote::quote(pattern.text()),
    }
}

#[cfg(test)]
mod tests;
