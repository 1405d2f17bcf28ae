//! The bytes of a snapshot or a payload, written at the end of a buffer.

use keyspace::backlen;
use keyspace::packed::{self, Element};

use super::format::{length, text};
use super::lzf::Compressor;

/// Shorter strings are not worth compressing.
const COMPRESS_LEN_MIN: usize = 21;
/// Longer ones do not spell a number of 32 bits.
const DIGITS_MAX: usize = 11;

/// Writes strings; compresses them where that was asked for.
#[derive(Default)]
pub(super) struct Texts {
    compressor: Option<Compressor>,
    packed: Vec<u8>,
}

impl Texts {
    pub(super) fn new(compresses: bool) -> Self {
        Self { compressor: compresses.then(Compressor::default), packed: Vec::new() }
    }

    /// A string in its shortest form.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if bytes.len() <= DIGITS_MAX
            && let Some(number) = base::number::parse_i64(bytes)
            && push_small_int(number, out)
        {
            return;
        }
        self.push_opaque(bytes, out);
    }

    /// A string that is surely no number, such as a packed row.
    pub(super) fn push_opaque(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if bytes.len() >= COMPRESS_LEN_MIN
            && let Some(compressor) = &mut self.compressor
        {
            self.packed.clear();
            if compressor.compress(bytes, &mut self.packed) {
                out.push(length::ENCODED << 6 | text::LZF);
                push_number(self.packed.len() as u64, out);
                push_number(bytes.len() as u64, out);
                return out.extend_from_slice(&self.packed);
            }
        }
        push_number(bytes.len() as u64, out);
        out.extend_from_slice(bytes);
    }

    /// An element's text.
    pub(super) fn push_element(&mut self, element: Element<'_>, out: &mut Vec<u8>) {
        match element {
            Element::Bytes(bytes) => self.push(bytes, out),
            Element::Int(int) => push_int(int, out),
        }
    }
}

/// A number's text.
pub(super) fn push_int(number: i64, out: &mut Vec<u8>) {
    if !push_small_int(number, out) {
        push_number(base::number::digits(number) as u64, out);
        base::number::push_i64(out, number);
    }
}

/// A number's text in binary, where 32 bits suffice.
fn push_small_int(number: i64, out: &mut Vec<u8>) -> bool {
    let Ok(number) = i32::try_from(number) else { return false };
    let (encoding, len) = match number {
        -0x80..=0x7F => (text::INT8, 1),
        -0x8000..=0x7FFF => (text::INT16, 2),
        _ => (text::INT32, 4),
    };
    out.push(length::ENCODED << 6 | encoding);
    out.extend_from_slice(&number.to_le_bytes()[..len]);
    true
}

/// A length or another number.
#[inline]
pub(super) fn push_number(number: u64, out: &mut Vec<u8>) {
    if number < 1 << 6 {
        out.push(number as u8);
    } else if number < 1 << 14 {
        out.extend_from_slice(&[length::BITS_14 << 6 | (number >> 8) as u8, number as u8]);
    } else if let Ok(number) = u32::try_from(number) {
        out.push(length::BITS_32);
        out.extend_from_slice(&number.to_be_bytes());
    } else {
        out.push(length::BITS_64);
        out.extend_from_slice(&number.to_be_bytes());
    }
}

const HEAD_SIZE: usize = 6;
const END: u8 = 0xFF;

/// A listpack under way; its buffer serves many.
#[derive(Default)]
pub(super) struct Row {
    bytes: Vec<u8>,
    len: usize,
}

impl Row {
    pub(super) fn start(&mut self) {
        self.bytes.clear();
        self.bytes.extend_from_slice(&[0; HEAD_SIZE]);
        self.len = 0;
    }

    pub(super) fn push(&mut self, element: Element<'_>) {
        match element {
            Element::Bytes(bytes) => self.push_with(|out| packed::encode(bytes, out)),
            Element::Int(int) => self.push_with(|out| packed::encode_int(int, out)),
        }
    }

    fn push_with(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        encode(&mut self.bytes);
        let (end, len) = (self.bytes.len(), self.bytes.len() - start);
        self.bytes.resize(end + backlen::size(len), 0);
        backlen::write(&mut self.bytes[end..], len);
        self.len += 1;
    }

    /// Elements with their back lengths.
    pub(super) fn push_elements(&mut self, elements: &[u8], len: usize) {
        self.bytes.extend_from_slice(elements);
        self.len += len;
    }

    pub(super) fn finish(&mut self) -> &[u8] {
        self.bytes.push(END);
        let (size, len) = (self.bytes.len() as u32, u16::try_from(self.len).unwrap_or(u16::MAX));
        self.bytes[..4].copy_from_slice(&size.to_le_bytes());
        self.bytes[4..HEAD_SIZE].copy_from_slice(&len.to_le_bytes());
        &self.bytes
    }
}
