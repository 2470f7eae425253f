//! Content lines: the parts of one, and its folding and escaping (RFC 5545 3.1, 3.3.11; RFC 6868).

use icalendar::parser::Property;

/// Lines are folded so that they are no longer than this, in bytes.
pub(super) const LINE_BYTES_MAX: usize = 75;

/// A content line in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// The name, in capitals.
    pub(super) name: String,
    /// The parameters, names in capitals, values decoded.
    pub(super) params: Vec<(String, String)>,
    /// The value; unescaped where it is a TEXT, as those of X- properties are.
    pub(super) value: String,
}

/// A line that stands in a file: its parts, and how it is written, unfolded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    /// The parts.
    pub(super) line: Line,
    /// How it is written.
    pub(super) raw: String,
}

impl Line {
    /// The parts of an unfolded line; `None` if it is none.
    pub(super) fn parse(raw: &str) -> Option<Self> {
        let name_end = raw.find([':', ';'])?;
        let (name, rest) = raw.split_at(name_end);
        let name = name.trim().to_uppercase();
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return None;
        }
        let cleaned = format!("{name}{}", quote_display_name(rest));
        let property = Property::try_from(cleaned.as_str()).ok()?;
        let value = property.val.as_str().to_owned();
        // The parser takes what it can't split for a name without a value.
        if value.is_empty() && !raw.ends_with(':') {
            return None;
        }
        let params = property.params.iter().map(|param| {
            let value = param.val.as_ref().map_or("", |value| value.as_str());
            (param.key.as_str().to_uppercase(), decode_param(value))
        });
        Some(Self { name, params: params.collect(), value })
    }

    /// The value of a parameter.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The elements of a list of TEXTs, still escaped in the value.
    pub(super) fn text_list(&self) -> Vec<String> {
        let mut elements = Vec::new();
        let mut start = 0;
        let mut escaped = false;
        for (at, byte) in self.value.bytes().enumerate() {
            if byte == b',' && !escaped {
                elements.push(&self.value[start..at]);
                start = at + 1;
            }
            escaped = byte == b'\\' && !escaped;
        }
        elements.push(&self.value[start..]);
        let elements = elements.into_iter().map(|element| unescape(element).trim().to_owned());
        elements.filter(|element| !element.is_empty()).collect()
    }
}

/// Some programs forget to quote `TZID=(UTC+01:00) Amsterdam, …`, whose colon then ends it.
fn quote_display_name(rest: &str) -> String {
    let upper = rest.to_ascii_uppercase();
    let open = [";TZID=(UTC", ";TZID=(GMT"].iter().find_map(|open| upper.find(open));
    match (open, rest.rfind(':')) {
        (Some(open), Some(colon)) if open + 6 < colon && !rest[..open].contains(':') => {
            format!("{}\"{}\"{}", &rest[..open + 6], &rest[open + 6..colon], &rest[colon..])
        }
        _ => rest.to_owned(),
    }
}

/// A line to write, unfolded. Parameter values and the value must be encoded as their types want.
pub(super) fn compose(name: &str, params: &[(&str, &str)], value: &str) -> String {
    let mut line = name.to_owned();
    for (key, value) in params {
        let value = encode_param(value);
        let plain = !value.is_empty()
            && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_/.+".contains(&b));
        let quote = if plain { "" } else { "\"" };
        line.push_str(&format!(";{key}={quote}{value}{quote}"));
    }
    line.push(':');
    line.push_str(value);
    line
}

/// Appends a line, folded, with its end.
pub(super) fn fold(line: &str, out: &mut String) {
    let mut width = 0;
    for letter in line.chars() {
        if width + letter.len_utf8() > LINE_BYTES_MAX {
            out.push_str("\r\n ");
            width = 1;
        }
        out.push(letter);
        width += letter.len_utf8();
    }
    out.push_str("\r\n");
}

/// Cuts a file into its lines, unfolded, each with its number from 1. Blank lines are left out.
pub(super) fn unfold(bytes: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let end = if bytes.contains(&b'\n') { b'\n' } else { b'\r' };
    let mut lines: Vec<(usize, Vec<u8>)> = Vec::new();
    for (n, line) in bytes.split(|&byte| byte == end).enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match (line, lines.last_mut()) {
            ([b' ' | b'\t', more @ ..], Some((_, last))) => last.extend_from_slice(more),
            _ if line.trim_ascii().is_empty() => {}
            _ => lines.push((n + 1, line.to_owned())),
        }
    }
    lines
}

/// `text` as a TEXT value. Line ends are all one, and other control characters can't be written.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' | ';' | ',' => escaped.extend(['\\', letter]),
            '\r' if letters.peek() == Some(&'\n') => {}
            '\r' | '\n' => escaped.push_str("\\n"),
            '\t' => escaped.push('\t'),
            _ if letter.is_ascii_control() => {}
            _ => escaped.push(letter),
        }
    }
    escaped
}

/// The text of a TEXT value.
fn unescape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n' | 'N') => text.push('\n'),
                Some(letter @ ('\\' | ';' | ',' | ':' | '"')) => text.push(letter),
                Some(other) => text.extend(['\\', other]),
                None => text.push('\\'),
            },
            _ => text.push(letter),
        }
    }
    text
}

fn encode_param(value: &str) -> String {
    let value = value.replace('^', "^^").replace('\n', "^n").replace('"', "^'");
    value.chars().filter(|letter| !letter.is_ascii_control()).collect()
}

fn decode_param(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut letters = value.chars().peekable();
    while let Some(letter) = letters.next() {
        let decoded = match (letter, letters.peek()) {
            ('^', Some('n')) => '\n',
            ('^', Some('\'')) => '"',
            ('^', Some('^')) => '^',
            _ => {
                text.push(letter);
                continue;
            }
        };
        letters.next();
        text.push(decoded);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_apart() {
        let line = Line::parse("dtstart;tzid=(UTC+01:00) Amsterdam, Berlin:20261125T090000");
        let line = line.expect("a line");
        assert_eq!(line.name, "DTSTART");
        assert_eq!(line.param("TZID"), Some("(UTC+01:00) Amsterdam, Berlin"));
        assert_eq!(line.value, "20261125T090000");
        let line = Line::parse("X;A=\"b:c;d\";E=f^'g^^^n:h:i").expect("a line");
        assert_eq!(line.param("A"), Some("b:c;d"));
        assert_eq!(line.param("E"), Some("f\"g^\n"));
        assert_eq!(line.value, "h:i");
        let line = Line::parse("summary:a\\, b\\nc\\\\n").expect("a line");
        assert_eq!(line.value, "a, b\nc\\n");
        for raw in ["no colon", ":x", "two words:x", "X;Y", "Ü:x"] {
            assert_eq!(Line::parse(raw), None, "{raw}");
        }
    }

    #[test]
    fn text_and_parameters_survive() {
        let text = "a;b,c\\d\ne\\n\t\"ü\" ^n";
        assert_eq!(unescape(&escape(text)), text);
        let line = compose("X-A", &[("P", "a\"b:c^\nd, e"), ("Q", "plain")], "v");
        let line = Line::parse(&line).expect("a line");
        assert_eq!(line.param("P"), Some("a\"b:c^\nd, e"));
        assert_eq!(line.param("Q"), Some("plain"));
    }

    #[test]
    fn folding_keeps_letters_whole() {
        let line = format!("X:{}", "ü€😀 ".repeat(60));
        let mut folded = String::new();
        fold(&line, &mut folded);
        assert!(folded.split("\r\n").all(|line| line.len() <= LINE_BYTES_MAX));
        assert_eq!(unfold(folded.as_bytes()), [(1, line.into_bytes())]);
    }
}
