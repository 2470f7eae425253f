//! What NTLMv2 computes (MS-NLMP section 3.3.2).

use super::message::utf16;
use hmac::{Hmac, Mac};
use md4::{Digest, Md4};
use md5::Md5;

/// The key of a user's password: `NTOWFv2`.
pub(super) fn response_key(password: &str, user: &str, domain: &str) -> [u8; 16] {
    let hash: [u8; 16] = Md4::digest(utf16(password)).into();
    hmac(&hash, &[&utf16(&user.to_uppercase()), &utf16(domain)])
}

/// HMAC-MD5 over the concatenation of `parts`.
pub(super) fn hmac(key: &[u8; 16], parts: &[&[u8]]) -> [u8; 16] {
    let mut mac = Hmac::<Md5>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// RC4 over one block: how the client encrypts the session key it made up.
pub(super) fn rc4(key: &[u8; 16], block: [u8; 16]) -> [u8; 16] {
    let mut state: [u8; 256] = std::array::from_fn(|index| index as u8);
    let mut j = 0_u8;
    for i in 0..256 {
        j = j.wrapping_add(state[i]).wrapping_add(key[i % 16]);
        state.swap(i, usize::from(j));
    }
    let (mut i, mut j) = (0_u8, 0_u8);
    block.map(|byte| {
        i = i.wrapping_add(1);
        j = j.wrapping_add(state[usize::from(i)]);
        state.swap(usize::from(i), usize::from(j));
        let sum = state[usize::from(i)].wrapping_add(state[usize::from(j)]);
        byte ^ state[usize::from(sum)]
    })
}

/// The value of `MsvAvChannelBindings` for a server's certificate: MD5 over a
/// `gss_channel_bindings_struct` with nothing but application data (RFC 5929, MS-NLMP 3.1.5.1.2).
pub(super) fn channel_bindings(tls_endpoint: &[u8; 32]) -> [u8; 16] {
    let mut data = b"tls-server-end-point:".to_vec();
    data.extend(tls_endpoint);
    let mut bindings = vec![0; 16];
    bindings.extend((data.len() as u32).to_le_bytes());
    bindings.extend(data);
    Md5::digest(bindings).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// MS-NLMP section 4.2.4: NTLMv2 authentication.
    #[test]
    fn the_published_vectors_hold() {
        let key = response_key("Password", "User", "Domain");
        assert_eq!(hex(&key), "0c868a403bfd7a93a3001ef22ef02e3f");
        let challenge = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
        let mut blob = vec![1, 1, 0, 0, 0, 0, 0, 0];
        blob.extend([0; 8]);
        blob.extend([0xaa; 8]);
        blob.extend([0; 4]);
        for (id, text) in [(2_u16, "Domain"), (1, "Server")] {
            blob.extend(id.to_le_bytes());
            blob.extend(12_u16.to_le_bytes());
            blob.extend(utf16(text));
        }
        blob.extend([0; 8]);
        let proof = hmac(&key, &[&challenge, &blob]);
        assert_eq!(hex(&proof), "68cd0ab851e51c96aabc927bebef6a1c");
        let session = hmac(&key, &[&proof]);
        assert_eq!(hex(&session), "8de40ccadbc14a82f15cb0ad0de95ca3");
        assert_eq!(hex(&rc4(&session, [0x55; 16])), "c5dad2544fc9799094ce1ce90bc9d03e");
    }
}
