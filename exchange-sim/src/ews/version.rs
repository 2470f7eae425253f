//! Versions: which one a request may target, and which one an answer states.

use super::fault::Fault;
use super::schema::Schema;
use super::xml::Element;
use crate::config::Profile;
use crate::store::World;

/// Operations newer than the first release, with the version that brought them (MS docs: EWS
/// operations, EWS schema versions).
const SINCE: [(&str, &str); 16] = [
    ("ConvertId", "Exchange2007_SP1"),
    ("EmptyFolder", "Exchange2010_SP1"),
    ("ExportItems", "Exchange2010_SP1"),
    ("UploadItems", "Exchange2010_SP1"),
    ("GetRoomLists", "Exchange2010"),
    ("GetRooms", "Exchange2010"),
    ("GetServerTimeZones", "Exchange2010"),
    ("GetUserConfiguration", "Exchange2010"),
    ("GetStreamingEvents", "Exchange2010_SP1"),
    ("StreamingSubscriptionRequest", "Exchange2010_SP1"),
    ("GetInboxRules", "Exchange2010_SP1"),
    ("FindConversation", "Exchange2010_SP1"),
    ("ArchiveItem", "Exchange2013"),
    ("FindPeople", "Exchange2013"),
    ("MarkAllItemsAsRead", "Exchange2013"),
    ("MarkAsJunk", "Exchange2013"),
];

/// The server that answers for a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Server {
    profile: Profile,
    /// The newest version of a mailbox that lies on an older server.
    older: Option<&'static str>,
}

impl Server {
    /// The server of the mailbox of `address`.
    pub(crate) fn of(world: &World, address: &str) -> Server {
        let version =
            world.mailbox(address).and_then(|mailbox| mailbox.settings.ews_version.as_deref());
        let older = version.and_then(|version| all().find(|known| *known == version));
        Server { profile: world.config.profile, older }
    }

    /// The newest version that requests may target.
    fn newest(self) -> &'static str {
        match (self.older, self.profile) {
            (Some(version), _) => version,
            (None, Profile::ExchangeOnline) => "V2018_01_08",
            (None, Profile::Exchange2019) => "V2017_07_11",
        }
    }

    /// Whether it is older than a version.
    pub(crate) fn is_before(self, version: &str) -> bool {
        let place = |version: &str| all().position(|known| known == version);
        place(self.newest()) < place(version)
    }

    /// `ServerVersionInfo`. The numbers are real ones: recordings of Exchange Online (2020),
    /// Exchange Server 2019 (2025), 2010 SP2 and 2007 SP1; MS docs: GetStreamingEvents for 2013.
    pub(crate) fn info(self) -> Element {
        let newest = self.newest();
        let (major, minor, build, revision) = match (self.older, self.profile) {
            (Some(version), _) if version.starts_with("Exchange2007") => ("8", "1", "436", "0"),
            (Some(version), _) if version.starts_with("Exchange2010") => ("14", "2", "328", "9"),
            (Some(_), _) => ("15", "0", "785", "6"),
            (None, Profile::ExchangeOnline) => ("15", "20", "3370", "16"),
            (None, Profile::Exchange2019) => ("15", "2", "1748", "10"),
        };
        Element::t("ServerVersionInfo")
            .attr("MajorVersion", major)
            .attr("MinorVersion", minor)
            .attr("MajorBuildNumber", build)
            .attr("MinorBuildNumber", revision)
            .attr("Version", newest)
    }

    /// Refuses a version that the server of the mailbox doesn't know, and operations newer than the
    /// version targeted.
    ///
    /// A request without a version is taken for one of the newest. The documentation says that the
    /// first release is targeted then, which most of its own examples would fail.
    pub(crate) fn check(self, header: Option<&Element>, request: &Element) -> Result<(), Fault> {
        let Some(version) = requested(header) else { return Ok(()) };
        let Some(at) = all().position(|known| known == version) else {
            return if self.older.is_none() { Ok(()) } else { Err(invalid()) };
        };
        if all().position(|known| known == self.newest()).is_some_and(|newest| at > newest) {
            return Err(invalid());
        }
        let names =
            std::iter::once(&request.name).chain(request.children.iter().map(|child| &child.name));
        for name in names {
            let since = SINCE.iter().find(|(newer, _)| newer == name).map(|(_, since)| *since);
            let since = since.and_then(|since| all().position(|known| known == since));
            if since.is_some_and(|since| at < since) {
                return Err(Fault::new(
                    "ErrorIncorrectSchemaVersion",
                    "The request contains elements that the version it targets does not have.",
                ));
            }
        }
        Ok(())
    }
}

/// Whether a version is one of the schema's, or of those that Exchange Online states (`V2_22` is
/// taken from requests as well: stackoverflow 26404119).
pub(crate) fn is_known(version: &str, profile: Profile) -> bool {
    let numbered = |text: &str| {
        text.split('_').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
    };
    all().any(|known| known == version)
        || profile == Profile::ExchangeOnline && version.strip_prefix('V').is_some_and(numbered)
}

/// The fault for a version that no server has.
pub(crate) fn invalid() -> Fault {
    Fault::new("ErrorInvalidServerVersion", "The specified server version is invalid.")
}

/// The version that a request targets.
fn requested(header: Option<&Element>) -> Option<&str> {
    header?.child("RequestServerVersion")?.attribute("Version")
}

/// Every version of the schema, the oldest first.
pub(crate) fn all() -> impl Iterator<Item = &'static str> {
    Schema::get().values("t:ExchangeVersionType")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_known_by_the_schema_or_by_form() {
        assert!(is_known("Exchange2013_SP1", Profile::Exchange2019));
        assert!(is_known("V2_22", Profile::ExchangeOnline));
        for version in ["V2_22", "V", "V2_", "Exchange2020", ""] {
            assert!(!is_known(version, Profile::Exchange2019), "{version}");
        }
        assert!(!is_known("V2_x", Profile::ExchangeOnline));
        for (_, since) in SINCE {
            assert!(all().any(|known| known == since), "{since}");
        }
    }
}
