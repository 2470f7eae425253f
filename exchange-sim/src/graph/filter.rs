//! `$filter`: comparisons, `and`, `or`, `not`, a few functions, and `any` over extended properties.

use super::error::Error;
use crate::store::{Item, PropertyId, PropertyValue};
use jiff::Timestamp;
use serde_json::Value;
use std::ops::Deref;

/// A parsed filter.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Filter {
    Or(Vec<Filter>),
    And(Vec<Filter>),
    Not(Box<Filter>),
    Compare {
        path: String,
        op: Op,
        literal: String,
    },
    Call {
        function: Function,
        path: String,
        literal: String,
    },
    Property {
        id: PropertyId,
        value: Box<Filter>,
    },
    /// Holds for every item that has the property at all.
    Anything,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Contains,
    StartsWith,
    EndsWith,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    Name(String),
    Text(String),
    Mark(char),
}

/// Deepest nesting taken; deeper filters are refused like malformed ones.
const DEPTH_MAX: usize = 16;

impl Filter {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let invalid = || Error::bad_request(format!("Invalid filter clause: '{text}'."));
        let mut parser = Parser { words: words(text).ok_or_else(invalid)?, at: 0, depth: 0 };
        let filter = parser.or().ok_or_else(invalid)?;
        if parser.at == parser.words.len() { Ok(filter) } else { Err(invalid()) }
    }

    /// Whether the item, rendered as `json` only where needed, is meant; `Err` names a property that
    /// doesn't exist.
    pub(super) fn holds(
        &self,
        item: &Item,
        json: &impl Deref<Target = Value>,
    ) -> Result<bool, Error> {
        self.meets(Some(item), json)
    }

    /// The same for what is no item and has no extended properties, such as a calendar.
    pub(super) fn holds_entity(&self, json: &impl Deref<Target = Value>) -> Result<bool, Error> {
        self.meets(None, json)
    }

    fn meets(&self, item: Option<&Item>, json: &impl Deref<Target = Value>) -> Result<bool, Error> {
        match self {
            Filter::Or(terms) => {
                for term in terms {
                    if term.meets(item, json)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Filter::And(terms) => {
                for term in terms {
                    if !term.meets(item, json)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Filter::Not(term) => Ok(!term.meets(item, json)?),
            Filter::Compare { path, op, literal } => Ok(compare(at(json, path)?, *op, literal)),
            Filter::Call { function, path, literal } => {
                Ok(at(json, path)?.as_str().is_some_and(|text| function.holds(text, literal)))
            }
            Filter::Property { id, value } => Ok(match item.and_then(|item| item.property(id)) {
                Some(PropertyValue::One(text)) => value.holds_text(&text),
                Some(PropertyValue::Many(texts)) => texts.iter().any(|text| value.holds_text(text)),
                None => false,
            }),
            Filter::Anything => Ok(true),
        }
    }

    fn holds_text(&self, text: &str) -> bool {
        match self {
            Filter::Or(terms) => terms.iter().any(|term| term.holds_text(text)),
            Filter::And(terms) => terms.iter().all(|term| term.holds_text(text)),
            Filter::Not(term) => !term.holds_text(text),
            Filter::Compare { op, literal, .. } => {
                compare(&Value::String(text.to_owned()), *op, literal)
            }
            Filter::Call { function, literal, .. } => function.holds(text, literal),
            Filter::Anything => true,
            Filter::Property { .. } => false,
        }
    }
}

impl Function {
    fn holds(self, text: &str, literal: &str) -> bool {
        let (text, literal) = (text.to_lowercase(), literal.to_lowercase());
        match self {
            Function::Contains => text.contains(&literal),
            Function::StartsWith => text.starts_with(&literal),
            Function::EndsWith => text.ends_with(&literal),
        }
    }
}

/// The value at a path such as `start/dateTime`.
pub(super) fn at<'a>(json: &'a Value, path: &str) -> Result<&'a Value, Error> {
    let mut value = json;
    for name in path.split('/') {
        // Nothing has no members: a draft without an author, say.
        if value.is_null() {
            break;
        }
        let members = value.as_object().ok_or_else(|| unknown(path))?;
        value = members
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .ok_or_else(|| unknown(name))?;
    }
    Ok(value)
}

fn unknown(name: &str) -> Error {
    Error::bad_request(format!(
        "Could not find a property named '{name}' on type 'Microsoft.OutlookServices.Event'."
    ))
}

fn compare(value: &Value, op: Op, literal: &str) -> bool {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => return (op == Op::Eq) == literal.eq_ignore_ascii_case("null"),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    let order = match (moment(&text), moment(literal), text.parse::<f64>(), literal.parse::<f64>())
    {
        (Some(a), Some(b), _, _) => a.cmp(&b),
        (_, _, Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => text.to_lowercase().cmp(&literal.to_lowercase()),
    };
    match op {
        Op::Eq => order.is_eq(),
        Op::Ne => order.is_ne(),
        Op::Gt => order.is_gt(),
        Op::Ge => order.is_ge(),
        Op::Lt => order.is_lt(),
        Op::Le => order.is_le(),
    }
}

fn moment(text: &str) -> Option<Timestamp> {
    if !text.contains('T') {
        return None;
    }
    text.parse().ok().or_else(|| format!("{text}Z").parse().ok())
}

struct Parser {
    words: Vec<Word>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn or(&mut self) -> Option<Filter> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        let mut terms = vec![self.and()?];
        while self.takes("or") {
            terms.push(self.and()?);
        }
        self.depth -= 1;
        if terms.len() == 1 { terms.pop() } else { Some(Filter::Or(terms)) }
    }

    fn and(&mut self) -> Option<Filter> {
        let mut terms = vec![self.term()?];
        while self.takes("and") {
            terms.push(self.term()?);
        }
        if terms.len() == 1 { terms.pop() } else { Some(Filter::And(terms)) }
    }

    fn term(&mut self) -> Option<Filter> {
        if self.takes("not") {
            self.depth += 1;
            if self.depth > DEPTH_MAX {
                return None;
            }
            let negated = self.term()?;
            self.depth -= 1;
            return Some(Filter::Not(Box::new(negated)));
        }
        if self.mark('(') {
            let filter = self.or()?;
            return self.mark(')').then_some(filter);
        }
        let name = self.name()?;
        let lower = name.to_ascii_lowercase();
        if let Some(list) = lower.strip_suffix("/any") {
            let known = ["singlevalueextendedproperties", "multivalueextendedproperties"];
            return if known.contains(&list) { self.any() } else { None };
        }
        let function = match lower.as_str() {
            "contains" => Some(Function::Contains),
            "startswith" => Some(Function::StartsWith),
            "endswith" => Some(Function::EndsWith),
            _ => None,
        };
        if let Some(function) = function {
            self.mark('(').then_some(())?;
            let path = self.operand()?;
            self.mark(',').then_some(())?;
            let literal = self.literal()?;
            return self.mark(')').then_some(Filter::Call { function, path, literal });
        }
        let path = if lower == "cast" { self.cast()? } else { name };
        let op = self.op()?;
        Some(Filter::Compare { path, op, literal: self.literal()? })
    }

    /// `any(ep: ep/id eq '…' and ep/value eq '…')`
    fn any(&mut self) -> Option<Filter> {
        self.mark('(').then_some(())?;
        let _variable = self.name()?;
        self.mark(':').then_some(())?;
        let inner = self.or()?;
        self.mark(')').then_some(())?;
        let terms = match inner {
            Filter::And(terms) => terms,
            single @ Filter::Compare { .. } => vec![single],
            Filter::Or(_) | Filter::Not(_) | Filter::Call { .. } => return None,
            Filter::Property { .. } | Filter::Anything => return None,
        };
        let (mut id, mut rest) = (None, Vec::new());
        for term in terms {
            if let Filter::Compare { path, op: Op::Eq, literal } = &term
                && path.to_ascii_lowercase().ends_with("/id")
            {
                id = Some(PropertyId::parse(literal)?);
            } else {
                rest.push(term);
            }
        }
        let value = match rest.len() {
            0 => Filter::Anything,
            1 => rest.pop()?,
            _ => Filter::And(rest),
        };
        Some(Filter::Property { id: id?, value: Box::new(value) })
    }

    /// The path of `cast(path, Edm.Type)`, after the word itself.
    fn cast(&mut self) -> Option<String> {
        self.mark('(').then_some(())?;
        let path = self.name()?;
        self.mark(',').then_some(())?;
        let _type = self.name()?;
        self.mark(')').then_some(path)
    }

    fn operand(&mut self) -> Option<String> {
        let name = self.name()?;
        if name.eq_ignore_ascii_case("cast") { self.cast() } else { Some(name) }
    }

    fn op(&mut self) -> Option<Op> {
        match self.name()?.to_ascii_lowercase().as_str() {
            "eq" => Some(Op::Eq),
            "ne" => Some(Op::Ne),
            "gt" => Some(Op::Gt),
            "ge" => Some(Op::Ge),
            "lt" => Some(Op::Lt),
            "le" => Some(Op::Le),
            _ => None,
        }
    }

    fn literal(&mut self) -> Option<String> {
        let bracketed = self.mark('(');
        let literal = match self.words.get(self.at)? {
            Word::Name(text) | Word::Text(text) => text.clone(),
            Word::Mark(_) => return None,
        };
        self.at += 1;
        if bracketed && !self.mark(')') {
            return None;
        }
        Some(literal)
    }

    fn name(&mut self) -> Option<String> {
        match self.words.get(self.at)? {
            Word::Name(name) => {
                self.at += 1;
                Some(name.clone())
            }
            Word::Text(_) | Word::Mark(_) => None,
        }
    }

    fn takes(&mut self, word: &str) -> bool {
        let found = matches!(self.words.get(self.at),
            Some(Word::Name(name)) if name.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn mark(&mut self, mark: char) -> bool {
        let found = self.words.get(self.at) == Some(&Word::Mark(mark));
        self.at += usize::from(found);
        found
    }
}

fn words(text: &str) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            let (literal, after) = quoted(&rest[1..])?;
            words.push(Word::Text(literal));
            rest = after;
        } else if matches!(first, '(' | ')' | ',') {
            words.push(Word::Mark(first));
            rest = &rest[1..];
        } else {
            let end = rest
                .find(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | '\''))
                .unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            // `ep:` and `ep:ep/id` name the variable of a lambda; dates have colons as well.
            let starts_with_letter = word.starts_with(|c: char| c.is_ascii_alphabetic());
            match word.split_once(':').filter(|_| starts_with_letter) {
                Some((variable, more)) => {
                    words.push(Word::Name(variable.to_owned()));
                    words.push(Word::Mark(':'));
                    if !more.is_empty() {
                        words.push(Word::Name(more.to_owned()));
                    }
                }
                None => words.push(Word::Name(word.to_owned())),
            }
            rest = after;
        }
        rest = rest.trim_start();
    }
    Some(words)
}

/// A literal up to its closing quote, doubled quotes inside, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut literal = String::new();
    let mut rest = text;
    loop {
        let at = rest.find('\'')?;
        literal.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix('\'') {
            Some(after) => {
                literal.push('\'');
                rest = after;
            }
            None => return Some((literal, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_filters_parse() {
        for text in [
            "singleValueExtendedProperties/Any(ep: ep/id eq 'String {66f5a359-4659-4830-9070-00047ec6ac6e} Name Color' and ep/value eq 'Green')",
            "singleValueExtendedProperties/any(ep:ep/Id eq 'String {66f5a359-4659-4830-9070-00047ec6ac6e} Name Color' and contains(ep/Value, 'green'))",
            "singleValueExtendedProperties/any(ep:ep/id eq 'CLSID {00062008-0000-0000-C000-000000000046} Name ConnectorSenderGuid' and cast(ep/value, Edm.Guid) eq (b9cf8971-7d55-4b73-9ffa-a584611b600b))",
            "iCalUId eq 'it''s'",
            "start/dateTime ge '2026-01-01T00:00' and not (subject eq 'x' or isAllDay eq true)",
            "lastModifiedDateTime gt 2026-01-01T00:00:00Z",
        ] {
            assert!(Filter::parse(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "subject",
            "subject eq",
            "subject eq 'x",
            "foo/any(x: x eq 1)",
            "((((((((((((((((((a eq 1))))))))))))))))))",
        ] {
            assert!(Filter::parse(text).is_err(), "{text}");
        }
    }
}
