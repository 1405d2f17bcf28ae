//! Histories of several connections at once are linearizable, on this server and on a real one (which shows
//! that the checker accepts what is right). `ROUNDS` per model (default 15); `SEED` chooses other rounds.

use compat_tests::concurrent::{self, models::Model};
use compat_tests::target::{Target, Tcp};

fn check(target: &dyn Target) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    for model in Model::ALL {
        let rounds = number("ROUNDS").unwrap_or(15) as usize;
        if let Err(history) = concurrent::check(model, number("SEED").unwrap_or(1), rounds, target) {
            panic!("{history}");
        }
    }
}

#[test]
fn histories_are_linearizable() {
    check(&Tcp::ours().unwrap_or_else(|fault| panic!("{fault}")));
}

#[test]
fn histories_of_redis_are_linearizable() {
    check(&Tcp::redis().unwrap_or_else(|fault| panic!("{fault}")));
}
