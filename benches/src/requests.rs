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
    get: Template,
    set: Template,
    ping: Template,
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
            get: Template::new(&[b"GET", &key]),
            set: Template::new(&[b"SET", &key, &vec![b'x'; value_len]]),
            ping: Template::new(&[b"PING"]),
        }
    }

    /// Appends the next request.
    pub fn push(&mut self, out: &mut Vec<u8>) {
        let draw = self.draw();
        let (template, key) = match self.command {
            Command::Ping => (&self.ping, 0),
            Command::Get => (&self.get, draw % self.keyspace),
            Command::Set => (&self.set, draw % self.keyspace),
            Command::Mixed if (draw >> 48).is_multiple_of(10) => (&self.set, draw % self.keyspace),
            Command::Mixed => (&self.get, draw % self.keyspace),
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
