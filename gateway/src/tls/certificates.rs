//! Certificates for tests, made on the spot.

use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, KeyPair};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer},
};

pub struct Issued {
    certificate: Certificate,
    key: KeyPair,
}

pub fn authority(name: &str) -> Issued {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    Issued {
        certificate: params.self_signed(&key).unwrap(),
        key,
    }
}

impl Issued {
    pub fn issue(&self, name: &str) -> Issued {
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        Issued {
            certificate: params.signed_by(&key, &self.certificate, &self.key).unwrap(),
            key,
        }
    }

    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![self.certificate.der().clone()]
    }

    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.serialize_der()).unwrap()
    }

    /// Trust in this authority alone.
    pub fn trust(&self) -> RootCertStore {
        let mut trust = RootCertStore::empty();
        trust.add(self.certificate.der().clone()).unwrap();
        trust
    }
}
