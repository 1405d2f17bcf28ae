//! `stateless-server [redis.conf] [--directive value ...] [-]`

use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut words = std::env::args_os().map(OsStringExt::into_vec);
    let program = words.next().unwrap_or_default();
    server::run(&program, &words.collect::<Vec<_>>())
}
