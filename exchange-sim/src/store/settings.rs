//! What a mailbox's owner sets once: categories, formats, language and time zone.

use super::Zone;
use super::rng::guid_text;
use jiff::{SignedDuration, Timestamp};

/// Outlook's categories of a new mailbox, with their preset colours.
const CATEGORIES: [(&str, u8); 6] = [
    ("Red category", 0),
    ("Orange category", 1),
    ("Yellow category", 3),
    ("Green category", 4),
    ("Blue category", 7),
    ("Purple category", 8),
];

/// The settings of a mailbox.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The master list of categories, in order of creation.
    pub categories: Vec<Category>,
    /// The default time zone, which events don't take over.
    pub zone: Zone,
    /// How dates are written, such as `M/d/yyyy`.
    pub date_format: String,
    /// How times are written, such as `h:mm tt`.
    pub time_format: String,
    /// The locale, such as `en-US`.
    pub locale: String,
    /// The locale in words.
    pub language: String,
    /// Automatic replies.
    pub oof: Oof,
    /// The newest EWS version of the server the mailbox lies on, where that is an older one.
    pub ews_version: Option<String>,
}

/// Automatic replies (EWS `UserOofSettings`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oof {
    /// Whether they are sent.
    pub state: OofState,
    /// Who outside gets one: `None`, `Known` or `All`.
    pub audience: String,
    /// From when until when, where they are scheduled.
    pub duration: Option<(Timestamp, Timestamp)>,
    /// What people inside get.
    pub internal: String,
    /// What people outside get.
    pub external: String,
}

impl Oof {
    /// From when until when they are scheduled; without a schedule the day to come, as the service
    /// says.
    pub fn times(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        self.duration.unwrap_or_else(|| {
            let hour = Timestamp::from_second(now.as_second() / 3600 * 3600).unwrap_or(now);
            (hour, hour.checked_add(SignedDuration::from_hours(24)).unwrap_or(hour))
        })
    }
}

/// Whether automatic replies are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OofState {
    /// Never.
    Disabled,
    /// Always.
    Enabled,
    /// At a certain time.
    Scheduled,
}

/// A category of the master list; items name categories without being in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// A GUID as text.
    pub id: String,
    /// The name, unique without regard to case.
    pub name: String,
    /// The number of one of 25 preset colours, or none.
    pub preset: Option<u8>,
}

impl Settings {
    /// The settings of a new mailbox with the GUID given, of which the categories' ids are made.
    pub fn new(mailbox: &[u8; 16]) -> Self {
        let category = |(name, preset): (&str, u8)| {
            let mut guid = *mailbox;
            guid[0] ^= preset + 1;
            Category { id: guid_text(&guid), name: name.to_owned(), preset: Some(preset) }
        };
        Self {
            categories: CATEGORIES.into_iter().map(category).collect(),
            zone: Zone::utc(),
            date_format: "M/d/yyyy".to_owned(),
            time_format: "h:mm tt".to_owned(),
            locale: "en-US".to_owned(),
            language: "English (United States)".to_owned(),
            oof: Oof {
                state: OofState::Disabled,
                audience: "All".to_owned(),
                duration: None,
                internal: String::new(),
                external: String::new(),
            },
            ews_version: None,
        }
    }
}
