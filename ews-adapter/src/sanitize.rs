//! Repairs what Exchange sends under the name of XML, before a parser sees it.
//!
//! Exchange passes on control characters that people pasted into subjects and bodies, raw or as
//! character references, neither of which XML 1.0 allows. One of them makes a whole batch
//! unreadable (ews-java-api#156, evolution-ews I#238), so they are taken out.

use std::borrow::Cow;

const CDATA_START: &str = "<![CDATA[";
const CDATA_END: &str = "]]>";
/// Longest reference looked at: leading zeros are legal, but nobody writes more of them.
const REFERENCE_BYTES_MAX: usize = 16;

/// Decodes `bytes` as UTF-8 and drops the characters and character references that XML 1.0 forbids,
/// and a byte order mark in front. Bytes that are not UTF-8 become U+FFFD.
///
/// Clean input is returned as it is, without a copy.
pub(crate) fn clean(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => clean_text(text),
        Cow::Owned(text) => Cow::Owned(clean_text(&text).into_owned()),
    }
}

/// Whether XML 1.0 allows the character (production `Char`).
pub(crate) fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

fn clean_text(text: &str) -> Cow<'_, str> {
    let mut kept: Option<String> = None;
    // What lies before `done` is in `kept`, or needed no change so far.
    let (mut done, mut at) = (0, 0);
    while let Some(found) = next_suspect(&text[at..]) {
        let start = at + found;
        if text[start..].starts_with(CDATA_START) {
            at = start + CDATA_START.len();
            at += drop_in_cdata(text, at, &mut done, &mut kept);
            continue;
        }
        match illegal_length(&text[start..]) {
            Some(length) => {
                kept.get_or_insert_default().push_str(&text[done..start]);
                done = start + length;
                at = done;
            }
            None => at = start + 1,
        }
    }
    match kept {
        None => Cow::Borrowed(text),
        Some(mut kept) => {
            kept.push_str(&text[done..]);
            Cow::Owned(kept)
        }
    }
}

/// Passes a CDATA section that begins at `at`, where a reference is plain text and only raw
/// characters can be illegal; returns its length.
fn drop_in_cdata(text: &str, at: usize, done: &mut usize, kept: &mut Option<String>) -> usize {
    let length = text[at..].find(CDATA_END).unwrap_or(text.len() - at);
    for (offset, c) in text[at..at + length].char_indices().filter(|(_, c)| !is_allowed(*c)) {
        kept.get_or_insert_default().push_str(&text[*done..at + offset]);
        *done = at + offset + c.len_utf8();
    }
    length
}

/// Finds what may need a change: a reference, the start of a CDATA section, an illegal character.
fn next_suspect(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    (0..bytes.len()).find(|&i| match bytes[i] {
        b'&' => bytes.get(i + 1) == Some(&b'#'),
        b'<' => bytes.get(i + 1) == Some(&b'!'),
        // U+FFFE and U+FFFF; surrogates are no UTF-8 and can't occur.
        0xEF => matches!(bytes.get(i + 1..i + 3), Some([0xBF, 0xBE | 0xBF])),
        byte => byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r'),
    })
}

/// The length in bytes of the illegal character or reference that `text` begins with, if it does.
fn illegal_length(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    if !is_allowed(first) {
        return Some(first.len_utf8());
    }
    let reference = text.strip_prefix("&#")?;
    let end = reference.bytes().take(REFERENCE_BYTES_MAX).position(|b| b == b';')?;
    let number = &reference[..end];
    let (digits, radix) = match number.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let allowed =
        u32::from_str_radix(digits, radix).ok().and_then(char::from_u32).is_some_and(is_allowed);
    (!allowed).then_some("&#;".len() + end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(input: &[u8], expected: &str) {
        assert_eq!(clean(input), expected);
    }

    #[test]
    fn illegal_references_go_and_legal_ones_stay() {
        check(b"A&#x1A;B &#x11;&#x0;C", "AB C");
        check(b"A&#0;&#31;&#xD800;&#xFFFE;&#x110000;&#99999999999;B", "AB");
        check(b"&#9;&#xA;&#13;&#x20;&#x1F600;&amp;", "&#9;&#xA;&#13;&#x20;&#x1F600;&amp;");
        check(b"&#; &#x; &#xG; &# 1; &#", "&#; &#x; &#xG; &# 1; &#");
        check(b"&#00000000000000000000000000000001;", "&#00000000000000000000000000000001;");
    }

    #[test]
    fn illegal_characters_go() {
        check(b"A\x0B\x00B\x1F\tC\r\n", "AB\tC\r\n");
        check("A\u{FFFE}B\u{FFFF}C\u{FFFD}".as_bytes(), "ABC\u{FFFD}");
        check(b"A\xED\xA0\x80B", "A\u{FFFD}\u{FFFD}\u{FFFD}B");
        check(b"\xEF\xBB\xBF<a/>", "<a/>");
    }

    #[test]
    fn references_in_cdata_are_text() {
        check(b"<![CDATA[&#x1;\x01]]>&#x1;", "<![CDATA[&#x1;]]>");
        check(b"<![CDATA[open &#x1;", "<![CDATA[open &#x1;");
    }

    fn parses(text: &str) -> Result<(), String> {
        let mut reader = quick_xml::NsReader::from_str(text);
        loop {
            match reader.read_event() {
                Ok(quick_xml::events::Event::Eof) => return Ok(()),
                Ok(quick_xml::events::Event::GeneralRef(reference)) => {
                    reference.resolve_char_ref().map_err(|e| e.to_string())?;
                }
                Ok(_) => {}
                Err(e) => return Err(e.to_string()),
            }
        }
    }

    proptest! {
        #[test]
        fn clean_input_is_borrowed(text in "[a-zA-Zäöü€😀 \t\r\n;#x0-9]{0,64}") {
            let xml = format!("<a b=\"c\"><!-- x -->{text}&#10;&amp;<![CDATA[&#x1;{text}]]></a>");
            prop_assert!(matches!(clean(xml.as_bytes()), Cow::Borrowed(same) if same == xml));
        }

        #[test]
        fn what_comes_out_parses_and_is_clean(
            parts in proptest::collection::vec(prop_oneof![
                Just(b"&#x0;".to_vec()), Just(b"&#31;".to_vec()), Just(b"&#xD801;".to_vec()),
                Just(b"\x0b".to_vec()), Just(b"\xEF\xBF\xBF".to_vec()), Just(b"\xFF".to_vec()),
                Just(b"text".to_vec()), Just(b"&amp;".to_vec()), Just(b"\xED\xB0\x80".to_vec()),
                Just(b"<![CDATA[&#x2;\x02]]>".to_vec()), Just(b"&#x41;".to_vec()),
            ], 0..24)
        ) {
            let xml = [b"<a>".to_vec(), parts.concat(), b"</a>".to_vec()].concat();
            let once = clean(&xml).into_owned();
            prop_assert!(parses(&once).is_ok(), "{once:?}: {:?}", parses(&once));
            prop_assert!(once.chars().all(is_allowed));
            prop_assert!(matches!(clean(once.as_bytes()), Cow::Borrowed(_)));
        }

        #[test]
        fn any_bytes_end_as_allowed_characters(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            prop_assert!(clean(&bytes).chars().all(is_allowed));
        }
    }
}
