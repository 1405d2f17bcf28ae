//! Reads the text of a transcript.
//!
//! Invariant: every line of a file is accounted for; what is neither a step, an expected reply, a comment nor
//! part of the head is an error that names the line.

use super::compare::Matching;
use crate::pattern::Pattern;
use base::quote::split_args;

/// The protocol a case is played in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proto {
    Resp2,
    Resp3,
}

/// Which targets a file or a line is for.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    only: Vec<String>,
    skip: Vec<String>,
}

impl Conditions {
    /// Is `target` meant?
    pub fn allow(&self, target: &str) -> bool {
        (self.only.is_empty() || self.only.iter().any(|name| name == target)) && !self.skip.iter().any(|n| n == target)
    }

    /// Takes `only NAME ...` or `skip NAME ...: reason`; false when `text` is neither.
    fn take(&mut self, text: &str) -> Result<bool, String> {
        if let Some(names) = text.strip_prefix("only ") {
            if names.contains(':') {
                // As a part of a name it would keep the file from every server.
                return Err("'only' takes names and no reason; put that into a comment".into());
            }
            self.only.extend(names.split_whitespace().map(String::from));
            return Ok(true);
        }
        let Some(rest) = text.strip_prefix("skip ") else { return Ok(false) };
        let (names, reason) = rest.split_once(':').ok_or("'skip' needs a reason: [skip redis7: why]")?;
        if reason.trim().is_empty() {
            return Err("'skip' needs a reason: [skip redis7: why]".into());
        }
        self.skip.extend(names.split_whitespace().map(String::from));
        Ok(true)
    }
}

/// One transcript.
pub struct File {
    /// Its path below the crate, for messages.
    pub path: String,
    /// The protocols that it is played in.
    pub protos: Vec<Proto>,
    pub conditions: Conditions,
    pub cases: Vec<Case>,
}

/// A session that starts on an empty server with fresh connections.
pub struct Case {
    pub title: String,
    pub steps: Vec<Step>,
}

/// What a line of a session does.
pub enum Action {
    Command(Vec<Vec<u8>>),
    /// Read the reply that is still pending.
    Await,
    Send(Vec<u8>),
    SleepMs(u64),
    Close,
}

/// One line of a session and the reply that it expects.
pub struct Step {
    /// Counted from 1.
    pub line: usize,
    /// The line as it is written.
    pub source: String,
    pub connection: usize,
    pub action: Action,
    pub proto: Option<Proto>,
    pub conditions: Conditions,
    pub matching: Matching,
    /// The name under which the reply is kept, to stand as `${name}` in later lines.
    pub save: Option<String>,
    /// Empty when the line has no expected reply.
    pub expected: Vec<String>,
    /// The command's reply is read by a later `...` line.
    pub pending: bool,
}

/// Reads `text`; `path` names it in errors.
pub fn parse(path: &str, text: &str) -> Result<File, String> {
    let mut file = File {
        path: path.into(),
        protos: vec![Proto::Resp2],
        conditions: Conditions::default(),
        cases: vec![Case { title: String::new(), steps: Vec::new() }],
    };
    for (index, line) in text.lines().enumerate() {
        parse_line(&mut file, index + 1, line).map_err(|e| format!("{path}:{}: {e}", index + 1))?;
    }
    file.cases.retain(|case| !case.steps.is_empty());
    file.cases.iter_mut().for_each(mark_pending);
    file.cases
        .iter()
        .flat_map(|case| &case.steps)
        .try_for_each(|step| check_patterns(step).map_err(|e| format!("{path}:{}: {e}", step.line)))?;
    Ok(file)
}

fn parse_line(file: &mut File, number: usize, line: &str) -> Result<(), String> {
    if line.trim().is_empty() || line.starts_with('#') {
        return Ok(());
    }
    if let Some(title) = line.strip_prefix("== ") {
        file.cases.push(Case { title: title.trim().into(), steps: Vec::new() });
        return Ok(());
    }
    let steps = &mut file.cases.last_mut().expect("never empty").steps;
    if let Some(step) = parse_step(number, line)? {
        steps.push(step);
        return Ok(());
    }
    if let Some(step) = steps.last_mut() {
        if matches!(step.action, Action::SleepMs(_) | Action::Close | Action::Send(_)) {
            return Err("nothing replies to a '!' line; read a reply with '...'".into());
        }
        step.expected.push(line.trim_end().into());
        return Ok(());
    }
    match line.trim() {
        "proto 2" => file.protos = vec![Proto::Resp2],
        "proto 3" => file.protos = vec![Proto::Resp3],
        "proto both" => file.protos = vec![Proto::Resp2, Proto::Resp3],
        other if file.conditions.take(other)? => {}
        other => return Err(format!("'{other}' stands before the first command and is no head line")),
    }
    Ok(())
}

fn parse_step(number: usize, line: &str) -> Result<Option<Step>, String> {
    let (connection, rest) = match line.strip_prefix('@') {
        None => (1, line),
        Some(rest) => {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let connection = rest[..digits].parse().map_err(|_| "'@' needs the number of a connection")?;
            (connection, &rest[digits..])
        }
    };
    let (rest, directives) = split_directives(rest);
    let action = if let Some(command) = rest.strip_prefix("> ") {
        let argv = split_args(command.as_bytes()).ok_or("a quote is not closed")?;
        if argv.is_empty() {
            return Err("there is no command after '>'".into());
        }
        if argv[0] == b"..." {
            return Err(
                "'...' stands alone on its line: it reads a reply of connection 1, '@2...' of connection 2".into()
            );
        }
        Action::Command(argv)
    } else if rest.trim_end() == "..." {
        Action::Await
    } else if let Some(order) = rest.strip_prefix("! ") {
        parse_order(order)?
    } else if line.starts_with('@') {
        return Err("after '@N' stands '> command', '...' or '! order'".into());
    } else {
        return Ok(None);
    };
    let mut step = Step {
        line: number,
        source: line.into(),
        connection,
        action,
        proto: None,
        conditions: Conditions::default(),
        matching: Matching::default(),
        save: None,
        expected: Vec::new(),
        pending: false,
    };
    directives.iter().try_for_each(|directive| take_directive(&mut step, directive))?;
    Ok(Some(step))
}

fn parse_order(order: &str) -> Result<Action, String> {
    let words = split_args(order.as_bytes()).ok_or("a quote is not closed")?;
    let word = |i: usize| words.get(i).map(|w| String::from_utf8_lossy(w).into_owned()).unwrap_or_default();
    match (word(0).as_str(), words.len()) {
        ("sleep", 2) => word(1).parse().map(Action::SleepMs).map_err(|_| "'! sleep' needs milliseconds".into()),
        ("send", 2) => Ok(Action::Send(words[1].clone())),
        ("close", 1) => Ok(Action::Close),
        _ => Err("an order is '! sleep MS', '! send \"bytes\"' or '! close'".into()),
    }
}

/// Splits `  [a] [b]` off the end of a line. Two spaces stand before the first, so that an argument
/// may end in a bracket.
fn split_directives(line: &str) -> (&str, Vec<&str>) {
    let trimmed = line.trim_end();
    for (at, _) in trimmed.match_indices("  [") {
        let tail = trimmed[at..].trim_start();
        let inner: Vec<&str> = tail.split('[').skip(1).map(str::trim_end).collect();
        if inner.iter().all(|directive| directive.ends_with(']') && directive.matches(']').count() == 1) {
            return (&line[..at], inner.iter().map(|directive| &directive[..directive.len() - 1]).collect());
        }
    }
    (line, Vec::new())
}

fn take_directive(step: &mut Step, directive: &str) -> Result<(), String> {
    let number = |text: &str| text.trim().parse::<i64>().map_err(|_| format!("[{directive}]: '{text}' is no number"));
    match directive.split_once(' ').unwrap_or((directive, "")) {
        ("resp2", "") => step.proto = Some(Proto::Resp2),
        ("resp3", "") => step.proto = Some(Proto::Resp3),
        ("re", "") => step.matching.lines_are_patterns = true,
        ("has", "") => step.matching.within = true,
        ("sort", "") => step.matching.sort = Some(1),
        ("sort", group) => step.matching.sort = Some(number(group)?.max(1) as usize),
        ("~ms", tolerance) => step.matching.tolerance = number(tolerance)?,
        ("save", name) if !name.is_empty() => step.save = Some(name.into()),
        _ if step.conditions.take(directive)? => {}
        _ => return Err(format!("[{directive}] is no directive")),
    }
    Ok(())
}

/// A command without a reply is pending when a `...` follows on its connection before the next command there.
fn mark_pending(case: &mut Case) {
    for i in 0..case.steps.len() {
        let step = &case.steps[i];
        if !matches!(step.action, Action::Command(_)) || !step.expected.is_empty() {
            continue;
        }
        let next = case.steps[i + 1..]
            .iter()
            .find(|later| later.connection == step.connection && !matches!(later.action, Action::SleepMs(_)));
        case.steps[i].pending = next.is_some_and(|later| !matches!(later.action, Action::Command(_)));
    }
}

fn check_patterns(step: &Step) -> Result<(), String> {
    if step.matching.lines_are_patterns || step.matching.within {
        step.expected.iter().try_for_each(|line| Pattern::new(line).map(drop))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_read() {
        let text = "# why\nproto both\nskip redis7: not there yet\n\n> SET k \"a b\"  [resp3] [sort 2]\nOK\n\
                    @2> BLPOP q 0\n> PING\n@2...\n1) \"q\"\n== next\n! sleep 5\n> KEYS [ab]\n";
        let file = parse("f", text).unwrap();
        assert_eq!(file.protos.len(), 2);
        assert!(!file.conditions.allow("redis7") && file.conditions.allow("redis8"));
        let [first, second] = &file.cases[..] else { panic!("two cases") };
        assert_eq!((first.steps.len(), second.steps.len(), second.title.as_str()), (4, 2, "next"));
        let [set, blpop, ping, rest] = &first.steps[..] else { panic!("four steps") };
        assert_eq!((set.line, set.proto, set.matching.sort), (5, Some(Proto::Resp3), Some(2)));
        assert_eq!((blpop.connection, blpop.pending, ping.pending), (2, true, false));
        assert_eq!(rest.expected, ["1) \"q\""]);
    }

    #[test]
    fn faults_name_their_line() {
        let check = |text: &str, expected: &str| assert_eq!(parse("f", text).err().as_deref(), Some(expected));
        check("hello", "f:1: 'hello' stands before the first command and is no head line");
        check("> PING\nPONG\n> ECHO \"x", "f:3: a quote is not closed");
        check("> PING  [fast]", "f:1: [fast] is no directive");
        check("> PING  [skip redis7]", "f:1: 'skip' needs a reason: [skip redis7: why]");
        check("> PING  [re]\n(", "f:1: a '(' is never closed");
        check("@> PING", "f:1: '@' needs the number of a connection");
        check("! sleep x", "f:1: '! sleep' needs milliseconds");
    }
}
