//! The names of an event's fields: what is valid only together, and is merged as one.

use std::collections::BTreeSet;
use sync_core::ids::Field;

/// A field of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// SUMMARY.
    Subject,
    /// DESCRIPTION.
    Body,
    /// LOCATION.
    Location,
    /// Start, end, zones, and whether it lasts whole days.
    Timing,
    /// RRULE.
    Recurrence,
    /// EXDATE and the components with a RECURRENCE-ID: a set, by the date on which the recurrence
    /// has the occurrence.
    Occurrences,
    /// CATEGORIES: a set, merged by element.
    Categories,
    /// VALARM.
    Reminder,
    /// Free or busy.
    ShowAs,
    /// CLASS.
    Sensitivity,
    /// PRIORITY.
    Importance,
    /// ORGANIZER, STATUS, and how the owner of the mailbox answered.
    Meeting,
    /// ATTENDEE: a set, by address.
    Attendees,
    /// ATTACH: a set, by name and content.
    Attachments,
}

impl Name {
    /// Every field, in the order of the names above.
    pub const ALL: [Self; 14] = [
        Self::Subject,
        Self::Body,
        Self::Location,
        Self::Timing,
        Self::Recurrence,
        Self::Occurrences,
        Self::Categories,
        Self::Reminder,
        Self::ShowAs,
        Self::Sensitivity,
        Self::Importance,
        Self::Meeting,
        Self::Attendees,
        Self::Attachments,
    ];

    /// The name as the journal writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Body => "body",
            Self::Location => "location",
            Self::Timing => "timing",
            Self::Recurrence => "recurrence",
            Self::Occurrences => "occurrences",
            Self::Categories => "categories",
            Self::Reminder => "reminder",
            Self::ShowAs => "show-as",
            Self::Sensitivity => "sensitivity",
            Self::Importance => "importance",
            Self::Meeting => "meeting",
            Self::Attendees => "attendees",
            Self::Attachments => "attachments",
        }
    }

    /// The name as the core carries it.
    pub fn field(self) -> Field {
        Field::from(self.as_str())
    }

    /// The field that the core calls `field`; `None` for what no event has.
    pub fn of(field: &Field) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == field.as_str())
    }
}

impl From<Name> for Field {
    fn from(name: Name) -> Self {
        name.field()
    }
}

/// Every field of an event, for a replica that can hold them all.
pub fn all() -> BTreeSet<Field> {
    Name::ALL.into_iter().map(Name::field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_fields() {
        for name in Name::ALL {
            assert_eq!(Name::of(&name.field()), Some(name));
        }
        assert_eq!(Name::of(&Field::from("colour")), None);
        assert_eq!(all().len(), Name::ALL.len());
    }
}
