//! The settings that choose one of a few words.
//!
//! A variant's number is its word's place in `NAMES`: the store keeps that number, and error messages list the
//! words in that order.

/// A closed set of words.
pub(crate) trait Choice: Copy + 'static {
    /// The words, in the order of the variants.
    const NAMES: &'static [&'static str];
    const VARIANTS: &'static [Self];
}

macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_doc])* #[doc = concat!("`", $word, "`")] $variant),+ }

        impl $name {
            /// The word in redis.conf.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl Choice for $name {
            const NAMES: &'static [&'static str] = &[$($word),+];
            const VARIANTS: &'static [Self] = &[$(Self::$variant),+];
        }
    )+};
}

choices! {
    /// What to do with a write when `maxmemory` is reached.
    MaxmemoryPolicy {
        VolatileLru = "volatile-lru", VolatileLfu = "volatile-lfu", VolatileRandom = "volatile-random",
        VolatileTtl = "volatile-ttl", AllkeysLru = "allkeys-lru", AllkeysLfu = "allkeys-lfu",
        AllkeysRandom = "allkeys-random", Noeviction = "noeviction",
    }
    /// The least important message that is still logged.
    LogLevel {
        Debug = "debug", Verbose = "verbose", Notice = "notice", Warning = "warning", Nothing = "nothing",
    }
    /// The shape of a log line.
    LogFormat { Legacy = "legacy", Logfmt = "logfmt" }
    /// The shape of the time in a log line.
    LogTimestampFormat { Legacy = "legacy", Iso8601 = "iso8601", Milliseconds = "milliseconds" }
    /// The facility of messages to syslog.
    SyslogFacility {
        User = "user", Local0 = "local0", Local1 = "local1", Local2 = "local2", Local3 = "local3",
        Local4 = "local4", Local5 = "local5", Local6 = "local6", Local7 = "local7",
    }
    /// The supervisor that started the process.
    Supervised { Upstart = "upstart", Systemd = "systemd", Auto = "auto", No = "no" }
    /// When the append-only file is forced to disk.
    AppendFsync { Everysec = "everysec", Always = "always", No = "no" }
    /// How a replica takes a full copy without a file.
    ReplDisklessLoad { Disabled = "disabled", OnEmptyDb = "on-empty-db", Swapdb = "swapdb" }
    /// Whether the kernel's out-of-memory score is adjusted.
    OomScoreAdj { No = "no", Yes = "yes", Relative = "relative", Absolute = "absolute" }
    /// The channels a new user may use.
    OwnershipMode { Enforce = "enforce", Warn = "warn", Off = "off" }
    AclPubsubDefault { Allchannels = "allchannels", Resetchannels = "resetchannels" }
    /// How thoroughly a payload of RESTORE or replication is checked.
    SanitizeDumpPayload { No = "no", Yes = "yes", Clients = "clients" }
    /// Who may use a guarded command.
    Access { No = "no", Yes = "yes", Local = "local" }
    /// Whether TLS clients must present a certificate.
    TlsAuthClients { No = "no", Yes = "yes", Optional = "optional" }
    /// What happens when the audit log cannot be written.
    AuditLogPolicy { Open = "open", Closed = "closed" }
    /// The field of a client's certificate that names its user.
    TlsAuthClientsUser { Off = "off", Cn = "CN", Uri = "URI" }
    /// What a cluster node tells clients to connect to.
    ClusterEndpointType { Ip = "ip", Hostname = "hostname", UnknownEndpoint = "unknown-endpoint" }
    /// What a replica does with a command of its master that fails.
    PropagationErrorBehavior { Ignore = "ignore", Panic = "panic", PanicOnReplicas = "panic-on-replicas" }
}

impl Access {
    /// Whether a caller may, who is `local` when it connected over loopback or a Unix socket.
    pub const fn allows(self, local: bool) -> bool {
        match self {
            Self::No => false,
            Self::Yes => true,
            Self::Local => local,
        }
    }
}
