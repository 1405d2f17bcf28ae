//! Patterns by their literal prefixes: which ones can have a key in common with another at all.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::pattern::Pattern;

/// See the module's head.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prefixes {
    by_prefix: BTreeMap<Vec<u8>, Vec<u64>>,
}

impl Prefixes {
    pub(crate) fn insert(&mut self, pattern: &Pattern, id: u64) {
        self.by_prefix.entry(pattern.literal_prefix()).or_default().push(id);
    }

    pub(crate) fn remove(&mut self, pattern: &Pattern, id: u64) {
        let prefix = pattern.literal_prefix();
        if let Some(ids) = self.by_prefix.get_mut(&prefix) {
            ids.retain(|&known| known != id);
            if ids.is_empty() {
                self.by_prefix.remove(&prefix);
            }
        }
    }

    /// Those whose prefix begins a key.
    pub(crate) fn before<'a>(&'a self, key: &'a [u8]) -> impl Iterator<Item = u64> + 'a {
        let mut rest = Some(key);
        let next = move || {
            loop {
                let bound: &[u8] = rest?;
                let (prefix, ids) =
                    self.by_prefix.range::<[u8], _>((Bound::Unbounded, Bound::Included(bound))).next_back()?;
                let common = prefix.iter().zip(bound).take_while(|(a, b)| a == b).count();
                // Whatever else begins the key is shorter, and no longer than what they have in common.
                rest = if common < prefix.len() {
                    Some(&bound[..common])
                } else {
                    common.checked_sub(1).map(|len| &bound[..len])
                };
                if common == prefix.len() {
                    return Some(ids);
                }
            }
        };
        std::iter::from_fn(next).flatten().copied()
    }

    /// Those whose prefix begins that of the pattern, or is begun by it.
    pub(crate) fn near<'a>(&'a self, pattern: &Pattern) -> impl Iterator<Item = u64> + 'a {
        let prefix = pattern.literal_prefix();
        let shorter: Vec<&Vec<u64>> = (0..prefix.len()).filter_map(|len| self.by_prefix.get(&prefix[..len])).collect();
        let longer = self.by_prefix.range(prefix.clone()..).take_while(move |(text, _)| text.starts_with(&prefix));
        shorter.into_iter().chain(longer.map(|(_, ids)| ids)).flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_a_key_is_found() {
        let texts = ["", "a", "ab", "abc:*", "abd", "b", "abc", "ab?", "a*", "z"];
        let mut prefixes = Prefixes::default();
        for (id, text) in texts.iter().enumerate() {
            prefixes.insert(&Pattern::parse(text.as_bytes()).expect("a pattern"), id as u64);
        }
        for key in ["", "a", "ab", "abc", "abc:1", "abz", "b", "c", "zz"] {
            let mut found: Vec<u64> = prefixes.before(key.as_bytes()).collect();
            found.sort_unstable();
            let begins = |text: &str| {
                key.as_bytes().starts_with(&Pattern::parse(text.as_bytes()).expect("a pattern").literal_prefix())
            };
            let expected: Vec<u64> = (0..texts.len() as u64).filter(|&id| begins(texts[id as usize])).collect();
            assert_eq!(found, expected, "{key}");
        }
    }
}
