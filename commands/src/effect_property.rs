//! Effects run again elsewhere and later, with other random numbers, make the same keys: random sessions of the
//! commands in the recordings, with several clients, transactions, waits and time that passes.

use std::path::Path;

use base::id::Rng;
use base::quote::split_args;

use crate::keys::find_keys;
use crate::request::OwnedRequest;
use crate::spec::{Locks, flag};
use crate::testing::Fixture;

/// Few keys, so that commands meet what others left.
const KEYS: [&[u8]; 7] = [b"a", b"b", b"c", b"d", b"e", b"f", b"g"];
const CLIENTS: u64 = 4;
const STEPS: usize = 1500;
/// Steps between two looks at the keys: a look is a read, and so removes what is over.
const LOOK_EVERY: u64 = 12;

pub(crate) type Words = Vec<Vec<u8>>;

/// All recorded commands that read or write keys, or are about transactions.
pub(crate) fn corpus(fixture: &Fixture) -> Vec<Words> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../compat-tests/effects");
    let mut lines = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(dir).expect("the recordings").flatten().map(|file| file.path()).collect();
    files.sort();
    for path in files {
        let text = std::fs::read_to_string(path).expect("a text");
        let commands = text.lines().filter(|line| line.starts_with('@')).filter_map(|line| line.split_once("> "));
        lines.extend(commands.filter_map(|(_, line)| split_args(line.as_bytes())).filter(|words| fits(fixture, words)));
    }
    lines
}

fn fits(fixture: &Fixture, words: &Words) -> bool {
    let Some(name) = words.first() else { return false };
    let Some(row) = fixture.node.table.resolve(name, words.get(1).map(Vec::as_slice)) else { return false };
    let command = row.command;
    let is_transaction = command.has(flag::UNQUEUED) && !command.has(flag::NO_AUTH);
    command.has(flag::WRITE | flag::READONLY) && command.locks != Locks::Walk || is_transaction
}

/// A command of the corpus, mostly about keys of the few.
pub(crate) fn draw(fixture: &Fixture, corpus: &[Words], random: &mut Rng) -> Words {
    let mut words = corpus[random.below(corpus.len() as u64) as usize].clone();
    if random.below(40) == 0 {
        return vec![b"SELECT".to_vec(), random.below(3).to_string().into_bytes()];
    }
    let slices: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    let row = fixture.node.table.resolve(slices[0], slices.get(1).copied()).expect("it fits");
    let request = OwnedRequest::new(row, &slices);
    let places: Vec<usize> = find_keys(&request.request()).iter().map(|key| key.word).collect();
    if places.is_empty() && row.command.has(flag::WRITE) && random.below(20) > 0 {
        // What empties everything, seldom.
        return draw(fixture, corpus, random);
    }
    for place in places {
        words[place] = KEYS[random.below(KEYS.len() as u64) as usize].to_vec();
    }
    for word in words.iter_mut().skip(2) {
        // Deadlines of the recordings are hours away; some should come.
        if matches!(&word[..], b"100" | b"1000" | b"10000" | b"100000") && random.below(2) == 0 {
            *word = b"30".to_vec();
        }
    }
    words
}

pub(crate) fn may_block(fixture: &Fixture, words: &Words) -> bool {
    fixture.node.table.find(&words[0]).is_some_and(|row| row.command.has(flag::BLOCKING))
}

struct Pair {
    first: Fixture,
    second: Fixture,
    session: Vec<String>,
}

impl Pair {
    fn new() -> Self {
        let (mut first, second) = (Fixture::new(), Fixture::new());
        first.keep_effects();
        Self { first, second, session: Vec::new() }
    }

    fn step(&mut self, client: u32, words: &Words) {
        let slices: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let shown: Vec<String> = words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        self.session.push(format!("@{client}> {}", shown.join(" ")));
        self.first.run(client, &slices);
        self.follow();
    }

    /// Runs the effects again.
    fn follow(&mut self) {
        for (db, words) in self.first.take_effects() {
            let slices: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            let shown: Vec<String> = words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
            self.session.push(format!("    ={db} {}", shown.join(" ")));
            self.second.replay(db, &slices);
        }
    }

    fn pass(&mut self, ms: i64) {
        self.session.push(format!("+ {ms}ms"));
        self.first.advance_ms(ms);
        self.follow();
    }

    /// Both hold the same.
    fn look(&mut self) {
        let now_ms = self.first.now_ms();
        let first = self.first.contents(now_ms);
        self.follow();
        let second = self.second.contents(now_ms);
        let difference = first.iter().zip(&second).find(|(first, second)| first != second);
        if difference.is_some() || first.len() != second.len() {
            let (first, second) = difference.map_or((&first[..], &second[..]), |(first, second)| {
                (std::slice::from_ref(first), std::slice::from_ref(second))
            });
            panic!("{}\nfirst:  {first:#?}\nsecond: {second:#?}", self.session.join("\n"));
        }
        self.session.clear();
    }
}

#[test]
fn effects_make_the_same_keys_elsewhere_and_later() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let rounds = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(2);
    for round in seed..seed + rounds {
        let mut random = Rng::from_seed(round);
        let mut pair = Pair::new();
        let corpus = corpus(&pair.first);
        assert!(corpus.len() > 1000, "{}", corpus.len());
        pair.session.push(format!("seed {round}"));
        for _ in 0..STEPS {
            let client = random.below(CLIENTS) as u32 + 1;
            if pair.first.is_waiting(client) {
                continue;
            }
            let words = draw(&pair.first, &corpus, &mut random);
            // One at least stays able to wake the others.
            if client > 1 || !may_block(&pair.first, &words) {
                pair.step(client, &words);
            }
            match random.below(60) {
                0..5 => pair.pass(random.below(40) as i64),
                5 => pair.pass(20_000),
                6 => {
                    pair.first.tick();
                    pair.follow();
                }
                _ => {}
            }
            if random.below(LOOK_EVERY) == 0 {
                pair.look();
            }
        }
        pair.pass(10_000);
        pair.look();
    }
}
