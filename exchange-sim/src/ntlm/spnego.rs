//! SPNEGO around NTLM: what `Negotiate` carries from clients that would take Kerberos as well
//! (RFC 4178, MS-SPNG). The messages inside are those of NTLM.
//!
//! The last token, which would come with the answer to the request itself, is left out: HTTP says
//! enough by its status (RFC 4559).

use super::message::SIGNATURE;

/// NTLM as a mechanism: 1.3.6.1.4.1.311.2.2.10.
const NTLM: [u8; 12] = [0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a];
/// `negState` of `NegTokenResp`: more messages follow.
const ACCEPT_INCOMPLETE: [u8; 3] = [0x0a, 0x01, 0x01];

const OCTETS: u8 = 0x04;
const OBJECT: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
/// `InitialContextToken` of GSS-API.
const INITIAL: u8 = 0x60;
/// Tags of fields, and of the choice between the two kinds of token.
const FIELD: [u8; 3] = [0xa0, 0xa1, 0xa2];

/// What a token carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// An NTLM message as it is.
    Bare(&'a [u8]),
    /// An NTLM message in SPNEGO.
    Wrapped(&'a [u8]),
    /// Another mechanism's message, from a client that takes NTLM too.
    Other,
}

impl<'a> Token<'a> {
    /// Takes a token apart; `None` for what is no token, or has no NTLM to offer.
    pub(crate) fn read(token: &'a [u8]) -> Option<Self> {
        if token.starts_with(SIGNATURE) {
            return Some(Self::Bare(token));
        }
        let (tag, body, _) = element(token)?;
        if tag != INITIAL {
            let fields = inside(inside(token, FIELD[1])?, SEQUENCE)?;
            let message = inside(field(fields, FIELD[2])?, OCTETS)?;
            return message.starts_with(SIGNATURE).then_some(Self::Wrapped(message));
        }
        let (tag, _, init) = element(body)?;
        let fields = inside(inside(init, FIELD[0])?, SEQUENCE)?;
        let mechanisms = inside(field(fields, FIELD[0])?, SEQUENCE)?;
        if tag != OBJECT || !mechanisms.windows(NTLM.len()).any(|window| window == NTLM) {
            return None;
        }
        let message = field(fields, FIELD[2]).and_then(|field| inside(field, OCTETS));
        match message {
            Some(message) if message.starts_with(SIGNATURE) => Some(Self::Wrapped(message)),
            Some(_) | None => Some(Self::Other),
        }
    }
}

/// Chooses NTLM, with a message of it.
pub(crate) fn answer(message: Option<&[u8]>) -> Vec<u8> {
    let mut fields = wrap(FIELD[0], &ACCEPT_INCOMPLETE);
    fields.extend(wrap(FIELD[1], &NTLM));
    if let Some(message) = message {
        fields.extend(wrap(FIELD[2], &wrap(OCTETS, message)));
    }
    wrap(FIELD[1], &wrap(SEQUENCE, &fields))
}

/// Tag, contents, and what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81 => (usize::from(*rest.first()?), &rest[1..]),
        0x82 => (usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?])), &rest[2..]),
        _ => return None,
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((*tag, contents, rest))
}

/// The contents of the element that `bytes` begins with, if it has this tag.
fn inside(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    element(bytes).filter(|(found, _, _)| *found == tag).map(|(_, contents, _)| contents)
}

/// The contents of the first element with this tag.
fn field(mut bytes: &[u8], tag: u8) -> Option<&[u8]> {
    while let Some((found, contents, rest)) = element(bytes) {
        if found == tag {
            return Some(contents);
        }
        bytes = rest;
    }
    None
}

fn wrap(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let mut bytes = vec![tag];
    match length {
        0..=0x7f => bytes.push(length as u8),
        0x80..=0xff => bytes.extend([0x81, length as u8]),
        _ => {
            bytes.push(0x82);
            bytes.extend((length as u16).to_be_bytes());
        }
    }
    bytes.extend(contents);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kerberos as Microsoft numbers it: 1.2.840.48018.1.2.2.
    const KERBEROS: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 1, 2, 2];
    const SPNEGO: [u8; 8] = [6, 6, 0x2b, 6, 1, 5, 5, 2];

    fn init(mechanisms: &[&[u8]], message: &[u8]) -> Vec<u8> {
        let mut fields = wrap(FIELD[0], &wrap(SEQUENCE, &mechanisms.concat()));
        fields.extend(wrap(FIELD[2], &wrap(OCTETS, message)));
        let init = wrap(FIELD[0], &wrap(SEQUENCE, &fields));
        wrap(INITIAL, &[SPNEGO.as_slice(), &init].concat())
    }

    #[test]
    fn messages_are_found() {
        let message = [SIGNATURE.as_slice(), &[1; 300]].concat();
        assert_eq!(Token::read(&message), Some(Token::Bare(&message)));
        for mechanisms in [vec![NTLM.as_slice()], vec![&NTLM, &KERBEROS]] {
            assert_eq!(Token::read(&init(&mechanisms, &message)), Some(Token::Wrapped(&message)));
        }
        let both: [&[u8]; 2] = [&KERBEROS, &NTLM];
        assert_eq!(Token::read(&init(&both, b"ticket")), Some(Token::Other));
        assert_eq!(Token::read(&init(&[&KERBEROS], b"ticket")), None);
        assert_eq!(Token::read(&answer(Some(&message))), Some(Token::Wrapped(&message)));
        assert_eq!(Token::read(&answer(None)), None);
    }

    #[test]
    fn what_is_cut_off_is_no_token() {
        let whole = init(&[&NTLM], SIGNATURE);
        for length in 0..whole.len() {
            assert_eq!(Token::read(&whole[..length]), None, "{length}");
        }
    }
}
