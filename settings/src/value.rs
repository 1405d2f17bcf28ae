//! The values that are more than a number: texts, lists of words, save points, output limits.
//!
//! Cloning any of them is cheap (a reference count or a few words), because getters hand out clones.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::ops::Deref;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

/// A value as the store holds it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Switches, integers, sizes, choices and flag sets, as bits.
    Scalar(u64),
    Text(Text),
    Words(Words),
    Save(Arc<[SavePoint]>),
    OutputLimits([OutputLimit; 3]),
    Percentiles(Arc<[f64]>),
    OomScores([i32; 3]),
}

impl Value {
    pub(crate) fn signed(number: i64) -> Self {
        Self::Scalar(number.cast_unsigned())
    }
}

/// Bytes that need not be UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Text(Arc<[u8]>);

impl Text {
    /// As a path of the file system.
    pub fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }

    /// For messages to people: what is not UTF-8 is replaced.
    pub fn to_string_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl Deref for Text {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

/// A list of words, such as the addresses of `bind`.
pub type Words = Arc<[Text]>;

/// One condition of `save`: a snapshot is due after `seconds` with at least `changes` changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// Seconds since the last snapshot.
    pub seconds: u64,
    /// Changes since the last snapshot.
    pub changes: u64,
}

/// The classes of clients that `client-output-buffer-limit` knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientClass {
    /// Ordinary clients, MONITOR among them.
    Normal = 0,
    /// Replicas.
    Replica = 1,
    /// Clients subscribed to a channel or pattern.
    PubSub = 2,
}

impl ClientClass {
    pub(crate) const ALL: [Self; 3] = [Self::Normal, Self::Replica, Self::PubSub];

    /// The name shown by CONFIG GET and in client lists.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Replica => "slave",
            Self::PubSub => "pubsub",
        }
    }

    pub(crate) fn from_name(name: &[u8]) -> Option<Self> {
        if name.eq_ignore_ascii_case(b"replica") {
            return Some(Self::Replica);
        }
        Self::ALL.into_iter().find(|class| name.eq_ignore_ascii_case(class.name().as_bytes()))
    }
}

/// How much unsent output a class of clients may hold; 0 means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// Reaching this disconnects the client at once.
    pub hard_bytes: u64,
    /// Staying above this for `soft_seconds` disconnects the client.
    pub soft_bytes: u64,
    /// How long the client may stay above `soft_bytes`.
    pub soft_seconds: u64,
}

/// `maxmemory-clients`: the memory all clients may use together; 0 bytes means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientsMemory {
    /// So many bytes.
    Bytes(u64),
    /// So many hundredths of `maxmemory`.
    Percent(u8),
}

impl ClientsMemory {
    /// The top bit marks a percentage: no machine has 2^63 bytes.
    const PERCENT: u64 = 1 << 63;

    pub(crate) const fn to_bits(self) -> u64 {
        match self {
            Self::Percent(0) => 0,
            Self::Percent(percent) => Self::PERCENT | percent as u64,
            Self::Bytes(bytes) => bytes & !Self::PERCENT,
        }
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        if bits & Self::PERCENT == 0 {
            return Self::Bytes(bits);
        }
        Self::Percent((bits & 0xff) as u8)
    }

    /// The limit in bytes when memory is bounded by `maxmemory` bytes; 0 means no limit.
    pub fn bytes(self, maxmemory: u64) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Percent(percent) => {
                u64::try_from(u128::from(maxmemory) * u128::from(percent) / 100).unwrap_or(u64::MAX)
            }
        }
    }
}

/// What SIGINT or SIGTERM asks of the shutdown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShutdownOptions(pub(crate) u8);

impl ShutdownOptions {
    /// Names with their bits, in the order in which they are shown.
    pub(crate) const NAMES: [(&'static str, u8); 5] =
        [("default", 0), ("save", 1), ("nosave", 2), ("now", 4), ("force", 8)];

    /// Save even where no save point is configured.
    pub const fn save(self) -> bool {
        self.0 & 1 != 0
    }

    /// Do not save even where save points are configured.
    pub const fn nosave(self) -> bool {
        self.0 & 2 != 0
    }

    /// Do not wait for replicas that lag behind.
    pub const fn now(self) -> bool {
        self.0 & 4 != 0
    }

    /// Go down even where saving fails.
    pub const fn force(self) -> bool {
        self.0 & 8 != 0
    }
}
