//! Certificates and keys from PEM files.

use std::fs;
use std::path::Path;

use pkcs8::{EncryptedPrivateKeyInfo, SecretDocument};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use settings::Text;

/// Larger files are no certificates.
const FILE_LEN_MAX: u64 = 16 * 1024 * 1024;
const ENCRYPTED_BEGIN: &[u8] = b"-----BEGIN ENCRYPTED PRIVATE KEY-----";
const ENCRYPTED_END: &[u8] = b"-----END ENCRYPTED PRIVATE KEY-----";
/// How OpenSSL before version 3 marked an encrypted key: a form of its own, with MD5 as its key derivation.
const LEGACY_MARK: &[u8] = b"Proc-Type: 4,ENCRYPTED";

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let reason = |error: std::io::Error| base::system::reason(&error);
    if fs::metadata(path).map_err(reason)?.len() > FILE_LEN_MAX {
        return Err("the file is too large to hold certificates".to_owned());
    }
    fs::read(path).map_err(reason)
}

/// All certificates of a file, in order.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = read(path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err("no certificate in PEM form".to_owned()),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(error.to_string()),
    }
}

/// The private key of a file, which `pass` opens where it is encrypted.
pub(super) fn private_key(path: &Path, pass: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    let text = read(path)?;
    if let Some(begin) = find(&text, ENCRYPTED_BEGIN) {
        let len = find(&text[begin..], ENCRYPTED_END).ok_or("the PEM text has no end")? + ENCRYPTED_END.len();
        return decrypt(&text[begin..begin + len], pass);
    }
    if find(&text, LEGACY_MARK).is_some() {
        return Err(
            "it is encrypted in OpenSSL's old form, which is weak: write it anew with 'openssl pkcs8 -topk8'".into()
        );
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        rustls::pki_types::pem::Error::NoItemsFound => "no private key in PEM form".to_owned(),
        error => error.to_string(),
    })
}

fn decrypt(pem: &[u8], pass: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    if pass.is_empty() {
        return Err("it is encrypted, and tls-key-file-pass is not given".to_owned());
    }
    let text = str::from_utf8(pem).map_err(|_| "the PEM text is damaged")?;
    // OpenSSL ends lines as the system does; the parser wants one kind.
    let text = text.replace("\r\n", "\n");
    let (_, document) = SecretDocument::from_pem(&text).map_err(|error| error.to_string())?;
    let sealed = EncryptedPrivateKeyInfo::try_from(document.as_bytes()).map_err(|error| error.to_string())?;
    let key = sealed.decrypt(pass).map_err(|error| format!("{error} (is tls-key-file-pass right?)"))?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|window| window == word)
}

/// The authorities of `tls-ca-cert-file` and `tls-ca-cert-dir`.
pub(super) fn authorities(file: &Text, dir: &Text) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    if !file.is_empty() {
        for certificate in certificates(file.as_path()).map_err(|reason| named(file.as_path(), &reason))? {
            roots.add(certificate).map_err(|error| named(file.as_path(), &error.to_string()))?;
        }
    }
    if !dir.is_empty() {
        let entries =
            fs::read_dir(dir.as_path()).map_err(|error| named(dir.as_path(), &base::system::reason(&error)))?;
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file()) {
            // Keys, lists of revoked certificates and notes lie beside them.
            roots.add_parsable_certificates(certificates(&path).unwrap_or_default());
        }
    }
    if roots.is_empty() { Err("no certificate of an authority in it".to_owned()) } else { Ok(roots) }
}

fn named(path: &Path, reason: &str) -> String {
    format!("{}: {reason}", path.display())
}
