//! `FIELDS numfields field ...`, the end of the commands about deadlines.

use crate::args::{Arg, Args};
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

/// The node of COMMAND DOCS.
pub(super) const DOC: ArgDoc = ArgDoc::block(
    "fields",
    &[ArgDoc::new("numfields", ArgType::Integer), ArgDoc::new("field", ArgType::String).multiple()],
)
.token("FIELDS");

const MISSING: Error = Error::Plain("ERR Mandatory argument FIELDS is missing or not at the right position");
const MISMATCH: Error = Error::Plain("ERR The `numfields` parameter must match the number of arguments");
pub(super) const NOT_POSITIVE: Error = Error::Plain("ERR Number of fields must be a positive integer");

/// The block's words, not looked at yet: a key of another type is the error that comes first.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a>(Args<'a>);

impl<'a> Fields<'a> {
    /// The names of the fields.
    pub(super) fn read(self) -> Result<Args<'a>> {
        read(self.0, NOT_POSITIVE)
    }
}

impl<'a> Arg<'a> for Fields<'a> {
    const DOC: ArgDoc = DOC;

    fn take(args: &mut Args<'a>) -> Result<Self> {
        Ok(Self(args.take_all()))
    }
}

/// The names in a block of these words; `not_positive` is the error of a number of fields that cannot be.
pub(super) fn read(mut args: Args<'_>, not_positive: Error) -> Result<Args<'_>> {
    if args.len() < 2 {
        return Err(Error::Arity);
    }
    args.expect_token("FIELDS").map_err(|_| MISSING)?;
    let count = base::number::parse_i64(args.word()?).filter(|&count| count > 0).ok_or(not_positive)?;
    if usize::try_from(count) == Ok(args.len()) { Ok(args) } else { Err(MISMATCH) }
}
