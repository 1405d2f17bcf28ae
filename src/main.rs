//! `stateless-server [redis.conf] [--directive value ...]`

use std::process::ExitCode;

fn main() -> ExitCode {
    let settings = settings::Settings::new();
    match server::run(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
