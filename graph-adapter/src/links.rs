//! Addresses: those we build, and those that the server hands out.

use url::Url;

/// Builds addresses below one service root, and judges those that come from the server.
#[derive(Debug, Clone)]
pub(crate) struct Links {
    base: String,
    origin: Url,
    mailbox: String,
}

impl Links {
    /// For the mailbox, at the service root `base`, whose path ends in the API's version.
    ///
    /// `None` where `base` is no address that a token may be sent to: encrypted, or on this very
    /// machine.
    pub(crate) fn new(base: &str, mailbox: &str) -> Option<Self> {
        let origin = Url::parse(base).ok()?;
        let base = base.trim_end_matches('/').to_owned();
        let mailbox = encode_segment(mailbox);
        is_safe(&origin).then_some(Self { base, origin, mailbox })
    }

    /// The whole address of what [`Self::calendars`] and the others name.
    pub(crate) fn absolute(&self, relative: &str) -> String {
        format!("{}{relative}", self.base)
    }

    /// The mailbox's calendars.
    pub(crate) fn calendars(&self) -> String {
        format!("/users/{}/calendars", self.mailbox)
    }

    /// A calendar.
    pub(crate) fn calendar(&self, id: &str) -> String {
        format!("{}/{}", self.calendars(), encode_segment(id))
    }

    /// The events of a calendar.
    pub(crate) fn events(&self, calendar: &str) -> String {
        format!("{}/{}/events", self.calendars(), encode_segment(calendar))
    }

    /// The calendar's delta without a window.
    pub(crate) fn events_delta(&self, calendar: &str) -> String {
        format!("{}/delta", self.events(calendar))
    }

    /// The calendar's delta within a window of RFC 3339 instants.
    pub(crate) fn view_delta(&self, calendar: &str, start: &str, end: &str) -> String {
        format!(
            "{}/{}/calendarView/delta?startDateTime={start}&endDateTime={end}",
            self.calendars(),
            encode_segment(calendar)
        )
    }

    /// An event as it stands in a calendar: one in the trash is not found here.
    pub(crate) fn event(&self, calendar: &str, id: &str) -> String {
        format!("{}/{}", self.events(calendar), encode_segment(id))
    }

    /// What is attached to an event.
    pub(crate) fn attachments(&self, calendar: &str, id: &str) -> String {
        format!("{}/attachments", self.event(calendar, id))
    }

    /// An attachment of an event.
    pub(crate) fn attachment(&self, calendar: &str, id: &str, attachment: &str) -> String {
        format!("{}/{}", self.attachments(calendar, id), encode_segment(attachment))
    }

    /// An event wherever in the mailbox it lies, the trash included.
    pub(crate) fn event_anywhere(&self, id: &str) -> String {
        format!("/users/{}/events/{}", self.mailbox, encode_segment(id))
    }

    /// What lies in Deleted Items, of whatever kind.
    pub(crate) fn trash(&self) -> String {
        format!("/users/{}/mailFolders/deleteditems/messages", self.mailbox)
    }

    /// Whether a link from the server leads to the configured scheme, host and port: elsewhere our
    /// token must not go. It is then used letter by letter, because re-encoding breaks it.
    pub(crate) fn is_ours(&self, link: &str) -> bool {
        Url::parse(link).is_ok_and(|url| {
            url.origin() == self.origin.origin()
                && url.username().is_empty()
                && url.password().is_none()
        })
    }
}

/// Whether what is sent there stays between us and a server: encrypted, or on this very machine.
pub(crate) fn is_safe(url: &Url) -> bool {
    let is_private = match (url.scheme(), url.host()) {
        ("https", _) => true,
        ("http", Some(url::Host::Domain(name))) => name == "localhost",
        ("http", Some(url::Host::Ipv4(address))) => address.is_loopback(),
        ("http", Some(url::Host::Ipv6(address))) => address.is_loopback(),
        _ => false,
    };
    is_private && url.username().is_empty() && url.password().is_none()
}

/// A path segment: ids may contain `/`, `+` and `=`.
fn encode_segment(text: &str) -> String {
    encode(text, b"-_.~@")
}

/// The value of a query option.
pub(crate) fn encode_query(text: &str) -> String {
    encode(text, b"-_.~$(),':/*;=@")
}

fn encode(text: &str, plain: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links() -> Links {
        Links::new("https://graph.microsoft.com/v1.0/", "anna@contoso.example").unwrap()
    }

    #[test]
    fn ids_are_encoded_in_paths() {
        assert_eq!(
            links().absolute(&links().event("AA+/=", "x y-_=")),
            "https://graph.microsoft.com/v1.0/users/anna@contoso.example/calendars/AA%2B%2F%3D\
             /events/x%20y-_%3D"
        );
    }

    #[test]
    fn links_elsewhere_are_not_ours() {
        for link in [
            "https://graph.microsoft.com/v1.0/me/calendarView/delta?$skiptoken=R0usm",
            "https://GRAPH.microsoft.com:443/beta/x",
        ] {
            assert!(links().is_ours(link), "{link}");
        }
        for link in [
            "http://graph.microsoft.com/v1.0/x",
            "https://graph.microsoft.com:444/v1.0/x",
            "https://graph.microsoft.com.evil.example/v1.0/x",
            "https://graph.microsoft.com@evil.example/v1.0/x",
            "https://a:b@graph.microsoft.com/v1.0/x",
            "/v1.0/x",
            "",
        ] {
            assert!(!links().is_ours(link), "{link}");
        }
    }

    #[test]
    fn a_base_in_the_clear_is_for_this_machine_only() {
        for base in ["http://127.0.0.1:1/v1.0", "http://[::1]/v1.0", "http://localhost/v1.0"] {
            assert!(Links::new(base, "m").is_some(), "{base}");
        }
        for base in ["http://graph.example/v1.0", "ftp://localhost", "graph", "https://u@h/v1.0"] {
            assert!(Links::new(base, "m").is_none(), "{base}");
        }
    }
}
