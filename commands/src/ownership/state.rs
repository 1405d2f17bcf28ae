//! What is kept over a restart beside the rules: leases under names, and how far tokens were counted. A line each, words
//! as redis.conf quotes them.

use base::quote::{quote, split_args};

use super::leases::{restore_words, words_of};
use crate::node::Node;

/// The fact of a snapshot that holds it.
pub const STATE_AUX: &str = "ownership-state";

impl Node {
    /// What is to be kept; None: nothing.
    pub fn ownership_state(&self) -> Option<String> {
        let leases = self.leases();
        if !self.ownership.lending.is_used(&leases) {
            return None;
        }
        let named = leases.iter().filter(|lease| lease.holder.name().is_some());
        let counted = words_of(leases.last_token(), None);
        let all = std::iter::once(counted).chain(named.map(|lease| words_of(lease.token, Some(lease))));
        let mut text = String::new();
        for words in all {
            let words: Vec<String> = words[2..].iter().map(|word| quote(word)).collect();
            text.push_str("lease ");
            text.push_str(&words.join(" "));
            text.push('\n');
        }
        Some(text)
    }

    /// Takes it over. The error names the line that does not hold; what stands before it does.
    pub fn restore_ownership_state(&self, text: &[u8]) -> Result<(), String> {
        for (number, line) in text.split(|&byte| byte == b'\n').enumerate() {
            let wrong = |reason: &str| Err(format!("line {}: {reason}", number + 1));
            let Some(words) = split_args(line) else { return wrong("quotes are not closed") };
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            match &words[..] {
                [] => {}
                [b"lease", rest @ ..] => {
                    if let Err(error) = restore_words(self, rest) {
                        return wrong(&error.line("").replacen("ERR ", "", 1));
                    }
                }
                _ => return wrong("unknown kind"),
            }
        }
        Ok(())
    }
}
