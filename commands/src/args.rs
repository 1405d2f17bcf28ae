//! A request's words, and the types that handlers take them as.
//!
//! Words stay where the connection read them: nothing is copied or allocated for an argument.

use keyspace::keys::Key;
use keyspace::shard::Keyspace;
use resp::Span;

use crate::error::{Error, Result};
use crate::request::HashedKey;
use crate::spec::{ArgDoc, ArgType};

/// A cursor over the words after the command's name.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    buffer: &'a [u8],
    spans: &'a [Span],
    space: &'a Keyspace,
    /// Hashes that somebody computed already, of keys from here on.
    hashes: &'a [HashedKey],
}

impl<'a> Args<'a> {
    /// Words of a request, with the hashes of its keys that are known, in the order of their words.
    pub fn new(buffer: &'a [u8], spans: &'a [Span], space: &'a Keyspace, hashes: &'a [HashedKey]) -> Self {
        Self { buffer, spans, space, hashes }
    }

    /// The number of words left.
    #[inline]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether no word is left.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The next word, which stays.
    #[inline]
    pub fn peek(&self) -> Option<&'a [u8]> {
        self.spans.first().map(|span| span.of(self.buffer))
    }

    /// The `index`-th word from here.
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.spans.get(index).map(|span| span.of(self.buffer))
    }

    /// The next word.
    #[inline]
    pub fn word(&mut self) -> Result<&'a [u8]> {
        let (first, rest) = self.spans.split_first().ok_or(Error::Arity)?;
        self.spans = rest;
        Ok(first.of(self.buffer))
    }

    /// The next word as a key.
    #[inline(always)]
    pub fn key(&mut self) -> Result<Key<'a>> {
        let (first, rest) = self.spans.split_first().ok_or(Error::Arity)?;
        self.spans = rest;
        Ok(self.key_at(*first))
    }

    #[inline(always)]
    fn key_at(&mut self, span: Span) -> Key<'a> {
        let bytes = span.of(self.buffer);
        while let [known, rest @ ..] = self.hashes
            && known.span.start <= span.start
        {
            self.hashes = rest;
            if known.span == span {
                return Key { bytes, hash: known.hash };
            }
        }
        Key { bytes, hash: self.space.hash(bytes) }
    }

    /// Takes the next word when it is this token, in any case.
    #[inline]
    pub fn take_token(&mut self, token: &str) -> bool {
        let found = self.peek().is_some_and(|word| word.eq_ignore_ascii_case(token.as_bytes()));
        if found {
            self.spans = &self.spans[1..];
        }
        found
    }

    /// Takes the next word, which must be this token.
    pub fn expect_token(&mut self, token: &str) -> Result<()> {
        if self.take_token(token) { Ok(()) } else { Err(Error::Syntax) }
    }

    /// The first `count` words; the rest stays.
    pub fn take_first(&mut self, count: usize) -> Result<Self> {
        if count > self.spans.len() {
            return Err(Error::Syntax);
        }
        let (first, rest) = self.spans.split_at(count);
        self.spans = rest;
        Ok(Self { spans: first, ..*self })
    }

    /// All words that are left.
    pub fn take_all(&mut self) -> Self {
        let all = *self;
        self.spans = &[];
        all
    }

    /// Nothing may be left.
    #[inline]
    pub fn end(&self) -> Result<()> {
        if self.is_empty() { Ok(()) } else { Err(Error::Syntax) }
    }

    /// Where the words are: the buffer, and their places in it.
    pub(crate) fn parts(&self) -> (&'a [u8], &'a [Span]) {
        (self.buffer, self.spans)
    }

    /// The words as slices.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a> {
        let buffer = self.buffer;
        self.spans.iter().map(move |span| span.of(buffer))
    }

    /// The words as keys.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = Key<'a>> + Clone + use<'a> {
        let mut args = *self;
        self.spans.iter().map(move |span| args.key_at(*span))
    }
}

/// A type that a parameter of a handler may have: how it is read and how it is documented.
pub trait Arg<'a>: Sized {
    /// Its node in COMMAND DOCS.
    const DOC: ArgDoc;

    /// Reads it.
    fn take(args: &mut Args<'a>) -> Result<Self>;

    /// Reads it behind a token: a missing word is a syntax error there.
    fn take_value(args: &mut Args<'a>) -> Result<Self> {
        if args.is_empty() { Err(Error::Syntax) } else { Self::take(args) }
    }
}

/// Options in any order; made by `#[derive(Args)]` on a struct.
pub trait Options<'a>: Sized {
    /// Their nodes.
    const DOCS: &'static [ArgDoc];

    /// Reads all of them.
    fn take(args: &mut Args<'a>) -> Result<Self>;
}

/// Options that are read when the handler asks for them: after it looked at its key, where Redis does so too.
#[derive(Clone, Copy)]
pub struct Unread<'a, T> {
    args: Args<'a>,
    options: std::marker::PhantomData<T>,
}

impl<'a, T: Options<'a>> Unread<'a, T> {
    /// Reads them.
    pub fn read(mut self) -> Result<T> {
        T::take(&mut self.args)
    }
}

impl<'a, T: Options<'a>> Arg<'a> for Unread<'a, T> {
    const DOC: ArgDoc = ArgDoc::flatten(T::DOCS);

    fn take(args: &mut Args<'a>) -> Result<Self> {
        Ok(Self { args: args.take_all(), options: std::marker::PhantomData })
    }
}

/// As [`Unread`], for one word.
#[derive(Clone, Copy)]
pub struct UnreadWord<'a, T> {
    word: Args<'a>,
    kind: std::marker::PhantomData<T>,
}

impl<'a, T: Arg<'a>> UnreadWord<'a, T> {
    /// Reads it.
    pub fn read(mut self) -> Result<T> {
        T::take(&mut self.word)
    }
}

impl<'a, T: Arg<'a>> Arg<'a> for UnreadWord<'a, T> {
    const DOC: ArgDoc = T::DOC;

    fn take(args: &mut Args<'a>) -> Result<Self> {
        let word = args.take_first(1).map_err(|_| Error::Arity)?;
        Ok(Self { word, kind: std::marker::PhantomData })
    }
}

/// One of some tokens; made by `#[derive(Args)]` on an enum.
pub trait OneOf<'a>: Sized {
    /// The alternatives.
    const DOCS: &'static [ArgDoc];

    /// Reads it when the next word is one of them.
    fn take_if(args: &mut Args<'a>) -> Result<Option<Self>>;
}

/// Sets an alternative; another one before it is a syntax error.
pub fn choose<T>(place: &mut Option<T>, choice: T) -> Result<()> {
    if let Some(before) = place
        && (std::mem::discriminant(before) != std::mem::discriminant(&choice))
    {
        return Err(Error::Syntax);
    }
    *place = Some(choice);
    Ok(())
}

impl<'a> Arg<'a> for Key<'a> {
    const DOC: ArgDoc = ArgDoc::new("key", ArgType::Key).key_spec(0);

    #[inline]
    fn take(args: &mut Args<'a>) -> Result<Self> {
        args.key()
    }
}

impl<'a> Arg<'a> for &'a [u8] {
    const DOC: ArgDoc = ArgDoc::new("", ArgType::String);

    #[inline]
    fn take(args: &mut Args<'a>) -> Result<Self> {
        args.word()
    }
}

impl<'a> Arg<'a> for i64 {
    const DOC: ArgDoc = ArgDoc::new("", ArgType::Integer);

    #[inline]
    fn take(args: &mut Args<'a>) -> Result<Self> {
        base::number::parse_i64(args.word()?).ok_or(Error::NotAnInteger)
    }
}

impl<'a> Arg<'a> for f64 {
    const DOC: ArgDoc = ArgDoc::new("", ArgType::Double);

    fn take(args: &mut Args<'a>) -> Result<Self> {
        base::number::parse_f64(args.word()?).ok_or(Error::NotAFloat)
    }
}

/// A database by its number.
#[derive(Clone, Copy, Debug)]
pub struct Database(pub usize);

impl<'a> Arg<'a> for Database {
    const DOC: ArgDoc = ArgDoc::new("", ArgType::Integer);

    fn take(args: &mut Args<'a>) -> Result<Self> {
        let index = i64::take(args)?;
        if i32::try_from(index).is_err() {
            return Err(Error::Plain("ERR value is out of range, value must between -2147483648 and 2147483647"));
        }
        let db = usize::try_from(index).ok().filter(|&db| db < args.space.databases());
        db.map(Self).ok_or(Error::DbIndex)
    }
}

impl<'a, T: Arg<'a>> Arg<'a> for Option<T> {
    const DOC: ArgDoc = T::DOC.optional();

    fn take(args: &mut Args<'a>) -> Result<Self> {
        if args.is_empty() { Ok(None) } else { T::take(args).map(Some) }
    }
}

/// An alternative of tokens as a required argument.
#[derive(Clone, Copy, Debug)]
pub struct Choice<T>(pub T);

impl<'a, T: OneOf<'a>> Arg<'a> for Choice<T> {
    const DOC: ArgDoc = ArgDoc::one_of("", T::DOCS);

    fn take(args: &mut Args<'a>) -> Result<Self> {
        T::take_if(args)?.map(Self).ok_or(Error::Syntax)
    }
}

/// All words that are left, at least one, each read as a `T` when it is asked for.
#[derive(Clone, Copy)]
pub struct Many<'a, T> {
    args: Args<'a>,
    item: std::marker::PhantomData<T>,
}

impl<'a, T: Arg<'a>> Many<'a, T> {
    /// How many words there are.
    pub fn words(&self) -> Args<'a> {
        self.args
    }

    /// Each item; the first that cannot be read ends it with its error.
    pub fn iter(&self) -> impl Iterator<Item = Result<T>> + Clone + use<'a, T> {
        let mut args = self.args;
        std::iter::from_fn(move || (!args.is_empty()).then(|| T::take(&mut args)))
    }
}

impl<'a, T: Arg<'a>> Arg<'a> for Many<'a, T> {
    const DOC: ArgDoc = T::DOC.multiple();

    #[inline]
    fn take(args: &mut Args<'a>) -> Result<Self> {
        if args.is_empty() {
            return Err(Error::Arity);
        }
        Ok(Self { args: args.take_all(), item: std::marker::PhantomData })
    }
}

/// A value to be stored, where the docs need its name: as a part of a [`Pair`].
#[derive(Clone, Copy, Debug)]
pub struct Value<'a>(pub &'a [u8]);

impl<'a> Arg<'a> for Value<'a> {
    const DOC: ArgDoc = ArgDoc::new("value", ArgType::String);

    #[inline]
    fn take(args: &mut Args<'a>) -> Result<Self> {
        args.word().map(Self)
    }
}

/// Two arguments in a row.
#[derive(Clone, Copy, Debug)]
pub struct Pair<A, B>(pub A, pub B);

/// The names of a pair's parts come from their types' own docs.
impl<'a, A: Arg<'a>, B: Arg<'a>> Arg<'a> for Pair<A, B> {
    const DOC: ArgDoc = ArgDoc::block("data", &[A::DOC, B::DOC]);

    #[inline]
    fn take(args: &mut Args<'a>) -> Result<Self> {
        let first = A::take(args)?;
        Ok(Self(first, B::take(args)?))
    }
}

/// `numkeys` and as many keys.
#[derive(Clone, Copy)]
pub struct Counted<'a>(pub Args<'a>);

impl<'a> Arg<'a> for Counted<'a> {
    const DOC: ArgDoc = ArgDoc::flatten(&[
        ArgDoc::new("numkeys", ArgType::Integer),
        ArgDoc::new("key", ArgType::Key).key_spec(0).multiple(),
    ]);

    fn take(args: &mut Args<'a>) -> Result<Self> {
        let count = base::number::parse_i64(args.word()?).filter(|&count| count > 0);
        let count = count.ok_or(Error::Plain("ERR numkeys should be greater than 0"))?;
        args.take_first(usize::try_from(count).unwrap_or(usize::MAX))
            .map(Self)
            .map_err(|_| Error::Plain("ERR Number of keys can't be greater than number of args"))
    }
}

/// All words that are left, for grammars that the types above cannot say; the docs are given by hand.
#[derive(Clone, Copy)]
pub struct Rest<'a>(pub Args<'a>);

impl<'a> Arg<'a> for Rest<'a> {
    const DOC: ArgDoc = ArgDoc::new("", ArgType::String).optional().multiple();

    fn take(args: &mut Args<'a>) -> Result<Self> {
        Ok(Self(args.take_all()))
    }
}
