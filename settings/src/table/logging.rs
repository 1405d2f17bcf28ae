//! What is logged, where and how.

use crate::choices::{LogFormat, LogLevel, LogTimestampFormat, SyslogFacility};
use crate::kind::Kind;
use crate::table::section;
use crate::value::Text;

section! {
    "Logging";

    /// The least important message that is still logged.
    loglevel: LogLevel = "notice", Kind::one_of::<LogLevel>(), works;
    /// The file to log to; empty logs to standard output.
    logfile: Text = "", Kind::TEXT, at_start, works;
    /// The shape of a log line.
    log_format: LogFormat = "legacy", Kind::one_of::<LogFormat>(), at_start, own;
    /// The shape of the time in a log line.
    log_timestamp_format: LogTimestampFormat = "legacy", Kind::one_of::<LogTimestampFormat>(), at_start, own;
    /// Sends what is logged to syslog too.
    syslog_enabled: bool = "no", Kind::SWITCH, at_start;
    /// The name under which syslog shows the server.
    syslog_ident: Text = "redis", Kind::TEXT, at_start;
    /// The facility of messages to syslog.
    syslog_facility: SyslogFacility = "local0", Kind::one_of::<SyslogFacility>(), at_start;
    /// Logs a report when the process crashes.
    crash_log_enabled: bool = "yes", Kind::SWITCH;
    /// Checks the machine's memory when the process crashes.
    crash_memcheck_enabled: bool = "yes", Kind::SWITCH;
    /// Keeps the data of users out of logs and crash reports.
    hide_user_data_from_log: bool = "no", Kind::SWITCH;
}
