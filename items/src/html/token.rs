//! Cuts HTML into tags and text, and never refuses any.

use super::entity;

/// A piece of HTML. Comments, doctypes and processing instructions are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// Text, decoded.
    Text(String),
    /// A start tag, its name in lower case.
    Open {
        /// Its name.
        name: String,
        /// What it leads to or shows: `href` or `src`, decoded.
        target: Option<String>,
    },
    /// An end tag, its name in lower case.
    Close(String),
}

/// Elements whose content is no HTML, and nothing that people see.
const RAW: &[&str] = &["script", "style", "title", "xml", "noscript"];

/// The tokens of `html`.
pub(super) struct Tokens<'a> {
    /// What begins with the last token.
    last: &'a str,
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    /// Cuts `html`.
    pub(super) const fn new(html: &'a str) -> Self {
        Self { last: html, rest: html }
    }

    /// How many bytes there are from the beginning of the last token on, and how many behind it.
    pub(super) const fn left(&self) -> (usize, usize) {
        (self.last.len(), self.rest.len())
    }

    /// Drops everything up to `end`, or everything if there is no `end`.
    fn skip_past(&mut self, end: &str) {
        self.rest = self.rest.find(end).map_or("", |at| &self.rest[at + end.len()..]);
    }

    /// Drops the content of a raw element, up to its end tag.
    fn skip_raw(&mut self, name: &str) {
        let end = self.rest.match_indices("</").find(|(at, _)| {
            let tail = &self.rest.as_bytes()[at + 2..];
            tail.get(..name.len()).is_some_and(|tail| tail.eq_ignore_ascii_case(name.as_bytes()))
        });
        self.rest = end.map_or("", |(at, _)| &self.rest[at..]);
    }

    /// Reads the tag that begins at `<`; `None` if it was nothing but markup.
    fn tag(&mut self) -> Option<Token> {
        if self.rest.starts_with("<!--") {
            self.skip_past("-->");
            return None;
        }
        if self.rest.starts_with("<!") || self.rest.starts_with("<?") {
            self.skip_past(">");
            return None;
        }
        let inner = &self.rest[1..];
        let closing = inner.starts_with('/');
        let inner = inner.strip_prefix('/').unwrap_or(inner);
        let name_end =
            inner.find(|c: char| c.is_whitespace() || c == '>' || c == '/').unwrap_or(inner.len());
        let name = inner[..name_end].to_ascii_lowercase();
        self.rest = &inner[name_end..];
        let target = self.attributes();
        if closing {
            return Some(Token::Close(name));
        }
        if RAW.contains(&name.as_str()) {
            self.skip_raw(&name);
        }
        Some(Token::Open { name, target })
    }

    /// Reads attributes up to and with the `>`, and keeps the one that leads somewhere.
    fn attributes(&mut self) -> Option<String> {
        let mut target = None;
        loop {
            self.rest = self.rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
            if let Some(rest) = self.rest.strip_prefix('>') {
                self.rest = rest;
                return target;
            }
            if self.rest.is_empty() {
                return target;
            }
            let is_end = |c: char| c.is_whitespace() || c == '>' || c == '=' || c == '/';
            let end = self.rest.char_indices().skip(1).find(|&(_, c)| is_end(c));
            let (name, rest) = self.rest.split_at(end.map_or(self.rest.len(), |(at, _)| at));
            self.rest = rest.trim_start();
            let Some(rest) = self.rest.strip_prefix('=') else { continue };
            self.rest = rest.trim_start();
            let value = self.value();
            if name.eq_ignore_ascii_case("href") || name.eq_ignore_ascii_case("src") {
                target.get_or_insert_with(|| entity::decode(value).trim().to_owned());
            }
        }
    }

    /// Reads an attribute's value, quoted or not.
    fn value(&mut self) -> &'a str {
        let quote = self.rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, rest) = match quote {
            Some(quote) => {
                let inner = &self.rest[1..];
                inner.split_once(quote).unwrap_or((inner, ""))
            }
            None => {
                let end = self.rest.find(|c: char| c.is_whitespace() || c == '>');
                self.rest.split_at(end.unwrap_or(self.rest.len()))
            }
        };
        self.rest = rest;
        value
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        while !self.rest.is_empty() {
            self.last = self.rest;
            if is_tag(self.rest) {
                if let Some(token) = self.tag() {
                    return Some(token);
                }
                continue;
            }
            let end = self.rest.match_indices('<').find(|&(at, _)| is_tag(&self.rest[at..]));
            let (text, rest) = self.rest.split_at(end.map_or(self.rest.len(), |(at, _)| at));
            self.rest = rest;
            return Some(Token::Text(entity::decode(text)));
        }
        None
    }
}

/// Whether markup begins here, and not just a "less than".
fn is_tag(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next() == Some(b'<')
        && match bytes.next() {
            Some(b'/') => bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic()),
            Some(byte) => byte.is_ascii_alphabetic() || byte == b'!' || byte == b'?',
            None => false,
        }
}
