//! What Redis leaves open is taken out of a reply before two servers are compared: the order of unordered
//! elements, which element a random draw takes, and the milliseconds that pass between the two runs.

use super::generate::Step;
use resp::Reply;
use std::collections::VecDeque;

/// How far two deadlines may be apart.
pub const TOLERANCE_MS: u64 = 2000;

/// The replies with everything that is not promised taken out.
pub fn replies(steps: &[&Step], replies: &[Reply]) -> Vec<Reply> {
    let mut queued: [VecDeque<Vec<Vec<u8>>>; 2] = Default::default();
    let mut out: Vec<Reply> = Vec::with_capacity(replies.len());
    for (i, (step, reply)) in steps.iter().zip(replies).enumerate() {
        let Step::Send { connection, argv } = step else {
            out.push(reply.clone());
            continue;
        };
        let queue = &mut queued[*connection];
        let name = argv[0].to_ascii_uppercase();
        out.push(match (&name[..], reply) {
            (b"EXEC", Reply::Array(items)) if items.len() == queue.len() => {
                let pairs = items.iter().zip(queue.drain(..));
                Reply::Array(pairs.map(|(item, argv)| one(&argv, item, None)).collect())
            }
            _ => one(argv, reply, i.checked_sub(1).and_then(|before| replies.get(before))),
        });
        match (&name[..], reply) {
            (_, Reply::Simple(text)) if text == b"QUEUED" => queue.push_back(argv.clone()),
            (b"MULTI" | b"EXEC" | b"DISCARD" | b"RESET", _) => queue.clear(),
            _ => {}
        }
    }
    out
}

/// `before` is the reply to the step before, which a random draw is checked against.
fn one(argv: &[Vec<u8>], reply: &Reply, before: Option<&Reply>) -> Reply {
    let mut reply = reply.clone();
    match &argv[0].to_ascii_uppercase()[..] {
        b"SMEMBERS" | b"SINTER" | b"SUNION" | b"SDIFF" | b"HKEYS" | b"HVALS" | b"KEYS" => sort(&mut reply, 1),
        b"HGETALL" => sort(&mut reply, 2),
        name @ (b"SCAN" | b"SSCAN" | b"HSCAN" | b"ZSCAN") => {
            if let Reply::Array(parts) = &mut reply
                && let [_cursor, elements] = &mut parts[..]
            {
                sort(elements, if matches!(name, b"HSCAN" | b"ZSCAN") { 2 } else { 1 });
            }
        }
        b"SPOP" | b"SRANDMEMBER" | b"HRANDFIELD" | b"ZRANDMEMBER" | b"RANDOMKEY" => {
            // A negative count asks for repetitions, and the values or scores of a draw may well be equal.
            let may_repeat = argv.len() > 3 || argv.get(2).is_some_and(|count| count.starts_with(b"-"));
            reply = drawn(&reply, may_repeat, before);
        }
        b"XPENDING" if argv.len() > 3 => idle_of_pending(&mut reply),
        b"XINFO" => times(&mut reply),
        _ => {}
    }
    reply
}

/// The third of the four parts of each pending entry is for how long nobody asked for it.
fn idle_of_pending(reply: &mut Reply) {
    let Reply::Array(entries) = reply else { return };
    for entry in entries {
        if let Reply::Array(parts) = entry
            && let [_, _, idle, _] = &mut parts[..]
        {
            *idle = Reply::Int(0);
        }
    }
}

/// Unix times, and the times behind `idle` and `inactive`; -1 stays, it means never.
fn times(reply: &mut Reply) {
    match reply {
        Reply::Array(items) => {
            let mut is_time = false;
            for item in items {
                time(is_time, item);
                is_time = names_a_time(item);
            }
        }
        Reply::Map(pairs) => pairs.iter_mut().for_each(|(name, value)| time(names_a_time(name), value)),
        _ => {}
    }
}

fn names_a_time(reply: &Reply) -> bool {
    matches!(reply, Reply::Bulk(name) if *name == b"idle"[..] || *name == b"inactive"[..])
}

fn time(is_time: bool, reply: &mut Reply) {
    const UNIX_MS_MIN: i64 = 1_000_000_000_000;
    match reply {
        Reply::Int(number) if (is_time && *number >= 0) || *number > UNIX_MS_MIN => *number = 0,
        other => times(other),
    }
}

fn sort(reply: &mut Reply, group: usize) {
    match reply {
        Reply::Array(items) | Reply::Set(items) => {
            let mut groups: Vec<Vec<Reply>> = items.chunks(group).map(<[Reply]>::to_vec).collect();
            groups.sort_by_cached_key(|items| format!("{items:?}"));
            *items = groups.concat();
        }
        Reply::Map(pairs) => pairs.sort_by_cached_key(|pair| format!("{pair:?}")),
        _ => {}
    }
}

/// What is promised of a random draw: how much, all from the collection, and no element twice unless asked for.
fn drawn(reply: &Reply, may_repeat: bool, before: Option<&Reply>) -> Reply {
    if reply.is_null() || matches!(reply, Reply::Error(_) | Reply::Simple(_)) {
        return reply.clone();
    }
    let (mut got, mut all) = (Vec::new(), Vec::new());
    leaves(reply, &mut got);
    before.into_iter().for_each(|before| leaves(before, &mut all));
    let known = got.iter().all(|leaf| all.contains(leaf));
    let twice = !may_repeat && got.iter().enumerate().any(|(i, leaf)| got[..i].contains(leaf));
    Reply::Array(vec![Reply::Int(got.len() as i64), Reply::Bool(known), Reply::Bool(twice)])
}

fn leaves(reply: &Reply, out: &mut Vec<Reply>) {
    match reply {
        Reply::Array(items) | Reply::Set(items) | Reply::Push(items) => items.iter().for_each(|i| leaves(i, out)),
        Reply::Map(pairs) => pairs.iter().for_each(|(key, value)| {
            leaves(key, out);
            leaves(value, out);
        }),
        leaf => out.push(leaf.clone()),
    }
}

/// Equal, or apart only as far as the two runs and the versions allow.
pub fn same_reply(step: &Step, want: &Reply, got: &Reply, reference: &str) -> bool {
    if want == got {
        return true;
    }
    let Step::Send { argv, .. } = step else { return false };
    let name = argv[0].to_ascii_uppercase();
    let tolerance = match &name[..] {
        b"TTL" | b"EXPIRETIME" | b"HTTL" => TOLERANCE_MS / 1000,
        b"PTTL" | b"PEXPIRETIME" | b"HPTTL" => TOLERANCE_MS,
        b"OBJECT" => return same_encoding(&want.to_cli(), &got.to_cli(), reference),
        b"EXEC" => 0,
        _ if name.contains(&b'Z') => return same_scores(want, got, reference),
        _ => 0,
    };
    near(want, got, tolerance)
}

fn near(want: &Reply, got: &Reply, tolerance: u64) -> bool {
    match (want, got) {
        (Reply::Int(want), Reply::Int(got)) => want == got || (*want > 0 && want.abs_diff(*got) <= tolerance),
        (Reply::Array(want), Reply::Array(got)) => {
            want.len() == got.len() && want.iter().zip(got).all(|(want, got)| near(want, got, tolerance))
        }
        _ => want == got,
    }
}

/// Redis 7.0 spells a score with 17 digits, 7.2 and later with as few as tell it from its neighbours.
pub fn same_scores(want: &Reply, got: &Reply, reference: &str) -> bool {
    let score = |reply: &Reply| match reply {
        Reply::Bulk(text) | Reply::Double(text) => std::str::from_utf8(text).ok()?.parse::<f64>().ok(),
        _ => None,
    };
    want == got
        || (reference == "redis7"
            && match (want, got) {
                (Reply::Array(want), Reply::Array(got)) => {
                    want.len() == got.len() && want.iter().zip(got).all(|(want, got)| same_scores(want, got, reference))
                }
                _ => {
                    std::mem::discriminant(want) == std::mem::discriminant(got)
                        && score(want).is_some_and(|want| score(got) == Some(want))
                }
            })
}

/// Redis 7.0 knows neither listpack sets nor listpack lists; from 7.2 on the names are comparable.
pub fn same_encoding(want: &str, got: &str, reference: &str) -> bool {
    let newer = [("\"quicklist\"", "\"listpack\""), ("\"hashtable\"", "\"listpack\"")];
    want == got || (reference == "redis7" && newer.contains(&(want, got)))
}
