//! Keys of any type.

mod del;
mod exists;
mod expire;
mod object;
mod ttl;
mod r#type;

use crate::spec::Command;

pub(crate) const COMMANDS: &[&Command] = &[
    &del::DEL,
    &exists::EXISTS,
    &expire::EXPIRE,
    &expire::EXPIREAT,
    &ttl::EXPIRETIME,
    &object::OBJECT,
    &expire::PERSIST,
    &expire::PEXPIRE,
    &expire::PEXPIREAT,
    &ttl::PEXPIRETIME,
    &ttl::PTTL,
    &exists::TOUCH,
    &ttl::TTL,
    &r#type::TYPE,
    &del::UNLINK,
];
