//! Strings compared before they are set or removed: the conditions IFEQ, IFNE, IFDEQ and IFDNE, DIGEST, DELEX, and
//! DELIFEQ of Valkey.

use commands_macros::{Args, command};
use keyspace::change::Event;
use keyspace::keys::Key;
use keyspace::string::StringBytes;
use xxhash_rust::xxh3::xxh3_64;

use crate::args::{Arg, Args as Words, OneOf, Rest};
use crate::ctx::Ctx;
use crate::effect::effect;
use crate::error::{Error, Result};
use crate::spec::ArgDoc;

/// What a string is compared with, and how.
#[derive(Args, Clone, Copy)]
pub(super) enum Comparison<'a> {
    #[arg(token = "IFEQ", name = "ifeq-value", since = "8.4.0")]
    Equal(&'a [u8]),
    #[arg(token = "IFNE", name = "ifne-value", since = "8.4.0")]
    NotEqual(&'a [u8]),
    #[arg(token = "IFDEQ", name = "ifdeq-digest", since = "8.4.0")]
    DigestEqual(&'a [u8]),
    #[arg(token = "IFDNE", name = "ifdne-digest", since = "8.4.0")]
    DigestNotEqual(&'a [u8]),
}

impl Comparison<'_> {
    /// Whether it holds of a string. A digest is judged only here: Redis looks at the key first.
    fn holds(self, text: &[u8]) -> Result<bool> {
        Ok(match self {
            Self::Equal(value) => text == value,
            Self::NotEqual(value) => text != value,
            Self::DigestEqual(word) => digest_of(text) == parse_digest(word)?,
            Self::DigestNotEqual(word) => digest_of(text) != parse_digest(word)?,
        })
    }

    /// Whether it holds of a key: of one that is not there, only what asks for another value.
    pub(super) fn holds_at(self, ctx: &mut Ctx, key: &Key) -> Result<bool> {
        match stored(ctx, key)? {
            Some(text) => self.holds(&text),
            None => Ok(matches!(self, Self::NotEqual(_) | Self::DigestNotEqual(_))),
        }
    }

    /// Whether a word is one of the tokens.
    pub(super) fn is_token(word: &[u8]) -> bool {
        ["IFEQ", "IFNE", "IFDEQ", "IFDNE"].iter().any(|token| word.eq_ignore_ascii_case(token.as_bytes()))
    }
}

fn stored<'c>(ctx: &'c mut Ctx, key: &Key) -> Result<Option<StringBytes<'c>>> {
    match ctx.keys.find_for_write(key) {
        Some(slot) => Ok(Some(ctx.keys.string_at(key, slot)?)),
        None => Ok(None),
    }
}

fn digest_of(text: &[u8]) -> u64 {
    xxh3_64(text)
}

fn parse_digest(word: &[u8]) -> Result<u64> {
    let digits = std::str::from_utf8(word).ok().filter(|text| text.len() == 16 && !text.starts_with('+'));
    digits
        .and_then(|text| u64::from_str_radix(text, 16).ok())
        .ok_or(Error::Plain("ERR The digest must be exactly 16 hexadecimal characters"))
}

/// Answers the XXH3 hash of the string at a key, as 16 hexadecimal digits.
#[command(
    "DIGEST",
    since = "8.4.0",
    complexity = "O(N) where N is the length of the string value.",
    flags(READONLY | FAST),
    keys(KeySpec::one(1, RO | ACCESS))
)]
pub(crate) fn digest(ctx: &mut Ctx, key: Key) -> Result<Option<String>> {
    let digest = ctx.keys.string_bytes(&key)?.map(|text| digest_of(&text));
    Ok(digest.map(|digest| format!("{digest:016x}")))
}

/// Removes a key, if a comparison of its string holds where one is asked for; answers whether it did.
#[command(
    "DELEX",
    since = "8.4.0",
    complexity = "O(1) for IFEQ/IFNE, O(N) for IFDEQ/IFDNE where N is the length of the string value.",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | DELETE)),
    arity(-2),
    args(<Key as Arg>::DOC.named("key"), ArgDoc::one_of("condition", <Comparison as OneOf>::DOCS).optional())
)]
pub(crate) fn delex(ctx: &mut Ctx, key: Key, words: Rest) -> Result<bool> {
    let Rest(words) = words;
    let holds = match words.len() {
        0 => true,
        2 => compare(ctx, &key, words)?,
        _ => return Err(Error::Arity),
    };
    Ok(holds && remove(ctx, &key))
}

/// Whether there is such a string, and the comparison holds.
fn compare(ctx: &mut Ctx, key: &Key, mut words: Words) -> Result<bool> {
    const NO_STRING: Error = Error::Plain("ERR Key should be of string type if conditions are specified");
    const NO_CONDITION: Error = Error::Plain("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE");
    ctx.bring(key)?;
    let Some(text) = stored(ctx, key).map_err(|_| NO_STRING)? else { return Ok(false) };
    Comparison::take_if(&mut words)?.ok_or(NO_CONDITION)?.holds(&text)
}

/// Removes a key whose string is this one; answers whether it did.
#[command("DELIFEQ", since = "9.0.0", complexity = "O(1)", flags(WRITE | FAST), keys(KeySpec::one(1, RM | DELETE)))]
pub(crate) fn delifeq(ctx: &mut Ctx, key: Key, value: &[u8]) -> Result<bool> {
    ctx.bring(&key)?;
    let is_equal = stored(ctx, &key)?.is_some_and(|text| *text == *value);
    Ok(is_equal && remove(ctx, &key))
}

fn remove(ctx: &mut Ctx, key: &Key) -> bool {
    let is_removed = ctx.keys.remove(key);
    if is_removed {
        ctx.keys.changed(key, Event::DEL);
        effect!(ctx, "DEL", key.bytes);
    }
    is_removed
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn compared_before_it_is_changed() {
        check(
            r#"
            > SET k "Hello world"
            OK
            > DIGEST k
            "b6acb9d84a38ff74"
            > SET k v8lf0c11xh8ymlqztfd3eeq16kfn4sspw7fqmnuuq3k3t75em5wdizgcdw7uc26nnf961u2jkfzkjytls2kwlj7626sd
            OK
            > DIGEST k
            "00006c38adf31777"
            > SET k a IFDEQ 00006C38ADF31777
            OK
            > SET k b IFEQ b
            (nil)
            > SET k b IFEQ a GET EX 10
            "a"
            > SET k c IFNE a KEEPTTL
            OK
            > TTL k
            (integer) 10
            > SET new 1 IFEQ 1
            (nil)
            > SET new 1 IFNE 1
            OK
            > SET k d IFDNE 1
            (error) ERR The digest must be exactly 16 hexadecimal characters
            > SET k d NX IFEQ c
            (error) ERR syntax error
            > DELEX k IFEQ x
            (integer) 0
            > DELEX k IFEQ
            (error) ERR wrong number of arguments for 'delex' command
            > DELEX k IF c
            (error) ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE
            > DELEX k IFNE x
            (integer) 1
            > DELIFEQ new 2
            (integer) 0
            > DELIFEQ new 1
            (integer) 1
            > DELEX new
            (integer) 0
            "#,
        );
    }
}
