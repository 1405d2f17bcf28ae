//! CLIENT LEASE and LAYER.

use ::ownership::Layer;
use commands_macros::{Args, command};

use crate::args::Choice;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::ownership;
use crate::reply;
use crate::spec::{ArgDoc, ArgType};

/// Lets the connection act for a lease of its user: it writes the keys that the lease owns, until that ends.
#[command(
    "LEASE",
    since = "1.0.0",
    complexity = "O(log N) where N is the number of leases",
    flags(NOSCRIPT),
    categories(OWNERSHIP),
    args(ArgDoc::new("token", ArgType::Integer))
)]
pub(crate) fn lease(ctx: &mut Ctx, token: i64) -> Result<reply::Ok> {
    let token = u64::try_from(token).map_err(|_| Error::Plain("ERR a token is not negative"))?;
    ownership::attach(ctx, token)?;
    Ok(reply::Ok)
}

#[derive(Args, Clone, Copy)]
pub(crate) enum Place {
    Client,
    Edge,
    Server,
}

/// Says where the connection stands between the truth and its copies: what is placed in the layer `server` is written
/// from there only.
#[command("LAYER", since = "1.0.0", complexity = "O(1)", flags(FAST | NOSCRIPT), categories(OWNERSHIP))]
pub(crate) fn layer(ctx: &mut Ctx, #[arg(name = "layer")] place: Choice<Place>) -> Result<reply::Ok> {
    ctx.client.layer = match place.0 {
        Place::Client => Layer::Client,
        Place::Edge => Layer::Edge,
        Place::Server => Layer::Server,
    };
    Ok(reply::Ok)
}
