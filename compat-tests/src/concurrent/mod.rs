//! Several connections at once on few keys. The history of each object must be linearizable: there is an order
//! of its operations, respecting which of them ended before another began, that a single-threaded server
//! could have executed.
//!
//! [`models`] says what single-threaded objects do, [`linearizable`] searches the order.

pub mod linearizable;
pub mod models;

use crate::connection::Connection;
use crate::rng::Rng;
use crate::target::Target;
use linearizable::Operation;
use models::{Model, Outcome};
use resp::Reply;
use std::sync::Barrier;
use std::time::Instant;

/// Connections at once.
const CLIENTS: usize = 4;
/// Operations of each connection in a round; their objects start afresh with every round.
const OPERATIONS: usize = 40;
/// Objects of a round.
const OBJECTS: usize = 2;

/// Plays `rounds` rounds of `model`; the number of operations, or the history that has no order.
pub fn check(model: Model, seed: u64, rounds: usize, target: &dyn Target) -> Result<usize, String> {
    let mut clients: Vec<Connection> = (0..CLIENTS).map(|_| target.client()).collect();
    for round in 0..rounds {
        let histories = play_round(model, seed ^ ((round as u64) << 32), &mut clients);
        for (object, history) in histories.iter().enumerate() {
            if !linearizable::check(model, history) {
                let lines: Vec<String> = history.iter().map(|op| format!("  {op}")).collect();
                return Err(format!(
                    "{model:?}, SEED={seed}, round {round}, object {object}: no order of these operations explains \
                     their replies (client, from and to in ns)\n{}\n",
                    lines.join("\n")
                ));
            }
        }
        let _next_round_starts_empty = clients[0].words("FLUSHALL");
    }
    Ok(rounds * CLIENTS * OPERATIONS)
}

fn play_round(model: Model, seed: u64, clients: &mut [Connection]) -> Vec<Vec<Operation>> {
    let barrier = Barrier::new(clients.len());
    let start = Instant::now();
    let played: Vec<Vec<(usize, Operation)>> = std::thread::scope(|scope| {
        let threads: Vec<_> = clients
            .iter_mut()
            .enumerate()
            .map(|(number, client)| {
                let barrier = &barrier;
                scope.spawn(move || {
                    let mut rng = Rng::new(seed.wrapping_mul(31).wrapping_add(number as u64));
                    barrier.wait();
                    (0..OPERATIONS).map(|i| operate(model, number, i, client, start, &mut rng)).collect()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a client thread does not panic")).collect()
    });
    let mut histories = vec![Vec::new(); OBJECTS];
    for (object, operation) in played.into_iter().flatten() {
        histories[object].push(operation);
    }
    histories
}

fn operate(
    model: Model,
    number: usize,
    i: usize,
    client: &mut Connection,
    start: Instant,
    rng: &mut Rng,
) -> (usize, Operation) {
    let object = rng.below(OBJECTS);
    // Every written value is different, so that a reply says whose write it saw.
    let call = model.draw((number * OPERATIONS + i + 1) as i64, rng);
    let began = start.elapsed();
    let replies: Vec<Reply> = call
        .commands(object)
        .iter()
        .map(|argv| client.call(argv).unwrap_or_else(|e| Reply::Error(e.to_string().into_bytes())))
        .collect();
    let ended = start.elapsed();
    let outcome = Outcome::of(&call, replies.last());
    (object, Operation { client: number, call, outcome, began_ns: began.as_nanos(), ended_ns: ended.as_nanos() })
}
