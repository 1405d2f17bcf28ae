//! Kinds of events, which `audit-log-classes` chooses among.

/// A kind of event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// A connection begins or ends.
    Conn,
    /// Somebody signs in, or fails to.
    Auth,
    /// A rule refused something.
    AclDeny,
    /// A command for operators.
    Admin,
    /// A change of the settings.
    Config,
    /// A script or function, or a change of them.
    Script,
    /// A command that may change data.
    Write,
    /// A command that reads data.
    Read,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Conn, Self::Auth, Self::AclDeny, Self::Admin, Self::Config, Self::Script, Self::Write, Self::Read];

    /// As `audit-log-classes` and the field `event` name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Conn => "conn",
            Self::Auth => "auth",
            Self::AclDeny => "acl-deny",
            Self::Admin => "admin",
            Self::Config => "config",
            Self::Script => "script",
            Self::Write => "write",
            Self::Read => "read",
        }
    }

    /// Its bit in [`Classes`].
    pub const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// Some classes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Classes(pub u32);

impl Classes {
    /// Whether the class is one of them.
    pub const fn has(self, class: Class) -> bool {
        self.0 & class.bit() != 0
    }

    /// The classes that some words name; the first word that names none is the error.
    pub fn parse<'a>(words: impl Iterator<Item = &'a [u8]>) -> Result<Self, &'a [u8]> {
        let mut classes = Self::default();
        for word in words.filter(|word| !word.is_empty()) {
            let class = Class::ALL.into_iter().find(|class| class.name().as_bytes().eq_ignore_ascii_case(word));
            classes.0 |= class.ok_or(word)?.bit();
        }
        Ok(classes)
    }
}
