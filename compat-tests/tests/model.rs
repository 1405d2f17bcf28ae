//! Random command sequences of each kind, on this server and on a real redis-server, which is the model.
//! `STEPS` commands per kind and protocol (default 1000); `SEED` chooses other sequences.

use compat_tests::model::{self, Plan};
use compat_tests::target::Tcp;
use compat_tests::transcript::parse::Proto;

fn check(kind: &'static str) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let ours = Tcp::ours().unwrap_or_else(|fault| panic!("{fault}"));
    let reference = Tcp::redis().unwrap_or_else(|fault| panic!("{fault}"));
    for proto in [Proto::Resp2, Proto::Resp3] {
        let (seed, steps) = (number("SEED").unwrap_or(1), number("STEPS").unwrap_or(1000) as usize);
        if let Err(difference) = model::compare(&Plan { kind, proto, seed, steps }, &ours, &reference) {
            panic!("{difference}");
        }
    }
}

macro_rules! kinds {
    ($($kind:ident),*) => { $( #[test] fn $kind() { check(stringify!($kind)); } )* };
}

kinds!(string, hash, list, set, zset, bitmap, generic, transactions);
