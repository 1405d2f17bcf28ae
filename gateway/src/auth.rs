//! Who a request is from: a token of ACL RESTTOKEN, or a name and a password.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What a request says of who it is from. Whether that is true, AUTH tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Credentials {
    /// Nothing: the default user, where he needs no password.
    None,
    /// A user's name and password.
    User(Vec<u8>, Vec<u8>),
    /// No form that is known.
    Unknown,
}

impl Credentials {
    /// Those of a request: the header's, else those of a token in the query.
    pub(crate) fn of(headers: &HeaderMap, token: Option<&[u8]>) -> Self {
        match (headers.get(AUTHORIZATION), token) {
            (Some(header), _) => Self::of_header(header.as_bytes()),
            (None, Some(token)) => Self::of_token(token),
            (None, None) => Self::None,
        }
    }

    fn of_header(header: &[u8]) -> Self {
        let blank = header.iter().position(|&byte| byte == b' ').unwrap_or(header.len());
        let (scheme, rest) = header.split_at(blank);
        let rest = rest.trim_ascii();
        if scheme.eq_ignore_ascii_case(b"bearer") {
            Self::of_token(rest)
        } else if scheme.eq_ignore_ascii_case(b"basic") {
            Self::of_basic(rest)
        } else {
            Self::Unknown
        }
    }

    fn of_token(token: &[u8]) -> Self {
        acl::token::decode(token).map_or(Self::Unknown, |(name, password)| Self::User(name, password))
    }

    fn of_basic(text: &[u8]) -> Self {
        let Ok(pair) = STANDARD.decode(text) else { return Self::Unknown };
        match pair.iter().position(|&byte| byte == b':') {
            Some(colon) => Self::User(pair[..colon].to_vec(), pair[colon + 1..].to_vec()),
            None => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(header: &str) -> Credentials {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, header.parse().expect("a header"));
        Credentials::of(&headers, None)
    }

    #[test]
    fn forms() {
        let alice = Credentials::User(b"alice".to_vec(), b"a:b".to_vec());
        let token = acl::token::encode(b"alice", b"a:b").expect("a short name");
        assert_eq!(of(&format!("Bearer {token}")), alice);
        assert_eq!(of(&format!("bearer  {token} ")), alice);
        assert_eq!(of("Basic YWxpY2U6YTpi"), alice);
        for unknown in ["Bearer", "Bearer secret", "Basic", "Basic !", "Basic YWxpY2U=", "Digest x", ""] {
            assert_eq!(of(unknown), Credentials::Unknown, "{unknown}");
        }
        assert_eq!(Credentials::of(&HeaderMap::new(), None), Credentials::None);
        assert_eq!(Credentials::of(&HeaderMap::new(), Some(token.as_bytes())), alice);
    }
}
