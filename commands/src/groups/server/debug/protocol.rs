//! DEBUG PROTOCOL: an example of each type of reply, for tests of clients.

use resp::Proto;

use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::{Error, Result};

pub(super) fn reply(ctx: &mut Ctx, mut words: Args) -> Result<()> {
    let out = &mut *ctx.out;
    match &*words.word()?.to_ascii_lowercase() {
        b"string" => out.bulk(b"Hello World"),
        b"integer" => out.int(12345),
        // A number for tests, not pi.
        #[allow(clippy::approx_constant)]
        b"double" => out.double(3.141),
        b"null" => out.null(),
        b"bignum" => out.bignum("1234567999999999999999999999999999999"),
        b"verbatim" => out.verbatim("txt", b"This is a verbatim\nstring"),
        b"true" => out.boolean(true),
        b"false" => out.boolean(false),
        b"array" => {
            out.array(3);
            (0..3).for_each(|number| out.int(number));
        }
        b"set" => {
            out.set(3);
            (0..3).for_each(|number| out.int(number));
        }
        b"map" => {
            out.map(3);
            for number in 0..3 {
                out.int(number);
                out.boolean(number == 1);
            }
        }
        b"attrib" => {
            if out.proto() == Proto::Resp3 {
                out.attribute(1);
                out.bulk(b"key-popularity");
                out.array(2);
                out.bulk(b"key:123");
                out.int(90);
            }
            out.bulk(b"Some real reply following the attribute");
        }
        b"push" => {
            if out.proto() == Proto::Resp2 {
                return Err(Error::Plain("ERR RESP2 is not supported by this command"));
            }
            out.push(2);
            out.bulk(b"server-cpu-usage");
            out.int(42);
            out.bulk(b"Some real reply following the push reply");
        }
        _ => {
            return Err(Error::Plain(
                "ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|\
                 array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(())
}
