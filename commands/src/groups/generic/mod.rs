//! Keys of any type.

mod copy;
mod del;
pub(super) mod dump;
mod exists;
mod expire;
mod keys;
mod migrate;
mod object;
mod randomkey;
mod rename;
mod scan;
mod sort;
mod ttl;
mod r#type;
mod wait;

use crate::spec::{ArgDoc, ArgType, Command};

pub(crate) const COMMANDS: &[&Command] = &[
    &copy::COPY,
    &del::DEL,
    &dump::DUMP,
    &exists::EXISTS,
    &expire::EXPIRE,
    &expire::EXPIREAT,
    &ttl::EXPIRETIME,
    &keys::KEYS,
    &migrate::MIGRATE,
    &rename::MOVE,
    &object::OBJECT,
    &expire::PERSIST,
    &expire::PEXPIRE,
    &expire::PEXPIREAT,
    &ttl::PEXPIRETIME,
    &ttl::PTTL,
    &randomkey::RANDOMKEY,
    &rename::RENAME,
    &rename::RENAMENX,
    &dump::RESTORE,
    &scan::SCAN,
    &sort::SORT,
    &sort::SORT_RO,
    &exists::TOUCH,
    &ttl::TTL,
    &r#type::TYPE,
    &del::UNLINK,
    &wait::WAIT,
    &wait::WAITAOF,
];

const KEY: ArgDoc = ArgDoc::new("key", ArgType::Key).key_spec(0);
const NEW_KEY: ArgDoc = ArgDoc::new("newkey", ArgType::Key).key_spec(1);
