//! All paths; what is none of them is a command.

use axum::Router;
use axum::response::Response;
use axum::routing::{any, get};

use crate::{health, metrics, resources, respond, rest};

/// See the module's head.
pub(crate) fn router() -> Router {
    Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/healthz", get(health::ready))
        .route("/metrics", get(metrics::scrape))
        .method_not_allowed_fallback(not_allowed)
        .merge(resources::router())
        .fallback(any(rest::root))
}

async fn not_allowed() -> Response {
    respond::wrong_method("GET, HEAD")
}
