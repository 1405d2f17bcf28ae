//! The transcripts of `cases/`, on this server and on a real one.
//! `TRANSCRIPTS=zset/` plays those whose path contains it.

use compat_tests::target::Tcp;
use compat_tests::transcript;

#[test]
fn redis_says_what_the_transcripts_say() {
    transcript::check(&Tcp::redis().unwrap_or_else(|fault| panic!("{fault}")));
}

#[test]
fn tcp_says_what_the_transcripts_say() {
    transcript::check(&Tcp::ours().unwrap_or_else(|fault| panic!("{fault}")));
}
