//! A file as a tree of components and lines, each line as it stands there, so that what isn't
//! understood can be written back.

use super::Warning;
use super::line::{self, Line};

/// Components nested deeper than this are not read.
const DEPTH_MAX: usize = 8;

/// A component, or the file as a whole, which has no name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Component {
    /// The name, in capitals.
    pub(super) name: String,
    /// The line of its BEGIN.
    pub(super) number: usize,
    /// What it holds.
    pub(super) nodes: Vec<Node>,
}

/// A part of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// A content line, unfolded, and its number.
    Line(usize, String),
    /// A component.
    Component(Component),
}

impl Component {
    /// A component without anything in it.
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// Reads a file, whatever it is: what is no iCalendar is left out, with a warning.
    pub(super) fn parse(bytes: &[u8], warnings: &mut Vec<Warning>) -> Self {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut open = vec![Self::default()];
        for (number, line) in line::unfold(bytes) {
            let text = String::from_utf8_lossy(&line);
            if text.contains('\u{fffd}') && std::str::from_utf8(&line).is_err() {
                warnings
                    .push(Warning::new(number, "not UTF-8; what could not be read is replaced"));
            }
            let text = text.trim_start();
            match begin_or_end(text) {
                Some((Edge::Begin, name)) if open.len() > DEPTH_MAX => {
                    warnings.push(Warning::new(number, format!("{name} is nested too deep")));
                }
                Some((Edge::Begin, name)) => {
                    if matches!(name.as_str(), "VCALENDAR" | "VEVENT") {
                        close_forgotten(&mut open, number, &name, warnings);
                    }
                    open.push(Self { name, number, nodes: Vec::new() });
                }
                Some((Edge::End, name)) => close(&mut open, number, &name, warnings),
                None if text.contains(':') => {
                    if let Some(component) = open.last_mut() {
                        component.nodes.push(Node::Line(number, text.to_owned()));
                    }
                }
                None => warnings.push(Warning::new(number, format!("not a content line: {text}"))),
            }
        }
        while open.len() > 1 {
            if let Some(component) = open.last() {
                let text = format!("{} has no END", component.name);
                warnings.push(Warning::new(component.number, text));
            }
            close_last(&mut open);
        }
        open.pop().unwrap_or_default()
    }

    /// Adds a line.
    pub(super) fn push(&mut self, line: String) {
        self.nodes.push(Node::Line(0, line));
    }

    /// The lines with this name that can be understood, with their numbers.
    pub(super) fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (usize, Line)> + 'a {
        self.nodes.iter().filter(move |node| node.name() == name).filter_map(|node| match node {
            Node::Line(number, raw) => Some((*number, Line::parse(raw)?)),
            Node::Component(_) => None,
        })
    }

    /// The first line with this name.
    pub(super) fn line(&self, name: &str) -> Option<Line> {
        self.lines(name).map(|(_, line)| line).next()
    }

    /// The components with this name.
    pub(super) fn components<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.nodes.iter().filter_map(move |node| node.component(name))
    }

    /// Writes what it holds.
    pub(super) fn write(&self, out: &mut String) {
        for node in &self.nodes {
            match node {
                Node::Line(_, raw) => line::fold(raw, out),
                Node::Component(component) => {
                    line::fold(&format!("BEGIN:{}", component.name), out);
                    component.write(out);
                    line::fold(&format!("END:{}", component.name), out);
                }
            }
        }
    }
}

impl Node {
    /// The component, if it is one with this name.
    pub(super) fn component(&self, name: &str) -> Option<&Component> {
        match self {
            Self::Component(component) if component.name == name => Some(component),
            Self::Component(_) | Self::Line(..) => None,
        }
    }

    /// The name of the line or component, in capitals.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Line(_, raw) => {
                raw.split([':', ';']).next().unwrap_or_default().trim().to_uppercase()
            }
            Self::Component(component) => component.name.clone(),
        }
    }
}

enum Edge {
    Begin,
    End,
}

fn begin_or_end(line: &str) -> Option<(Edge, String)> {
    let (word, name) = line.split_once(':')?;
    let word = word.trim();
    let edge = if word.eq_ignore_ascii_case("BEGIN") {
        Edge::Begin
    } else if word.eq_ignore_ascii_case("END") {
        Edge::End
    } else {
        return None;
    };
    Some((edge, name.trim().to_uppercase()))
}

/// Closes the innermost component of this name, and what was left open inside it.
fn close(open: &mut Vec<Component>, number: usize, name: &str, warnings: &mut Vec<Warning>) {
    let Some(depth) = open.iter().skip(1).rposition(|component| component.name == name) else {
        warnings.push(Warning::new(number, format!("END:{name} without a BEGIN")));
        return;
    };
    while open.len() > depth + 2 {
        if let Some(component) = open.last() {
            let text = format!("{} has no END", component.name);
            warnings.push(Warning::new(component.number, text));
        }
        close_last(open);
    }
    close_last(open);
}

/// Closes a component that can't stand inside another of its name: that one has lost its END.
fn close_forgotten(
    open: &mut Vec<Component>,
    number: usize,
    name: &str,
    warnings: &mut Vec<Warning>,
) {
    if let Some(forgotten) = open.iter().find(|component| component.name == name) {
        warnings.push(Warning::new(forgotten.number, format!("{name} has no END")));
        close(open, number, name, warnings);
    }
}

fn close_last(open: &mut Vec<Component>) {
    if open.len() > 1
        && let Some(component) = open.pop()
        && let Some(parent) = open.last_mut()
    {
        parent.nodes.push(Node::Component(component));
    }
}
