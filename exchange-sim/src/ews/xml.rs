//! A generic element tree: every SOAP request is read into one, every response is written from one.
//!
//! Elements are matched by namespace and local name, never by prefix. Each carries the place of its
//! start tag, because a schema fault names line and position.

use quick_xml::NsReader;
use quick_xml::XmlVersion;
use quick_xml::events::BytesStart;
use quick_xml::events::Event;
use quick_xml::name::ResolveResult;

/// Deeper nesting than any EWS request has; keeps recursion over a tree bounded.
const DEPTH_MAX: usize = 64;

/// The namespaces EWS speaks (MS docs: EWS XML elements in Exchange).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Space {
    /// SOAP 1.1 envelope, prefix `s`.
    Soap,
    /// `…/services/2006/messages`, prefix `m`.
    Messages,
    /// `…/services/2006/types`, prefix `t`.
    Types,
    /// `…/services/2006/errors`, prefix `e`.
    Errors,
    /// No namespace.
    None,
    /// Any other namespace.
    Other(String),
}

impl Space {
    fn from_uri(uri: &str) -> Space {
        [Space::Soap, Space::Messages, Space::Types, Space::Errors]
            .into_iter()
            .find(|space| space.uri() == uri)
            .unwrap_or_else(|| Space::Other(uri.to_owned()))
    }

    /// The namespace name.
    pub(crate) fn uri(&self) -> &str {
        match self {
            Space::Soap => "http://schemas.xmlsoap.org/soap/envelope/",
            Space::Messages => "http://schemas.microsoft.com/exchange/services/2006/messages",
            Space::Types => "http://schemas.microsoft.com/exchange/services/2006/types",
            Space::Errors => "http://schemas.microsoft.com/exchange/services/2006/errors",
            Space::None => "",
            Space::Other(uri) => uri,
        }
    }

    fn prefix(&self) -> &'static str {
        match self {
            Space::Soap => "s",
            Space::Messages => "m",
            Space::Types => "t",
            Space::Errors => "e",
            Space::None => "",
            Space::Other(_) => "x",
        }
    }
}

/// Where the name of an element or attribute begins, 1-based, as a schema fault counts it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) position: usize,
}

impl Place {
    /// The place behind `text`, which begins here.
    fn after(mut self, text: &str) -> Place {
        for character in text.chars() {
            if character == '\n' {
                self = Place { line: self.line + 1, position: 1 };
            } else {
                self.position += 1;
            }
        }
        self
    }
}

/// One element with its attributes, text and children in document order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) space: Space,
    pub(crate) name: String,
    /// Unqualified attributes; declarations and attributes of foreign namespaces are left out.
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Element>,
    /// The character data directly below this element, joined.
    pub(crate) text: String,
    pub(crate) place: Place,
    /// The places of the attributes of an element that was read.
    pub(crate) attribute_places: Vec<Place>,
}

/// Why a document is not well-formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub(crate) message: String,
    pub(crate) place: Place,
}

impl Element {
    /// An empty element of `space`.
    pub(crate) fn new(space: Space, name: &str) -> Element {
        Element {
            space,
            name: name.to_owned(),
            attributes: Vec::new(),
            children: Vec::new(),
            text: String::new(),
            place: Place::default(),
            attribute_places: Vec::new(),
        }
    }

    /// An empty element of the types namespace.
    pub(crate) fn t(name: &str) -> Element {
        Element::new(Space::Types, name)
    }

    /// An empty element of the messages namespace.
    pub(crate) fn m(name: &str) -> Element {
        Element::new(Space::Messages, name)
    }

    /// A types element that holds `text`.
    pub(crate) fn t_text(name: &str, text: impl Into<String>) -> Element {
        Element { text: text.into(), ..Element::t(name) }
    }

    /// A messages element that holds `text`.
    pub(crate) fn m_text(name: &str, text: impl Into<String>) -> Element {
        Element { text: text.into(), ..Element::m(name) }
    }

    /// This element with one more attribute.
    pub(crate) fn attr(mut self, name: &str, value: impl Into<String>) -> Element {
        self.attributes.push((name.to_owned(), value.into()));
        self
    }

    /// This element with one more child.
    pub(crate) fn with(mut self, child: Element) -> Element {
        self.children.push(child);
        self
    }

    /// This element with more children.
    pub(crate) fn with_all(mut self, children: impl IntoIterator<Item = Element>) -> Element {
        self.children.extend(children);
        self
    }

    /// Whether this is `name` in `space`.
    pub(crate) fn is(&self, space: &Space, name: &str) -> bool {
        self.space == *space && self.name == name
    }

    /// The first child called `name`, in whichever namespace the schema put it.
    pub(crate) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child called `name`.
    pub(crate) fn child_text(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }

    /// The value of an unqualified attribute.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Reads a document; anything that .NET's reader refuses is [`Malformed`], DTDs included.
    pub(crate) fn parse(document: &str) -> Result<Element, Malformed> {
        let document = document.strip_prefix('\u{feff}').unwrap_or(document);
        let reader = NsReader::from_str(document);
        let place = Place { line: 1, position: 1 };
        TreeReader { reader, document, open: Vec::new(), root: None, scanned: 0, place }.read()
    }

    /// The element as XML text without a declaration.
    pub(crate) fn render(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, &[]);
        out
    }

    fn write(&self, out: &mut String, declared: &[Space]) {
        let mut scope = declared.to_vec();
        out.push('<');
        push_name(out, &self.space, &self.name);
        // Like Exchange, an operation's response declares both prefixes once.
        let mut needed = vec![self.space.clone()];
        if self.space == Space::Messages {
            needed.push(Space::Types);
        }
        for space in needed {
            if space != Space::None && !scope.contains(&space) {
                out.push_str(&format!(" xmlns:{}=\"", space.prefix()));
                escape(out, space.uri());
                out.push('"');
                scope.push(space);
            }
        }
        for (name, value) in &self.attributes {
            out.push_str(&format!(" {name}=\""));
            escape(out, value);
            out.push('"');
        }
        if self.children.is_empty() && self.text.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        escape(out, &self.text);
        for child in &self.children {
            child.write(out, &scope);
        }
        out.push_str("</");
        push_name(out, &self.space, &self.name);
        out.push('>');
    }
}

fn push_name(out: &mut String, space: &Space, name: &str) {
    if *space != Space::None {
        out.push_str(space.prefix());
        out.push(':');
    }
    out.push_str(name);
}

/// Escapes as Exchange does: a stored control character leaves as a reference that XML 1.0 forbids.
fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(character),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                out.push_str(&format!("&#x{:X};", c as u32));
            }
            _ => out.push(character),
        }
    }
}

struct TreeReader<'a> {
    reader: NsReader<&'a [u8]>,
    document: &'a str,
    open: Vec<Element>,
    root: Option<Element>,
    /// Bytes of the document that `place` accounts for.
    scanned: usize,
    place: Place,
}

impl TreeReader<'_> {
    fn read(mut self) -> Result<Element, Malformed> {
        loop {
            let (space, event) = match self.reader.read_resolved_event() {
                Ok((resolved, event)) => (space_of(resolved), event),
                Err(error) => return Err(self.malformed(error.to_string())),
            };
            let begin = self.place;
            self.advance();
            match event {
                Event::Start(start) => {
                    let element = self.element(space, &start, begin)?;
                    self.open.push(element);
                }
                Event::Empty(start) => {
                    let element = self.element(space, &start, begin)?;
                    self.close(element)?;
                }
                Event::End(_) => {
                    let Some(element) = self.open.pop() else {
                        return Err(self.malformed("Unexpected end tag.".to_owned()));
                    };
                    self.close(element)?;
                }
                Event::Text(text) => self.text(&text.xml10_content())?,
                Event::CData(data) => self.text(&data.xml10_content())?,
                Event::GeneralRef(reference) => {
                    let name = reference.xml10_content().into_owned();
                    let resolved = reference.resolve_char_ref().ok().flatten();
                    let text = match (resolved, name.as_str()) {
                        (Some(character), _) => character.to_string(),
                        (None, "amp") => "&".to_owned(),
                        (None, "lt") => "<".to_owned(),
                        (None, "gt") => ">".to_owned(),
                        (None, "quot") => "\"".to_owned(),
                        (None, "apos") => "'".to_owned(),
                        (None, _) => {
                            let message = format!("Reference to undeclared entity '{name}'.");
                            return Err(self.malformed(message));
                        }
                    };
                    self.text(&text)?;
                }
                Event::DocType(_) => {
                    let message = "For security reasons DTD is prohibited in this XML document.";
                    return Err(self.malformed(message.to_owned()));
                }
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
                Event::Eof => break,
            }
        }
        match self.root.take() {
            Some(root) if self.open.is_empty() => Ok(root),
            Some(_) | None => Err(self.malformed("Root element is missing.".to_owned())),
        }
    }

    /// The element of a start tag, whose `<` is at `begin`.
    fn element(
        &mut self,
        space: Space,
        start: &BytesStart<'_>,
        begin: Place,
    ) -> Result<Element, Malformed> {
        if self.open.len() >= DEPTH_MAX {
            return Err(self.malformed("The maximum read depth has been exceeded.".to_owned()));
        }
        let mut element = Element::new(space, start.local_name().as_ref());
        element.place = begin.after("<");
        let tag: &str = start;
        let mut from = start.name().as_ref().len();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| self.malformed(error.to_string()))?;
            let key = attribute.key.as_ref();
            let rest = tag.get(from..).unwrap_or_default();
            let at = from + rest.find(key).unwrap_or_default();
            from = at + key.len() + "=\"".len() + attribute.value.len();
            if attribute.key.as_namespace_binding().is_some() || attribute.key.prefix().is_some() {
                continue;
            }
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|error| self.malformed(error.to_string()))?;
            self.check_characters(&value)?;
            let place = element.place.after(tag.get(..at).unwrap_or_default());
            element.attribute_places.push(place);
            element.attributes.push((key.to_owned(), value.into_owned()));
        }
        Ok(element)
    }

    fn close(&mut self, element: Element) -> Result<(), Malformed> {
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None if self.root.is_none() => self.root = Some(element),
            None => return Err(self.malformed("There are multiple root elements.".to_owned())),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Malformed> {
        self.check_characters(text)?;
        match self.open.last_mut() {
            Some(parent) => parent.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => {
                return Err(self.malformed("Data at the root level is invalid.".to_owned()));
            }
        }
        Ok(())
    }

    fn check_characters(&self, text: &str) -> Result<(), Malformed> {
        let illegal = |c: &char| {
            (*c < '\u{20}' && !matches!(c, '\t' | '\n' | '\r'))
                || matches!(c, '\u{fffe}' | '\u{ffff}')
        };
        match text.chars().find(illegal) {
            None => Ok(()),
            Some(c) => Err(self.malformed(format!(
                "'{}', hexadecimal value 0x{:02X}, is an invalid character.",
                c.escape_debug(),
                c as u32
            ))),
        }
    }

    fn advance(&mut self) {
        let offset = usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX);
        let seen = self.document.get(self.scanned..offset).unwrap_or_default();
        self.place = self.place.after(seen);
        self.scanned = offset;
    }

    fn malformed(&self, message: String) -> Malformed {
        Malformed { message, place: self.place }
    }
}

fn space_of(resolved: ResolveResult<'_>) -> Space {
    match resolved {
        ResolveResult::Unbound => Space::None,
        ResolveResult::Bound(namespace) => Space::from_uri(namespace.0),
        ResolveResult::Unknown(prefix) => Space::Other(prefix),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_matched_by_namespace_not_prefix() {
        let xml = format!(
            "<q:A xmlns:q='{}'><B xmlns='{}' x='&lt;1'/></q:A>",
            Space::Messages.uri(),
            Space::Types.uri()
        );
        let root = Element::parse(&xml).expect("well-formed");
        assert!(root.is(&Space::Messages, "A"));
        assert!(root.children[0].is(&Space::Types, "B"));
        assert_eq!(root.children[0].attribute("x"), Some("<1"));
    }

    #[test]
    fn what_was_written_reads_back() {
        let written = Element::m("A").with(Element::t_text("B", "a&b<c>\"\r\n").attr("k", "\"v'"));
        let read = Element::parse(&written.render()).expect("well-formed");
        assert_eq!(read.children[0].text, "a&b<c>\"\r\n");
        assert_eq!(read.children[0].attribute("k"), Some("\"v'"));
    }

    #[test]
    fn bad_documents_are_refused() {
        for xml in [
            "",
            "<a>",
            "<a/><b/>",
            "<a>&x;</a>",
            "<!DOCTYPE a><a/>",
            "<a>&#x1;</a>",
            "t",
            "<a b='1' b='2'/>",
        ] {
            assert!(Element::parse(xml).is_err(), "{xml}");
        }
        assert!(Element::parse(&"<a>".repeat(10_000)).is_err());
    }
}
