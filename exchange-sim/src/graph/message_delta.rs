//! Deltas of messages, with what may be asked of them.

use super::call::Call;
use super::error::Error;
use super::filter::{Filter, Op};
use super::query::{self, ChangeType, Query};
use super::{delta, event, folders, message};
use crate::Response;
use crate::store::{Entry, Feed, Item, Mailbox, Node, Scope, What, World};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::cmp::Reverse;

/// Followed by the options, which the tokens keep (docs: message-delta).
const MESSAGES: &str = "messages/delta?";
/// A round with a filter gives no more (docs: delta-query-messages).
const FILTERED_MAX: usize = 5_000;

/// Changes of the messages of a mail folder.
pub(super) fn messages(
    world: &mut World,
    call: &Call<'_>,
    folder: &str,
) -> Result<Response, Error> {
    message::check_select(call)?;
    let mailbox = call.mailbox_mut(world)?;
    let folder = folders::find(mailbox, folder)?;
    let (operation, query) = delta::begun(mailbox, call, MESSAGES, query::MESSAGE_DELTA)?;
    let narrowing = Narrowing::of(&query)?;
    let call = &call.with_query(query);
    let feed = Feed { operation, scope: Scope::Items(folder), window: None };
    let arrange = |mailbox: &Mailbox, entries| narrowing.arrange(mailbox, entries);
    delta::arranged_page(mailbox, call, &feed, "message", arrange, |mailbox, entry| {
        rendered(mailbox, call, entry)
    })
}

/// Which changes a round lists, and in which order.
struct Narrowing {
    /// Only messages received then or later.
    received: Option<Received>,
    /// Only these changes; `None` gives all.
    change_type: Option<ChangeType>,
    newest_first: bool,
    /// All that a round gives (alcionai/corso; microsoftgraph/microsoft-graph-docs#2232).
    top: Option<usize>,
}

/// `receivedDateTime ge …` or `receivedDateTime gt …`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Received {
    from: Timestamp,
    includes_it: bool,
}

impl Narrowing {
    /// What a first request asks for; anything else than the page lists is refused.
    fn of(query: &Query) -> Result<Self, Error> {
        let newest_first = match query.order.as_slice() {
            [] => false,
            [only] if only.descending && only.path.eq_ignore_ascii_case("receivedDateTime") => true,
            [..] => {
                return Err(Error::query(
                    "The only $orderby of a delta of messages is 'receivedDateTime desc'.",
                ));
            }
        };
        let is_first = query.token.is_none();
        Ok(Self {
            received: query.filter.as_ref().map(Received::of).transpose()?,
            // The first round gives all messages (docs: delta-query-messages, example 2).
            change_type: query.change_type.filter(|_| !is_first),
            newest_first,
            top: query.top,
        })
    }

    /// Removals and changes of the read flag come whatever the filter says, because they are changes
    /// of the folder (microsoftgraph/microsoft-graph-docs-contrib#9760).
    fn arrange(&self, mailbox: &Mailbox, mut entries: Vec<Entry>) -> Vec<Entry> {
        if let Some(change_type) = self.change_type {
            entries.retain(|entry| is_of(entry.what, change_type));
        }
        if let Some(since) = self.received {
            entries.retain(|entry| match entry.what {
                What::Created | What::Changed => {
                    received(mailbox, *entry).is_some_and(|received| since.holds(received))
                }
                What::ReadFlag | What::Deleted => true,
            });
        }
        if self.newest_first {
            entries.sort_by_key(|entry| Reverse(received(mailbox, *entry)));
        }
        let filtered_max = self.received.map_or(usize::MAX, |_| FILTERED_MAX);
        entries.truncate(self.top.map_or(filtered_max, |top| top.min(filtered_max)));
        entries
    }
}

impl Received {
    fn of(filter: &Filter) -> Result<Self, Error> {
        #[allow(clippy::wildcard_enum_match_arm, reason = "all others are refused alike")]
        let found = match filter {
            Filter::Compare { path, op: op @ (Op::Ge | Op::Gt), literal }
                if path.eq_ignore_ascii_case("receivedDateTime") =>
            {
                literal.parse().ok().map(|from| Self { from, includes_it: *op == Op::Ge })
            }
            _ => None,
        };
        found.ok_or_else(|| {
            Error::query(
                "The only $filter of a delta of messages is 'receivedDateTime ge {value}' or \
                 'receivedDateTime gt {value}'.",
            )
        })
    }

    fn holds(self, received: Timestamp) -> bool {
        received > self.from || (self.includes_it && received == self.from)
    }
}

fn is_of(what: What, change_type: ChangeType) -> bool {
    change_type
        == match what {
            What::Created => ChangeType::Created,
            What::Changed | What::ReadFlag => ChangeType::Updated,
            What::Deleted => ChangeType::Deleted,
        }
}

fn received(mailbox: &Mailbox, entry: Entry) -> Option<Timestamp> {
    let item = there(mailbox, entry)?;
    Some(message::received(item, message::message_of(item)?))
}

/// The item of an entry, if it is still there.
fn there(mailbox: &Mailbox, entry: Entry) -> Option<&Item> {
    match entry.node {
        Node::Item { id, moves } if entry.what != What::Deleted => {
            mailbox.item(id).ok().filter(|item| item.moves == moves)
        }
        Node::Item { .. } | Node::Folder(_) => None,
    }
}

/// Nothing for items that are no messages, such as events in Deleted Items.
fn rendered(mailbox: &Mailbox, call: &Call<'_>, entry: Entry) -> Option<Value> {
    let mut json = match there(mailbox, entry) {
        Some(item) => {
            let json = message::render(mailbox, item, message::message_of(item)?, call);
            event::select(json, call.query.select.as_ref())
        }
        None => json!({
            "id": event::node_id(mailbox, entry.node, &call.prefer),
            "@removed": {"reason": "deleted"},
        }),
    };
    json["@odata.type"] = json!(message::ODATA_TYPE);
    Some(json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;
    use crate::store::{ItemId, World};

    #[test]
    fn a_filtered_round_is_cut_and_read_flags_pass() {
        let mut world = World::new(Config::default());
        let mailbox = world.add_mailbox("anna@contoso.example", "secret");
        let entry = |what| Entry { node: Node::Item { id: ItemId(1), moves: 0 }, what };
        let mut entries = vec![entry(What::Created)];
        entries.extend(vec![entry(What::ReadFlag); FILTERED_MAX + 7]);
        let all = |filter: Option<&str>, top| {
            let filter = filter.map(|filter| Filter::parse(filter).expect("a filter"));
            let query = Query { filter, top, ..Query::default() };
            Narrowing::of(&query).map(|narrowing| narrowing.arrange(mailbox, entries.clone()).len())
        };
        assert_eq!(all(None, None), Ok(FILTERED_MAX + 8));
        assert_eq!(all(Some("receivedDateTime ge 2020-01-01T00:00:00Z"), None), Ok(FILTERED_MAX));
        assert_eq!(all(None, Some(9)), Ok(9));
        for other in [
            "receivedDateTime lt 2020-01-01T00:00:00Z",
            "receivedDateTime gt 2020",
            "isRead eq true",
        ] {
            assert!(all(Some(other), None).is_err(), "{other}");
        }
    }
}
