//! Answers hold no element that is newer than the schema version a request asks for.

use super::version;
use super::xml::Element;

/// Elements of items that came after the first release, with the version that brought
/// them (MS docs: the pages of these elements; recordings of series by a client of Exchange 2010).
const NEWER: [(&str, &str); 5] = [
    ("StartTimeZone", "Exchange2010"),
    ("EndTimeZone", "Exchange2010"),
    ("ConversationId", "Exchange2010"),
    ("WebClientReadFormQueryString", "Exchange2010"),
    ("FirstDayOfWeek", "Exchange2010_SP1"),
];

/// Takes out of an answer what the version of the request's header doesn't have; a request that
/// names none gets everything.
pub(crate) fn fitted(header: Option<&Element>, mut answer: Element) -> Element {
    let asked = header.and_then(|header| header.child("RequestServerVersion"));
    let asked = asked.and_then(|version| version.attribute("Version"));
    let place = |version: &str| version::all().position(|known| known == version);
    let Some(asked) = asked.and_then(place) else { return answer };
    let unknown: Vec<&str> = NEWER
        .iter()
        .filter(|(_, since)| place(since).is_some_and(|since| since > asked))
        .map(|(name, _)| *name)
        .collect();
    if !unknown.is_empty() {
        remove(&mut answer, &unknown);
    }
    answer
}

fn remove(element: &mut Element, names: &[&str]) {
    element.children.retain(|child| !names.contains(&child.name.as_str()));
    for child in &mut element.children {
        remove(child, names);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_clients_see_nothing_new() {
        let shown = |version: &str| {
            let header = Element::t("Header")
                .with(Element::t("RequestServerVersion").attr("Version", version));
            let week = Element::t("WeeklyRecurrence").with(Element::t("FirstDayOfWeek"));
            let item = Element::t("CalendarItem").with(week).with(Element::t("StartTimeZone"));
            let answer = fitted(Some(&header), item).render();
            (answer.contains("FirstDayOfWeek"), answer.contains("StartTimeZone"))
        };
        assert_eq!(shown("Exchange2007_SP1"), (false, false));
        assert_eq!(shown("Exchange2010"), (false, true));
        assert_eq!(shown("Exchange2010_SP1"), (true, true));
        assert_eq!(shown("V2018_01_08"), (true, true));
        assert_eq!(shown("V2_22"), (true, true));
    }
}
