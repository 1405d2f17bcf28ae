//! The objects that histories are checked against: what one operation does to a state, and what it answers.

use crate::rng::Rng;
use resp::Reply;

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// A string that is set, read, exchanged and deleted.
    Register,
    /// Two strings that MSET writes and MGET reads, across shards.
    Pair,
    /// Two strings that a transaction increments and reads.
    Transaction,
    Counter,
    List,
    Set,
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    Get,
    Set(i64),
    SetNx(i64),
    GetSet(i64),
    GetDel,
    MultiSet(i64),
    MultiGet,
    Exec(i64),
    IncrBy(i64),
    Push { left: bool, value: i64 },
    Pop { left: bool },
    Range,
    Add(i64),
    Remove(i64),
    Contains(i64),
    Members,
}

/// What the client saw.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Int(i64),
    Nil,
    Ok,
    /// Elements, in their order; nil as `None`.
    Many(Vec<Option<i64>>),
    /// Anything that no operation answers; it has no order, so the check fails and prints it.
    Other(String),
}

/// The state of an object: nil is `None`, a list or set its elements.
pub type State = Vec<Option<i64>>;

impl Model {
    /// All of them.
    pub const ALL: [Model; 6] =
        [Model::Register, Model::Pair, Model::Transaction, Model::Counter, Model::List, Model::Set];

    /// A fresh object.
    pub fn empty(self) -> State {
        match self {
            Model::Register => vec![None],
            Model::Pair => vec![None, None],
            Model::Transaction => vec![Some(0), Some(0)],
            Model::Counter => vec![Some(0)],
            Model::List | Model::Set => Vec::new(),
        }
    }

    /// An operation that writes `value` if it writes.
    pub(super) fn draw(self, value: i64, rng: &mut Rng) -> Call {
        let (left, small) = (rng.one_in(2), rng.below(4) as i64);
        let choices: &[Call] = match self {
            Model::Register => {
                &[Call::Get, Call::Get, Call::Set(value), Call::SetNx(value), Call::GetSet(value), Call::GetDel]
            }
            Model::Pair => &[Call::MultiSet(value), Call::MultiGet],
            Model::Transaction => &[Call::Exec(small), Call::MultiGet],
            Model::Counter => &[Call::IncrBy(small + 1), Call::IncrBy(-small), Call::Get],
            Model::List => &[Call::Push { left, value }, Call::Push { left, value }, Call::Pop { left }, Call::Range],
            Model::Set => &[Call::Add(small), Call::Remove(small), Call::Contains(small), Call::Members],
        };
        rng.pick(choices).clone()
    }

    /// Does `outcome` answer `call` in `state`? Changes the state if it does.
    pub fn apply(self, state: &mut State, call: &Call, outcome: &Outcome) -> bool {
        let was = |seen: Option<i64>| seen.map_or(Outcome::Nil, Outcome::Int);
        let expected = match call {
            Call::Get => match (self, state[0]) {
                (Model::Counter, Some(0)) if *outcome == Outcome::Nil => Outcome::Nil, // not incremented yet
                (_, seen) => was(seen),
            },
            Call::Set(value) => {
                state[0] = Some(*value);
                Outcome::Ok
            }
            Call::SetNx(value) => {
                let absent = state[0].is_none();
                state[0] = state[0].or(Some(*value));
                Outcome::Int(absent.into())
            }
            Call::GetSet(value) => was(state[0].replace(*value)),
            Call::GetDel => was(state[0].take()),
            Call::MultiSet(value) => {
                *state = vec![Some(*value); 2];
                Outcome::Ok
            }
            Call::MultiGet if self == Model::Transaction && *outcome == Outcome::Many(vec![None, None]) => {
                Outcome::Many(if *state == self.empty() { vec![None, None] } else { state.clone() })
            }
            Call::MultiGet | Call::Range => Outcome::Many(state.clone()),
            Call::Exec(by) => {
                state.iter_mut().for_each(|n| *n = n.map(|n| n + by));
                Outcome::Many(state.clone())
            }
            Call::IncrBy(by) => {
                state[0] = state[0].map(|n| n + by);
                was(state[0])
            }
            Call::Push { left, value } => {
                state.insert(if *left { 0 } else { state.len() }, Some(*value));
                Outcome::Int(state.len() as i64)
            }
            Call::Pop { left } => match (state.is_empty(), left) {
                (true, _) => Outcome::Nil,
                (false, true) => was(state.remove(0)),
                (false, false) => was(state.pop().flatten()),
            },
            Call::Add(_) | Call::Remove(_) | Call::Contains(_) | Call::Members => set(state, call),
        };
        *outcome == expected
    }
}

fn set(state: &mut State, call: &Call) -> Outcome {
    let at = |member: &i64| state.binary_search(&Some(*member));
    match call {
        Call::Add(member) => match at(member) {
            Ok(_) => Outcome::Int(0),
            Err(place) => {
                state.insert(place, Some(*member));
                Outcome::Int(1)
            }
        },
        Call::Remove(member) => match at(member) {
            Ok(place) => {
                state.remove(place);
                Outcome::Int(1)
            }
            Err(_) => Outcome::Int(0),
        },
        Call::Contains(member) => Outcome::Int(at(member).is_ok().into()),
        _ => Outcome::Many(state.clone()),
    }
}

impl Call {
    /// The commands that make up the operation; the last reply is its outcome.
    pub(super) fn commands(&self, object: usize) -> Vec<Vec<String>> {
        // The two keys of a pair fall into different shards more often than not.
        let (key, other) = (format!("object:{object}"), format!("{object}:other"));
        let line = match self {
            Call::Get => format!("GET {key}"),
            Call::Set(n) => format!("SET {key} {n}"),
            Call::SetNx(n) => format!("SETNX {key} {n}"),
            Call::GetSet(n) => format!("GETSET {key} {n}"),
            Call::GetDel => format!("GETDEL {key}"),
            Call::MultiSet(n) => format!("MSET {key} {n} {other} {n}"),
            Call::MultiGet => format!("MGET {key} {other}"),
            Call::Exec(n) => format!("MULTI;INCRBY {key} {n};INCRBY {other} {n};EXEC"),
            Call::IncrBy(n) => format!("INCRBY {key} {n}"),
            Call::Push { left: true, value } => format!("LPUSH {key} {value}"),
            Call::Push { left: false, value } => format!("RPUSH {key} {value}"),
            Call::Pop { left: true } => format!("LPOP {key}"),
            Call::Pop { left: false } => format!("RPOP {key}"),
            Call::Range => format!("LRANGE {key} 0 -1"),
            Call::Add(n) => format!("SADD {key} {n}"),
            Call::Remove(n) => format!("SREM {key} {n}"),
            Call::Contains(n) => format!("SISMEMBER {key} {n}"),
            Call::Members => format!("SMEMBERS {key}"),
        };
        line.split(';').map(|command| command.split(' ').map(String::from).collect()).collect()
    }
}

impl Outcome {
    /// What a reply says to a call.
    pub(super) fn of(call: &Call, reply: Option<&Reply>) -> Outcome {
        let element = |reply: &Reply| match reply {
            Reply::Int(n) => Some(Some(*n)),
            Reply::Bulk(text) => Some(Some(std::str::from_utf8(text).ok()?.parse().ok()?)),
            nil if nil.is_null() => Some(None),
            _ => None,
        };
        let outcome = match reply {
            Some(Reply::Simple(text)) if text == b"OK" => Some(Outcome::Ok),
            Some(Reply::Array(items)) => items.iter().map(element).collect::<Option<Vec<_>>>().map(Outcome::Many),
            Some(reply) => element(reply).map(|seen| seen.map_or(Outcome::Nil, Outcome::Int)),
            None => None,
        };
        match outcome {
            Some(Outcome::Many(mut members)) if *call == Call::Members => {
                members.sort();
                Outcome::Many(members)
            }
            Some(outcome) => outcome,
            None => Outcome::Other(format!("{reply:?}")),
        }
    }
}
