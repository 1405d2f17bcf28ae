//! The manifest of an append-only file in several parts: a line for each file, `file NAME seq NUMBER type LETTER`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use base::number::parse_i64;
use base::quote::split_args;

/// Bytes of a line, its end included, that Redis reads.
const LINE_LEN_MAX: usize = 1024;

/// One of the files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// Its name, in the manifest's directory.
    pub name: OsString,
    /// Its place among those of its type.
    pub seq: i64,
}

/// See the module's head.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Manifest {
    /// What comes first: a snapshot, or requests that a rewrite made.
    pub base: Option<Part>,
    /// Requests, in their order.
    pub increments: Vec<Part>,
    /// Files that are no longer needed.
    pub history: Vec<Part>,
}

/// What is wrong with a manifest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flaw {
    /// Number and text of the line, where it is in one.
    pub line: Option<(usize, String)>,
    /// In Redis's words.
    pub reason: &'static str,
}

impl Flaw {
    /// The lines that Redis's log has of it.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec!["\n*** FATAL AOF MANIFEST FILE ERROR ***\n".to_owned()];
        if let Some((number, text)) = &self.line {
            lines.push(format!("Reading the manifest file, at line {number}\n"));
            lines.push(format!(">>> '{text}'\n"));
        }
        lines.push(format!("{}\n", self.reason));
        lines
    }
}

const INVALID: &str = "Invalid AOF manifest file format";

impl Manifest {
    /// Reads the file's content.
    pub fn parse(bytes: &[u8]) -> Result<Self, Flaw> {
        if bytes.is_empty() {
            return Err(Flaw { line: None, reason: "Found an empty AOF manifest" });
        }
        let mut manifest = Self::default();
        for (index, raw) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            if raw.starts_with(b"#") {
                continue;
            }
            if raw.len() > LINE_LEN_MAX || !raw.ends_with(b"\n") {
                return Err(Flaw { line: None, reason: "The AOF manifest file contains too long line" });
            }
            let line = raw.trim_ascii();
            manifest.add(line).map_err(|reason| {
                let text = String::from_utf8_lossy(line).into_owned();
                Flaw { line: Some((index + 1, text)), reason }
            })?;
        }
        Ok(manifest)
    }

    fn add(&mut self, line: &[u8]) -> Result<(), &'static str> {
        // More pairs than the three that are known may come from later versions.
        let words =
            split_args(line).filter(|words| words.len() >= 6 && words.len().is_multiple_of(2)).ok_or(INVALID)?;
        let (mut name, mut seq, mut kind) = (None, 0, None);
        for pair in words.chunks_exact(2) {
            let [key, value] = pair else { continue };
            if key.eq_ignore_ascii_case(b"file") {
                if value.contains(&b'/') || value.contains(&b'\\') {
                    return Err("File can't be a path, just a filename");
                }
                name = Some(OsString::from_vec(value.clone()));
            } else if key.eq_ignore_ascii_case(b"seq") {
                seq = parse_i64(value).unwrap_or(0);
            } else if key.eq_ignore_ascii_case(b"type") {
                kind = value.first().copied();
            }
        }
        let (Some(name), Some(kind)) = (name, kind) else { return Err(INVALID) };
        if seq == 0 || name.is_empty() {
            return Err(INVALID);
        }
        let part = Part { name, seq };
        match kind {
            b'b' if self.base.is_some() => return Err("Found duplicate base file information"),
            b'b' => self.base = Some(part),
            b'h' => self.history.push(part),
            b'i' if self.increments.last().is_some_and(|last| part.seq <= last.seq) || part.seq < 0 => {
                return Err("Found a non-monotonic sequence number");
            }
            b'i' => self.increments.push(part),
            _ => return Err("Unknown AOF file type"),
        }
        Ok(())
    }

    /// The files that have the data, in their order.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.base.iter().chain(&self.increments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> (&'static str, Option<usize>) {
        let flaw = Manifest::parse(text.as_bytes()).expect_err(text);
        (flaw.reason, flaw.line.map(|(number, _)| number))
    }

    #[test]
    fn names_files_in_their_order() {
        let text = "# made by hand\nfile a.2.base.rdb seq 2 type b\nfile a.1.incr.aof seq 1 type h\n\
                    file \" with \\\"blanks\\\" \" seq 2 type i more to-come\nfile a.4.incr.aof seq 4 type i\n";
        let manifest = Manifest::parse(text.as_bytes()).expect("sound");
        let names: Vec<_> = manifest.parts().map(|part| part.name.to_string_lossy().into_owned()).collect();
        assert_eq!(names, ["a.2.base.rdb", " with \"blanks\" ", "a.4.incr.aof"]);
        assert_eq!(manifest.history.len(), 1);
    }

    #[test]
    fn says_what_is_wrong_as_redis_does() {
        let base = "file a seq 1 type b\n";
        assert_eq!(refused(""), ("Found an empty AOF manifest", None));
        assert_eq!(refused("file a seq 1 type b"), ("The AOF manifest file contains too long line", None));
        let long = format!("file {} seq 1 type b\n", "a".repeat(1024));
        assert_eq!(refused(&long), ("The AOF manifest file contains too long line", None));
        for line in
            ["\n", "file a seq 1\n", "file a seq 1 type i odd\n", "filx a seq 1 type i\n", "file a seq 0 type i\n"]
        {
            assert_eq!(refused(&format!("{base}{line}")), (INVALID, Some(2)), "{line}");
        }
        assert_eq!(refused(&format!("{base}{base}")), ("Found duplicate base file information", Some(2)));
        assert_eq!(refused("file a seq 1 type x\n"), ("Unknown AOF file type", Some(1)));
        assert_eq!(refused("file ../a seq 1 type b\n"), ("File can't be a path, just a filename", Some(1)));
        let backwards = "file a seq 2 type i\nfile b seq 1 type i\n";
        assert_eq!(refused(backwards), ("Found a non-monotonic sequence number", Some(2)));
        let flaw = Manifest::parse(b"file a seq 1 type x\n").expect_err("unknown");
        assert_eq!(flaw.lines()[1..3], ["Reading the manifest file, at line 1\n", ">>> 'file a seq 1 type x'\n"]);
    }
}
