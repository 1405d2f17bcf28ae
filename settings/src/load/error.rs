//! Why the server cannot start with its configuration, in Redis's words and layout.

use std::path::PathBuf;

/// A line of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Counted from 1.
    pub line: usize,
    /// The line without blanks around it.
    pub text: Vec<u8>,
}

impl Place {
    /// The error that this line is at fault.
    pub fn refuse(self, reason: impl Into<String>) -> LoadError {
        LoadError::Line { place: self, reason: reason.into() }
    }
}

/// Why the configuration was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadError {
    /// A line is wrong.
    Line {
        /// The line.
        place: Place,
        /// What is wrong.
        reason: String,
    },
    /// A configuration file cannot be read.
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The log file cannot be written.
    LogFile {
        /// What is wrong.
        reason: String,
    },
    /// The command line itself is wrong.
    Usage {
        /// What is wrong, and how to mend it.
        reason: String,
    },
}

impl LoadError {
    /// What to print before exiting with code 1. `version` is the one that the product shows in this place.
    pub fn report(&self, version: &str) -> Vec<u8> {
        let fatal = format!("\n*** FATAL CONFIG FILE ERROR (Redis {version}) ***\n");
        match self {
            Self::Line { place: Place { line, text }, reason } => {
                let mut report = fatal.into_bytes();
                report.extend(format!("Reading the configuration file, at line {line}\n>>> '").as_bytes());
                report.extend(text);
                report.extend(format!("'\n{reason}\n").as_bytes());
                report
            }
            Self::File { path, reason } => {
                format!("Fatal error, can't open config file '{}': {reason}\n", path.display()).into_bytes()
            }
            Self::LogFile { reason } => format!("{fatal}Can't open the log file: {reason}\n").into_bytes(),
            Self::Usage { reason } => format!("{reason}\n").into_bytes(),
        }
    }
}
