//! DEBUG MALLCTL: what the allocator says of itself. Nothing is set by it: a wrong value would break the process.

use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::node::usage;

pub(super) fn number(ctx: &mut Ctx, mut words: Args) -> Result<()> {
    let value = usage::allocator_number(words.word()?).map_err(|reason| Error::text(format!("ERR {reason}")))?;
    ctx.out.int(value);
    Ok(())
}

pub(super) fn text(ctx: &mut Ctx, mut words: Args) -> Result<()> {
    let text =
        usage::allocator_text(words.word()?).ok_or(Error::Plain("ERR the allocator has no text by that name"))?;
    ctx.out.bulk(text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use settings::{Settings, Startup};

    use crate::testing::{Fixture, check_with};

    #[test]
    fn the_allocator_is_read() {
        let words = ["--enable-debug-command", "yes"].map(|word| word.as_bytes().to_vec());
        let Ok(Startup::Serve(configured)) = Settings::load(&words, &mut std::io::empty()) else {
            unreachable!("the words are in order")
        };
        check_with(
            &mut Fixture::with_settings(configured.settings),
            r#"
            > DEBUG MALLCTL arenas.page
            (integer) 4096
            > DEBUG MALLCTL opt.abort
            (integer) 0
            > DEBUG MALLCTL arenas.nosuch
            (error) ERR `name` or `mib` specifies an unknown/invalid value.
            > DEBUG MALLCTL-STR opt.dss
            "secondary"
            > DEBUG MALLCTL-STR arenas.page
            (error) ERR the allocator has no text by that name
            "#,
        );
    }
}
