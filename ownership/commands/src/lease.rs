//! OWN, BORROW, RENEW and RELEASE: leases.

use commands::ownership as leases;
use commands::ownership::Wanted;
use commands_macros::command;
use ownership::lease::{Mode, Token};

use crate::args::{Args, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply::Ok as Done;
use crate::spec::{ArgDoc, ArgType};

const PATTERNS: ArgDoc = ArgDoc::new("pattern", ArgType::Pattern).multiple();
const TTL: ArgDoc = ArgDoc::one_of(
    "expiration",
    &[ArgDoc::new("milliseconds", ArgType::Integer).token("PX"), ArgDoc::new("seconds", ArgType::Integer).token("EX")],
);
const NAME: ArgDoc = ArgDoc::new("name", ArgType::String).token("AS").optional();
const WAIT: ArgDoc = ArgDoc::new("timeout", ArgType::Integer).token("WAIT").optional();
const TOKEN: ArgDoc = ArgDoc::new("token", ArgType::Integer);
const OWNED: ArgDoc = ArgDoc::one_of("lease", &[TOKEN, ArgDoc::token_only("all").token("ALL")]);

/// Patterns of one request.
const PATTERNS_MAX: usize = 1024;

/// Takes an exclusive lease on all keys that patterns match, and answers its token.
#[command(
    "OWN",
    since = "1.0.0",
    complexity = "O(N*M) where N is the number of patterns and M the number of leases whose patterns begin alike",
    flags(WRITE | BLOCKING | MODULE),
    categories(OWNERSHIP),
    args(PATTERNS, TTL.optional(), NAME, WAIT)
)]
pub(crate) fn own(ctx: &mut Ctx, words: Rest) -> Result<i64> {
    take(ctx, Mode::Own, words.0)
}

/// Takes a shared lease on all keys that patterns match, and answers its token: nobody writes them meanwhile.
#[command(
    "BORROW",
    since = "1.0.0",
    complexity = "O(N*M) where N is the number of patterns and M the number of leases whose patterns begin alike",
    flags(WRITE | BLOCKING | MODULE),
    categories(OWNERSHIP),
    args(PATTERNS, TTL.optional(), NAME, WAIT)
)]
pub(crate) fn borrow(ctx: &mut Ctx, words: Rest) -> Result<i64> {
    take(ctx, Mode::Borrow, words.0)
}

/// Prolongs a lease from now on.
#[command(
    "RENEW",
    since = "1.0.0",
    complexity = "O(log N) where N is the number of leases",
    flags(WRITE | FAST | MODULE),
    categories(OWNERSHIP),
    args(TOKEN, TTL)
)]
pub(crate) fn renew(ctx: &mut Ctx, lease: i64, words: Rest) -> Result<Done> {
    let (lease, mut words) = (token(lease)?, words.0);
    let name = words.word()?;
    let ttl_ms = ttl(name, &mut words)?.ok_or(Error::Syntax)?;
    words.end()?;
    leases::renew(ctx, lease, ttl_ms)?;
    Ok(Done)
}

/// Gives a lease back, or all that the connection acts for; answers how many.
#[command(
    "RELEASE",
    since = "1.0.0",
    complexity = "O(N*M) where N is the number of clients that wait for leases and M the number of patterns of each",
    flags(WRITE | MODULE),
    categories(OWNERSHIP),
    args(OWNED)
)]
pub(crate) fn release(ctx: &mut Ctx, which: &[u8]) -> Result<i64> {
    if which.eq_ignore_ascii_case(b"ALL") {
        return Ok(leases::release_all(ctx) as i64);
    }
    let lease = base::number::parse_i64(which).ok_or(Error::NotAnInteger)?;
    leases::release(ctx, token(lease)?)?;
    Ok(1)
}

/// A token, as a number that can be one.
pub(crate) fn token(number: i64) -> Result<Token> {
    Token::try_from(number).map_err(|_| Error::Plain("ERR a token is not negative"))
}

fn take(ctx: &mut Ctx, mode: Mode, words: Args) -> Result<i64> {
    let wanted = read(mode, words)?;
    leases::take(ctx, wanted).map(|token| token as i64)
}

/// Reads the number behind `PX` or `EX`; None: the name is another one.
fn ttl(name: &[u8], words: &mut Args) -> Result<Option<i64>> {
    let unit_ms = match () {
        () if name.eq_ignore_ascii_case(b"PX") => 1,
        () if name.eq_ignore_ascii_case(b"EX") => 1000,
        () => return Ok(None),
    };
    const INVALID: Error = Error::Plain("ERR the lease's deadline is not in the future");
    let number = number(words)?;
    number.checked_mul(unit_ms).filter(|&ms| ms > 0).map(Some).ok_or(INVALID)
}

fn number(words: &mut Args) -> Result<i64> {
    let word = words.word().map_err(|_| Error::Syntax)?;
    base::number::parse_i64(word).ok_or(Error::NotAnInteger)
}

/// Patterns, then options.
fn read(mode: Mode, mut words: Args) -> Result<Wanted> {
    let mut wanted = Wanted { mode, patterns: Vec::new(), ttl_ms: None, name: None, wait_ms: None };
    let mut has_options = false;
    while !words.is_empty() {
        let word = words.word()?;
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if is("AS") && wanted.name.is_none() {
            wanted.name = Some(words.word().map_err(|_| Error::Syntax)?.into());
        } else if is("WAIT") && wanted.wait_ms.is_none() {
            let ms = number(&mut words)?;
            wanted.wait_ms = Some(ms).filter(|&ms| ms >= 0);
            if ms < 0 {
                return Err(Error::Plain("ERR timeout is negative"));
            }
        } else if (is("PX") || is("EX")) && wanted.ttl_ms.is_none() {
            wanted.ttl_ms = ttl(word, &mut words)?;
        } else if has_options || is("AS") || is("WAIT") || is("PX") || is("EX") {
            return Err(Error::Syntax);
        } else {
            wanted.patterns.push(crate::container::pattern(word)?);
            continue;
        }
        has_options = true;
    }
    match wanted.patterns.len() {
        0 => Err(Error::Plain("ERR a lease needs a pattern; one that is spelled like an option is written with \\")),
        1..=PATTERNS_MAX => Ok(wanted),
        _ => Err(Error::Plain("ERR too many patterns for one lease")),
    }
}
