//! The live values, shared by all threads.
//!
//! Invariant: slot `i` belongs to row `i` of the table. A scalar lives in `scalars[i]`, anything else in `held[i]`;
//! the kind of the row decides which, so a slot never changes sides.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, RwLock};

use crate::choices::Choice;
use crate::kind::events::KeyspaceEvents;
use crate::spec::Spec;
use crate::table::{self, COUNT};
use crate::value::{ClientsMemory, OutputLimit, SavePoint, ShutdownOptions, Text, Value, Words};

/// Every setting's live value, with a typed getter each.
pub struct Settings {
    scalars: [AtomicU64; COUNT],
    held: RwLock<Box<[Value]>>,
    defaults: Box<[Value]>,
    /// Counts successful changes, so that a reader may keep a copy and renew it only when this moved.
    generation: AtomicU64,
    config_file: OnceLock<PathBuf>,
    /// Held while values change, so that two CONFIG SET cannot interleave.
    pub(crate) writer: Mutex<()>,
}

impl Settings {
    /// All settings at their defaults.
    pub fn new() -> Self {
        let defaults: Box<[Value]> = table::specs().map(default_value).collect();
        let scalar = |slot: usize| match defaults[slot] {
            Value::Scalar(bits) => bits,
            _ => 0,
        };
        Self {
            scalars: std::array::from_fn(|slot| AtomicU64::new(scalar(slot))),
            held: RwLock::new(defaults.clone()),
            defaults,
            generation: AtomicU64::new(0),
            config_file: OnceLock::new(),
            writer: Mutex::new(()),
        }
    }

    /// A number that grows with every change of a setting: keep it beside a copied value to know when to copy anew.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The configuration file that the server was started with, absolute.
    pub fn config_file(&self) -> Option<&Path> {
        self.config_file.get().map(PathBuf::as_path)
    }

    pub(crate) fn set_config_file(&self, path: PathBuf) {
        // The one caller runs once, before the settings are shared.
        let _ = self.config_file.set(path);
    }

    pub(crate) fn bits(&self, slot: usize) -> u64 {
        self.scalars[slot].load(Ordering::Relaxed)
    }

    pub(crate) fn value(&self, slot: usize) -> Value {
        match &self.held.read()[slot] {
            Value::Scalar(_) => Value::Scalar(self.bits(slot)),
            held => held.clone(),
        }
    }

    pub(crate) fn default_of(&self, slot: usize) -> &Value {
        &self.defaults[slot]
    }

    pub(crate) fn store(&self, slot: usize, value: Value) {
        match value {
            Value::Scalar(bits) => self.scalars[slot].store(bits, Ordering::Relaxed),
            held => self.held.write()[slot] = held,
        }
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Whether the value is not the default.
    pub(crate) fn differs(&self, slot: usize) -> bool {
        self.value(slot) != self.defaults[slot]
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}

/// The declared default as a value. A test parses every row's, so this cannot fail at run time.
fn default_value(spec: &Spec) -> Value {
    match spec.kind.parse(&spec.default_words(), &spec.kind.empty()) {
        Ok(value) => value,
        Err(reason) => panic!("default of {}: {reason}", spec.name),
    }
}

/// What a getter's type can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Switch,
    Number { min: i128, max: i128 },
    Choice(&'static [&'static str]),
    ClientsMemory,
    Shutdown,
    Events,
    Text,
    Words,
    Save,
    OutputLimits,
    Percentiles,
    OomScores,
}

/// A type that a getter returns.
pub(crate) trait Reading: Sized {
    const SHAPE: Shape;
    fn read(settings: &Settings, slot: usize) -> Self;
}

macro_rules! read_numbers {
    ($($number:ty),+) => {$(
        impl Reading for $number {
            const SHAPE: Shape = Shape::Number { min: <$number>::MIN as i128, max: <$number>::MAX as i128 };

            // A test holds every row's range within its getter's type, so the cast loses nothing.
            fn read(settings: &Settings, slot: usize) -> Self {
                settings.bits(slot) as Self
            }
        }
    )+};
}

read_numbers!(u8, u16, u32, i32, u64, i64, usize);

macro_rules! read_scalars {
    ($($ty:ty, $shape:expr, $from:expr;)+) => {$(
        impl Reading for $ty {
            const SHAPE: Shape = $shape;

            fn read(settings: &Settings, slot: usize) -> Self {
                $from(settings.bits(slot))
            }
        }
    )+};
}

read_scalars! {
    bool, Shape::Switch, |bits| bits != 0;
    ClientsMemory, Shape::ClientsMemory, ClientsMemory::from_bits;
    ShutdownOptions, Shape::Shutdown, |bits| ShutdownOptions(bits as u8);
    KeyspaceEvents, Shape::Events, |bits| KeyspaceEvents(bits as u32);
}

impl<T: Choice> Reading for T {
    const SHAPE: Shape = Shape::Choice(T::NAMES);

    fn read(settings: &Settings, slot: usize) -> Self {
        T::VARIANTS[settings.bits(slot) as usize]
    }
}

macro_rules! read_held {
    ($($ty:ty, $variant:ident;)+) => {$(
        impl Reading for $ty {
            const SHAPE: Shape = Shape::$variant;

            fn read(settings: &Settings, slot: usize) -> Self {
                match &settings.held.read()[slot] {
                    Value::$variant(value) => value.clone(),
                    other => unreachable!("slot {slot} holds {other:?}"),
                }
            }
        }
    )+};
}

read_held! {
    Text, Text;
    Words, Words;
    Arc<[SavePoint]>, Save;
    [OutputLimit; 3], OutputLimits;
    Arc<[f64]>, Percentiles;
    [i32; 3], OomScores;
}
