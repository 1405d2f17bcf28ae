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
    run_with(target, input);
}

fn run_with(target: fn(&[u8]), input: fn(&mut Rng) -> Vec<u8>) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let mut rng = Rng::new(number("SEED").unwrap_or(1));
    for _ in 0..number("FUZZ_INPUTS").unwrap_or(20_000) {
        let bytes = input(&mut rng);
        if catch_unwind(|| target(&bytes)).is_err() {
            panic!("the input was {}", base::quote::quote(&bytes));
        }
    }
}

/// Values of all types in Redis's snapshot format, each behind its type.
const VALUES: &[&[u8]] = &[
    b"\x00\x05hello",
    b"\x00\xc3\x09\x40\x64\x01aa\xe0\x57\x00\x01aa",
    b"\x01\x02\x01a\xc0\x07",
    b"\x02\x02\x01a\xc0\x07",
    b"\x03\x02\x01a\x031.5\x01b\xff",
    b"\x04\x01\x01f\x01v",
    b"\x05\x01\x01a\x00\x00\x00\x00\x00\x00\xf8\x3f",
    b"\x07\x81\x10\x00\x00\x00\x00\x00\x00\x01\x02\x07\x05\x01s\x00",
    b"\x09\x09\x01\x01f\x01\x02v\x00\x00\xff",
    b"\x0a\x13\x13\x00\x00\x00\x0e\x00\x00\x00\x02\x00\x00\x02ab\x04\x01c\xff",
    b"\x0b\x0e\x02\x00\x00\x00\x03\x00\x00\x00\x01\x00\x02\x00\x03\x00",
    b"\x0c\x11\x11\x00\x00\x00\x0d\x00\x00\x00\x02\x00\x00\x01a\x03\xf2\xff",
    b"\x0d\x11\x11\x00\x00\x00\x0d\x00\x00\x00\x02\x00\x00\x01a\x03\xf2\xff",
    b"\x0e\x01\x11\x11\x00\x00\x00\x0d\x00\x00\x00\x02\x00\x00\x01a\x03\xf2\xff",
    b"\x10\x0d\x0d\x00\x00\x00\x02\x00\x81f\x02\x81v\x02\xff",
    b"\x11\x1c\x1c\x00\x00\x00\x06\x00\x81a\x02\x831.5\x04\x81b\x02\x02\x01\x81c\x02\x83inf\x04\xff",
    b"\x12\x01\x02\x0f\x0f\x00\x00\x00\x03\x00\x81a\x02\x81b\x02\x03\x01\xff",
    b"\x12\x01\x01\x05hello",
    b"\x14\x0d\x0d\x00\x00\x00\x02\x00\x81f\x02\x81v\x02\xff",
    b"\x15\x01\x10\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x1d\x1d\x00\x00\x00\x0a\x00\x01\x01\x00\x01\x01\x01\x81f\x02\x00\x01\x02\x01\x00\x01\x00\x01\x81v\x02\x04\x01\xff\x01\x01\x00\x01\x00\x00\x00\x01\x01\x01g\x01\x00\x01\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x80\x00\x00\x00\x00\x00\x00\x00\x01\x01\x01c\x80\x00\x00\x00\x00\x00\x00\x00\x80\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00",
    b"\x16\x01\x82\x00\x01f\x01v",
    b"\x18\x41\xa6\x23\x05\xa2\x01\x00\x00\x02\x01\x01a\xc0\x01\x00\x01b\xc0\x02",
    b"\x19\x41\xa6\x23\x05\xa2\x01\x00\x00\x1d\x1d\x00\x00\x00\x06\x00\x81a\x02\x01\x01\xf4\x41\xa6\x23\x05\xa2\x01\x00\x00\x09\x81b\x02\x02\x01\x00\x01\xff",
];

/// A value with a few bytes changed, most often to what lengths, counts and tags may be.
fn value(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = rng.pick::<&[u8]>(VALUES).to_vec();
    for _ in 0..rng.below(4) {
        let at = rng.below(bytes.len());
        let byte = [rng.below(256) as u8, bytes[at].wrapping_add(1), bytes[at].wrapping_sub(1), 0, 0xFF, 0x81];
        match rng.below(8) {
            0 => drop(bytes.remove(at)),
            1 => bytes.insert(at, *rng.pick(&byte)),
            2 => bytes.truncate(at + 1),
            _ => bytes[at] = *rng.pick(&byte),
        }
        if bytes.is_empty() {
            bytes.push(0);
        }
    }
    bytes
}

/// Records of a snapshot file: some whole, some damaged.
fn records(rng: &mut Rng) -> Vec<u8> {
    const HEADS: &[&[u8]] = &[
        b"\xfa\x01a\x01b",
        b"\xfe\x01\xfb\x01\x00",
        b"\xfc\x00\x00\x00\x00\x01\x00\x00\x00",
        b"\xfd\x00\x00\x00\x00",
        b"\xf8\x05",
        b"\xf9\x05",
        b"\xf5\x04code",
        b"\xf4\x01\x01\x00",
        b"\xf7\x81\x10\x00\x00\x00\x00\x00\x00\x01\x02\x01\x02\x07\x00",
    ];
    let mut bytes = Vec::new();
    for number in 0..rng.below(6) {
        if rng.one_in(2) {
            bytes.extend_from_slice(rng.pick::<&[u8]>(HEADS));
        }
        let value = if rng.one_in(3) { value(rng) } else { rng.pick::<&[u8]>(VALUES).to_vec() };
        bytes.extend_from_slice(&[value[0], 1, number as u8]);
        bytes.extend_from_slice(&value[1..]);
    }
    if !rng.one_in(4) {
        bytes.extend_from_slice(b"\xff\x00\x00\x00\x00\x00\x00\x00\x00");
    }
    bytes
}

#[test]
fn payload() {
    run_with(targets::payload, value);
}

#[test]
fn snapshot() {
    // Threads for each of them: fewer inputs in the same time.
    run_with(targets::snapshot, |rng| if rng.one_in(8) { records(rng) } else { vec![0xFF; 9] });
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
