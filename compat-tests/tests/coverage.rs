//! Every command of the server has a transcript.

use compat_tests::target::{Target, Tcp};
use compat_tests::transcript::{self, parse::Action};
use resp::Reply;
use std::collections::BTreeSet;

fn text(reply: &Reply) -> String {
    match reply {
        Reply::Bulk(s) | Reply::Simple(s) => String::from_utf8_lossy(s).to_lowercase(),
        other => panic!("a name was expected, got {other:?}"),
    }
}

/// The commands of a server; those of a container as `config|get`, and the container itself not.
fn commands(target: &dyn Target) -> BTreeSet<String> {
    let Ok(Reply::Array(list)) = target.client().words("COMMAND LIST") else { panic!("COMMAND LIST is no array") };
    let names: BTreeSet<String> = list.iter().map(text).collect();
    let containers: BTreeSet<String> =
        names.iter().filter_map(|name| name.split_once('|')).map(|(container, _)| container.to_string()).collect();
    names.difference(&containers).cloned().collect()
}

/// The first word of each command that a transcript compares on `target`, and its first two as `config|get`.
fn transcribed(target: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for path in transcript::files(&transcript::cases_dir()) {
        let file = transcript::read(&path).unwrap_or_else(|fault| panic!("{fault}"));
        for step in file.cases.iter().flat_map(|case| &case.steps) {
            let allowed = file.conditions.allow(target) && step.conditions.allow(target);
            if let (Action::Command(argv), true) = (&step.action, allowed) {
                let word =
                    |i: usize| argv.get(i).map(|w| String::from_utf8_lossy(w).to_lowercase()).unwrap_or_default();
                names.insert(word(0));
                names.insert(format!("{}|{}", word(0), word(1)));
            }
        }
    }
    names
}

#[test]
fn every_command_has_a_transcript() {
    let ours = Tcp::ours().unwrap_or_else(|fault| panic!("{fault}"));
    let (commands, covered) = (commands(&ours), transcribed("stateless"));
    assert!(!commands.is_empty(), "COMMAND lists nothing");
    let missing: Vec<&String> = commands.difference(&covered).collect();
    assert!(missing.is_empty(), "{} commands have no line in cases/<group>/<command>.txt:\n{missing:?}", missing.len());
}
