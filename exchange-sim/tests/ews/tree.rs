//! Documents as trees, compared by shape.

use quick_xml::NsReader;
use quick_xml::XmlVersion;
use quick_xml::events::BytesStart;
use quick_xml::events::Event;
use quick_xml::name::ResolveResult;
use std::collections::BTreeSet;

/// An element with its local name; prefixes don't matter.
#[derive(Debug, Clone, Default)]
pub struct Node {
    pub name: String,
    /// Last part of the namespace's address: `types`, `messages`, `envelope`, `errors`.
    pub space: String,
    pub attributes: Vec<(String, String)>,
    pub text: String,
    pub children: Vec<Node>,
}

impl Node {
    /// Reads a document.
    pub fn parse(document: &str) -> Node {
        let mut reader = NsReader::from_str(document.trim_start_matches('\u{feff}'));
        let mut open = vec![Node::default()];
        loop {
            let (space, event) = reader.read_resolved_event().expect("well-formed");
            let space = match space {
                ResolveResult::Bound(space) => {
                    let uri = space.as_ref().trim_end_matches('/').to_owned();
                    uri.rsplit('/').next().unwrap_or_default().to_owned()
                }
                ResolveResult::Unbound | ResolveResult::Unknown(_) => String::new(),
            };
            match event {
                Event::Start(start) => open.push(Node::start(space, &start)),
                Event::Empty(start) => {
                    let node = Node::start(space, &start);
                    open.last_mut().expect("a parent").children.push(node);
                }
                Event::End(_) => {
                    let node = open.pop().expect("balanced");
                    open.last_mut().expect("a parent").children.push(node);
                }
                Event::Text(text) => {
                    open.last_mut().expect("a parent").text += &text.xml10_content();
                }
                Event::CData(text) => {
                    open.last_mut().expect("a parent").text += &text.xml10_content();
                }
                Event::GeneralRef(reference) => {
                    let name = reference.xml10_content().into_owned();
                    let named = quick_xml::escape::resolve_predefined_entity(&name);
                    let text = match reference.resolve_char_ref() {
                        Ok(Some(character)) => character.to_string(),
                        Ok(None) | Err(_) => named.unwrap_or_default().to_owned(),
                    };
                    open.last_mut().expect("a parent").text += &text;
                }
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) | Event::DocType(_) => {}
                Event::Eof => break,
            }
        }
        open.remove(0).children.remove(0)
    }

    fn start(space: String, start: &BytesStart<'_>) -> Node {
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.expect("an attribute");
            let key = attribute.key.as_ref().to_owned();
            if key != "xmlns" && !key.starts_with("xmlns:") {
                let value = attribute.normalized_value(XmlVersion::Implicit1_0).expect("a value");
                attributes.push((key, value.into_owned()));
            }
        }
        let name = start.local_name().as_ref().to_owned();
        Node { name, space, attributes, ..Node::default() }
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Every element that carries an `Id`, in document order.
    pub fn identified(&self) -> Vec<&Node> {
        let own = self.attribute("Id").is_some().then_some(self);
        own.into_iter().chain(self.children.iter().flat_map(Node::identified)).collect()
    }

    /// The paths of all elements and attributes, each with the kind of value that it holds.
    pub fn shape(&self) -> BTreeSet<String> {
        let mut shape = BTreeSet::new();
        self.collect("", &mut shape);
        shape
    }

    fn collect(&self, above: &str, shape: &mut BTreeSet<String>) {
        let path = format!("{above}/{}:{}", self.space, self.name);
        for (key, value) in &self.attributes {
            shape.insert(format!("{path}@{key} {}", kind(key, value)));
        }
        let text = self.text.trim();
        if self.children.is_empty() && !text.is_empty() {
            shape.insert(format!("{path} {}", kind(&self.name, text)));
        } else {
            shape.insert(path.clone());
        }
        for child in &self.children {
            child.collect(&path, shape);
        }
    }
}

/// Elements and attributes whose values must be the same, not only of the same kind.
const WORDS: [&str; 10] = [
    "ResponseCode",
    "ResponseClass",
    "MessageText",
    "DescriptiveLinkKey",
    "faultcode",
    "faultstring",
    "Message",
    "Violation",
    "LineNumber",
    "LinePosition",
];

/// The kind of a value; a value that is a word of the protocol stands for itself.
fn kind(name: &str, value: &str) -> String {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let bytes = value.as_bytes();
    if WORDS.contains(&name) {
        return format!("= {value}");
    }
    if name == "Id" || name == "ChangeKey" {
        return "id".to_owned();
    }
    if matches!(value, "true" | "false") {
        return "boolean".to_owned();
    }
    if value.len() >= 19 && bytes[10] == b'T' && digits(&value[..4]) {
        // The zone is part of the form: `Z`, an offset, or none.
        return format!("dateTime {}", &value[19..]);
    }
    if digits(value.strip_prefix('-').unwrap_or(value)) {
        return "integer".to_owned();
    }
    "text".to_owned()
}
