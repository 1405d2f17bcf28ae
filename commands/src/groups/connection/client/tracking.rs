//! CLIENT TRACKING and its relatives.

use commands_macros::{Args, command};

use crate::args::{Arg, Args as Words, Choice, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::node::describe::redirect;
use crate::node::tracking::{Wish, mode};
use crate::reply;
use crate::spec::{ArgDoc, ArgType};

#[derive(Args, Clone, Copy)]
enum Mode {
    Yes,
    No,
}

/// Says whether the keys of the next command are to be remembered.
#[command(
    "CACHING",
    since = "6.0.0",
    complexity = "O(1)",
    flags(NOSCRIPT | LOADING | STALE | KEEPS_CACHING),
    arity(3),
    args(ArgDoc::one_of("mode", <Mode as crate::args::OneOf>::DOCS))
)]
pub(crate) fn caching(ctx: &mut Ctx, words: Rest) -> Result<reply::Ok> {
    let tracking = ctx.client.tracking();
    if tracking & (mode::OPTIN | mode::OPTOUT) == 0 {
        return Err(Error::Plain(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
        ));
    }
    ctx.client.caching = Some(match <Choice<Mode> as Arg>::take(&mut { words.0 })?.0 {
        Mode::Yes if tracking & mode::OPTIN == 0 => {
            return Err(Error::Plain("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode."));
        }
        Mode::No if tracking & mode::OPTOUT == 0 => {
            return Err(Error::Plain("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode."));
        }
        mode => matches!(mode, Mode::Yes),
    });
    Ok(reply::Ok)
}

/// Answers the connection that invalidation messages go to.
#[command("GETREDIR", since = "6.0.0", complexity = "O(1)", flags(NOSCRIPT | LOADING | STALE))]
pub(crate) fn getredir(ctx: &mut Ctx) -> Result<i64> {
    Ok(redirect(&ctx.client.shared.facts))
}

#[derive(Args, Clone, Copy, PartialEq)]
enum Status {
    On,
    Off,
}

const OPTIONS: &[ArgDoc] = &[
    ArgDoc::one_of("status", <Status as crate::args::OneOf>::DOCS),
    ArgDoc::new("client-id", ArgType::Integer).token("REDIRECT").optional(),
    ArgDoc::new("prefix", ArgType::String).token("PREFIX").optional().multiple_token(),
    ArgDoc::token_only("bcast").token("BCAST").optional(),
    ArgDoc::token_only("optin").token("OPTIN").optional(),
    ArgDoc::token_only("optout").token("OPTOUT").optional(),
    ArgDoc::token_only("noloop").token("NOLOOP").optional(),
];

/// Switches on or off that the server tells the client which keys have changed.
#[command(
    "TRACKING",
    since = "6.0.0",
    complexity = "O(1). Some options may introduce additional complexity.",
    flags(NOSCRIPT | LOADING | STALE),
    arity(-3),
    args(ArgDoc::flatten(OPTIONS))
)]
pub(crate) fn tracking(ctx: &mut Ctx, words: Rest) -> Result<reply::Ok> {
    let mut words = words.0;
    let mut status = words;
    words.word()?;
    let wish = wish(ctx, &mut words)?;
    match <Choice<Status> as Arg>::take(&mut status.take_first(1)?)?.0 {
        Status::Off => ctx.client.untrack(ctx.node),
        Status::On => {
            check(ctx, &wish)?;
            ctx.client.track(ctx.node, &wish);
        }
    }
    Ok(reply::Ok)
}

/// Options may be given with OFF, too, and must be right there.
fn wish<'a>(ctx: &Ctx, words: &mut Words<'a>) -> Result<Wish<'a>> {
    const FLAGS: [(&str, u32); 4] =
        [("BCAST", mode::BCAST), ("OPTIN", mode::OPTIN), ("OPTOUT", mode::OPTOUT), ("NOLOOP", mode::NOLOOP)];
    let mut wish = Wish::default();
    while !words.is_empty() {
        if words.len() > 1 && words.take_token("REDIRECT") {
            if wish.redirect != 0 {
                return Err(Error::Plain("ERR A client can only redirect to a single other client"));
            }
            let id = base::number::parse_i64(words.word()?).ok_or(Error::NotAnInteger)? as u64;
            if !ctx.node.clients.contains_key(&id) {
                return Err(Error::Plain("ERR The client ID you want redirect to does not exist"));
            }
            wish.redirect = id;
        } else if words.len() > 1 && words.take_token("PREFIX") {
            wish.prefixes.push(words.word()?);
        } else if let Some((_, flag)) = FLAGS.iter().find(|(token, _)| words.take_token(token)) {
            wish.mode |= flag;
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok(wish)
}

/// Whether the options go together, and with what is tracked already.
fn check(ctx: &Ctx, wish: &Wish) -> Result<()> {
    const OPTS: u32 = mode::OPTIN | mode::OPTOUT;
    let (has, now) = (|flag: u32| wish.mode & flag != 0, ctx.client.tracking());
    if !has(mode::BCAST) && !wish.prefixes.is_empty() {
        return Err(Error::Plain("ERR PREFIX option requires BCAST mode to be enabled"));
    }
    if now != 0 && (now ^ wish.mode) & mode::BCAST != 0 {
        return Err(Error::Plain(
            "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.",
        ));
    }
    if has(mode::BCAST) && has(OPTS) {
        return Err(Error::Plain("ERR OPTIN and OPTOUT are not compatible with BCAST"));
    }
    if wish.mode & OPTS == OPTS {
        return Err(Error::Plain("ERR You can't specify both OPTIN mode and OPTOUT mode"));
    }
    if has(mode::OPTIN) && now & mode::OPTOUT != 0 || has(mode::OPTOUT) && now & mode::OPTIN != 0 {
        return Err(Error::Plain(
            "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.",
        ));
    }
    check_prefixes(ctx, &wish.prefixes)
}

/// Else a client would be told twice.
fn check_prefixes(ctx: &Ctx, prefixes: &[&[u8]]) -> Result<()> {
    let existing = ctx.node.tracking.prefixes_of(ctx.client.shared.id);
    for (index, prefix) in prefixes.iter().enumerate() {
        let overlaps = |other: &[u8]| other != *prefix && (other.starts_with(prefix) || prefix.starts_with(other));
        let (which, other) = match existing.iter().find(|other| overlaps(other)) {
            Some(other) => ("an existing", &**other),
            None => {
                match prefixes[index + 1..].iter().find(|other| other.starts_with(prefix) || prefix.starts_with(other))
                {
                    Some(other) => ("another provided", *other),
                    None => continue,
                }
            }
        };
        let (prefix, other) = (String::from_utf8_lossy(prefix), String::from_utf8_lossy(other));
        return Err(Error::text(format!(
            "ERR Prefix '{prefix}' overlaps with {which} prefix '{other}'. Prefixes for a single client must not overlap."
        )));
    }
    Ok(())
}

/// Tells how the connection is tracked.
#[command("TRACKINGINFO", since = "6.2.0", complexity = "O(1)", flags(NOSCRIPT | LOADING | STALE | KEEPS_CACHING))]
pub(crate) fn trackinginfo(ctx: &mut Ctx) -> Result<()> {
    let (tracking, caching) = (ctx.client.tracking(), ctx.client.caching);
    let flags = [
        (tracking == 0, "off"),
        (tracking & mode::ON != 0, "on"),
        (tracking & mode::BCAST != 0, "bcast"),
        (tracking & mode::OPTIN != 0, "optin"),
        (caching == Some(true), "caching-yes"),
        (tracking & mode::OPTOUT != 0, "optout"),
        (caching == Some(false), "caching-no"),
        (tracking & mode::NOLOOP != 0, "noloop"),
        (tracking & mode::BROKEN != 0, "broken_redirect"),
    ];
    let prefixes = ctx.node.tracking.prefixes_of(ctx.client.shared.id);
    let out = &mut *ctx.out;
    out.map(3);
    out.bulk(b"flags");
    out.set(flags.iter().filter(|(is_set, _)| *is_set).count());
    flags.iter().filter(|(is_set, _)| *is_set).for_each(|(_, name)| out.bulk(name.as_bytes()));
    out.bulk(b"redirect");
    out.int(redirect(&ctx.client.shared.facts));
    out.bulk(b"prefixes");
    out.array(prefixes.len());
    prefixes.iter().for_each(|prefix| out.bulk(prefix));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fixture, check, check_with};

    #[test]
    fn options() {
        check(
            r#"
            > CLIENT TRACKING what
            (error) ERR syntax error
            > CLIENT TRACKING ON REDIRECT 99
            (error) ERR The client ID you want redirect to does not exist
            > CLIENT TRACKING ON PREFIX a
            (error) ERR PREFIX option requires BCAST mode to be enabled
            > CLIENT TRACKING ON BCAST OPTIN
            (error) ERR OPTIN and OPTOUT are not compatible with BCAST
            > CLIENT TRACKING ON OPTIN OPTOUT
            (error) ERR You can't specify both OPTIN mode and OPTOUT mode
            > CLIENT TRACKING ON BCAST PREFIX FOOBAR PREFIX FOO
            (error) ERR Prefix 'FOOBAR' overlaps with another provided prefix 'FOO'. Prefixes for a single client must not overlap.
            > CLIENT CACHING maybe
            (error) ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled
            > CLIENT GETREDIR
            (integer) -1
            > CLIENT TRACKING ON BCAST PREFIX b PREFIX a
            OK
            > CLIENT TRACKING ON BCAST PREFIX ab
            (error) ERR Prefix 'ab' overlaps with an existing prefix 'a'. Prefixes for a single client must not overlap.
            > CLIENT TRACKING ON
            (error) ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.
            > CLIENT TRACKINGINFO
            1) "flags"
            2) 1) "on"
               2) "bcast"
            3) "redirect"
            4) (integer) 0
            5) "prefixes"
            6) 1) "a"
               2) "b"
            > CLIENT TRACKING OFF
            OK
            > CLIENT TRACKING ON OPTIN
            OK
            > CLIENT CACHING NO
            (error) ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.
            > CLIENT CACHING YES
            OK
            > CLIENT TRACKINGINFO
            1) "flags"
            2) 1) "on"
               2) "optin"
               3) "caching-yes"
            3) "redirect"
            4) (integer) 0
            5) "prefixes"
            6) (empty array)
            > CLIENT TRACKING OFF
            OK
            > CLIENT TRACKINGINFO
            1) "flags"
            2) 1) "off"
            3) "redirect"
            4) (integer) -1
            5) "prefixes"
            6) (empty array)
            "#,
        );
    }

    /// A fixture whose client 2 speaks RESP3.
    fn with_resp3() -> Fixture {
        let mut fixture = Fixture::new();
        fixture.cli(2, "HELLO 3");
        fixture
    }

    #[test]
    fn who_has_read_a_key_hears_once_that_it_changed() {
        let mut fixture = with_resp3();
        check_with(
            &mut fixture,
            r#"
            @2> CLIENT TRACKING ON
            OK
            @2> MGET a b
            1) (nil)
            2) (nil)
            > SET a 1
            OK
            @2
            1) "invalidate"
            2) 1) "a"
            > SET a 2
            OK
            @2
            (nothing)
            > SET c 3
            OK
            @2
            (nothing)
            > FLUSHALL
            OK
            @2
            1) "invalidate"
            2) (nil)
            > SET b 1
            OK
            @2
            (nothing)
            "#,
        );
        assert_eq!(fixture.node.tracking.totals(), (1, 0, 0, 0));
        fixture.cli(2, "CLIENT TRACKING OFF");
        assert_eq!(fixture.node.space.interest(), 0);
    }

    #[test]
    fn opting_in_and_out() {
        check_with(
            &mut with_resp3(),
            r#"
            @2> CLIENT TRACKING ON OPTIN
            OK
            @2> GET a
            (nil)
            @2> CLIENT CACHING YES
            OK
            @2> GET b
            (nil)
            @2> GET c
            (nil)
            > MSET a 1 b 1 c 1
            OK
            @2
            1) "invalidate"
            2) 1) "b"
            @2> CLIENT TRACKING OFF
            OK
            @2> CLIENT TRACKING ON OPTOUT
            OK
            @2> CLIENT CACHING NO
            OK
            @2> GET a
            "1"
            @2> GET b
            "1"
            > MSET a 2 b 2
            OK
            @2
            1) "invalidate"
            2) 1) "b"
            "#,
        );
    }

    #[test]
    fn broadcast_by_prefix_and_without_loops() {
        check_with(
            &mut with_resp3(),
            r#"
            @2> CLIENT TRACKING ON BCAST PREFIX a: PREFIX b: NOLOOP
            OK
            > MSET a:1 x a:2 x c:1 x
            OK
            @2
            1) "invalidate"
            2) 1) "a:1"
               2) "a:2"
            @2> SET a:1 own PX 10
            OK
            @2
            (nothing)
            + 11ms
            @2> GET a:1
            (nil)
            @2
            1) "invalidate"
            2) 1) "a:1"
            "#,
        );
    }

    #[test]
    fn broadcast_tells_no_names_of_keys_that_may_not_be_read() {
        check_with(
            &mut with_resp3(),
            r#"
            > ACL SETUSER u on nopass +@all ~a*
            OK
            @2> AUTH u x
            OK
            @2> CLIENT TRACKING ON BCAST
            OK
            > MSET a 1 secret 1
            OK
            @2
            1) "invalidate"
            2) 1) "a"
            "#,
        );
    }

    #[test]
    fn redirected_to_a_subscriber() {
        let mut fixture = Fixture::new();
        fixture.cli(3, "SUBSCRIBE __redis__:invalidate");
        check_with(
            &mut fixture,
            r#"
            > CLIENT TRACKING ON REDIRECT 1
            OK
            > GET k
            (nil)
            > SET k v
            OK
            @3
            1) "message"
            2) "__redis__:invalidate"
            3) 1) "k"
            "#,
        );
    }

    #[test]
    fn what_a_transaction_changed_before_it_read_is_no_news() {
        check_with(
            &mut with_resp3(),
            r#"
            @2> CLIENT TRACKING ON
            OK
            @2> MULTI
            OK
            @2> SET a 1
            QUEUED
            @2> GET a
            QUEUED
            @2> EXEC
            1) OK
            2) "1"
            @2
            (nothing)
            > SET a 2
            OK
            @2
            1) "invalidate"
            2) 1) "a"
            "#,
        );
    }

    #[test]
    fn a_full_table_forgets() {
        let mut fixture = with_resp3();
        check_with(
            &mut fixture,
            r#"
            @2> CLIENT TRACKING ON
            OK
            @2> MGET a b c
            1) (nil)
            2) (nil)
            3) (nil)
            > CONFIG SET tracking-table-max-keys 1
            OK
            "#,
        );
        fixture.node.bound_tracking();
        assert_eq!(fixture.node.tracking.totals(), (1, 1, 1, 0));
        assert_eq!(fixture.received(2).matches("invalidate").count(), 2);
    }
}
