//! `/openapi.json`: what can be asked for, from one table.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use crate::respond::{self, JSON};

/// A method of a path.
struct Operation {
    path: &'static str,
    method: &'static str,
    summary: &'static str,
    /// Name, where it is, what it says.
    parameters: &'static [(&'static str, &'static str, &'static str)],
    /// Media type and what the body is.
    body: Option<(&'static str, &'static str)>,
    /// Statuses and when.
    answers: &'static [(&'static str, &'static str)],
    /// Needs no user.
    is_open: bool,
}

const KEY: (&str, &str, &str) = ("key", "path", "The key, percent-encoded, or base64url with encoding=base64.");
const ENCODING: (&str, &str, &str) = ("encoding", "query", "base64 where the key is spelled so.");
const TTL: (&str, &str, &str) = ("ttl", "query", "Seconds to live, or keep; without it the key stays for ever.");
const TTL_MS: (&str, &str, &str) = ("ttl_ms", "query", "Milliseconds to live.");
const START: (&str, &str, &str) = ("start", "query", "The first element, byte or id.");
const STOP: (&str, &str, &str) = ("stop", "query", "The last one.");
const COUNT: (&str, &str, &str) = ("count", "query", "Entries of a stream, at most.");
const IF_MATCH: (&str, &str, &str) = ("If-Match", "header", "Only while the value has this tag.");
const IF_NONE_MATCH: (&str, &str, &str) =
    ("If-None-Match", "header", "Only while it has not; * while there is no key.");
const JSON_TYPE: &str = "application/json";

impl Operation {
    const fn new(path: &'static str, method: &'static str, summary: &'static str) -> Self {
        Self { path, method, summary, parameters: &[], body: None, answers: &[("200", "The answer.")], is_open: false }
    }
}

const OPERATIONS: &[Operation] = &[
    Operation {
        parameters: &[KEY, ENCODING, START, STOP, COUNT, IF_MATCH, IF_NONE_MATCH],
        answers: &[
            ("200", "The value: a string as it is, everything else as JSON in the type's own media type."),
            ("304", "It has the tag of If-None-Match."),
            ("404", "There is no key."),
            ("412", "It has not the tag of If-Match."),
        ],
        ..Operation::new("/v1/keys/{key}", "get", "Reads a key.")
    },
    Operation {
        parameters: &[KEY, ENCODING, TTL, TTL_MS, IF_MATCH, IF_NONE_MATCH],
        body: Some((
            "application/octet-stream",
            "The value; application/vnd.stateless.{list,set,hash,zset}+json for those.",
        )),
        answers: &[("201", "The key is new."), ("204", "It was there."), ("412", "The conditions do not hold.")],
        ..Operation::new("/v1/keys/{key}", "put", "Writes a key as a whole.")
    },
    Operation {
        parameters: &[KEY, ENCODING, IF_MATCH, IF_NONE_MATCH],
        answers: &[("204", "The key is gone."), ("404", "There is none."), ("412", "The conditions do not hold.")],
        ..Operation::new("/v1/keys/{key}", "delete", "Removes a key.")
    },
    Operation {
        body: Some((JSON_TYPE, "{\"patterns\": [\"user:1\"], \"cascade\": true, \"dry_run\": false}")),
        answers: &[("200", "How many keys went, or what would go.")],
        ..Operation::new("/v1/invalidate", "post", "Removes keys by patterns, and what follows from them.")
    },
    Operation {
        body: Some((JSON_TYPE, "[\"SET\", \"key\", \"value\"]")),
        answers: &[("200", "{\"result\": ...}"), ("400", "{\"error\": ...}")],
        ..Operation::new("/", "post", "Runs a command.")
    },
    Operation {
        body: Some((JSON_TYPE, "[[\"SET\", \"key\", \"value\"], [\"GET\", \"key\"]]")),
        ..Operation::new("/pipeline", "post", "Runs commands one after the other.")
    },
    Operation {
        body: Some((JSON_TYPE, "[[\"INCR\", \"key\"], [\"GET\", \"key\"]]")),
        answers: &[("200", "An outcome for each."), ("400", "The transaction was discarded.")],
        ..Operation::new("/multi-exec", "post", "Runs commands as a transaction.")
    },
    Operation {
        parameters: &[("channel", "path", "The channel.")],
        answers: &[("200", "Server-sent events.")],
        ..Operation::new("/subscribe/{channel}", "post", "Listens to a channel.")
    },
    Operation::new("/metrics", "get", "Answers metrics in Prometheus's text format."),
    Operation { is_open: true, ..Operation::new("/livez", "get", "Tells that the server lives.") },
    Operation {
        answers: &[("200", "It is."), ("503", "It is not, and why.")],
        is_open: true,
        ..Operation::new("/readyz", "get", "Tells whether requests are worth sending.")
    },
    Operation {
        answers: &[("200", "It is."), ("503", "It is not, and why.")],
        is_open: true,
        ..Operation::new("/healthz", "get", "Tells the same as /readyz.")
    },
    Operation { is_open: true, ..Operation::new("/openapi.json", "get", "Answers this description.") },
];

/// All of it.
pub(super) fn description() -> Value {
    let mut paths = serde_json::Map::new();
    for operation in OPERATIONS {
        paths.entry(operation.path).or_insert_with(|| json!({}))[operation.method] = described(operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "stateless", "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "A token of ACL RESTTOKEN." },
                "password": { "type": "http", "scheme": "basic", "description": "A user's name and password." },
            },
            "schemas": {
                "Problem": {
                    "type": "object",
                    "required": ["title", "status", "detail"],
                    "properties": {
                        "title": { "type": "string" },
                        "status": { "type": "integer" },
                        "detail": { "type": "string" },
                        "code": { "type": "string", "description": "The server's code, such as WRONGTYPE." },
                    },
                },
            },
        },
        "security": [{ "token": [] }, { "password": [] }, {}],
    })
}

fn described(operation: &Operation) -> Value {
    let parameter = |(name, place, text): &(&str, &str, &str)| json!({ "name": name, "in": place, "required": *place == "path", "description": text, "schema": { "type": "string" } });
    let answers: serde_json::Map<String, Value> =
        operation.answers.iter().map(|(status, text)| ((*status).to_owned(), json!({ "description": text }))).collect();
    let mut answers = Value::Object(answers);
    if operation.path.starts_with("/v1/") {
        let problem = json!({ "$ref": "#/components/schemas/Problem" });
        answers["default"] = json!({
            "description": "What went wrong.",
            "content": { "application/problem+json": { "schema": problem } },
        });
    }
    let mut described = json!({ "summary": operation.summary, "responses": answers });
    if !operation.parameters.is_empty() {
        described["parameters"] = operation.parameters.iter().map(parameter).collect();
    }
    if let Some((media, text)) = operation.body {
        described["requestBody"] = json!({ "required": true, "description": text, "content": { media: {} } });
    }
    if operation.is_open {
        described["security"] = json!([]);
    }
    described
}

/// As a file.
pub(super) fn text() -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(&description()).unwrap_or_default();
    text.push(b'\n');
    text
}

/// Answers it.
pub(super) async fn answer() -> Response {
    respond::with(StatusCode::OK, JSON, text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, text()).expect("docs can be written");
        }
        assert!(std::fs::read(path).is_ok_and(|file| file == text()), "docs/openapi.json is stale: make generate");
    }

    #[test]
    fn summaries_are_sentences() {
        for Operation { path, summary, .. } in OPERATIONS {
            assert!(summary.starts_with(char::is_uppercase) && summary.ends_with('.'), "{path}: {summary}");
        }
    }
}
