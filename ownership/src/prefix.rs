//! Patterns by their literal prefixes: which ones can have a key in common with another at all.

use std::collections::BTreeMap;

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

    /// Those whose prefix begins that of the pattern, or is begun by it.
    pub(crate) fn near<'a>(&'a self, pattern: &Pattern) -> impl Iterator<Item = u64> + 'a {
        let prefix = pattern.literal_prefix();
        let shorter: Vec<&Vec<u64>> = (0..prefix.len()).filter_map(|len| self.by_prefix.get(&prefix[..len])).collect();
        let longer = self.by_prefix.range(prefix.clone()..).take_while(move |(text, _)| text.starts_with(&prefix));
        shorter.into_iter().chain(longer.map(|(_, ids)| ids)).flatten().copied()
    }
}
