//! Content lines and components of iCalendar (RFC 5545, 3.1 and 3.6).

use super::Error;
use icalendar::parser::Property;

/// Lines are folded so that they are no longer than this, in bytes.
const LINE_BYTES_MAX: usize = 75;
/// A VALARM in a VEVENT in a VCALENDAR is the deepest that means anything.
const DEPTH_MAX: usize = 8;

/// A content line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Its name, in capitals.
    pub(super) name: String,
    /// Its parameters, their names in capitals.
    params: Vec<(String, String)>,
    /// Its value; a TEXT is unescaped, a list of them isn't.
    pub(super) value: String,
}

/// What stands between a BEGIN and its END.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Component {
    /// Its name, in capitals.
    pub(super) name: String,
    /// Its own lines.
    pub(super) lines: Vec<Line>,
    /// The components in it.
    pub(super) components: Vec<Component>,
}

impl Line {
    fn parse(text: &str) -> Option<Self> {
        let end = text.find([':', ';'])?;
        let name = text.get(..end)?.trim().to_ascii_uppercase();
        let property = format!("{name}{}", text.get(end..)?);
        let property = Property::try_from(property.as_str()).ok()?;
        let params = property.params.iter().map(|param| {
            let value = param.val.as_ref().map_or("", |value| value.as_str());
            (param.key.as_str().to_ascii_uppercase(), value.to_owned())
        });
        Some(Self { params: params.collect(), value: property.val.as_str().to_owned(), name })
    }

    /// A parameter, empty where there is none.
    pub(super) fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The elements of a list of TEXTs.
    pub(super) fn texts(&self) -> Vec<String> {
        let (mut list, mut escaped) = (vec![String::new()], false);
        for letter in self.value.chars() {
            let text = list.last_mut().expect("the list starts with one");
            match (escaped, letter) {
                (false, '\\') => {
                    escaped = true;
                    continue;
                }
                (false, ',') => list.push(String::new()),
                (true, 'n' | 'N') => text.push('\n'),
                (_, letter) => text.push(letter),
            }
            escaped = false;
        }
        list.retain(|text| !text.trim().is_empty());
        list
    }
}

impl Component {
    /// Reads the first component of a stream; broken lines are passed over.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let text = String::from_utf8_lossy(bytes);
        let mut open: Vec<Component> = Vec::new();
        for line in unfold(&text) {
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.trim().to_ascii_uppercase();
            if name.trim().eq_ignore_ascii_case("BEGIN") {
                if open.len() >= DEPTH_MAX {
                    return Err(Error::Invalid);
                }
                open.push(Component { name: value, ..Component::default() });
            } else if name.trim().eq_ignore_ascii_case("END") {
                let closed = open.pop().filter(|closed| closed.name == value);
                let closed = closed.ok_or(Error::Invalid)?;
                match open.last_mut() {
                    Some(parent) => parent.components.push(closed),
                    None => return Ok(closed),
                }
            } else if let Some(component) = open.last_mut() {
                component.lines.extend(Line::parse(&line));
            }
        }
        Err(Error::Invalid)
    }

    /// The first line of a name.
    pub(super) fn line(&self, name: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.name == name)
    }

    /// All lines of a name.
    pub(super) fn lines<'c>(&'c self, name: &'c str) -> impl Iterator<Item = &'c Line> {
        self.lines.iter().filter(move |line| line.name == name)
    }

    /// The value of the first line of a name, empty where there is none.
    pub(super) fn value(&self, name: &str) -> &str {
        self.line(name).map_or("", |line| line.value.trim())
    }

    /// The components of a name directly in this one.
    pub(super) fn within<'c>(&'c self, name: &'c str) -> impl Iterator<Item = &'c Component> {
        self.components.iter().filter(move |component| component.name == name)
    }
}

/// Lines with their folding undone.
fn unfold(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.trim_start_matches('\u{feff}').lines() {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(more), Some(last)) => last.push_str(more),
            (_, _) if line.trim().is_empty() => {}
            (_, _) => lines.push(line.to_owned()),
        }
    }
    lines
}

/// Adds a line, folded between letters.
pub(super) fn push(out: &mut String, line: &str) {
    let mut room = LINE_BYTES_MAX;
    for letter in line.chars() {
        if letter.len_utf8() > room {
            out.push_str("\r\n ");
            room = LINE_BYTES_MAX - 1;
        }
        room -= letter.len_utf8();
        out.push(letter);
    }
    out.push_str("\r\n");
}

/// A TEXT as a value (RFC 5545, 3.3.11).
pub(super) fn escape(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\\', "\\\\");
    let text = text.replace(';', "\\;").replace(',', "\\,").replace('\n', "\\n");
    text.replace(char::is_control, " ")
}

/// A parameter's value, in quotes where it needs them; it can't hold any (RFC 5545, 3.2).
pub(super) fn quote(text: &str) -> String {
    let text = text.replace(char::is_control, " ").replace('"', "'");
    match text.contains([':', ';', ',']) {
        true => format!("\"{text}\""),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_nest_and_lines_unfold() {
        let text = "\u{feff}begin:vcalendar\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nSUMMARY:a\\, b\r\n  c\
            \r\nATTENDEE;CN=\"Doe, Jane\";ROLE=CHAIR:mailto:j@x.example\r\nCATEGORIES:a\\,b,c\r\n\
            no line\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        let calendar = Component::parse(text.as_bytes()).expect("a calendar");
        let event = calendar.within("VEVENT").next().expect("an event");
        assert_eq!(event.value("SUMMARY"), "a, b c");
        assert_eq!(event.line("ATTENDEE").map(|line| line.param("CN")), Some("Doe, Jane"));
        assert_eq!(event.line("CATEGORIES").map(Line::texts), Some(vec!["a,b".into(), "c".into()]));
        for bad in ["", "x", "BEGIN:VCALENDAR", "BEGIN:A\nEND:B\n", "END:A"] {
            assert_eq!(Component::parse(bad.as_bytes()), Err(Error::Invalid), "{bad}");
        }
        assert_eq!(Component::parse("BEGIN:A\n".repeat(99).as_bytes()), Err(Error::Invalid));
    }

    #[test]
    fn long_lines_fold_between_letters() {
        let mut out = String::new();
        push(&mut out, &"ä".repeat(100));
        assert!(out.lines().all(|line| line.len() <= LINE_BYTES_MAX), "{out}");
        assert_eq!(unfold(&out), ["ä".repeat(100)]);
        assert_eq!(escape("a\\b;c,d\r\ne"), "a\\\\b\\;c\\,d\\ne");
        assert_eq!(quote("Doe, \"J\""), "\"Doe, 'J'\"");
    }
}
