//! TLS of the gateway's own server, from PEM files (RFC 7468): what customers connect to, and, where it is asked
//! for, certificates of the customers themselves (mutual TLS, RFC 8705 section 2).

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    InconsistentKeys, RootCertStore, ServerConfig,
    crypto::CryptoProvider,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    server::{VerifierBuilderError, WebPkiClientVerifier},
};
use zeroize::Zeroizing;

/// Of each file: a chain has some kilobytes, the authorities of many customers some hundreds.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Where the server's TLS is on the disk, all in PEM.
#[derive(Debug, Clone, Copy)]
pub struct Files<'a> {
    /// The server's certificate, then those between it and an authority.
    pub chain: &'a Path,
    /// The private key of the first certificate, not encrypted.
    pub key: &'a Path,
    /// If given, clients have to present a certificate that one of these authorities signed.
    pub client_authorities: Option<&'a Path>,
}

/// Why a server with these files cannot be. Nothing of a key is in it.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} is longer than {FILE_BYTES_MAX} bytes: it has to hold certificates or a key in PEM", path.display())]
    TooLong { path: PathBuf },
    #[error("{} is not in PEM: {source}", path.display())]
    Pem {
        path: PathBuf,
        #[source]
        source: pem::Error,
    },
    #[error("{} has no certificate: it has to begin with -----BEGIN CERTIFICATE-----", path.display())]
    NoCertificate { path: PathBuf },
    #[error("certificate {number} of {} cannot be an authority: {source}", path.display())]
    Authority {
        path: PathBuf,
        /// The first is 1.
        number: usize,
        #[source]
        source: rustls::Error,
    },
    #[error("the authorities in {} cannot judge clients: {source}", path.display())]
    Authorities {
        path: PathBuf,
        #[source]
        source: VerifierBuilderError,
    },
    #[error(
        "{} has no private key that can be read: it has to hold one in PEM, not encrypted, and begin with \
         -----BEGIN PRIVATE KEY-----, -----BEGIN EC PRIVATE KEY----- or -----BEGIN RSA PRIVATE KEY-----",
        path.display()
    )]
    NoKey { path: PathBuf },
    #[error(
        "the key in {} is not that of the first certificate in {}: the server's own certificate has to be first",
        key.display(), chain.display()
    )]
    KeyOfAnother { key: PathBuf, chain: PathBuf },
    #[error(
        "the first certificate in {} or the key in {} is of a kind that is not served: it has to be RSA of 2048 bits \
         or more, ECDSA on P-256 or P-384, or Ed25519",
        chain.display(), key.display()
    )]
    Unusable { chain: PathBuf, key: PathBuf },
}

/// All of this program's TLS has this one, given explicitly: a default for the process would be a global setting.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// For TLS 1.2 and 1.3. That a certificate is of today is for clients to find, and for its renewal to ensure.
pub fn server_config(files: &Files<'_>) -> Result<ServerConfig, TlsFault> {
    let chain = certificates(files.chain)?;
    let key = private_key(files.key)?;
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS 1.2 and 1.3");
    let builder = match files.client_authorities {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(authorities(path)?.into(), provider());
            let verifier = verifier.build().map_err(|source| TlsFault::Authorities {
                path: path.to_owned(),
                source,
            })?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    builder.with_single_cert(chain, key).map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsFault::KeyOfAnother {
            key: files.key.to_owned(),
            chain: files.chain.to_owned(),
        },
        // The error itself may be of the key, and is not told.
        _ => TlsFault::Unusable {
            chain: files.chain.to_owned(),
            key: files.key.to_owned(),
        },
    })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let bytes = read(path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let certificates = certificates.map_err(|source| TlsFault::Pem {
        path: path.to_owned(),
        source,
    })?;
    if certificates.is_empty() {
        return Err(TlsFault::NoCertificate { path: path.to_owned() });
    }
    Ok(certificates)
}

fn authorities(path: &Path) -> Result<RootCertStore, TlsFault> {
    let mut store = RootCertStore::empty();
    for (certificate, number) in certificates(path)?.into_iter().zip(1..) {
        store.add(certificate).map_err(|source| TlsFault::Authority {
            path: path.to_owned(),
            number,
            source,
        })?;
    }
    Ok(store)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsFault> {
    // What the reader says of a bad file may quote it.
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|_| TlsFault::NoKey { path: path.to_owned() })
}

/// Room for all of it is taken at once, so that no part of a key is left where a growing buffer was.
fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsFault> {
    let fault = |source| TlsFault::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(fault)?;
    let length = file.metadata().map_err(fault)?.len();
    if length > FILE_BYTES_MAX {
        return Err(TlsFault::TooLong { path: path.to_owned() });
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_BYTES_MAX as usize + 1));
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(fault)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(TlsFault::TooLong { path: path.to_owned() });
    }
    Ok(bytes)
}

#[cfg(test)]
pub(crate) mod certificates;
#[cfg(test)]
mod tests;
