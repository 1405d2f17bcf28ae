//! The table: every setting, declared once, grouped as `redis.conf.example` shows it.
//!
//! A row reads: doc comment, name with underscores, type of the getter, default, kind, and what departs from the
//! common case (a setting that CONFIG SET may change and that is stored without effect). It yields the row's
//! [`Spec`] and the getter of [`Settings`](crate::Settings). A new section is a file here and a line in [`SECTIONS`].

use crate::spec::Spec;

mod clients;
mod cluster;
mod data_types;
mod defrag;
mod eviction;
mod gateway;
mod general;
mod keyspace;
mod logging;
mod monitoring;
mod network;
mod persistence;
mod process;
mod replication;
mod scripts;
mod security;
mod testing;
mod tls;

/// A group of settings.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// The heading in `redis.conf.example`.
    pub title: &'static str,
    /// The settings, in order.
    pub specs: &'static [Spec],
}

/// All sections, in the order of `redis.conf.example`.
pub const SECTIONS: &[Section] = &[
    network::SECTION,
    tls::SECTION,
    gateway::SECTION,
    general::SECTION,
    logging::SECTION,
    process::SECTION,
    security::SECTION,
    clients::SECTION,
    eviction::SECTION,
    keyspace::SECTION,
    data_types::SECTION,
    persistence::SECTION,
    replication::SECTION,
    cluster::SECTION,
    scripts::SECTION,
    monitoring::SECTION,
    defrag::SECTION,
    testing::SECTION,
];

/// The number of settings.
pub(crate) const COUNT: usize = {
    let (mut count, mut section) = (0, 0);
    while section < SECTIONS.len() {
        count += SECTIONS[section].specs.len();
        section += 1;
    }
    count
};

/// All rows in one array: a setting's slot is its place here.
static ROWS: [Spec; COUNT] = {
    let mut rows = [SECTIONS[0].specs[0]; COUNT];
    let (mut slot, mut section) = (0, 0);
    while section < SECTIONS.len() {
        let specs = SECTIONS[section].specs;
        let mut place = 0;
        while place < specs.len() {
            rows[slot] = specs[place];
            slot += 1;
            place += 1;
        }
        section += 1;
    }
    rows
};

/// Every setting, in order.
pub fn specs() -> impl ExactSizeIterator<Item = &'static Spec> {
    ROWS.iter()
}

pub(crate) fn row(slot: usize) -> &'static Spec {
    &ROWS[slot]
}

/// The slot of a name or alias, in any case.
pub(crate) fn find(name: &[u8]) -> Option<usize> {
    ROWS.iter().position(|spec| spec.names().any(|known| name.eq_ignore_ascii_case(known.as_bytes())))
}

/// The slot of `name` within the table, for getters: worked out by the compiler.
const fn slot_in(specs: &[Spec], name: &str) -> Option<usize> {
    let mut slot = 0;
    while slot < specs.len() {
        if same(specs[slot].name, name) {
            return Some(slot);
        }
        slot += 1;
    }
    None
}

/// The slot of a name; a wrong name does not compile where this is a constant.
pub(crate) const fn slot(name: &str) -> usize {
    let (mut base, mut section) = (0, 0);
    while section < SECTIONS.len() {
        let specs = SECTIONS[section].specs;
        if let Some(place) = slot_in(specs, name) {
            return base + place;
        }
        base += specs.len();
        section += 1;
    }
    panic!("no setting has this name")
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// `maxmemory_policy` as `maxmemory-policy`.
pub(crate) const fn hyphenated<const LEN: usize>(identifier: &str) -> [u8; LEN] {
    let mut name = [0; LEN];
    let mut i = 0;
    while i < LEN {
        let byte = identifier.as_bytes()[i];
        name[i] = if byte == b'_' { b'-' } else { byte };
        i += 1;
    }
    name
}

/// The name that a row's identifier stands for.
macro_rules! name {
    ($id:ident) => {{
        const LEN: usize = stringify!($id).len();
        const BYTES: [u8; LEN] = crate::table::hyphenated(stringify!($id));
        match str::from_utf8(&BYTES) {
            Ok(name) => name,
            Err(_) => panic!("identifiers are ASCII"),
        }
    }};
}

macro_rules! section {
    (
        $title:literal;
        $($(#[doc = $doc:literal])+ $id:ident: $ty:ty = $default:literal, $kind:expr $(, $flag:ident $(($arg:expr))?)*;)+
    ) => {
        pub(super) const SECTION: crate::table::Section = crate::table::Section {
            title: $title,
            specs: &[$(
                crate::spec::Spec::new(
                    crate::table::name!($id),
                    concat!($($doc),+).trim_ascii_start(),
                    $default,
                    $kind,
                    <$ty as crate::store::Reading>::SHAPE,
                )$(.$flag($($arg)?))*
            ),+],
        };

        impl crate::Settings {$(
            $(#[doc = $doc])+
            pub fn $id(&self) -> $ty {
                <$ty as crate::store::Reading>::read(self, const { crate::table::slot(crate::table::name!($id)) })
            }
        )+}
    };
}

pub(crate) use {name, section};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::kind::Kind;
    use crate::store::Shape;

    #[test]
    fn names_are_unique_and_plain() {
        let mut seen = BTreeSet::new();
        for name in specs().flat_map(Spec::names) {
            assert!(seen.insert(name), "{name} twice");
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || b"-_".contains(&byte)), "{name}");
        }
    }

    #[test]
    fn docs_are_sentences() {
        for Spec { name, doc, .. } in specs() {
            assert!(doc.starts_with(|first: char| first.is_uppercase()) && doc.ends_with('.'), "{name}: {doc}");
            assert!(doc.is_ascii() && doc.len() >= 20 && !doc.contains("  "), "{name}: {doc}");
        }
    }

    #[test]
    fn defaults_are_accepted() {
        for spec in specs() {
            let value = spec.kind.parse(&spec.default_words(), &spec.kind.empty());
            assert!(value.is_ok(), "{}: {value:?}", spec.name);
        }
    }

    #[test]
    fn getters_hold_all_that_their_kind_accepts() {
        for Spec { name, kind, shape, .. } in specs() {
            let numbers = |min: i128, max: i128| matches!(shape, Shape::Number { min: low, max: high } if *low <= min && max <= *high);
            let held = match *kind {
                Kind::Switch => *shape == Shape::Switch,
                Kind::Integer { min, max } => numbers(min.into(), max.into()),
                Kind::Clamped { low, high } => numbers(low.into(), high.into()),
                Kind::Octal => numbers(0, 0o777),
                Kind::Memory { min, max } => numbers(min.into(), max.into()),
                Kind::MemoryOrPercent => *shape == Shape::ClientsMemory,
                Kind::Choice(names) => *shape == Shape::Choice(names),
                Kind::Shutdown => *shape == Shape::Shutdown,
                Kind::Events => *shape == Shape::Events,
                Kind::Text(_) | Kind::Directory => *shape == Shape::Text,
                Kind::Words { .. } | Kind::Master => *shape == Shape::Words,
                Kind::Save => *shape == Shape::Save,
                Kind::OutputLimits => *shape == Shape::OutputLimits,
                Kind::Percentiles => *shape == Shape::Percentiles,
                Kind::OomScores => *shape == Shape::OomScores,
            };
            assert!(held, "{name}: {kind:?} in {shape:?}");
        }
    }

    #[test]
    fn a_name_is_found_in_any_case_and_by_its_aliases() {
        assert_eq!(find(b"Slave-Priority"), Some(slot("replica-priority")));
        assert_eq!(find(b"aof_rewrite_cpulist"), Some(slot("aof-rewrite-cpulist")));
        assert_eq!(find(b"nothing"), None);
    }
}
