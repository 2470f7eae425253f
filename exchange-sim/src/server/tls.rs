//! TLS with a certificate made at the start: nobody has to trust it for longer than a run.

use aws_lc_rs::digest::{SHA256, digest};
use rcgen::{CertificateParams, KeyPair};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Names that the certificate is for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// It can't be made.
    #[error("can't make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// It can't be used.
    #[error("can't speak TLS: {0}")]
    Tls(#[from] tokio_rustls::rustls::Error),
}

/// A self-signed certificate with its key.
pub struct Certificate {
    pem: String,
    endpoint: [u8; 32],
    acceptor: TlsAcceptor,
}

impl Certificate {
    /// Makes one for the loopback names.
    ///
    /// # Errors
    /// [`TlsError`] where the cryptographic library refuses.
    pub fn generate() -> Result<Self, TlsError> {
        let key = KeyPair::generate()?;
        let certificate =
            CertificateParams::new(NAMES.map(str::to_owned).to_vec())?.self_signed(&key)?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)?;
        let mut endpoint = [0; 32];
        endpoint.copy_from_slice(digest(&SHA256, certificate.der()).as_ref());
        Ok(Self { pem: certificate.pem(), endpoint, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    /// The certificate in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The `tls-server-end-point` binding: SHA-256 of the certificate (RFC 5929, section 4.1).
    pub(super) fn endpoint(&self) -> [u8; 32] {
        self.endpoint
    }

    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }
}
