//! Every error that more than one command can give, spelled once; a text that one command owns stays beside it.

use std::borrow::Cow;

use keyspace::keys::WrongType;
use resp::Writer;

use crate::node::Node;
use crate::ownership::Claimed;

/// What a handler answers.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a command gave no reply of its own.
#[derive(Clone, PartialEq, Debug)]
pub enum Error {
    /// Another type of value.
    WrongType,
    /// Words that do not fit the command.
    Syntax,
    /// Not a 64-bit integer.
    NotAnInteger,
    /// Not a number.
    NotAFloat,
    /// The number of words does not fit.
    Arity,
    /// An index outside the value.
    IndexOutOfRange,
    /// A number outside its bounds.
    OutOfRange,
    /// There is no such key where one is needed.
    NoSuchKey,
    /// A database number that there is not.
    DbIndex,
    /// A time to live that cannot be; names the command.
    InvalidExpire(&'static str),
    /// Memory is full.
    OutOfMemory,
    /// Code and text as they stand.
    Plain(&'static str),
    /// As `Plain`, made at run time.
    Text(Box<str>),
    /// No error: there is nothing to answer yet, the client waits for its keys.
    Wait(Wait),
    /// No error: values have to be read first, and the request is tried again then. Nothing was changed.
    Fetch,
}

/// How a command waits.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Wait {
    /// Until then (unix milliseconds of the same clock as `ctx.now`); None: for ever.
    pub until_ms: Option<i64>,
    /// What it answers when the time is over, or where nobody can wait (MULTI, scripts).
    pub otherwise: Otherwise,
}

/// The reply of a command that waited in vain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Otherwise {
    /// A null.
    Null,
    /// A null array.
    NullArray,
    /// How many replicas have it: none.
    Replicas,
    /// What stands in the way of a lease.
    Lease,
    /// That somebody else still produces the value.
    Miss,
    /// Whether everything up to a place in the log is durable here, and on how many replicas.
    Durable {
        /// The place.
        place: u64,
        /// Whether the wait is over when it is.
        wakes: bool,
    },
}

impl Otherwise {
    /// Writes it.
    pub(crate) fn write(self, node: &Node, out: &mut Writer) {
        match self {
            // Who waits for a lease is answered by the leases; where nobody can wait, nobody does.
            Self::Null | Self::Lease => out.null(),
            Self::NullArray => out.null_array(),
            Self::Miss => Claimed::Miss.write(out),
            Self::Replicas => out.int(0),
            Self::Durable { place, .. } => {
                out.array(2);
                out.int(i64::from(node.is_logging() && node.is_durable(place)));
                out.int(0);
            }
        }
    }
}

impl Error {
    /// An error with a text made at run time.
    pub fn text(text: impl Into<Box<str>>) -> Self {
        Self::Text(text.into())
    }

    /// The whole line after the `-`; `command` is the full name, for the texts that name it.
    pub fn line(&self, command: &str) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::WrongType => "WRONGTYPE Operation against a key holding the wrong kind of value",
            Self::Syntax => "ERR syntax error",
            Self::NotAnInteger => "ERR value is not an integer or out of range",
            Self::NotAFloat => "ERR value is not a valid float",
            Self::IndexOutOfRange => "ERR index out of range",
            Self::OutOfRange => "ERR value is out of range",
            Self::NoSuchKey => "ERR no such key",
            Self::DbIndex => "ERR DB index is out of range",
            Self::OutOfMemory => "OOM command not allowed when used memory > 'maxmemory'.",
            Self::Plain(line) => line,
            Self::Text(line) => line,
            Self::Wait(_) | Self::Fetch => "ERR this command cannot wait here",
            Self::Arity => {
                return Cow::Owned(format!("ERR wrong number of arguments for '{}' command", command.to_lowercase()));
            }
            Self::InvalidExpire(name) => return Cow::Owned(format!("ERR invalid expire time in '{name}' command")),
        })
    }
}

impl From<WrongType> for Error {
    fn from(_: WrongType) -> Self {
        Self::WrongType
    }
}
