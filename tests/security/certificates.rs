//! Certificates made for one test.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};

/// An authority that signs for `127.0.0.1`.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// Files of a certificate and its private key.
pub(super) struct Identity {
    pub(super) cert: PathBuf,
    pub(super) key: PathBuf,
}

impl Authority {
    /// Of this name: authorities of one name look like one that signs badly.
    pub(super) fn named(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, key());
        Self(issuer.expect("a certificate of an authority"))
    }

    /// Writes its own certificate.
    pub(super) fn write(&self, folder: &Path, name: &str) -> PathBuf {
        write(folder, &format!("{name}.pem"), &self.0.pem())
    }

    /// Signs for a server on this machine, or for a client.
    pub(super) fn sign(&self, folder: &Path, name: &str) -> Identity {
        let mut params = CertificateParams::default();
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        params.subject_alt_names = vec![SanType::IpAddress(here)];
        let key = key();
        let cert = params.signed_by(&key, &self.0);
        let cert = cert.expect("a certificate").pem();
        Identity {
            cert: write(folder, &format!("{name}.cert.pem"), &cert),
            key: write(folder, &format!("{name}.key.pem"), &key.serialize_pem()),
        }
    }
}

fn key() -> KeyPair {
    KeyPair::generate().expect("random numbers")
}

/// A file of a test.
pub(super) fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, text).expect("the temporary folder can be written");
    file
}
