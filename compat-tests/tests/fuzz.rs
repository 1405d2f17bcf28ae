//! The fuzz targets in bounded random loops, for a stable toolchain. `FUZZ_INPUTS` inputs per target (default
//! 20000); `SEED` chooses others. A panic prints the input.

#[path = "../../fuzz/targets.rs"]
mod targets;

use compat_tests::rng::Rng;
use std::panic::catch_unwind;

/// Pieces that lead far into the code, mixed with random bytes.
const PIECES: &[&[u8]] = &[
    b"*1\r\n",
    b"*2\r\n",
    b"*3\r\n",
    b"*-1\r\n",
    b"*0\r\n",
    b"$3\r\n",
    b"$0\r\n",
    b"$-1\r\n",
    b"$1000\r\n",
    b"\r\n",
    b"GET",
    b"SET k v\r\n",
    b"abc\r\n",
    b"\r",
    b"\n",
    b"\"",
    b"'",
    b"\\x41",
    b"\\",
    b" ",
    b"*",
    b"?",
    b"[",
    b"]",
    b"[a-c]",
    b"[^",
    b"-",
    b"a",
    b"b",
    b"a*b",
    b"\0",
    b"+OK\r\n",
    b":1\r\n",
    b"%1\r\n",
    b"~1\r\n",
    b">1\r\n",
    b"|1\r\n",
    b",1.5\r\n",
    b"#t\r\n",
    b"_\r\n",
    b"(12\r\n",
    b"=5\r\ntxt:a\r\n",
    b"!3\r\nERR\r\n",
    b"*99999999999\r\n",
    b"$9999999999\r\n",
    b"POST ",
];

fn input(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..=rng.below(10) {
        if rng.one_in(6) {
            bytes.push(rng.below(256) as u8);
        } else {
            bytes.extend_from_slice(rng.pick::<&[u8]>(PIECES));
        }
    }
    if rng.one_in(3) {
        let cut = rng.below(bytes.len() + 1);
        bytes.truncate(cut);
    }
    bytes
}

fn run(target: fn(&[u8])) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let mut rng = Rng::new(number("SEED").unwrap_or(1));
    for _ in 0..number("FUZZ_INPUTS").unwrap_or(20_000) {
        let bytes = input(&mut rng);
        if catch_unwind(|| target(&bytes)).is_err() {
            panic!("the input was {}", base::quote::quote(&bytes));
        }
    }
}

#[test]
fn parser() {
    run(targets::parser);
}

#[test]
fn reply() {
    run(targets::reply);
}

#[test]
fn glob() {
    run(targets::glob);
}

#[test]
fn quote() {
    run(targets::quote);
}
