//! Who owns keys by the rules of users: `own~` and `borrow~`.
//!
//! # Invariants
//! - No key is owned by two users: a rule that meets another user's is refused when it is given.
//! - Users change under one lock here, so that two changes at once do not both find that they fit.

use std::collections::HashMap;
use std::sync::Arc;

use acl::{Context, Reason, User};
use keyspace::change::Interest;
use ownership::lease::Mode;
use ownership::{Owned, Owners, Pattern, allows_lease};
use parking_lot::{Mutex, MutexGuard, RwLock};
use settings::OwnershipMode;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;

use crate::client::{Client, Origin};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::keys::find_keys;
use crate::node::Node;
use crate::request::Request;
use crate::spec::{Locks, category, key};

/// The rules of all users.
#[derive(Default)]
pub(crate) struct OwnerRules {
    owners: Owners,
    of_users: HashMap<Box<[u8]>, OfUser>,
}

#[derive(Default)]
struct OfUser {
    owns: Vec<Pattern>,
    borrows: Vec<Pattern>,
}

/// What all cores share.
#[derive(Default)]
pub(super) struct Owning {
    rules: RwLock<Arc<OwnerRules>>,
    version: AtomicU64,
    changing: Mutex<()>,
}

impl OwnerRules {
    /// The rules of some users, or why they do not hold together.
    fn of<'u>(users: impl Iterator<Item = &'u User>) -> std::result::Result<Self, String> {
        let (mut all, mut of_users) = (Vec::new(), HashMap::new());
        for user in users {
            let parse = |text: &[u8]| {
                Pattern::parse(text).map_err(|error| format!("'{}': {error}", String::from_utf8_lossy(text)))
            };
            let mut mine = OfUser::default();
            for text in user.owns() {
                let pattern = parse(text)?;
                all.push(Owned { user: user.name().into(), pattern: pattern.clone() });
                mine.owns.push(pattern);
            }
            for text in user.borrows() {
                mine.borrows.push(parse(text)?);
            }
            if !mine.owns.is_empty() || !mine.borrows.is_empty() {
                of_users.insert(user.name().into(), mine);
            }
        }
        let owners = Owners::new(all).map_err(|conflict| conflict.to_string())?;
        Ok(Self { owners, of_users })
    }

    /// Why a user may not write a key.
    fn may_write(&self, user: &[u8], key: &[u8]) -> std::result::Result<(), String> {
        self.owners.may_write(user, key).map_err(|refused| format!("NOTOWNER {refused}"))
    }

    /// Why a user may not write all keys of a pattern; None: all keys there are.
    fn may_write_all(&self, user: &[u8], pattern: Option<&Pattern>) -> std::result::Result<(), String> {
        match self.owners.met_by(user, pattern) {
            None => Ok(()),
            Some(Owned { user, pattern }) => {
                let user = String::from_utf8_lossy(user);
                Err(format!("NOTOWNER some of these keys are owned by {user} (pattern {pattern})"))
            }
        }
    }

    /// Why a user may not take a lease on all keys of a pattern.
    fn may_lease(&self, user: &[u8], mode: Mode, pattern: &Pattern) -> std::result::Result<(), String> {
        if mode == Mode::Own {
            self.may_write_all(user, Some(pattern))?;
        }
        let Some(OfUser { owns, borrows }) = self.of_users.get(user) else { return Ok(()) };
        let is_within = allows_lease(owns, pattern) || mode == Mode::Borrow && allows_lease(borrows, pattern);
        let rules = if mode == Mode::Own { "own~" } else { "own~ and borrow~" };
        let user = String::from_utf8_lossy(user);
        if is_within { Ok(()) } else { Err(format!("NOPERM the {rules} rules of {user} do not cover {pattern}")) }
    }
}

impl Node {
    /// Changes users, one at a time: whoever holds this may call [`Node::fit_owner`] and `take_owners`.
    pub(crate) fn change_owners(&self) -> MutexGuard<'_, ()> {
        self.ownership.owning.changing.lock()
    }

    /// The rules of all users with one of them as he is about to be; an error that is fit for a reply.
    pub(crate) fn fit_owner(&self, others: &[Arc<User>], user: &User) -> std::result::Result<OwnerRules, String> {
        let others = others.iter().map(AsRef::as_ref).filter(|other| other.name() != user.name());
        OwnerRules::of(others.chain([user]))
    }

    /// As `fit_owner`, of all users of a file.
    pub(crate) fn fit_owners(&self, users: &[Arc<User>]) -> std::result::Result<OwnerRules, String> {
        OwnerRules::of(users.iter().map(AsRef::as_ref))
    }

    /// Takes rules over that fit.
    pub(crate) fn take_owners(&self, rules: OwnerRules) {
        self.space.set_interest(Interest::OWNERS, !rules.of_users.is_empty());
        *self.ownership.owning.rules.write() = Arc::new(rules);
        self.ownership.owning.version.fetch_add(1, SeqCst);
    }

    /// After users are gone.
    pub(crate) fn forget_owners(&self) {
        let _changing = self.change_owners();
        if let Ok(rules) = self.fit_owners(&self.acl.users.all()) {
            self.take_owners(rules);
        }
    }

    pub(super) fn owner_rules(&self) -> Arc<OwnerRules> {
        self.ownership.owning.rules.read().clone()
    }

    pub(super) fn owners_version(&self) -> u64 {
        self.ownership.owning.version.load(SeqCst)
    }

    /// Whose a key is by the rules of users.
    pub fn owner_of(&self, key: &[u8]) -> Option<Box<[u8]>> {
        self.owner_rules().owners.owner_of(key).map(|owned| owned.user.clone())
    }

    /// Why a user's request would be refused by the rules of owners, for ACL DRYRUN.
    pub(crate) fn owners_refuse(&self, user: &User, request: &Request<'_>) -> Option<String> {
        if self.settings.ownership_mode() == OwnershipMode::Off {
            return None;
        }
        refusal(&self.owner_rules(), user.name(), request).map(|(_, line)| line)
    }
}

/// The first key that a request writes and its user may not, with the reason.
fn refusal<'r>(rules: &OwnerRules, user: &[u8], request: &Request<'r>) -> Option<(&'r [u8], String)> {
    for found in find_keys(request).iter().filter(|found| found.flags & (key::RW | key::OW | key::RM) != 0) {
        let bytes = request.word(found.word).unwrap_or_default();
        if let Err(line) = rules.may_write(user, bytes) {
            return Some((bytes, line));
        }
    }
    let is_of_all = request.row.command.locks == Locks::All && request.row.categories & category::KEYSPACE != 0;
    match rules.may_write_all(user, None) {
        Err(line) if is_of_all => Some((b"*", line)),
        _ => None,
    }
}

/// Whether a request may write what it is about to write.
pub(super) fn guard(ctx: &Ctx<'_>, request: &Request<'_>) -> Result<()> {
    let mode = ctx.node.settings.ownership_mode();
    if mode == OwnershipMode::Off {
        return Ok(());
    }
    let rules = ctx.core.own.owners(ctx.node);
    match refusal(&rules, ctx.client.user.name(), request) {
        None => Ok(()),
        Some((key, line)) => deny(ctx, request, key, line, mode),
    }
}

/// Notes a denial; where rules are only tried out it is none.
fn deny(ctx: &Ctx<'_>, request: &Request<'_>, key: &[u8], line: String, mode: OwnershipMode) -> Result<()> {
    let context = match ctx.origin {
        Origin::Script => Context::Lua,
        Origin::Transaction => Context::Multi,
        _ => Context::Toplevel,
    };
    let client: &Client = ctx.client;
    ctx.node.note_refusal(client, request, Reason::Key, context, key, client.user.name());
    ctx.node.audit_denial(client, request, "owner");
    let graph = ctx.core.own.graph(ctx.node);
    ctx.node.ownership.tallies.add_of_key(&graph, key, |counts| &counts.denials);
    if mode == OwnershipMode::Warn { Ok(()) } else { Err(Error::text(line)) }
}

/// Whether a client may do something that is not told by the keys of its request.
fn judge(
    ctx: &Ctx<'_>,
    object: &[u8],
    look: impl FnOnce(&OwnerRules, &[u8]) -> std::result::Result<(), String>,
) -> Result<()> {
    let mode = ctx.node.settings.ownership_mode();
    if ctx.is_replay() || mode == OwnershipMode::Off || ctx.node.space.interest() & Interest::OWNERS.0 == 0 {
        return Ok(());
    }
    match look(&ctx.core.own.owners(ctx.node), ctx.client.user.name()) {
        Ok(()) => Ok(()),
        Err(line) => deny(ctx, &ctx.request, object, line, mode),
    }
}

/// Whether a client may write a key that its request does not declare.
pub(super) fn may_write(ctx: &Ctx<'_>, key: &[u8]) -> Result<()> {
    judge(ctx, key, |rules, user| rules.may_write(user, key))
}

/// Whether a client may remove all keys of a pattern.
pub(super) fn may_remove(ctx: &Ctx<'_>, pattern: &Pattern) -> Result<()> {
    judge(ctx, pattern.text(), |rules, user| rules.may_write_all(user, Some(pattern)))
}

/// Whether a client may take a lease.
pub(super) fn may_lease(ctx: &Ctx<'_>, mode: Mode, pattern: &Pattern) -> Result<()> {
    judge(ctx, pattern.text(), |rules, user| rules.may_lease(user, mode, pattern))
}

/// What somebody wants to do with a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verb {
    /// See its value.
    Read,
    /// Change it.
    Write,
    /// Take an OWN lease on it.
    Own,
    /// Take a BORROW lease on it.
    Borrow,
}

/// OWNERSHIP CHECK: why a user may not do something with a key, on a connection that holds no lease.
pub fn check(node: &Node, user: &User, verb: Verb, key: &[u8], now_ms: i64) -> std::result::Result<(), String> {
    let name = String::from_utf8_lossy(user.name());
    let (rules, mode) = (node.owner_rules(), node.settings.ownership_mode());
    if verb == Verb::Read {
        let line = format!("NOPERM User {name} has no permissions to read the key");
        return if user.reads_key(key) { Ok(()) } else { Err(line) };
    }
    if verb == Verb::Write && !user.writes_key(key) {
        return Err(format!("NOPERM User {name} has no permissions to write the key"));
    }
    if mode == OwnershipMode::Enforce {
        match verb {
            Verb::Own => rules.may_lease(user.name(), Mode::Own, &Pattern::of_key(key))?,
            Verb::Borrow => rules.may_lease(user.name(), Mode::Borrow, &Pattern::of_key(key))?,
            Verb::Read | Verb::Write => rules.may_write(user.name(), key)?,
        }
    }
    /// No connection has it.
    const NOBODY: u64 = 0;
    match node.leases().may_write(NOBODY, key, now_ms) {
        Err(ownership::lease::Denied::Borrowed(_)) if verb == Verb::Borrow => Ok(()),
        denied => denied.map_err(|denied| denied.to_string()),
    }
}
