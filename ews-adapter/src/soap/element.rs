//! A small element tree, read with namespaces resolved.

use super::Error;
use quick_xml::NsReader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;

/// Deepest nesting read; Exchange stays below 20.
const DEPTH_MAX: usize = 64;

const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const EXCHANGE: [&str; 3] = [
    "http://schemas.microsoft.com/exchange/services/2006/messages",
    "http://schemas.microsoft.com/exchange/services/2006/types",
    "http://schemas.microsoft.com/exchange/services/2006/errors",
];

/// The vocabulary of an element. Exchange's own namespaces are one: its documentation, schema and
/// servers disagree on which of them holds an element (MS docs: GetStreamingEvents).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Space {
    /// The SOAP 1.1 envelope.
    Soap,
    /// Messages, types and errors of Exchange Web Services.
    Exchange,
    /// No namespace, as in a fault's `detail`.
    None,
    /// Any other.
    Foreign,
}

/// An element with its children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    /// Its vocabulary.
    pub(crate) space: Space,
    /// Its local name.
    pub(crate) name: String,
    /// All its own text, as it stands.
    pub(crate) text: String,
    /// Its child elements.
    pub(crate) children: Vec<Element>,
    attributes: Vec<(String, String)>,
}

impl Element {
    /// Reads a whole document and returns its root.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let mut reader = NsReader::from_str(text);
        let mut open: Vec<Self> = Vec::new();
        let mut root = None;
        loop {
            let (space, event) =
                reader.read_resolved_event().map_err(|e| Error::Malformed(e.to_string()))?;
            let space = space_of(&space);
            match event {
                Event::Start(start) if open.len() < DEPTH_MAX => {
                    open.push(Self::open(space, &start)?)
                }
                Event::Start(_) => return Err(Error::Malformed("nested too deeply".to_owned())),
                Event::Empty(start) => {
                    let element = Self::open(space, &start)?;
                    place(element, &mut open, &mut root)?;
                }
                Event::End(_) => {
                    let element = open.pop().ok_or_else(|| Error::Malformed("stray end".into()))?;
                    place(element, &mut open, &mut root)?;
                }
                Event::Text(text) => append(&mut open, &text.xml10_content())?,
                Event::CData(text) => append(&mut open, &text.xml10_content())?,
                Event::GeneralRef(reference) => {
                    let name = reference.xml10_content();
                    append(&mut open, &resolve(&name)?)?;
                }
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
                Event::Eof => break,
            }
        }
        if !open.is_empty() {
            return Err(Error::Malformed("it ends in the middle".to_owned()));
        }
        root.ok_or(Error::NotSoap)
    }

    /// The value of an attribute without namespace.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Whether this is Exchange's element of that name.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.space == Space::Exchange && self.name == name
    }

    /// The first child that is Exchange's element of that name.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.is(name))
    }

    /// All children that are Exchange's elements of that name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.is(name))
    }

    /// The text of the first child of that name.
    pub(crate) fn child_text(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }

    /// The first child of that name in `space`.
    pub(crate) fn child_in(&self, space: Space, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.space == space && child.name == name)
    }

    fn open(space: Space, start: &BytesStart<'_>) -> Result<Self, Error> {
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|e| Error::Malformed(e.to_string()))?;
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|e| Error::Malformed(e.to_string()))?;
            attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
        }
        Ok(Self {
            space,
            name: start.local_name().as_ref().to_owned(),
            text: String::new(),
            children: Vec::new(),
            attributes,
        })
    }
}

fn space_of(resolved: &ResolveResult<'_>) -> Space {
    match resolved {
        ResolveResult::Bound(namespace) => match namespace.as_ref() {
            SOAP => Space::Soap,
            uri if EXCHANGE.contains(&uri) => Space::Exchange,
            _ => Space::Foreign,
        },
        ResolveResult::Unbound => Space::None,
        ResolveResult::Unknown(_) => Space::Foreign,
    }
}

fn place(element: Element, open: &mut [Element], root: &mut Option<Element>) -> Result<(), Error> {
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None if root.is_none() => *root = Some(element),
        None => return Err(Error::Malformed("more than one document".to_owned())),
    }
    Ok(())
}

/// Adds text to the innermost open element; outside the root only blanks may stand.
fn append(open: &mut [Element], text: &str) -> Result<(), Error> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err(Error::Malformed("text outside the document".to_owned())),
    }
    Ok(())
}

/// The text that a reference stands for; an entity that XML doesn't define stays as it is.
fn resolve(name: &str) -> Result<String, Error> {
    let number = match name.strip_prefix('#') {
        Some(number) => match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => number.parse().ok(),
        },
        None => {
            return Ok(quick_xml::escape::resolve_xml_entity(name)
                .map_or_else(|| format!("&{name};"), str::to_owned));
        }
    };
    let c = number.and_then(char::from_u32);
    c.map(String::from).ok_or_else(|| Error::Malformed(format!("&{name};")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPES: &str = "http://schemas.microsoft.com/exchange/services/2006/types";

    fn read(inside: &str) -> Result<Element, Error> {
        Element::parse(&format!("<t:A xmlns:t=\"{TYPES}\">{inside}</t:A>"))
    }

    #[test]
    fn text_is_put_together_from_its_parts() {
        let a = read("<t:B>x&amp;y&#x41;<![CDATA[<z>]]>&nbsp;\r\n&#xD;</t:B>").unwrap();
        assert_eq!(a.child_text("B"), Some("x&yA<z>&nbsp;\n\r"));
    }

    #[test]
    fn names_count_only_in_their_namespace() {
        let a = read("<B xmlns=\"urn:other\"/><C/><t:B k=\"v\"/>").unwrap();
        assert_eq!(a.child("B").unwrap().attribute("k"), Some("v"));
        assert!(a.child("C").is_none());
        assert!(a.child_in(Space::None, "C").is_some());
    }

    #[test]
    fn broken_documents_are_refused() {
        for xml in
            ["", "<a>", "<a></b>", "<a/><b/>", "<a/>tail", "<a b=c/>", "<a>&#xD800;</a>", "x"]
        {
            assert!(Element::parse(xml).is_err(), "{xml}");
        }
        assert!(read(&"<t:B>".repeat(100_000)).is_err());
    }
}
