//! The kinds of settings: how words become a value and a value becomes words.
//!
//! Invariants: `parse` accepts every rendering of `render` and of `lines`, and gives the same value back; error
//! texts are Redis's, because tools match on them.

pub(crate) mod checks;
pub(crate) mod events;
pub(crate) mod lists;
pub(crate) mod scalars;

use crate::choices::Choice;
use crate::value::{ClientClass, OutputLimit, ShutdownOptions, Value};

/// A word of a configuration line.
pub(crate) type Word = Vec<u8>;

/// Why a value was refused, in Redis's words.
pub(crate) type Reason = String;

/// Refuses a text or lets it pass.
pub(crate) type Check = fn(&[u8]) -> Result<(), Reason>;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Switch,
    Integer {
        min: i64,
        max: i64,
    },
    /// Any integer of the range of Redis is taken, and brought within `low..=high`.
    Clamped {
        low: i64,
        high: i64,
    },
    /// A file mode: up to 777, written in octal.
    Octal,
    Memory {
        min: u64,
        max: u64,
    },
    MemoryOrPercent,
    Choice(&'static [&'static str]),
    Shutdown,
    Events,
    Text(Check),
    /// An existing directory, kept as its canonical path.
    Directory,
    Words {
        max: usize,
        too_many: &'static str,
    },
    /// Host and port of a master; no words for none.
    Master,
    Save,
    OutputLimits,
    Percentiles,
    OomScores,
}

impl Kind {
    pub(crate) const SWITCH: Self = Self::Switch;
    /// 0 to 2^31 - 1.
    pub(crate) const SMALL: Self = Self::integer(0, i32::MAX as i64);
    /// 0 to 2^63 - 1.
    pub(crate) const COUNT: Self = Self::integer(0, i64::MAX);
    pub(crate) const PORT: Self = Self::integer(0, 65535);
    pub(crate) const MEMORY: Self = Self::memory(0, i64::MAX as u64);
    pub(crate) const TEXT: Self = Self::Text(checks::any);

    pub(crate) const fn integer(min: i64, max: i64) -> Self {
        Self::Integer { min, max }
    }

    pub(crate) const fn memory(min: u64, max: u64) -> Self {
        Self::Memory { min, max }
    }

    pub(crate) const fn one_of<T: Choice>() -> Self {
        Self::Choice(T::NAMES)
    }

    /// Whether a line may give several words; a single word that holds blanks is then split.
    pub(crate) const fn takes_words(self) -> bool {
        matches!(
            self,
            Self::Shutdown
                | Self::Words { .. }
                | Self::Master
                | Self::Save
                | Self::OutputLimits
                | Self::Percentiles
                | Self::OomScores
        )
    }

    /// The value that lines add to: an empty list, or where a line only sets a part, that part unset.
    pub(crate) fn empty(self) -> Value {
        match self {
            Self::Text(_) | Self::Directory => Value::Text([].as_slice().into()),
            Self::Words { .. } | Self::Master => Value::Words([].into()),
            Self::Save => Value::Save([].into()),
            Self::OutputLimits => Value::OutputLimits([OutputLimit::default(); 3]),
            Self::Percentiles => Value::Percentiles([].into()),
            Self::OomScores => Value::OomScores([0; 3]),
            _ => Value::Scalar(0),
        }
    }

    /// The value that `words` give where the value was `current`, which matters to the kinds that lines add to.
    pub(crate) fn parse(self, words: &[Word], current: &Value) -> Result<Value, Reason> {
        match self {
            Self::Shutdown => scalars::shutdown(words),
            Self::Words { max, too_many } => lists::words(words, max, too_many),
            Self::Master => lists::master(words),
            Self::Save => lists::save(words, current),
            Self::OutputLimits => lists::output_limits(words, current),
            Self::Percentiles => lists::percentiles(words),
            Self::OomScores => lists::oom_scores(words),
            _ => match words {
                [word] => self.parse_one(word),
                _ => Err("wrong number of arguments".into()),
            },
        }
    }

    fn parse_one(self, word: &[u8]) -> Result<Value, Reason> {
        match self {
            Self::Switch => scalars::switch(word),
            Self::Integer { min, max } => scalars::integer(word, min, max),
            Self::Clamped { low, high } => scalars::clamped(word, low, high),
            Self::Octal => scalars::octal(word),
            Self::Memory { min, max } => scalars::memory(word, min, max),
            Self::MemoryOrPercent => scalars::memory_or_percent(word),
            Self::Choice(names) => scalars::choice(word, names),
            Self::Events => events::parse(word),
            Self::Text(check) => check(word).map(|()| Value::Text(word.into())),
            _ => checks::directory(word),
        }
    }

    /// The value as CONFIG GET shows it.
    pub(crate) fn render(self, value: &Value) -> Vec<u8> {
        match value {
            Value::Scalar(bits) => self.render_bits(*bits).into_bytes(),
            Value::Text(text) => text.to_vec(),
            Value::Words(words) => lists::joined(words),
            Value::Save(points) => lists::render_save(points).join(" ").into_bytes(),
            Value::OutputLimits(limits) => {
                let classes = ClientClass::ALL.map(|class| {
                    let OutputLimit { hard_bytes, soft_bytes, soft_seconds } = limits[class as usize];
                    format!("{} {hard_bytes} {soft_bytes} {soft_seconds}", class.name())
                });
                classes.join(" ").into_bytes()
            }
            Value::Percentiles(percentiles) => lists::render_percentiles(percentiles).into_bytes(),
            Value::OomScores([a, b, c]) => format!("{a} {b} {c}").into_bytes(),
        }
    }

    fn render_bits(self, bits: u64) -> String {
        match self {
            Self::Switch => if bits == 0 { "no" } else { "yes" }.to_owned(),
            Self::Octal => format!("{bits:o}"),
            Self::Memory { .. } => bits.to_string(),
            Self::MemoryOrPercent => scalars::render_memory_or_percent(bits),
            Self::Choice(names) => names[bits as usize].to_owned(),
            Self::Shutdown => scalars::render_shutdown(ShutdownOptions(bits as u8)),
            Self::Events => events::render(bits as u32),
            _ => bits.cast_signed().to_string(),
        }
    }

    /// The value as lines of redis.conf, each without the setting's name. A line marked `true` stands for something
    /// that is not the default, so it must be in the file.
    pub(crate) fn lines(self, value: &Value, default: &Value) -> Vec<(Vec<u8>, bool)> {
        let changed = value != default;
        match (self, value) {
            (Self::Memory { .. }, Value::Scalar(bytes)) => vec![(scalars::with_unit(*bytes).into_bytes(), changed)],
            (Self::Events, Value::Scalar(bits)) => vec![(quoted(&events::line(*bits as u32)), changed)],
            (_, Value::Text(text)) => vec![(quoted(text), changed)],
            (Self::Master, Value::Words(words)) if words.is_empty() => Vec::new(),
            (_, Value::Words(words)) if !words.is_empty() => {
                vec![(lists::words_line(words), changed)]
            }
            (_, Value::Save(points)) if !points.is_empty() => {
                lists::render_save(points).into_iter().map(|point| (point.into_bytes(), changed)).collect()
            }
            (_, Value::OutputLimits(limits)) => lists::output_limit_lines(limits, default),
            _ => {
                let shown = self.render(value);
                vec![(if shown.is_empty() { b"\"\"".to_vec() } else { shown }, changed)]
            }
        }
    }
}

fn quoted(bytes: &[u8]) -> Vec<u8> {
    base::quote::quote(bytes).into_bytes()
}
