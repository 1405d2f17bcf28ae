//! The token of a user: his name and a password of his in one word, for clients that can send no more than that.
//!
//! It stands for the password: nothing is kept of it here, and it ends with the password that it was made of.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The form of tokens; another one would begin with another byte.
const FORM: u8 = 1;

/// The token; None: no name is that long.
pub fn encode(name: &[u8], password: &[u8]) -> Option<String> {
    let len = u16::try_from(name.len()).ok()?;
    let bytes = [&[FORM], &len.to_be_bytes()[..], name, password].concat();
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

/// The name and the password of a token; None: it is none.
pub fn decode(token: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let [FORM, high, low, rest @ ..] = &bytes[..] else { return None };
    let (name, password) = rest.split_at_checked(u16::from_be_bytes([*high, *low]).into())?;
    Some((name.to_vec(), password.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for (name, password) in [(&b"default"[..], &b"secret"[..]), (b"", b""), (b"a\xffb", b"\x00:\n")] {
            let token = encode(name, password).expect("a short name");
            assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{token}");
            assert_eq!(decode(token.as_bytes()), Some((name.to_vec(), password.to_vec())));
        }
        assert_eq!(encode(&vec![b'a'; 1 << 16], b""), None);
    }

    #[test]
    fn others_are_none() {
        for token in [&b""[..], b"secret", b"AQ", b"AQAJYQ", b"AgAA", b"AQAA=", b"\xff"] {
            assert_eq!(decode(token), None, "{token:?}");
        }
    }
}
