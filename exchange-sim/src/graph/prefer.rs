//! The Prefer header.

use super::error::Error;
use crate::Request;
use crate::store::Zone;

/// Preferences that Outlook resources honour; others are ignored, as the header's RFC says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Prefer {
    /// `IdType="ImmutableId"`.
    pub(super) immutable: bool,
    /// `odata.maxpagesize`.
    pub(super) max_page_size: Option<usize>,
    /// `outlook.timezone`: the zone, and its name as the client wrote it.
    pub(super) zone: Option<NamedZone>,
    /// `outlook.body-content-type`.
    pub(super) text_body: bool,
    applied: Vec<String>,
}

/// A zone under the client's own name for it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NamedZone {
    pub(super) zone: Zone,
    pub(super) name: String,
}

impl Prefer {
    pub(super) fn read(request: &Request) -> Result<Self, Error> {
        let mut prefer = Self::default();
        for header in request.headers().get_all("prefer") {
            for preference in split(&String::from_utf8_lossy(header.as_bytes())) {
                prefer.take(preference.trim())?;
            }
        }
        Ok(prefer)
    }

    /// The value of `Preference-Applied`, if anything was.
    pub(super) fn applied(&self) -> Option<String> {
        (!self.applied.is_empty()).then(|| self.applied.join(", "))
    }

    fn take(&mut self, preference: &str) -> Result<(), Error> {
        let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "idtype" if value.eq_ignore_ascii_case("ImmutableId") => self.immutable = true,
            "odata.maxpagesize" => match value.parse() {
                Ok(size) if size > 0 => self.max_page_size = Some(size),
                _ => {
                    return Err(Error::bad_request("Invalid value for odata.maxpagesize."));
                }
            },
            "outlook.timezone" => {
                let zone = Zone::parse(value).ok_or_else(|| unknown_zone(value))?;
                self.zone = Some(NamedZone { zone, name: value.to_owned() });
            }
            "outlook.body-content-type" if value.eq_ignore_ascii_case("text") => {
                self.text_body = true;
            }
            "outlook.body-content-type" if value.eq_ignore_ascii_case("html") => {}
            _ => return Ok(()),
        }
        self.applied.push(preference.to_owned());
        Ok(())
    }
}

/// The service's words for a zone it doesn't know.
pub(super) fn unknown_zone(name: &str) -> Error {
    Error::new(
        400,
        "TimeZoneNotSupportedException",
        format!(
            "A valid TimeZone value must be specified. The following TimeZone value is not \
             supported: '{name}'."
        ),
    )
}

/// Splits at commas outside quotes.
fn split(header: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut from, mut quoted) = (0, false);
    for (at, character) in header.char_indices() {
        match character {
            '"' => quoted = !quoted,
            ',' | ';' if !quoted => {
                parts.push(&header[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&header[from..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_quotes_do_not_split() {
        assert_eq!(split("a=\"b, c\", d"), ["a=\"b, c\"", " d"]);
    }
}
