//! FindItem, and what it shares with FindFolder: restrictions and pages.

use super::context::Context;
use super::failure::Failure;
use super::failure::success;
use super::field;
use super::field::View;
use super::folder::each;
use super::path::Path;
use super::shape::BodyShape;
use super::shape::ItemShape;
use super::shape::Source;
use super::xml::Element;
use super::zone;
use crate::store::FolderId;
use crate::store::Item;
use crate::store::Mailbox;
use crate::store::Window;
use crate::store::zone::Zone;
use jiff::ToSpan;
use jiff::tz::TimeZone;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

/// A CalendarView may span two years (MS docs: ErrorCalendarViewRangeTooBig).
const VIEW_YEARS_MAX: i64 = 2;
/// EWSFindCountLimit of Exchange Online (MS docs: EWS throttling).
const FIND_COUNT_MAX: usize = 1000;

/// FindItem: one answer a parent folder.
pub(crate) fn find_item(context: &Context<'_>, request: &Element) -> Vec<Result<Element, Failure>> {
    let shape = ItemShape::read(request, Source::FindItem, &context.zone);
    each(request, "ParentFolderIds", |parent| {
        let shape = shape.clone()?;
        let mailbox = context.mailbox();
        let folder = context.folder(parent, Failure::folder_not_found)?;
        let (items, page) = match request.child("CalendarView") {
            Some(view) => {
                if !folder.is_calendar() {
                    let text = "The folder is not a calendar folder.";
                    let code = "ErrorCalendarFolderIsInvalidForCalendarView";
                    return Err(Failure::new(code, text));
                }
                in_view(context, view, folder.id)?
            }
            None => {
                let items = match request.attribute("Traversal") {
                    Some("Shallow") | None => {
                        mailbox.items_in(folder.id).map(Cow::Borrowed).collect()
                    }
                    // Hidden and soft-deleted items are elsewhere.
                    Some(_) => Vec::new(),
                };
                let mut items = restricted(mailbox, request, items)?;
                sort(mailbox, request, &mut items)?;
                let page = page(request, items.len(), "IndexedPageItemView");
                (items, page)
            }
        };
        let rendered = items[page.range()].iter().map(|item| shape.render(mailbox, item));
        let list = Element::t("Items").with_all(rendered);
        Ok(success().with(page.root(list)))
    })
}

/// The events that touch the view, series as their occurrences, by start.
fn in_view<'a>(
    context: &'a Context<'_>,
    view: &Element,
    folder: FolderId,
) -> Result<(Vec<Cow<'a, Item>>, Page), Failure> {
    let bound = |name| {
        view.attribute(name)
            .and_then(|text| zone::instant(text, &context.zone))
            .ok_or_else(Failure::invalid_request)
    };
    let (start, end) = (bound("StartDate")?, bound("EndDate")?);
    if end < start {
        let code = "ErrorCalendarEndDateIsEarlierThanStartDate";
        return Err(Failure::new(code, "EndDate is earlier than StartDate"));
    }
    let latest = start.to_zoned_datetime(TimeZone::UTC).checked_add(VIEW_YEARS_MAX.years());
    if latest.is_ok_and(|latest| end > latest.timestamp()) {
        return Err(Failure::new(
            "ErrorCalendarViewRangeTooBig",
            "The specified view range exceeds the maximum range of two years.",
        ));
    }
    let mailbox = context.mailbox();
    let events = mailbox.references_in(folder, Window { start, end });
    let most = view.attribute("MaxEntriesReturned").and_then(|most| most.parse().ok());
    let total = events.len();
    let shown = most.unwrap_or(FIND_COUNT_MAX).min(total);
    let page = Page { from: 0, to: shown, total, is_last: shown == total, offset: None };
    // What isn't shown isn't made up.
    let shown = events.into_iter().take(shown).filter_map(|at| mailbox.opened(at).ok());
    Ok((shown.collect(), page))
}

fn restricted<'a>(
    mailbox: &Mailbox,
    request: &Element,
    items: Vec<Cow<'a, Item>>,
) -> Result<Vec<Cow<'a, Item>>, Failure> {
    let Some(restriction) = request.child("Restriction").and_then(|r| r.children.first()) else {
        return Ok(items);
    };
    let mut found = Vec::new();
    for item in items {
        let value = |path: &Path| item_value(mailbox, &item, path);
        if matches(restriction, &Subject::new(&value))? {
            found.push(item);
        }
    }
    Ok(found)
}

/// Orders by `SortOrder`; where none is given, newest first as clients see it in practice.
fn sort(mailbox: &Mailbox, request: &Element, items: &mut [Cow<'_, Item>]) -> Result<(), Failure> {
    items.sort_by_key(|item| std::cmp::Reverse((item.created, item.id)));
    let orders = request.child("SortOrder").map(|order| order.children.as_slice());
    for order in orders.unwrap_or_default().iter().rev() {
        let path = Path::of(order)?;
        let descending = order.attribute("Order") == Some("Descending");
        items.sort_by(|a, b| {
            let (a, b) = (item_value(mailbox, a, &path), item_value(mailbox, b, &path));
            let ordering = match (a, b) {
                (Some(a), Some(b)) => compare(&a, &b),
                (a, b) => a.cmp(&b),
            };
            if descending { ordering.reverse() } else { ordering }
        });
    }
    Ok(())
}

fn item_value(mailbox: &Mailbox, item: &Item, path: &Path) -> Option<String> {
    match path {
        Path::Field(uri) => {
            let view = View {
                mailbox,
                body: BodyShape::Text,
                source: Source::GetItem,
                zone: &Zone::utc(),
            };
            field::render(&view, item, uri).map(|element| element.text)
        }
        Path::Extended(id, _) => item.property(id)?.one().map(str::to_owned),
        Path::Indexed(..) => None,
    }
}

/// What a restriction is applied to: a way to the value of a path.
pub(crate) struct Subject<'a> {
    value: &'a dyn Fn(&Path) -> Option<String>,
}

impl<'a> Subject<'a> {
    /// An object whose values `value` tells.
    pub(crate) fn new(value: &'a dyn Fn(&Path) -> Option<String>) -> Subject<'a> {
        Subject { value }
    }
}

/// Whether an object meets a search expression (MS docs: Restriction).
pub(crate) fn matches(expression: &Element, subject: &Subject<'_>) -> Result<bool, Failure> {
    let inner = || expression.children.iter().map(|part| matches(part, subject));
    match expression.name.as_str() {
        "And" => inner().try_fold(true, |all, one| Ok(all & one?)),
        "Or" => inner().try_fold(false, |any, one| Ok(any | one?)),
        "Not" => inner().try_fold(false, |_, one| Ok(!one?)),
        "Exists" => Ok((subject.value)(&Path::of(expression)?).is_some()),
        "Contains" => contains(expression, subject),
        name => {
            let path = Path::of(expression)?;
            let value = (subject.value)(&path);
            let operand = expression.child("FieldURIOrConstant");
            let wanted = match operand.and_then(|operand| operand.child("Constant")) {
                Some(constant) => constant.attribute("Value").map(str::to_owned),
                None => match operand {
                    Some(operand) => (subject.value)(&Path::of(operand)?),
                    None => None,
                },
            };
            let ordering = value.zip(wanted).map(|(value, wanted)| match path.is_binary() {
                true => value.cmp(&wanted),
                false => compare(&value, &wanted),
            });
            match name {
                "IsEqualTo" => Ok(ordering == Some(Ordering::Equal)),
                "IsNotEqualTo" => Ok(ordering != Some(Ordering::Equal)),
                "IsGreaterThan" => Ok(ordering == Some(Ordering::Greater)),
                "IsGreaterThanOrEqualTo" => Ok(ordering.is_some_and(Ordering::is_ge)),
                "IsLessThan" => Ok(ordering == Some(Ordering::Less)),
                "IsLessThanOrEqualTo" => Ok(ordering.is_some_and(Ordering::is_le)),
                _ => Err(Failure::new(
                    "ErrorUnsupportedQueryFilter",
                    "The query filter is not supported.",
                )),
            }
        }
    }
}

/// Numbers and times are compared as such; text without case, as Exchange does.
fn compare(a: &str, b: &str) -> Ordering {
    if let (Ok(a), Ok(b)) = (a.parse::<i64>(), b.parse::<i64>()) {
        return a.cmp(&b);
    }
    if let (Some(a), Some(b)) = (zone::instant(a, &Zone::utc()), zone::instant(b, &Zone::utc())) {
        return a.cmp(&b);
    }
    // An xs:boolean may be written as a digit.
    for (truth, other) in [(a, b), (b, a)] {
        if matches!(truth, "true" | "false") && matches!(other, "0" | "1") {
            return super::write::boolean(a).cmp(&super::write::boolean(b));
        }
    }
    a.to_lowercase().cmp(&b.to_lowercase())
}

fn contains(expression: &Element, subject: &Subject<'_>) -> Result<bool, Failure> {
    let Some(value) = (subject.value)(&Path::of(expression)?) else { return Ok(false) };
    let wanted = expression.child("Constant").and_then(|constant| constant.attribute("Value"));
    let exact = matches!(expression.attribute("ContainmentComparison"), Some("Exact") | None);
    let fold = |text: &str| if exact { text.to_owned() } else { text.to_lowercase() };
    let (value, wanted) = (fold(&value), fold(wanted.unwrap_or_default()));
    Ok(match expression.attribute("ContainmentMode") {
        Some("Prefixed") => value.starts_with(&wanted),
        Some("PrefixOnWords" | "ExactPhrase") => value
            .match_indices(&wanted)
            .any(|(at, _)| !value[..at].ends_with(char::is_alphanumeric)),
        Some("Substring") => value.contains(&wanted),
        Some(_) | None => value == wanted,
    })
}

/// The part of a result that one answer carries.
pub(crate) struct Page {
    from: usize,
    to: usize,
    total: usize,
    is_last: bool,
    /// `IndexedPagingOffset`, where the request pages.
    offset: Option<usize>,
}

/// The page that `IndexedPage…View` asks for; everything, up to the server's limit, without one.
pub(crate) fn page(request: &Element, total: usize, view: &str) -> Page {
    let Some(view) = request.child(view) else {
        let to = total.min(FIND_COUNT_MAX);
        return Page { from: 0, to, total, is_last: to == total, offset: None };
    };
    let number = |name| view.attribute(name).and_then(|text| text.trim().parse::<usize>().ok());
    let most = number("MaxEntriesReturned").unwrap_or(FIND_COUNT_MAX).min(FIND_COUNT_MAX);
    let offset = number("Offset").unwrap_or(0).min(total);
    let (from, to) = match view.attribute("BasePoint") {
        Some("End") => ((total - offset).saturating_sub(most), total - offset),
        Some(_) | None => (offset, offset.saturating_add(most).min(total)),
    };
    let from_end = view.attribute("BasePoint") == Some("End");
    let is_last = if from_end { from == 0 } else { to == total };
    Page { from, to, total, is_last, offset: Some(if from_end { total - from } else { to }) }
}

impl Page {
    /// Which results.
    pub(crate) fn range(&self) -> Range<usize> {
        self.from..self.to
    }

    /// `RootFolder` around the results.
    pub(crate) fn root(&self, list: Element) -> Element {
        let mut root = Element::m("RootFolder");
        if let Some(offset) = self.offset {
            root = root.attr("IndexedPagingOffset", offset.to_string());
        }
        root.attr("TotalItemsInView", self.total.to_string())
            .attr("IncludesLastItemInRange", self.is_last.to_string())
            .with(list)
    }
}
