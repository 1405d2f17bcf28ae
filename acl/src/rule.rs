//! The grammar of a rule: one word of ACL SETUSER, of a `user` line or of an ACL file.
//!
//! Source: <https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/>, section "ACL rules".

use std::fmt;

use nom::branch::alt;
use nom::bytes::complete::{tag, tag_no_case, take_while1};
use nom::combinator::{all_consuming, map, rest, value};
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

/// What may be done with a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access(u8);

impl Access {
    /// Nothing in particular: whoever may touch the key at all.
    pub const NONE: Self = Self(0);
    /// Its content is read.
    pub const READ: Self = Self(1);
    /// Its content changes.
    pub const WRITE: Self = Self(2);
    /// Both.
    pub const ALL: Self = Self(3);

    /// Whether all of the other is in this one.
    pub fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both together.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A rule, read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Rule<'a> {
    /// `on`
    On,
    /// `off`
    Off,
    /// `nopass`
    NoPass,
    /// `resetpass`
    ResetPass,
    /// `sanitize-payload`
    SanitizePayload,
    /// `skip-sanitize-payload`
    SkipSanitizePayload,
    /// `>password`
    AddPassword(&'a [u8]),
    /// `<password`
    RemovePassword(&'a [u8]),
    /// `#hash`
    AddHash(&'a [u8]),
    /// `!hash`
    RemoveHash(&'a [u8]),
    /// `reset`
    Reset,
    /// `clearselectors`
    ClearSelectors,
    /// `(rules)`, without the parentheses
    Selector(&'a [u8]),
    /// A rule that may also stand in a selector.
    Grant(Grant<'a>),
}

/// A rule of a selector.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Grant<'a> {
    /// `allkeys`, `~*`
    AllKeys,
    /// `resetkeys`
    ResetKeys,
    /// `~pattern`, `%R~pattern`
    Key(Access, &'a [u8]),
    /// `own~pattern`
    Own(&'a [u8]),
    /// `borrow~pattern`
    Borrow(&'a [u8]),
    /// `resetown`
    ResetOwn,
    /// `allchannels`, `&*`
    AllChannels,
    /// `resetchannels`
    ResetChannels,
    /// `&pattern`
    Channel(&'a [u8]),
    /// `+@all`, `allcommands`; `-@all`, `nocommands`
    AllCommands(bool),
    /// `+@category`, `-@category`
    Category(bool, &'a [u8]),
    /// `+command`, `-command|subcommand`
    Command(bool, &'a [u8]),
}

/// Why a rule does not hold; the texts are Redis's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RuleError {
    /// No rule at all.
    Syntax,
    /// `+nothing`, `-@nothing`
    UnknownCommand,
    /// A pattern where all keys are allowed.
    AfterAllKeys,
    /// A pattern where all channels are allowed.
    AfterAllChannels,
    /// `<password` that the user does not have.
    NoSuchPassword,
    /// `#hash` that is none.
    BadHash,
    /// `+config|get|x`
    FirstArgOfSubcommand,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "Syntax error",
            Self::UnknownCommand => "Unknown command or category name in ACL",
            Self::AfterAllKeys => {
                "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns"
            }
            Self::AfterAllChannels => {
                "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try 'resetchannels' to start with an empty list of channels"
            }
            Self::NoSuchPassword => "The password you are trying to remove from the user does not exist",
            Self::BadHash => {
                "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
            }
            Self::FirstArgOfSubcommand => "Allowing first-arg of a subcommand is not supported",
        })
    }
}

impl std::error::Error for RuleError {}

type Input<'a> = &'a [u8];

impl<'a> Rule<'a> {
    /// Reads a word.
    pub(crate) fn parse(word: Input<'a>) -> Result<Self, RuleError> {
        let mut rule = all_consuming(alt((flag, secret, selector, map(grant, Rule::Grant))));
        rule.parse(word).map(|(_, rule)| rule).map_err(|_| RuleError::Syntax)
    }
}

impl<'a> Grant<'a> {
    /// Reads a word of a selector.
    pub(crate) fn parse(word: Input<'a>) -> Result<Self, RuleError> {
        all_consuming(grant).parse(word).map(|(_, grant)| grant).map_err(|_| RuleError::Syntax)
    }
}

/// A whole word in any case.
fn word<'a>(text: &'static str) -> impl Parser<Input<'a>, Output = Input<'a>, Error = nom::error::Error<Input<'a>>> {
    all_consuming(tag_no_case(text))
}

fn flag(input: Input<'_>) -> IResult<Input<'_>, Rule<'_>> {
    alt((
        value(Rule::On, word("on")),
        value(Rule::Off, word("off")),
        value(Rule::NoPass, word("nopass")),
        value(Rule::ResetPass, word("resetpass")),
        value(Rule::SanitizePayload, word("sanitize-payload")),
        value(Rule::SkipSanitizePayload, word("skip-sanitize-payload")),
        value(Rule::Reset, word("reset")),
        value(Rule::ClearSelectors, word("clearselectors")),
    ))
    .parse(input)
}

fn secret(input: Input<'_>) -> IResult<Input<'_>, Rule<'_>> {
    alt((
        map(preceded(tag(">"), rest), Rule::AddPassword),
        map(preceded(tag("<"), rest), Rule::RemovePassword),
        map(preceded(tag("#"), rest), Rule::AddHash),
        map(preceded(tag("!"), rest), Rule::RemoveHash),
    ))
    .parse(input)
}

fn selector(input: Input<'_>) -> IResult<Input<'_>, Rule<'_>> {
    match input {
        [b'(', inner @ .., b')'] => Ok((&[], Rule::Selector(inner))),
        _ => Err(nom::Err::Error(nom::error::Error::new(input, nom::error::ErrorKind::Char))),
    }
}

fn grant(input: Input<'_>) -> IResult<Input<'_>, Grant<'_>> {
    alt((
        value(Grant::AllKeys, alt((word("allkeys"), word("~*")))),
        value(Grant::ResetKeys, word("resetkeys")),
        value(Grant::AllChannels, alt((word("allchannels"), word("&*")))),
        value(Grant::ResetChannels, word("resetchannels")),
        value(Grant::AllCommands(true), alt((word("allcommands"), word("+@all")))),
        value(Grant::AllCommands(false), alt((word("nocommands"), word("-@all")))),
        map(preceded(tag("~"), pattern), |pattern| Grant::Key(Access::ALL, pattern)),
        alt((key, owned)),
        map(preceded(tag("&"), pattern), Grant::Channel),
        map(preceded(tag("+@"), rest), |name| Grant::Category(true, name)),
        map(preceded(tag("-@"), rest), |name| Grant::Category(false, name)),
        map(preceded(tag("+"), rest), |name| Grant::Command(true, name)),
        map(preceded(tag("-"), rest), |name| Grant::Command(false, name)),
    ))
    .parse(input)
}

/// `own~pattern`, `borrow~pattern`, `resetown`: what only this server knows.
fn owned(input: Input<'_>) -> IResult<Input<'_>, Grant<'_>> {
    alt((
        map(preceded(tag_no_case("own~"), pattern), Grant::Own),
        map(preceded(tag_no_case("borrow~"), pattern), Grant::Borrow),
        value(Grant::ResetOwn, word("resetown")),
    ))
    .parse(input)
}

/// `%R~pattern`, `%W~pattern`, `%RW~pattern`: each letter once, in any order and case.
fn key(input: Input<'_>) -> IResult<Input<'_>, Grant<'_>> {
    let letters = take_while1(|byte: u8| matches!(byte.to_ascii_uppercase(), b'R' | b'W'));
    let (left, (letters, pattern)) = (delimited(tag("%"), letters, tag("~")), pattern).parse(input)?;
    let access = match letters.to_ascii_uppercase().as_slice() {
        b"R" => Access::READ,
        b"W" => Access::WRITE,
        b"RW" | b"WR" => Access::ALL,
        _ => return Err(nom::Err::Error(nom::error::Error::new(input, nom::error::ErrorKind::Alt))),
    };
    Ok((left, Grant::Key(access, pattern)))
}

/// Anything that can be written down again in a file of words.
fn pattern(input: Input<'_>) -> IResult<Input<'_>, Input<'_>> {
    let (left, pattern) = rest(input)?;
    if has_blanks(pattern) {
        return Err(nom::Err::Error(nom::error::Error::new(input, nom::error::ErrorKind::Space)));
    }
    Ok((left, pattern))
}

/// Whether a name or pattern could not be one word of a line.
pub fn has_blanks(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b' ' | b'\t' | b'\n' | 0x0B | 0x0C | b'\r' | 0))
}

/// Joins the words between parentheses to one word each: `(+get`, `~k)` is `(+get ~k)`. The word that opens a
/// selector which never ends is the error.
pub fn join_selectors<'a>(words: impl Iterator<Item = &'a [u8]>) -> Result<Vec<Vec<u8>>, Vec<u8>> {
    let mut joined: Vec<Vec<u8>> = Vec::new();
    let mut open: Option<(&[u8], Vec<u8>)> = None;
    for word in words {
        match &mut open {
            Some((_, selector)) => {
                selector.push(b' ');
                selector.extend_from_slice(word);
                if word.last() == Some(&b')') {
                    joined.extend(open.take().map(|(_, selector)| selector));
                }
            }
            None if word.first() == Some(&b'(') && word.last() != Some(&b')') => open = Some((word, word.to_vec())),
            None => joined.push(word.to_vec()),
        }
    }
    match open {
        Some((first, _)) => Err(first.to_vec()),
        None => Ok(joined),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        assert_eq!(Rule::parse(b"ON"), Ok(Rule::On));
        assert_eq!(Rule::parse(b"only"), Err(RuleError::Syntax));
        assert_eq!(Rule::parse(b">p w"), Ok(Rule::AddPassword(b"p w")));
        assert_eq!(Rule::parse(b"~*"), Ok(Rule::Grant(Grant::AllKeys)));
        assert_eq!(Rule::parse(b"~a*"), Ok(Rule::Grant(Grant::Key(Access::ALL, b"a*"))));
        assert_eq!(Rule::parse(b"%wr~*"), Ok(Rule::Grant(Grant::Key(Access::ALL, b"*"))));
        assert_eq!(Rule::parse(b"%r~"), Ok(Rule::Grant(Grant::Key(Access::READ, b""))));
        for bad in ["%~a", "%rr~a", "%x~a", "~a b", "&a\0", "%r", "", "(", ")", " () "] {
            assert_eq!(Rule::parse(bad.as_bytes()), Err(RuleError::Syntax), "{bad}");
        }
        assert_eq!(Rule::parse(b"own~user:<id>"), Ok(Rule::Grant(Grant::Own(b"user:<id>"))));
        assert_eq!(Rule::parse(b"borrow~a*"), Ok(Rule::Grant(Grant::Borrow(b"a*"))));
        assert_eq!(Rule::parse(b"resetown"), Ok(Rule::Grant(Grant::ResetOwn)));
        assert_eq!(Rule::parse(b"own~a b"), Err(RuleError::Syntax));
        assert_eq!(Rule::parse(b"+@All"), Ok(Rule::Grant(Grant::AllCommands(true))));
        assert_eq!(Rule::parse(b"-get"), Ok(Rule::Grant(Grant::Command(false, b"get"))));
        assert_eq!(Rule::parse(b"(+get ~k)"), Ok(Rule::Selector(b"+get ~k")));
    }

    #[test]
    fn selectors_of_several_words() {
        let join = |line: &str| join_selectors(line.split(' ').map(str::as_bytes));
        assert_eq!(join("on (+get ~k) ( ~l )"), Ok(vec![b"on".to_vec(), b"(+get ~k)".to_vec(), b"( ~l )".to_vec()]));
        assert_eq!(join("on (+get (~k"), Err(b"(+get".to_vec()));
    }
}
