//! Exchange's two spellings of one id.

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Whether two ids name the same folder or item.
///
/// Ids are opaque, with one exception: Exchange writes the same id plain (`AAMk…`) or packed
/// (`AQMk…`), the latter after zero runs were shortened. The first byte tells which.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a == b || matches!((unpacked(a), unpacked(b)), (Some(a), Some(b)) if a == b)
}

/// The id's bytes after the first, written out: in a packed id two equal bytes are followed by the
/// number of further ones. `None` for what is no such id.
fn unpacked(id: &str) -> Option<Vec<u8>> {
    let bytes = LENIENT.decode(id).ok()?;
    match bytes.split_first()? {
        (0, rest) => Some(rest.to_vec()),
        (1, rest) => Some(expand(rest)),
        _ => None,
    }
}

fn expand(packed: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(packed.len() * 2);
    let mut rest = packed.iter().copied();
    let mut last = None;
    while let Some(byte) = rest.next() {
        bytes.push(byte);
        if last == Some(byte) {
            let more = rest.next().unwrap_or(0);
            bytes.extend(std::iter::repeat_n(byte, more.into()));
            last = None;
        } else {
            last = Some(byte);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From one recorded answer of Exchange Online: an item's id, which contains its folder's, and
    /// that folder's id, packed.
    const ITEM: &str = "AAMkADllMTlhYmUxLTg5MTctNDI4ZS1iNDdlLTM2NTk2Y2E5ODA0MwBGAAAAAADW58Si2h5DR47ERsh76m/ZBwC30utV9Qm1Tp6i563HuBDKAAER9URjAAC30utV9Qm1Tp6i563HuBDKAAER9crXAAA=";
    const FOLDER: &str = "AQMkADllMTlhYmUxLTg5MTctNDI4ZS1iNDdlLTM2NTk2Y2E5ODA0MwAuAAAD1ufEotoeQ0eOxEbIe+pv2QEAt9LrVfUJtU6eouetx7gQygABEfVEYwAAAA==";

    #[test]
    fn a_packed_id_is_its_plain_form() {
        let bytes = unpacked(FOLDER).unwrap();
        let plain = LENIENT.encode([&[0], &bytes[..]].concat());
        assert!(plain.starts_with("AAMkADll"));
        assert!(same(&plain, FOLDER) && same(FOLDER, &plain) && same(FOLDER, FOLDER));
        assert!(!same(ITEM, FOLDER));
        // The folder's global counter, with its replica id before it, stands inside the item's id.
        let folder_counter = &bytes[bytes.len() - 24..bytes.len() - 2];
        let item = unpacked(ITEM).unwrap();
        assert!(item.windows(22).any(|w| w == folder_counter));
    }

    #[test]
    fn other_ids_are_compared_as_they_are() {
        assert!(same("x", "x"));
        assert!(!same("AAMkAGX1", "AAMkAGx1"));
        assert!(!same("", "AAMk"));
    }
}
