//! ATTACH: files in a text (RFC 5545 3.8.1.1, RFC 8607, MS-OXCICAL), and the text that only names
//! them, their bytes being kept elsewhere.

use super::Warning;
use super::document::{Component, Node};
use super::line::{self, Line, Standing, compose};
use crate::attachment::{Attachment, Data};
use crate::digest::{Digester, FileDigest};
use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use std::collections::BTreeMap;
use sync_core::ids::Digest;

/// The address of a file that is kept elsewhere begins so, and ends with its digest.
const KEPT: &str = "evensync-file:";
/// How long it is, in bytes (RFC 8607).
const SIZE: &str = "SIZE";
const CONTENT_ID: &str = "X-EVENSYNC-CID";
const INLINE: &str = "X-EVENSYNC-INLINE";
/// What a file is called that has no name.
const NAMELESS: &str = "attachment";
/// A part of the message that the calendar once came in.
const PART: &str = "cid:";

/// Files are named in a text by a digest without a secret: whoever reads a text has the bytes, or
/// asks for them by this.
pub fn file_digest() -> FileDigest {
    Digester::new([0; 32]).file()
}

/// A text that holds no bytes of files, and the files that were taken out of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TakenOut {
    /// The text.
    pub text: String,
    /// The bytes, by [`file_digest`].
    pub files: BTreeMap<Digest, Vec<u8>>,
}

/// Takes the bytes of files out of a text: what is left names them.
pub fn take_out(text: &str) -> TakenOut {
    let mut file = Component::parse(text.as_bytes(), &mut Vec::new());
    let mut files = BTreeMap::new();
    strip(&mut file, &mut files);
    if files.is_empty() {
        return TakenOut { text: text.to_owned(), files };
    }
    let mut text = String::new();
    file.write(&mut text);
    TakenOut { text, files }
}

fn strip(component: &mut Component, files: &mut BTreeMap<Digest, Vec<u8>>) {
    for node in &mut component.nodes {
        match node {
            Node::Component(inner) => strip(inner, files),
            Node::Line(_, raw) if is_attach(raw) => {
                let Some(line) = Line::parse(raw).filter(is_binary) else { continue };
                let Some(bytes) = decode(&line.value) else { continue };
                let (digest, size) = digest_of(&bytes);
                let params = others(&line).chain([(SIZE.to_owned(), size.to_string())]);
                let params: Vec<_> = params.collect();
                let params: Vec<_> = params.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
                *raw = compose("ATTACH", &params, &format!("{KEPT}{digest}"));
                files.insert(digest, bytes);
            }
            Node::Line(..) => {}
        }
    }
}

/// A piece of a text whose files are to stand in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Lines as they are.
    Text(String),
    /// A file: one content line.
    File {
        /// By [`file_digest`].
        digest: Digest,
        /// The line without its value.
        head: String,
        /// The line where the file isn't found.
        otherwise: String,
    },
}

/// The pieces of a text, in order.
pub fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut lines = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (raw, after) = rest.split_at(end_of_line(rest));
        rest = after;
        if let Some((digest, head)) = is_attach(raw).then(|| reference(raw)).flatten() {
            pieces.extend((!lines.is_empty()).then(|| Piece::Text(std::mem::take(&mut lines))));
            pieces.push(Piece::File { digest, head, otherwise: raw.to_owned() });
        } else {
            lines.push_str(raw);
        }
    }
    pieces.extend((!lines.is_empty()).then_some(Piece::Text(lines)));
    pieces
}

/// Where the first content line of a text ends, with what is folded.
fn end_of_line(text: &str) -> usize {
    let ends = text.match_indices('\n').map(|(at, _)| at + 1);
    let mut ends = ends.filter(|at| !text[*at..].starts_with([' ', '\t']));
    ends.next().unwrap_or(text.len())
}

/// The file that a folded line names, and the beginning of the line that holds it.
fn reference(raw: &str) -> Option<(Digest, String)> {
    let (_, unfolded) = line::unfold(raw.as_bytes()).into_iter().next()?;
    let line = Line::parse(&String::from_utf8_lossy(&unfolded))?;
    let digest = line.value.trim().strip_prefix(KEPT)?.parse().ok()?;
    let binary = [("ENCODING", "BASE64"), ("VALUE", "BINARY")].map(|(k, v)| (k.into(), v.into()));
    let params: Vec<(String, String)> = others(&line).chain(binary).collect();
    let params: Vec<_> = params.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    Some((digest, compose("ATTACH", &params, "")))
}

/// Writes the line of a file piece by piece: its folding, and its bytes as base64.
#[derive(Debug)]
pub struct Binary {
    width: usize,
    left: Vec<u8>,
}

impl Binary {
    /// Begins a line with `head`; gives what is to be written, as all of these do.
    pub fn begin(head: &str) -> (Self, String) {
        let mut text = String::new();
        line::fold(head, &mut text);
        let text = text.trim_end().to_owned();
        let width = text.rsplit('\n').next().map_or(0, str::len);
        (Self { width, left: Vec::new() }, text)
    }

    /// Adds bytes.
    pub fn add(&mut self, bytes: &[u8]) -> String {
        self.left.extend_from_slice(bytes);
        let whole = self.left.len() - self.left.len() % 3;
        let rest = self.left.split_off(whole);
        let encoded = BASE64.encode(std::mem::replace(&mut self.left, rest));
        self.folded(&encoded)
    }

    /// Ends the line.
    pub fn end(mut self) -> String {
        let encoded = BASE64.encode(std::mem::take(&mut self.left));
        self.folded(&encoded) + "\r\n"
    }

    fn folded(&mut self, mut encoded: &str) -> String {
        let mut text = String::new();
        while !encoded.is_empty() {
            let room = line::LINE_BYTES_MAX.saturating_sub(self.width);
            let (now, later) = encoded.split_at(room.min(encoded.len()));
            text.push_str(now);
            self.width += now.len();
            encoded = later;
            if !encoded.is_empty() {
                text.push_str("\r\n ");
                self.width = 1;
            }
        }
        text
    }
}

/// The attachments that a component tells.
pub(super) fn read(vevent: &Component, warnings: &mut Vec<Warning>) -> Option<Vec<Attachment>> {
    let mut all = Vec::new();
    for (number, line) in vevent.lines("ATTACH") {
        match attachment(&line) {
            Some(attachment) => all.push(attachment),
            None => {
                let text = "an attachment that can't be read stays as it stands, and only here";
                warnings.push(Warning::new(number, text));
            }
        }
    }
    (!all.is_empty()).then_some(all)
}

/// Whether a line is read: others stay when attachments are written.
pub(super) fn is_read(raw: &str) -> bool {
    Line::parse(raw).is_some_and(|line| attachment(&line).is_some())
}

/// A line for each attachment; what stands there as it is to be stays.
pub(super) fn write(all: &[Attachment], standing: &[Standing]) -> Vec<String> {
    let same = |one: &Attachment| {
        let mut lines = standing.iter().filter(|old| old.line.name == "ATTACH");
        lines.find(|old| attachment(&old.line).as_ref() == Some(one))
    };
    all.iter().map(|one| same(one).map_or_else(|| line_of(one), |old| old.raw.clone())).collect()
}

fn line_of(attachment: &Attachment) -> String {
    let Attachment { name, media_type, content_id, inline, data } = attachment;
    let mut params: Vec<(&str, &str)> = Vec::new();
    params.extend(media_type.iter().map(|kind| ("FMTTYPE", kind.as_str())));
    params.extend([("FILENAME", name.as_str()), ("X-FILENAME", name.as_str())]);
    params.extend(content_id.iter().map(|id| (CONTENT_ID, id.as_str())));
    params.extend(inline.then_some((INLINE, "TRUE")));
    match data {
        Data::Bytes { digest, size } => {
            let size = size.to_string();
            params.push((SIZE, &size));
            compose("ATTACH", &params, &format!("{KEPT}{digest}"))
        }
        Data::Link(address) => {
            let address: String = address.chars().filter(|c| !c.is_control()).collect();
            compose("ATTACH", &params, &address)
        }
    }
}

fn attachment(line: &Line) -> Option<Attachment> {
    let value = line.value.trim();
    let data = if is_binary(line) {
        let (digest, size) = digest_of(&decode(value)?);
        Data::Bytes { digest, size }
    } else if let Some(digest) = value.strip_prefix(KEPT) {
        let size = line.param(SIZE)?.parse().ok()?;
        Data::Bytes { digest: digest.parse().ok()?, size }
    } else if value.is_empty()
        || value.get(..PART.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(PART))
    {
        return None;
    } else {
        Data::Link(line.value.clone())
    };
    let named = ["FILENAME", "X-FILENAME", "X-ORACLE-FILENAME"];
    let name = named.iter().find_map(|key| line.param(key)).map(str::to_owned);
    let last = match &data {
        Data::Link(address) => address.split(['?', '#']).next().and_then(|a| a.rsplit('/').next()),
        Data::Bytes { .. } => None,
    };
    let name = name.or_else(|| last.filter(|last| !last.is_empty()).map(str::to_owned));
    Some(Attachment {
        name: name.unwrap_or_else(|| NAMELESS.to_owned()),
        media_type: line.param("FMTTYPE").map(str::to_owned),
        content_id: line.param(CONTENT_ID).map(str::to_owned),
        inline: line.param(INLINE).is_some_and(|value| value.eq_ignore_ascii_case("TRUE")),
        data,
    })
}

/// Those parameters that don't say how the bytes are written.
fn others(line: &Line) -> impl Iterator<Item = (String, String)> + '_ {
    let how = ["ENCODING", "VALUE", SIZE];
    line.params.iter().filter(move |(key, _)| !how.contains(&key.as_str())).cloned()
}

fn is_attach(raw: &str) -> bool {
    let name = raw.get(.."ATTACH".len()).is_some_and(|name| name.eq_ignore_ascii_case("ATTACH"));
    name && raw["ATTACH".len()..].starts_with([':', ';'])
}

fn is_binary(line: &Line) -> bool {
    line.param("ENCODING").is_some_and(|encoding| encoding.eq_ignore_ascii_case("BASE64"))
}

fn digest_of(bytes: &[u8]) -> (Digest, u64) {
    let mut digest = file_digest();
    digest.update(bytes);
    (digest.finish(), bytes.len() as u64)
}

fn decode(value: &str) -> Option<Vec<u8>> {
    let solid: Vec<u8> = value.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    BASE64.decode(solid).ok()
}

/// Some programs leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
