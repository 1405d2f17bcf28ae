//! Passwords, access lists and guarded commands.

use crate::choices::{Access, AclPubsubDefault, OwnershipMode, SanitizeDumpPayload};
use crate::kind::Kind;
use crate::table::section;
use crate::value::Text;

section! {
    "Security";

    /// The password of the default user; empty asks for none.
    requirepass: Text = "", Kind::TEXT, sensitive, works;
    /// The file that holds the users; empty takes them from user lines of this file.
    aclfile: Text = "", Kind::TEXT, at_start, works;
    /// The file that holds the rules of the ownership graph; empty takes them from the data.
    ownershipfile: Text = "", Kind::TEXT, at_start, own, works;
    /// Whether writes are refused that own~ rules of other users forbid: enforce; warn lets them through and tells ACL LOG.
    ownership_mode: OwnershipMode = "enforce", Kind::one_of::<OwnershipMode>(), own, works;
    /// How many refusals ACL LOG keeps.
    acllog_max_len: u64 = "128", Kind::COUNT, works;
    /// The channels that a new user may use.
    acl_pubsub_default: AclPubsubDefault = "resetchannels", Kind::one_of::<AclPubsubDefault>(), works;
    /// Who may change protected settings with CONFIG SET.
    enable_protected_configs: Access = "no", Kind::one_of::<Access>(), at_start, works;
    /// Who may use the command DEBUG.
    enable_debug_command: Access = "no", Kind::one_of::<Access>(), at_start, works;
    /// Who may load and unload modules with the command MODULE.
    enable_module_command: Access = "no", Kind::one_of::<Access>(), at_start, works;
    /// How thoroughly the payload of RESTORE is checked.
    sanitize_dump_payload: SanitizeDumpPayload = "no", Kind::one_of::<SanitizeDumpPayload>(), works;
}
