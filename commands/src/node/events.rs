//! Keyspace notifications: changes of keys as messages on `__keyspace@<db>__:<key>` and `__keyevent@<db>__:<event>`.

use keyspace::change::{Change, Classes, Interest};
use keyspace::keys::Keys;
use settings::KeyspaceEvents;

use super::Node;
use super::pubsub::{Kind, Order};

/// A class as the keyspace and as the setting spell it.
const CLASSES: [(Classes, KeyspaceEvents); 12] = [
    (Classes::GENERIC, KeyspaceEvents::GENERIC),
    (Classes::STRING, KeyspaceEvents::STRING),
    (Classes::LIST, KeyspaceEvents::LIST),
    (Classes::SET, KeyspaceEvents::SET),
    (Classes::HASH, KeyspaceEvents::HASH),
    (Classes::ZSET, KeyspaceEvents::ZSET),
    (Classes::EXPIRED, KeyspaceEvents::EXPIRED),
    (Classes::EVICTED, KeyspaceEvents::EVICTED),
    (Classes::STREAM, KeyspaceEvents::STREAM),
    (Classes::KEY_MISS, KeyspaceEvents::KEY_MISS),
    (Classes::MODULE, KeyspaceEvents::MODULE),
    (Classes::NEW, KeyspaceEvents::NEW),
];

/// Whether events of a class are published anywhere.
fn publishes(events: KeyspaceEvents, class: Classes) -> bool {
    CLASSES.iter().any(|(own, setting)| *own == class && events.publishes(*setting))
}

impl Node {
    /// Takes `notify-keyspace-events` over: at the start, and after CONFIG SET.
    pub fn follow_events(&self) {
        let events = self.settings.notify_keyspace_events();
        let any = CLASSES.iter().any(|(class, _)| publishes(events, *class));
        self.space.set_interest(Interest::EVENTS, any);
    }

    /// The place in the order of messages for changes from the `from`-th on, to be taken while their keys are still
    /// locked: who changes one of the keys next comes later in that order, too.
    #[inline]
    pub(crate) fn order_of(&self, keys: &Keys, from: usize) -> Option<Order<'_>> {
        if keys.tally.changes.len() == from || self.space.interest() & Interest::EVENTS.0 == 0 {
            return None;
        }
        Some(self.pubsub.order())
    }

    /// Tells subscribers of changes, in their order.
    pub(crate) fn announce(&self, order: &Order, changes: &[Change]) {
        if self.pubsub.is_empty() {
            return;
        }
        let events = self.settings.notify_keyspace_events();
        let mut channel = Vec::with_capacity(64);
        for change in changes.iter().filter(|change| publishes(events, change.event.class)) {
            let (key, event) = (&*change.key, change.event.name.as_bytes());
            if events.contains(KeyspaceEvents::KEYSPACE) {
                name(&mut channel, "keyspace", change.db, key);
                self.pubsub.publish_in_order(order, self, Kind::Channel, &channel, event);
            }
            if events.contains(KeyspaceEvents::KEYEVENT) {
                name(&mut channel, "keyevent", change.db, event);
                self.pubsub.publish_in_order(order, self, Kind::Channel, &channel, key);
            }
        }
    }
}

fn name(channel: &mut Vec<u8>, space: &str, db: usize, rest: &[u8]) {
    channel.clear();
    channel.extend_from_slice(b"__");
    channel.extend_from_slice(space.as_bytes());
    channel.push(b'@');
    channel.extend_from_slice(db.to_string().as_bytes());
    channel.extend_from_slice(b"__:");
    channel.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fixture, check_with};

    fn with_events(classes: &str) -> Fixture {
        let fixture = Fixture::new();
        let set = fixture.node.settings.set(&[("notify-keyspace-events", classes)], settings::Caller::default());
        set.expect("a live setting");
        fixture.node.follow_events();
        fixture
    }

    #[test]
    fn both_channels_in_the_order_of_changes() {
        check_with(
            &mut with_events("KEA"),
            r#"
            @2> PSUBSCRIBE *
            1) "psubscribe"
            2) "*"
            3) (integer) 1
            > SELECT 3
            OK
            > SET k v EX 10
            OK
            @2
            1) "pmessage"
            2) "*"
            3) "__keyspace@3__:k"
            4) "set"
            1) "pmessage"
            2) "*"
            3) "__keyevent@3__:set"
            4) "k"
            1) "pmessage"
            2) "*"
            3) "__keyspace@3__:k"
            4) "expire"
            1) "pmessage"
            2) "*"
            3) "__keyevent@3__:expire"
            4) "k"
            + 10001ms
            > GET k
            (nil)
            @2
            1) "pmessage"
            2) "*"
            3) "__keyspace@3__:k"
            4) "expired"
            1) "pmessage"
            2) "*"
            3) "__keyevent@3__:expired"
            4) "k"
            "#,
        );
    }

    #[test]
    fn only_the_classes_asked_for() {
        check_with(
            &mut with_events("Km$"),
            r#"
            @2> SUBSCRIBE __keyspace@0__:k
            1) "subscribe"
            2) "__keyspace@0__:k"
            3) (integer) 1
            > GET k
            (nil)
            > SET k v EX 10
            OK
            > DEL k
            (integer) 1
            @2
            1) "message"
            2) "__keyspace@0__:k"
            3) "keymiss"
            1) "message"
            2) "__keyspace@0__:k"
            3) "set"
            "#,
        );
    }

    #[test]
    fn what_goes_by_itself() {
        let mut fixture = with_events("Exe");
        fixture.cli(2, "PSUBSCRIBE *");
        fixture.cli(1, "SET k v PX 10");
        fixture.advance_ms(20);
        fixture.tick();
        let evicting = [("maxmemory", "1"), ("maxmemory-policy", "allkeys-random")];
        fixture.cli(1, "SET l v");
        fixture.node.settings.set(&evicting, settings::Caller::default()).expect("live settings");
        fixture.cli(1, "GET l");
        let heard = fixture.received(2);
        let events: Vec<&str> = heard.lines().filter(|line| line.starts_with("3)")).collect();
        assert_eq!(events, ["3) \"__keyevent@0__:expired\"", "3) \"__keyevent@0__:evicted\""]);
    }

    #[test]
    fn off_without_a_channel() {
        let fixture = with_events("A");
        assert_eq!(fixture.node.space.interest(), 0);
    }
}
