//! `oom-score-adj`: which process the kernel kills first when memory runs out.

use std::fs;
use std::sync::Mutex;

use settings::{OomScoreAdj, Settings};

const FILE: &str = "/proc/self/oom_score_adj";
const SCORE_MAX: i32 = 1000;

/// The score that the process came with; None: it was never changed.
static ORIGINAL: Mutex<Option<i32>> = Mutex::new(None);

/// Sets what the settings say, or puts back what was.
pub(crate) fn follow(settings: &Settings) -> Result<(), String> {
    let mut original = ORIGINAL.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let [master, ..] = settings.oom_score_adj_values();
    let score = match (settings.oom_score_adj(), *original) {
        (OomScoreAdj::No, None) => return Ok(()),
        (OomScoreAdj::No, Some(was)) => was,
        (mode, _) => {
            if original.is_none() {
                let text = fs::read_to_string(FILE).map_err(|error| base::system::reason(&error))?;
                *original = text.trim().parse().ok();
            }
            let base = if mode == OomScoreAdj::Absolute { 0 } else { original.unwrap_or(0) };
            (base + master).clamp(-SCORE_MAX, SCORE_MAX)
        }
    };
    fs::write(FILE, score.to_string()).map_err(|error| {
        let reason = base::system::reason(&error);
        crate::log::warning(&format!("Unable to write oom_score_adj: {reason}"));
        "Failed to set oom_score_adj, check server logs.".to_owned()
    })
}
