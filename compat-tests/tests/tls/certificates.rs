//! Certificates for the tests: an authority, and what it, another one or nobody vouches for.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// Who vouches for others.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
    pub(crate) der: CertificateDer<'static>,
}

/// A certificate with its key.
pub(crate) struct Identity {
    pub(crate) pem: String,
    pub(crate) key_pem: String,
    der: CertificateDer<'static>,
    key_der: Vec<u8>,
}

/// How a certificate departs from a good one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flaw {
    None,
    Expired,
    NotYet,
    /// It is for servers only.
    Purpose,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Authority");
        let certificate = params.self_signed(&key).expect("a certificate");
        let (pem, der) = (certificate.pem(), certificate.der().clone());
        Self { issuer: Issuer::new(params, key), pem, der }
    }

    pub(crate) fn issue(&self, name: &str, flaw: Flaw) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let certificate = params(name, flaw).signed_by(&key, &self.issuer).expect("a certificate");
        identity(&certificate, &key)
    }
}

impl Identity {
    /// One that nobody vouches for.
    pub(crate) fn self_signed(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        identity(&params(name, Flaw::None).self_signed(&key).expect("a certificate"), &key)
    }

    pub(crate) fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![self.der.clone()]
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key_der.clone()).into()
    }

    /// Writes `NAME.crt` and `NAME.key`, as one step each for whoever reads them.
    pub(crate) fn write(&self, dir: &Path, name: &str) -> (PathBuf, PathBuf) {
        let (certificate, key) = (dir.join(format!("{name}.crt")), dir.join(format!("{name}.key")));
        for (path, text) in [(&key, &self.key_pem), (&certificate, &self.pem)] {
            let fresh = path.with_extension("new");
            fs::write(&fresh, text).and_then(|()| fs::rename(&fresh, path)).expect("a directory of the test");
        }
        (certificate, key)
    }
}

fn params(name: &str, flaw: Flaw) -> CertificateParams {
    let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    params
        .subject_alt_names
        .push(SanType::URI(Ia5String::try_from(format!("urn:user:{}", name.len())).expect("ASCII")));
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Tests");
    params.distinguished_name.push(DnType::CommonName, name);
    match flaw {
        Flaw::None => {}
        Flaw::Expired => {
            params.not_before = date_time_ymd(2000, 1, 1);
            params.not_after = date_time_ymd(2001, 1, 1);
        }
        Flaw::NotYet => params.not_before = date_time_ymd(4000, 1, 1),
        Flaw::Purpose => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth],
    }
    params
}

fn identity(certificate: &rcgen::Certificate, key: &KeyPair) -> Identity {
    Identity {
        pem: certificate.pem(),
        key_pem: key.serialize_pem(),
        der: certificate.der().clone(),
        key_der: key.serialize_der(),
    }
}
