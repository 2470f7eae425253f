//! Connections of clients, and what belongs to one rather than to a request.

use crate::Request;
use crate::ntlm;
use std::collections::BTreeMap;

/// Connections whose sign-in is kept; beyond them that of the oldest connection is forgotten, which
/// makes its client sign in again. Those of closed connections do no harm: ids don't come again.
const KEPT_MAX: usize = 10_000;

/// The connection that a request came over: an extension of the request, set by the server.
///
/// A request without it, as in-process clients send, counts as of connection 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Connection {
    /// Never used again for another connection.
    pub id: u64,
    /// Over TLS, the hash of the server's certificate (RFC 5929: `tls-server-end-point`).
    pub tls_endpoint: Option<[u8; 32]>,
}

impl Connection {
    /// The connection of a request.
    pub(crate) fn of(request: &Request) -> Self {
        request.extensions().get::<Self>().copied().unwrap_or_default()
    }
}

/// How far each connection has come with signing in.
#[derive(Debug, Default)]
pub struct Connections {
    sign_ins: BTreeMap<u64, SignIn>,
}

/// Signing in with NTLM, which authenticates a connection (MS-NTHT).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SignIn {
    /// A challenge was sent.
    Challenged(ntlm::Offer),
    /// Whose password was proved, by address.
    Done(String),
}

impl Connections {
    pub(crate) fn sign_in(&self, id: u64) -> Option<&SignIn> {
        self.sign_ins.get(&id)
    }

    pub(crate) fn take(&mut self, id: u64) -> Option<SignIn> {
        self.sign_ins.remove(&id)
    }

    pub(crate) fn set(&mut self, id: u64, sign_in: SignIn) {
        self.sign_ins.insert(id, sign_in);
        if self.sign_ins.len() > KEPT_MAX {
            self.sign_ins.pop_first();
        }
    }
}
