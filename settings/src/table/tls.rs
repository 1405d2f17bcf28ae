//! TLS: certificates, protocols, and which connections use it.

use crate::choices::{TlsAuthClients, TlsAuthClientsUser};
use crate::kind::Kind;
use crate::table::section;
use crate::value::Text;

section! {
    "TLS";

    /// The port for TLS connections; 0 opens none.
    tls_port: u16 = "0", Kind::PORT, works;
    /// The server's certificate, a PEM file.
    tls_cert_file: Text = "", Kind::TEXT, works;
    /// The private key of the server's certificate, a PEM file.
    tls_key_file: Text = "", Kind::TEXT, works;
    /// The passphrase of the server's private key.
    tls_key_file_pass: Text = "", Kind::TEXT, sensitive, works;
    /// The certificate for outgoing connections, where it is not the server's own.
    tls_client_cert_file: Text = "", Kind::TEXT;
    /// The private key of the certificate for outgoing connections.
    tls_client_key_file: Text = "", Kind::TEXT;
    /// The passphrase of the private key for outgoing connections.
    tls_client_key_file_pass: Text = "", Kind::TEXT, sensitive;
    /// The Diffie-Hellman parameters, a PEM file.
    tls_dh_params_file: Text = "", Kind::TEXT;
    /// The certificates of trusted authorities, one PEM file.
    tls_ca_cert_file: Text = "", Kind::TEXT, works;
    /// The directory with the certificates of trusted authorities.
    tls_ca_cert_dir: Text = "", Kind::TEXT, works;
    /// Whether TLS clients must present a certificate.
    tls_auth_clients: TlsAuthClients = "yes", Kind::one_of::<TlsAuthClients>(), works;
    /// The field of a client's certificate that names the user it signs in as: CN, or a URI among the alternative
    /// names. A client whose certificate names no enabled user is the default user's.
    tls_auth_clients_user: TlsAuthClientsUser = "off", Kind::one_of::<TlsAuthClientsUser>(), own, works;
    /// Uses TLS towards the master.
    tls_replication: bool = "no", Kind::SWITCH;
    /// Uses TLS between the nodes of a cluster.
    tls_cluster: bool = "no", Kind::SWITCH;
    /// The allowed versions of TLS, separated by blanks; empty takes the library's choice.
    tls_protocols: Text = "", Kind::TEXT, works;
    /// The allowed ciphers up to TLS 1.2.
    tls_ciphers: Text = "", Kind::TEXT, works;
    /// The allowed cipher suites of TLS 1.3.
    tls_ciphersuites: Text = "", Kind::TEXT, works;
    /// Lets the server's order of ciphers decide instead of the client's.
    tls_prefer_server_ciphers: bool = "no", Kind::SWITCH, works;
    /// Lets clients resume a session without a full handshake.
    tls_session_caching: bool = "yes", Kind::SWITCH, works;
    /// How many sessions are kept for resumption, where the server and not a ticket of the client keeps them.
    tls_session_cache_size: u32 = "20480", Kind::SMALL;
    /// Seconds for which a session can be resumed.
    tls_session_cache_timeout: u32 = "300", Kind::SMALL, works;
}
