//! Counts replies in a stream of bytes, without building them.
//!
//! Invariant: the count does not depend on how the stream was cut into reads.

/// Where the stream stands.
#[derive(Default)]
pub struct ReplyCounter {
    /// Bytes of a bulk string and its line break that are still to be skipped.
    skip: usize,
    /// The first bytes of a header line that is not whole yet.
    header: Vec<u8>,
    /// Elements of the current reply that are still to come.
    open: u64,
    /// Replies that were errors, and the text of the first.
    pub errors: u64,
    pub first_error: Option<String>,
    /// Replies that were nil: reads that missed.
    pub nils: u64,
}

impl ReplyCounter {
    /// The number of replies that end in `bytes`.
    pub fn count(&mut self, mut bytes: &[u8]) -> u64 {
        let mut whole = 0;
        while !bytes.is_empty() {
            if self.skip > 0 {
                let now = self.skip.min(bytes.len());
                self.skip -= now;
                bytes = &bytes[now..];
                if self.skip == 0 {
                    whole += self.element_done();
                }
                continue;
            }
            let Some(end) = bytes.iter().position(|&b| b == b'\n') else {
                self.header.extend_from_slice(bytes);
                break;
            };
            let (line, rest) = bytes.split_at(end + 1);
            bytes = rest;
            whole += if self.header.is_empty() {
                self.line(line)
            } else {
                let mut line_so_far = std::mem::take(&mut self.header);
                line_so_far.extend_from_slice(line);
                self.line(&line_so_far)
            };
        }
        whole
    }

    fn line(&mut self, line: &[u8]) -> u64 {
        let number = line[1..].iter().take_while(|b| b.is_ascii_digit()).fold(0, |n, b| n * 10 + u64::from(b - b'0'));
        let absent = line.get(1) == Some(&b'-');
        match line[0] {
            b'$' | b'=' if !absent => {
                self.skip = number as usize + 2;
                return 0;
            }
            b'*' | b'~' | b'>' if !absent && number > 0 => {
                // The aggregate was one element of its parent; now its own are to come.
                self.open = self.open.saturating_sub(1) + number;
                return 0;
            }
            b'%' if number > 0 => {
                self.open = self.open.saturating_sub(1) + 2 * number;
                return 0;
            }
            b'-' => {
                self.errors += 1;
                self.first_error.get_or_insert_with(|| String::from_utf8_lossy(line).trim_end().into());
            }
            b'$' | b'*' | b'_' => self.nils += u64::from(absent || line[0] == b'_'),
            _ => {}
        }
        self.element_done()
    }

    /// One when it was the last element of its reply.
    fn element_done(&mut self) -> u64 {
        self.open = self.open.saturating_sub(1);
        u64::from(self.open == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_counted_however_they_are_cut() {
        let stream = b"+OK\r\n$3\r\na\nb\r\n$-1\r\n*2\r\n*2\r\n:1\r\n$0\r\n\r\n+x\r\n*0\r\n-ERR no\r\n%1\r\n+k\r\n*1\r\n_\r\n:7\r\n";
        for size in 1..=stream.len() {
            let mut counter = ReplyCounter::default();
            let whole: u64 = stream.chunks(size).map(|chunk| counter.count(chunk)).sum();
            assert_eq!((whole, counter.errors, counter.nils), (8, 1, 2), "in pieces of {size}");
            assert_eq!(counter.first_error.as_deref(), Some("-ERR no"));
        }
    }
}
