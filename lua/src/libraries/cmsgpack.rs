//! `cmsgpack`: values to MessagePack and back, as lua-cmsgpack 0.4.0 does it.

use super::{register, set_global};
use crate::stack::{Kind, Raised, Stack};

type Answer = Result<i32, Raised>;

/// Tables nested deeper are packed as nil.
const PACK_DEPTH_MAX: usize = 16;
/// Data nested deeper is refused: each level needs some of the C stack.
const UNPACK_DEPTH_MAX: usize = 1000;
/// Bytes that one pack makes at most.
const LEN_MAX: usize = 128 << 20;

pub(super) fn open(stack: &mut Stack<'_>) {
    stack.push_table(0, 8);
    register(stack, &[("pack", pack), ("unpack", unpack), ("unpack_one", unpack_one), ("unpack_limit", unpack_limit)]);
    let facts = [
        ("_NAME", "cmsgpack"),
        ("_VERSION", "lua-cmsgpack 0.4.0"),
        ("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo"),
        ("_DESCRIPTION", "MessagePack C implementation for Lua"),
    ];
    for (name, text) in facts {
        stack.push_bytes(text.as_bytes());
        stack.set_field(-2, name.as_bytes());
    }
    set_global(stack, "cmsgpack");
}

fn pack(stack: &mut Stack<'_>) -> Answer {
    let count = stack.len();
    if count == 0 {
        return Err(stack.bad_argument(0, "MessagePack pack needs input."));
    }
    let mut out = Vec::new();
    for number in 1..=count {
        if !stack.reserve(8) {
            return Err(stack.raise_here("Too many arguments for MessagePack pack."));
        }
        stack.push_copy(number);
        write(stack, &mut out, 0)?;
        stack.pop(1);
    }
    stack.push_bytes(&out);
    Ok(1)
}

/// Writes the value on top, which stays.
fn write(stack: &mut Stack<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), Raised> {
    if out.len() > LEN_MAX {
        return Err(stack.raise_here("not enough memory"));
    }
    match stack.kind(-1) {
        Kind::String => write_bytes(stack.bytes(-1).unwrap_or_default(), out),
        Kind::Number => write_number(stack.number(-1).unwrap_or_default(), out),
        Kind::Boolean => out.push(if stack.truth(-1) { 0xC3 } else { 0xC2 }),
        Kind::Table if depth < PACK_DEPTH_MAX && stack.reserve(8) => return write_table(stack, out, depth + 1),
        _ => out.push(0xC0),
    }
    Ok(())
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    match bytes.len() {
        len @ 0..32 => out.push(0xA0 | len as u8),
        len @ 32..0x100 => out.extend_from_slice(&[0xD9, len as u8]),
        len @ 0x100..0x1_0000 => with_tag(0xDA, &(len as u16).to_be_bytes(), out),
        len => with_tag(0xDB, &(len as u32).to_be_bytes(), out),
    }
    out.extend_from_slice(bytes);
}

fn with_tag(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(bytes);
}

fn write_number(number: f64, out: &mut Vec<u8>) {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if !(-LIMIT..LIMIT).contains(&number) || number.fract() != 0.0 {
        let single = number as f32;
        if f64::from(single) == number {
            with_tag(0xCA, &single.to_be_bytes(), out);
        } else {
            with_tag(0xCB, &number.to_be_bytes(), out);
        }
        return;
    }
    match number as i64 {
        whole @ 0..0x80 => out.push(whole as u8),
        whole @ 0x80..0x100 => with_tag(0xCC, &[whole as u8], out),
        whole @ 0x100..0x1_0000 => with_tag(0xCD, &(whole as u16).to_be_bytes(), out),
        whole @ 0x1_0000..0x1_0000_0000 => with_tag(0xCE, &(whole as u32).to_be_bytes(), out),
        whole @ 0x1_0000_0000.. => with_tag(0xCF, &whole.to_be_bytes(), out),
        whole @ -32..0 => out.push(whole as u8),
        whole @ -0x80..-32 => with_tag(0xD0, &[whole as u8], out),
        whole @ -0x8000..-0x80 => with_tag(0xD1, &(whole as i16).to_be_bytes(), out),
        whole @ -0x8000_0000..-0x8000 => with_tag(0xD2, &(whole as i32).to_be_bytes(), out),
        whole => with_tag(0xD3, &whole.to_be_bytes(), out),
    }
}

/// An array where the keys are 1 to their number, else a map.
fn write_table(stack: &mut Stack<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), Raised> {
    let table = stack.len();
    let (mut max, mut count, mut is_array) = (0i64, 0i64, true);
    stack.push_nil();
    while stack.next(table) {
        match stack.number(-2) {
            Some(key) if key > 0.0 && key.fract() == 0.0 && key <= f64::from(i32::MAX) => max = max.max(key as i64),
            _ => is_array = false,
        }
        count += 1;
        stack.pop(1);
    }
    if is_array && max == count {
        write_len(count as usize, (0x90, 0xDC, 0xDD), out);
        for at in 1..=count {
            stack.push_item(table, at as i32);
            write(stack, out, depth)?;
            stack.pop(1);
        }
        return Ok(());
    }
    write_len(count as usize, (0x80, 0xDE, 0xDF), out);
    stack.push_nil();
    while stack.next(table) {
        stack.push_copy(-2);
        write(stack, out, depth)?;
        stack.pop(1);
        write(stack, out, depth)?;
        stack.pop(1);
    }
    Ok(())
}

fn write_len(len: usize, (short, medium, long): (u8, u8, u8), out: &mut Vec<u8>) {
    match len {
        0..16 => out.push(short | len as u8),
        16..0x1_0000 => with_tag(medium, &(len as u16).to_be_bytes(), out),
        _ => with_tag(long, &(len as u32).to_be_bytes(), out),
    }
}

fn unpack(stack: &mut Stack<'_>) -> Answer {
    unpack_some(stack, 0, 0)
}

fn unpack_one(stack: &mut Stack<'_>) -> Answer {
    let offset = if stack.is_absent(2) { 0 } else { stack.check_int(2)? };
    unpack_some(stack, 1, offset)
}

fn unpack_limit(stack: &mut Stack<'_>) -> Answer {
    let limit = stack.check_int(2)?;
    let offset = if stack.is_absent(3) { 0 } else { stack.check_int(3)? };
    unpack_some(stack, limit, offset)
}

/// Unpacks `limit` values from an offset on, with the offset behind them before them; all and only them where both
/// are 0.
fn unpack_some(stack: &mut Stack<'_>, limit: i64, offset: i64) -> Answer {
    let text = stack.check_text(1)?;
    let len = text.len();
    if offset < 0 || limit < 0 {
        return Err(stack.raise_here(format!("Invalid request to unpack with offset of {offset} and limit of {len}.")));
    }
    if offset > len as i64 {
        return Err(stack.raise_here(format!("Start offset {offset} greater than input length {len}.")));
    }
    let is_all = limit == 0 && offset == 0;
    let mut reader = Reader { rest: &text[offset as usize..] };
    let first = stack.len() + 1;
    let mut count = 0;
    while !reader.rest.is_empty() && (is_all || i64::from(count) < limit) {
        if !stack.reserve(8) {
            return Err(stack.raise_here(
                "stack overflow (too many return values at once; use unpack_one or unpack_limit instead.)",
            ));
        }
        reader.push(stack, 0).map_err(|fault| stack.raise_here(fault))?;
        count += 1;
    }
    if is_all {
        return Ok(count);
    }
    let next = if reader.rest.is_empty() { -1.0 } else { (len - reader.rest.len()) as f64 };
    stack.push_number(next);
    stack.insert(first);
    Ok(count + 1)
}

const MISSING: &str = "Missing bytes in input.";
const MALFORMED: &str = "Bad data format in input.";

struct Reader<'b> {
    rest: &'b [u8],
}

impl<'b> Reader<'b> {
    fn bytes(&mut self, len: usize) -> Result<&'b [u8], &'static str> {
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(MISSING)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        self.bytes(N)?.try_into().map_err(|_| MISSING)
    }

    /// A length of so many bytes.
    fn len(&mut self, width: usize) -> Result<usize, &'static str> {
        Ok(self.bytes(width)?.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)))
    }

    fn push(&mut self, stack: &mut Stack<'_>, depth: usize) -> Result<(), &'static str> {
        if depth > UNPACK_DEPTH_MAX || !stack.reserve(8) {
            return Err(MALFORMED);
        }
        let tag = self.bytes(1)?[0];
        match tag {
            0..0x80 => stack.push_number(f64::from(tag)),
            0x80..0x90 => self.push_map(stack, usize::from(tag & 15), depth)?,
            0x90..0xA0 => self.push_array(stack, usize::from(tag & 15), depth)?,
            0xA0..0xC0 => stack.push_bytes(self.bytes(usize::from(tag & 31))?),
            0xC0 => stack.push_nil(),
            0xC2 | 0xC3 => stack.push_bool(tag == 0xC3),
            0xC4..=0xC6 | 0xD9..=0xDB => {
                let width = if tag < 0xD9 { 1 << (tag - 0xC4) } else { 1 << (tag - 0xD9) };
                let len = self.len(width)?;
                stack.push_bytes(self.bytes(len)?);
            }
            0xCA => stack.push_number(f64::from(f32::from_be_bytes(self.array()?))),
            0xCB => stack.push_number(f64::from_be_bytes(self.array()?)),
            0xCC => stack.push_number(f64::from(u8::from_be_bytes(self.array()?))),
            0xCD => stack.push_number(f64::from(u16::from_be_bytes(self.array()?))),
            0xCE => stack.push_number(f64::from(u32::from_be_bytes(self.array()?))),
            0xCF => stack.push_number(u64::from_be_bytes(self.array()?) as f64),
            0xD0 => stack.push_number(f64::from(i8::from_be_bytes(self.array()?))),
            0xD1 => stack.push_number(f64::from(i16::from_be_bytes(self.array()?))),
            0xD2 => stack.push_number(f64::from(i32::from_be_bytes(self.array()?))),
            0xD3 => stack.push_number(i64::from_be_bytes(self.array()?) as f64),
            0xDC | 0xDD => {
                let len = self.len(if tag == 0xDC { 2 } else { 4 })?;
                self.push_array(stack, len, depth)?;
            }
            0xDE | 0xDF => {
                let len = self.len(if tag == 0xDE { 2 } else { 4 })?;
                self.push_map(stack, len, depth)?;
            }
            0xE0.. => stack.push_number(f64::from(tag.cast_signed())),
            _ => return Err(MALFORMED),
        }
        Ok(())
    }

    fn push_array(&mut self, stack: &mut Stack<'_>, len: usize, depth: usize) -> Result<(), &'static str> {
        stack.push_table(len.min(self.rest.len()), 0);
        for at in 1..=len {
            self.push(stack, depth + 1)?;
            stack.set_item(-2, i32::try_from(at).map_err(|_| MALFORMED)?);
        }
        Ok(())
    }

    fn push_map(&mut self, stack: &mut Stack<'_>, len: usize, depth: usize) -> Result<(), &'static str> {
        stack.push_table(0, len.min(self.rest.len()));
        for _ in 0..len {
            self.push(stack, depth + 1)?;
            self.push(stack, depth + 1)?;
            stack.set_entry(-3);
        }
        Ok(())
    }
}
