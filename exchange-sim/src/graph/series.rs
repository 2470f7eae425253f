//! Series: their instances, and what a master shows of its exceptions.

use super::call::{CalendarRef, Call, encode};
use super::error::Error;
use super::{event, events, list};
use crate::Response;
use crate::store::{Item, Mailbox, Node, World};
use serde_json::{Value, json};

/// The occurrences and exceptions of a series in a window (docs: event-list-instances).
pub(super) fn instances(
    world: &mut World,
    call: &Call<'_>,
    calendar: Option<&CalendarRef>,
    id: &str,
) -> Result<Response, Error> {
    let window = list::window(call)?;
    let mailbox = call.mailbox(world)?;
    let master = events::find(mailbox, call, calendar, id)?;
    if master.series().is_none() {
        return Err(Error::new(
            400,
            "ErrorInvalidRequest",
            "Your request can't be completed. The event is not the master of a series.",
        ));
    }
    list::page(
        mailbox,
        call,
        master.references_in(window),
        &format!("events('{}')/instances", encode(id)),
    )
}

/// The id of the master of an occurrence, in the form the client prefers.
pub(super) fn master_id(mailbox: &Mailbox, item: &Item, call: &Call<'_>) -> Option<String> {
    item.occurrence.as_ref()?;
    Some(event::node_id(mailbox, node(item), &call.prefer))
}

/// Adds to a master what only a GET by its id shows: `cancelledOccurrences` where it is selected,
/// `exceptionOccurrences` where it is selected and expanded (msgraph OpenAPI: event).
pub(super) fn add_selected(mailbox: &Mailbox, item: &Item, call: &Call<'_>, json: &mut Value) {
    let Some(series) = item.series() else { return };
    let selected = |wanted: &str| {
        let names = call.query.select.iter().flatten();
        names.into_iter().any(|name| name.eq_ignore_ascii_case(wanted))
    };
    if selected("cancelledOccurrences") {
        let id = mailbox.graph_node_id(node(item));
        let ids = series.deleted.iter().map(|date| format!("OID.{id}.{date}"));
        json["cancelledOccurrences"] = ids.collect();
    }
    if let Some(expanded) = &call.query.exceptions
        && selected("exceptionOccurrences")
    {
        let found = series.exceptions.keys().filter_map(|date| item.occurrence_on(*date));
        let shown = found.filter_map(|item| {
            let json = event::plain(mailbox, &item, item.content.as_event()?, call);
            Some(event::select(json, expanded.select.as_ref()))
        });
        json["exceptionOccurrences"] = Value::Array(shown.collect());
    }
}

/// What deltas show of an occurrence that doesn't differ from its master: the rest is the master's
/// (microsoftgraph/microsoft-graph-docs-contrib#34).
pub(super) fn sparse(mailbox: &Mailbox, item: &Item, call: &Call<'_>) -> Option<Value> {
    let event = item.content.as_event()?;
    Some(json!({
        "@odata.etag": event::etag(mailbox, item),
        "id": event::id(mailbox, item, &call.prefer),
        "seriesMasterId": master_id(mailbox, item, call),
        "type": event::kind(item),
        "start": event::time(&event.start, &call.prefer),
        "end": event::time(&event.end, &call.prefer),
    }))
}

fn node(item: &Item) -> Node {
    Node::Item { id: item.id, moves: item.moves }
}
