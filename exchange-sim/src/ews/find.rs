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
        check_supported(request)?;
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
                let page = Page::read(request, items.len(), "Item")?;
                (items, page)
            }
        };
        let rendered = items[page.range()].iter().map(|item| shape.render(mailbox, item));
        let list = Element::t("Items").with_all(rendered);
        Ok(success().with(page.root(list)))
    })
}

/// Refuses what is not offered, and what nobody may ask of a calendar view.
///
/// The text for restrictions is a real server's (jamesiarmes/php-ews#164); the code is the general
/// one for requests that make no sense (MS docs: ResponseCode).
fn check_supported(request: &Element) -> Result<(), Failure> {
    let invalid = |text: &str| Err(Failure::new("ErrorInvalidOperation", text));
    if request.child("CalendarView").is_some() {
        if request.child("Restriction").is_some() || request.child("SortOrder").is_some() {
            return invalid("Restrictions and sort order may not be specified for a CalendarView.");
        }
        if !matches!(request.attribute("Traversal"), Some("Shallow") | None) {
            return invalid("A CalendarView has normal items only.");
        }
    }
    if request.child("QueryString").is_some() {
        let text = "Content indexing is not enabled on this server.";
        return Err(Failure::new("ErrorContentIndexingNotEnabled", text));
    }
    let missing =
        ["GroupBy", "DistinguishedGroupBy", "SeekToConditionPageItemView", "ContactsView"];
    match missing.iter().find(|name| request.child(name).is_some()) {
        Some(name) => invalid(&format!("{name} is not offered by this server.")),
        None => Ok(()),
    }
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
    let total = events.len();
    let shown = rows(view, FIND_COUNT_MAX)?.min(total);
    let page = Page { from: 0, to: shown, total, is_last: shown == total, next: Next::Unsaid };
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
    next: Next,
}

/// What an answer says about where the next page begins.
enum Next {
    /// The request doesn't page.
    Unsaid,
    /// `IndexedPagingOffset`.
    Offset(usize),
    /// `NumeratorOffset`, of all results as `AbsoluteDenominator`.
    Fraction(usize),
}

impl Page {
    /// The page that `IndexedPage…View` or `FractionalPage…View` asks for, of `kind` Item or
    /// Folder; everything, up to the server's limit, without one.
    pub(crate) fn read(request: &Element, total: usize, kind: &str) -> Result<Page, Failure> {
        if let Some(view) = request.child(&format!("IndexedPage{kind}View")) {
            Page::indexed(view, total)
        } else if let Some(view) = request.child(&format!("FractionalPage{kind}View")) {
            Page::fractional(view, total)
        } else {
            let to = total.min(FIND_COUNT_MAX);
            Ok(Page { from: 0, to, total, is_last: to == total, next: Next::Unsaid })
        }
    }

    fn indexed(view: &Element, total: usize) -> Result<Page, Failure> {
        let offset = usize::try_from(number(view, "Offset")).map_err(|_| {
            let text = "The offset of an indexed page must not be negative.";
            Failure::new("ErrorInvalidIndexedPagingParameters", text)
        })?;
        let most = rows(view, FIND_COUNT_MAX)?;
        let offset = offset.min(total);
        let from_end = view.attribute("BasePoint") == Some("End");
        let (from, to) = match from_end {
            true => ((total - offset).saturating_sub(most), total - offset),
            false => (offset, offset.saturating_add(most).min(total)),
        };
        let is_last = if from_end { from == 0 } else { to == total };
        let next = Next::Offset(if from_end { total - from } else { to });
        Ok(Page { from, to, total, is_last, next })
    }

    /// MS docs: FractionalPageItemView (of nine results, 2/3 begins at the seventh), ResponseCode.
    fn fractional(view: &Element, total: usize) -> Result<Page, Failure> {
        let (numerator, denominator) = (number(view, "Numerator"), number(view, "Denominator"));
        if numerator < 0 || denominator <= 0 || numerator > denominator {
            let text = "The fraction of a page must be between zero and one.";
            return Err(Failure::new("ErrorInvalidFractionalPagingParameters", text));
        }
        // The fraction is one at most, so that neither overflows nor exceeds the total.
        let from = total as u128 * numerator.unsigned_abs() as u128 / denominator as u128;
        let from = usize::try_from(from).unwrap_or(total);
        let to = from.saturating_add(rows(view, FIND_COUNT_MAX)?).min(total);
        Ok(Page { from, to, total, is_last: to == total, next: Next::Fraction(to) })
    }

    /// Which results.
    pub(crate) fn range(&self) -> Range<usize> {
        self.from..self.to
    }

    /// `RootFolder` around the results.
    pub(crate) fn root(&self, list: Element) -> Element {
        let root = Element::m("RootFolder");
        let root = match self.next {
            Next::Unsaid => root,
            Next::Offset(offset) => root.attr("IndexedPagingOffset", offset.to_string()),
            Next::Fraction(numerator) => root
                .attr("NumeratorOffset", numerator.to_string())
                .attr("AbsoluteDenominator", self.total.to_string()),
        };
        root.attr("TotalItemsInView", self.total.to_string())
            .attr("IncludesLastItemInRange", self.is_last.to_string())
            .with(list)
    }
}

/// A whole number of a view; zero without one, which the schema forbids.
fn number(view: &Element, name: &str) -> i64 {
    view.attribute(name).and_then(|text| text.trim().parse().ok()).unwrap_or_default()
}

/// How many results a view takes, `limit` at most (MS docs: ErrorInvalidPagingMaxRows).
fn rows(view: &Element, limit: usize) -> Result<usize, Failure> {
    if view.attribute("MaxEntriesReturned").is_none() {
        return Ok(limit);
    }
    match usize::try_from(number(view, "MaxEntriesReturned")) {
        Ok(most) if most > 0 => Ok(most.min(limit)),
        Ok(_) | Err(_) => Err(Failure::new(
            "ErrorInvalidPagingMaxRows",
            "The maximum number of rows must be greater than zero.",
        )),
    }
}
