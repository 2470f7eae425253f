//! The content models of EWS requests, read from a table derived from Microsoft's `types.xsd` and
//! `messages.xsd` of Exchange Online; on-premises servers know a subset with a few values less.
//! `DistinguishedFolderIdNameType` has 21 names more than any published schema: those that
//! exchangelib asks Exchange Online for (nothing published says that they are answered).
//!
//! The table is one line a declaration, prefixes `t:` and `m:` as everywhere in EWS:
//!
//! ```text
//! element NAME = TYPE
//! type NAME [< BASE | restricts BASE | text BASE] [: MODEL] [@ATTRIBUTE=TYPE[!]]…
//! simple NAME < BASE [FACET=VALUE]…
//! list NAME < ITEM
//! union NAME < MEMBER…
//! ```
//!
//! A model is `(a b)` for a sequence and `(a|b)` for a choice, with `?`, `*`, `+` as usual; abstract
//! elements are already replaced by the choice of their substitutes. A test derives the table anew
//! from the XSD files and compares.

use super::xml::Element;
use super::xml::Space;
use std::collections::BTreeMap;
use std::sync::LazyLock;

static TABLE: LazyLock<Schema> = LazyLock::new(|| Schema::read(include_str!("schema.txt")));

/// All declarations by qualified name.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    pub(super) elements: BTreeMap<String, String>,
    pub(super) complex: BTreeMap<String, Complex>,
    pub(super) simple: BTreeMap<String, Simple>,
}

/// A type with attributes and either children or text.
#[derive(Debug, Default)]
pub(super) struct Complex {
    pub(super) base: Option<Base>,
    pub(super) model: Option<Particle>,
    pub(super) attributes: Vec<Attribute>,
}

/// What a complex type is derived from.
#[derive(Debug)]
pub(super) enum Base {
    /// The base's children come first.
    Extends(String),
    /// The model is given again in full.
    Restricts(String),
    /// Text of this type, no children.
    Text(String),
}

/// An attribute's declaration.
#[derive(Debug)]
pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) required: bool,
}

/// A part of a content model, with how often it may occur.
#[derive(Debug)]
pub(super) struct Particle {
    pub(super) term: Term,
    pub(super) min: usize,
    pub(super) max: usize,
}

/// What a particle is about.
#[derive(Debug)]
pub(super) enum Term {
    /// One element and its type.
    Element { name: String, kind: String },
    /// All of these, in order.
    Sequence(Vec<Particle>),
    /// One of these.
    Choice(Vec<Particle>),
}

/// A type of text.
#[derive(Debug)]
pub(super) enum Simple {
    /// A base with facets (`enum`, `minInclusive`, …).
    Restriction { base: String, facets: BTreeMap<String, String> },
    /// Blank-separated values of one type.
    List(String),
    /// A value of any of these types.
    Union(Vec<String>),
}

impl Schema {
    /// The table of this program.
    pub(crate) fn get() -> &'static Schema {
        &TABLE
    }

    /// The values of an enumeration, in the schema's order.
    pub(crate) fn values(&self, kind: &str) -> impl Iterator<Item = &str> {
        let values = match self.simple.get(kind) {
            Some(Simple::Restriction { facets, .. }) => facets.get("enum").map(String::as_str),
            Some(Simple::List(_) | Simple::Union(_)) | None => None,
        };
        values.unwrap_or_default().split('|').filter(|value| !value.is_empty())
    }

    /// The names of the children of a type, in the order the schema demands.
    pub(super) fn order(&self, kind: &str) -> Vec<&str> {
        let mut names = Vec::new();
        for particle in self.models(kind) {
            collect(particle, &mut |name, _| names.push(local(name)));
        }
        names
    }

    /// The type of a child, if the parent's type has a child of that name.
    pub(super) fn child_kind(&self, parent: &str, child: &Element) -> Option<&str> {
        let wanted = qualified(child)?;
        let mut found = None;
        for particle in self.models(parent) {
            collect(particle, &mut |name, kind| {
                if name == wanted {
                    found = Some(kind);
                }
            });
        }
        found
    }

    /// The models whose children make up a type, base first.
    pub(super) fn models(&self, kind: &str) -> Vec<&Particle> {
        let Some(complex) = self.complex.get(kind) else { return Vec::new() };
        let mut models = match &complex.base {
            Some(Base::Extends(base)) => self.models(base),
            Some(Base::Restricts(_) | Base::Text(_)) | None => Vec::new(),
        };
        models.extend(&complex.model);
        models
    }

    /// The attributes of a type, those of its bases included.
    pub(super) fn attributes(&self, kind: &str) -> Vec<&Attribute> {
        let Some(complex) = self.complex.get(kind) else { return Vec::new() };
        let mut attributes = match &complex.base {
            Some(Base::Extends(base) | Base::Restricts(base) | Base::Text(base)) => {
                self.attributes(base)
            }
            None => Vec::new(),
        };
        attributes.extend(&complex.attributes);
        attributes
    }

    /// The type of a complex type's text; `None` when it has children instead.
    pub(super) fn text_kind(&self, kind: &str) -> Option<&str> {
        match &self.complex.get(kind)?.base {
            Some(Base::Text(base)) => Some(base),
            Some(Base::Extends(_) | Base::Restricts(_)) | None => None,
        }
    }

    fn read(table: &str) -> Schema {
        let mut schema = Schema::default();
        for line in table.lines() {
            let (keyword, rest) = line.split_once(' ').unwrap_or((line, ""));
            let (head, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            let head = head.to_owned();
            let tail = rest.get(2..).unwrap_or_default();
            match keyword {
                "element" => {
                    schema.elements.insert(head, tail.to_owned());
                }
                "type" => {
                    schema.complex.insert(head, Complex::read(rest));
                }
                "simple" => {
                    let mut parts = tail.split('\t');
                    let base = parts.next().unwrap_or_default().to_owned();
                    let facets = parts
                        .filter_map(|facet| facet.split_once('='))
                        .map(|(name, value)| (name.to_owned(), value.to_owned()))
                        .collect();
                    schema.simple.insert(head, Simple::Restriction { base, facets });
                }
                "list" => {
                    schema.simple.insert(head, Simple::List(tail.to_owned()));
                }
                "union" => {
                    let members = tail.split(' ').map(str::to_owned).collect();
                    schema.simple.insert(head, Simple::Union(members));
                }
                _ => unreachable!("the table has five kinds of line"),
            }
        }
        schema
    }
}

impl Complex {
    fn read(mut rest: &str) -> Complex {
        let mut complex = Complex::default();
        for (word, make) in [
            ("< ", Base::Extends as fn(String) -> Base),
            ("restricts ", Base::Restricts),
            ("text ", Base::Text),
        ] {
            if let Some(after) = rest.strip_prefix(word) {
                let (base, after) = after.split_once(' ').unwrap_or((after, ""));
                complex.base = Some(make(base.to_owned()));
                rest = after;
            }
        }
        if let Some(model) = rest.strip_prefix(": ") {
            let mut cursor = model;
            complex.model = Some(Particle::read(&mut cursor));
            rest = cursor;
        }
        for attribute in rest.split(' ').filter_map(|word| word.strip_prefix('@')) {
            let (name, kind) = attribute.split_once('=').unwrap_or((attribute, "xs:string"));
            complex.attributes.push(Attribute {
                name: name.to_owned(),
                kind: kind.trim_end_matches('!').to_owned(),
                required: kind.ends_with('!'),
            });
        }
        complex
    }
}

impl Particle {
    fn read(cursor: &mut &str) -> Particle {
        let term = match cursor.strip_prefix('(') {
            Some(inside) => {
                *cursor = inside;
                let mut parts = Vec::new();
                let mut choice = false;
                while !cursor.starts_with(')') && !cursor.is_empty() {
                    choice |= cursor.starts_with('|');
                    *cursor = cursor.trim_start_matches([' ', '|']);
                    parts.push(Particle::read(cursor));
                }
                *cursor = cursor.get(1..).unwrap_or_default();
                if choice { Term::Choice(parts) } else { Term::Sequence(parts) }
            }
            None => {
                let end = cursor.find([' ', '|', ')', '?', '*', '+']).unwrap_or(cursor.len());
                let (word, after) = cursor.split_at(end);
                *cursor = after;
                let (name, kind) = word.split_once('=').unwrap_or((word, "xs:anyType"));
                Term::Element { name: name.to_owned(), kind: kind.to_owned() }
            }
        };
        let (min, max) = match cursor.as_bytes().first() {
            Some(b'?') => (0, 1),
            Some(b'*') => (0, usize::MAX),
            Some(b'+') => (1, usize::MAX),
            Some(_) | None => (1, 1),
        };
        if (min, max) != (1, 1) {
            *cursor = &cursor[1..];
        }
        Particle { term, min, max }
    }
}

/// Sorts children as the schema's sequence for `kind` demands; equal names keep their order.
pub(crate) fn sort_children(element: &mut Element, kind: &str) {
    let order = Schema::get().order(kind);
    element.children.sort_by_key(|child| order.iter().position(|name| *name == child.name));
}

/// Drops children that the schema's type `kind` doesn't have.
pub(crate) fn keep_known(element: &mut Element, kind: &str) {
    let schema = Schema::get();
    element.children.retain(|child| schema.child_kind(kind, child).is_some());
}

/// The name of an element as the table writes it.
pub(super) fn qualified(element: &Element) -> Option<String> {
    match element.space {
        Space::Types => Some(format!("t:{}", element.name)),
        Space::Messages => Some(format!("m:{}", element.name)),
        Space::Soap | Space::Errors | Space::None | Space::Other(_) => None,
    }
}

/// A table name without its prefix.
pub(super) fn local(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, local)| local)
}

fn collect<'a>(particle: &'a Particle, visit: &mut dyn FnMut(&'a str, &'a str)) {
    match &particle.term {
        Term::Element { name, kind } => visit(name, kind),
        Term::Sequence(parts) | Term::Choice(parts) => {
            for part in parts {
                collect(part, visit);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::derive;
    use super::*;
    use std::path::Path;

    #[test]
    fn the_table_is_what_the_published_schema_says() {
        let path = Path::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../shared/exchange/ews/schema/exo-2025-08"
        ));
        if !path.exists() {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "schema missing");
            println!("skipped: no schema at {}", path.display());
            return;
        }
        let derived = derive::table(path);
        let lines = include_str!("schema.txt").lines().zip(derived.lines());
        for (kept, derived) in lines {
            assert_eq!(kept, derived);
        }
        assert_eq!(include_str!("schema.txt").lines().count(), derived.lines().count());
    }

    #[test]
    fn bases_come_first() {
        let order = Schema::get().order("t:CalendarItemType");
        let at = |name: &str| order.iter().position(|one| *one == name).expect(name);
        assert!(at("Subject") < at("UID") && at("Start") < at("StartTimeZone"));
    }
}
