//! Writes XML text.

use crate::sanitize::is_allowed;

/// XML under construction. Names are ours; values may be anything, and what XML 1.0 can't carry is
/// left out, or one odd character would make the server refuse the whole batch.
#[derive(Debug, Default)]
pub(crate) struct Xml(String);

impl Xml {
    /// The text of what `build` writes.
    pub(crate) fn text_of(build: impl FnOnce(&mut Self)) -> String {
        let mut xml = Self::default();
        build(&mut xml);
        xml.0
    }

    /// An element with attributes and children.
    pub(crate) fn node(
        &mut self,
        name: &str,
        attributes: &[(&str, &str)],
        inside: impl FnOnce(&mut Self),
    ) {
        self.open(name, attributes);
        self.0.push('>');
        inside(self);
        self.close(name);
    }

    /// An element with attributes and nothing else.
    pub(crate) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.open(name, attributes);
        self.0.push_str("/>");
    }

    /// An element with text.
    pub(crate) fn leaf(&mut self, name: &str, text: &str) {
        self.node(name, &[], |xml| xml.text(text));
    }

    /// Text.
    pub(crate) fn text(&mut self, text: &str) {
        for c in text.chars().filter(|c| is_allowed(*c)) {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                // A parser turns a bare carriage return into a line feed.
                '\r' => self.0.push_str("&#xD;"),
                other => self.0.push(other),
            }
        }
    }

    /// XML that was written before.
    pub(crate) fn raw(&mut self, xml: &str) {
        self.0.push_str(xml);
    }

    fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.0.push('<');
        self.0.push_str(name);
        for (attribute, value) in attributes {
            self.0.push(' ');
            self.0.push_str(attribute);
            self.0.push_str("=\"");
            for c in value.chars().filter(|c| is_allowed(*c)) {
                match c {
                    '&' => self.0.push_str("&amp;"),
                    '<' => self.0.push_str("&lt;"),
                    '"' => self.0.push_str("&quot;"),
                    '\t' => self.0.push_str("&#9;"),
                    '\n' => self.0.push_str("&#xA;"),
                    '\r' => self.0.push_str("&#xD;"),
                    other => self.0.push(other),
                }
            }
            self.0.push('"');
        }
    }

    fn close(&mut self, name: &str) {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soap::Element;
    use proptest::prelude::*;

    #[test]
    fn what_xml_cannot_carry_is_left_out() {
        let xml = Xml::text_of(|x| x.node("a", &[("b", "\"<&\u{1}\n")], |x| x.text("<\u{B}&>\r")));
        assert_eq!(xml, "<a b=\"&quot;&lt;&amp;&#xA;\">&lt;&amp;&gt;&#xD;</a>");
    }

    proptest! {
        #[test]
        fn a_parser_reads_what_was_written(text: String, value: String) {
            let xml = Xml::text_of(|x| x.node("a", &[("b", &value)], |x| x.text(&text)));
            let read = Element::parse(&xml).unwrap();
            let kept = |t: &str| t.chars().filter(|c| is_allowed(*c)).collect::<String>();
            prop_assert_eq!(&read.text, &kept(&text));
            prop_assert_eq!(read.attribute("b").unwrap(), kept(&value));
        }
    }
}
