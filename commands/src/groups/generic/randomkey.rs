//! RANDOMKEY.

use commands_macros::command;
use keyspace::db::Db;

use crate::ctx::Ctx;
use crate::error::Result;

/// Answers a key chosen at random from all keys of the database.
#[command(
    "RANDOMKEY",
    since = "1.0.0",
    complexity = "O(1)",
    flags(READONLY),
    locks(Walk),
    tips("request_policy:all_shards", "response_policy:special", "nondeterministic_output")
)]
pub(crate) fn randomkey(ctx: &mut Ctx) -> Result<()> {
    loop {
        match draw(ctx) {
            Draw::Key(key) => ctx.out.bulk(&key),
            Draw::Nothing => ctx.out.null(),
            Draw::Expired => continue,
        }
        return Ok(());
    }
}

enum Draw {
    Key(Box<[u8]>),
    Nothing,
    /// It was removed: there is one less to draw.
    Expired,
}

fn draw(ctx: &mut Ctx) -> Draw {
    let shards = ctx.node.space.shards();
    let lens = (0..shards).map(|shard| ctx.keys.enter_shard(shard).table().map_or(0, Db::len));
    let lens: smallvec::SmallVec<[usize; 256]> = lens.collect();
    let total: usize = lens.iter().sum();
    if total == 0 {
        return Draw::Nothing;
    }
    let random = ctx.core.random;
    let mut place = random.borrow_mut().below(total as u64) as usize;
    for (shard, len) in lens.into_iter().enumerate() {
        if place >= len {
            place -= len;
            continue;
        }
        let mut keys = ctx.keys.enter_shard(shard);
        let Some(db) = keys.table() else { break };
        let Some(record) = db.dict().random(|limit| random.borrow_mut().below(limit)) else { break };
        let key: Box<[u8]> = db.entry_of(record).key().into();
        let found = keys.exists(&keys.key(&key));
        return if found { Draw::Key(key) } else { Draw::Expired };
    }
    // The shard was emptied since it was counted.
    Draw::Expired
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fixture, check};

    #[test]
    fn draws_what_is_there() {
        check(
            "> RANDOMKEY\n(nil)\n> SET k v\nOK\n> SET x v PX 1\nOK\n+ 1ms\n> RANDOMKEY\n\"k\"\n> DEL k\n(integer) 1\n> RANDOMKEY\n(nil)",
        );
    }

    #[test]
    fn draws_every_key() {
        let mut fixture = Fixture::new();
        fixture.cli(1, "MSET a 1 b 2 c 3 d 4");
        let drawn: std::collections::BTreeSet<String> = (0..200).map(|_| fixture.cli(1, "RANDOMKEY")).collect();
        assert_eq!(drawn.len(), 4);
    }
}
