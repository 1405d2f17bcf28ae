//! A client over TLS.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::certificates::{Authority, Identity};

pub(crate) type Stream = StreamOwned<ClientConnection, TcpStream>;

/// What a client trusts and who it is.
pub(crate) fn config(trusted: &Authority, own: Option<&Identity>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der.clone()).expect("an authority");
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_root_certificates(roots);
    Arc::new(match own {
        Some(own) => builder.with_client_auth_cert(own.chain(), own.key()).expect("a key that fits"),
        None => builder.with_no_client_auth(),
    })
}

pub(crate) fn tcp(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(15))).expect("a socket");
    stream.set_write_timeout(Some(Duration::from_secs(15))).expect("a socket");
    stream.set_nodelay(true).expect("a socket");
    stream
}

pub(crate) fn connect(address: SocketAddr, config: &Arc<ClientConfig>) -> Stream {
    let session = ClientConnection::new(config.clone(), "localhost".try_into().expect("a name")).expect("a session");
    StreamOwned::new(session, tcp(address))
}

/// Sends an inline request and answers the first line of the reply.
pub(crate) fn ask(stream: &mut (impl Read + Write), request: &str) -> io::Result<String> {
    stream.write_all(format!("{request}\r\n").as_bytes())?;
    line(stream)
}

pub(crate) fn line(stream: &mut impl Read) -> io::Result<String> {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while !line.ends_with(b"\r\n") {
        stream.read_exact(&mut byte)?;
        line.push(byte[0]);
    }
    line.truncate(line.len() - 2);
    Ok(String::from_utf8_lossy(&line).into_owned())
}
