//! CONFIG SET: several settings at once, all or nothing.
//!
//! Invariant: when `set_with` fails, every value is what it was before.

use std::fmt;

use crate::kind::{Kind, Reason, Word};
use crate::spec::{Change, Spec};
use crate::store::Settings;
use crate::table;
use crate::value::Value;

/// What about the caller decides whether it may change a setting.
#[derive(Clone, Copy, Debug, Default)]
pub struct Caller {
    /// It connected over loopback or a Unix socket.
    pub local: bool,
    /// A data set is being loaded.
    pub loading: bool,
}

/// Why CONFIG SET changed nothing. Displayed, it is Redis's error without its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetError {
    /// There is no such setting.
    Unknown {
        /// The name as given.
        name: Vec<u8>,
    },
    /// A setting refused its value.
    Failed {
        /// The name as given.
        name: Vec<u8>,
        /// What is wrong.
        reason: String,
    },
    /// A setting cannot change while a data set is being loaded: answer with the LOADING error.
    Loading,
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name } => {
                let name = String::from_utf8_lossy(name);
                write!(f, "Unknown option or number of arguments for CONFIG SET - '{name}'")
            }
            Self::Failed { name, reason } => {
                let name = String::from_utf8_lossy(name);
                write!(f, "CONFIG SET failed (possibly related to argument '{name}') - {reason}")
            }
            Self::Loading => f.write_str("Redis is loading the dataset in memory"),
        }
    }
}

impl std::error::Error for SetError {}

/// One pair of CONFIG SET with what is needed to undo it.
struct Step<'a> {
    name: &'a [u8],
    slot: usize,
    before: Value,
    changed: bool,
}

impl Settings {
    /// Sets all pairs of name and value, or none. Returns the settings whose value is another one than before.
    pub fn set<N, V>(&self, pairs: &[(N, V)], caller: Caller) -> Result<Vec<&'static Spec>, SetError>
    where
        N: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        self.set_with(pairs, caller, &mut |_| Ok(()))
    }

    /// As `set`, and has `apply` put each changed setting into effect, in order, when all values are in place.
    ///
    /// Where `apply` refuses a setting, having undone its own work for it, all values return to what they were and
    /// `apply` is called again for the settings it had accepted, the latest first. It reads values from these
    /// settings but must not change them.
    pub fn set_with<N, V>(
        &self,
        pairs: &[(N, V)],
        caller: Caller,
        apply: &mut dyn FnMut(&'static Spec) -> Result<(), String>,
    ) -> Result<Vec<&'static Spec>, SetError>
    where
        N: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
        let _writer = self.writer.lock();
        let mut steps = self.steps(&pairs, caller)?;
        let assigned = self.assign_all(&mut steps, &pairs);
        if assigned.is_err() {
            self.restore(&steps);
            return assigned.map(|()| Vec::new());
        }
        self.apply_all(&steps, apply)?;
        Ok(steps.iter().filter(|step| step.changed).map(|step| table::row(step.slot)).collect())
    }

    /// Checks every name before any value.
    fn steps<'a>(&self, pairs: &[(&'a [u8], &[u8])], caller: Caller) -> Result<Vec<Step<'a>>, SetError> {
        let mut steps: Vec<Step<'a>> = Vec::with_capacity(pairs.len());
        for &(name, _) in pairs {
            let slot = table::find(name).ok_or_else(|| SetError::Unknown { name: name.to_vec() })?;
            let refuse = |reason: &str| SetError::Failed { name: name.to_vec(), reason: reason.into() };
            let spec = table::row(slot);
            match spec.change {
                Change::AtStart => return Err(refuse("can't set immutable config")),
                Change::Protected if !self.enable_protected_configs().allows(caller.local) => {
                    return Err(refuse("can't set protected config"));
                }
                Change::Protected | Change::Live => {}
            }
            if caller.loading && spec.deny_loading {
                return Err(SetError::Loading);
            }
            if steps.iter().any(|step| step.slot == slot && step.name.eq_ignore_ascii_case(name)) {
                return Err(refuse("duplicate parameter"));
            }
            steps.push(Step { name, slot, before: self.value(slot), changed: false });
        }
        Ok(steps)
    }

    fn assign_all(&self, steps: &mut [Step<'_>], pairs: &[(&[u8], &[u8])]) -> Result<(), SetError> {
        for (step, (name, text)) in steps.iter_mut().zip(pairs) {
            let refuse = |reason| SetError::Failed { name: name.to_vec(), reason };
            let value = self.parse_text(step.slot, text).map_err(refuse)?;
            // Two names of one setting may both be in the list, so what was before is known only now.
            step.before = self.value(step.slot);
            step.changed = value != step.before;
            if step.changed {
                self.store(step.slot, value);
            }
        }
        Ok(())
    }

    /// The value of one text, in which single blanks separate the words of a list.
    fn parse_text(&self, slot: usize, text: &[u8]) -> Result<Value, Reason> {
        let kind = table::row(slot).kind;
        let words: Vec<Word> = match text {
            [] if kind.takes_words() && kind_clears(kind) => Vec::new(),
            _ if kind.takes_words() => text.split(|byte| *byte == b' ').map(<[u8]>::to_vec).collect(),
            _ => vec![text.to_vec()],
        };
        // Unlike the lines of a file, a new `save` does not add to the old one.
        let current = if matches!(kind, Kind::Save) { kind.empty() } else { self.value(slot) };
        self.parse(slot, &words, &current)
    }

    fn apply_all(
        &self,
        steps: &[Step<'_>],
        apply: &mut dyn FnMut(&'static Spec) -> Result<(), String>,
    ) -> Result<(), SetError> {
        let changed: Vec<_> = steps.iter().filter(|step| step.changed).collect();
        for (done, step) in changed.iter().enumerate() {
            let Err(reason) = apply(table::row(step.slot)) else { continue };
            self.restore(steps);
            for accepted in changed[..done].iter().rev() {
                // The old value was in effect before; if it is refused now, the first reason still says more.
                let _ = apply(table::row(accepted.slot));
            }
            return Err(SetError::Failed { name: step.name.to_vec(), reason });
        }
        Ok(())
    }

    fn restore(&self, steps: &[Step<'_>]) {
        for step in steps.iter().rev().filter(|step| step.changed) {
            self.store(step.slot, step.before.clone());
        }
    }
}

/// Whether an empty text is an empty list.
fn kind_clears(kind: Kind) -> bool {
    !matches!(kind, Kind::Shutdown)
}
