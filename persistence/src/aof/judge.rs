//! An append-only file looked at as `redis-check-aof` does: how far it is good, and what is wrong behind.

use std::fmt::Write;

/// What a file without fault, or with one, looks like.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Verdict {
    /// Where the last whole request or transaction ends.
    pub valid_to: usize,
    /// What is wrong there, as the tool prints it; empty when the file just ends.
    pub lines: String,
    /// Where the first annotation with a later time than wanted stands.
    pub too_late: Option<TooLate>,
}

/// The place from which on everything is later than wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TooLate {
    /// Nothing stands before it.
    AtTheStart,
    /// Bytes stand before it.
    After(usize),
    /// The annotation is no time.
    Invalid,
}

/// Goes over the files of one append-only file; lines are counted through all of them, as the tool does.
#[derive(Debug)]
pub struct Judge {
    /// Lines so far.
    pub line: u64,
    /// Unix seconds after which everything is too late.
    pub until: Option<i64>,
    place: usize,
}

/// Lines are read in pieces of this size.
const HEADER_LEN_MAX: usize = 127;

impl Judge {
    /// Before the first file.
    pub fn new(until: Option<i64>) -> Self {
        Self { line: 1, until, place: 0 }
    }

    /// Judges a file from an offset on, which is behind its snapshot.
    pub fn file(&mut self, bytes: &[u8], start: usize, name: &str, path: &str) -> Verdict {
        let mut verdict = Verdict { valid_to: start, ..Verdict::default() };
        let (mut at, mut depth) = (start, 0_i32);
        loop {
            if depth == 0 {
                verdict.valid_to = at;
            }
            let Some(first) = bytes.get(at) else { break };
            match first {
                b'#' => {
                    self.place = at;
                    let len =
                        bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len() - at, |end| end + 1);
                    if let Some(too_late) = self.annotation(&bytes[at..at + len], at) {
                        verdict.too_late = Some(too_late);
                        return verdict;
                    }
                    at += len;
                }
                b'*' => match self.request(bytes, &mut at, path, &mut depth) {
                    Ok(()) => {}
                    Err(None) => break,
                    Err(Some(reason)) => {
                        let _ = writeln!(verdict.lines, "0x{:>16x}: {reason}", self.place);
                        return verdict;
                    }
                },
                _ => {
                    let _ = writeln!(verdict.lines, "AOF {name} format error");
                    return verdict;
                }
            }
        }
        if depth != 0 {
            let _ = writeln!(verdict.lines, "0x{:>16x}: Reached EOF before reading EXEC for MULTI", self.place);
        }
        verdict
    }

    fn annotation(&self, line: &[u8], at: usize) -> Option<TooLate> {
        let until = self.until?;
        let text = line.strip_prefix(b"#TS:")?;
        let seconds = text.strip_suffix(b"\r\n").and_then(base::number::parse_i64);
        match seconds {
            None => Some(TooLate::Invalid),
            Some(seconds) if seconds <= until => None,
            Some(_) if at == 0 => Some(TooLate::AtTheStart),
            Some(_) => Some(TooLate::After(at)),
        }
    }

    /// Passes a request; none in the error means that the file ends in a header.
    fn request(&mut self, bytes: &[u8], at: &mut usize, path: &str, depth: &mut i32) -> Result<(), Option<String>> {
        let count = self.header(bytes, at, b'*')?;
        for index in 0..count.max(0) {
            let len = self.header(bytes, at, b'$')?;
            let Ok(len) = usize::try_from(len) else {
                return Err(Some(format!(
                    "Expected to read string of {len} bytes, which is not in the suitable range"
                )));
            };
            self.place = *at;
            let there = bytes.len() - *at;
            let wanted = len.saturating_add(2);
            if there < wanted {
                *at = bytes.len();
                return Err(Some(format!("Expected to read {wanted} bytes, got {there} bytes")));
            }
            let word = &bytes[*at..*at + len];
            *at += wanted;
            self.line_end(&bytes[*at - 2..])?;
            if index == 0 && word.eq_ignore_ascii_case(b"multi") {
                *depth += 1;
                if *depth > 1 {
                    return Err(Some(format!("Unexpected MULTI in AOF {path}")));
                }
            } else if index == 0 && word.eq_ignore_ascii_case(b"exec") {
                *depth -= 1;
                if *depth != 0 {
                    return Err(Some(format!("Unexpected EXEC in AOF {path}")));
                }
            }
        }
        Ok(())
    }

    fn header(&mut self, bytes: &[u8], at: &mut usize, mark: u8) -> Result<i64, Option<String>> {
        self.place = *at;
        let rest = &bytes[*at..];
        let Some(first) = rest.first() else { return Err(None) };
        if *first != mark {
            let (mark, found) = (char::from(mark), char::from(*first));
            return Err(Some(format!("Expected prefix '{mark}', got: '{found}'")));
        }
        let line = rest.iter().take(HEADER_LEN_MAX).position(|byte| *byte == b'\n');
        let line = &rest[..line.map_or(rest.len().min(HEADER_LEN_MAX), |end| end + 1)];
        let sign = usize::from(matches!(line.get(1), Some(b'-' | b'+')));
        let digits = line[1 + sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let end = if digits == 0 { 1 } else { 1 + sign + digits };
        let number = base::number::parse_i64(line[1..end].strip_prefix(b"+").unwrap_or(&line[1..end])).unwrap_or(0);
        *at += line.len();
        self.line_end(&line[end..])?;
        Ok(number)
    }

    fn line_end(&mut self, bytes: &[u8]) -> Result<(), Option<String>> {
        if bytes.starts_with(b"\r\n") {
            self.line += 1;
            return Ok(());
        }
        // As C shows signed characters; behind the end stands the string's own end.
        let shown = |at: usize| format!("{:02x}", bytes.get(at).map_or(0, |byte| i32::from(*byte as i8)));
        Err(Some(format!("Expected \\r\\n, got: {}{}", shown(0), shown(1))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: &[u8] = b"*3\r\n$3\r\nset\r\n$1\r\na\r\n$1\r\nb\r\n";

    fn judged(bytes: &[u8], until: Option<i64>) -> (Verdict, u64) {
        let mut judge = Judge::new(until);
        let verdict = judge.file(bytes, 0, "f.aof", "d/f.aof");
        (verdict, judge.line)
    }

    #[test]
    fn tells_how_far_it_is_good_and_what_is_wrong() {
        let cases: [(&[u8], usize, u64, &str); 7] = [
            (b"*2\r\n$3\r\nset\r\n", 0, 4, ""),
            (SET, SET.len(), 8, ""),
            (b"!!!", 0, 1, "AOF f.aof format error\n"),
            (b"*1\r\n:1\r\n", 0, 2, "0x               4: Expected prefix '$', got: ':'\n"),
            (b"*1\r\n$9\r\nab", 0, 3, "0x               8: Expected to read 11 bytes, got 2 bytes\n"),
            (b"*1\r\n$1\r\nabc", 0, 3, "0x               8: Expected \\r\\n, got: 6263\n"),
            (b"*1\r\n$5\r\nMULTI\r\n", 0, 4, "0x               8: Reached EOF before reading EXEC for MULTI\n"),
        ];
        for (bytes, valid_to, line, lines) in cases {
            let (verdict, lines_read) = judged(bytes, None);
            assert_eq!((verdict.valid_to, lines_read, verdict.lines.as_str()), (valid_to, line, lines), "{bytes:?}");
        }
        assert!(
            judged(&[SET, b"*1\r\n$4\r\nEXEC\r\n"].concat(), None).0.lines.contains("Unexpected EXEC in AOF d/f.aof")
        );
    }

    #[test]
    fn finds_the_first_annotation_that_is_too_late() {
        let bytes = [b"#TS:10\r\n", SET, b"#TS:11\r\n", SET].concat();
        assert_eq!(judged(&bytes, Some(11)).0.too_late, None);
        assert_eq!(judged(&bytes, Some(10)).0.too_late, Some(TooLate::After(8 + SET.len())));
        assert_eq!(judged(&bytes, Some(9)).0.too_late, Some(TooLate::AtTheStart));
        assert_eq!(judged(b"#TS:x\r\n", Some(9)).0.too_late, Some(TooLate::Invalid));
    }
}
