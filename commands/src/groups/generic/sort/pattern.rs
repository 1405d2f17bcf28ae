//! What BY and GET patterns name: a key made of the pattern with the element in the star's place, or a field of a
//! hash after `->`.

use keyspace::keys::Keys;
use keyspace::packed::Element;
use keyspace::string::Text;

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
        let Some(star) = pattern.iter().position(|&byte| byte == b'*') else { return use_found(Found::Nothing) };
        let (prefix, rest) = (&pattern[..star], &pattern[star + 1..]);
        let (suffix, field) = split_field(rest);
        self.key.clear();
        for part in [prefix, element, suffix] {
            self.key.extend_from_slice(part);
        }
        let key = keys.key(&self.key);
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
}

/// An arrow with nothing behind it belongs to the key.
fn split_field(rest: &[u8]) -> (&[u8], Option<&[u8]>) {
    match rest.windows(2).position(|pair| pair == b"->") {
        Some(arrow) if arrow + 2 < rest.len() => (&rest[..arrow], Some(&rest[arrow + 2..])),
        _ => (rest, None),
    }
}
