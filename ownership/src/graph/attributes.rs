//! What may be said of a pattern's keys.

use std::fmt::Write;

/// Where a value lives, and who may write it. Ordered from the nearest to the client to the nearest to the truth.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Layer {
    /// In a client's own memory.
    Client,
    /// In a cache between them.
    Edge,
    /// In the server.
    Server,
}

impl Layer {
    /// As rules spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Edge => "edge",
            Self::Server => "server",
        }
    }

    /// By its name in any case.
    pub fn parse(text: &[u8]) -> Option<Self> {
        [Self::Client, Self::Edge, Self::Server].into_iter().find(|it| text.eq_ignore_ascii_case(it.name().as_bytes()))
    }
}

/// The type of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum ValueType {
    String,
    List,
    Set,
    Zset,
    Hash,
    Stream,
}

const TYPES: [ValueType; 6] =
    [ValueType::String, ValueType::List, ValueType::Set, ValueType::Zset, ValueType::Hash, ValueType::Stream];

impl ValueType {
    /// As TYPE answers it.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::Zset => "zset",
            Self::Hash => "hash",
            Self::Stream => "stream",
        }
    }

    fn parse(text: &[u8]) -> Option<Self> {
        TYPES.into_iter().find(|it| text.eq_ignore_ascii_case(it.name().as_bytes()))
    }
}

/// See the module's head.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Attributes {
    /// Where the keys live.
    pub layer: Option<Layer>,
    /// The expiry of keys that are written without one.
    pub ttl_ms: Option<u64>,
    /// The longest expiry.
    pub max_ttl_ms: Option<u64>,
    /// The largest value.
    pub max_bytes: Option<u64>,
    /// The type of the values.
    pub value_type: Option<ValueType>,
    /// How long a stale value may still be shown.
    pub stale_ms: Option<u64>,
}

/// Why an attribute does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AttributeError {
    /// No such attribute.
    Unknown(String),
    /// No value behind the name.
    NoValue(&'static str),
    /// What it should be instead.
    BadValue(&'static str, String, &'static str),
    /// The name twice.
    Repeated(&'static str),
    /// `ttl` is longer than `max-ttl`.
    TtlAboveMax,
}

impl std::fmt::Display for AttributeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown(name) => {
                write!(f, "unknown attribute '{name}': layer, ttl, max-ttl, max-bytes, type and stale are known")
            }
            Self::NoValue(name) => write!(f, "attribute {name} has no value"),
            Self::BadValue(name, value, expected) => write!(f, "{name} '{value}' is not {expected}"),
            Self::Repeated(name) => write!(f, "attribute {name} stands twice"),
            Self::TtlAboveMax => f.write_str("ttl is longer than max-ttl"),
        }
    }
}

const DURATION: &str = "a duration such as 250ms, 30s, 5m, 12h or 30d";
const UNITS_MS: [(&str, u64); 6] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl Attributes {
    /// Reads names and values in turn, as a rule lists them.
    pub fn parse<W: AsRef<[u8]>>(words: &[W]) -> Result<Self, AttributeError> {
        let mut it = Self::default();
        for pair in words.chunks(2) {
            it.set(pair[0].as_ref(), pair.get(1).map(AsRef::as_ref))?;
        }
        match (it.ttl_ms, it.max_ttl_ms) {
            (Some(ttl), Some(max)) if ttl > max => Err(AttributeError::TtlAboveMax),
            _ => Ok(it),
        }
    }

    fn set(&mut self, name: &[u8], value: Option<&[u8]>) -> Result<(), AttributeError> {
        match name.to_ascii_lowercase().as_slice() {
            b"layer" => put(&mut self.layer, "layer", value, "client, edge or server", Layer::parse),
            b"ttl" => put(&mut self.ttl_ms, "ttl", value, DURATION, parse_duration),
            b"max-ttl" => put(&mut self.max_ttl_ms, "max-ttl", value, DURATION, parse_duration),
            b"stale" => put(&mut self.stale_ms, "stale", value, DURATION, parse_duration),
            b"max-bytes" => put(&mut self.max_bytes, "max-bytes", value, "a size such as 64kb", parse_size),
            b"type" => {
                put(&mut self.value_type, "type", value, "string, list, set, zset, hash or stream", ValueType::parse)
            }
            _ => Err(AttributeError::Unknown(crate::pattern::shown(name))),
        }
    }

    /// Names and values, as a rule lists them.
    pub fn words(&self) -> Vec<(&'static str, String)> {
        let mut words = Vec::new();
        words.extend(self.layer.map(|layer| ("layer", layer.name().to_owned())));
        words.extend(self.ttl_ms.map(|ms| ("ttl", show_duration(ms))));
        words.extend(self.max_ttl_ms.map(|ms| ("max-ttl", show_duration(ms))));
        words.extend(self.max_bytes.map(|bytes| ("max-bytes", show_size(bytes))));
        words.extend(self.value_type.map(|kind| ("type", kind.name().to_owned())));
        words.extend(self.stale_ms.map(|ms| ("stale", show_duration(ms))));
        words
    }

    /// Whether they say anything of what may be written.
    pub fn constrains(&self) -> bool {
        let Self { layer, ttl_ms, max_ttl_ms, max_bytes, value_type, stale_ms: _ } = self;
        layer.is_some() || ttl_ms.is_some() || max_ttl_ms.is_some() || max_bytes.is_some() || value_type.is_some()
    }

    /// The expiry of a key that is written without one.
    pub fn given_ttl_ms(&self) -> Option<u64> {
        self.ttl_ms.or(self.max_ttl_ms)
    }

    /// What holds for a key under both: the stricter of each.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        fn least<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
            [a, b].into_iter().flatten().min()
        }
        Self {
            layer: self.layer.max(other.layer),
            ttl_ms: least(self.ttl_ms, other.ttl_ms),
            max_ttl_ms: least(self.max_ttl_ms, other.max_ttl_ms),
            max_bytes: least(self.max_bytes, other.max_bytes),
            value_type: self.value_type.or(other.value_type),
            stale_ms: least(self.stale_ms, other.stale_ms),
        }
    }
}

fn put<T>(
    place: &mut Option<T>,
    name: &'static str,
    value: Option<&[u8]>,
    expected: &'static str,
    parse: impl Fn(&[u8]) -> Option<T>,
) -> Result<(), AttributeError> {
    let value = value.ok_or(AttributeError::NoValue(name))?;
    if place.is_some() {
        return Err(AttributeError::Repeated(name));
    }
    *place = Some(parse(value).ok_or_else(|| AttributeError::BadValue(name, crate::pattern::shown(value), expected))?);
    Ok(())
}

/// Milliseconds of `30s`, `5m`; at least one, and no more than a deadline can hold.
fn parse_duration(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, unit) = text.split_at(digits);
    let number = base::number::parse_u64(number)?;
    let (_, unit_ms) = UNITS_MS.iter().find(|(name, _)| unit.eq_ignore_ascii_case(name.as_bytes()))?;
    number.checked_mul(*unit_ms).filter(|ms| (1..=i64::MAX as u64 / 4).contains(ms))
}

/// In the largest unit that is exact.
fn show_duration(ms: u64) -> String {
    let (name, unit_ms) = UNITS_MS.iter().find(|(_, unit_ms)| ms.is_multiple_of(*unit_ms)).unwrap_or(&("ms", 1));
    format!("{}{name}", ms / unit_ms)
}

fn parse_size(text: &[u8]) -> Option<u64> {
    base::size::parse(text).filter(|_| text.first().is_some_and(u8::is_ascii_digit))
}

fn show_size(bytes: u64) -> String {
    let mut text = String::new();
    let units = [("gb", 1 << 30), ("mb", 1 << 20), ("kb", 1 << 10)];
    match units.iter().find(|(_, unit)| bytes > 0 && bytes.is_multiple_of(*unit)) {
        Some((name, unit)) => drop(write!(text, "{}{name}", bytes / unit)),
        None => drop(write!(text, "{bytes}")),
    }
    text
}
