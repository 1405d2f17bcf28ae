//! `oom-score-adj`: which process the kernel kills first when memory runs out.

use std::fs;
use std::sync::Mutex;

use settings::{OomScoreAdj, Settings};

const FILE: &str = "/proc/self/oom_score_adj";
const SCORE_MAX: i32 = 1000;

/// The score before the settings had a say; None while they have none.
static ORIGINAL: Mutex<Option<i32>> = Mutex::new(None);

/// Sets what the settings say, or puts back what was.
pub(crate) fn follow(settings: &Settings) -> Result<(), String> {
    let mut original = ORIGINAL.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let [master, ..] = settings.oom_score_adj_values();
    let (score, next) = match (settings.oom_score_adj(), *original) {
        (OomScoreAdj::No, None) => return Ok(()),
        (OomScoreAdj::No, Some(was)) => (was, None),
        (mode, known) => {
            let was = known.map_or_else(read, Ok)?;
            let base = if mode == OomScoreAdj::Absolute { 0 } else { was };
            ((base + master).clamp(-SCORE_MAX, SCORE_MAX), Some(was))
        }
    };
    fs::write(FILE, score.to_string()).map_err(|error| {
        let reason = base::system::reason(&error);
        crate::log::warning(&format!("Unable to write oom_score_adj: {reason}"));
        "Failed to set current oom_score_adj. Check server logs.".to_owned()
    })?;
    *original = next;
    Ok(())
}

fn read() -> Result<i32, String> {
    let text = fs::read_to_string(FILE).map_err(|error| base::system::reason(&error))?;
    text.trim().parse().map_err(|_| format!("{FILE} says '{}'", text.trim()))
}
