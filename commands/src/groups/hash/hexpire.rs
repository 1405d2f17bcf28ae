//! HEXPIRE, HPEXPIRE, HEXPIREAT and HPEXPIREAT.

use commands_macros::{Args, command};
use keyspace::hash::HashMut;
use keyspace::keys::Key;
use keyspace::packed::IntText;
use smallvec::SmallVec;

use super::deadline::{Unit, deadline_ms};
use super::expired::announce_end;
use super::{DELETE_EVENT, EXPIRE_EVENT, fields, limits};
use crate::args::{self, Arg, OneOf, UnreadWord};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::ArgDoc;

/// Which deadlines a field's new one may replace.
#[derive(Args, Clone, Copy)]
enum Condition {
    Nx,
    Xx,
    Gt,
    Lt,
}

impl Condition {
    /// Whether `new` may replace `old`; no deadline counts as the latest.
    fn admits(self, old: Option<i64>, new: i64) -> bool {
        match self {
            Self::Nx => old.is_none(),
            Self::Xx => old.is_some(),
            Self::Gt => old.is_some_and(|old| new > old),
            Self::Lt => old.is_none_or(|old| new < old),
        }
    }
}

/// A condition, perhaps, and the fields; not looked at yet.
#[derive(Clone, Copy)]
pub(crate) struct Targets<'a>(args::Args<'a>);

impl<'a> Targets<'a> {
    fn read(self) -> Result<(Option<Condition>, args::Args<'a>)> {
        let mut words = self.0;
        let condition = Condition::take_if(&mut words)?;
        let not_positive = Error::Plain("ERR Parameter `numFields` should be greater than 0");
        Ok((condition, fields::read(words, not_positive)?))
    }
}

impl<'a> Arg<'a> for Targets<'a> {
    const DOC: ArgDoc = ArgDoc::flatten(&[ArgDoc::one_of("condition", Condition::DOCS).optional(), fields::DOC]);

    fn take(args: &mut args::Args<'a>) -> Result<Self> {
        Ok(Self(args.take_all()))
    }
}

/// Gives fields of a hash a time to live, in seconds.
#[command(
    "HEXPIRE",
    since = "7.4.0",
    complexity = "O(N) where N is the number of specified fields",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | UPDATE))
)]
pub(crate) fn hexpire(ctx: &mut Ctx, key: Key, seconds: UnreadWord<i64>, targets: Targets) -> Result<()> {
    expire(ctx, "hexpire", &key, (seconds, Unit::Seconds), targets)
}

/// Gives fields of a hash a time to live, in milliseconds.
#[command(
    "HPEXPIRE",
    since = "7.4.0",
    complexity = "O(N) where N is the number of specified fields",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | UPDATE))
)]
pub(crate) fn hpexpire(ctx: &mut Ctx, key: Key, milliseconds: UnreadWord<i64>, targets: Targets) -> Result<()> {
    expire(ctx, "hpexpire", &key, (milliseconds, Unit::Milliseconds), targets)
}

/// Sets when fields of a hash expire, in unix seconds.
#[command(
    "HEXPIREAT",
    since = "7.4.0",
    complexity = "O(N) where N is the number of specified fields",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | UPDATE))
)]
pub(crate) fn hexpireat(
    ctx: &mut Ctx,
    key: Key,
    #[arg(unix_time)] unix_time_seconds: UnreadWord<i64>,
    targets: Targets,
) -> Result<()> {
    expire(ctx, "hexpireat", &key, (unix_time_seconds, Unit::UnixSeconds), targets)
}

/// Sets when fields of a hash expire, in unix milliseconds.
#[command(
    "HPEXPIREAT",
    since = "7.4.0",
    complexity = "O(N) where N is the number of specified fields",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | UPDATE))
)]
pub(crate) fn hpexpireat(
    ctx: &mut Ctx,
    key: Key,
    #[arg(unix_time)] unix_time_milliseconds: UnreadWord<i64>,
    targets: Targets,
) -> Result<()> {
    expire(ctx, "hpexpireat", &key, (unix_time_milliseconds, Unit::UnixMilliseconds), targets)
}

fn expire(
    ctx: &mut Ctx,
    command: &'static str,
    key: &Key,
    (amount, unit): (UnreadWord<i64>, Unit),
    targets: Targets,
) -> Result<()> {
    let (limits, now_ms) = (limits(ctx), ctx.now_ms());
    let mut hash = ctx.keys.hash_for_write(key, limits)?;
    let deadline_ms = deadline_ms(command, amount.read()?, unit, now_ms)?;
    let (condition, names) = targets.read()?;
    hash.expect_deadlines();
    let has_passed = deadline_ms <= now_ms;
    let (wants_effects, mut changed) = (hash.wants_effects(), 0);
    let mut affected: SmallVec<[&[u8]; 8]> = SmallVec::new();
    ctx.out.array(names.len());
    for name in names.iter() {
        let outcome = expire_field(&mut hash, name, condition, deadline_ms, has_passed);
        changed += usize::from(outcome > 0);
        if wants_effects && outcome > 0 {
            affected.push(name);
        }
        ctx.out.int(outcome);
    }
    if changed > 0 {
        hash.changed(if has_passed { DELETE_EVENT } else { EXPIRE_EVENT }, changed);
        announce_end(&mut hash);
        say_affected(ctx, key, (deadline_ms, has_passed), targets, &affected);
    }
    Ok(())
}

/// The fields that have the deadline now, or went, as others would set or remove them.
fn say_affected(
    ctx: &mut Ctx,
    key: &Key,
    (deadline_ms, has_passed): (i64, bool),
    targets: Targets,
    affected: &[&[u8]],
) {
    if has_passed {
        // Going, each field said so itself.
        return ctx.no_words();
    }
    let condition = targets.0.iter().take_while(|word| !word.eq_ignore_ascii_case(b"FIELDS"));
    let (mut deadline, mut count) = (IntText::default(), IntText::default());
    let head = [key.bytes, deadline.spell(deadline_ms)].into_iter().chain(condition);
    let fields = [&b"FIELDS"[..], count.spell(affected.len() as i64)].into_iter().chain(affected.iter().copied());
    ctx.say_with("HPEXPIREAT", head.chain(fields));
}

/// 1: done; 2: the field is gone, the time being over; 0: the condition says no; -2: no such field.
fn expire_field(
    hash: &mut HashMut<'_, '_>,
    name: &[u8],
    condition: Option<Condition>,
    deadline_ms: i64,
    has_passed: bool,
) -> i64 {
    let Some((_, old_ms)) = hash.find(name) else { return -2 };
    if condition.is_some_and(|condition| !condition.admits(old_ms, deadline_ms)) {
        return 0;
    }
    hash.set_deadline(name, Some(deadline_ms));
    if has_passed {
        hash.take_expired(name);
        return 2;
    }
    1
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fixture, check, check_with};

    #[test]
    fn conditions() {
        for entries_max in ["512", "0"] {
            let mut fixture = Fixture::new();
            fixture.configure("hash-max-listpack-entries", entries_max);
            check_with(
                &mut fixture,
                r#"
                > HSET h a 1 b 2 c 3
                (integer) 3
                > HPEXPIRE h 1000 NX FIELDS 1 a
                1) (integer) 1
                > HPEXPIRE h 2000 nx FIELDS 2 a b
                1) (integer) 0
                2) (integer) 1
                > HPEXPIRE h 1000 XX FIELDS 2 a c
                1) (integer) 1
                2) (integer) 0
                > HPEXPIRE h 1500 GT FIELDS 3 a b c
                1) (integer) 1
                2) (integer) 0
                3) (integer) 0
                > HPEXPIRE h 1500 LT FIELDS 3 a b c
                1) (integer) 0
                2) (integer) 1
                3) (integer) 1
                > HPTTL h FIELDS 3 a b c
                1) (integer) 1500
                2) (integer) 1500
                3) (integer) 1500
                > HPEXPIRE h 0 GT FIELDS 1 a
                1) (integer) 0
                > HPEXPIREAT h 0 LT FIELDS 2 a x
                1) (integer) 2
                2) (integer) -2
                > HEXPIREAT h 1 FIELDS 3 b c c
                1) (integer) 2
                2) (integer) 2
                3) (integer) -2
                > HLEN h
                (integer) 0
                > HEXPIRE h 10 FIELDS 2 a b
                1) (integer) -2
                2) (integer) -2
                "#,
            );
        }
    }

    #[test]
    fn a_small_hash_gets_room_for_deadlines() {
        check(
            r#"
            > HSET h a 1
            (integer) 1
            > OBJECT ENCODING h
            "listpack"
            > HEXPIRE h 10 XX FIELDS 1 a
            1) (integer) 0
            > OBJECT ENCODING h
            "listpackex"
            > HGETALL h
            1) "a"
            2) "1"
            "#,
        );
    }

    #[test]
    fn errors_in_their_order() {
        check(
            r#"
            > HEXPIRE h x FOO 0 a
            (error) ERR value is not an integer or out of range
            > HEXPIRE h -1 FOO 0 a
            (error) ERR invalid expire time, must be >= 0
            > HEXPIRE h 9223372036854775807 FOO 0 a
            (error) ERR invalid expire time in 'hexpire' command
            > HPEXPIRE h 70368744177664 FOO 0 a
            (error) ERR invalid expire time in 'hpexpire' command
            > HEXPIREAT h 70368744178 FOO 0 a
            (error) ERR invalid expire time in 'hexpireat' command
            > HPEXPIREAT h 70368744177664 FOO 0 a
            (error) ERR invalid expire time in 'hpexpireat' command
            > HPEXPIREAT h 70368744177663 NX XX FIELDS 1 a
            (error) ERR Mandatory argument FIELDS is missing or not at the right position
            > HEXPIRE h 10 FIELDS 0 a b
            (error) ERR Parameter `numFields` should be greater than 0
            > HEXPIRE h 10 NX FIELDS 1
            (error) ERR The `numfields` parameter must match the number of arguments
            > HEXPIRE h 10 FIELDS 1
            (error) ERR wrong number of arguments for 'hexpire' command
            > SET k v
            OK
            > HEXPIRE k x FOO 0 a
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
