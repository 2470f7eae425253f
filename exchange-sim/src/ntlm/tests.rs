//! Handshakes with a client made of the same parts; the parts are held against MS-NLMP's vectors.

use super::*;
use crate::connection::Connection;
use crate::{Config, Login, Reply, Sim};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use message::{pairs, u32_at, utf16};

const ANNA: &str = "anna.vogt@contoso.example";
/// Unicode, signing, NTLM, extended session security, key exchange.
const FLAGS: u32 = 0x4008_0211;
const ENDPOINT: [u8; 32] = [7; 32];

/// A client, and what it does otherwise than it should.
#[derive(Clone, Default)]
struct Client {
    user: &'static str,
    domain: &'static str,
    password: &'static str,
    /// The certificate that the client saw.
    bound_to: Option<[u8; 32]>,
    mic: Option<Mic>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mic {
    Good,
    Bad,
}

fn anna() -> Client {
    Client { user: "anna.vogt", domain: "CONTOSO", password: "pw", ..Client::default() }
}

impl Client {
    fn negotiate() -> Vec<u8> {
        let mut message = message::SIGNATURE.to_vec();
        message.extend(1_u32.to_le_bytes());
        message.extend(FLAGS.to_le_bytes());
        message.extend([0; 16]);
        message
    }

    fn answer(&self, challenge: &[u8]) -> Vec<u8> {
        let info = u32_at(challenge, 44).expect("target info") as usize;
        let key = proof::response_key(self.password, self.user, self.domain);
        let mut blob = vec![1, 1, 0, 0, 0, 0, 0, 0];
        blob.extend([0; 8]);
        blob.extend([0xaa; 8]);
        blob.extend([0; 4]);
        let mut pair = |id: u16, value: &[u8]| {
            blob.extend(id.to_le_bytes());
            blob.extend((value.len() as u16).to_le_bytes());
            blob.extend(value);
        };
        for (id, value) in pairs(&challenge[info..]) {
            pair(id, value);
        }
        if self.mic.is_some() {
            pair(av::FLAGS, &HAS_MIC.to_le_bytes());
        }
        if let Some(endpoint) = &self.bound_to {
            pair(av::CHANNEL_BINDINGS, &proof::channel_bindings(endpoint));
        }
        pair(av::END, &[]);
        blob.extend([0; 4]);
        let given = proof::hmac(&key, &[&challenge[24..32], &blob]);
        let session = proof::hmac(&key, &[&given]);
        let response = [given.as_slice(), &blob].concat();
        let mut message = self.authenticate(&response, &proof::rc4(&session, [0x55; 16]));
        if let Some(mic) = self.mic {
            let negotiate = Self::negotiate();
            let parts = [negotiate.as_slice(), challenge, &message];
            let mut sum = proof::hmac(&[0x55; 16], &parts);
            if mic == Mic::Bad {
                sum[0] ^= 1;
            }
            message[72..88].copy_from_slice(&sum);
        }
        message
    }

    fn authenticate(&self, response: &[u8], session_key: &[u8]) -> Vec<u8> {
        let (domain, user) = (utf16(self.domain), utf16(self.user));
        let fields = [&[], response, &domain, &user, &[], session_key];
        let mut message = message::SIGNATURE.to_vec();
        message.extend(3_u32.to_le_bytes());
        let mut offset = 88_u32;
        for field in fields {
            message.extend((field.len() as u16).to_le_bytes());
            message.extend((field.len() as u16).to_le_bytes());
            message.extend(offset.to_le_bytes());
            offset += field.len() as u32;
        }
        message.extend(FLAGS.to_le_bytes());
        message.extend([0; 24]);
        message.extend(fields.concat());
        message
    }

    /// Goes through the handshake on a connection; the status at its end.
    fn sign_in(&self, sim: &Sim, scheme: &str, connection: Connection) -> u16 {
        let challenge = begin(sim, scheme, connection);
        finish(sim, scheme, connection, &self.answer(&challenge))
    }
}

fn begin(sim: &Sim, scheme: &str, connection: Connection) -> Vec<u8> {
    let hello = format!("{scheme} {}", STANDARD.encode(Client::negotiate()));
    let (status, challenges) = send(sim, connection, Some(&hello));
    let [challenge] = challenges.as_slice() else { panic!("one challenge: {challenges:?}") };
    let token = challenge.strip_prefix(&format!("{scheme} ")).expect("the same scheme");
    assert_eq!(status, 401);
    STANDARD.decode(token).expect("base64")
}

fn finish(sim: &Sim, scheme: &str, connection: Connection, answer: &[u8]) -> u16 {
    send(sim, connection, Some(&format!("{scheme} {}", STANDARD.encode(answer)))).0
}

/// Status and challenges.
fn send(sim: &Sim, connection: Connection, authorization: Option<&str>) -> (u16, Vec<String>) {
    let mut request = http::Request::get("https://sim.example/EWS/Exchange.asmx");
    if let Some(authorization) = authorization {
        request = request.header("Authorization", authorization);
    }
    let mut request = request.body(Bytes::new()).expect("a request");
    request.extensions_mut().insert(connection);
    let Reply::Respond { response, .. } = sim.handle(request) else { panic!("an answer") };
    let challenges = response.headers().get_all("www-authenticate").iter();
    let challenges = challenges.map(|value| value.to_str().expect("text").to_owned()).collect();
    (response.status().as_u16(), challenges)
}

fn sim(protection: ExtendedProtection) -> Sim {
    let mailboxes = vec![Login { address: ANNA.to_owned(), password: "pw".to_owned() }];
    let config = Config { mailboxes, extended_protection: protection, ..Config::default() };
    Sim::new(config).expect("nothing to load")
}

fn plain(id: u64) -> Connection {
    Connection { id, tls_endpoint: None }
}

#[test]
fn a_connection_is_signed_in_once() {
    let sim = sim(ExtendedProtection::Allow);
    assert_eq!(send(&sim, plain(1), None).0, 401);
    assert_eq!(anna().sign_in(&sim, "NTLM", plain(1)), 200);
    assert_eq!(send(&sim, plain(1), None), (200, Vec::new()));
    assert_eq!(send(&sim, plain(2), None).0, 401);
}

#[test]
fn the_server_says_what_it_takes() {
    let (_, challenges) = send(&sim(ExtendedProtection::Allow), plain(1), None);
    let schemes: Vec<&str> =
        challenges.iter().filter_map(|challenge| challenge.split(' ').next()).collect();
    assert_eq!(schemes, ["Bearer", "Negotiate", "NTLM", "Basic"]);
}

#[test]
fn users_have_several_names() {
    let sim = sim(ExtendedProtection::Allow);
    let named = |domain, user| Client { domain, user, ..anna() }.sign_in(&sim, "NTLM", plain(1));
    for (domain, user) in [
        ("contoso", "Anna.Vogt"),
        ("contoso.example", "anna.vogt"),
        ("", ANNA),
        ("", "Anna.Vogt@Contoso.example"),
    ] {
        assert_eq!(named(domain, user), 200, "{domain} {user}");
    }
    for (domain, user) in [("FABRIKAM", "anna.vogt"), ("CONTOSO", "ben"), ("", "")] {
        assert_eq!(named(domain, user), 401, "{domain} {user}");
    }
}

#[test]
fn the_password_must_be_proved_anew() {
    let sim = sim(ExtendedProtection::Allow);
    let wrong = Client { password: "no", ..anna() };
    assert_eq!(wrong.sign_in(&sim, "NTLM", plain(1)), 401);
    let answer = anna().answer(&begin(&sim, "NTLM", plain(1)));
    assert_eq!(finish(&sim, "NTLM", plain(2), &answer), 401);
    assert_eq!(finish(&sim, "NTLM", plain(1), &answer), 200);
    assert_eq!(finish(&sim, "NTLM", plain(1), &answer), 401);
    // A failure ends what was signed in before.
    assert_eq!(send(&sim, plain(1), None).0, 401);
    let _other = begin(&sim, "NTLM", plain(3));
    assert_eq!(finish(&sim, "NTLM", plain(3), &answer), 401);
}

#[test]
fn messages_are_protected_where_the_client_says_so() {
    let sim = sim(ExtendedProtection::Allow);
    let with = |mic| Client { mic: Some(mic), ..anna() }.sign_in(&sim, "Negotiate", plain(1));
    assert_eq!((with(Mic::Good), with(Mic::Bad)), (200, 401));
}

#[test]
fn a_binding_must_fit_the_channel() {
    let tls = Connection { id: 1, tls_endpoint: Some(ENDPOINT) };
    for (protection, bound_to, status) in [
        (ExtendedProtection::Off, Some([8; 32]), 200),
        (ExtendedProtection::Allow, None, 200),
        (ExtendedProtection::Allow, Some(ENDPOINT), 200),
        (ExtendedProtection::Allow, Some([8; 32]), 401),
        (ExtendedProtection::Require, None, 401),
        (ExtendedProtection::Require, Some(ENDPOINT), 200),
        (ExtendedProtection::Require, Some([8; 32]), 401),
    ] {
        let client = Client { bound_to, ..anna() };
        let found = client.sign_in(&sim(protection), "NTLM", tls);
        assert_eq!(found, status, "{protection:?} {bound_to:?}");
    }
}

#[test]
fn broken_messages_are_refused() {
    let sim = sim(ExtendedProtection::Allow);
    let good = anna().answer(&begin(&sim, "NTLM", plain(1)));
    for length in 0..good.len() {
        let _challenge = begin(&sim, "NTLM", plain(1));
        assert_eq!(finish(&sim, "NTLM", plain(1), &good[..length]), 401, "{length}");
    }
    for at in 0..good.len() {
        let _challenge = begin(&sim, "NTLM", plain(1));
        let mut broken = good.clone();
        broken[at] ^= 0xff;
        assert_eq!(finish(&sim, "NTLM", plain(1), &broken), 401, "{at}");
    }
    for text in ["NTLM", "NTLM ", "NTLM ?", "NTLM AAAA", "Negotiate YII="] {
        assert_eq!(send(&sim, plain(1), Some(text)).0, 401, "{text}");
    }
}
