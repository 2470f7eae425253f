//! One side of a pair as its owner sees it: a second client that reads, writes and deletes.

mod series;

use super::look::{self, Look};
use exchange_sim::Sim;
use exchange_sim::store::{
    Body, Content, DeleteType, Importance, ItemId, Location, Mailbox, Role, Sensitivity, Series,
    ShowAs, Zone, ZonedTime,
};
use items::recurrence::End;
use items::{Event, Rule, Timing};
use jiff::Timestamp;
use jiff::civil::Date;
use std::sync::Arc;
use store_sqlite::LocalReplica;
use sync_core::ids::{FolderId, RemoteId};

pub use series::{content, occurrence, parsed};
use series::{of_end, of_rule};

/// One side.
#[derive(Clone)]
pub enum Place {
    /// A mailbox of the built-in Exchange.
    Mailbox { sim: Sim, address: &'static str },
    /// A calendar of the local store.
    Local { replica: Arc<LocalReplica>, folder: FolderId },
}

/// An event that stands in the calendar.
#[derive(Debug, Clone)]
pub struct Standing {
    pub handle: Handle,
    pub content: Content,
    pub look: Look,
}

/// How a second client finds it again.
#[derive(Debug, Clone)]
pub enum Handle {
    Item(ItemId),
    Local(RemoteId),
}

/// When an event takes place; zones are named as IANA names them.
#[derive(Debug, Clone)]
pub enum When {
    /// From a minute since 1970 UTC, for so many minutes.
    Timed { minute: i64, minutes: i64, zone: &'static str },
    /// From a day, for so many days.
    Days { first: Date, days: i64, zone: &'static str },
}

/// What a person changes.
#[derive(Debug, Clone)]
pub enum Change {
    Subject(String),
    Text(String),
    Html(String),
    Location(String),
    When(When),
    /// How it recurs; `None` makes it take place once.
    Recurs(Option<Rule>),
    /// Until when it recurs.
    Ends(End),
    /// One more.
    Category(String),
    Reminder(Option<i32>),
    ShowAs(ShowAs),
    Sensitivity(Sensitivity),
    Importance(Importance),
}

impl Place {
    /// What stands in the calendar.
    pub fn standing(&self) -> Vec<Standing> {
        match self {
            Self::Mailbox { .. } => self.mailbox(|mailbox| {
                let items = mailbox.items_in(mailbox.role(Role::Calendar));
                items
                    .map(|item| Standing {
                        handle: Handle::Item(item.id),
                        content: item.content.clone(),
                        look: look::of_content(&item.content),
                    })
                    .collect()
            }),
            Self::Local { replica, folder } => {
                let events = replica.list_events(folder, None, 10_000).expect("readable");
                let standing = events.into_iter().map(|local| {
                    let event = local.event.expect("only events were written");
                    let (handle, content) = (Handle::Local(local.id), content(&event));
                    Standing { handle, look: look::of_content(&content), content }
                });
                standing.collect()
            }
        }
    }

    /// Makes an event, with a UID of its own unless one is given.
    pub fn create(&self, subject: &str, uid: Option<&str>, when: &When, changes: &[Change]) {
        match self {
            Self::Mailbox { .. } => {
                let (start, end, _) = when.zoned();
                let mut content = Content::event(subject, start, end);
                on_content(&mut content, &Change::When(when.clone()));
                changes.iter().for_each(|change| on_content(&mut content, change));
                if let (Some(uid), Some(event)) = (uid, content.as_event_mut()) {
                    event.uid = uid.to_owned();
                }
                self.mailbox(|mailbox| {
                    let calendar = mailbox.role(Role::Calendar);
                    mailbox.create(calendar, content).expect("a valid event");
                });
            }
            Self::Local { replica, folder } => {
                let mut event = Event {
                    uid: Some(uid.map_or_else(|| format!("{subject}@local"), str::to_owned)),
                    subject: Some(subject.to_owned()),
                    timing: Some(when.timing()),
                    reminder: Some(items::Reminder::Before(15)),
                    ..Event::default()
                }
                .filled();
                changes.iter().for_each(|change| on_event(&mut event, change));
                replica.put_event(folder, &event).expect("writable");
            }
        }
    }

    /// Changes an event; nothing happens where it is gone.
    pub fn change(&self, handle: &Handle, change: &Change) {
        match (self, handle) {
            (Self::Mailbox { .. }, Handle::Item(id)) => self.mailbox(|mailbox| {
                let Ok(item) = mailbox.item(*id) else { return };
                let mut content = item.content.clone();
                on_content(&mut content, change);
                mailbox.update(*id, None, content).expect("a valid event");
            }),
            (Self::Local { .. }, Handle::Local(..)) => {
                let Some(now) = self.local(handle) else { return };
                let mut patch = Event { uid: now.uid.clone(), ..Event::default() };
                // These change what is there; everything else stands alone.
                match change {
                    Change::Category(_) => patch.categories.clone_from(&now.categories),
                    Change::Ends(_) => patch.recurrence.clone_from(&now.recurrence),
                    _ => {}
                }
                on_event(&mut patch, change);
                series::staying(&now, &mut patch);
                self.put(&patch);
            }
            (Self::Mailbox { .. }, Handle::Local(..)) | (Self::Local { .. }, Handle::Item(_)) => {
                panic!("a handle of the other side")
            }
        }
    }

    /// Moves an event to the trash.
    pub fn delete(&self, handle: &Handle) {
        match (self, handle) {
            (Self::Mailbox { .. }, Handle::Item(id)) => self.mailbox(|mailbox| {
                mailbox.delete(*id, DeleteType::MoveToDeletedItems).expect("it is there");
            }),
            (Self::Local { replica, folder }, Handle::Local(id)) => {
                replica.delete_event(folder, id).expect("it is there");
            }
            (Self::Mailbox { .. }, Handle::Local(..)) | (Self::Local { .. }, Handle::Item(_)) => {
                panic!("a handle of the other side")
            }
        }
    }

    /// Puts back what lies in Deleted Items under this subject.
    pub fn restore(&self, subject: &str) {
        self.mailbox(|mailbox| {
            let (trash, calendar) =
                (mailbox.role(Role::DeletedItems), mailbox.role(Role::Calendar));
            let item = mailbox.items_in(trash).find(|item| item.content.subject == subject);
            let id = item.expect("it was deleted").id;
            mailbox.move_item(id, calendar).expect("events fit into calendars");
        });
    }

    /// What lies in Deleted Items; the local store shows none of it.
    pub fn trashed(&self) -> Vec<Look> {
        let Self::Mailbox { .. } = self else { return vec![] };
        self.mailbox(|mailbox| {
            let items = mailbox.items_in(mailbox.role(Role::DeletedItems));
            items.map(|item| look::of_content(&item.content)).collect()
        })
    }

    /// The event whose subject this is.
    pub fn find(&self, subject: &str) -> Option<Standing> {
        self.standing().into_iter().find(|s| s.look["subject"] == subject)
    }

    /// The event of the local store, while it stands.
    fn local(&self, handle: &Handle) -> Option<Event> {
        let (Self::Local { replica, folder }, Handle::Local(id)) = (self, handle) else {
            panic!("a handle of the other side")
        };
        let events = replica.list_events(folder, None, 10_000).expect("readable");
        events.into_iter().find(|event| event.id == *id)?.event
    }

    fn put(&self, patch: &Event) {
        let Self::Local { replica, folder } = self else { panic!("a mailbox takes no patches") };
        replica.put_event(folder, patch).expect("writable");
    }

    pub(super) fn mailbox<R>(&self, work: impl FnOnce(&mut Mailbox) -> R) -> R {
        match self {
            Self::Mailbox { sim, address } => sim.with(|world| {
                world.refresh();
                work(world.mailbox_mut(address).expect("a mailbox of the stage"))
            }),
            Self::Local { .. } => panic!("the local store is no mailbox"),
        }
    }
}

impl When {
    /// The day on which it begins, in its own zone.
    pub fn first(&self) -> Date {
        let (start, ..) = self.zoned();
        start.zone.wall(start.utc).date()
    }

    fn zoned(&self) -> (ZonedTime, ZonedTime, bool) {
        match self {
            Self::Timed { minute, minutes, zone } => {
                let zone = Zone::parse(zone).expect("a known zone");
                let at = |minute: i64| ZonedTime {
                    utc: Timestamp::from_second(minute * 60).expect("a year of four digits"),
                    zone: zone.clone(),
                };
                (at(*minute), at(minute + minutes), false)
            }
            Self::Days { first, days, zone } => {
                let zone = Zone::parse(zone).expect("a known zone");
                let at = |date: Date| ZonedTime {
                    utc: zone.instant(date.at(0, 0, 0, 0)).expect("a year of four digits"),
                    zone: zone.clone(),
                };
                (at(*first), at(later(*first, *days)), true)
            }
        }
    }

    fn timing(&self) -> Timing {
        match self {
            Self::Timed { minute, minutes, zone } => Timing::Timed {
                start: minute * 60,
                end: (minute + minutes) * 60,
                start_zone: Some((*zone).to_owned()),
                end_zone: Some((*zone).to_owned()),
            },
            Self::Days { first, days, zone } => {
                let date = |date: Date| date.to_string().parse().expect("ISO 8601");
                let (start, end) = (date(*first), date(later(*first, *days)));
                Timing::AllDay { start, end, zone: Some((*zone).to_owned()) }
            }
        }
    }
}

fn later(date: Date, days: i64) -> Date {
    date.checked_add(jiff::Span::new().days(days)).expect("a year of four digits")
}

fn on_content(content: &mut Content, change: &Change) {
    let mut event = content.as_event().expect("an event").clone();
    match change {
        Change::Subject(text) => content.subject.clone_from(text),
        Change::Text(text) => content.body = Body::text(text),
        Change::Html(text) => content.body = Body::html(text),
        Change::Location(name) => {
            event.locations = vec![Location { name: name.clone(), ..Location::default() }];
        }
        Change::When(when) => (event.start, event.end, event.all_day) = when.zoned(),
        Change::Recurs(rule) => {
            let first = event.start.zone.wall(event.start.utc).date();
            let before = event.series.take();
            event.series = rule.as_ref().map(|rule| {
                let recurrence = of_rule(rule, first);
                let series = before.map_or_else(
                    || Series::new(recurrence),
                    |before| Series { recurrence, ..Series::clone(&before) },
                );
                Arc::new(series)
            });
        }
        Change::Ends(end) => {
            let series = event.series.as_mut().map(Arc::make_mut).expect("a series");
            series.recurrence.range.end = of_end(*end);
        }
        Change::Category(name) => content.categories.push(name.clone()),
        Change::Reminder(minutes) => {
            content.reminder.set = minutes.is_some();
            content.reminder.minutes = minutes.unwrap_or(content.reminder.minutes);
        }
        Change::ShowAs(show_as) => event.show_as = *show_as,
        Change::Sensitivity(sensitivity) => content.sensitivity = *sensitivity,
        Change::Importance(importance) => content.importance = *importance,
    }
    *content.as_event_mut().expect("an event") = event;
}

fn on_event(event: &mut Event, change: &Change) {
    let body = |kind, text: &str| Some(items::Body { kind, content: text.to_owned() });
    match change {
        Change::Subject(text) => event.subject = Some(text.clone()),
        Change::Text(text) => event.body = body(items::BodyKind::Text, text),
        Change::Html(text) => event.body = body(items::BodyKind::Html, text),
        Change::Location(name) => event.location = Some(name.clone()),
        Change::When(when) => event.timing = Some(when.timing()),
        Change::Recurs(rule) => {
            let rule = rule.clone().map_or(items::Recurrence::Once, items::Recurrence::Rule);
            event.recurrence = Some(rule);
        }
        Change::Ends(end) => {
            if let Some(items::Recurrence::Rule(rule)) = &mut event.recurrence {
                rule.end = *end;
            }
        }
        Change::Category(name) => event.categories.get_or_insert_default().push(name.clone()),
        Change::Reminder(minutes) => {
            let reminder = minutes.map_or(items::Reminder::Off, items::Reminder::Before);
            event.reminder = Some(reminder);
        }
        Change::ShowAs(show_as) => {
            event.show_as = Some(match show_as {
                ShowAs::Free => items::ShowAs::Free,
                ShowAs::Tentative => items::ShowAs::Tentative,
                ShowAs::Busy | ShowAs::Unknown => items::ShowAs::Busy,
                ShowAs::OutOfOffice => items::ShowAs::OutOfOffice,
                ShowAs::WorkingElsewhere => items::ShowAs::WorkingElsewhere,
            });
        }
        Change::Sensitivity(sensitivity) => {
            event.sensitivity = Some(match sensitivity {
                Sensitivity::Normal => items::Sensitivity::Normal,
                Sensitivity::Personal => items::Sensitivity::Personal,
                Sensitivity::Private => items::Sensitivity::Private,
                Sensitivity::Confidential => items::Sensitivity::Confidential,
            });
        }
        Change::Importance(importance) => {
            event.importance = Some(match importance {
                Importance::Low => items::Importance::Low,
                Importance::Normal => items::Importance::Normal,
                Importance::High => items::Importance::High,
            });
        }
    }
}
