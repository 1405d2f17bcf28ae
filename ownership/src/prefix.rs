//! Patterns by their literal prefixes: which ones can have a key in common with another at all.

use std::collections::BTreeMap;

use crate::pattern::Pattern;

/// See the module's head.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prefixes {
    by_prefix: BTreeMap<Vec<u8>, Vec<u32>>,
}

impl Prefixes {
    pub(crate) fn insert(&mut self, pattern: &Pattern, id: u32) {
        self.by_prefix.entry(pattern.literal_prefix()).or_default().push(id);
    }

    /// Those whose prefix begins that of the pattern, or is begun by it.
    pub(crate) fn near<'a>(&'a self, pattern: &Pattern) -> impl Iterator<Item = u32> + 'a {
        let prefix = pattern.literal_prefix();
        let shorter: Vec<&Vec<u32>> = (0..prefix.len()).filter_map(|len| self.by_prefix.get(&prefix[..len])).collect();
        let longer = self.by_prefix.range(prefix.clone()..).take_while(move |(text, _)| text.starts_with(&prefix));
        shorter.into_iter().chain(longer.map(|(_, ids)| ids)).flatten().copied()
    }
}
