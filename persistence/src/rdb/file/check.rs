//! A file judged without loading it: every record is read, every value decoded and dropped.

use keyspace::import::Limits;

use super::scan::{Fault, Record, Scanner};

/// What a sound file holds.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// The version of the format.
    pub version: u16,
    /// Facts that the file tells about itself.
    pub aux: Vec<(String, String)>,
    /// Databases in the order of their coming.
    pub databases: Vec<u64>,
    /// Keys.
    pub keys: u64,
    /// Keys with a deadline.
    pub expiring: u64,
    /// Keys whose deadline has passed.
    pub expired: u64,
    /// Function libraries.
    pub functions: u64,
    /// Values and records of modules, which are not loaded here.
    pub of_modules: u64,
    /// Whether the file was written without a checksum.
    pub has_no_sum: bool,
    /// Where it ends.
    pub end: usize,
}

/// What is wrong with a file, and at which key, where that is known.
pub type Flaw = (Fault, Option<Box<[u8]>>);

/// Judges a file: what it holds, as far as it is sound, and what is wrong with it.
pub fn check(bytes: &[u8], limits: &Limits, now_ms: i64) -> (Checked, Option<Flaw>) {
    let mut checked = Checked::default();
    let mut scanner = match Scanner::new(bytes, true) {
        Ok(scanner) => scanner,
        Err(fault) => return (checked, Some((fault, None))),
    };
    checked.version = scanner.version();
    let dialect = scanner.dialect();
    loop {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let record = scanner.next_record();
        checked.end = scanner.offset();
        match record {
            Ok(None) => break,
            Err(fault) => return (checked, Some((fault, None))),
            Ok(Some(Record::Aux(name, value))) => checked.aux.push((text(&name), text(&value))),
            Ok(Some(Record::Select(db))) => checked.databases.push(db),
            Ok(Some(Record::Function(_))) => checked.functions += 1,
            Ok(Some(Record::Module(_))) => checked.of_modules += 1,
            Ok(Some(Record::Resize(..) | Record::Slots)) => {}
            Ok(Some(Record::Key(found))) => {
                match dialect.decode(&found, limits, 0) {
                    Ok(super::super::Decoded::Module(_)) => checked.of_modules += 1,
                    Ok(_) => {}
                    Err(fault) => return (checked, Some((fault, Some(found.key.into())))),
                }
                checked.keys += 1;
                checked.expiring += u64::from(found.deadline_ms.is_some());
                checked.expired += u64::from(found.deadline_ms.is_some_and(|at| at < now_ms));
            }
        }
    }
    checked.has_no_sum = scanner.has_no_sum();
    (checked, None)
}
