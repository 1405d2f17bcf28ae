//! DEBUG DIGEST and DIGEST-VALUE: 160 bits that are equal for equal contents, whatever order they came in.

use keyspace::entry::Type;
use keyspace::keys::{Key, Keys};
use keyspace::packed::Element;
use keyspace::stream::{Id, IdText, Stream};

use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::{Error, Result};

/// Three words, of which 160 bits are shown.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Digest([u64; 3]);

/// Different beginnings, so that the words are independent of each other.
const SEEDS: [u64; 3] = [0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344, 0xA409_3822_299F_31D0];

impl Digest {
    /// Of some parts in their order; their lengths count, too.
    fn of(parts: &[&[u8]]) -> Self {
        Self(SEEDS.map(|seed| {
            parts.iter().fold(seed, |mut state, part| {
                state = stir(state ^ part.len() as u64);
                for chunk in part.chunks(8) {
                    let mut word = [0; 8];
                    word[..chunk.len()].copy_from_slice(chunk);
                    state = stir(state ^ u64::from_le_bytes(word));
                }
                state
            })
        }))
    }

    /// Adds something whose place does not matter.
    fn add(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(own, other)| *own = own.wrapping_add(other));
    }

    fn bytes(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes.chunks_mut(8).zip(self.0).for_each(|(place, word)| place.copy_from_slice(&word.to_le_bytes()));
        bytes
    }

    fn hex(self) -> String {
        base::id::hex(&self.bytes()[..20])
    }
}

/// splitmix64's finish.
fn stir(state: u64) -> u64 {
    let state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let state = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let state = (state ^ state >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ state >> 31
}

fn text(element: Element<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    element.write_to(&mut text);
    text
}

/// Of the value at a key, wherever it is; None when there is none.
fn of_value(keys: &mut Keys<'_>, key: &Key<'_>) -> Result<Option<Digest>> {
    let Some((slot, ticket)) = keys.peek(key).and_then(|slot| Some((slot, keys.entry(key, slot).ticket()?))) else {
        return Ok(of_stored(keys, key));
    };
    // Read where it stands: everything is locked for as long as this takes anyway.
    let value = keys.space().read_warm(ticket).map_err(|reason| {
        Error::text(format!("IOERR the value of key '{}' cannot be read: {reason}", key.bytes.escape_ascii()))
    })?;
    let stub = keys.db_mut(key.hash).warm_for_now(slot, value);
    let digest = of_stored(keys, key);
    if let Some(slot) = keys.peek(key) {
        keys.db_mut(key.hash).cool_again(slot, stub);
    }
    Ok(digest)
}

/// Of the value at a key, which is in memory.
fn of_stored(keys: &Keys<'_>, key: &Key<'_>) -> Option<Digest> {
    let slot = keys.peek(key)?;
    let entry = keys.entry(key, slot);
    let kind = entry.kind().type_of();
    let mut digest = Digest::of(&[kind.name().as_bytes()]);
    match kind {
        Type::String => digest.add(Digest::of(&[&keys.string_at(key, slot).ok()?])),
        Type::List => {
            let list = keys.peek_list(key).ok()??;
            let place = |place: usize| place.to_le_bytes();
            list.iter().enumerate().for_each(|(at, element)| digest.add(Digest::of(&[&place(at), &text(element)])));
        }
        Type::Set => keys.peek_set(key).ok()??.for_each(|member| digest.add(Digest::of(&[&text(member)]))),
        Type::Zset => keys.peek_zset(key).ok()??.for_each(|member, score| {
            digest.add(Digest::of(&[&text(member), &score.to_bits().to_le_bytes()]));
        }),
        Type::Stream => add_stream(&mut digest, keys.peek_stream(key).ok()??),
        Type::Hash => keys.peek_hash(key).ok()??.for_each(|field| {
            let deadline = field.deadline_ms.is_some().to_string();
            digest.add(Digest::of(&[&text(field.name), &text(field.value), deadline.as_bytes()]));
        }),
    }
    let expires = entry.has_deadline().to_string();
    Some(Digest::of(&[&digest.bytes(), expires.as_bytes()]))
}

fn add_stream(digest: &mut Digest, stream: &Stream) {
    let spell = |id: Id| IdText::default().spell(id).to_vec();
    for entry in stream.log.iter() {
        let words = entry.fields().flat_map(|(field, value)| [text(field), text(value)]);
        let parts: Vec<Vec<u8>> = std::iter::once(spell(entry.id())).chain(words).collect();
        digest.add(Digest::of(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>()));
    }
}

pub(super) fn of_everything(ctx: &mut Ctx, _: Args) -> Result<()> {
    let (own, mut digest) = (ctx.keys.db_index(), Digest::default());
    for db in 0..ctx.node.space.databases() {
        ctx.keys.select(db);
        for shard in 0..ctx.node.space.shards() {
            let mut keys = ctx.keys.enter_shard(shard);
            let Some(table) = keys.table() else { continue };
            let mut names: Vec<Box<[u8]>> = Vec::with_capacity(table.len());
            table.dict().for_each(|record| names.push(table.entry_of(record).key().into()));
            for name in names {
                let key = keys.key(&name);
                if let Some(value) = of_value(&mut keys, &key)? {
                    digest.add(Digest::of(&[&db.to_le_bytes(), key.bytes, &value.bytes()]));
                }
            }
        }
    }
    ctx.keys.select(own);
    ctx.out.simple(&digest.hex());
    Ok(())
}

pub(super) fn of_values(ctx: &mut Ctx, words: Args) -> Result<()> {
    ctx.out.array(words.len());
    for key in words.keys() {
        let digest = of_value(&mut ctx.keys, &key)?.unwrap_or_default();
        ctx.out.simple(&digest.hex());
    }
    Ok(())
}
