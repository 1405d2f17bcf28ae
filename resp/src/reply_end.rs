//! Where a reply ends, found as its bytes come in: each is looked at once, however many pieces it comes in.

/// See the module's head. For one reply after the other; begin anew behind each.
#[derive(Clone, Copy, Default, Debug)]
pub struct ReplyEnd {
    /// Bytes that are looked at.
    at: usize,
    /// Values that are still to come; 0: no line was seen yet.
    open: usize,
}

impl ReplyEnd {
    /// The length of the reply at the start of `input`, which has grown since the last call; None while it is not whole.
    /// What is not the protocol ends where `input` does.
    pub fn find(&mut self, input: &[u8]) -> Option<usize> {
        loop {
            let rest = input.get(self.at..)?;
            let line = &rest[..rest.windows(2).position(|pair| pair == b"\r\n")?];
            let Some((&kind, number)) = line.split_first() else { return Some(input.len()) };
            let count = base::number::parse_u64(number).and_then(|count| usize::try_from(count).ok());
            let (body, values) = match (kind, count) {
                (b'$' | b'*', _) if number == b"-1" => (0, 0),
                (b'$' | b'!' | b'=', Some(len)) => (len.saturating_add(2), 0),
                (b'*' | b'~' | b'>', Some(count)) => (0, count),
                (b'%', Some(count)) => (0, count.saturating_mul(2)),
                // The reply that the attributes are about follows them.
                (b'|', Some(count)) => (0, count.saturating_mul(2).saturating_add(1)),
                (b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(', _) => (0, 0),
                _ => return Some(input.len()),
            };
            let end = self.at.saturating_add(line.len() + 2).saturating_add(body);
            if input.len() < end {
                return None;
            }
            self.at = end;
            self.open = (self.open.max(1) - 1).saturating_add(values);
            if self.open == 0 {
                return Some(end);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPLIES: &[&[u8]] = &[
        b"+OK\r\n",
        b"-ERR no\r\n",
        b":1\r\n",
        b"$-1\r\n",
        b"*-1\r\n",
        b"$0\r\n\r\n",
        b"$6\r\na\r\nb\r\n\r\n",
        b"*0\r\n",
        b"*2\r\n*1\r\n:1\r\n$1\r\nx\r\n",
        b"%1\r\n+k\r\n~2\r\n#t\r\n_\r\n",
        b"|1\r\n+k\r\n,1.5\r\n>1\r\n(12\r\n",
        b"=5\r\ntxt:a\r\n",
    ];

    #[test]
    fn found_with_the_last_byte_and_not_before() {
        for reply in REPLIES {
            let mut end = ReplyEnd::default();
            for len in 0..reply.len() {
                assert_eq!(end.find(&reply[..len]), None, "{:?}", String::from_utf8_lossy(&reply[..len]));
            }
            assert_eq!(end.find(&[*reply, b"+next\r\n"].concat()), Some(reply.len()));
            assert_eq!(crate::parse_reply(reply).map(|(_, len)| len), Some(reply.len()));
        }
    }

    #[test]
    fn what_is_not_the_protocol_ends() {
        for input in [&b"hello\r\n"[..], b"\r\n", b"$x\r\n", b"*-2\r\n"] {
            assert_eq!(ReplyEnd::default().find(input), Some(input.len()));
        }
    }
}
