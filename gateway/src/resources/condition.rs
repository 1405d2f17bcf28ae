//! If-Match and If-None-Match.

use axum::http::header::{IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName};

/// What a request asks of the key as it is.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    matches: Option<String>,
    matches_none: Option<String>,
}

impl Conditions {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let joined = |name: HeaderName| {
            let all: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
            (!all.is_empty()).then(|| all.join(","))
        };
        Self { matches: joined(IF_MATCH), matches_none: joined(IF_NONE_MATCH) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.matches.is_none() && self.matches_none.is_none()
    }

    /// Whether If-Match lets the request pass, for a key with this tag, or without any.
    pub(super) fn admit_match(&self, tag: Option<&str>) -> bool {
        self.matches.as_deref().is_none_or(|wanted| is_in(wanted, tag, false))
    }

    /// Whether If-None-Match lets it pass.
    pub(super) fn admit_none_match(&self, tag: Option<&str>) -> bool {
        !self.matches_none.as_deref().is_some_and(|wanted| is_in(wanted, tag, true))
    }
}

/// Whether a tag is in a list, by the strong comparison or the weak one; `*` is any that is there.
fn is_in(list: &str, tag: Option<&str>, is_weak: bool) -> bool {
    let Some(tag) = tag else { return false };
    let is_it = |item: &str| item == tag || is_weak && item.strip_prefix("W/") == Some(tag);
    list.trim() == "*" || list.split(',').any(|item| is_it(item.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(name: HeaderName, value: &str) -> Conditions {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().expect("a header"));
        Conditions::of(&headers)
    }

    #[test]
    fn lists_and_stars() {
        let (tag, other) = (Some("\"a\""), Some("\"b\""));
        let wanted = conditions(IF_MATCH, "\"x\", \"a\"");
        assert!(wanted.admit_match(tag) && !wanted.admit_match(other) && !wanted.admit_match(None));
        assert!(!conditions(IF_MATCH, "W/\"a\"").admit_match(tag), "a weak tag is no strong one");
        let any = conditions(IF_MATCH, "*");
        assert!(any.admit_match(tag) && !any.admit_match(None));
        let none = conditions(IF_NONE_MATCH, "W/\"a\"");
        assert!(!none.admit_none_match(tag) && none.admit_none_match(other) && none.admit_none_match(None));
        let fresh = conditions(IF_NONE_MATCH, "*");
        assert!(!fresh.admit_none_match(tag) && fresh.admit_none_match(None));
        assert!(Conditions::default().is_empty() && Conditions::default().admit_match(None));
    }
}
