//! From the settings about TLS to a configuration of rustls.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, SupportedProtocolVersion};
use settings::{Settings, Text, TlsAuthClients};

use super::{ciphers, files, tickets};

/// Why there is no configuration, for the log.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A configuration, and what the operator should know about it.
pub(super) struct Built {
    pub(super) server: ServerConfig,
    pub(super) notes: Vec<String>,
}

/// The files that a configuration is made from.
pub(super) fn paths(settings: &Settings) -> Vec<PathBuf> {
    let texts = [
        settings.tls_cert_file(),
        settings.tls_key_file(),
        settings.tls_ca_cert_file(),
        settings.tls_ca_cert_dir(),
        settings.tls_client_cert_file(),
        settings.tls_client_key_file(),
    ];
    texts.iter().filter(|text| !text.is_empty()).map(|text| text.as_path().to_owned()).collect()
}

/// Builds it, or says what is wrong in Redis's words.
pub(super) fn build(settings: &Settings) -> Result<Built, Refused> {
    let refuse = |reason: String| Refused(reason);
    let mut notes = Vec::new();
    let mut provider = ring::default_provider();
    let suites = ciphers::choose(&provider.cipher_suites, settings, &mut notes).map_err(refuse)?;
    provider.cipher_suites = suites;
    let versions = versions(settings, &mut notes)?;
    let provider = Arc::new(provider);
    let certified = certified(settings, &provider)?;
    check_client_certificate(settings, &provider)?;
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(&versions);
    let builder = builder.map_err(|error| Refused(format!("Failed to configure ciphers: {error}")))?;
    let builder = match verifier(settings, &provider)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut server = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    server.ignore_client_order = settings.tls_prefer_server_ciphers();
    server.session_storage = Arc::new(NoServerSessionStorage {});
    if settings.tls_session_caching() {
        let ticketer = tickets::Tickets::new(settings.tls_session_cache_timeout());
        server.ticketer = Arc::new(ticketer.map_err(|error| Refused(format!("Failed to make ticket keys: {error}")))?);
    } else {
        server.send_tls13_tickets = 0;
    }
    Ok(Built { server, notes })
}

/// The protocols of `tls-protocols`, those that the library has.
fn versions(settings: &Settings, notes: &mut Vec<String>) -> Result<Vec<&'static SupportedProtocolVersion>, Refused> {
    let text = settings.tls_protocols();
    let text = text.to_string_lossy();
    let mut versions = Vec::new();
    for word in text.split_ascii_whitespace() {
        match word.to_ascii_lowercase().as_str() {
            "tlsv1.2" => versions.push(&rustls::version::TLS12),
            "tlsv1.3" => versions.push(&rustls::version::TLS13),
            "tlsv1" | "tlsv1.1" => notes.push(format!("tls-protocols: {word} is not offered: it is insecure")),
            _ => {
                return Err(Refused(
                    "Invalid tls-protocols specified. Use a combination of 'TLSv1', 'TLSv1.1', 'TLSv1.2' and 'TLSv1.3'."
                        .to_owned(),
                ));
            }
        }
    }
    match (versions.is_empty(), text.trim().is_empty()) {
        (true, true) => Ok(rustls::ALL_VERSIONS.to_vec()),
        (true, false) => {
            Err(Refused(format!("tls-protocols '{text}' leaves none: this server offers TLSv1.2 and 1.3")))
        }
        (false, _) => Ok(versions),
    }
}

/// The server's certificate with its key.
fn certified(settings: &Settings, provider: &CryptoProvider) -> Result<CertifiedKey, Refused> {
    let (certificate, key) = (settings.tls_cert_file(), settings.tls_key_file());
    if certificate.is_empty() {
        return Err(Refused("No tls-cert-file configured!".to_owned()));
    }
    if key.is_empty() {
        return Err(Refused("No tls-key-file configured!".to_owned()));
    }
    pair(&certificate, &key, &settings.tls_key_file_pass(), provider)
}

/// The certificate for outgoing connections must be in order, though it is used only once there are some.
fn check_client_certificate(settings: &Settings, provider: &CryptoProvider) -> Result<(), Refused> {
    let (certificate, key) = (settings.tls_client_cert_file(), settings.tls_client_key_file());
    match (certificate.is_empty(), key.is_empty()) {
        (true, true) => Ok(()),
        (false, false) => pair(&certificate, &key, &settings.tls_client_key_file_pass(), provider).map(drop),
        _ => Err(Refused("tls-client-cert-file and tls-client-key-file must be given together".to_owned())),
    }
}

fn pair(certificate: &Text, key: &Text, pass: &Text, provider: &CryptoProvider) -> Result<CertifiedKey, Refused> {
    let of_key = |reason: String| Refused(format!("Failed to load private key: {}: {reason}", key.to_string_lossy()));
    let chain = files::certificates(certificate.as_path()).map_err(|reason| {
        Refused(format!("Failed to load certificate: {}: {reason}", certificate.to_string_lossy()))
    })?;
    let der = files::private_key(key.as_path(), pass).map_err(of_key)?;
    let signer = provider.key_provider.load_private_key(der).map_err(|error| of_key(error.to_string()))?;
    let certified = CertifiedKey::new(chain, signer);
    match certified.keys_match() {
        Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
            Err(of_key("it does not belong to the certificate".to_owned()))
        }
        // What cannot be compared (a certificate of version 1) may be right: its clients will tell.
        _ => Ok(certified),
    }
}

/// Who checks the certificates of clients; None where none is asked for.
fn verifier(
    settings: &Settings,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, Refused> {
    let (file, dir) = (settings.tls_ca_cert_file(), settings.tls_ca_cert_dir());
    let mode = settings.tls_auth_clients();
    let is_needed = mode != TlsAuthClients::No || settings.tls_replication() || settings.tls_cluster();
    if file.is_empty() && dir.is_empty() {
        return match is_needed {
            true => Err(Refused(
                "Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, tls-replication or \
                 tls-auth-clients are enabled!"
                    .to_owned(),
            )),
            false => Ok(None),
        };
    }
    let roots = files::authorities(&file, &dir)
        .map_err(|reason| Refused(format!("Failed to configure CA certificate(s) file/directory: {reason}")))?;
    if mode == TlsAuthClients::No {
        return Ok(None);
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    // Redis names no authorities to clients either; some send nothing where the issuer of theirs is not named.
    let builder = builder.clear_root_hint_subjects();
    let builder = if mode == TlsAuthClients::Optional { builder.allow_unauthenticated() } else { builder };
    let verifier = builder
        .build()
        .map_err(|error| Refused(format!("Failed to configure CA certificate(s) file/directory: {error}")))?;
    Ok(Some(verifier))
}
