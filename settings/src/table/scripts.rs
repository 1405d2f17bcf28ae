//! Scripts and functions.

use crate::kind::Kind;
use crate::table::section;

section! {
    "Scripts";

    /// Milliseconds after which a script or function that still runs lets others be told that the server is busy.
    busy_reply_threshold: u64 = "5000", Kind::COUNT, aliases(&["lua-time-limit"]), works;
    /// Offers functions of Lua that are no longer recommended.
    lua_enable_deprecated_api: bool = "no", Kind::SWITCH, at_start, hidden;
}
