//! What is attached to a calendar item: as its item lists it, and as it is written.

use crate::ops::attachment;
use crate::soap::{Element, Xml};
use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use items::Digester;
use items::attachment::{Attachment, Data};
use sync_core::ids::Digest;

/// Exchange leaves the padding out at times (exchangelib#683).
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);
/// Decoded at a time, in letters: a multiple of four.
const PIECE_LETTERS: usize = 256 * 1024;
/// What something is called that has no name.
const NAMELESS: &str = "attachment";
/// How much of the name of an attached item is kept, in characters: with its ending no more than
/// the 255 that servers keep of a name.
const ITEM_NAME_CHARS_MAX: usize = 250;

/// An attachment as its item lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The server's id of it.
    pub(crate) id: String,
    /// How large the server says it is, in bytes; its own properties count, too.
    pub(crate) size: u64,
    /// What it is.
    pub(crate) kind: Kind,
    name: String,
    media_type: Option<String>,
    content_id: Option<String>,
    inline: bool,
    modified: String,
}

/// What an attachment is to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A file.
    File,
    /// An item.
    Item,
    /// A link to a file that lies elsewhere; with its address, where the server tells it.
    Link(Option<String>),
}

/// Reads what `item` lists; what has no id can't be asked for, and can't be there.
pub(crate) fn listed(item: &Element) -> Vec<Listed> {
    let list = item.child("Attachments").map_or(&[][..], |list| &list.children);
    list.iter().filter_map(Listed::of).collect()
}

impl Listed {
    fn of(element: &Element) -> Option<Self> {
        let text = |name| {
            let text = element.child_text(name).map(str::trim);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let kind = match element.name.as_str() {
            "ItemAttachment" => Kind::Item,
            "ReferenceAttachment" => Kind::Link(text("AttachLongPathName")),
            _ => Kind::File,
        };
        let content_id = text("ContentId");
        Some(Self {
            id: attachment::id(element)?.to_owned(),
            size: text("Size").and_then(|size| size.parse().ok()).unwrap_or_default(),
            kind,
            name: element.child_text("Name").unwrap_or_default().to_owned(),
            media_type: text("ContentType"),
            content_id: content_id.map(|id| id.trim_matches(['<', '>']).to_owned()),
            inline: matches!(text("IsInline").as_deref(), Some("true" | "1")),
            modified: text("LastModifiedTime").unwrap_or_default(),
        })
    }

    /// Names what it holds, so that it is read once. A file that was edited where it is attached
    /// keeps its id.
    pub(crate) fn origin(&self, digester: &Digester, item: &str) -> Digest {
        let Self { id, size, modified, .. } = self;
        digester.text("attachment", &format!("{item} {id} {size} {modified}"))
    }

    /// The link, if it is one.
    pub(crate) fn link(&self) -> Option<Attachment> {
        match &self.kind {
            Kind::Link(address) => Some(Attachment {
                name: base_name(&self.name),
                data: Data::Link(address.clone()?),
                ..self.holding(Data::Link(String::new()))
            }),
            Kind::File | Kind::Item => None,
        }
    }

    /// The file, of which these are the bytes that it begins with. An item becomes a file of the
    /// type that these show: what kind of item it was nobody tells who has read it before.
    pub(crate) fn file(&self, digest: Digest, size: u64, beginning: &[u8]) -> Attachment {
        let file = self.holding(Data::Bytes { digest, size });
        match self.kind {
            Kind::File | Kind::Link(_) => Attachment { name: base_name(&self.name), ..file },
            Kind::Item => {
                let (ending, media_type) = item_type(beginning);
                let name = item_name(&self.name) + ending;
                Attachment { name, media_type: Some(media_type.to_owned()), ..file }
            }
        }
    }

    fn holding(&self, data: Data) -> Attachment {
        Attachment {
            name: String::new(),
            media_type: self.media_type.clone(),
            content_id: self.content_id.clone(),
            inline: self.inline,
            data,
        }
    }
}

/// How many bytes at its beginning tell the type of an attached item.
pub(crate) const BEGINNING_BYTES: usize = 64;

/// The ending of the name and the MIME type for an attached item that begins so.
fn item_type(beginning: &[u8]) -> (&'static str, &'static str) {
    let text = String::from_utf8_lossy(beginning).to_ascii_uppercase();
    let text = text.trim_start_matches(['\u{FEFF}', ' ', '\r', '\n', '\t']);
    if text.starts_with("BEGIN:VCALENDAR") {
        (".ics", "text/calendar")
    } else if text.starts_with("BEGIN:VCARD") {
        (".vcf", "text/vcard")
    } else {
        (".eml", "message/rfc822")
    }
}

/// A name without path and control characters: clients have put both into names, and what others
/// do with a name is theirs (evolution-ews 5d9303a5).
fn base_name(name: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    match base {
        "" | "." | ".." => NAMELESS.to_owned(),
        base => base.to_owned(),
    }
}

/// The name of an attached item is its subject, in which a stroke is no path.
fn item_name(subject: &str) -> String {
    let name = base_name(&subject.replace(['/', '\\'], "_"));
    base_name(&name.chars().take(ITEM_NAME_CHARS_MAX).collect::<String>())
}

/// An attachment to create. `pieces` hands out what it holds, one piece after the other, each of
/// them but the last a multiple of three bytes long; an empty one is the end.
pub(crate) fn write<E>(
    attachment: &Attachment,
    mut pieces: impl FnMut() -> Result<Vec<u8>, E>,
) -> Result<String, E> {
    let mut content = String::new();
    loop {
        let piece = pieces()?;
        if piece.is_empty() {
            break;
        }
        STANDARD.encode_string(&piece, &mut content);
    }
    Ok(Xml::text_of(|xml| {
        xml.node("t:FileAttachment", &[], |xml| {
            xml.leaf("t:Name", &base_name(&attachment.name));
            if let Some(media_type) = &attachment.media_type {
                xml.leaf("t:ContentType", media_type);
            }
            if let Some(content_id) = &attachment.content_id {
                xml.leaf("t:ContentId", content_id);
            }
            xml.leaf("t:IsInline", if attachment.inline { "true" } else { "false" });
            xml.node("t:Content", &[], |xml| xml.raw(&content));
        });
    }))
}

/// Why bytes could not be taken from base64.
#[derive(Debug)]
pub(crate) enum Undecoded<E> {
    /// It is none.
    Malformed,
    /// Nobody took them.
    Taker(E),
}

/// Hands over the bytes of a text in base64, one piece after the other.
pub(crate) fn decode<E>(
    text: &str,
    mut take: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), Undecoded<E>> {
    let text = text.trim_end_matches(|c: char| c == '=' || c.is_ascii_whitespace());
    let mut letters = Vec::with_capacity(PIECE_LETTERS.min(text.len()));
    let mut hand_over = |letters: &mut Vec<u8>| {
        let bytes = LENIENT.decode(&*letters).map_err(|_| Undecoded::Malformed)?;
        letters.clear();
        take(&bytes).map_err(Undecoded::Taker)
    };
    for letter in text.bytes().filter(|letter| !letter.is_ascii_whitespace()) {
        letters.push(letter);
        if letters.len() == PIECE_LETTERS {
            hand_over(&mut letters)?;
        }
    }
    if letters.is_empty() { Ok(()) } else { hand_over(&mut letters) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_no_paths() {
        for (name, base) in [
            ("a.txt", "a.txt"),
            ("C:\\Users\\anna\\a b.txt", "a b.txt"),
            ("../../etc/passwd", "passwd"),
            ("a\u{0}b\r\n.txt\u{7F}", "ab.txt"),
            ("x/..", NAMELESS),
            ("x/", NAMELESS),
            (" . ", NAMELESS),
            ("", NAMELESS),
            ("Grüße 😀.txt", "Grüße 😀.txt"),
        ] {
            assert_eq!(base_name(name), base);
        }
        assert_eq!(item_name("AW: Plan A/B"), "AW: Plan A_B");
        assert_eq!(item_name(&"ä".repeat(300)), "ä".repeat(250));
    }

    #[test]
    fn an_attached_item_is_known_by_its_beginning() {
        for (beginning, ending) in [
            ("\u{FEFF}BEGIN:VCALENDAR\r\n", ".ics"),
            ("begin:vcard", ".vcf"),
            ("Received: from x", ".eml"),
            ("", ".eml"),
        ] {
            assert_eq!(item_type(beginning.as_bytes()).0, ending);
        }
    }

    fn decoded(text: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let taken = decode(text, |piece| {
            bytes.extend_from_slice(piece);
            Ok::<_, ()>(())
        });
        taken.ok().map(|()| bytes)
    }

    #[test]
    fn base64_is_read_leniently() {
        for text in ["aGVsbG8=", "aGVsbG8", "aGVs\r\n bG8=\r\n", "aGVsbG8==", "aGVsbG9="] {
            assert_eq!(decoded(text).as_deref(), Some(&b"hello"[..]), "{text}");
        }
        assert_eq!(decoded(" \r\n"), Some(vec![]));
        for text in ["aGVsb", "aGVs=bG8=", "aGV!bG8=", "ä"] {
            assert_eq!(decoded(text), None, "{text}");
        }
        let long = vec![7; PIECE_LETTERS * 2];
        assert_eq!(decoded(&STANDARD.encode(&long)), Some(long));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut pieces = bytes.chunks(30);
            let attachment = Attachment {
                name: "a&b".into(),
                media_type: None,
                content_id: None,
                inline: false,
                data: Data::Link(String::new()),
            };
            let next = || Ok::<_, ()>(pieces.next().unwrap_or_default().to_vec());
            let xml = write(&attachment, next).unwrap();
            let content = xml.split("<t:Content>").nth(1).and_then(|x| x.split('<').next());
            prop_assert_eq!(decoded(content.unwrap()), Some(bytes));
        }

        #[test]
        fn no_name_leads_elsewhere(name: String) {
            for name in [base_name(&name), item_name(&name)] {
                prop_assert!(!name.is_empty() && name != "." && name != "..");
                prop_assert!(!name.contains(['/', '\\', '\0', '\n']));
                prop_assert_eq!(&base_name(&name), &name);
            }
        }
    }
}
