//! The three messages of NTLM (MS-NLMP section 2.2.1).

use jiff::Timestamp;

/// How every message begins.
pub(super) const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";

/// `NTLMSSP_NEGOTIATE_UNICODE`: strings are UTF-16.
const UNICODE: u32 = 0x0000_0001;
const OEM: u32 = 0x0000_0002;
const REQUEST_TARGET: u32 = 0x0000_0004;
const SIGN: u32 = 0x0000_0010;
const SEAL: u32 = 0x0000_0020;
const NTLM: u32 = 0x0000_0200;
const ALWAYS_SIGN: u32 = 0x0000_8000;
const TARGET_TYPE_DOMAIN: u32 = 0x0001_0000;
const EXTENDED_SESSION_SECURITY: u32 = 0x0008_0000;
const TARGET_INFO: u32 = 0x0080_0000;
const VERSION: u32 = 0x0200_0000;
const KEYS_128: u32 = 0x2000_0000;
const KEY_EXCHANGE: u32 = 0x4000_0000;
const KEYS_56: u32 = 0x8000_0000;
/// What the server agrees to when the client asks for it.
const NEGOTIABLE: u32 =
    SIGN | SEAL | ALWAYS_SIGN | EXTENDED_SESSION_SECURITY | KEYS_128 | KEY_EXCHANGE | KEYS_56;

/// Windows Server 2019: 10.0, build 17763, NTLM revision 15.
const WINDOWS: [u8; 8] = [10, 0, 0x63, 0x45, 0, 0, 0, 15];
/// Seconds from 1601 to 1970.
const EPOCH_1601: i64 = 11_644_473_600;

/// Which message it is: 1 negotiate, 2 challenge, 3 authenticate; `None` for anything else.
pub(super) fn kind(message: &[u8]) -> Option<u32> {
    message.starts_with(SIGNATURE).then(|| u32_at(message, 8)).flatten()
}

/// Names that the server gives for itself, as Active Directory has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    /// NetBIOS name of the domain: `CONTOSO`.
    pub(crate) domain: String,
    /// DNS name of the domain: `contoso.example`.
    pub(crate) dns_domain: String,
}

/// Identifiers of attribute-value pairs (MS-NLMP section 2.2.2.1).
pub(super) mod av {
    pub(in crate::ntlm) const END: u16 = 0;
    pub(super) const COMPUTER: u16 = 1;
    pub(super) const DOMAIN: u16 = 2;
    pub(super) const DNS_COMPUTER: u16 = 3;
    pub(super) const DNS_DOMAIN: u16 = 4;
    pub(super) const DNS_TREE: u16 = 5;
    pub(in crate::ntlm) const FLAGS: u16 = 6;
    pub(super) const TIMESTAMP: u16 = 7;
    pub(in crate::ntlm) const CHANNEL_BINDINGS: u16 = 10;
}

/// Writes the challenge message for a negotiate message.
pub(super) fn challenge(
    negotiate: &[u8],
    challenge: [u8; 8],
    names: &Names,
    now: Timestamp,
) -> Vec<u8> {
    let asked = u32_at(negotiate, 12).unwrap_or_default();
    let text = if asked & UNICODE != 0 { UNICODE } else { OEM };
    let flags = text
        | asked & NEGOTIABLE
        | REQUEST_TARGET
        | NTLM
        | TARGET_TYPE_DOMAIN
        | TARGET_INFO
        | VERSION;
    let target =
        if text == UNICODE { utf16(&names.domain) } else { names.domain.clone().into_bytes() };
    let info = target_info(names, now);
    let mut message = SIGNATURE.to_vec();
    message.extend(2_u32.to_le_bytes());
    let payload = 56;
    field(&mut message, target.len(), payload);
    message.extend(flags.to_le_bytes());
    message.extend(challenge);
    message.extend([0; 8]);
    field(&mut message, info.len(), payload + target.len());
    message.extend(WINDOWS);
    message.extend(target);
    message.extend(info);
    message
}

fn target_info(names: &Names, now: Timestamp) -> Vec<u8> {
    let computer = format!("exch01.{}", names.dns_domain);
    let mut info = Vec::new();
    let mut pair = |id: u16, value: &[u8]| {
        info.extend(id.to_le_bytes());
        info.extend((value.len() as u16).to_le_bytes());
        info.extend(value);
    };
    pair(av::DOMAIN, &utf16(&names.domain));
    pair(av::COMPUTER, &utf16("EXCH01"));
    pair(av::DNS_DOMAIN, &utf16(&names.dns_domain));
    pair(av::DNS_COMPUTER, &utf16(&computer));
    pair(av::DNS_TREE, &utf16(&names.dns_domain));
    pair(av::TIMESTAMP, &file_time(now).to_le_bytes());
    pair(av::END, &[]);
    info
}

/// 100-nanosecond steps since 1601.
fn file_time(now: Timestamp) -> i64 {
    (now.as_second() + EPOCH_1601) * 10_000_000 + i64::from(now.subsec_nanosecond()) / 100
}

fn field(message: &mut Vec<u8>, length: usize, offset: usize) {
    message.extend((length as u16).to_le_bytes());
    message.extend((length as u16).to_le_bytes());
    message.extend((offset as u32).to_le_bytes());
}

/// An authenticate message, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authenticate {
    /// The domain that the client gives for the user; may be empty.
    pub(crate) domain: String,
    /// The user's name, or a user principal name.
    pub(crate) user: String,
    pub(super) nt_response: Vec<u8>,
    /// The session key under which the client signed, encrypted; `None` without a key exchange.
    pub(super) session_key: Option<[u8; 16]>,
    pub(super) mic: Option<[u8; 16]>,
    /// The whole message with the MIC set to zero.
    pub(super) unsigned: Vec<u8>,
}

/// Where the MIC lies in an authenticate message.
const MIC_AT: usize = 72;

impl Authenticate {
    /// Takes a message apart; `None` where it is cut off or points outside itself.
    pub(crate) fn read(message: &[u8]) -> Option<Self> {
        if kind(message) != Some(3) {
            return None;
        }
        // Clients of old leave flags and session key out.
        let flags = u32_at(message, 60).unwrap_or(UNICODE);
        let text = |at: usize| -> Option<String> {
            let bytes = payload(message, at)?;
            Some(if flags & UNICODE == 0 {
                bytes.iter().map(|byte| char::from(*byte)).collect()
            } else {
                let units: Vec<u16> = bytes
                    .chunks_exact(2)
                    .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
                    .collect();
                String::from_utf16_lossy(&units)
            })
        };
        let exchanged = flags & KEY_EXCHANGE != 0 && flags & (SIGN | SEAL) != 0;
        let session_key =
            payload(message, 52).filter(|_| exchanged).and_then(|key| key.try_into().ok());
        let mic = message.get(MIC_AT..MIC_AT + 16).and_then(|mic| mic.try_into().ok());
        let mut unsigned = message.to_vec();
        if let Some(mic) = unsigned.get_mut(MIC_AT..MIC_AT + 16) {
            mic.fill(0);
        }
        Some(Self {
            domain: text(28)?,
            user: text(36)?,
            nt_response: payload(message, 20)?.to_vec(),
            session_key,
            mic,
            unsigned,
        })
    }
}

/// The bytes that the field at `at` points to.
fn payload(message: &[u8], at: usize) -> Option<&[u8]> {
    let length = u16::from_le_bytes(message.get(at..at + 2)?.try_into().ok()?);
    let offset = u32_at(message, at + 4)? as usize;
    message.get(offset..offset.checked_add(usize::from(length))?)
}

/// The attribute-value pairs of `bytes`, as far as they can be read.
pub(super) fn pairs(mut bytes: &[u8]) -> Vec<(u16, &[u8])> {
    let mut pairs = Vec::new();
    while let [a, b, c, d, rest @ ..] = bytes {
        let (id, length) = (u16::from_le_bytes([*a, *b]), u16::from_le_bytes([*c, *d]));
        let Some((value, rest)) = rest.split_at_checked(usize::from(length)) else { break };
        if id == av::END {
            break;
        }
        pairs.push((id, value));
        bytes = rest;
    }
    pairs
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

pub(super) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}
