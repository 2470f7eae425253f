//! Which events take place at the time of another, or right before or after it.

use super::context::item_id_element;
use super::field;
use super::field::View;
use super::xml::Element;
use crate::store::Event;
use crate::store::Item;
use crate::store::ShowAs;
use crate::store::Window;
use jiff::SignedDuration;
use jiff::Timestamp;
use std::borrow::Cow;

/// What an answer tells of such an event (MS docs: an example of GetItem (calendar item)).
const SHOWN: [&str; 5] = [
    "item:Subject",
    "calendar:Start",
    "calendar:End",
    "calendar:LegacyFreeBusyStatus",
    "calendar:Location",
];

/// The counts and lists of conflicting and adjacent events; `None` for a series as a whole, which
/// has no time of its own (MS docs: ConflictingMeetingCount, AdjacentMeetingCount).
pub(crate) fn field(view: &View<'_>, item: &Item, name: &str) -> Option<Element> {
    let event = item.content.as_event().filter(|event| event.series.is_none())?;
    let conflicts = name.starts_with("Conflicting");
    let found = neighbours(view, item, event, |other| match conflicts {
        true => other.start.utc < event.end.utc && other.end.utc > event.start.utc,
        false => other.start.utc == event.end.utc || other.end.utc == event.start.utc,
    });
    if name.ends_with("Count") {
        return Some(Element::t_text(name, found.len().to_string()));
    }
    let shown = |item: &Cow<'_, Item>| {
        Element::t("CalendarItem")
            .with(item_id_element(view.mailbox, item))
            .with_all(SHOWN.iter().filter_map(|uri| field::render(view, item, uri)))
    };
    (!found.is_empty()).then(|| Element::t(name).with_all(found.iter().map(shown)))
}

/// The other events of the calendar that take somebody's time and meet a condition.
fn neighbours<'a>(
    view: &View<'a>,
    item: &Item,
    event: &Event,
    meets: impl Fn(&Event) -> bool,
) -> Vec<Cow<'a, Item>> {
    let second = SignedDuration::from_secs(1);
    let wider = |at: Timestamp, by| at.checked_add(by).unwrap_or(at);
    let window =
        Window { start: wider(event.start.utc, -second), end: wider(event.end.utc, second) };
    let busy = |other: &Event| other.show_as != ShowAs::Free && !other.cancelled;
    view.mailbox
        .view(item.folder, window)
        .into_iter()
        .filter(|other| other.reference() != item.reference())
        .filter(|other| other.content.as_event().is_some_and(|other| busy(other) && meets(other)))
        .collect()
}
