//! LOLWUT: a picture, and the version.

use commands_macros::command;

use crate::args::Rest;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

/// Size of the picture.
const WIDTH: usize = 64;
const HEIGHT: usize = 16;
/// From dark to bright.
const SHADES: &[u8] = b" .:-=+*%#@";

/// Draws a picture and tells the version.
#[command(
    "LOLWUT",
    since = "5.0.0",
    flags(READONLY | FAST),
    categories(READ),
    args(ArgDoc::new("version", ArgType::Integer).token("VERSION").optional())
)]
pub(crate) fn lolwut(ctx: &mut Ctx, words: Rest) -> Result<()> {
    let mut words = words.0;
    if words.take_token("VERSION") {
        let word = words.word().map_err(|_| Error::Syntax)?;
        base::number::parse_i64(word).ok_or(Error::NotAnInteger)?;
    }
    let phases = [0; 6].map(|_| ctx.random_below(628) as f64 / 100.0);
    let version = ctx.node.settings.redis_version_reported();
    let picture = format!("{}\nRedis ver. {}\n", waves(phases), version.to_string_lossy());
    ctx.out.verbatim("txt", picture.as_bytes());
    Ok(())
}

/// Waves from three places that meet.
fn waves(phases: [f64; 6]) -> String {
    let mut picture = String::with_capacity((WIDTH + 1) * HEIGHT);
    for row in 0..HEIGHT {
        for column in 0..WIDTH {
            let (x, y) = (column as f64 / WIDTH as f64, row as f64 / HEIGHT as f64);
            let height: f64 = phases
                .chunks_exact(2)
                .map(|source| {
                    let (dx, dy) = (x - 0.5 - 0.5 * source[0].cos(), y - 0.5 - 0.5 * source[1].sin());
                    (24.0 * dx.hypot(dy) + source[0]).sin()
                })
                .sum();
            let shade = ((height + 3.0) / 6.0 * SHADES.len() as f64) as usize;
            picture.push(char::from(SHADES[shade.min(SHADES.len() - 1)]));
        }
        picture.push('\n');
    }
    picture
}

#[cfg(test)]
mod tests {
    use crate::testing::Fixture;

    #[test]
    fn ends_with_the_version() {
        let reply = Fixture::new().run(1, &[b"LOLWUT"]).expect("a reply");
        assert!(reply.ends_with(b"Redis ver. 8.0.6\n\r\n"), "{reply:?}");
    }
}
