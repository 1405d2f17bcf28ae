//! Rates per second, as means over the last sixteen samples.

/// Samples that a mean is taken over.
const SAMPLES: usize = 16;

/// One rate.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rate {
    samples: [f64; SAMPLES],
    next: usize,
    last_value: u64,
    last_ms: i64,
}

impl Rate {
    fn sample(&mut self, value: u64, now_ms: i64) {
        let elapsed_ms = now_ms - self.last_ms;
        if self.last_ms > 0 && elapsed_ms > 0 {
            let delta = value.saturating_sub(self.last_value);
            self.samples[self.next] = delta as f64 * 1000.0 / elapsed_ms as f64;
            self.next = (self.next + 1) % SAMPLES;
        }
        (self.last_value, self.last_ms) = (value, now_ms);
    }

    /// The mean.
    pub fn per_second(&self) -> f64 {
        self.samples.iter().sum::<f64>() / SAMPLES as f64
    }
}

/// The rates that INFO shows.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)]
pub struct Rates {
    pub commands: Rate,
    pub input_bytes: Rate,
    pub output_bytes: Rate,
    pub batches: Rate,
}

impl Rates {
    /// Takes the totals of this moment.
    pub fn sample(&mut self, commands: u64, input_bytes: u64, output_bytes: u64, batches: u64, now_ms: i64) {
        self.commands.sample(commands, now_ms);
        self.input_bytes.sample(input_bytes, now_ms);
        self.output_bytes.sample(output_bytes, now_ms);
        self.batches.sample(batches, now_ms);
    }

    /// Back to nothing.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_rate_is_its_mean() {
        let mut rate = Rate::default();
        for tick in 0..=SAMPLES as i64 {
            rate.sample(tick as u64 * 50, 1000 + tick * 100);
        }
        assert!((rate.per_second() - 500.0).abs() < 1e-9);
    }
}
