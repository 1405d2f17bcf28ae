//! The command line: `[file] [--directive word ...] [-]`, or one action.
//!
//! Options become lines of redis.conf, so they pass the same checks as a file's lines.

use crate::grammar::option_name;
use crate::kind::Word;
use crate::load::error::LoadError;

/// What the program does instead of serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Print the version and exit with code 0.
    Version,
    /// Print how to use the program to standard error and exit with code 1, as Redis does.
    Help,
    /// Check the system's settings and exit.
    CheckSystem,
    /// Test so many mebibytes of memory and exit.
    TestMemory {
        /// How much to test.
        mebibytes: u64,
    },
}

pub(super) enum Plan {
    Act(Action),
    Serve(CommandLine),
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct CommandLine {
    pub(super) config_file: Option<Word>,
    pub(super) stdin: bool,
    /// The options as lines of redis.conf.
    pub(super) options: Vec<u8>,
}

pub(super) fn plan(args: &[Word]) -> Result<Plan, LoadError> {
    let Some((first, mut rest)) = args.split_first() else {
        return Ok(Plan::Serve(CommandLine::default()));
    };
    if let Some(action) = action(first, rest)? {
        return Ok(Plan::Act(action));
    }
    if args.iter().any(|arg| arg == b"--sentinel") {
        let reason = "--sentinel: this server has no Sentinel mode; run Sentinel from Redis or Valkey beside it.";
        return Err(LoadError::Usage { reason: reason.into() });
    }
    let mut command_line = CommandLine::default();
    match first.as_slice() {
        b"-" => command_line.stdin = true,
        [b'-', ..] => rest = args,
        [] => {}
        file => command_line.config_file = Some(file.to_vec()),
    }
    if let Some((last, before)) = rest.split_last()
        && last == b"-"
    {
        command_line.stdin = true;
        rest = before;
    }
    command_line.options = option_lines(rest);
    Ok(Plan::Serve(command_line))
}

fn action(first: &[u8], rest: &[Word]) -> Result<Option<Action>, LoadError> {
    Ok(Some(match first {
        b"-v" | b"--version" => Action::Version,
        b"-h" | b"--help" => Action::Help,
        b"--check-system" => Action::CheckSystem,
        b"--test-memory" => Action::TestMemory { mebibytes: mebibytes(rest)? },
        _ => return Ok(None),
    }))
}

fn mebibytes(rest: &[Word]) -> Result<u64, LoadError> {
    let number = match rest {
        [word] => base::number::parse_i64(word).and_then(|number| u64::try_from(number).ok()),
        _ => None,
    };
    number.filter(|number| *number > 0).ok_or_else(|| LoadError::Usage {
        reason: "Please specify the amount of memory to test in megabytes.\nExample: --test-memory 4096".into(),
    })
}

/// One line per option. An option takes all words up to the next one; its first word may begin with two hyphens,
/// except after `--save`, which may stand alone and then means `save ""`.
fn option_lines(args: &[Word]) -> Vec<u8> {
    let mut lines: Vec<u8> = Vec::new();
    let mut open = Open::Complete;
    for arg in args {
        let starts_option = arg.starts_with(b"--") && open != Open::NeedsWord;
        if starts_option {
            finish(&mut lines, &open);
            if !lines.is_empty() {
                lines.push(b'\n');
            }
            lines.extend(&arg[2..]);
            open = Open::after_name(&arg[2..]);
        } else {
            if !matches!(lines.last(), None | Some(b'\n')) {
                lines.push(b' ');
            }
            lines.extend(base::quote::quote(arg).as_bytes());
            open = Open::Complete;
        }
    }
    finish(&mut lines, &open);
    lines
}

fn finish(lines: &mut Vec<u8>, open: &Open) {
    if *open == Open::LoneSave {
        lines.extend(b" \"\"");
    }
}

/// What the option being read still wants.
#[derive(PartialEq, Eq)]
enum Open {
    NeedsWord,
    LoneSave,
    Complete,
}

impl Open {
    fn after_name(option: &[u8]) -> Self {
        match option_name(option) {
            (b"", _) => Self::Complete,
            (name, b"") if name.eq_ignore_ascii_case(b"save") => Self::LoneSave,
            (_, b"") => Self::NeedsWord,
            _ => Self::Complete,
        }
    }
}
