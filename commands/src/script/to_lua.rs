//! Replies of commands as values of Lua.
//!
//! Invariant: what is read was written by a command of ours, so a malformed reply is a defect and ends the reading.

use lua::Stack;

/// Deeper replies than any command's are cut off.
const DEPTH_MAX: usize = 64;

/// Pushes the reply at the start of `bytes`; answers its length. Nil where there is none.
pub(super) fn push(stack: &mut Stack<'_>, bytes: &[u8]) -> usize {
    let mut reader = Reader { bytes, at: 0 };
    if reader.push(stack, 0).is_none() {
        stack.push_nil();
    }
    reader.at
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    /// The type byte and the rest of the line.
    fn line(&mut self) -> Option<(u8, &'b [u8])> {
        let rest = self.bytes.get(self.at..)?;
        let (kind, rest) = rest.split_first()?;
        let end = rest.iter().position(|&byte| byte == b'\r')?;
        self.at += end + 3;
        Some((*kind, &rest[..end]))
    }

    fn blob(&mut self, len: &[u8]) -> Option<&'b [u8]> {
        let len = number(len)?;
        let blob = self.bytes.get(self.at..self.at + len)?;
        self.at += len + 2;
        Some(blob)
    }

    fn push(&mut self, stack: &mut Stack<'_>, depth: usize) -> Option<()> {
        if depth > DEPTH_MAX || !stack.reserve(8) {
            return None;
        }
        let (kind, text) = self.line()?;
        match kind {
            b':' => stack.push_number(base::number::parse_i64(text)? as f64),
            b'$' if text == b"-1" => stack.push_bool(false),
            b'$' => {
                let blob = self.blob(text)?;
                stack.push_bytes(blob);
            }
            b'+' => field(stack, b"ok", text),
            b'-' => push_error(stack, text, true),
            b'*' if text == b"-1" => stack.push_bool(false),
            b'*' => self.push_array(stack, number(text)?, depth)?,
            b'_' => stack.push_nil(),
            b'#' => stack.push_bool(text == b"t"),
            b',' => {
                stack.push_table(0, 1);
                stack.push_number(base::number::parse_f64(text).unwrap_or(f64::NAN));
                stack.set_field(-2, b"double");
            }
            b'(' => field(stack, b"big_number", text),
            b'=' => self.push_verbatim(stack, text)?,
            b'%' => self.push_map(stack, number(text)?, depth)?,
            b'~' => self.push_set(stack, number(text)?, depth)?,
            b'|' => self.skip_attributes(stack, number(text)?, depth)?,
            _ => return None,
        }
        Some(())
    }

    fn push_array(&mut self, stack: &mut Stack<'_>, len: usize, depth: usize) -> Option<()> {
        stack.push_table(len, 0);
        for at in 1..=len {
            self.push(stack, depth + 1)?;
            stack.set_item(-2, at as i32);
        }
        Some(())
    }

    fn push_map(&mut self, stack: &mut Stack<'_>, len: usize, depth: usize) -> Option<()> {
        stack.push_table(0, 1);
        stack.push_table(0, len);
        for _ in 0..len {
            self.push(stack, depth + 1)?;
            self.push(stack, depth + 1)?;
            stack.set_entry(-3);
        }
        stack.set_field(-2, b"map");
        Some(())
    }

    fn push_set(&mut self, stack: &mut Stack<'_>, len: usize, depth: usize) -> Option<()> {
        stack.push_table(0, 1);
        stack.push_table(0, len);
        for _ in 0..len {
            self.push(stack, depth + 1)?;
            stack.push_bool(true);
            stack.set_entry(-3);
        }
        stack.set_field(-2, b"set");
        Some(())
    }

    /// Scripts do not see them: the reply behind them counts.
    fn skip_attributes(&mut self, stack: &mut Stack<'_>, len: usize, depth: usize) -> Option<()> {
        for _ in 0..2 * len {
            self.push(stack, depth + 1)?;
            stack.pop(1);
        }
        self.push(stack, depth + 1)
    }

    fn push_verbatim(&mut self, stack: &mut Stack<'_>, len: &[u8]) -> Option<()> {
        let blob = self.blob(len)?;
        stack.push_table(0, 1);
        stack.push_table(0, 2);
        stack.push_bytes(blob.get(4..)?);
        stack.set_field(-2, b"string");
        stack.push_bytes(&blob[..3]);
        stack.set_field(-2, b"format");
        stack.set_field(-2, b"verbatim_string");
        Some(())
    }
}

fn number(text: &[u8]) -> Option<usize> {
    text.iter()
        .try_fold(0usize, |number, digit| digit.is_ascii_digit().then(|| number * 10 + usize::from(digit - b'0')))
}

fn field(stack: &mut Stack<'_>, name: &[u8], text: &[u8]) {
    stack.push_table(0, 1);
    stack.push_bytes(text);
    stack.set_field(-2, name);
}

/// Pushes an error as scripts see it. One that is `counted` is in the statistics already.
pub(super) fn push_error(stack: &mut Stack<'_>, line: &[u8], counted: bool) {
    stack.push_table(0, 4);
    stack.push_bytes(line);
    stack.set_field(-2, b"err");
    if counted {
        stack.push_bool(true);
        stack.set_field(-2, COUNTED);
    }
}

/// Marks an error that the statistics have.
pub(super) const COUNTED: &[u8] = b"ignore_error_stats_update";
