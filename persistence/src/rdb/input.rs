//! The bytes of a snapshot or a payload, read from the front.

use std::borrow::Cow;

use super::format::{length, text};
use super::lzf;

/// Why bytes are no value; as said in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

impl Malformed {
    /// There is less than there should be.
    pub const CUT_OFF: Self = Self("Unexpected EOF reading RDB data");
}

pub(super) type Result<T> = std::result::Result<T, Malformed>;

/// See the module's head.
#[derive(Clone, Debug)]
pub(super) struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// A length, or what stands in its place before a string.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Length {
    Plain(u64),
    Encoded(u8),
}

/// A string, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Text<'a> {
    Bytes(Cow<'a, [u8]>),
    Int(i64),
}

impl<'a> Text<'a> {
    pub(super) fn into_bytes(self) -> Cow<'a, [u8]> {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Int(number) => {
                let mut spelled = Vec::new();
                base::number::push_i64(&mut spelled, number);
                Cow::Owned(spelled)
            }
        }
    }
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Starts in the middle.
    pub(super) fn from(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// The offset of what is read next.
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.left() == 0
    }

    #[inline]
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(len).ok_or(Malformed::CUT_OFF)?;
        let taken = self.bytes.get(self.at..end).ok_or(Malformed::CUT_OFF)?;
        self.at = end;
        Ok(taken)
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let chunk = self.bytes[self.at..].first_chunk().ok_or(Malformed::CUT_OFF)?;
        self.at += N;
        Ok(*chunk)
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    pub(super) fn u64_le(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn i64_le(&mut self) -> Result<i64> {
        self.array().map(i64::from_le_bytes)
    }

    pub(super) fn double(&mut self) -> Result<f64> {
        self.array().map(f64::from_le_bytes)
    }

    #[inline]
    fn length_or_encoding(&mut self) -> Result<Length> {
        let head = self.byte()?;
        Ok(match head >> 6 {
            length::BITS_6 => Length::Plain(u64::from(head & 0x3F)),
            length::BITS_14 => Length::Plain(u64::from(head & 0x3F) << 8 | u64::from(self.byte()?)),
            length::ENCODED => Length::Encoded(head & 0x3F),
            _ => match head {
                length::BITS_32 => Length::Plain(u64::from(u32::from_be_bytes(self.array()?))),
                length::BITS_64 => Length::Plain(u64::from_be_bytes(self.array()?)),
                _ => return Err(Malformed("a length of unknown form")),
            },
        })
    }

    /// A number written as a length.
    #[inline]
    pub(super) fn number(&mut self) -> Result<u64> {
        match self.length_or_encoding()? {
            Length::Plain(number) => Ok(number),
            Length::Encoded(_) => Err(Malformed("a string's encoding where a length should be")),
        }
    }

    /// How many elements follow, of at least `size_min` bytes each: never more than there is input for.
    pub(super) fn count(&mut self, size_min: usize) -> Result<usize> {
        let count = self.number()?;
        if count > (self.left() / size_min) as u64 {
            return Err(Malformed("more elements announced than the data has room for"));
        }
        Ok(count as usize)
    }

    fn usize(&mut self) -> Result<usize> {
        self.number().and_then(|number| usize::try_from(number).map_err(|_| Malformed::CUT_OFF))
    }

    /// A string in any of its encodings.
    #[inline]
    pub(super) fn text(&mut self) -> Result<Text<'a>> {
        match self.length_or_encoding()? {
            Length::Plain(len) => {
                let len = usize::try_from(len).map_err(|_| Malformed::CUT_OFF)?;
                self.take(len).map(|bytes| Text::Bytes(Cow::Borrowed(bytes)))
            }
            Length::Encoded(text::LZF) => {
                let (packed, len) = (self.usize()?, self.usize()?);
                let packed = self.take(packed)?;
                let bytes = lzf::decompress(packed, len).ok_or(Malformed("a compressed string that is damaged"))?;
                Ok(Text::Bytes(Cow::Owned(bytes)))
            }
            Length::Encoded(encoding) => self.int(encoding).map(Text::Int),
        }
    }

    fn int(&mut self, encoding: u8) -> Result<i64> {
        Ok(match encoding {
            text::INT8 => i64::from(i8::from_le_bytes(self.array()?)),
            text::INT16 => i64::from(i16::from_le_bytes(self.array()?)),
            text::INT32 => i64::from(i32::from_le_bytes(self.array()?)),
            _ => return Err(Malformed("a string of unknown encoding")),
        })
    }

    /// A string's bytes.
    #[inline]
    pub(super) fn string(&mut self) -> Result<Cow<'a, [u8]>> {
        self.text().map(Text::into_bytes)
    }

    /// Passes a string over without looking into it.
    #[inline]
    pub(super) fn skip_string(&mut self) -> Result<()> {
        match self.length_or_encoding()? {
            Length::Plain(len) => self.take(usize::try_from(len).map_err(|_| Malformed::CUT_OFF)?).map(drop),
            Length::Encoded(text::LZF) => {
                let packed = self.usize()?;
                self.number()?;
                self.take(packed).map(drop)
            }
            Length::Encoded(encoding) => self.int(encoding).map(drop),
        }
    }

    /// A score as versions before 8 of the format wrote it: the length of its digits, then these.
    pub(super) fn double_as_text(&mut self) -> Result<f64> {
        match self.byte()? {
            255 => Ok(f64::NEG_INFINITY),
            254 => Ok(f64::INFINITY),
            253 => Ok(f64::NAN),
            len => {
                let digits = self.take(usize::from(len))?;
                parse_double(digits).ok_or(Malformed("a score that is no number"))
            }
        }
    }
}

/// A score in decimal.
pub(super) fn parse_double(digits: &[u8]) -> Option<f64> {
    base::number::parse_f64(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_strings_in_all_forms() {
        let mut input = Input::new(&[63, 0x7F, 0xFF, 0x80, 0, 1, 0, 0, 0x81, 0, 0, 0, 1, 0, 0, 0, 0]);
        let numbers: Vec<u64> = (0..4).map(|_| input.number().expect("a length")).collect();
        assert_eq!(numbers, [63, 16_383, 65_536, 1 << 32]);
        assert!(input.is_at_end() && input.byte().is_err());
        let mut input = Input::new(b"\x02hi\xC0\xFF\xC1\x00\x80\xC2\x00\x00\x00\x80\xC3\x05\x0A\x01ab\xC0\x00");
        assert_eq!(input.string().as_deref(), Ok(&b"hi"[..]));
        for expected in [&b"-1"[..], b"-32768", b"-2147483648"] {
            let mut other = input.clone();
            assert_eq!(other.skip_string(), Ok(()));
            assert_eq!(input.string().as_deref(), Ok(expected));
            assert_eq!(input.offset(), other.offset());
        }
        assert_eq!(input.string().as_deref(), Ok(&b"abbbbbbbbb"[..]));
        assert!(Input::new(&[0xC3, 2, 4, 0x40, 0]).text().is_err(), "a reference before the beginning");
        assert_eq!(
            Input::new(&[0xC3, 1, 0x81, 0x7F, 0, 0, 0, 0, 0, 0, 0, 0]).text(),
            Err(Malformed("a compressed string that is damaged"))
        );
        assert!(Input::new(&[0xC4]).text().is_err() && Input::new(&[0x82]).text().is_err());
        assert!(Input::new(&[5, 1, 1, 1]).count(1).is_err());
    }
}
