//! CLIENT LEASE.

use commands_macros::command;

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
