//! Draws words for a command's grammar, and puts commands where they can stand: alone, in a transaction, in a script.

use super::catalog::{Command, Node};
use super::values::{self, word};
use crate::model::generate::{Step, Unit};
use crate::rng::Rng;

/// Runs its arguments as a command and answers what that says, errors too.
pub const SCRIPT: &str = "return redis.pcall(unpack(ARGV))";

/// Draws commands from a catalogue.
pub struct Draw<'a> {
    pub commands: &'a [Command],
}

impl Draw<'_> {
    /// What a sequence begins with: a key of each type.
    pub fn beginning() -> Vec<Unit> {
        let words = |line: &&str| line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        values::BEGINNING.iter().map(|line| vec![send(0, words(line))]).collect()
    }

    /// A unit of one command, or of a transaction, a script or a wait around some.
    pub fn unit(&self, rng: &mut Rng) -> Unit {
        match rng.below(10) {
            0 => self.transaction(rng),
            1 => vec![send(0, self.script(rng))],
            2 => self.wait(rng),
            _ => {
                let command = rng.pick(self.commands);
                let argv = argv(command, rng);
                let spoils = is_drawn_at_random(command);
                let key = argv.get(1).cloned().unwrap_or_default();
                let mut unit = vec![send(usize::from(command.may_wait), argv)];
                if spoils {
                    unit.push(send(0, vec![b"DEL".to_vec(), key]));
                }
                unit
            }
        }
    }

    /// One argv of a random command.
    pub fn argv(&self, rng: &mut Rng) -> Vec<Vec<u8>> {
        argv(rng.pick(self.commands), rng)
    }

    fn sure(&self, rng: &mut Rng) -> Vec<Vec<u8>> {
        loop {
            let command = rng.pick(self.commands);
            if !is_drawn_at_random(command) {
                return argv(command, rng);
            }
        }
    }

    fn transaction(&self, rng: &mut Rng) -> Unit {
        let mut unit = vec![send(0, vec![b"MULTI".to_vec()])];
        unit.extend((0..=rng.below(3)).map(|_| send(0, self.sure(rng))));
        unit.push(send(0, vec![b"EXEC".to_vec()]));
        unit
    }

    fn script(&self, rng: &mut Rng) -> Vec<Vec<u8>> {
        let mut words = vec![b"EVAL".to_vec(), SCRIPT.into(), b"0".to_vec()];
        words.extend(self.sure(rng));
        words
    }

    /// One connection waits (if there is nothing for it), another one goes on.
    fn wait(&self, rng: &mut Rng) -> Unit {
        let waiting: Vec<&Command> = self.commands.iter().filter(|command| command.may_wait).collect();
        let mut unit = vec![send(1, argv(waiting[rng.below(waiting.len())], rng))];
        for _ in 0..=rng.below(2) {
            unit.push(send(0, self.prompt(rng)));
        }
        unit
    }

    /// One that does not wait.
    fn prompt(&self, rng: &mut Rng) -> Vec<Vec<u8>> {
        loop {
            let command = rng.pick(self.commands);
            if !is_drawn_at_random(command) && !command.may_wait {
                return argv(command, rng);
            }
        }
    }
}

/// Whether what it takes away is a matter of chance, so that the key must go afterwards.
fn is_drawn_at_random(command: &Command) -> bool {
    command.words == ["spop"]
}

fn send(connection: usize, argv: Vec<Vec<u8>>) -> Step {
    Step::Send { connection, argv }
}

/// The words of one command.
pub fn argv(command: &Command, rng: &mut Rng) -> Vec<Vec<u8>> {
    let mut draw = Words {
        words: command.words.iter().map(|word| word.to_uppercase().into()).collect(),
        count: None,
        last: 1,
        group: &command.group,
    };
    draw.all(&command.args, rng);
    let mut words = draw.words;
    // Some arguments too few, or one too many, now and then.
    if rng.one_in(40) {
        words.push(b"x".to_vec());
    } else if rng.one_in(20) && words.len() > command.words.len() {
        // A token without its value names keys that are not there.
        let from = command.words.len();
        words.truncate(from + rng.below(words.len() - from));
    }
    words
}

struct Words<'a> {
    words: Vec<Vec<u8>>,
    /// Where the number of the elements that follow stands.
    count: Option<usize>,
    /// The last such number.
    last: usize,
    group: &'a str,
}

impl Words<'_> {
    fn all(&mut self, nodes: &[Node], rng: &mut Rng) {
        for node in nodes {
            if node.optional && (rng.one_in(2) || (node.multiple && rng.one_in(2))) {
                if node.multiple && !node.multiple_token && node.token.is_none() {
                    self.fill_count(0, rng);
                }
                continue;
            }
            self.node(node, rng);
        }
    }

    fn node(&mut self, node: &Node, rng: &mut Rng) {
        let repeats = if !node.multiple {
            1
        } else if node.token.is_some() && !node.multiple_token && self.last > 0 && !rng.one_in(8) {
            self.last // as WEIGHTS of so many keys
        } else {
            1 + rng.below(3)
        };
        let mut token = node.token.as_deref().filter(|_| node.kind != "pure-token");
        for _ in 0..repeats {
            self.words.extend(token.map(Into::into));
            if !node.multiple_token {
                token = None;
            }
            self.once(node, rng);
        }
        if node.multiple && node.token.is_none() {
            self.fill_count(repeats, rng);
        }
    }

    fn once(&mut self, node: &Node, rng: &mut Rng) {
        match &node.kind[..] {
            // An id of the moment differs between two servers.
            "pure-token" if node.token.as_deref() == Some("*") => {
                self.words.push(rng.pick(&["6-1", "7-*", "20-0", "*0"]).as_bytes().to_vec());
            }
            "pure-token" => self.words.push(node.token.clone().unwrap_or_default().into()),
            "oneof" if !node.children.is_empty() => self.node(rng.pick(&node.children), rng),
            "block" => self.all(&node.children, rng),
            _ => {
                if node.name.starts_with("num") && node.kind == "integer" {
                    self.count = Some(self.words.len());
                }
                self.words.push(word(node, self.group, rng));
            }
        }
    }

    /// The number of what was just written, where it was promised; now and then a wrong one.
    fn fill_count(&mut self, count: usize, rng: &mut Rng) {
        if let Some(at) = self.count.take()
            && !rng.one_in(10)
        {
            self.words[at] = count.to_string().into();
            self.last = count;
        }
    }
}
