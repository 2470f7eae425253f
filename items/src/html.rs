//! HTML bodies, reduced to what people see of them: lines of text, with basic formatting.
//!
//! Servers rewrite HTML (they add a head, wrap and re-indent, turn text into HTML and back); what
//! is left here is what they keep.

mod entity;
mod token;

use crate::event::{Body, BodyKind};
use crate::meaning::is_blank;
use std::rc::Rc;
use token::{Token, Tokens};

/// The normal form of HTML: a text body if nothing but text is seen, else the least HTML that shows
/// the same lines, links, images, emphasis, list items and table cells. Reducing it again changes
/// nothing.
pub fn reduce(html: &str) -> Body {
    let lines = lines(html);
    if lines.iter().all(Line::is_plain) {
        let text = lines.iter().map(Line::text).collect::<Vec<_>>().join("\n");
        return Body { kind: BodyKind::Text, content: text };
    }
    let mut content = String::new();
    for line in &lines {
        line.write_html(&mut content);
    }
    Body { kind: BodyKind::Html, content }
}

/// The text of HTML for people: one line each, list items marked, the targets of links behind them.
pub fn to_text(html: &str) -> String {
    lines(html).iter().map(Line::for_people).collect::<Vec<_>>().join("\n")
}

/// A stretch of HTML as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stretch {
    /// Text, with its character references.
    Text,
    /// A tag that shows nothing by itself.
    Tag,
    /// A tag that shows something: a line's end, a rule, an image.
    Seen,
}

/// Where the texts and tags of HTML stand, in bytes; what is left out is nothing that people see.
pub(crate) fn stretches(html: &str) -> Vec<(std::ops::Range<usize>, Stretch)> {
    let mut tokens = Tokens::new(html);
    let mut stretches = Vec::new();
    while let Some(token) = tokens.next() {
        let stretch = match token {
            Token::Text(_) => Stretch::Text,
            Token::Open { name, .. } if matches!(name.as_str(), "br" | "hr" | "img") => {
                Stretch::Seen
            }
            Token::Open { .. } | Token::Close(_) => Stretch::Tag,
        };
        let (from, to) = tokens.left();
        stretches.push((html.len() - from..html.len() - to, stretch));
    }
    stretches
}

/// What a line stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Item,
    /// The first cell of a row.
    Row,
    Cell,
    Rule,
}

/// How a piece of text looks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Style {
    /// How many elements with each of [`MARKS`] are open here; as a style, none or one.
    marks: [usize; MARKS.len()],
    link: Option<Rc<str>>,
}

/// The marks, by their shortest tags.
const MARKS: [&str; 4] = ["b", "i", "u", "s"];

/// Text without blanks at its ends, or an image.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    /// Whether a blank stands before it.
    apart: bool,
    text: String,
    image: Option<String>,
    style: Style,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    kind: Kind,
    pieces: Vec<Piece>,
}

impl Line {
    fn is_plain(&self) -> bool {
        self.kind == Kind::Plain
            && self.pieces.iter().all(|p| p.image.is_none() && p.style == Style::default())
    }

    fn text(&self) -> String {
        join(&self.pieces)
    }

    fn for_people(&self) -> String {
        let mut text = String::from(if self.kind == Kind::Item { "* " } else { "" });
        if self.kind == Kind::Rule {
            text.push_str("---");
        }
        for (n, group) in runs(&self.pieces, |p| &p.style.link).enumerate() {
            if n > 0 && group.first().is_some_and(|piece| piece.apart) {
                text.push(' ');
            }
            text.push_str(&join(group));
            if let Some(link) = group.first().and_then(|piece| piece.style.link.as_ref()) {
                text.push_str(&format!(" <{link}>"));
            }
        }
        text
    }

    /// Text that only repeats where it leads to is no link: servers link addresses by themselves.
    fn unlink_addresses(&mut self) {
        let mut start = 0;
        while start < self.pieces.len() {
            let link = self.pieces[start].style.link.clone();
            let same = self.pieces[start..].iter().take_while(|p| p.style.link == link).count();
            let group = &mut self.pieces[start..start + same];
            if link.is_some_and(|link| leads_to_itself(&join(group), &link)) {
                group.iter_mut().for_each(|piece| piece.style.link = None);
            }
            start += same;
        }
    }

    fn write_html(&self, out: &mut String) {
        out.push_str(match self.kind {
            Kind::Plain if out.is_empty() => "",
            Kind::Plain => "<br>",
            Kind::Item => "<li>",
            Kind::Row => "<tr><td>",
            Kind::Cell => "<td>",
            Kind::Rule => "<hr>",
        });
        for (n, group) in runs(&self.pieces, |p| &p.style).enumerate() {
            let Some(first) = group.first() else { continue };
            if n > 0 && first.apart {
                out.push(' ');
            }
            if let Some(link) = &first.style.link {
                out.push_str(&format!("<a href=\"{}\">", escape(link)));
            }
            let marks = MARKS.into_iter().zip(first.style.marks).filter(|&(_, on)| on > 0);
            marks.clone().for_each(|(mark, _)| out.push_str(&format!("<{mark}>")));
            for (n, piece) in group.iter().enumerate() {
                if n > 0 && piece.apart {
                    out.push(' ');
                }
                out.push_str(&escape(&piece.text));
                if let Some(image) = &piece.image {
                    out.push_str(&format!("<img src=\"{}\">", escape(image)));
                }
            }
            marks.rev().for_each(|(mark, _)| out.push_str(&format!("</{mark}>")));
            if first.style.link.is_some() {
                out.push_str("</a>");
            }
        }
    }
}

/// Neighbours that look the same in one respect.
fn runs<'a, T: PartialEq>(
    pieces: &'a [Piece],
    look: impl Fn(&Piece) -> &T + 'a,
) -> impl Iterator<Item = &'a [Piece]> {
    pieces.chunk_by(move |a, b| look(a) == look(b))
}

fn join(pieces: &[Piece]) -> String {
    let mut text = String::new();
    for piece in pieces {
        if piece.apart && !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&piece.text);
    }
    text
}

fn leads_to_itself(text: &str, link: &str) -> bool {
    let bare = |address: &str| {
        let address = address.to_lowercase();
        let schemes = ["mailto:", "https://", "http://", "tel:"];
        let address =
            schemes.iter().find_map(|scheme| address.strip_prefix(scheme)).unwrap_or(&address);
        address.trim_end_matches('/').to_owned()
    };
    bare(text) == bare(link)
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Reads HTML into lines.
#[derive(Debug)]
struct Reader {
    lines: Vec<Line>,
    pieces: Vec<Piece>,
    /// What the next line stands in.
    kind: Kind,
    style: Style,
    /// Whether a blank was seen since the last letter.
    apart: bool,
    /// Whether no line of this row was seen yet.
    row: bool,
    /// How many `pre` are open.
    preformatted: usize,
    in_head: bool,
}

fn lines(html: &str) -> Vec<Line> {
    let mut reader = Reader {
        lines: Vec::new(),
        pieces: Vec::new(),
        kind: Kind::Plain,
        style: Style::default(),
        apart: false,
        row: false,
        preformatted: 0,
        in_head: false,
    };
    for token in Tokens::new(html) {
        match token {
            Token::Text(text) => reader.text(&text),
            Token::Open { name, target } => reader.open(&name, target),
            Token::Close(name) => reader.close(&name),
        }
    }
    reader.end_line();
    reader.lines
}

impl Reader {
    fn text(&mut self, text: &str) {
        if self.in_head {
            return;
        }
        for letter in text.chars() {
            if self.preformatted > 0 && matches!(letter, '\n' | '\r') {
                self.end_line();
            } else if is_blank(letter) {
                self.apart = true;
            } else {
                self.letter(letter);
            }
        }
    }

    fn letter(&mut self, letter: char) {
        let joins = !self.apart
            && self.pieces.last().is_some_and(|p| p.image.is_none() && p.style == self.look());
        if !joins {
            self.piece(None);
        }
        if let Some(piece) = self.pieces.last_mut() {
            piece.text.push(letter);
        }
    }

    fn piece(&mut self, image: Option<String>) {
        let apart = self.apart && !self.pieces.is_empty();
        let style = self.look();
        self.pieces.push(Piece { apart, text: String::new(), image, style });
        self.apart = false;
    }

    fn look(&self) -> Style {
        Style { marks: self.style.marks.map(|open| open.min(1)), link: self.style.link.clone() }
    }

    fn open(&mut self, name: &str, target: Option<String>) {
        match name {
            "head" => self.in_head = true,
            "body" => self.in_head = false,
            _ if self.in_head => {}
            "a" => self.style.link = target.filter(|t| !t.is_empty()).map(Rc::from),
            "img" => self.piece(Some(target.unwrap_or_default())),
            "br" => self.end_line(),
            "hr" => {
                self.end_line();
                self.lines.push(Line { kind: Kind::Rule, pieces: Vec::new() });
                self.kind = Kind::Plain;
            }
            "li" => self.begin(Kind::Item),
            "tr" => {
                self.begin(Kind::Plain);
                self.row = true;
            }
            "td" | "th" => {
                self.end_line();
                self.kind = if self.row { Kind::Row } else { Kind::Cell };
            }
            "pre" => {
                self.end_line();
                self.preformatted += 1;
            }
            _ if is_block(name) => self.end_line(),
            _ => {
                if let Some(open) = mark(name).and_then(|mark| self.style.marks.get_mut(mark)) {
                    *open += 1;
                }
            }
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "head" => self.in_head = false,
            "a" => self.style.link = None,
            "li" | "tr" | "td" | "th" | "table" | "ul" | "ol" => {
                self.begin(Kind::Plain);
                self.row &= !matches!(name, "tr" | "table");
            }
            "pre" => {
                self.end_line();
                self.preformatted = self.preformatted.saturating_sub(1);
            }
            _ if is_block(name) => self.end_line(),
            _ => {
                if let Some(open) = mark(name).and_then(|mark| self.style.marks.get_mut(mark)) {
                    *open = open.saturating_sub(1);
                }
            }
        }
    }

    /// Begins a line that stands in `kind`.
    fn begin(&mut self, kind: Kind) {
        self.end_line();
        self.kind = kind;
    }

    /// Ends the line. One without anything in it is none: servers make and drop them freely. So the
    /// first block in an item or cell is that item or cell.
    fn end_line(&mut self) {
        self.apart = false;
        if self.pieces.is_empty() {
            return;
        }
        let mut line = Line { kind: self.kind, pieces: std::mem::take(&mut self.pieces) };
        line.unlink_addresses();
        self.row &= line.kind != Kind::Row;
        self.kind = Kind::Plain;
        self.lines.push(line);
    }
}

fn mark(name: &str) -> Option<usize> {
    let name = match name {
        "strong" => "b",
        "em" => "i",
        "ins" => "u",
        "strike" | "del" => "s",
        name => name,
    };
    MARKS.iter().position(|mark| *mark == name)
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "p" | "div"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "ul"
            | "ol"
            | "table"
            | "tbody"
            | "thead"
            | "tfoot"
            | "caption"
            | "blockquote"
            | "section"
            | "article"
            | "header"
            | "footer"
            | "address"
            | "center"
            | "dl"
            | "dt"
            | "dd"
            | "body"
            | "html"
            | "form"
    )
}
