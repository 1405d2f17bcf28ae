//! What BY and GET patterns name: a key made of the pattern with the element in the star's place, or a field of a
//! hash after `->`.

use keyspace::keys::Keys;
use keyspace::packed::Element;
use keyspace::string::Text;

use crate::ctx::Ctx;
use crate::error::{Error, Result};

/// A value that a pattern named.
#[derive(Clone, Copy)]
pub(super) enum Found<'a> {
    /// There is none, or one of another type.
    Nothing,
    Bytes(&'a [u8]),
    Int(i64),
}

/// Looks values up; one key's bytes are reused for the next.
#[derive(Default)]
pub(super) struct Lookup {
    key: Vec<u8>,
}

impl Lookup {
    pub(super) fn find<T>(
        &mut self,
        keys: &mut Keys<'_>,
        pattern: &[u8],
        element: &[u8],
        use_found: impl FnOnce(Found<'_>) -> T,
    ) -> T {
        if pattern == b"#" {
            return use_found(Found::Bytes(element));
        }
        let Some((name, field)) = self.name(pattern, element) else { return use_found(Found::Nothing) };
        let key = keys.key(name);
        match field {
            Some(field) => match keys.hash(&key) {
                Ok(Some(hash)) => use_found(match hash.get(field) {
                    Some(Element::Bytes(bytes)) => Found::Bytes(bytes),
                    Some(Element::Int(number)) => Found::Int(number),
                    None => Found::Nothing,
                }),
                _ => use_found(Found::Nothing),
            },
            None => match keys.string(&key) {
                Ok(Some(Text::Bytes(bytes))) => use_found(Found::Bytes(bytes)),
                Ok(Some(Text::Int(number))) => use_found(Found::Int(number)),
                Ok(Some(Text::Shared(text))) => use_found(Found::Bytes(&text)),
                _ => use_found(Found::Nothing),
            },
        }
    }

    /// The key, and the field of its hash, that a pattern names.
    fn name<'p>(&mut self, pattern: &'p [u8], element: &[u8]) -> Option<(&[u8], Option<&'p [u8]>)> {
        let star = pattern.iter().position(|&byte| byte == b'*')?;
        let (prefix, rest) = (&pattern[..star], &pattern[star + 1..]);
        let (suffix, field) = split_field(rest);
        self.key.clear();
        for part in [prefix, element, suffix] {
            self.key.extend_from_slice(part);
        }
        Some((&self.key, field))
    }

    /// Brings back the values that a pattern names, all at once, where some are not in memory.
    pub(super) fn bring<'e>(
        &mut self,
        ctx: &mut Ctx,
        pattern: &[u8],
        elements: impl Iterator<Item = &'e [u8]>,
    ) -> Result<()> {
        let mut result = Ok(());
        if pattern == b"#" || !ctx.node.warm.is_on() {
            return result;
        }
        for element in elements {
            let Some((name, _)) = self.name(pattern, element) else { break };
            let key = ctx.keys.key(name);
            match ctx.bring(&key) {
                Err(Error::Fetch) => result = Err(Error::Fetch),
                other => other?,
            }
        }
        result
    }
}

/// An arrow with nothing behind it belongs to the key.
fn split_field(rest: &[u8]) -> (&[u8], Option<&[u8]>) {
    match rest.windows(2).position(|pair| pair == b"->") {
        Some(arrow) if arrow + 2 < rest.len() => (&rest[..arrow], Some(&rest[arrow + 2..])),
        _ => (rest, None),
    }
}
