//! The current token: asked for, kept in memory, renewed in time.

use crate::credential::ClientSecret;
use crate::error::{Error, Refusal};
use bytes::Bytes;
use oauth2::basic::{
    BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenResponse,
};
use oauth2::{
    AuthType, Client, ClientId, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse,
    RequestTokenError, Scope, StandardRevocableToken, TokenResponse, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use wire::Transport;

/// A token is renewed this long before its end, so that none ends on its way.
const RENEW_BEFORE_END: Duration = Duration::from_secs(5 * 60);
/// How long a token is taken to last where the answer doesn't say (RFC 6749 section 5.1 allows it).
const LIFETIME_UNSTATED: Duration = Duration::from_secs(10 * 60);

type Entra = Client<
    Refusal,
    BasicTokenResponse,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// Gives out the current access token of one credential. Shared by all who use that credential:
/// one request for a token is on its way at a time, and the others wait for its answer.
pub struct TokenSource {
    entra: Entra,
    scope: Scope,
    transport: Arc<dyn Transport>,
    current: Mutex<Option<Token>>,
}

struct Token {
    value: SecretString,
    renew_at: Instant,
}

impl TokenSource {
    /// Prepares to sign in with `credential`; nothing is sent yet.
    ///
    /// Fails where the authority is no URL or would get the secret in the clear.
    pub fn new(credential: ClientSecret, transport: Arc<dyn Transport>) -> Result<Self, Error> {
        let url = TokenUrl::from_url(credential.token_url()?);
        let secret = credential.secret.expose_secret().to_owned();
        let entra = Client::new(ClientId::new(credential.client))
            .set_client_secret(oauth2::ClientSecret::new(secret))
            .set_token_uri(url)
            // Entra takes the secret in the body; in a header only with a peculiar encoding.
            .set_auth_type(AuthType::RequestBody);
        let scope = Scope::new(credential.scope);
        Ok(Self { entra, scope, transport, current: Mutex::new(None) })
    }

    /// The token to use at `now`, asked for anew if there is none or its end is near.
    pub async fn token(&self, now: Instant) -> Result<SecretString, Error> {
        let mut current = self.current.lock().await;
        if let Some(token) = current.as_ref().filter(|token| now < token.renew_at) {
            return Ok(token.value.clone());
        }
        let response = self.request().await?;
        let lifetime = response.expires_in().unwrap_or(LIFETIME_UNSTATED);
        // A token that lives only minutes is used for half its life, not renewed at every use.
        let usable = lifetime.saturating_sub(RENEW_BEFORE_END).max(lifetime / 2);
        let value = SecretString::from(response.access_token().secret().as_str());
        *current = Some(Token { value: value.clone(), renew_at: now + usable });
        Ok(value)
    }

    /// Forgets `refused` because a server answered 401 to it.
    ///
    /// A newer token, got by someone else in the meantime, stays.
    pub async fn invalidate(&self, refused: &SecretString) {
        let mut current = self.current.lock().await;
        let is_current = current
            .as_ref()
            .is_some_and(|token| token.value.expose_secret() == refused.expose_secret());
        if is_current {
            *current = None;
        }
    }

    async fn request(&self) -> Result<BasicTokenResponse, Error> {
        let send = |request: HttpRequest| carry(self.transport.clone(), request);
        let answer = self
            .entra
            .exchange_client_credentials()
            .add_scope(self.scope.clone())
            .request_async(&send)
            .await;
        answer.map_err(|e| match e {
            RequestTokenError::ServerResponse(refusal) => refusal.into_error(),
            RequestTokenError::Request(NoAnswer(reason)) => Error::Unreachable(reason),
            // The body that was not understood may hold a token: it is not repeated.
            RequestTokenError::Parse(e, _) => Error::Malformed(format!("at {}", e.path())),
            RequestTokenError::Other(reason) => Error::Malformed(reason),
        })
    }
}

/// Why there is no answer that says anything about the credential.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NoAnswer(String);

async fn carry(
    transport: Arc<dyn Transport>,
    request: HttpRequest,
) -> Result<HttpResponse, NoAnswer> {
    // A token may be asked for again whatever became of the request: sent or not makes no odds.
    let response =
        transport.send(request.map(Bytes::from)).await.map_err(|e| NoAnswer(e.to_string()))?;
    let status = response.status();
    if status.is_server_error() || status.as_u16() == 429 {
        return Err(NoAnswer(format!("it answers {status}")));
    }
    Ok(response.map(|body| body.to_vec()))
}
