//! Latency events: for each kind the latest samples, one a second at most, and the worst ever.

use std::collections::{BTreeMap, VecDeque};

use parking_lot::Mutex;
use settings::Settings;

/// Samples that are kept of each event.
const SAMPLES_MAX: usize = 160;

/// One second's worst.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sample {
    /// When.
    pub unix_seconds: i64,
    /// How long.
    pub ms: u64,
}

/// What is known of one kind of event.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// Oldest first.
    pub samples: VecDeque<Sample>,
    /// The worst since the last reset.
    pub max_ms: u64,
}

/// See the module's head.
#[derive(Debug, Default)]
pub struct Latency(Mutex<BTreeMap<&'static str, Series>>);

impl Latency {
    /// Records an event that took so long, when monitoring is on and it reached the threshold.
    pub fn record(&self, settings: &Settings, event: &'static str, ms: u64, unix_seconds: i64) {
        let threshold_ms = settings.latency_monitor_threshold();
        if threshold_ms == 0 || ms < threshold_ms {
            return;
        }
        let mut events = self.0.lock();
        let series = events.entry(event).or_default();
        series.max_ms = series.max_ms.max(ms);
        match series.samples.back_mut() {
            Some(last) if last.unix_seconds == unix_seconds => last.ms = last.ms.max(ms),
            _ => {
                series.samples.push_back(Sample { unix_seconds, ms });
                if series.samples.len() > SAMPLES_MAX {
                    series.samples.pop_front();
                }
            }
        }
    }

    /// All events by name.
    pub fn all(&self) -> Vec<(&'static str, Series)> {
        self.0.lock().iter().map(|(event, series)| (*event, series.clone())).collect()
    }

    /// One event.
    pub fn get(&self, event: &[u8]) -> Option<Series> {
        self.0
            .lock()
            .iter()
            .find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(event))
            .map(|(_, series)| series.clone())
    }

    /// Forgets the named events, or all of them when none is named; how many it were.
    pub fn reset<'a>(&self, names: impl Iterator<Item = &'a [u8]> + Clone) -> usize {
        let mut events = self.0.lock();
        let (before, all) = (events.len(), names.clone().next().is_none());
        events.retain(|event, _| !all && !names.clone().any(|name| name.eq_ignore_ascii_case(event.as_bytes())));
        before - events.len()
    }
}
