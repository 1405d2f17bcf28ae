//! Requests that are built once and then only get another key.
//!
//! Invariant: a key is `key:` and twelve digits, 16 bytes, so that its place in the request never moves.

use std::str::FromStr;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Ping,
    /// A random key of the keyspace.
    Get,
    /// A random key of the keyspace.
    Set,
    /// Nine reads for a write.
    Mixed,
    /// Each request another key that was never there, in sequence.
    NewKeys,
}

impl FromStr for Command {
    type Err = ();

    fn from_str(word: &str) -> Result<Command, ()> {
        Ok(match word {
            "ping" => Command::Ping,
            "get" => Command::Get,
            "set" => Command::Set,
            "mixed" => Command::Mixed,
            "new" => Command::NewKeys,
            _ => return Err(()),
        })
    }
}

const DIGITS: usize = 12;

struct Template {
    bytes: Vec<u8>,
    /// Where the key's digits stand, if it has a key.
    digits: Option<usize>,
}

impl Template {
    fn new(words: &[&[u8]]) -> Template {
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        let mut digits = None;
        for (i, word) in words.iter().enumerate() {
            bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            if i == 1 {
                digits = Some(bytes.len() + b"key:".len());
            }
            bytes.extend_from_slice(word);
            bytes.extend_from_slice(b"\r\n");
        }
        Template { bytes, digits }
    }
}

/// An endless supply of requests.
pub struct Requests {
    command: Command,
    keyspace: u64,
    next_new: u64,
    random: u64,
    zipf: Option<Zipf>,
    get: Template,
    set: Template,
    ping: Template,
}

/// Keys of which few are asked for most: the n-th with a weight of 1 / n^exponent (YCSB's way to draw them), the
/// ranks spread over the keyspace.
struct Zipf {
    keys: f64,
    alpha: f64,
    eta: f64,
    zeta: f64,
    second: f64,
}

impl Zipf {
    /// `exponent` is between 0 and 1.
    fn new(keys: u64, exponent: f64) -> Zipf {
        let sum = |until: u64| (1..=until).map(|rank| 1.0 / (rank as f64).powf(exponent)).sum::<f64>();
        let (zeta, keys, alpha) = (sum(keys), keys as f64, 1.0 / (1.0 - exponent));
        let eta = (1.0 - (2.0 / keys).powf(1.0 - exponent)) / (1.0 - sum(2) / zeta);
        Zipf { keys, alpha, eta, zeta, second: 1.0 + 0.5_f64.powf(exponent) }
    }

    fn key(&self, draw: u64) -> u64 {
        let lot = (draw >> 11) as f64 / (1_u64 << 53) as f64;
        let rank = match lot * self.zeta {
            ..1.0 => 0.0,
            weight if weight < self.second => 1.0,
            _ => self.keys * (self.eta * lot - self.eta + 1.0).powf(self.alpha),
        };
        // Two ranks may be one key: it is asked for as often as both.
        (rank as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_right(29) % self.keys as u64
    }
}

impl Requests {
    /// Keys are drawn from `keyspace` keys; values have `value_len` bytes. New keys start at `first_new`.
    pub fn new(command: Command, keyspace: u64, value_len: usize, first_new: u64, seed: u64) -> Requests {
        let key = [b"key:".as_slice(), &[b'0'; DIGITS]].concat();
        Requests {
            command,
            keyspace: keyspace.max(1),
            next_new: first_new,
            random: seed | 1,
            zipf: None,
            get: Template::new(&[b"GET", &key]),
            set: Template::new(&[b"SET", &key, &vec![b'x'; value_len]]),
            ping: Template::new(&[b"PING"]),
        }
    }

    /// Draws keys by Zipf's law from now on; None: all alike.
    pub fn set_zipf(&mut self, exponent: Option<f64>) {
        self.zipf = exponent.map(|exponent| Zipf::new(self.keyspace, exponent));
    }

    /// Appends the next request.
    pub fn push(&mut self, out: &mut Vec<u8>) {
        let draw = self.draw();
        let key = self.zipf.as_ref().map_or(draw % self.keyspace, |zipf| zipf.key(draw));
        let (template, key) = match self.command {
            Command::Ping => (&self.ping, 0),
            Command::Get => (&self.get, key),
            Command::Set => (&self.set, key),
            Command::Mixed if (draw >> 48).is_multiple_of(10) => (&self.set, key),
            Command::Mixed => (&self.get, key),
            Command::NewKeys => {
                self.next_new += 1;
                (&self.set, self.next_new - 1)
            }
        };
        let start = out.len();
        out.extend_from_slice(&template.bytes);
        if let Some(at) = template.digits {
            let mut rest = key;
            for digit in out[start + at..start + at + DIGITS].iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        }
    }

    /// xorshift64*: enough randomness for keys, in a nanosecond.
    fn draw(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_digits_of_the_key_change() {
        let mut requests = Requests::new(Command::NewKeys, 1, 3, 41, 1);
        let mut out = Vec::new();
        requests.push(&mut out);
        requests.push(&mut out);
        let request = |n: u32| format!("*3\r\n$3\r\nSET\r\n$16\r\nkey:{n:012}\r\n$3\r\nxxx\r\n");
        assert_eq!(String::from_utf8(out).unwrap(), request(41) + &request(42));
    }

    #[test]
    fn the_first_keys_of_zipf_are_asked_for_most() {
        let mut requests = Requests::new(Command::Get, 1000, 1, 0, 7);
        requests.set_zipf(Some(0.99));
        let mut counts = std::collections::HashMap::new();
        for _ in 0..100_000 {
            let mut out = Vec::new();
            requests.push(&mut out);
            *counts.entry(out).or_insert(0) += 1;
        }
        let mut counts: Vec<i32> = counts.into_values().collect();
        counts.sort_unstable_by_key(|&count| -count);
        // The generalised harmonic numbers say: 1 / 7.73 of the draws for the first rank, 5.29 / 7.73 for the first
        // hundred; a key that several ranks share has a little more.
        assert!((12_000..16_000).contains(&counts[0]), "{}", counts[0]);
        let head: i32 = counts.iter().take(100).sum();
        assert!((66_000..82_000).contains(&head), "{head}");
    }

    #[test]
    fn a_mix_has_a_tenth_of_writes() {
        let mut requests = Requests::new(Command::Mixed, 1_000_000, 1, 0, 7);
        let writes = (0..10_000).filter(|_| {
            let mut out = Vec::new();
            requests.push(&mut out);
            out.starts_with(b"*3")
        });
        let writes = writes.count();
        assert!((800..1200).contains(&writes), "{writes}");
    }
}
