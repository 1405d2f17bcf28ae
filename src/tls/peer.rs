//! Who a client's certificate says it is.

use rustls::pki_types::CertificateDer;
use settings::TlsAuthClientsUser;
use x509_cert::Certificate;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode, Tag, Tagged};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// A client whose handshake is done.
#[derive(Debug, Default)]
pub(crate) struct Peer {
    /// Its certificate; None: it gave none.
    certificate: Option<CertificateDer<'static>>,
}

/// Why a certificate names nobody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unnamed {
    /// It has no such field, or there is no certificate.
    Absent,
    /// A zero byte in a name makes it another name for some programs.
    ZeroByte,
}

impl Peer {
    pub(super) fn new(certificate: Option<&CertificateDer<'_>>) -> Self {
        Self { certificate: certificate.map(|certificate| certificate.clone().into_owned()) }
    }

    /// The name in the certificate's field `from`.
    pub(crate) fn name(&self, from: TlsAuthClientsUser) -> Result<Vec<u8>, Unnamed> {
        let der = self.certificate.as_ref().ok_or(Unnamed::Absent)?;
        let certificate = Certificate::from_der(der).map_err(|_| Unnamed::Absent)?;
        let name = match from {
            TlsAuthClientsUser::Off => None,
            TlsAuthClientsUser::Cn => common_name(&certificate),
            TlsAuthClientsUser::Uri => uri(&certificate),
        };
        match name {
            Some(name) if name.contains(&0) => Err(Unnamed::ZeroByte),
            Some(name) if !name.is_empty() => Ok(name),
            _ => Err(Unnamed::Absent),
        }
    }
}

/// The first one, as OpenSSL looks it up.
fn common_name(certificate: &Certificate) -> Option<Vec<u8>> {
    let names = certificate.tbs_certificate.subject.0.iter().flat_map(|part| part.0.iter());
    let value = &names.into_iter().find(|name| name.oid == COMMON_NAME)?.value;
    let is_text = matches!(value.tag(), Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::TeletexString);
    is_text.then(|| value.value().to_vec())
}

/// The first URI among the alternative names.
fn uri(certificate: &Certificate) -> Option<Vec<u8>> {
    let (_, names) = certificate.tbs_certificate.get::<SubjectAltName>().ok()??;
    names.0.iter().find_map(|name| match name {
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_bytes().to_vec()),
        _ => None,
    })
}
