//! Client assertions: a JWT, signed under a registered certificate, in place of a secret
//! (RFC 7523; MS docs: Microsoft identity platform application authentication certificate
//! credentials).

use super::call::Call;
use super::certificate::{Algorithm, Certificate};
use super::later;
use super::refusal::Refusal;
use crate::store::World;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The one kind of assertion there is.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How far the client's clock may be off, in seconds.
const SKEW_SECONDS: i64 = 300;
/// Hosts under which Entra is addressed in `aud`, besides the one that the request came to.
const HOSTS: [&str; 5] = [
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login.windows.net",
    "sts.windows.net",
];
const PAGE: &str = "Review the documentation at \
                    https://learn.microsoft.com/entra/identity-platform/certificate-credentials .";

#[derive(Deserialize)]
struct Header {
    alg: String,
    x5t: Option<String>,
    #[serde(rename = "x5t#S256")]
    x5t_s256: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    aud: Audiences,
    iss: String,
    sub: String,
    exp: f64,
    nbf: Option<f64>,
    jti: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audiences {
    One(String),
    Many(Vec<String>),
}

/// Checks the assertion of a request, and remembers its `jti`.
///
/// Entra itself has been seen to take an assertion again within its time; RFC 7523 lets a server
/// refuse it, and here it is refused, so that a client that relies on it is found out.
pub(super) fn check(world: &mut World, call: &Call) -> Result<(), Refusal> {
    if call.required("client_assertion_type")? != JWT_BEARER {
        return Err(Refusal::malformed());
    }
    let assertion = call.required("client_assertion")?;
    let malformed = || Refusal::client(50_027, "JWT token is invalid or malformed.");
    let (message, signature) = assertion.rsplit_once('.').ok_or_else(malformed)?;
    let (header, claims) = message.split_once('.').ok_or_else(malformed)?;
    let header: Header = decode(header).ok_or_else(malformed)?;
    let claims: Claims = decode(claims).ok_or_else(malformed)?;
    let signature = base64(signature).ok_or_else(malformed)?;
    let algorithm = match header.alg.as_str() {
        "PS256" => Algorithm::Ps256,
        "RS256" => Algorithm::Rs256,
        _ => return Err(malformed()),
    };
    let client = call.field("client_id");
    if claims.iss != client || claims.sub != client {
        let text = "Client assertion application identifier doesn't match 'client_id' parameter.";
        return Err(Refusal::client(700_021, text));
    }
    let now = world.now();
    let certificate = find(world, &header)?;
    signed(certificate, algorithm, message, &signature, now)?;
    timely(&claims, now)?;
    if !addressed(&claims.aud, &world.config.tenant, call) {
        let text = format!("Client assertion audience claim does not match Realm issuer. {PAGE}");
        return Err(Refusal::client(700_023, text));
    }
    if let Some(jti) = claims.jti {
        if world.tokens.assertions.get(&jti).is_some_and(|until| *until > now) {
            let text = format!("Client assertion with 'jti' {jti} was used before.");
            return Err(Refusal::client(50_013, text));
        }
        let until = instant(claims.exp).map_or(Timestamp::MAX, |at| later(at, SKEW_SECONDS));
        world.tokens.assertions.insert(jti, until);
    }
    Ok(())
}

fn find<'a>(world: &'a World, header: &Header) -> Result<&'a Certificate, Refusal> {
    let print = |given: &Option<String>| given.as_deref().and_then(base64);
    let (sha1, sha256) = (print(&header.x5t), print(&header.x5t_s256));
    let Some(shown) = sha1.as_ref().or(sha256.as_ref()) else {
        let text = "Invalid JWT token. No certificate thumbprint specified in token header.";
        return Err(Refusal::client(50_027, text));
    };
    let fits = |certificate: &&Certificate| {
        sha1.as_ref().is_none_or(|print| *print == certificate.sha1)
            && sha256.as_ref().is_none_or(|print| *print == certificate.sha256)
    };
    world.config.certificates.iter().find(fits).ok_or_else(|| {
        let print: String = shown.iter().map(|byte| format!("{byte:02X}")).collect();
        let text = format!(
            "The certificate with identifier used to sign the client assertion is not registered \
             on application. [Reason - The key was not found., Thumbprint of key used by client: \
             '{print}', Please visit the Azure Portal, Graph Explorer or directly use MS Graph to \
             see configured keys for app Id '{}'.]",
            world.config.client
        );
        Refusal::client(700_027, text)
    })
}

fn signed(
    certificate: &Certificate,
    algorithm: Algorithm,
    message: &str,
    signature: &[u8],
    now: Timestamp,
) -> Result<(), Refusal> {
    let reason = if !certificate.verifies(algorithm, message.as_bytes(), signature) {
        "Key was found, but use of the key to verify the signature failed."
    } else if now > certificate.not_after {
        "The key used is expired."
    } else if now < certificate.not_before {
        "The key used is not yet valid."
    } else {
        return Ok(());
    };
    let date = |at: Timestamp| at.strftime("%m/%d/%Y %H:%M:%S").to_string();
    let text = format!(
        "Client assertion failed signature validation. [Reason - {reason}, Thumbprint of key used \
         by client: '{}', Found key 'Start={}, End={}']",
        certificate.thumbprint(),
        date(certificate.not_before),
        date(certificate.not_after)
    );
    Err(Refusal::client(700_027, text))
}

fn timely(claims: &Claims, now: Timestamp) -> Result<(), Refusal> {
    let from = claims.nbf.map_or(Some(Timestamp::UNIX_EPOCH), instant);
    let until = instant(claims.exp);
    let (Some(from), Some(until)) = (from, until) else {
        return Err(Refusal::client(50_027, "JWT token is invalid or malformed."));
    };
    if from <= later(now, SKEW_SECONDS) && now <= later(until, SKEW_SECONDS) {
        return Ok(());
    }
    let date = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%S.0000000Z").to_string();
    let text = format!(
        "Client assertion is not within its valid time range. Current time: {}, assertion valid \
         from {}, expiry time of assertion {}. {PAGE}",
        date(now),
        date(from),
        date(until)
    );
    Err(Refusal::client(700_024, text))
}

/// Whether an audience is this token endpoint, or the issuer that it belongs to.
fn addressed(audiences: &Audiences, tenant: &str, call: &Call) -> bool {
    let fits = |audience: &String| {
        let Ok(url) = url::Url::parse(audience) else { return false };
        let Some(host) = url.host_str() else { return false };
        let known = HOSTS.contains(&host) || url.authority() == call.host;
        let mut segments = url.path().trim_matches('/').splitn(2, '/');
        let named = segments.next().unwrap_or_default();
        let here = named.eq_ignore_ascii_case(tenant) || named.eq_ignore_ascii_case(&call.tenant);
        let rest = segments.next().unwrap_or_default();
        known && here && ["", "v2.0", "oauth2/v2.0/token", "oauth2/token"].contains(&rest)
    };
    match audiences {
        Audiences::One(audience) => fits(audience),
        Audiences::Many(audiences) => audiences.iter().any(fits),
    }
}

/// A `NumericDate`, which may have a fraction.
fn instant(seconds: f64) -> Option<Timestamp> {
    Timestamp::from_second(seconds as i64).ok()
}

fn decode<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&base64(part)?).ok()
}

fn base64(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok()
}
