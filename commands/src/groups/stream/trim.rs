//! XTRIM, and the words about trimming that it shares with XADD.

use commands_macros::command;
use keyspace::keys::Key;
use keyspace::stream::{Id, Keep, References, Trim};

use super::effect::say_exact;
use super::id::{IdArg, Partial, parse_partial};
use super::{id, stream_event};
use crate::args::{Arg, Args, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::node::Node;
use crate::spec::{ArgDoc, ArgType};

pub(super) const XTRIM_EVENT: keyspace::change::Event = stream_event("xtrim");

const STRATEGY: ArgDoc = ArgDoc::one_of(
    "strategy",
    &[ArgDoc::token_only("maxlen").token("MAXLEN"), ArgDoc::token_only("minid").token("MINID").since("6.2.0")],
);
const OPERATOR: ArgDoc = ArgDoc::one_of(
    "operator",
    &[ArgDoc::token_only("equal").token("="), ArgDoc::token_only("approximately").token("~")],
)
.optional();
pub(super) const TRIM: ArgDoc = ArgDoc::block(
    "trim",
    &[
        STRATEGY,
        OPERATOR,
        ArgDoc::new("threshold", ArgType::String),
        ArgDoc::new("count", ArgType::Integer).token("LIMIT").since("6.2.0").optional(),
    ],
);

/// What an entry's id shall be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum NewId {
    Auto,
    Given(Partial),
}

/// The words of XADD up to the id, or all of XTRIM.
#[derive(Default)]
pub(super) struct Words {
    keep: Option<Keep>,
    is_approximate: bool,
    limit: Option<i64>,
    references: Option<References>,
    pub(super) no_create: bool,
    pub(super) id: Option<NewId>,
}

impl Words {
    pub(super) fn take(args: &mut Args, is_add: bool) -> Result<Self> {
        let mut words = Self::default();
        while let Some(word) = args.peek() {
            // Options begin with a letter: ids and stars mostly end the search at once.
            let is_option = word.first().is_some_and(u8::is_ascii_alphabetic) && words.option(args, is_add)?;
            if is_option {
                continue;
            }
            if !is_add {
                return Err(Error::Syntax);
            }
            args.word()?;
            words.id = Some(match word {
                b"*" => NewId::Auto,
                word => NewId::Given(parse_partial(word, 0).ok_or(id::INVALID)?),
            });
            break;
        }
        words.checked(is_add)
    }

    fn option(&mut self, args: &mut Args, is_add: bool) -> Result<bool> {
        let has_value = args.len() > 1;
        if has_value && args.take_token("MAXLEN") {
            self.strategy(args)?;
            let count = i64::take(args)?;
            let count = u64::try_from(count).map_err(|_| Error::Plain("ERR The MAXLEN argument must be >= 0."))?;
            self.keep = Some(Keep::Newest(count));
        } else if has_value && args.take_token("MINID") {
            self.strategy(args)?;
            self.keep = Some(Keep::From(IdArg::take(args)?.0));
        } else if has_value && args.take_token("LIMIT") {
            let limit = i64::take(args)?;
            if limit < 0 {
                return Err(Error::Plain("ERR The LIMIT argument must be >= 0."));
            }
            self.limit = Some(limit);
        } else if is_add && args.take_token("NOMKSTREAM") {
            self.no_create = true;
        } else if let Some(references) = take_references(args) {
            if self.references.replace(references).is_some() {
                return Err(Error::Syntax);
            }
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn strategy(&mut self, args: &mut Args) -> Result<()> {
        if self.keep.is_some() {
            return Err(Error::Plain("ERR syntax error, MAXLEN and MINID options at the same time are not compatible"));
        }
        let has_value = args.len() > 1;
        self.is_approximate = has_value && args.take_token("~");
        if has_value && !self.is_approximate {
            args.take_token("=");
        }
        Ok(())
    }

    fn checked(self, is_add: bool) -> Result<Self> {
        let text = match (self.keep, self.limit) {
            (None, Some(1..)) => "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
            (None, _) if !is_add => "ERR syntax error, XTRIM must be called with a trimming strategy",
            (_, Some(_)) if !self.is_approximate => {
                "ERR syntax error, LIMIT cannot be used without the special ~ option"
            }
            _ => return Ok(self),
        };
        Err(Error::Plain(text))
    }

    /// What is to be trimmed, if anything.
    #[inline]
    pub(super) fn trim(&self, node: &Node) -> Option<Trim> {
        let keep = self.keep?;
        let limit = match self.limit {
            Some(0) => None,
            Some(limit) => Some(limit as u64),
            // Else one command could take long.
            None if self.is_approximate => Some(match node.settings.stream_node_max_entries().saturating_mul(100) {
                0 => 10_000,
                limit => limit.min(1_000_000),
            }),
            None => None,
        };
        let references = self.references.unwrap_or_default();
        Some(Trim { keep, is_approximate: self.is_approximate, limit, references })
    }

    /// Whether the id is 0-0, which no entry may have.
    pub(super) fn has_id_zero(&self) -> bool {
        self.id == Some(NewId::Given(Partial::Whole(Id::ZERO)))
    }
}

/// KEEPREF, DELREF or ACKED.
pub(super) fn take_references(args: &mut Args) -> Option<References> {
    if args.take_token("KEEPREF") {
        Some(References::Keep)
    } else if args.take_token("DELREF") {
        Some(References::Delete)
    } else if args.take_token("ACKED") {
        Some(References::Acknowledged)
    } else {
        None
    }
}

/// Removes the oldest entries of a stream.
#[command(
    "XTRIM",
    since = "5.0.0",
    complexity = "O(N), with N being the number of evicted entries. Constant times are very small however, since entries are organized in macro nodes containing multiple entries that can be released with a single deallocation.",
    flags(WRITE),
    keys(KeySpec::one(1, RW | DELETE)),
    tips("nondeterministic_output"),
    arity(-4),
    args(<Key as Arg>::DOC.named("key"), TRIM)
)]
pub(crate) fn xtrim(ctx: &mut Ctx, key: Key, words: Rest) -> Result<usize> {
    let Rest(mut words) = words;
    let trim = Words::take(&mut words, false)?.trim(ctx.node);
    let (Some(trim), Some(stream)) = (trim, ctx.keys.stream_mut(&key)?) else { return Ok(0) };
    let gone = stream.trim(&trim) as usize;
    let kept = (stream.log.len(), stream.log.first_id());
    if gone > 0 {
        ctx.keys.changed_by(&key, XTRIM_EVENT, gone);
        if trim.is_approximate && ctx.wants_effects() {
            say_exact(ctx, "XTRIM", None, Some(&trim), kept);
        }
    }
    Ok(gone)
}
