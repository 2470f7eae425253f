//! Holds a request against the schema, wording violations as Exchange (.NET's validator) does.
//!
//! MS docs show the wording: "The request failed schema validation: The 'Id' attribute is invalid -
//! The value 'inbox1' is invalid according to its datatype '…' - The Enumeration constraint
//! failed."

use super::schema::Particle;
use super::schema::Schema;
use super::schema::Simple;
use super::schema::Term;
use super::schema::local;
use super::schema::qualified;
use super::xml::Element;
use super::xml::Place;
use super::xml::Space;
use base64::Engine;
use chrono::DateTime;
use chrono::NaiveDate;
use chrono::NaiveDateTime;
use std::collections::BTreeMap;

static MESSAGES: Space = Space::Messages;
static TYPES: Space = Space::Types;

/// The first thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) message: String,
    pub(crate) place: Place,
}

/// Checks an element that the schema declares globally: an operation or a SOAP header.
pub(crate) fn validate(element: &Element) -> Result<(), Violation> {
    let schema = Schema::get();
    match qualified(element).and_then(|name| schema.elements.get(&name)) {
        Some(kind) => check_element(schema, element, kind),
        None => {
            violation(element, format!("The '{}' element is not declared.", full_name(element)))
        }
    }
}

fn violation<T>(element: &Element, message: String) -> Result<T, Violation> {
    Err(Violation { message, place: element.place })
}

fn full_name(element: &Element) -> String {
    match element.space == Space::None {
        true => element.name.clone(),
        false => format!("{}:{}", element.space.uri(), element.name),
    }
}

fn check_element(schema: &Schema, element: &Element, kind: &str) -> Result<(), Violation> {
    if kind == "xs:anyType" {
        return Ok(());
    }
    check_attributes(schema, element, kind)?;
    let text_kind = match schema.complex.contains_key(kind) {
        true => schema.text_kind(kind),
        false => Some(kind),
    };
    if let Some(text_kind) = text_kind {
        if let Some(child) = element.children.first() {
            return violation(
                child,
                format!(
                    "The element {} cannot contain child element {} because the parent element's \
                     content model is text only.",
                    in_namespace(element),
                    in_namespace(child)
                ),
            );
        }
        return check_value(schema, &element.text, text_kind).or_else(|reason| {
            violation(element, format!(
                "The '{}' element is invalid - The value '{}' is invalid according to its datatype \
                 '{}' - {reason}",
                full_name(element), element.text, datatype(text_kind)))
        });
    }
    check_children(schema, element, kind)
}

fn check_attributes(schema: &Schema, element: &Element, kind: &str) -> Result<(), Violation> {
    let declared = schema.attributes(kind);
    for ((name, value), place) in element.attributes.iter().zip(&element.attribute_places) {
        let wrong = |message| Err(Violation { message, place: *place });
        let Some(attribute) = declared.iter().find(|attribute| attribute.name == *name) else {
            if declared.iter().any(|attribute| attribute.name == "any") {
                continue;
            }
            return wrong(format!("The '{name}' attribute is not declared."));
        };
        check_value(schema, value, &attribute.kind).or_else(|reason| {
            wrong(format!(
                "The '{name}' attribute is invalid - The value '{value}' is invalid according to its \
                 datatype '{}' - {reason}",
                datatype(&attribute.kind)))
        })?;
    }
    match declared.iter().find(|a| a.required && element.attribute(&a.name).is_none()) {
        Some(missing) => {
            violation(element, format!("The required attribute '{}' is missing.", missing.name))
        }
        None => Ok(()),
    }
}

fn check_children(schema: &Schema, element: &Element, kind: &str) -> Result<(), Violation> {
    let mut matcher = Matcher { children: &element.children, furthest: 0, expected: Vec::new() };
    let mut at = 0;
    let mut complete = true;
    for model in schema.models(kind) {
        match matcher.occurrences(model, at) {
            Ok(next) => at = next,
            Err(reached) => {
                (at, complete) = (reached, false);
                break;
            }
        }
    }
    // In the order of the document, as a reader meets them.
    for child in &element.children[..at] {
        if let Some(child_kind) = schema.child_kind(kind, child) {
            check_element(schema, child, child_kind)?;
        }
    }
    if let Some(child) = element.children.get(at) {
        return violation(
            child,
            format!(
                "The element {} has invalid child element {}.{}",
                in_namespace(element),
                in_namespace(child),
                matcher.expecting(at)
            ),
        );
    }
    if !element.text.trim().is_empty() {
        return violation(
            element,
            format!("The element {} cannot contain text.", in_namespace(element)),
        );
    }
    if !complete {
        return violation(
            element,
            format!(
                "The element {} has incomplete content.{}",
                in_namespace(element),
                matcher.expecting(at)
            ),
        );
    }
    Ok(())
}

fn in_namespace(element: &Element) -> String {
    match element.space == Space::None {
        true => format!("'{}'", element.name),
        false => format!("'{}' in namespace '{}'", element.name, element.space.uri()),
    }
}

/// Matches children against a content model. XSD models are deterministic, so the first way that
/// fits is the only one and nothing is ever tried twice.
struct Matcher<'a> {
    children: &'a [Element],
    /// The index at which `expected` could have stood.
    furthest: usize,
    expected: Vec<&'a str>,
}

impl<'a> Matcher<'a> {
    /// Matches a particle as often as it may occur, from child `at`: the index after it, or of
    /// the child that doesn't fit.
    fn occurrences(&mut self, particle: &'a Particle, mut at: usize) -> Result<usize, usize> {
        let mut count = 0;
        while count < particle.max {
            match self.once(&particle.term, at) {
                Ok(next) if next == at => return Ok(at),
                Ok(next) => at = next,
                Err(reached) if reached == at && count >= particle.min => return Ok(at),
                Err(reached) => return Err(reached),
            }
            count += 1;
        }
        Ok(at)
    }

    fn once(&mut self, term: &'a Term, at: usize) -> Result<usize, usize> {
        match term {
            Term::Element { name, .. } => {
                let found = self.children.get(at).and_then(qualified);
                if found.as_deref() == Some(name) {
                    return Ok(at + 1);
                }
                if at > self.furthest {
                    self.furthest = at;
                    self.expected.clear();
                }
                if at == self.furthest {
                    self.expected.push(name);
                }
                Err(at)
            }
            Term::Sequence(parts) => {
                let mut next = at;
                for part in parts {
                    next = self.occurrences(part, next)?;
                }
                Ok(next)
            }
            Term::Choice(parts) => {
                let mut empty_fits = false;
                for part in parts {
                    match self.occurrences(part, at) {
                        Ok(next) if next > at => return Ok(next),
                        Ok(_) => empty_fits = true,
                        Err(reached) if reached > at => return Err(reached),
                        Err(_) => {}
                    }
                }
                if empty_fits { Ok(at) } else { Err(at) }
            }
        }
    }

    /// The end of a message: what could have stood at `at`, grouped by namespace.
    fn expecting(&self, at: usize) -> String {
        if at != self.furthest || self.expected.is_empty() {
            return String::new();
        }
        let mut by_space: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for name in &self.expected {
            let space = if name.starts_with("m:") { &MESSAGES } else { &TYPES };
            let names = by_space.entry(space.uri()).or_default();
            if !names.contains(&local(name)) {
                names.push(local(name));
            }
        }
        let groups: Vec<String> = by_space
            .iter()
            .map(|(space, names)| format!("'{}' in namespace '{space}'", names.join(", ")))
            .collect();
        format!(" List of possible elements expected: {}.", groups.join(" as well as "))
    }
}

/// A table type as .NET names it in a message.
fn datatype(kind: &str) -> String {
    match kind.split_once(':') {
        Some(("xs", name)) => format!("http://www.w3.org/2001/XMLSchema:{name}"),
        Some(("m", name)) => format!("{}:{name}", Space::Messages.uri()),
        Some((_, name)) if !name.contains(['.', '@', '[']) => {
            format!("{}:{name}", Space::Types.uri())
        }
        Some(_) | None => "String".to_owned(),
    }
}

/// Checks text against a simple type; the error is the reason in .NET's words.
fn check_value(schema: &Schema, value: &str, kind: &str) -> Result<(), String> {
    match schema.simple.get(kind) {
        Some(Simple::Restriction { base, facets }) => {
            check_value(schema, value, base)?;
            facets.iter().try_for_each(|(facet, bound)| check_facet(value, facet, bound))
        }
        Some(Simple::List(item)) => {
            value.split_ascii_whitespace().try_for_each(|word| check_value(schema, word, item))
        }
        Some(Simple::Union(members)) => {
            match members.iter().any(|member| check_value(schema, value, member).is_ok()) {
                true => Ok(()),
                false => {
                    Err("The value is not valid according to any of the memberTypes of the union."
                        .to_owned())
                }
            }
        }
        None => check_builtin(value, kind),
    }
}

fn check_facet(value: &str, facet: &str, bound: &str) -> Result<(), String> {
    let number = || (value.trim().parse::<i64>().ok(), bound.parse::<i64>().ok());
    let hex = |text: &str, digits: std::ops::RangeInclusive<usize>| {
        digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let after_0x = value.strip_prefix("0x").or_else(|| value.strip_prefix("0X"));
    let (fits, message) = match facet {
        "enum" => (bound.split('|').any(|one| one == value), "The Enumeration constraint failed."),
        "minInclusive" => (number().0 >= number().1, "The MinInclusive constraint failed."),
        "maxInclusive" => (number().0 <= number().1, "The MaxInclusive constraint failed."),
        "minLength" => (
            bound.parse().is_ok_and(|least| value.chars().count() >= least),
            "The actual length is less than the MinLength value.",
        ),
        _ => {
            let fits = match bound {
                "property-tag" => after_0x.is_some_and(|digits| hex(digits, 1..=4)),
                "hex-or-decimal" => match after_0x {
                    Some(digits) => hex(digits, 0..=usize::MAX),
                    None => value.bytes().all(|byte| byte.is_ascii_digit()),
                },
                _ => {
                    let parts: Vec<&str> = value.split('-').collect();
                    parts.len() == 5
                        && parts.iter().zip([8, 4, 4, 4, 12]).all(|(part, n)| hex(part, n..=n))
                }
            };
            (fits, "The Pattern constraint failed.")
        }
    };
    if fits { Ok(()) } else { Err(message.to_owned()) }
}

fn check_builtin(value: &str, kind: &str) -> Result<(), String> {
    let text = value.trim();
    let (fits, name) = match kind {
        "xs:boolean" => (matches!(text, "true" | "false" | "1" | "0"), "Boolean"),
        "xs:int" => (text.parse::<i32>().is_ok(), "Int32"),
        "xs:short" => (text.parse::<i16>().is_ok(), "Int16"),
        "xs:long" => (text.parse::<i64>().is_ok(), "Int64"),
        "xs:unsignedShort" => (text.parse::<u16>().is_ok(), "UInt16"),
        "xs:unsignedInt" | "xs:nonNegativeInteger" => (text.parse::<u32>().is_ok(), "UInt32"),
        "xs:double" => (text.parse::<f64>().is_ok(), "Double"),
        "xs:dateTime" => (is_date_time(text), "AllXsd"),
        "xs:date" => (is_date(text), "AllXsd"),
        "xs:base64Binary" => (is_base64(text), "Base64Binary"),
        _ => (true, ""),
    };
    if fits { Ok(()) } else { Err(format!("The string '{value}' is not a valid {name} value.")) }
}

fn is_date_time(text: &str) -> bool {
    DateTime::parse_from_rfc3339(text).is_ok()
        || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").is_ok()
}

fn is_date(text: &str) -> bool {
    let (date, zone) = text.split_at_checked(10).unwrap_or((text, ""));
    let zone_fits = zone.is_empty() || zone == "Z" || zone.len() == 6 && zone.contains(':');
    zone_fits && NaiveDate::parse_from_str(date, "%Y-%m-%d").is_ok()
}

fn is_base64(text: &str) -> bool {
    let compact: String = text.split_ascii_whitespace().collect();
    base64::engine::general_purpose::STANDARD.decode(compact).is_ok()
}
