//! kill -9 under concurrent load of all types: after each restart every connection finds what it was promised.
//!
//! Each connection writes to keys of its own, in pipelines, and remembers how many of its requests were answered.
//! After the restart its keys must be as after so many requests, or after some of those that were under way.
//! Short by default. `CYCLES` sets the kills per policy; `KILL_SERVER` names another server's binary, and
//! `KILL_POLICIES` its policies, to see what others lose; `everysec+tier` has values move to the warm tier meanwhile.
// A long run says how far it is.
#![allow(clippy::print_stdout)]

mod load;
mod server;

use std::time::Duration;

use compat_tests::rng::Rng;

use load::Writer;
use server::Server;

const WRITERS: usize = 8;

fn cycles() -> usize {
    std::env::var("CYCLES").ok().and_then(|text| text.parse().ok()).unwrap_or(4)
}

/// Kills the server so often; what was lost, in words.
fn torment(policy: &str, port_base: u64) -> Vec<String> {
    let seed = std::env::var("SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(port_base);
    let mut rng = Rng::new(seed);
    let mut server = Server::new(policy).expect("the server is built");
    let mut writers: Vec<Writer> = (0..WRITERS).map(Writer::new).collect();
    let mut losses = Vec::new();
    for cycle in 0..cycles() {
        server.start().unwrap_or_else(|reason| panic!("seed {seed}, cycle {cycle}, {policy}: {reason}"));
        for writer in &mut writers {
            if let Err(loss) = writer.check(&server) {
                losses.push(format!("seed {seed}, cycle {cycle}, {policy}: {loss}"));
            }
        }
        let life = Duration::from_millis(20 + rng.below(if cycle % 8 == 7 { 1500 } else { 250 }) as u64);
        std::thread::scope(|scope| {
            let server = &server;
            for writer in &mut writers {
                let pipeline = 1 + rng.below(16);
                scope.spawn(move || writer.run(server, pipeline));
            }
            scope.spawn(|| server.keep_cool());
            std::thread::sleep(life);
            server.kill();
        });
    }
    let answered: u64 = writers.iter().map(|writer| writer.answered).sum();
    println!("{policy}: {} kills, {answered} answered requests, {} losses", cycles(), losses.len());
    assert!(answered > 100, "there was load");
    losses
}

#[test]
fn what_was_answered_survives_under_each_policy() {
    let policies = std::env::var("KILL_POLICIES").unwrap_or_else(|_| "always everysec no everysec+tier".to_owned());
    for (at, policy) in policies.split(' ').enumerate() {
        let losses = torment(policy, at as u64 + 1);
        assert!(losses.is_empty(), "{}", losses.join("\n"));
    }
}
