//! Who listens to which channels, and the handing out of messages.
//!
//! # Invariants
//! - A client stands under a name here exactly when its own `Subscriptions` have that name; only its own core
//!   changes either.
//! - Messages are handed out under `order`: all subscribers see all messages in one order, as if one thread served
//!   them. Nothing waits under it: a message is put into outboxes, and cores write them to sockets later.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};

use bytes::Bytes;
use dashmap::DashMap;
use parking_lot::{Mutex, MutexGuard};
use resp::{Proto, Writer};

use super::Node;
use crate::client::{Client, Facts, Shared};

/// What a name is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A channel.
    Channel,
    /// A glob over channels.
    Pattern,
    /// A channel of a cluster's shard.
    ShardChannel,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Channel, Self::Pattern, Self::ShardChannel];

    fn fact(self, facts: &Facts) -> &std::sync::atomic::AtomicU32 {
        match self {
            Self::Channel => &facts.subscriptions,
            Self::Pattern => &facts.patterns,
            Self::ShardChannel => &facts.shard_channels,
        }
    }
}

/// One client's names, by kind.
#[derive(Debug, Default)]
pub struct Subscriptions([BTreeSet<Bytes>; 3]);

impl Subscriptions {
    /// The number that confirmations show: channels and patterns count together.
    fn count(&self, kind: Kind) -> usize {
        let [channels, patterns, shard_channels] = &self.0;
        match kind {
            Kind::Channel | Kind::Pattern => channels.len() + patterns.len(),
            Kind::ShardChannel => shard_channels.len(),
        }
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(BTreeSet::is_empty)
    }
}

type Registry = DashMap<Bytes, Vec<Arc<Shared>>>;

/// See the module's head.
#[derive(Default)]
pub struct PubSub {
    names: [Registry; 3],
    /// Patterns in use: most servers have none, and a message need not look for them.
    patterns: AtomicUsize,
    order: Mutex<()>,
}

/// Held while something is handed out that must not be overtaken.
pub(crate) type Order<'p> = MutexGuard<'p, ()>;

impl PubSub {
    /// Subscribes a client; answers the number to confirm.
    pub(crate) fn subscribe(&self, client: &mut Client, kind: Kind, name: &[u8]) -> usize {
        let own = client.subscriptions.get_or_insert_default();
        if own.0[kind as usize].contains(name) {
            return own.count(kind);
        }
        let name = Bytes::copy_from_slice(name);
        own.0[kind as usize].insert(name.clone());
        let count = own.count(kind);
        note(&client.shared, kind, own.0[kind as usize].len(), name.len() as i64);
        let mut listeners = self.names[kind as usize].entry(name).or_default();
        if kind == Kind::Pattern && listeners.is_empty() {
            self.patterns.fetch_add(1, SeqCst);
        }
        listeners.push(client.shared.clone());
        count
    }

    /// Unsubscribes a client; answers the number to confirm.
    pub(crate) fn unsubscribe(&self, client: &mut Client, kind: Kind, name: &[u8]) -> usize {
        let Some(own) = &mut client.subscriptions else { return 0 };
        if own.0[kind as usize].remove(name) {
            note(&client.shared, kind, own.0[kind as usize].len(), -(name.len() as i64));
            self.forget(&client.shared, kind, name);
        }
        let count = own.count(kind);
        if own.is_empty() {
            client.subscriptions = None;
        }
        count
    }

    fn forget(&self, shared: &Arc<Shared>, kind: Kind, name: &[u8]) {
        let registry = &self.names[kind as usize];
        let is_last = registry.get_mut(name).is_some_and(|mut listeners| {
            if let Some(place) = listeners.iter().position(|listener| Arc::ptr_eq(listener, shared)) {
                listeners.swap_remove(place);
            }
            listeners.is_empty()
        });
        if is_last && registry.remove_if(name, |_, listeners| listeners.is_empty()).is_some() && kind == Kind::Pattern {
            self.patterns.fetch_sub(1, SeqCst);
        }
    }

    /// Ends all subscriptions of a client, which hears nothing of it.
    pub(crate) fn leave(&self, client: &mut Client) {
        let Some(own) = client.subscriptions.take() else { return };
        for kind in Kind::ALL {
            for name in &own.0[kind as usize] {
                note(&client.shared, kind, 0, -(name.len() as i64));
                self.forget(&client.shared, kind, name);
            }
        }
    }

    /// Shows each name with each connection that listens to it, and whether it is a pattern.
    pub(crate) fn for_each_listener(&self, mut show: impl FnMut(&[u8], bool, &Arc<Shared>)) {
        for kind in Kind::ALL {
            for listeners in &self.names[kind as usize] {
                listeners.iter().for_each(|shared| show(listeners.key(), kind == Kind::Pattern, shared));
            }
        }
    }

    /// The number to confirm when nothing changed.
    pub(crate) fn count_of(client: &Client, kind: Kind) -> usize {
        client.subscriptions.as_ref().map_or(0, |own| own.count(kind))
    }

    /// The names of a client, in order.
    pub(crate) fn names_of(client: &Client, kind: Kind) -> Vec<Bytes> {
        client.subscriptions.as_ref().map_or_else(Vec::new, |own| own.0[kind as usize].iter().cloned().collect())
    }

    /// All names in use that match a glob.
    pub(crate) fn matching(&self, kind: Kind, pattern: Option<&[u8]>) -> Vec<Bytes> {
        let is_meant = |name: &[u8]| pattern.is_none_or(|pattern| base::glob::matches(pattern, name, false));
        let names = self.names[kind as usize].iter().filter(|entry| is_meant(entry.key()));
        names.map(|entry| entry.key().clone()).collect()
    }

    /// How many clients listen to a name.
    pub(crate) fn listeners(&self, kind: Kind, name: &[u8]) -> usize {
        self.names[kind as usize].get(name).map_or(0, |listeners| listeners.len())
    }

    /// How many names there are of a kind.
    pub fn len(&self, kind: Kind) -> usize {
        self.names[kind as usize].len()
    }

    /// Whether nobody listens to a channel or pattern.
    pub(crate) fn is_empty(&self) -> bool {
        self.patterns.load(SeqCst) == 0 && self.names[Kind::Channel as usize].is_empty()
    }

    /// Keeps others from handing out messages until the guard goes.
    pub(crate) fn order(&self) -> Order<'_> {
        self.order.lock()
    }

    /// Whether a message on a channel would reach anybody.
    fn has_listeners(&self, kind: Kind, channel: &[u8]) -> bool {
        self.names[kind as usize].contains_key(channel) || kind == Kind::Channel && self.patterns.load(SeqCst) > 0
    }

    /// Hands out a message; answers how many times.
    pub(crate) fn publish(&self, node: &Node, kind: Kind, channel: &[u8], message: &[u8]) -> usize {
        if !self.has_listeners(kind, channel) {
            return 0;
        }
        let order = self.order();
        self.publish_in_order(&order, node, kind, channel, message)
    }

    /// As `publish`, by who holds the order already.
    pub(crate) fn publish_in_order(
        &self,
        _: &Order<'_>,
        node: &Node,
        kind: Kind,
        channel: &[u8],
        message: &[u8],
    ) -> usize {
        let mut receivers = 0;
        if let Some(listeners) = self.names[kind as usize].get(channel) {
            let word: &[u8] = if kind == Kind::ShardChannel { b"smessage" } else { b"message" };
            receivers += hand_out(node, &listeners, &[word, channel, message]);
        }
        if kind == Kind::Channel && self.patterns.load(SeqCst) > 0 {
            let patterns = &self.names[Kind::Pattern as usize];
            for entry in patterns.iter().filter(|entry| base::glob::matches(entry.key(), channel, false)) {
                receivers += hand_out(node, entry.value(), &[b"pmessage", entry.key(), channel, message]);
            }
        }
        receivers
    }
}

/// Sends one message to some clients, encoded once for each protocol.
fn hand_out(node: &Node, listeners: &[Arc<Shared>], words: &[&[u8]]) -> usize {
    let mut encoded: [Option<Bytes>; 2] = [None, None];
    for listener in listeners {
        let resp3 = listener.facts.resp3.load(Relaxed);
        let message = encoded[usize::from(resp3)].get_or_insert_with(|| encode(resp3, words));
        let waiting = listener.send(message.clone()) + listener.facts.reply_bytes.load(Relaxed) as usize;
        node.bound_output(listener, waiting);
    }
    listeners.len()
}

fn encode(resp3: bool, words: &[&[u8]]) -> Bytes {
    let mut out = Writer::new(if resp3 { Proto::Resp3 } else { Proto::Resp2 });
    out.push(words.len());
    words.iter().for_each(|word| out.bulk(word));
    out.take().pop().unwrap_or_default()
}

/// Bytes that one subscription costs beside its name: two map entries and a reference.
const SUBSCRIPTION_BYTES: i64 = 96;

/// Keeps the facts of CLIENT LIST.
fn note(shared: &Shared, kind: Kind, names: usize, name_bytes: i64) {
    kind.fact(&shared.facts).store(names as u32, Relaxed);
    let bytes = &shared.facts.subscription_bytes;
    let change = name_bytes + SUBSCRIPTION_BYTES * name_bytes.signum();
    bytes.store(bytes.load(Relaxed).saturating_add_signed(change), Relaxed);
}

impl Client {
    /// Writes messages that have come behind the replies so far.
    pub(crate) fn take_messages(&self, out: &mut Writer) {
        if self.shared.signals() & crate::client::signal::PUSHED != 0 {
            for message in self.shared.take_outbox() {
                out.raw(&message);
            }
        }
    }
}
