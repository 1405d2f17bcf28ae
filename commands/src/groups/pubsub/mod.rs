//! Channels.

mod container;
mod publish;
mod subscribe;
mod unsubscribe;

use crate::spec::Command;

pub(crate) const COMMANDS: &[&Command] = &[
    &publish::PUBLISH,
    &publish::SPUBLISH,
    &container::PUBSUB,
    &subscribe::PSUBSCRIBE,
    &subscribe::SSUBSCRIBE,
    &subscribe::SUBSCRIBE,
    &unsubscribe::PUNSUBSCRIBE,
    &unsubscribe::SUNSUBSCRIBE,
    &unsubscribe::UNSUBSCRIBE,
];
