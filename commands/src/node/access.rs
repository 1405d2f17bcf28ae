//! Who may do what: the users, what was refused to them, and the look at a request before it runs.
//!
//! A connection holds its user as he was when it last looked; `generation` tells it when to look again. So a request
//! of a user without restrictions costs one load and one branch.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use acl::{CommandFacts, Commands, Context, DEFAULT_USER, Denied, Entry, Log, Reason, User, Users};
use parking_lot::Mutex;
use settings::{AclPubsubDefault, Settings};

use super::Node;
use super::describe::{self, Asking};
use crate::client::{Client, Origin, Shared};
use crate::error::{Error, Result};
use crate::keys::find_keys;
use crate::request::Request;
use crate::spec::{Channels, flag, key};
use crate::table::Table;

/// See the module's head.
pub struct Acl {
    /// All users.
    pub users: Users,
    /// ACL LOG.
    pub log: Mutex<Log>,
    /// Refusals by [`Reason`], for INFO.
    denied: [AtomicU64; 4],
}

impl Acl {
    pub(super) fn new(table: &Table) -> Self {
        let facts = table.in_order().map(|row| CommandFacts {
            name: row.name.clone(),
            categories: row.categories,
            subcommands: row.subcommands.len(),
            is_subcommand: row.is_subcommand(),
        });
        let users = Users::new(Commands::new(facts.collect()));
        Self { users, log: Mutex::default(), denied: Default::default() }
    }

    /// How often something was refused.
    pub fn denied(&self, reason: Reason) -> u64 {
        self.denied[reason as usize].load(Relaxed)
    }

    /// Sets the counts of refusals back to 0.
    pub(super) fn reset_denied(&self) {
        self.denied.iter().for_each(|count| count.store(0, Relaxed));
    }

    /// What `requirepass` says of the default user; an empty password asks for none.
    pub fn require_password(&self, password: &[u8]) {
        let only = Some(password).filter(|password| !password.is_empty());
        let changed = self.users.update(DEFAULT_USER, true, |user, _| {
            user.set_only_password(only);
            Ok::<_, std::convert::Infallible>(())
        });
        let Ok(_) = changed;
    }
}

/// Whether new users may use all channels (`acl-pubsub-default`).
pub(crate) fn all_channels(settings: &Settings) -> bool {
    settings.acl_pubsub_default() == AclPubsubDefault::Allchannels
}

/// A request as the rules see it.
pub(crate) struct Wanted<'a>(pub(crate) &'a Request<'a>);

impl acl::Request for Wanted<'_> {
    fn command(&self) -> usize {
        self.0.row.index
    }

    fn is_open(&self) -> bool {
        self.0.row.command.has(flag::NO_AUTH)
    }

    fn first_arg(&self) -> Option<&[u8]> {
        self.0.word(if self.0.row.is_subcommand() { 2 } else { 1 })
    }

    fn keys(&self, check: &mut dyn FnMut(&[u8], acl::Access) -> bool) -> std::result::Result<(), usize> {
        let found = find_keys(self.0);
        let is_refused = |found: &&crate::keys::FoundKey| {
            found.flags & key::NOT_KEY == 0
                && self.0.word(found.word).is_some_and(|word| !check(word, access(found.flags)))
        };
        found.iter().find(is_refused).map_or(Ok(()), |refused| Err(refused.word))
    }

    fn channels(&self, check: &mut dyn FnMut(&[u8], bool) -> bool) -> std::result::Result<(), usize> {
        let (words, is_pattern) = match self.0.row.command.channels {
            None => return Ok(()),
            Some(Channels::First) => (1..2, false),
            Some(Channels::All) => (1..self.0.spans.len(), false),
            Some(Channels::Patterns) => (1..self.0.spans.len(), true),
        };
        let mut words = words;
        let refused = words.find(|&word| self.0.word(word).is_some_and(|channel| !check(channel, is_pattern)));
        refused.map_or(Ok(()), Err)
    }
}

/// What a key's flags in its spec ask for.
fn access(flags: u16) -> acl::Access {
    let read = if flags & key::ACCESS != 0 { acl::Access::READ } else { acl::Access::NONE };
    let writes = flags & (key::INSERT | key::DELETE | key::UPDATE) != 0;
    read.and(if writes { acl::Access::WRITE } else { acl::Access::NONE })
}

impl Client {
    /// Whether its user, as he is now, may do everything.
    #[inline]
    pub(crate) fn may_do_all(&mut self, node: &Node) -> bool {
        if self.user_generation != node.acl.users.generation() {
            self.look_at_user(node);
        }
        self.user.is_unrestricted()
    }

    #[cold]
    fn look_at_user(&mut self, node: &Node) {
        self.user_generation = node.acl.users.generation();
        // One who was deleted keeps his last rules for the moment until his connections are closed.
        if let Some(user) = node.acl.users.get(self.user.name()) {
            self.user = user;
        }
    }

    /// Makes it a user's connection.
    pub(crate) fn become_user(&mut self, node: &Node, user: Arc<User>) {
        self.authenticated = true;
        self.user_generation = node.acl.users.generation();
        *self.shared.facts.user.lock() = user.name().into();
        self.user = user;
    }
}

/// Why a request is refused, in words that do not tell (or tell) names of keys and channels.
pub(crate) fn reason_text(user: &User, request: &Request<'_>, denied: Denied, verbose: bool) -> String {
    let word = |index: usize| String::from_utf8_lossy(request.word(index).unwrap_or_default()).into_owned();
    let user = String::from_utf8_lossy(user.name());
    match denied {
        Denied::Command => format!("User {user} has no permissions to run the '{}' command", request.row.name),
        Denied::Key(_) if !verbose => "No permissions to access a key".to_owned(),
        Denied::Channel(_) if !verbose => "No permissions to access a channel".to_owned(),
        Denied::Key(at) => format!("User {user} has no permissions to access the '{}' key", word(at)),
        Denied::Channel(at) => format!("User {user} has no permissions to access the '{}' channel", word(at)),
    }
}

/// Why EXEC no longer runs what was queued.
pub(crate) fn reason_of_queued(denied: Denied) -> &'static str {
    match denied {
        Denied::Command => "no permission to execute the command or subcommand",
        Denied::Key(_) => "no permission to touch the specified keys",
        Denied::Channel(_) => "no permission to access one of the channels used as arguments to the command",
    }
}

impl Node {
    /// Passes a request that its client's user may make; else ACL LOG gets an entry.
    #[inline]
    pub(crate) fn permit(
        &self,
        client: &mut Client,
        request: &Request<'_>,
        origin: Origin,
    ) -> std::result::Result<(), Denied> {
        if client.may_do_all(self) { Ok(()) } else { self.look_up_rules(client, request, origin) }
    }

    #[cold]
    fn look_up_rules(&self, client: &Client, request: &Request<'_>, origin: Origin) -> std::result::Result<(), Denied> {
        let Err(denied) = client.user.check(&Wanted(request)) else { return Ok(()) };
        let word = |at: usize| request.word(at).unwrap_or_default();
        let (reason, object) = match denied {
            Denied::Command => (Reason::Command, request.row.name.as_bytes()),
            Denied::Key(at) => (Reason::Key, word(at)),
            Denied::Channel(at) => (Reason::Channel, word(at)),
        };
        let context = match origin {
            Origin::Script => Context::Lua,
            Origin::Transaction => Context::Multi,
            _ if client.multi.is_some() => Context::Multi,
            _ => Context::Toplevel,
        };
        self.note_refusal(client, request, reason, context, object, client.user.name());
        self.audit_denial(client, request, reason.name());
        Err(denied)
    }

    /// Adds to ACL LOG and to the counts of INFO.
    pub(crate) fn note_refusal(
        &self,
        client: &Client,
        request: &Request<'_>,
        reason: Reason,
        context: Context,
        object: &[u8],
        username: &[u8],
    ) {
        self.acl.denied[reason as usize].fetch_add(1, Relaxed);
        let now_ms = base::clock::unix_ms();
        let mut line = Vec::new();
        describe::push(&mut line, self, &client.shared, now_ms, Some(Asking { client, request }));
        let entry = Entry {
            id: 0,
            count: 0,
            reason,
            context,
            object: object.into(),
            username: username.into(),
            client_info: String::from_utf8_lossy(&line).into(),
            created_ms: now_ms,
            updated_ms: now_ms,
        };
        self.acl.log.lock().add(entry, self.settings.acllog_max_len() as usize);
    }

    /// Makes the connection that of a user whom a certificate names; false: there is none, or he is off.
    pub fn sign_in_certified(&self, client: &mut Client, name: &[u8]) -> bool {
        let user = self.acl.users.get(name).filter(|user| user.is_enabled());
        let is_known = user.is_some();
        if let Some(user) = user {
            client.become_user(self, user);
        }
        self.audit_sign_in(&client.shared, name, "tls", is_known);
        is_known
    }

    /// Checks a user's password and makes the connection his; a failure is noted.
    pub(crate) fn sign_in(
        &self,
        client: &mut Client,
        request: &Request<'_>,
        name: &[u8],
        password: &[u8],
    ) -> Result<()> {
        if let Some(user) = self.acl.users.get(name).filter(|user| user.accepts(password)) {
            client.become_user(self, user);
            self.audit_sign_in(&client.shared, name, "auth", true);
            return Ok(());
        }
        self.note_wrong_password(client, request, name);
        Err(Error::Plain("WRONGPASS invalid username-password pair or user is disabled."))
    }

    /// Adds an attempt with a wrong password to ACL LOG and to the audit log.
    pub(crate) fn note_wrong_password(&self, client: &Client, request: &Request<'_>, name: &[u8]) {
        let object = request.word(0).unwrap_or_default();
        let context = if client.multi.is_some() { Context::Multi } else { Context::Toplevel };
        self.note_refusal(client, request, Reason::Auth, context, object, name);
        self.audit_sign_in(&client.shared, name, "auth", false);
    }

    /// Closes the connections of a user who is gone; the asking one only once it has its reply.
    pub(crate) fn close_clients_of(&self, client: &mut Client, name: &[u8]) {
        self.close_clients(client, |shared| **shared.facts.user.lock() == *name);
    }

    /// Closes the connections of a user that listen to what he may no longer listen to.
    pub(crate) fn close_listeners_of(&self, client: &mut Client, old: &User, new: &User) {
        if new.keeps_channels_of(old) {
            return;
        }
        let mut affected = Vec::new();
        self.pubsub.for_each_listener(|name, is_pattern, shared| {
            if **shared.facts.user.lock() == *new.name() && !new.allows_channel(name, is_pattern) {
                affected.push(shared.id);
            }
        });
        self.close_clients(client, |shared| affected.contains(&shared.id));
    }

    fn close_clients(&self, client: &mut Client, is_meant: impl Fn(&Shared) -> bool) {
        for shared in self.clients.iter().filter(|shared| is_meant(shared)) {
            if shared.id == client.shared.id {
                client.closing = true;
            } else {
                shared.end();
            }
        }
    }
}
