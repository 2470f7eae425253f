//! Lists of events, and calendar views.

use super::call::{CalendarRef, Call};
use super::error::Error;
use super::event;
use super::filter;
use crate::Response;
use crate::store::{Item, ItemRef, Mailbox, Window, World};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::cell::LazyCell;

pub(super) const PAGE: usize = 10;
/// Longest window of calendar views (msgraph: "Maximum number of days: 1825").
const WINDOW_DAYS_MAX: i64 = 1825;

/// The events of a calendar, or of all calendars of the mailbox: of series their masters.
pub(super) fn events(
    world: &mut World,
    call: &Call<'_>,
    calendar: Option<&CalendarRef>,
) -> Result<Response, Error> {
    let mailbox = call.mailbox(world)?;
    let folder = calendar.map(|calendar| call.calendar(mailbox, calendar)).transpose()?;
    let items = mailbox.items().filter(|item| match folder {
        Some(folder) => item.folder == folder,
        None => mailbox.folder(item.folder).is_ok_and(|folder| folder.is_calendar()),
    });
    let items = items
        .filter(|item| item.content.as_event().is_some() && !mailbox.is_trashed(item))
        .map(Item::reference)
        .collect();
    page(mailbox, call, items, "events")
}

/// The events of a calendar within a window, by start: of series their occurrences.
pub(super) fn view(
    world: &mut World,
    call: &Call<'_>,
    calendar: &CalendarRef,
) -> Result<Response, Error> {
    let window = window(call)?;
    let mailbox = call.mailbox(world)?;
    let folder = call.calendar(mailbox, calendar)?;
    page(mailbox, call, mailbox.references_in(folder, window), "calendarView")
}

/// The window that a view needs.
pub(super) fn window(call: &Call<'_>) -> Result<Window, Error> {
    let (Some(start), Some(end)) = (call.query.start, call.query.end) else {
        return Err(Error::new(
            400,
            "ErrorInvalidParameter",
            "This request requires a time window specified by the query string parameters \
             StartDateTime and EndDateTime.",
        ));
    };
    if end < start {
        return Err(Error::new(
            400,
            "ErrorInvalidParameter",
            "The StartDateTime parameter must be before the EndDateTime parameter.",
        ));
    }
    if end.duration_since(start) > SignedDuration::from_hours(24 * WINDOW_DAYS_MAX) {
        return Err(Error::new(
            400,
            "ErrorInvalidRequest",
            "Your request can't be completed. The range between the start and end dates is greater \
             than the allowed range. Maximum number of days: 1825",
        ));
    }
    Ok(Window { start, end })
}

/// A page of events in the order given, unless the client asks for another.
pub(super) fn page(
    mailbox: &Mailbox,
    call: &Call<'_>,
    items: Vec<ItemRef>,
    what: &str,
) -> Result<Response, Error> {
    let query = &call.query;
    event::check_select(call)?;
    let size = query.top.or(call.prefer.max_page_size).unwrap_or(PAGE);
    let mut found = filtered(mailbox, call, items)?;
    let total = found.len();
    // Sorting needs all of them rendered, a page only its own.
    let rendered = |items: &[ItemRef]| -> Vec<Value> {
        items.iter().filter_map(|at| rendered(mailbox, &*mailbox.opened(*at).ok()?, call)).collect()
    };
    let page = if query.order.is_empty() {
        let from = query.skip.min(total);
        found.truncate(from.saturating_add(size));
        rendered(&found[from..])
    } else {
        let mut all = rendered(&found);
        sort(&mut all, call)?;
        all.into_iter().skip(query.skip).take(size).collect()
    };
    let value: Vec<Value> =
        page.into_iter().map(|json| event::select(json, query.select.as_ref())).collect();
    let context = match &query.select {
        Some(names) => format!("{what}({})", names.join(",")),
        None => what.to_owned(),
    };
    let next = query.skip + value.len();
    let mut body = json!({"@odata.context": call.context(&context)});
    if query.count {
        body["@odata.count"] = json!(total);
    }
    body["value"] = Value::Array(value);
    if next < total {
        body["@odata.nextLink"] = json!(next_link(call, next));
    }
    Ok(call.answer(200, &body))
}

fn rendered(mailbox: &Mailbox, item: &Item, call: &Call<'_>) -> Option<Value> {
    item.content.as_event().map(|event| event::render(mailbox, item, event, call))
}

fn filtered(
    mailbox: &Mailbox,
    call: &Call<'_>,
    mut items: Vec<ItemRef>,
) -> Result<Vec<ItemRef>, Error> {
    let Some(filter) = &call.query.filter else { return Ok(items) };
    let mut refused = Ok(());
    items.retain(|at| {
        let Ok(item) = mailbox.opened(*at) else { return false };
        let json =
            LazyCell::new(|| event::complete(rendered(mailbox, &item, call).unwrap_or_default()));
        filter.holds(&item, &json).unwrap_or_else(|error| {
            refused = Err(error);
            false
        })
    });
    refused.map(|()| items)
}

pub(super) fn sort(found: &mut [Value], call: &Call<'_>) -> Result<(), Error> {
    for order in call.query.order.iter().rev() {
        if let Some(first) = found.first() {
            filter::at(first, &order.path)?;
        }
        let key = |json: &Value| filter::at(json, &order.path).ok().map(Value::to_string);
        found.sort_by(|a, b| {
            let ordering = key(a).cmp(&key(b));
            if order.descending { ordering.reverse() } else { ordering }
        });
    }
    Ok(())
}

pub(super) fn next_link(call: &Call<'_>, skip: usize) -> String {
    let skip = skip.to_string();
    let mut options: Vec<(&str, &str)> = call
        .query
        .given
        .iter()
        .filter(|given| given.name != "$skip")
        .map(|given| (given.name, given.value.as_str()))
        .collect();
    options.push(("$skip", &skip));
    call.link(&options)
}
