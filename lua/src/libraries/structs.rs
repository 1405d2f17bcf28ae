//! `struct`: numbers and strings to bytes and back by a format, as the Lua library `struct` 0.2 does it.

use super::{register, set_global};
use crate::stack::{Kind, Raised, Stack};

type Answer = Result<i32, Raised>;

/// Bytes of the widest integer.
const INTEGER_MAX: usize = 32;
/// The alignment that `!` alone asks for.
const ALIGN: usize = 8;

pub(super) fn open(stack: &mut Stack<'_>) {
    stack.push_table(0, 4);
    register(stack, &[("pack", pack), ("unpack", unpack), ("size", size)]);
    set_global(stack, "struct");
}

/// A format being read.
struct Format<'f> {
    rest: &'f [u8],
    is_little: bool,
    align: usize,
}

/// One option of a format.
struct Item {
    option: u8,
    size: usize,
}

impl<'f> Format<'f> {
    fn new(text: &'f [u8]) -> Self {
        Self { rest: text, is_little: cfg!(target_endian = "little"), align: 1 }
    }

    /// The digits that come next, or else `otherwise`.
    fn number(&mut self, stack: &mut Stack<'_>, otherwise: usize) -> Result<usize, Raised> {
        if !self.rest.first().is_some_and(u8::is_ascii_digit) {
            return Ok(otherwise);
        }
        let mut number: i32 = 0;
        while let Some((digit, rest)) = self.rest.split_first().filter(|(digit, _)| digit.is_ascii_digit()) {
            self.rest = rest;
            let next = number.checked_mul(10).and_then(|number| number.checked_add(i32::from(digit - b'0')));
            let Some(next) = next else { return Err(stack.raise_here("integral size overflow")) };
            number = next;
        }
        Ok(number as usize)
    }

    /// The next option that stands for bytes; those that only say how are followed on the way.
    fn next(&mut self, stack: &mut Stack<'_>) -> Result<Option<Item>, Raised> {
        while let Some((&option, rest)) = self.rest.split_first() {
            self.rest = rest;
            let size = match option {
                b'B' | b'b' | b'x' => 1,
                b'H' | b'h' => 2,
                b'L' | b'l' | b'T' | b'd' => 8,
                b'f' => 4,
                b'c' => self.number(stack, 1)?,
                b's' => 0,
                b'i' | b'I' => self.integer_size(stack)?,
                _ => {
                    self.control(stack, option)?;
                    continue;
                }
            };
            return Ok(Some(Item { option, size }));
        }
        Ok(None)
    }

    fn integer_size(&mut self, stack: &mut Stack<'_>) -> Result<usize, Raised> {
        let size = self.number(stack, 4)?;
        if size > INTEGER_MAX {
            let text = format!("integral size {size} is larger than limit of {INTEGER_MAX}");
            return Err(stack.raise_here(text));
        }
        Ok(size)
    }

    fn control(&mut self, stack: &mut Stack<'_>, option: u8) -> Result<(), Raised> {
        match option {
            b' ' => {}
            b'>' => self.is_little = false,
            b'<' => self.is_little = true,
            b'!' => {
                let align = self.number(stack, ALIGN)?;
                if !align.is_power_of_two() {
                    return Err(stack.raise_here(format!("alignment {align} is not a power of 2")));
                }
                self.align = align;
            }
            _ => {
                let text = format!("invalid format option '{}'", char::from(option));
                return Err(stack.bad_argument(1, &text));
            }
        }
        Ok(())
    }

    /// Bytes that an option needs before it.
    fn padding(&self, len: usize, item: &Item) -> usize {
        let size = item.size.min(self.align);
        if size == 0 || matches!(item.option, b'c' | b's') {
            return 0;
        }
        size.wrapping_sub(len & (size - 1)) & (size - 1)
    }
}

fn is_integer(option: u8) -> bool {
    matches!(option, b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I')
}

fn pack(stack: &mut Stack<'_>) -> Answer {
    let mut format = Format::new(stack.check_text(1)?);
    let mut out = Vec::new();
    let mut number = 1;
    while let Some(item) = format.next(stack)? {
        out.resize(out.len() + format.padding(out.len(), &item), 0);
        if item.option == b'x' {
            out.push(0);
            continue;
        }
        number += 1;
        if stack.kind(number) == Kind::None {
            stack.push_nil();
        }
        match item.option {
            b'c' | b's' => {
                let text = stack.check_text(number)?;
                let size = if item.size == 0 { text.len() } else { item.size };
                if text.len() < size {
                    return Err(stack.bad_argument(number + 1, "string too short"));
                }
                out.extend_from_slice(&text[..size]);
                if item.option == b's' {
                    out.push(0);
                }
            }
            b'f' => put(&mut out, &(stack.check_number(number)? as f32).to_le_bytes(), format.is_little),
            b'd' => put(&mut out, &stack.check_number(number)?.to_le_bytes(), format.is_little),
            _ => {
                let value = stack.check_number(number)?;
                let value = if value < 0.0 { (value as i64).cast_unsigned() } else { value as u64 };
                let mut bytes = [0; INTEGER_MAX];
                bytes[..8].copy_from_slice(&value.to_le_bytes());
                put(&mut out, &bytes[..item.size], format.is_little);
            }
        }
    }
    stack.push_bytes(&out);
    Ok(1)
}

fn put(out: &mut Vec<u8>, bytes: &[u8], is_little: bool) {
    if is_little {
        out.extend_from_slice(bytes);
    } else {
        out.extend(bytes.iter().rev());
    }
}

const TOO_SHORT: &str = "data string too short";

fn unpack(stack: &mut Stack<'_>) -> Answer {
    let mut format = Format::new(stack.check_text(1)?);
    let data = stack.check_text(2)?;
    let start = if stack.is_absent(3) { 1 } else { stack.check_int(3)? };
    if start < 1 {
        return Err(stack.bad_argument(3, "offset must be 1 or greater"));
    }
    let (mut at, mut count) = ((start - 1) as usize, 0);
    while let Some(item) = format.next(stack)? {
        at = at.saturating_add(format.padding(at, &item));
        let Some(rest) = data.get(at..).filter(|rest| rest.len() >= item.size) else {
            return Err(stack.bad_argument(2, TOO_SHORT));
        };
        if !stack.reserve(8) {
            return Err(stack.raise_here("stack overflow (too many results)"));
        }
        let mut size = item.size;
        match item.option {
            b'x' => {
                at += 1;
                continue;
            }
            b'c' => {
                if size == 0 {
                    let Some(before) = stack.number(-1).filter(|_| count > 0) else {
                        return Err(stack.raise_here("format 'c0' needs a previous size"));
                    };
                    size = before.max(0.0) as usize;
                    stack.pop(1);
                    count -= 1;
                }
                let Some(text) = rest.get(..size) else { return Err(stack.bad_argument(2, TOO_SHORT)) };
                stack.push_bytes(text);
            }
            b's' => {
                let Some(end) = rest.iter().position(|&byte| byte == 0) else {
                    return Err(stack.raise_here("unfinished string in data"));
                };
                stack.push_bytes(&rest[..end]);
                size = end + 1;
            }
            option => stack.push_number(number_of(&rest[..size], option, format.is_little)),
        }
        at += size;
        count += 1;
    }
    stack.push_number((at + 1) as f64);
    Ok(count + 1)
}

/// The number in some bytes.
fn number_of(bytes: &[u8], option: u8, is_little: bool) -> f64 {
    debug_assert!(is_integer(option) || matches!(option, b'f' | b'd'));
    let mut low = [0u8; 8];
    let used = bytes.len().min(low.len());
    // Of wider integers the low bytes count.
    for (place, at) in low.iter_mut().zip(0..used) {
        *place = if is_little { bytes[at] } else { bytes[bytes.len() - 1 - at] };
    }
    let value = u64::from_le_bytes(low);
    match option {
        b'f' => f64::from(f32::from_bits(value as u32)),
        b'd' => f64::from_bits(value),
        _ if option.is_ascii_lowercase() && used > 0 => {
            let unused = 64 - 8 * used as u32;
            (value.cast_signed() << unused >> unused) as f64
        }
        _ => value as f64,
    }
}

fn size(stack: &mut Stack<'_>) -> Answer {
    let mut format = Format::new(stack.check_text(1)?);
    let mut len = 0usize;
    while let Some(item) = format.next(stack)? {
        len = len.saturating_add(format.padding(len, &item));
        match (item.option, item.size) {
            (b's', _) => return Err(stack.bad_argument(1, "option 's' has no fixed size")),
            (b'c', 0) => return Err(stack.bad_argument(1, "option 'c0' has no fixed size")),
            (_, size) => len = len.saturating_add(size),
        }
    }
    stack.push_number(len as f64);
    Ok(1)
}
