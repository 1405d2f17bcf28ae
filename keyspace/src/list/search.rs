//! Finding elements by value.

use super::List;
use super::node::Needle;
use crate::packed::Element;

impl List {
    /// Calls `found` with the index of each element that equals `value`, and returns how many.
    ///
    /// `rank` says from which match on and in which direction: 1 is the first from the head, -1
    /// the first from the tail. At most `count` matches are reported and at most `maxlen` elements
    /// compared; 0 lifts either limit.
    pub fn position(
        &self,
        value: &[u8],
        rank: i64,
        count: usize,
        maxlen: usize,
        mut found: impl FnMut(usize),
    ) -> usize {
        let search = Search {
            needle: Needle::new(value),
            skip: rank.unsigned_abs().saturating_sub(1),
            count: if count == 0 { usize::MAX } else { count },
            maxlen: if maxlen == 0 { usize::MAX } else { maxlen },
        };
        if rank < 0 {
            let last = self.len().wrapping_sub(1);
            search.run(self.iter_rev(), |steps| found(last - steps))
        } else {
            search.run(self.iter(), found)
        }
    }
}

struct Search<'a> {
    needle: Needle<'a>,
    skip: u64,
    count: usize,
    maxlen: usize,
}

impl Search<'_> {
    fn run<'e>(mut self, elements: impl Iterator<Item = Element<'e>>, mut found: impl FnMut(usize)) -> usize {
        let mut matches = 0;
        for (steps, element) in elements.take(self.maxlen).enumerate() {
            if !self.needle.matches(element) {
                continue;
            }
            if self.skip > 0 {
                self.skip -= 1;
                continue;
            }
            found(steps);
            matches += 1;
            if matches == self.count {
                break;
            }
        }
        matches
    }
}
