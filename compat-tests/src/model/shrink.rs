//! Takes commands out of a sequence while it still shows a difference.

use super::generate::Sequence;

/// Runs until nothing can be left out, or this often.
const TRIES: usize = 400;

/// The shortest sequence found that `difference` still finds one in, with that difference.
pub fn shortest(mut sequence: Sequence, mut difference: impl FnMut(&Sequence) -> Option<String>) -> (Sequence, String) {
    let mut found = String::from("the difference did not show again: it depends on time or on chance\n");
    let mut tries = 0;
    let mut chunk = sequence.units.len();
    while chunk > 0 && tries < TRIES {
        let (mut at, mut removed) = (0, false);
        while at < sequence.units.len() && tries < TRIES {
            let mut shorter = sequence.clone();
            shorter.units.drain(at..(at + chunk).min(sequence.units.len()));
            tries += 1;
            match difference(&shorter) {
                Some(_) if shorter.units.is_empty() => break, // it is not the commands that differ
                Some(text) => (sequence, found, removed) = (shorter, text, true),
                None => at += chunk,
            }
        }
        if !removed {
            chunk /= 2;
        }
    }
    if let Some(text) = difference(&sequence) {
        found = text;
    }
    (sequence, found)
}

#[cfg(test)]
mod tests {
    use super::super::generate::Step;
    use super::*;

    #[test]
    fn only_the_needed_commands_stay() {
        let unit = |i: u8| vec![Step::Send { connection: 0, argv: vec![vec![i]] }];
        let sequence = Sequence { units: (0..60).map(unit).collect(), batch: 1, small_limits: true };
        let needs = |sequence: &Sequence| {
            let has = |i| sequence.units.contains(&unit(i));
            (has(7) && has(41)).then(|| "differs".into())
        };
        let (shortest, difference) = shortest(sequence, needs);
        assert_eq!((shortest.units, difference.as_str()), (vec![unit(7), unit(41)], "differs"));
    }
}
