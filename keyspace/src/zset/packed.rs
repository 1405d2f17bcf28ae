//! The small form of a sorted set: members and scores in turn, in order, in one packed blob.
//!
//! A whole score of at most 52 bits is stored as an integer element, which makes -0.0 a 0 as it does
//! in a listpack. Any other score is stored as the eight bytes of the double in a string element:
//! shorter than its decimal form, exact, and compared without parsing (an insertion reads half of
//! the scores). A blob is trusted; where one is malformed, a walk ends there.

use std::cmp::Ordering;
use std::ops::Range;

use smallvec::SmallVec;

use super::{LexBound, Put, ScoreBound};
use crate::packed::{self, Element, Encoded, IntText};

/// Whole scores up to this magnitude are stored as integers.
const WHOLE_MAX: f64 = (1_u64 << 52) as f64;

/// The longest form of a score.
pub(super) const SCORE_LEN_MAX: usize = 9;

/// A member and its score, with the bytes that they take.
struct Pair<'a> {
    member: Element<'a>,
    score: f64,
    bytes: Range<usize>,
}

impl Pair<'_> {
    /// How this pair compares with a key.
    fn compare(&self, score: f64, member: &[u8]) -> Ordering {
        let by_score = self.score.partial_cmp(&score).unwrap_or(Ordering::Equal);
        by_score.then_with(|| self.member.as_bytes(&mut IntText::default()).cmp(member))
    }
}

/// The pair at an offset.
fn pair_at(blob: &[u8], at: usize) -> Option<Pair<'_>> {
    let (member, middle) = packed::decode(blob, at)?;
    let (score, end) = score_at(blob, middle)?;
    Some(Pair { member, score, bytes: at..end })
}

fn score_at(blob: &[u8], at: usize) -> Option<(f64, usize)> {
    match packed::decode(blob, at)? {
        (Element::Int(whole), next) => Some((whole as f64, next)),
        (Element::Bytes(bytes), next) => Some((f64::from_le_bytes(bytes.try_into().ok()?), next)),
    }
}

fn pairs(blob: &[u8]) -> impl Iterator<Item = Pair<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let pair = pair_at(blob, at)?;
        at = pair.bytes.end;
        Some(pair)
    })
}

fn find<'a>(blob: &'a [u8], member: &[u8]) -> Option<Pair<'a>> {
    pair_at(blob, packed::find(blob, member, 1)?.start)
}

/// The bytes of a member and its score.
pub(super) fn locate(blob: &[u8], member: &[u8]) -> Option<(f64, Range<usize>)> {
    find(blob, member).map(|pair| (pair.score, pair.bytes))
}

/// The bytes of a range of ranks.
pub(super) fn extent(blob: &[u8], ranks: Range<usize>) -> Range<usize> {
    let start = offset(blob, ranks.start);
    start..start + offset(&blob[start..], ranks.len())
}

/// Where the pair of a rank begins, or the blob's end.
fn offset(blob: &[u8], rank: usize) -> usize {
    let mut at = 0;
    for _ in 0..rank.saturating_mul(2) {
        match packed::skip(blob, at) {
            Some(next) => at = next.min(blob.len()),
            None => break,
        }
    }
    at
}

/// The number of members.
pub(super) fn len(blob: &[u8]) -> usize {
    packed::count(blob) / 2
}

/// Bytes to be written into a blob; on the stack when they are short enough for usual limits.
pub(super) type Bytes = SmallVec<[u8; 96]>;

/// A change of a blob: the bytes take the place of the range.
pub(super) struct Edit {
    pub(super) range: Range<usize>,
    pub(super) bytes: Bytes,
}

/// A member and its score as they are stored.
pub(super) fn encoded(member: &[u8], score: f64) -> Bytes {
    let (member, double) = (Encoded::new(member), score.to_le_bytes());
    let is_whole = score.trunc() == score && score.abs() <= WHOLE_MAX;
    let score = if is_whole { Encoded::int(score as i64) } else { Encoded::string(&double) };
    let mut bytes = Bytes::from_elem(0, member.len() + score.len());
    member.write(&mut bytes);
    score.write(&mut bytes[member.len()..]);
    bytes
}

/// Appends a member whose place is at the end.
pub(super) fn push(blob: &mut Vec<u8>, member: &[u8], score: f64) {
    blob.extend_from_slice(&encoded(member, score));
}

/// How the pair at an offset compares with another.
pub(super) fn compare_at(blob: &[u8], at: usize, score: f64, member: &[u8]) -> Option<Ordering> {
    pair_at(blob, at).map(|pair| pair.compare(score, member))
}

/// A member that is about to be added or updated.
pub(super) struct Plan {
    /// What that does.
    pub(super) put: Put,
    /// Its new score.
    pub(super) score: f64,
    /// Where it stands.
    old: Option<Range<usize>>,
}

impl Plan {
    /// `decide` sees the score that the member has and answers the one it shall have, or none to leave things
    /// alone. An error says why there is nothing to change.
    pub(super) fn new(
        blob: &[u8],
        member: &[u8],
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Result<Self, Put> {
        let found = find(blob, member).map(|pair| (pair.score, pair.bytes));
        let score = decide(found.as_ref().map(|&(old, _)| old)).ok_or(Put::Declined)?;
        match found {
            None => Ok(Self { put: Put::Added, score, old: None }),
            Some((old, _)) if old == score => Err(Put::Same),
            Some((old, bytes)) => Ok(Self { put: Put::Updated(old), score, old: Some(bytes) }),
        }
    }

    /// The change. An update replaces all between the member's two places: one change, not two.
    pub(super) fn edit(&self, blob: &[u8], member: &[u8]) -> Edit {
        let place = pairs(blob).find(|pair| pair.compare(self.score, member) == Ordering::Greater);
        let at = place.map_or(blob.len(), |pair| pair.bytes.start);
        let mut bytes = encoded(member, self.score);
        match &self.old {
            None => Edit { range: at..at, bytes },
            Some(old) if at <= old.start => {
                bytes.extend_from_slice(&blob[at..old.start]);
                Edit { range: at..old.end, bytes }
            }
            Some(old) => {
                bytes.insert_from_slice(0, &blob[old.end..at]);
                Edit { range: old.start..at, bytes }
            }
        }
    }
}

/// The score of a member.
pub(super) fn score(blob: &[u8], member: &[u8]) -> Option<f64> {
    find(blob, member).map(|pair| pair.score)
}

/// How many members stand before a member (after it, when `reverse`), and its score.
pub(super) fn rank(blob: &[u8], member: &[u8], reverse: bool) -> Option<(usize, f64)> {
    let found = find(blob, member)?;
    let side = if reverse { &blob[found.bytes.end..] } else { &blob[..found.bytes.start] };
    Some((len(side), found.score))
}

/// The member of a rank: with a random rank, a member chosen uniformly.
pub(super) fn by_rank(blob: &[u8], rank: usize) -> Option<(Element<'_>, f64)> {
    range(blob, rank..rank.saturating_add(1)).next()
}

/// The ranks of the members with scores between two bounds.
pub(super) fn ranks_by_score(blob: &[u8], min: ScoreBound, max: ScoreBound) -> Range<usize> {
    let start = pairs(blob).take_while(|pair| !min.admits_from_below(pair.score)).count();
    let end = pairs(blob).take_while(|pair| max.admits_from_above(pair.score)).count();
    start..end.max(start)
}

/// The ranks of the members between two bounds, in a set whose scores are all equal. With different
/// scores: from the first member above `min` on, as long as members are below `max`, provided that
/// the set's ends do not rule the range out. Redis walks so too.
pub(super) fn ranks_by_lex(blob: &[u8], min: LexBound<'_>, max: LexBound<'_>) -> Range<usize> {
    let above = |member: Element<'_>| min.admits_from_below(member.as_bytes(&mut IntText::default()));
    let below = |member: Element<'_>| max.admits_from_above(member.as_bytes(&mut IntText::default()));
    let Some(first) = pair_at(blob, 0) else { return 0..0 };
    if LexBound::excludes_all(min, max) || !below(first.member) {
        return 0..0;
    }
    let (mut start, mut end, mut is_last_above) = (None, 0, false);
    for (rank, pair) in pairs(blob).enumerate() {
        is_last_above = above(pair.member);
        if start.is_none() && is_last_above {
            (start, end) = (Some(rank), rank);
        }
        if start.is_some() && end == rank && below(pair.member) {
            end += 1;
        }
    }
    match start {
        Some(start) if is_last_above => start..end,
        _ => 0..0,
    }
}

/// Members and scores in order.
#[derive(Clone)]
pub(super) struct Iter<'a> {
    blob: &'a [u8],
    at: usize,
    left: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Element<'a>, f64);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let pair = pair_at(self.blob, self.at)?;
        self.at = pair.bytes.end;
        Some((pair.member, pair.score))
    }
}

/// All members and scores in order.
pub(super) fn iter(blob: &[u8]) -> Iter<'_> {
    Iter { blob, at: 0, left: usize::MAX }
}

/// Members and scores of a range of ranks in order.
pub(super) fn range(blob: &[u8], ranks: Range<usize>) -> Iter<'_> {
    Iter { blob, at: offset(blob, ranks.start), left: ranks.len() }
}

/// Members and scores of a range of ranks, the last one first.
pub(super) fn range_back(blob: &[u8], ranks: Range<usize>) -> impl ExactSizeIterator<Item = (Element<'_>, f64)> {
    let mut walk = range(blob, ranks);
    let mut found: SmallVec<[(Element<'_>, f64); 32]> = SmallVec::new();
    found.extend(walk.by_ref());
    found.into_iter().rev()
}
