//! Certificates registered for the application.

use aws_lc_rs::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey,
};
use jiff::Timestamp;
use std::str::FromStr;
use x509_cert::der::{Decode, DecodePem, Encode};

/// A certificate under which client assertions are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// `SubjectPublicKeyInfo` in DER.
    public_key: Vec<u8>,
    /// SHA-1 over the certificate's DER: what `x5t` names, and Entra's page shows in hexadecimal.
    pub sha1: Vec<u8>,
    /// SHA-256 over the certificate's DER: what `x5t#S256` names.
    pub sha256: Vec<u8>,
    /// When it begins to hold.
    pub not_before: Timestamp,
    /// When it ends to hold.
    pub not_after: Timestamp,
}

/// Why a certificate can't be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Neither PEM nor DER of an X.509 certificate.
    #[error("not an X.509 certificate")]
    Malformed,
    /// Signatures of other keys than RSA are not taken.
    #[error("the certificate's key is no RSA key")]
    NotRsa,
}

/// How an assertion is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// PKCS#1 version 1.5.
    Rs256,
    /// PSS.
    Ps256,
}

/// `rsaEncryption` (RFC 8017).
const RSA: &str = "1.2.840.113549.1.1.1";

impl Certificate {
    /// Reads a certificate in PEM or DER.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        let parsed = if bytes.starts_with(b"-----BEGIN") {
            x509_cert::Certificate::from_pem(bytes)
        } else {
            x509_cert::Certificate::from_der(bytes)
        };
        let parsed = parsed.map_err(|_| Error::Malformed)?;
        let der = parsed.to_der().map_err(|_| Error::Malformed)?;
        let body = &parsed.tbs_certificate;
        if body.subject_public_key_info.algorithm.oid.to_string() != RSA {
            return Err(Error::NotRsa);
        }
        let time = |time: &x509_cert::time::Time| {
            let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok();
            seconds.and_then(|seconds| Timestamp::from_second(seconds).ok())
        };
        Ok(Self {
            public_key: body.subject_public_key_info.to_der().map_err(|_| Error::Malformed)?,
            sha1: digest::digest(&SHA1_FOR_LEGACY_USE_ONLY, &der).as_ref().to_vec(),
            sha256: digest::digest(&SHA256, &der).as_ref().to_vec(),
            not_before: time(&body.validity.not_before).ok_or(Error::Malformed)?,
            not_after: time(&body.validity.not_after).ok_or(Error::Malformed)?,
        })
    }

    /// The SHA-1 thumbprint in upper-case hexadecimal.
    pub fn thumbprint(&self) -> String {
        self.sha1.iter().map(|byte| format!("{byte:02X}")).collect()
    }

    pub(super) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let parameters = match algorithm {
            Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
            Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
        };
        UnparsedPublicKey::new(parameters, &self.public_key).verify(message, signature).is_ok()
    }
}

impl FromStr for Certificate {
    type Err = Error;

    /// Reads PEM.
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::read(text.trim_start().as_bytes())
    }
}
