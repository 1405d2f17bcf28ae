//! What is logged, where and how.

use crate::choices::{AuditLogPolicy, LogFormat, LogLevel, LogTimestampFormat, SyslogFacility};
use crate::kind::Kind;
use crate::table::section;
use crate::value::{Text, Words};

const CLASSES: Kind = Kind::Words { max: 8, too_many: "Too many classes of events specified." };

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
    syslog_enabled: bool = "no", Kind::SWITCH, at_start, works;
    /// The name under which syslog shows the server.
    syslog_ident: Text = "redis", Kind::TEXT, at_start, works;
    /// The facility of messages to syslog.
    syslog_facility: SyslogFacility = "local0", Kind::one_of::<SyslogFacility>(), at_start, works;
    /// Logs a report when the process crashes.
    crash_log_enabled: bool = "yes", Kind::SWITCH, works;
    /// Checks the machine's memory when the process crashes.
    crash_memcheck_enabled: bool = "yes", Kind::SWITCH;
    /// Keeps the data of users out of logs and crash reports.
    hide_user_data_from_log: bool = "no", Kind::SWITCH, works;
    /// The audit log: a line of JSON for each event, chained by their hashes. Empty keeps none.
    audit_log_file: Text = "", Kind::TEXT, at_start, own, works;
    /// The events that are told: conn, auth, acl-deny, admin, config, script, write, read.
    audit_log_classes: Words = "conn auth acl-deny admin config script", CLASSES, own, works;
    /// What happens when the audit log cannot be written: open goes on and counts what is lost, closed refuses the
    /// commands that it could not tell of.
    audit_log_policy: AuditLogPolicy = "open", Kind::one_of::<AuditLogPolicy>(), own, works;
}
