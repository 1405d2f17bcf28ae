//! The vocabulary in which a command is declared; `#[command]` writes it, everybody reads it.

use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::node::Node;
use crate::request::Request;

/// A handler behind its parsed arguments.
pub type Run = fn(&mut Ctx<'_>, &mut Args<'_>) -> Result<()>;

/// Visits words of a request that are keys, with their flags.
pub type MoreKeys = fn(&Request<'_>, &mut dyn FnMut(usize, u16));

/// A row of the command table.
#[derive(Debug)]
pub struct Command {
    /// As documented, upper case; a subcommand's own name without its container's.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// The Redis version that brought it.
    pub since: &'static str,
    /// As documented.
    pub complexity: &'static str,
    /// See [`flag`].
    pub flags: u32,
    /// The flags of one request, where what it runs says more than the row does.
    pub flags_of: Option<fn(&Node, &Request<'_>) -> u32>,
    /// Given where the arguments do not tell it.
    pub arity: Option<i16>,
    /// Where its keys stand.
    pub keys: &'static [KeySpec],
    /// What a request does with its keys of variable flags (see [`key::VARIABLE_FLAGS`]).
    pub key_flags: Option<fn(&Request<'_>) -> u16>,
    /// Finds the keys that the specs cannot say.
    pub more_keys: Option<MoreKeys>,
    /// Hints for cluster clients.
    pub tips: &'static [&'static str],
    /// The argument tree of COMMAND DOCS.
    pub args: &'static [ArgDoc],
    /// Which of its words are channels.
    pub channels: Option<Channels>,
    /// What is locked while it runs.
    pub locks: Locks,
    /// ACL categories beyond those that follow from group and flags.
    pub categories: u32,
    /// Since when, and what to use instead.
    pub deprecated: Option<(&'static str, &'static str)>,
    /// The commands of a container.
    pub subcommands: &'static [&'static Command],
    /// Which words besides all (see [`flag::SENSITIVE`]) are secrets.
    pub secrets: Option<fn(&Request<'_>, usize) -> bool>,
    /// Answers as a server without replicas and without a cluster does, and refuses to become another one.
    pub is_alone: bool,
    /// The handler; a container has none (unless it works alone, as COMMAND does).
    pub run: Option<Run>,
}

impl Command {
    /// The defaults of a declaration.
    pub const BLANK: Self = Self {
        name: "",
        summary: "",
        since: "",
        complexity: "",
        flags: 0,
        flags_of: None,
        arity: None,
        keys: &[],
        key_flags: None,
        more_keys: None,
        channels: None,
        tips: &[],
        args: &[],
        locks: Locks::Keys,
        categories: 0,
        deprecated: None,
        subcommands: &[],
        secrets: None,
        is_alone: false,
        run: None,
    };

    /// A command that only holds subcommands.
    pub const fn container(
        name: &'static str,
        since: &'static str,
        summary: &'static str,
        subcommands: &'static [&'static Self],
    ) -> Self {
        Self { name, since, summary, complexity: "Depends on subcommand.", subcommands, arity: Some(-2), ..Self::BLANK }
    }

    /// Whether the flag is set.
    #[inline]
    pub const fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// The number of words, name (and container) included; negative: at least so many.
    pub fn arity(&self, is_subcommand: bool) -> i16 {
        if let Some(arity) = self.arity {
            return arity;
        }
        let (mut least, mut exact) = (1 + i16::from(is_subcommand), true);
        for doc in self.args {
            doc.count(&mut least, &mut exact);
        }
        if exact { least } else { -least }
    }
}

/// Which words of a request name channels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Channels {
    /// The first one after the name.
    First,
    /// All after the name.
    All,
    /// All after the name, as patterns.
    Patterns,
}

/// What is locked while a command runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Locks {
    /// The shards of its keys.
    Keys,
    /// All shards.
    All,
    /// All shards when one of these words is among the arguments (which may name keys that nobody declares); else
    /// those of its keys.
    AllIf(&'static [&'static str]),
    /// Nothing at first: the command goes shard by shard with `Keys::enter_shard`. In a transaction: all shards.
    Walk,
    /// The shards of the keys of all queued commands (EXEC).
    Queued,
    /// The shards of its keys, and more as it goes: it runs a script. In a transaction: all shards.
    Script,
}

/// Command flags, under Redis's names.
pub mod flag {
    macro_rules! flags {
        ($($(#[$doc:meta])* $name:ident = $bit:expr, $text:expr;)*) => {
            $($(#[$doc])* pub const $name: u32 = 1 << $bit;)*

            /// All flags that COMMAND INFO shows, in its order.
            pub const NAMES: &[(u32, &str)] = &[$(($name, $text)),*];
        };
    }
    flags! {
        /// May modify keys.
        WRITE = 0, "write";
        /// Never does.
        READONLY = 1, "readonly";
        /// Refused when memory is full.
        DENYOOM = 2, "denyoom";
        /// Provided by a module.
        MODULE = 3, "module";
        /// For operators.
        ADMIN = 4, "admin";
        /// About channels.
        PUBSUB = 5, "pubsub";
        /// Not from scripts.
        NOSCRIPT = 6, "noscript";
        /// May wait.
        BLOCKING = 8, "blocking";
        /// While the data set loads, too.
        LOADING = 9, "loading";
        /// On a replica with old data, too.
        STALE = 10, "stale";
        /// MONITOR does not show it.
        SKIP_MONITOR = 11, "skip_monitor";
        /// The slow log does not show it.
        SKIP_SLOWLOG = 12, "skip_slowlog";
        /// A cluster's slot migration lets it through.
        ASKING = 13, "asking";
        /// O(1) or O(log N).
        FAST = 14, "fast";
        /// Needs no sign-in.
        NO_AUTH = 15, "no_auth";
        /// Works without any key.
        NO_MANDATORY_KEYS = 19, "no_mandatory_keys";
        /// Not from an asynchronous loading.
        NO_ASYNC_LOADING = 23, "no_async_loading";
        /// Refused inside MULTI.
        NO_MULTI = 24, "no_multi";
        /// Keys depend on arguments beyond what the specs say.
        MOVABLEKEYS = 18, "movablekeys";
        /// Cluster clients may send it to any node.
        ALLOW_BUSY = 26, "allow_busy";
    }
    /// Runs at once inside MULTI instead of being queued (EXEC, DISCARD, WATCH, QUIT, RESET, MULTI).
    pub const UNQUEUED: u32 = 1 << 27;
    /// Allowed while a RESP2 client is subscribed.
    pub const IN_SUBSCRIBE: u32 = 1 << 28;
    /// Replicated though it may not write; COMMAND INFO does not show it.
    pub const MAY_REPLICATE: u32 = 1 << 16;
    /// Counts as an access even from a client with NO-TOUCH.
    pub const TOUCHES: u32 = 1 << 17;
    /// A client that waits with it hears when its key is gone or of another type.
    pub const HEEDS_LOSS: u32 = 1 << 21;
    /// What CLIENT CACHING said holds beyond it.
    pub const KEEPS_CACHING: u32 = 1 << 20;
    /// Tells whether the server is well: refused where writes are because the disk fails.
    pub const HEALTH: u32 = 1 << 7;
    /// Changes the server's settings.
    pub const SETTINGS: u32 = 1 << 22;
    /// A client that waits with it waits for no key but for work elsewhere, and its request runs again after that
    /// (see [`crate::node::migration`]).
    pub const ASIDE: u32 = 1 << 25;
    /// Its reply is a message: CLIENT REPLY OFF does not withhold it.
    pub const MESSAGE: u32 = 1 << 29;
    /// Arguments are secrets: neither MONITOR nor the slow log shows them.
    pub const SENSITIVE: u32 = 1 << 30;
    /// COMMAND DOCS says that it is not for applications.
    pub const SYSTEM: u32 = 1 << 31;

    /// What COMMAND INFO does not show.
    const HIDDEN: [u32; 12] = [
        UNQUEUED,
        IN_SUBSCRIBE,
        MAY_REPLICATE,
        TOUCHES,
        HEEDS_LOSS,
        KEEPS_CACHING,
        HEALTH,
        ASIDE,
        MESSAGE,
        SENSITIVE,
        SYSTEM,
        SETTINGS,
    ];

    // Two flags on one bit would be one flag.
    const _: () = {
        let (mut seen, mut index) = (0u32, 0);
        while index < NAMES.len() + HIDDEN.len() {
            let bit = if index < NAMES.len() { NAMES[index].0 } else { HIDDEN[index - NAMES.len()] };
            assert!(seen & bit == 0);
            seen |= bit;
            index += 1;
        }
    };
}

/// ACL categories.
pub mod category {
    pub use acl::category::*;
}

/// Flags of a key spec, under Redis's names.
pub mod key {
    /// Read and written.
    pub const RW: u16 = 1 << 0;
    /// Only read.
    pub const RO: u16 = 1 << 1;
    /// Overwritten without being read.
    pub const OW: u16 = 1 << 2;
    /// Removed.
    pub const RM: u16 = 1 << 3;
    /// The value's content is answered or copied.
    pub const ACCESS: u16 = 1 << 4;
    /// The value is updated.
    pub const UPDATE: u16 = 1 << 5;
    /// Content is added.
    pub const INSERT: u16 = 1 << 6;
    /// Content is removed.
    pub const DELETE: u16 = 1 << 7;
    /// Not a key at all.
    pub const NOT_KEY: u16 = 1 << 8;
    /// The spec may miss keys.
    pub const INCOMPLETE: u16 = 1 << 9;
    /// The flags depend on arguments.
    pub const VARIABLE_FLAGS: u16 = 1 << 10;
    /// COMMAND INFO shows the spec, but it says too much for some requests: `more_keys` finds the keys.
    pub const SHOWN_ONLY: u16 = 1 << 11;
    /// The value is not needed, only what entries always have: key, type, deadline, access clock. Not shown.
    pub const VALUELESS: u16 = 1 << 12;
    /// In COMMAND's order.
    pub const NAMES: &[(u16, &str)] = &[
        (RO, "RO"),
        (RW, "RW"),
        (OW, "OW"),
        (RM, "RM"),
        (ACCESS, "access"),
        (UPDATE, "update"),
        (INSERT, "insert"),
        (DELETE, "delete"),
        (NOT_KEY, "not_key"),
        (INCOMPLETE, "incomplete"),
        (VARIABLE_FLAGS, "variable_flags"),
    ];
}

/// Where a search for keys begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Begin {
    /// At this word.
    Index(i16),
    /// After this token, searched from this word on (from the end when negative).
    Keyword(&'static str, i16),
    /// Nobody can say.
    Unknown,
}

/// How keys follow from there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Find {
    /// To the `last`-th word after (from the command's end when negative), each `step`-th; `limit` 2 means the
    /// first half of what is left, and so on.
    Range {
        /// See above.
        last: i16,
        /// See above.
        step: i16,
        /// See above.
        limit: i16,
    },
    /// Their number stands at `at`, the first of them at `first`.
    Count {
        /// See above.
        at: i16,
        /// See above.
        first: i16,
        /// See above.
        step: i16,
    },
    /// Nobody can say.
    Unknown,
}

/// Where some keys of a command stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeySpec {
    /// See [`key`].
    pub flags: u16,
    /// See [`Begin`].
    pub begin: Begin,
    /// See [`Find`].
    pub find: Find,
    /// A remark for COMMAND INFO.
    pub notes: &'static str,
}

impl KeySpec {
    /// One key, at word `index`.
    pub const fn one(index: i16, flags: u16) -> Self {
        Self::range(index, 0, 1, flags)
    }

    /// From word `index` to `last` (relative; negative: from the end) by `step`.
    pub const fn range(index: i16, last: i16, step: i16, flags: u16) -> Self {
        Self { flags, begin: Begin::Index(index), find: Find::Range { last, step, limit: 0 }, notes: "" }
    }

    /// Word `index` says how many keys follow it.
    pub const fn counted(index: i16, flags: u16) -> Self {
        Self { flags, begin: Begin::Index(index), find: Find::Count { at: 0, first: 1, step: 1 }, notes: "" }
    }

    /// Word `index` says how many groups of `step` words follow it, each with a key first.
    pub const fn counted_by(index: i16, step: i16, flags: u16) -> Self {
        Self { flags, begin: Begin::Index(index), find: Find::Count { at: 0, first: 1, step }, notes: "" }
    }

    /// The word after `token`, searched from word `from` on.
    pub const fn after(token: &'static str, from: i16, flags: u16) -> Self {
        Self { flags, begin: Begin::Keyword(token, from), find: Find::Range { last: 0, step: 1, limit: 0 }, notes: "" }
    }

    /// Somewhere.
    pub const fn unknown(flags: u16) -> Self {
        Self { flags, begin: Begin::Unknown, find: Find::Unknown, notes: "" }
    }

    /// With a remark.
    pub const fn notes(self, notes: &'static str) -> Self {
        Self { notes, ..self }
    }
}

/// Argument types of COMMAND DOCS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArgType {
    /// `key`
    Key,
    /// `string`
    String,
    /// `integer`
    Integer,
    /// `double`
    Double,
    /// `pattern`
    Pattern,
    /// `unix-time`
    UnixTime,
    /// `pure-token`
    Token,
    /// `oneof`
    OneOf,
    /// `block`
    Block,
    /// The children stand in their parent's place.
    Flatten,
}

impl ArgType {
    /// As COMMAND DOCS names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Double => "double",
            Self::Pattern => "pattern",
            Self::UnixTime => "unix-time",
            Self::Token => "pure-token",
            Self::OneOf => "oneof",
            Self::Block => "block",
            Self::Flatten => "flatten",
        }
    }
}

/// A node of the argument tree.
#[derive(Clone, Copy, Debug)]
pub struct ArgDoc {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: ArgType,
    /// How help texts show it, where that is not its name.
    pub display: Option<&'static str>,
    /// The token before it.
    pub token: Option<&'static str>,
    /// The version that brought it.
    pub since: Option<&'static str>,
    /// The version that brought something better.
    pub deprecated_since: Option<&'static str>,
    /// May be left out.
    pub optional: bool,
    /// May be repeated.
    pub multiple: bool,
    /// The token is repeated with it.
    pub multiple_token: bool,
    /// The key spec that it belongs to.
    pub key_spec: Option<u8>,
    /// Its parts.
    pub children: &'static [ArgDoc],
}

impl ArgDoc {
    /// A node of a type.
    pub const fn new(name: &'static str, kind: ArgType) -> Self {
        Self {
            name,
            kind,
            display: None,
            token: None,
            since: None,
            deprecated_since: None,
            optional: false,
            multiple: false,
            multiple_token: false,
            key_spec: None,
            children: &[],
        }
    }

    /// A token that stands alone.
    pub const fn token_only(name: &'static str) -> Self {
        Self::new(name, ArgType::Token)
    }

    /// One of some.
    pub const fn one_of(name: &'static str, children: &'static [Self]) -> Self {
        Self { children, ..Self::new(name, ArgType::OneOf) }
    }

    /// Some in a row.
    pub const fn block(name: &'static str, children: &'static [Self]) -> Self {
        Self { children, ..Self::new(name, ArgType::Block) }
    }

    /// Children in the parent's place.
    pub const fn flatten(children: &'static [Self]) -> Self {
        Self { children, ..Self::new("", ArgType::Flatten) }
    }

    /// Under another name.
    pub const fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Shown as this in help texts.
    pub const fn display(self, display: &'static str) -> Self {
        Self { display: Some(display), ..self }
    }

    /// After a token.
    pub const fn token(self, token: &'static str) -> Self {
        Self { token: Some(token), ..self }
    }

    /// Brought by a version.
    pub const fn since(self, version: &'static str) -> Self {
        Self { since: Some(version), ..self }
    }

    /// Deprecated by a version.
    pub const fn deprecated_since(self, version: &'static str) -> Self {
        Self { deprecated_since: Some(version), ..self }
    }

    /// May be left out.
    pub const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    /// May be repeated.
    pub const fn multiple(self) -> Self {
        Self { multiple: true, ..self }
    }

    /// May be repeated with its token.
    pub const fn multiple_token(self) -> Self {
        Self { multiple: true, multiple_token: true, ..self }
    }

    /// Is a time.
    pub const fn unix_time(self) -> Self {
        Self { kind: ArgType::UnixTime, ..self }
    }

    /// Is a glob.
    pub const fn pattern(self) -> Self {
        Self { kind: ArgType::Pattern, ..self }
    }

    /// Belongs to this key spec.
    pub const fn key_spec(self, index: u8) -> Self {
        Self { key_spec: Some(index), ..self }
    }

    fn count(&self, least: &mut i16, exact: &mut bool) {
        if self.kind == ArgType::Flatten {
            return self.children.iter().for_each(|child| child.count(least, exact));
        }
        if self.optional || self.multiple {
            *exact = false;
        }
        if !self.optional {
            *least += self.words(exact);
        }
    }

    /// The least number of words that a required node takes.
    fn words(&self, exact: &mut bool) -> i16 {
        let own = i16::from(self.token.is_some() && self.kind != ArgType::Token);
        own + match self.kind {
            ArgType::Block => {
                let mut words = 0;
                self.children.iter().for_each(|child| child.count(&mut words, exact));
                words
            }
            ArgType::OneOf => {
                let words = self.children.iter().map(|child| child.words(exact));
                let (least, most) =
                    words.fold((i16::MAX, 0), |(least, most), words| (least.min(words), most.max(words)));
                *exact &= least == most;
                least
            }
            _ => 1,
        }
    }
}
