//! Whether changes could go round in a circle.

use super::{Effect, Node};

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    Open,
    Done,
}

/// The edges of a circle, by number, in the order in which a change would go; None: there is none. Each edge is gone
/// through once.
pub(super) fn find(nodes: &[Node], effects: &[Option<Effect>]) -> Option<Vec<u32>> {
    let next = |edge: u32| -> Vec<u32> {
        let Some(effect) = &effects[edge as usize] else { return Vec::new() };
        let sources = &nodes[effect.target as usize].leads_to;
        sources.iter().flat_map(|&source| nodes[source as usize].triggers.iter().copied()).collect()
    };
    let mut marks = vec![Mark::New; effects.len()];
    for start in 0..effects.len() as u32 {
        if marks[start as usize] != Mark::New {
            continue;
        }
        marks[start as usize] = Mark::Open;
        let mut path = vec![(start, next(start))];
        while let Some((edge, ahead)) = path.last_mut() {
            let Some(after) = ahead.pop() else {
                marks[*edge as usize] = Mark::Done;
                path.pop();
                continue;
            };
            match marks[after as usize] {
                Mark::Done => {}
                Mark::New => {
                    marks[after as usize] = Mark::Open;
                    path.push((after, next(after)));
                }
                Mark::Open => {
                    let begin = path.iter().position(|(edge, _)| *edge == after)?;
                    return Some(path[begin..].iter().map(|(edge, _)| *edge).collect());
                }
            }
        }
    }
    None
}
