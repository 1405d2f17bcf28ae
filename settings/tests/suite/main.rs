//! The settings as their users see them: loading, CONFIG GET, SET and REWRITE, the example file.

mod defaults;
mod example;
mod load;
mod rewrite;
mod roundtrip;
mod scratch;
mod set;

use settings::{Configured, LoadError, Settings, Startup};

/// Loads with this command line and nothing on standard input.
fn load(args: &[&str]) -> Result<Startup, LoadError> {
    load_with_stdin(args, "")
}

fn load_with_stdin(args: &[&str], stdin: &str) -> Result<Startup, LoadError> {
    let args: Vec<_> = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
    Settings::load(&args, &mut stdin.as_bytes())
}

/// Loads a text that must be accepted.
fn configured(text: &str) -> Configured {
    match load_with_stdin(&["-"], text) {
        Ok(Startup::Serve(configured)) => *configured,
        Ok(Startup::Act(action)) => panic!("{text:?} asks for {action:?}"),
        Err(error) => panic!("{text:?} is refused: {error:?}"),
    }
}

/// One setting as CONFIG GET shows it.
fn shown(settings: &Settings, name: &str) -> String {
    let value = settings.get_one(name).unwrap_or_else(|| panic!("{name} is unknown"));
    String::from_utf8_lossy(&value).into_owned()
}
