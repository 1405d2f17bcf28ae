//! `--name value` on a command line. What is not known is an error that lists what is.

use std::collections::BTreeMap;
use std::str::FromStr;

/// The options of one run.
pub struct Options(BTreeMap<String, String>);

impl Options {
    /// Reads `words`; each option must be one of `known`.
    pub fn parse(words: impl Iterator<Item = String>, known: &[&str]) -> Result<Options, String> {
        let mut options = BTreeMap::new();
        let mut words = words;
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").filter(|name| known.contains(name));
            let name = name.ok_or_else(|| format!("'{word}' is no option; there are --{}", known.join(" --")))?;
            let value = words.next().ok_or_else(|| format!("--{name} needs a value"))?;
            options.insert(name.to_string(), value);
        }
        Ok(Options(options))
    }

    /// The value of `name`, or `default`.
    pub fn get<T: FromStr>(&self, name: &str, default: T) -> Result<T, String> {
        Ok(self.find(name)?.unwrap_or(default))
    }

    /// The value of `name` when it was given.
    pub fn find<T: FromStr>(&self, name: &str) -> Result<Option<T>, String> {
        let parse = |text: &String| text.parse().map_err(|_| format!("--{name}: '{text}' is not a value for it"));
        self.0.get(name).map(parse).transpose()
    }
}
