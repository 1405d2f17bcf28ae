//! DEBUG HTSTATS and HTSTATS-KEY.

use keyspace::entry::Kind;

use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::{Error, Result};

pub(super) fn of_database(ctx: &mut Ctx, mut words: Args) -> Result<()> {
    let index = base::number::parse_i64(words.word()?).ok_or(Error::NotAnInteger)?;
    let index = usize::try_from(index).ok().filter(|index| *index < ctx.node.space.databases());
    let index = index.ok_or(Error::Plain("ERR Out of range database"))?;
    let own = ctx.keys.select(index);
    let (mut tables, mut keys, mut expiring, mut bytes) = (0, 0, 0, 0);
    for shard in 0..ctx.node.space.shards() {
        if let Some(table) = ctx.keys.enter_shard(shard).table() {
            tables += 1;
            keys += table.len();
            expiring += table.expiring();
            bytes += table.overhead_bytes();
        }
    }
    ctx.keys.select(own);
    let text = format!(
        "[Dictionary HT]\nHash table 0 stats (main hash table):\n number of tables: {tables}\n table bytes: {bytes}\n \
         number of elements: {keys}\n[Expires HT]\nHash table 0 stats (main hash table):\n number of elements: \
         {expiring}\n"
    );
    ctx.out.verbatim("txt", text.as_bytes());
    Ok(())
}

pub(super) fn of_key(ctx: &mut Ctx, mut words: Args) -> Result<()> {
    const NO_TABLE: Error =
        Error::Plain("ERR The value stored at the specified key is not represented using an hash table");
    let key = words.key()?;
    ctx.bring(&key)?;
    let slot = ctx.keys.find_untouched(&key).ok_or(Error::NoSuchKey)?;
    let kind = ctx.keys.entry(&key, slot).kind();
    let len = match kind {
        Kind::Hash => ctx.keys.peek_hash(&key)?.map(|hash| hash.len()),
        Kind::Set => ctx.keys.peek_set(&key)?.map(|set| set.len()),
        _ => None,
    };
    let len = len.ok_or(NO_TABLE)?;
    let bytes = ctx.keys.db(key.hash).map_or(0, |db| db.value_bytes(slot));
    let text = format!("Hash table 0 stats (main hash table):\n table bytes: {bytes}\n number of elements: {len}\n");
    ctx.out.verbatim("txt", text.as_bytes());
    Ok(())
}
