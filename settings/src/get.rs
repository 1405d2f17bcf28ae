//! CONFIG GET.

use crate::kind::Word;
use crate::store::Settings;
use crate::table;

impl Settings {
    /// The settings whose name or alias matches one of the patterns, each name once, in the table's order. A name
    /// that is asked for without wildcards is answered in the spelling of the question.
    pub fn get<P: AsRef<[u8]>>(&self, patterns: &[P]) -> Vec<(Word, Word)> {
        let mut found = Vec::new();
        for (slot, spec) in table::specs().enumerate() {
            for name in spec.names() {
                if let Some(shown) = shown_as(name, spec.hidden || spec.own, patterns) {
                    found.push((shown, self.render(slot)));
                }
            }
        }
        found
    }

    /// One setting as CONFIG GET shows it, by name or alias.
    pub fn get_one(&self, name: &str) -> Option<Word> {
        table::find(name.as_bytes()).map(|slot| self.render(slot))
    }

    pub(crate) fn render(&self, slot: usize) -> Word {
        table::row(slot).kind.render(&self.value(slot))
    }
}

fn shown_as<P: AsRef<[u8]>>(name: &str, hidden: bool, patterns: &[P]) -> Option<Word> {
    patterns.iter().map(AsRef::as_ref).find_map(|pattern| {
        if is_literal(pattern) {
            return pattern.eq_ignore_ascii_case(name.as_bytes()).then(|| pattern.to_vec());
        }
        (!hidden && base::glob::matches(pattern, name.as_bytes(), true)).then(|| name.into())
    })
}

fn is_literal(pattern: &[u8]) -> bool {
    !pattern.iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
}
