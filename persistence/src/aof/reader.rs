//! The requests of one append-only file, one after the other.
//!
//! # Invariants
//! - What stands between MULTI and EXEC comes only when EXEC is there, MULTI and EXEC themselves never.
//! - `valid_to` is where the last request or transaction ended that is there as a whole.

use std::collections::VecDeque;

/// What a file ends with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The last request is whole.
    Whole,
    /// The last request is not.
    CutOff,
    /// MULTI stands there, and no EXEC behind it.
    OpenTransaction,
    /// What stands there is no request.
    Malformed,
}

/// See the module's head.
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    valid_to: usize,
    /// Requests of a transaction that is whole.
    ready: VecDeque<&'a [u8]>,
}

/// Where a step through a file led.
enum Step<'a> {
    Request(&'a [u8]),
    Ended(End),
}

impl<'a> Reader<'a> {
    /// Of a file's content, from an offset on: behind its snapshot.
    pub fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, valid_to: at, ready: VecDeque::new() }
    }

    /// Where the last whole request or transaction ended.
    pub fn valid_to(&self) -> usize {
        self.valid_to
    }

    /// The next request as it stands there, or how the file ends.
    pub fn next_request(&mut self) -> Result<&'a [u8], End> {
        if let Some(request) = self.ready.pop_front() {
            return Ok(request);
        }
        let mut is_open = false;
        loop {
            let request = match self.step() {
                Step::Request(request) => request,
                Step::Ended(End::Whole) if is_open => return Err(End::OpenTransaction),
                Step::Ended(End::CutOff | End::OpenTransaction) if is_open => return Err(End::OpenTransaction),
                Step::Ended(end) => return Err(end),
            };
            if is_word(request, b"MULTI") {
                is_open = true;
            } else if is_word(request, b"EXEC") {
                self.valid_to = self.at;
                is_open = false;
                if let Some(first) = self.ready.pop_front() {
                    return Ok(first);
                }
            } else if is_open {
                self.ready.push_back(request);
            } else {
                self.valid_to = self.at;
                return Ok(request);
            }
        }
    }

    fn step(&mut self) -> Step<'a> {
        loop {
            let rest = &self.bytes[self.at..];
            match rest.first() {
                None => return Step::Ended(End::Whole),
                // An annotation, as that of the time.
                Some(b'#') => match rest.iter().position(|byte| *byte == b'\n') {
                    Some(end) => self.at += end + 1,
                    None => return Step::Ended(End::CutOff),
                },
                Some(_) => {
                    return match request_len(rest) {
                        Ok(len) => {
                            self.at += len;
                            Step::Request(&rest[..len])
                        }
                        Err(end) => Step::Ended(end),
                    };
                }
            }
        }
    }
}

/// Whether a request is this word alone.
fn is_word(request: &[u8], word: &[u8]) -> bool {
    let body = request.strip_prefix(b"*1\r\n$").and_then(|rest| {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        rest.get(digits + 2..digits + 2 + word.len())
    });
    body.is_some_and(|body| body.eq_ignore_ascii_case(word)) && request.len() <= word.len() + 12
}

/// The length of the request at the start of `bytes`.
fn request_len(bytes: &[u8]) -> Result<usize, End> {
    let (count, mut at) = header(bytes, b'*')?;
    if count == 0 {
        return Err(End::Malformed);
    }
    for _ in 0..count {
        let (len, head) = header(&bytes[at..], b'$')?;
        let end = at.checked_add(head).and_then(|at| at.checked_add(len)).ok_or(End::Malformed)?;
        match bytes.get(end..) {
            Some([b'\r', b'\n', ..]) => at = end + 2,
            Some([] | [b'\r']) | None => return Err(End::CutOff),
            Some(_) => return Err(End::Malformed),
        }
    }
    Ok(at)
}

/// A mark, a number and the line's end: the number, and how long that is.
#[inline]
fn header(bytes: &[u8], mark: u8) -> Result<(usize, usize), End> {
    match bytes.first() {
        None => return Err(End::CutOff),
        Some(found) if *found != mark => return Err(End::Malformed),
        Some(_) => {}
    }
    let (mut number, mut at) = (0_usize, 1);
    loop {
        match bytes.get(at) {
            Some(digit @ b'0'..=b'9') if at <= 12 => number = number * 10 + usize::from(digit - b'0'),
            Some(b'\r') if at > 1 => break,
            None => return Err(End::CutOff),
            Some(_) => return Err(End::Malformed),
        }
        at += 1;
    }
    match bytes.get(at + 1) {
        Some(b'\n') => Ok((number, at + 2)),
        None => Err(End::CutOff),
        Some(_) => Err(End::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: &[u8] = b"*3\r\n$3\r\nset\r\n$1\r\na\r\n$2\r\n\r\n\r\n";
    const MULTI: &[u8] = b"*1\r\n$5\r\nmulti\r\n";
    const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";
    const DEL: &[u8] = b"*2\r\n$3\r\nDEL\r\n$5\r\nMULTI\r\n";

    fn all(bytes: &[u8]) -> (Vec<&[u8]>, End, usize) {
        let mut reader = Reader::new(bytes, 0);
        let mut requests = Vec::new();
        loop {
            match reader.next_request() {
                Ok(request) => requests.push(request),
                Err(end) => return (requests, end, reader.valid_to()),
            }
        }
    }

    #[test]
    fn transactions_come_whole_or_not_at_all() {
        let whole = [SET, b"#TS:1628217470\r\n", MULTI, DEL, b"#TS:1\r\n", SET, EXEC, DEL].concat();
        assert_eq!(all(&whole), (vec![SET, DEL, SET, DEL], End::Whole, whole.len()));
        let open = [SET, MULTI, DEL].concat();
        assert_eq!(all(&open), (vec![SET], End::OpenTransaction, SET.len()));
        assert_eq!(all(&[SET, MULTI, &DEL[..9]].concat()), (vec![SET], End::OpenTransaction, SET.len()));
        assert_eq!(all(&[MULTI, EXEC, SET].concat()).0, [SET]);
    }

    #[test]
    fn every_cut_ends_before_what_is_not_whole() {
        let bytes = [SET, DEL, MULTI, SET, DEL, EXEC].concat();
        let ends = [0, SET.len(), SET.len() + DEL.len(), bytes.len()];
        for len in 0..=bytes.len() {
            let (requests, end, valid_to) = all(&bytes[..len]);
            let expected = ends.iter().rposition(|end| *end <= len).expect("zero is one");
            assert_eq!(valid_to, ends[expected], "{len}");
            assert_eq!(requests.len(), [0, 1, 2, 4][expected], "{len}");
            assert_eq!(end == End::Whole, ends.contains(&len), "{len}");
        }
    }

    #[test]
    fn what_is_no_request_is_told_from_a_cut() {
        for bad in
            [&b"!!!"[..], b"*0\r\n", b"*-1\r\n", b"*1\r\n:1\r\n", b"*1\r\n$1\r\nabc", b"*1x", b"*9999999999999\r\n"]
        {
            assert_eq!(all(&[SET, bad].concat()), (vec![SET], End::Malformed, SET.len()), "{bad:?}");
        }
    }
}
