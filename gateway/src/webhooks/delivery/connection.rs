use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::{DeliveryFault, target::Target};
use crate::tls::provider;

/// Why nobody's certificate can be believed.
#[derive(Debug, thiserror::Error)]
pub enum TrustFault {
    #[error(
        "the certificate authorities that this system trusts cannot be read: install them (often called ca-certificates), \
         or name a file of them in SSL_CERT_FILE"
    )]
    Unreadable(#[source] rustls_native_certs::Error),
    #[error(
        "this system trusts no certificate authority: install them (often called ca-certificates), or name a file \
         of them in SSL_CERT_FILE"
    )]
    Empty,
}

/// The authorities that the operating system trusts, which its administrator keeps up to date. Reads the disk.
pub fn system_trust() -> Result<RootCertStore, TrustFault> {
    let found = rustls_native_certs::load_native_certs();
    let mut trust = RootCertStore::empty();
    // Systems have certificates of old that do not parse; these alone are passed over.
    let (added, _) = trust.add_parsable_certificates(found.certs);
    if added > 0 {
        return Ok(trust);
    }
    Err(found
        .errors
        .into_iter()
        .next()
        .map_or(TrustFault::Empty, TrustFault::Unreadable))
}

/// TLS 1.2 or later with whoever has a certificate of one of these authorities.
pub fn client_config(trust: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS 1.2 and 1.3")
        .with_root_certificates(trust)
        .with_no_client_auth()
}

pub(super) fn tls(trust: RootCertStore) -> TlsConnector {
    TlsConnector::from(Arc::new(client_config(trust)))
}

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// To the first of the addresses that takes the connection, all of which were judged.
pub(super) async fn open(
    target: &Target,
    addresses: &[IpAddr],
    tls: &TlsConnector,
) -> Result<Box<dyn Stream>, DeliveryFault> {
    let addresses: Vec<_> = addresses
        .iter()
        .map(|&address| SocketAddr::new(address, target.port()))
        .collect();
    let stream = TcpStream::connect(&addresses[..])
        .await
        .map_err(DeliveryFault::Connection)?;
    if !target.is_https() {
        return Ok(Box::new(stream));
    }
    let name = ServerName::try_from(target.host().to_owned())
        .map_err(|error| DeliveryFault::Tls(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
    let stream = tls.connect(name, stream).await.map_err(DeliveryFault::Tls)?;
    Ok(Box::new(stream))
}
