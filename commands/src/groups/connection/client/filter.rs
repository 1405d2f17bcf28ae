//! Which connections CLIENT KILL and CLIENT LIST mean.

use std::sync::atomic::Ordering::Relaxed;

use crate::client::Shared;
use crate::error::{Error, Result};

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
            b"master" => Ok(Self::Master),
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

/// What must hold of a connection; what is None need not.
#[derive(Default)]
pub(super) struct Filter<'a> {
    pub(super) id: Option<u64>,
    pub(super) addr: Option<&'a [u8]>,
    pub(super) laddr: Option<&'a [u8]>,
    pub(super) client_type: Option<ClientType>,
    pub(super) user: Option<&'a [u8]>,
    pub(super) age_s_min: Option<i64>,
    pub(super) not_id: Option<u64>,
}

impl Filter<'_> {
    pub(super) fn admits(&self, shared: &Shared, now_ms: i64) -> bool {
        let age_s = now_ms / 1000 - shared.created_ms / 1000;
        self.id.is_none_or(|id| id == shared.id)
            && self.addr.is_none_or(|addr| addr == shared.addr.as_bytes())
            && self.laddr.is_none_or(|laddr| laddr == shared.laddr.as_bytes())
            && self.client_type.is_none_or(|kind| kind == ClientType::of(shared))
            && self.user.is_none_or(|user| *user == **shared.facts.user.lock())
            && self.age_s_min.is_none_or(|least| age_s >= least)
            && self.not_id != Some(shared.id)
            && !shared.facts.ended.load(Relaxed)
    }
}
