//! What an application signs in with.

use crate::error::Error;
use secrecy::SecretString;
use url::{Host, Url};

/// Entra's address in the public cloud.
pub const DEFAULT_AUTHORITY: &str = "https://login.microsoftonline.com";

/// An application's id and secret, and where and for what they are used.
#[derive(Debug, Clone)]
pub struct ClientSecret {
    /// The tenant, by id or by domain.
    pub tenant: String,
    /// The application (client) id.
    pub client: String,
    /// The secret's value; never printed.
    pub secret: SecretString,
    /// Where tokens are issued: [`DEFAULT_AUTHORITY`], a sovereign cloud's, or a simulator's.
    pub authority: String,
    /// What the token is for: `https://graph.microsoft.com/.default`.
    pub scope: String,
}

impl ClientSecret {
    /// Where tokens are asked for; fails where the secret would travel in the clear.
    pub(crate) fn token_url(&self) -> Result<Url, Error> {
        let authority = Url::parse(&self.authority).map_err(|e| {
            Error::Misconfigured(format!("the authority {:?} is no URL: {e}", self.authority))
        })?;
        if !is_safe(&authority) {
            return Err(Error::Misconfigured(format!(
                "the authority {} would get the secret unencrypted; use https:// (http:// is for \
                 this machine's own address only)",
                self.authority
            )));
        }
        let mut url = authority;
        url.set_query(None);
        url.set_fragment(None);
        url.path_segments_mut()
            .map_err(|()| Error::Misconfigured("the authority takes no path".to_owned()))?
            .pop_if_empty()
            .extend([self.tenant.as_str(), "oauth2", "v2.0", "token"]);
        Ok(url)
    }
}

/// Whether a secret may be sent there: encrypted, or without leaving this machine.
fn is_safe(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(authority: &str) -> Result<String, Error> {
        ClientSecret {
            tenant: "contoso.example".into(),
            client: "c".into(),
            secret: "s3cret".to_owned().into(),
            authority: authority.into(),
            scope: "https://graph.microsoft.com/.default".into(),
        }
        .token_url()
        .map(String::from)
    }

    #[test]
    fn the_token_url_is_built_from_authority_and_tenant() {
        let expected = "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token";
        assert_eq!(at(DEFAULT_AUTHORITY).unwrap(), expected);
        assert_eq!(at("https://login.microsoftonline.com/").unwrap(), expected);
        assert_eq!(
            at("http://127.0.0.1:8080").unwrap(),
            "http://127.0.0.1:8080/contoso.example/oauth2/v2.0/token"
        );
        assert_eq!(
            at("http://[::1]:8080/entra").unwrap(),
            "http://[::1]:8080/entra/contoso.example/oauth2/v2.0/token"
        );
    }

    #[test]
    fn an_unencrypted_authority_is_refused_elsewhere() {
        for authority in
            ["http://login.microsoftonline.com", "http://10.0.0.1", "ftp://x", "", "http://"]
        {
            assert!(matches!(at(authority), Err(Error::Misconfigured(_))), "{authority}");
        }
    }

    #[test]
    fn the_secret_is_not_printed() {
        let credential = ClientSecret {
            tenant: "t".into(),
            client: "c".into(),
            secret: "s3cret".to_owned().into(),
            authority: DEFAULT_AUTHORITY.into(),
            scope: "s".into(),
        };
        assert!(!format!("{credential:?}").contains("s3cret"));
    }
}
