//! The module `ownership`: its commands and its section of INFO. What they change works in `commands::ownership`, in the
//! path of every request; what patterns and graphs are is in `ownership`.

mod claim;
#[cfg(test)]
mod claim_tests;
mod container;
#[cfg(test)]
mod feed_tests;
mod info;
mod invalidate;
mod lease;
#[cfg(test)]
mod lease_tests;
#[cfg(test)]
mod owner_tests;
#[cfg(test)]
mod tests;

use commands::module::{Module, Section};
// What `#[command]` names.
use commands::{args, ctx, error, reply, spec};

/// As in the server, whose memory it counts.
#[cfg(test)]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// To be handed to the command table.
pub static MODULE: Module = Module {
    name: "ownership",
    version: 100,
    commands: &[
        &lease::BORROW,
        &claim::CLAIM,
        &claim::FILL,
        &invalidate::INVALIDATE,
        &lease::OWN,
        &container::OWNERSHIP,
        &lease::RELEASE,
        &lease::RENEW,
    ],
    info: Some(Section { heading: "Ownership", write: info::write }),
};
