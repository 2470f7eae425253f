//! Header fields: the block that a message arrived with, and fields kept as properties.

use crate::store::property::{INTERNET_HEADERS_SET, PropertyId, PropertyKey, PropertyType};
use crate::store::{Content, PropertyValue};
use mail_parser::{HeaderName, MessageParser};

/// A header field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// Its name, as written.
    pub(crate) name: String,
    /// Its value on one line.
    pub(crate) value: String,
}

/// PidTagTransportMessageHeaders (MS-OXPROPS): the block of header fields as it came.
pub(crate) fn transport() -> PropertyId {
    PropertyId::tag(PropertyType::String, 0x007d)
}

/// The block of header fields at the beginning of a message, its last line end included.
pub(crate) fn block(message: &[u8]) -> String {
    let mut end = 0;
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        if line.trim_ascii().is_empty() {
            break;
        }
        end += line.len();
    }
    String::from_utf8_lossy(&message[..end]).into_owned()
}

/// All fields of a message: those that it came with, then those kept as properties
/// (MS-OXPROPS: PS_INTERNET_HEADERS), encoded words decoded.
pub(crate) fn all(content: &Content) -> Vec<Field> {
    let mut fields = content
        .properties
        .get(&transport())
        .and_then(PropertyValue::one)
        .map(decoded)
        .unwrap_or_default();
    for field in named(content) {
        if !fields.iter().any(|known| known.name.eq_ignore_ascii_case(&field.name)) {
            fields.push(field);
        }
    }
    fields
}

/// The fields kept as properties.
pub(crate) fn named(content: &Content) -> Vec<Field> {
    let field = |(id, value): (&PropertyId, &PropertyValue)| match &id.key {
        PropertyKey::Name { set, name } if set == INTERNET_HEADERS_SET && is_name(name) => {
            Some(Field { name: name.clone(), value: value.one()?.to_owned() })
        }
        PropertyKey::Name { .. } | PropertyKey::Id { .. } | PropertyKey::Tag(_) => None,
    };
    content.properties.iter().filter_map(field).collect()
}

/// Keeps a field as a property.
pub(crate) fn keep(content: &mut Content, name: &str, value: &str) {
    let id = PropertyId::named(PropertyType::String, INTERNET_HEADERS_SET, name);
    content.properties.insert(id, PropertyValue::One(value.to_owned()));
}

/// The fields of a block, folding undone and nothing else.
pub(crate) fn raw(block: &str) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    for line in block.lines() {
        match (line.starts_with([' ', '\t']), fields.last_mut(), line.split_once(':')) {
            (true, Some(last), _) => {
                last.value.push(' ');
                last.value.push_str(line.trim());
            }
            (false, _, Some((name, value))) if is_name(name.trim_end()) => {
                let (name, value) = (name.trim_end().to_owned(), value.trim().to_owned());
                fields.push(Field { name, value });
            }
            (_, _, _) => {}
        }
    }
    fields
}

/// The fields of a block, folding undone and encoded words decoded.
pub(super) fn decoded(block: &str) -> Vec<Field> {
    // The default counts only beside a setting of one's own.
    let parser = MessageParser::new().header_text(HeaderName::Subject).default_header_text();
    let parsed = parser.parse_headers(block.as_bytes());
    let field = |header: &mail_parser::Header<'_>| Field {
        name: header.name().to_owned(),
        value: header.value().as_text().unwrap_or_default().trim().to_owned(),
    };
    parsed.map(|parsed| parsed.headers().iter().map(field).collect()).unwrap_or_default()
}

/// Whether a text can name a header field (RFC 5322, 3.6.8).
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_end_at_the_empty_line_and_unfold() {
        let block = block(b"A: 1\r\nB: two\r\n\tlines\r\n\r\nC: body\r\n");
        assert_eq!(block, "A: 1\r\nB: two\r\n\tlines\r\n");
        let raw: Vec<_> = raw(&block).into_iter().map(|f| (f.name, f.value)).collect();
        let wanted = [("A", "1"), ("B", "two lines")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(raw, wanted);
        assert!(super::raw("no field\r\n : x\r\n y").is_empty());
    }

    #[test]
    fn values_are_decoded_and_properties_added_once() {
        let mut content = Content::message("");
        let block = "X-One: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nSubject: a\r\n b\r\n";
        content.properties.insert(transport(), PropertyValue::One(block.to_owned()));
        keep(&mut content, "x-one", "kept");
        keep(&mut content, "X-Two", "2");
        let all: Vec<_> = all(&content).into_iter().map(|f| f.value).collect();
        assert_eq!(all, ["Grüße", "a b", "2"]);
    }
}
