//! SPOP.

use commands_macros::command;
use keyspace::change::Event;
use keyspace::keys::Key;
use keyspace::packed::Element;

use resp::Writer;

use super::{changed_by, limits, set_event, write_member};
use crate::args::{Arg, Args};
use crate::ctx::Ctx;
use crate::effect::effect;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

const SPOP_EVENT: Event = set_event("spop");

/// How many members to pop. It is the last word, which counts more than its own value.
pub(crate) struct Count(usize);

impl<'a> Arg<'a> for Count {
    const DOC: ArgDoc = ArgDoc::new("count", ArgType::Integer);

    fn take(args: &mut Args<'a>) -> Result<Self> {
        let text = args.word()?;
        args.end()?;
        let count = base::number::parse_i64(text).and_then(|count| usize::try_from(count).ok());
        count.map(Self).ok_or(Error::Plain("ERR value is out of range, must be positive"))
    }
}

/// Takes random members out of a set and answers them.
#[command(
    "SPOP",
    since = "1.0.0",
    complexity = "Without the count argument O(1), otherwise O(N) where N is the value of the passed count.",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | ACCESS | DELETE)),
    tips("nondeterministic_output")
)]
pub(crate) fn spop(ctx: &mut Ctx, key: Key, #[arg(since = "3.2.0")] count: Option<Count>) -> Result<()> {
    let random = ctx.core.random;
    let below = |limit| random.borrow_mut().below(limit);
    let mut gone = Popped { is_wanted: ctx.wants_effects(), ..Popped::default() };
    let mut set = ctx.keys.set_for_write(&key, limits(ctx.node))?;
    let popped = match count {
        None if set.is_empty() => {
            ctx.out.null();
            0
        }
        None => usize::from(set.pop(below, |member| gone.write(ctx.out, member))),
        Some(Count(count)) => {
            let count = count.min(set.len());
            ctx.out.set(count);
            set.pop_many(count, below, |member| gone.write(ctx.out, member));
            count
        }
    };
    let is_gone = set.is_gone();
    if popped > 0 {
        changed_by(ctx, &key, SPOP_EVENT, popped);
        if is_gone {
            ctx.keys.event(&key, Event::DEL);
        }
        if is_gone && count.is_some() {
            let is_lazy = ctx.node.settings.lazyfree_lazy_server_del();
            effect!(ctx, if is_lazy { "UNLINK" } else { "DEL" }, key.bytes);
        } else {
            ctx.say_with("SREM", std::iter::once(key.bytes).chain(gone.members()));
        }
    }
    Ok(())
}

/// The members that chance chose, one after the other.
#[derive(Default)]
struct Popped {
    is_wanted: bool,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Popped {
    /// Writes a member, and keeps it if that is wanted.
    #[inline]
    fn write(&mut self, out: &mut Writer, member: Element<'_>) {
        write_member(out, member);
        if self.is_wanted {
            member.write_to(&mut self.bytes);
            self.ends.push(self.bytes.len());
        }
    }

    fn members(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.bytes[start..end])
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn pops_until_the_key_is_gone() {
        check(
            r#"
            > SADD s a
            (integer) 1
            > SPOP s 0
            (empty array)
            > SPOP s
            "a"
            > SPOP s
            (nil)
            > SPOP s 3
            (empty array)
            > SADD s 7
            (integer) 1
            > SPOP s 3
            1) "7"
            > SPOP s -1
            (error) ERR value is out of range, must be positive
            > SPOP s x
            (error) ERR value is out of range, must be positive
            > SPOP s -1 2
            (error) ERR syntax error
            > SET string x
            OK
            > SPOP string 0
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
