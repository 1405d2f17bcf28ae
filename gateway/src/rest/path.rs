//! Words out of paths and queries: any bytes, percent-encoded.

use percent_encoding::percent_decode_str;

/// What a path asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The command is in the body.
    Command,
    /// The command is the path.
    Path(Vec<Vec<u8>>),
    /// Commands are in the body.
    Pipeline,
    /// As one.
    Transaction,
    /// What this command sends, for as long as the client stays.
    Stream(Vec<Vec<u8>>),
}

impl Target {
    pub(super) fn of(path: &str) -> Self {
        let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
        let words = || segments.iter().map(|segment| percent_decode_str(segment).collect()).collect();
        match segments[..] {
            [""] => Self::Command,
            ["pipeline"] => Self::Pipeline,
            ["multi-exec"] => Self::Transaction,
            ["subscribe" | "psubscribe", _, ..] | ["monitor"] => Self::Stream(words()),
            _ => Self::Path(words()),
        }
    }
}

/// A query: words behind those of the path, and the token.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) words: Vec<Vec<u8>>,
    pub(super) token: Option<Vec<u8>>,
}

pub(super) fn query(text: &str) -> Query {
    let mut query = Query::default();
    for (name, value) in form_pairs(text) {
        if name == b"_token" {
            query.token = Some(value);
            continue;
        }
        query.words.push(name);
        query.words.extend(Some(value).filter(|value| !value.is_empty()));
    }
    query
}

/// Names and values of a query; a name alone has an empty value.
pub(crate) fn form_pairs(text: &str) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (form_decoded(name), form_decoded(value)))
}

/// As forms encode: a plus is a blank.
fn form_decoded(text: &str) -> Vec<u8> {
    percent_decode_str(&text.replace('+', " ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(texts: &[&[u8]]) -> Vec<Vec<u8>> {
        texts.iter().map(|text| text.to_vec()).collect()
    }

    #[test]
    fn paths() {
        assert_eq!(Target::of("/"), Target::Command);
        assert_eq!(Target::of(""), Target::Command);
        assert_eq!(Target::of("/pipeline"), Target::Pipeline);
        assert_eq!(Target::of("/multi-exec"), Target::Transaction);
        assert_eq!(Target::of("/get/a%2Fb%ff+c%zz"), Target::Path(words(&[b"get", b"a/b\xff+c%zz"])));
        assert_eq!(Target::of("/set/k/"), Target::Path(words(&[b"set", b"k", b""])));
        assert_eq!(Target::of("/subscribe/a/b"), Target::Stream(words(&[b"subscribe", b"a", b"b"])));
        assert_eq!(Target::of("/monitor"), Target::Stream(words(&[b"monitor"])));
        assert_eq!(Target::of("/subscribe"), Target::Path(words(&[b"subscribe"])));
    }

    #[test]
    fn queries() {
        assert_eq!(query(""), Query::default());
        let found = query("EX=100&_token=a%2Db&NX&GET=&m=a+b%00");
        assert_eq!(found.words, words(&[b"EX", b"100", b"NX", b"GET", b"m", b"a b\0"]));
        assert_eq!(found.token, Some(b"a-b".to_vec()));
    }
}
