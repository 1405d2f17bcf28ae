//! `/v1`: keys as resources, with content types, entity tags, conditions and times to live.
//!
//! What is read and what is written stands in a transaction of the server, and a condition in a WATCH before it: so an
//! answer is of one moment, and what was checked still holds when it is acted on.

mod condition;
mod invalidate;
mod keys;
mod openapi;
mod problem;
mod read;
mod representation;
mod write;

use axum::Router;
use axum::routing::{get, post};

pub(crate) use problem::Problem;

/// All paths below `/v1`, and their description.
pub(crate) fn router() -> Router {
    Router::new()
        .route("/v1/keys/{*key}", get(keys::read).put(keys::write).delete(keys::remove))
        .route("/v1/invalidate", post(invalidate::invalidate))
        .route("/openapi.json", get(openapi::answer))
        .route("/v1/{*rest}", axum::routing::any(problem::unknown_path))
        .method_not_allowed_fallback(problem::wrong_method)
}
