//! JSON as Graph delivers it, which now and then is none.

use serde_json::Value;
use std::borrow::Cow;

/// Parses a body; control characters that stand unescaped in a string are tolerated.
///
/// The service copies them from old items into its answers (seen by Corso's users).
pub(crate) fn parse(body: &[u8]) -> Result<Value, serde_json::Error> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    serde_json::from_slice(body).or_else(|_| serde_json::from_slice(&sanitised(body)))
}

/// The body without control characters inside strings; tabs and line ends are escaped instead.
fn sanitised(body: &[u8]) -> Cow<'_, [u8]> {
    if !body.iter().any(|byte| *byte < 0x20) {
        return Cow::Borrowed(body);
    }
    let mut clean = Vec::with_capacity(body.len());
    let mut in_string = false;
    let mut escaped = false;
    for &byte in body {
        match byte {
            b'\t' if in_string => clean.extend_from_slice(br"\t"),
            b'\n' if in_string => clean.extend_from_slice(br"\n"),
            b'\r' if in_string => clean.extend_from_slice(br"\r"),
            0..0x20 if in_string => {}
            0..0x20 => clean.push(b' '),
            _ => clean.push(byte),
        }
        in_string ^= byte == b'"' && !escaped;
        escaped = in_string && byte == b'\\' && !escaped;
    }
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn control_characters_in_strings_are_tolerated() {
        let raw = b"\xef\xbb\xbf{\"a\":\"x\x00\x0b\ty\r\nz\\\"\x01\\\\\",\r\n\"b\":1}";
        assert_eq!(parse(raw).unwrap(), json!({"a": "x\ty\r\nz\"\\", "b": 1}));
    }

    #[test]
    fn what_is_no_json_stays_an_error() {
        for raw in [&b""[..], b"<html>", b"{\"a\":\"x", b"{\"a\":\x01}x", b"\xff\x00"] {
            assert!(parse(raw).is_err());
        }
    }
}
