//! Event identities: a UID, and the GlobalObjectId that Exchange makes of it.
//!
//! Layout of a GlobalObjectId (MS-OXOCAL PidLidGlobalObjectId): 16 bytes of class id, 4 of the
//! occurrence's date, 8 of creation time, 8 reserved, 4 of length, and the data.

/// The class id of every GlobalObjectId, in hexadecimal.
const CLASS_ID: &str = "040000008200E00074C5B7101A82E008";
/// The bytes of the occurrence's date: zero in the clean form.
const DATE: std::ops::Range<usize> = 16..20;
/// Where the data begins.
const DATA: usize = 40;
/// What the data begins with where a UID from elsewhere is wrapped.
const WRAPPED: &[u8] = b"vCal-Uid\x01\0\0\0";

/// The one form of an identity that all replicas agree on: the UID inside a GlobalObjectId where
/// it wraps one, else the clean GlobalObjectId in capitals, else the UID as it is.
pub fn normal(uid: &str) -> String {
    let uid = uid.trim();
    let Some(mut bytes) = global_object_id(uid) else { return uid.to_owned() };
    if let Some(inner) = bytes.get(DATA..).and_then(|data| data.strip_prefix(WRAPPED)) {
        let end = inner.iter().position(|&byte| byte == 0).unwrap_or(inner.len());
        let inner = String::from_utf8_lossy(&inner[..end]).trim().to_owned();
        if !inner.is_empty() {
            return if global_object_id(&inner).is_some() { normal(&inner) } else { inner };
        }
    }
    bytes[DATE].fill(0);
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The bytes of a GlobalObjectId in hexadecimal; `None` where `uid` is none.
fn global_object_id(uid: &str) -> Option<Vec<u8>> {
    let head = uid.get(..CLASS_ID.len())?;
    if !head.eq_ignore_ascii_case(CLASS_ID)
        || uid.len() < 2 * DATE.end
        || !uid.len().is_multiple_of(2)
    {
        return None;
    }
    let digits = uid.bytes().map(|digit| char::from(digit).to_digit(16));
    let digits = digits.collect::<Option<Vec<_>>>()?;
    digits.chunks_exact(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(date: &str, data: &[u8]) -> String {
        let data: String = data.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{CLASS_ID}{date}{}{data}", "00".repeat(20))
    }

    #[test]
    fn occurrences_have_the_identity_of_their_series() {
        let series = id("00000000", b"\x12\x34\x56\x78");
        let occurrence = id("07EA0B19", b"\x12\x34\x56\x78");
        assert_eq!(normal(&occurrence), normal(&series));
        assert_eq!(normal(&series.to_lowercase()), series.to_uppercase());
    }

    #[test]
    fn a_wrapped_uid_is_unwrapped() {
        let wrapped = [WRAPPED, b"abc-123@example.org\0"].concat();
        assert_eq!(normal(&id("00000000", &wrapped)), "abc-123@example.org");
        assert_eq!(normal(" abc-123@example.org\n"), "abc-123@example.org");
    }

    #[test]
    fn what_is_no_global_object_id_stays() {
        for uid in ["", "x", CLASS_ID, "040000008200E00074C5B7101A82E008zz", "ünïcode"] {
            assert_eq!(normal(uid), uid);
        }
        let odd = format!("{}0", id("00000000", b""));
        assert_eq!(normal(&odd), odd);
    }
}
