//! Kinds whose value is a list: words, save points, output limits, percentiles, scores.

use crate::kind::scalars::{canonical_integer, size, with_unit};
use crate::kind::{Reason, Word};
use crate::value::{ClientClass, OutputLimit, SavePoint, Text, Value};

pub(super) fn words(words: &[Word], max: usize, too_many: &str) -> Result<Value, Reason> {
    if words.len() > max {
        return Err(too_many.into());
    }
    Ok(Value::Words(words.iter().map(|word| Text::from(word.as_slice())).collect()))
}

pub(super) fn joined(words: &[Text]) -> Vec<u8> {
    let words: Vec<&[u8]> = words.iter().map(|word| &**word).collect();
    words.join(&b' ')
}

/// The words as a line of redis.conf gives them.
pub(super) fn words_line(words: &[Text]) -> Vec<u8> {
    if let [word] = words {
        let line = quoted_if_needed(word);
        // A line's only word is split once more, so quotes must outlive the first splitting.
        return if line == **word { line } else { super::quoted(&line) };
    }
    let words: Vec<_> = words.iter().map(|word| quoted_if_needed(word)).collect();
    words.join(&b' ')
}

fn quoted_if_needed(word: &[u8]) -> Vec<u8> {
    let plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\' | b'#');
    if !word.is_empty() && word.iter().all(plain) { word.to_vec() } else { super::quoted(word) }
}

pub(super) fn master(words: &[Word]) -> Result<Value, Reason> {
    let [host, port] = words else {
        return Err("wrong number of arguments".into());
    };
    if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
        return Ok(Value::Words([].into()));
    }
    match canonical_integer(port) {
        Some(0..=65535) => self::words(words, words.len(), ""),
        _ => Err("Invalid master port".into()),
    }
}

/// Lines of `save` add up; an empty one clears what came before.
pub(super) fn save(words: &[Word], current: &Value) -> Result<Value, Reason> {
    if words.is_empty() {
        return Ok(Value::Save([].into()));
    }
    let mut points = match current {
        Value::Save(points) => points.to_vec(),
        _ => Vec::new(),
    };
    let (pairs, []) = words.as_chunks() else {
        return Err("Invalid save parameters".into());
    };
    for [seconds, changes] in pairs {
        points.push(save_point(seconds, changes).ok_or("Invalid save parameters")?);
    }
    Ok(Value::Save(points.into()))
}

fn save_point(seconds: &[u8], changes: &[u8]) -> Option<SavePoint> {
    let seconds = canonical_integer(seconds).filter(|seconds| *seconds >= 1)?;
    let changes = canonical_integer(changes).filter(|changes| (0..=i64::from(i32::MAX)).contains(changes))?;
    Some(SavePoint { seconds: seconds.cast_unsigned(), changes: changes.cast_unsigned() })
}

pub(super) fn render_save(points: &[SavePoint]) -> Vec<String> {
    points.iter().map(|SavePoint { seconds, changes }| format!("{seconds} {changes}")).collect()
}

/// Names the classes it changes; the others keep their limits.
pub(super) fn output_limits(words: &[Word], current: &Value) -> Result<Value, Reason> {
    let (rows, []) = words.as_chunks() else {
        return Err("Wrong number of arguments in buffer limit configuration.".into());
    };
    let mut limits = match current {
        Value::OutputLimits(limits) => *limits,
        _ => [OutputLimit::default(); 3],
    };
    for [class, hard, soft, seconds] in rows {
        let class =
            ClientClass::from_name(class).ok_or("Invalid client class specified in buffer limit configuration.")?;
        limits[class as usize] = output_limit(hard, soft, seconds)
            .ok_or("Error in hard, soft or soft_seconds setting in buffer limit configuration.")?;
    }
    Ok(Value::OutputLimits(limits))
}

fn output_limit(hard: &[u8], soft: &[u8], seconds: &[u8]) -> Option<OutputLimit> {
    let soft_seconds = canonical_integer(seconds).filter(|seconds| *seconds >= 0)?.cast_unsigned();
    Some(OutputLimit { hard_bytes: size(hard)?, soft_bytes: size(soft)?, soft_seconds })
}

/// One line per class, marked where it is not the default.
pub(super) fn output_limit_lines(limits: &[OutputLimit; 3], default: &Value) -> Vec<(Vec<u8>, bool)> {
    let line = |class: ClientClass| {
        let limit = limits[class as usize];
        let changed = !matches!(default, Value::OutputLimits(defaults) if defaults[class as usize] == limit);
        let name = if class == ClientClass::Replica { "replica" } else { class.name() };
        let (hard, soft) = (with_unit(limit.hard_bytes), with_unit(limit.soft_bytes));
        (format!("{name} {hard} {soft} {}", limit.soft_seconds).into_bytes(), changed)
    };
    ClientClass::ALL.map(line).into()
}

pub(super) fn percentiles(words: &[Word]) -> Result<Value, Reason> {
    words.iter().map(|word| percentile(word)).collect::<Result<_, _>>().map(Value::Percentiles)
}

fn percentile(word: &[u8]) -> Result<f64, Reason> {
    let number = str::from_utf8(word).ok().and_then(|text| text.parse::<f64>().ok());
    let number = number.ok_or("Invalid latency-tracking-info-percentiles parameters")?;
    if !(0.0..=100.0).contains(&number) {
        return Err("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]".into());
    }
    // Six decimals are shown, so six are kept: what CONFIG GET answers is what governs.
    Ok((number.abs() * 1e6).round() / 1e6)
}

pub(super) fn render_percentiles(percentiles: &[f64]) -> String {
    let shown: Vec<_> = percentiles.iter().map(f64::to_string).collect();
    shown.join(" ")
}

pub(super) fn oom_scores(words: &[Word]) -> Result<Value, Reason> {
    let [child, replica, master] = words else {
        return Err("wrong number of arguments".into());
    };
    let score = |word: &[u8]| {
        let score = canonical_integer(word).filter(|score| (-2000..=2000).contains(score));
        score
            .and_then(|score| i32::try_from(score).ok())
            .ok_or("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")
    };
    Ok(Value::OomScores([score(child)?, score(replica)?, score(master)?]))
}
