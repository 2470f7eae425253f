//! NTLM as a server: a challenge, and the proof that a client knows the password (MS-NLMP).
//!
//! NTLMv2 only: what its predecessors prove can't carry the binding to a TLS channel, and Exchange
//! with Extended Protection refuses them.

mod message;
mod proof;
pub(crate) mod spnego;

pub(crate) use message::{Authenticate, Names};

use crate::config::ExtendedProtection;
use jiff::Timestamp;
use message::av;

/// `MsvAvFlags`: the authenticate message carries a MIC.
const HAS_MIC: u32 = 0x0000_0002;
/// Bytes of an NTLMv2 response before its attribute-value pairs: proof, then the fixed part.
const PAIRS_AT: usize = 16 + 28;
/// The length of the responses of NTLM before version 2.
const OLD_RESPONSE: usize = 24;

/// Why a proof isn't taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// No NTLMv2 response.
    #[error("not an NTLMv2 response")]
    Version,
    /// Another password, or another challenge.
    #[error("the password isn't proved")]
    Proof,
    /// A message was changed on its way.
    #[error("the message integrity code doesn't fit")]
    Integrity,
    /// Bound to another TLS channel, or to none.
    #[error("the channel binding doesn't fit")]
    Channel,
}

/// A challenge that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    challenge: [u8; 8],
    /// What the client began with, and what it was answered: both enter the MIC.
    negotiate: Vec<u8>,
    message: Vec<u8>,
}

/// Which message it is: 1 negotiate, 3 authenticate; `None` where it is no NTLM message.
pub(crate) fn kind(message: &[u8]) -> Option<u32> {
    message::kind(message)
}

impl Offer {
    /// Answers a negotiate message.
    pub(crate) fn new(negotiate: &[u8], challenge: [u8; 8], names: &Names, now: Timestamp) -> Self {
        let message = message::challenge(negotiate, challenge, names, now);
        Self { challenge, negotiate: negotiate.to_vec(), message }
    }

    /// The challenge message.
    pub(crate) fn message(&self) -> &[u8] {
        &self.message
    }

    /// Holds an answer against the user's password and, over TLS, against the server's certificate.
    pub(crate) fn verify(
        &self,
        answer: &Authenticate,
        password: &str,
        tls_endpoint: Option<&[u8; 32]>,
        protection: ExtendedProtection,
    ) -> Result<(), Error> {
        let response = &answer.nt_response;
        if response.len() <= OLD_RESPONSE || response.len() < PAIRS_AT {
            return Err(Error::Version);
        }
        let (given, blob) = response.split_at(16);
        let key = proof::response_key(password, &answer.user, &answer.domain);
        if proof::hmac(&key, &[&self.challenge, blob]) != given {
            return Err(Error::Proof);
        }
        let pairs = message::pairs(&response[PAIRS_AT..]);
        let pair = |id: u16| pairs.iter().find(|(found, _)| *found == id).map(|(_, value)| *value);
        let flags = pair(av::FLAGS).and_then(|value| message::u32_at(value, 0)).unwrap_or_default();
        if flags & HAS_MIC != 0 {
            let session = proof::hmac(&key, &[given]);
            let signed = answer.session_key.map_or(session, |key| proof::rc4(&session, key));
            let parts = [self.negotiate.as_slice(), &self.message, &answer.unsigned];
            if answer.mic != Some(proof::hmac(&signed, &parts)) {
                return Err(Error::Integrity);
            }
        }
        match tls_endpoint {
            Some(endpoint) => bound(pair(av::CHANNEL_BINDINGS), endpoint, protection),
            None => Ok(()),
        }
    }
}

/// Whether what a client bound itself to is this server's certificate.
fn bound(
    given: Option<&[u8]>,
    endpoint: &[u8; 32],
    protection: ExtendedProtection,
) -> Result<(), Error> {
    // All zeros say "not bound", as a missing pair does.
    let given = given.filter(|value| value.iter().any(|byte| *byte != 0));
    let fits = given.map(|value| value == proof::channel_bindings(endpoint));
    match (protection, fits) {
        (ExtendedProtection::Off, _)
        | (ExtendedProtection::Allow, None | Some(true))
        | (ExtendedProtection::Require, Some(true)) => Ok(()),
        (ExtendedProtection::Allow, Some(false))
        | (ExtendedProtection::Require, None | Some(false)) => Err(Error::Channel),
    }
}

#[cfg(test)]
mod tests;
