//! XML as a tree to cut about: names, attributes and texts stay as they are written.

/// An element.
#[derive(Debug, Clone, Default)]
pub struct Element {
    /// With its prefix.
    pub name: String,
    /// Names and values, as written.
    pub attributes: Vec<(String, String)>,
    /// What it contains.
    pub children: Vec<Node>,
}

/// What an element contains.
#[derive(Debug, Clone)]
pub enum Node {
    /// Another element.
    Element(Element),
    /// Text, as written.
    Text(String),
}

impl Element {
    /// Reads a well-formed document; comments and declarations are left out.
    pub fn parse(document: &str) -> Option<Element> {
        let mut open = vec![Element::default()];
        let mut rest = document;
        while let Some(at) = rest.find('<') {
            add_text(&mut open, &rest[..at]);
            rest = &rest[at + 1..];
            if let Some(comment) = rest.strip_prefix("!--") {
                rest = &comment[comment.find("-->")? + 3..];
                continue;
            }
            let end = rest.find('>')?;
            let tag = &rest[..end];
            rest = &rest[end + 1..];
            if tag.starts_with(['?', '!']) {
                continue;
            }
            if tag.starts_with('/') {
                let done = open.pop()?;
                open.last_mut()?.children.push(Node::Element(done));
                continue;
            }
            let element = element(tag.trim_end_matches('/'));
            if tag.ends_with('/') {
                open.last_mut()?.children.push(Node::Element(element));
            } else {
                open.push(element);
            }
        }
        let [top] = &mut open[..] else { return None };
        top.elements().next().cloned()
    }

    /// The elements directly inside.
    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// How many elements there are, this one included.
    pub fn size(&self) -> usize {
        1 + self.elements().map(Element::size).sum::<usize>()
    }

    /// About how many bytes it has when it is written.
    pub fn weight(&self) -> usize {
        let attributes: usize = self.attributes.iter().map(|(n, v)| n.len() + v.len() + 4).sum();
        let children = self.children.iter().map(|node| match node {
            Node::Element(element) => element.weight(),
            Node::Text(text) => text.len(),
        });
        2 * self.name.len() + 5 + attributes + children.sum::<usize>()
    }

    /// The element of a number in document order.
    pub fn nth(&mut self, number: usize) -> Option<&mut Element> {
        if number == 0 {
            return Some(self);
        }
        let mut left = number - 1;
        for node in &mut self.children {
            if let Node::Element(element) = node {
                let size = element.size();
                if left < size {
                    return element.nth(left);
                }
                left -= size;
            }
        }
        None
    }

    /// Writes it.
    pub fn render(&self, out: &mut String) {
        out.push('<');
        out.push_str(&self.name);
        for (name, value) in &self.attributes {
            out.push_str(&format!(" {name}=\"{value}\""));
        }
        if self.children.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        for node in &self.children {
            match node {
                Node::Element(element) => element.render(out),
                Node::Text(text) => out.push_str(text),
            }
        }
        out.push_str(&format!("</{}>", self.name));
    }
}

fn add_text(open: &mut [Element], text: &str) {
    if let (Some(element), false) = (open.last_mut(), text.trim().is_empty()) {
        element.children.push(Node::Text(text.to_owned()));
    }
}

fn element(tag: &str) -> Element {
    let (name, mut rest) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
    let mut attributes = Vec::new();
    while let Some((name, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let Some(quote) = after.chars().next().filter(|c| matches!(c, '"' | '\'')) else { break };
        let Some((value, after)) = after[1..].split_once(quote) else { break };
        attributes.push((name.trim().to_owned(), value.replace('"', "&quot;")));
        rest = after;
    }
    Element { name: name.to_owned(), attributes, children: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_reads_and_writes() {
        let text =
            "<?xml version='1.0'?><!-- > --><a x='1'>\n <b:c y=\"2\"/><d>t &amp; u</d>\n</a>";
        let mut root = Element::parse(text).expect("a document");
        assert_eq!(root.size(), 3);
        assert_eq!(root.nth(2).expect("three").name, "d");
        let mut out = String::new();
        root.render(&mut out);
        assert_eq!(out, "<a x=\"1\"><b:c y=\"2\"/><d>t &amp; u</d></a>");
    }
}
