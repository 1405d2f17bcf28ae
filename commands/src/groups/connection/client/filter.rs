//! Which connections CLIENT KILL and CLIENT LIST mean: Redis's conditions, and those of Valkey, which takes all of them
//! for both, and most of them negated.

use std::sync::atomic::Ordering::Relaxed;

use crate::args::Args;
use crate::client::Shared;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::node::describe;
use crate::spec::{ArgDoc, ArgType};

/// A kind of connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ClientType {
    Normal,
    Master,
    Replica,
    PubSub,
}

impl ClientType {
    pub(super) fn parse(word: &[u8]) -> Result<Self> {
        match word.to_ascii_lowercase().as_slice() {
            b"normal" => Ok(Self::Normal),
            b"master" | b"primary" => Ok(Self::Master),
            b"slave" | b"replica" => Ok(Self::Replica),
            b"pubsub" => Ok(Self::PubSub),
            _ => Err(Error::text(format!("ERR Unknown client type '{}'", String::from_utf8_lossy(word)))),
        }
    }

    /// Connections of replication exist only once replication does.
    pub(super) fn of(shared: &Shared) -> Self {
        if shared.is_subscriber() { Self::PubSub } else { Self::Normal }
    }
}

/// Something that holds of a connection or does not.
enum What<'a> {
    Ids(Vec<u64>),
    Type(ClientType),
    User(&'a [u8]),
    Addr(&'a [u8]),
    Laddr(&'a [u8]),
    Ip(&'a [u8]),
    Name(&'a [u8]),
    LibName(&'a [u8]),
    LibVer(&'a [u8]),
    /// All of these letters.
    Flags(&'a [u8]),
    Db(i64),
    /// At least so old, or idle for so long, in seconds.
    AgeMin(i64),
    IdleMin(i64),
}

impl What<'_> {
    fn holds(&self, shared: &Shared, now_ms: i64) -> bool {
        let facts = &shared.facts;
        let is = |text: &parking_lot::Mutex<Option<Box<[u8]>>>, wanted: &[u8]| text.lock().as_deref() == Some(wanted);
        match self {
            Self::Ids(ids) => ids.contains(&shared.id),
            Self::Type(kind) => *kind == ClientType::of(shared),
            Self::User(user) => **user == **facts.user.lock(),
            Self::Addr(addr) => *addr == shared.addr.as_bytes(),
            Self::Laddr(laddr) => *laddr == shared.laddr.as_bytes(),
            Self::Ip(ip) => shared.addr.rsplit_once(':').is_some_and(|(host, _)| host.as_bytes() == *ip),
            Self::Name(name) => is(&facts.name, name),
            Self::LibName(name) => is(&facts.lib_name, name),
            Self::LibVer(version) => is(&facts.lib_ver, version),
            Self::Flags(letters) => {
                let set = describe::flags(shared, None);
                letters.iter().all(|letter| set.as_bytes().contains(letter))
            }
            Self::Db(db) => *db == i64::from(facts.db.load(Relaxed)),
            Self::AgeMin(least) => now_ms / 1000 - shared.created_ms / 1000 >= *least,
            Self::IdleMin(least) => (now_ms - facts.last_ms.load(Relaxed)) / 1000 >= *least,
        }
    }
}

struct Condition<'a> {
    is_not: bool,
    what: What<'a>,
}

/// What must hold of a connection.
#[derive(Default)]
pub(super) struct Filter<'a> {
    conditions: Vec<Condition<'a>>,
    /// It is not this one.
    not_id: Option<u64>,
}

impl<'a> Filter<'a> {
    /// CLIENT KILL's first form.
    pub(super) fn of_address(addr: &'a [u8]) -> Self {
        Self { conditions: vec![Condition { is_not: false, what: What::Addr(addr) }], not_id: None }
    }

    /// Reads conditions until the words are over. Who asks is meant himself unless `skips_own`, or SKIPME, says else.
    pub(super) fn parse(ctx: &Ctx, words: &mut Args<'a>, skips_own: bool) -> Result<Self> {
        let own = ctx.client.shared.id;
        let mut filter = Self { conditions: Vec::new(), not_id: skips_own.then_some(own) };
        while !words.is_empty() {
            let name = words.word()?.to_ascii_uppercase();
            if words.is_empty() {
                return Err(Error::Syntax);
            }
            if name == b"SKIPME" {
                filter.not_id = match words.word()? {
                    word if word.eq_ignore_ascii_case(b"yes") => Some(own),
                    word if word.eq_ignore_ascii_case(b"no") => None,
                    _ => return Err(Error::Syntax),
                };
                continue;
            }
            let (is_not, name) = name.strip_prefix(b"NOT-").map_or((false, &name[..]), |name| (true, name));
            let what = what(ctx, name, words)?;
            if is_not && matches!(what, What::AgeMin(_) | What::IdleMin(_)) {
                return Err(Error::Syntax);
            }
            filter.add(Condition { is_not, what });
        }
        Ok(filter)
    }

    /// The last word about something counts.
    fn add(&mut self, condition: Condition<'a>) {
        let is_same = |known: &Condition<'_>| {
            known.is_not == condition.is_not
                && std::mem::discriminant(&known.what) == std::mem::discriminant(&condition.what)
        };
        self.conditions.retain(|known| !is_same(known));
        self.conditions.push(condition);
    }

    pub(super) fn admits(&self, shared: &Shared, now_ms: i64) -> bool {
        self.not_id != Some(shared.id)
            && !shared.facts.ended.load(Relaxed)
            && self.conditions.iter().all(|condition| condition.what.holds(shared, now_ms) != condition.is_not)
    }
}

/// Whether a word begins a condition.
pub(super) fn is_condition(word: &[u8]) -> bool {
    const NAMES: [&[u8]; 14] = [
        b"ID",
        b"TYPE",
        b"USER",
        b"ADDR",
        b"LADDR",
        b"IP",
        b"NAME",
        b"LIB-NAME",
        b"LIB-VER",
        b"FLAGS",
        b"DB",
        b"MAXAGE",
        b"IDLE",
        b"SKIPME",
    ];
    let word = word.to_ascii_uppercase();
    NAMES.contains(&word.strip_prefix(b"NOT-").unwrap_or(&word))
}

fn what<'a>(ctx: &Ctx, name: &[u8], words: &mut Args<'a>) -> Result<What<'a>> {
    if name == b"ID" {
        return ids(words).map(What::Ids);
    }
    let text = words.word()?;
    Ok(match name {
        b"TYPE" => What::Type(ClientType::parse(text)?),
        b"USER" => What::User(known_user(ctx, text)?),
        b"ADDR" => What::Addr(text),
        b"LADDR" => What::Laddr(text),
        b"IP" => What::Ip(text),
        b"NAME" => What::Name(text),
        b"LIB-NAME" => What::LibName(text),
        b"LIB-VER" => What::LibVer(text),
        b"FLAGS" => What::Flags(text),
        b"DB" => {
            What::Db(base::number::parse_i64(text).ok_or(Error::Plain("ERR DB is not an integer or out of range"))?)
        }
        b"MAXAGE" => What::AgeMin(positive(
            text,
            "ERR maxage is not an integer or out of range",
            "ERR maxage should be greater than 0",
        )?),
        b"IDLE" => What::IdleMin(positive(
            text,
            "ERR idle is not an integer or out of range",
            "ERR idle should be greater than 0",
        )?),
        _ => return Err(Error::Syntax),
    })
}

/// Numbers, at least one: Valkey takes more.
fn ids(words: &mut Args) -> Result<Vec<u64>> {
    const BAD: Error = Error::Plain("ERR client-id should be greater than 0");
    let number = |word: &[u8]| base::number::parse_i64(word).filter(|id| *id > 0).map(|id| id as u64);
    let mut ids = vec![number(words.word()?).ok_or(BAD)?];
    while let Some(id) = words.peek().and_then(number) {
        words.word()?;
        ids.push(id);
    }
    Ok(ids)
}

fn positive(text: &[u8], not_a_number: &'static str, too_small: &'static str) -> Result<i64> {
    match base::number::parse_i64(text) {
        None => Err(Error::Plain(not_a_number)),
        Some(number) if number <= 0 => Err(Error::Plain(too_small)),
        Some(number) => Ok(number),
    }
}

fn known_user<'a>(ctx: &Ctx, name: &'a [u8]) -> Result<&'a [u8]> {
    let none = || Error::text(format!("ERR No such user '{}'", String::from_utf8_lossy(name)));
    ctx.node.acl.users.get(name).map(|_| name).ok_or_else(none)
}

const fn condition(name: &'static str, token: &'static str, kind: ArgType) -> ArgDoc {
    ArgDoc::new(name, kind).token(token).since("9.0.0").optional()
}

/// What Valkey has beside Redis's conditions, for both commands.
const OF_VALKEY: [ArgDoc; 18] = [
    condition("name", "NAME", ArgType::String),
    condition("idle", "IDLE", ArgType::Integer),
    condition("flags", "FLAGS", ArgType::String),
    condition("lib-name", "LIB-NAME", ArgType::String),
    condition("lib-ver", "LIB-VER", ArgType::String),
    condition("db", "DB", ArgType::Integer),
    condition("ip", "IP", ArgType::String),
    condition("not-client-type", "NOT-TYPE", ArgType::String),
    condition("not-client-id", "NOT-ID", ArgType::Integer).multiple(),
    condition("not-username", "NOT-USER", ArgType::String),
    condition("not-addr", "NOT-ADDR", ArgType::String),
    condition("not-laddr", "NOT-LADDR", ArgType::String),
    condition("not-name", "NOT-NAME", ArgType::String),
    condition("not-flags", "NOT-FLAGS", ArgType::String),
    condition("not-lib-name", "NOT-LIB-NAME", ArgType::String),
    condition("not-lib-ver", "NOT-LIB-VER", ArgType::String),
    condition("not-db", "NOT-DB", ArgType::Integer),
    condition("not-ip", "NOT-IP", ArgType::String),
];

/// A command's own seven conditions, and then those.
pub(super) const fn beside(own: [ArgDoc; 7]) -> [ArgDoc; 7 + OF_VALKEY.len()] {
    let mut all = [own[0]; 7 + OF_VALKEY.len()];
    let mut index = 0;
    while index < all.len() {
        all[index] = if index < own.len() { own[index] } else { OF_VALKEY[index - own.len()] };
        index += 1;
    }
    all
}
