//! A mailbox's list of calendars as a folder of its own, whose items are the calendars.
//!
//! No server tells the changes of such a list in a way that says enough, and it is short: it is
//! read whole each time, and compared with what the cursor remembers of it.

use crate::digest::Digester;
use crate::folder::{CALENDAR, Folder};
use async_trait::async_trait;
use std::collections::BTreeMap;
use sync_core::ids::{Cursor, RemoteId, Version};
use sync_core::port::{
    Change, Failure, Fetched, Hint, Page, Place, Probe, Probed, Sighted, Stamp, Target, Trouble,
    Written,
};

/// The code of a refusal because another folder has the name (MS docs: ResponseCode).
pub const TAKEN: &str = "ErrorFolderExists";

/// What a server, or the local store, does with its calendars.
#[async_trait]
pub trait Shelf: Send + Sync {
    /// Lists the calendars.
    async fn list(&self) -> Result<List, Failure>;

    /// Makes a calendar, stamped in the same request.
    async fn create(&self, name: &str, stamp: &Stamp) -> Result<Written, Failure>;

    /// Renames a calendar that stands as it was listed just before, stamped in the same request.
    async fn rename(
        &self,
        standing: &Standing,
        name: &str,
        stamp: &Stamp,
    ) -> Result<Written, Failure>;

    /// Moves a calendar that stands as it was listed just before to the trash, with all it holds.
    async fn delete(&self, standing: &Standing) -> Result<(), Failure>;

    /// How long a copy of a write may still be under way, in milliseconds.
    fn grace_ms(&self) -> i64;
}

/// The calendars of a mailbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct List {
    /// Those that stand.
    pub standing: Vec<Standing>,
    /// Those that lie in the trash, where that can be told.
    pub trashed: Vec<Standing>,
    /// What people would look for and isn't among them, in sentences.
    pub left_out: Vec<String>,
}

/// A calendar in its list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its id.
    pub id: RemoteId,
    /// Its version.
    pub version: Option<Version>,
    /// Its name, as the replica shows it.
    pub name: String,
    /// Whether it is the mailbox's default calendar, under whichever localised name.
    pub is_default: bool,
    /// What it is known by instead of its name, where people said so.
    pub role: Option<String>,
    /// Our stamp on it.
    pub stamp: Option<Stamp>,
}

impl Standing {
    /// The calendar as an item.
    pub fn sighted(&self, digester: &Digester) -> Sighted {
        let folder = match &self.role {
            Some(role) => Folder::of_role(role.clone()),
            None if self.is_default => Folder::of_role(CALENDAR),
            None => Folder::named(self.name.clone()),
        };
        folder.sighted(digester, self.version.clone(), self.stamp.clone())
    }
}

impl List {
    /// The whole list as a page of changes after `cursor`.
    ///
    /// # Errors
    /// [`Failure::CursorExpired`] if the cursor is none of ours.
    pub fn page(&self, digester: &Digester, cursor: Option<&Cursor>) -> Result<Page, Failure> {
        let seen: BTreeMap<RemoteId, Option<Version>> = match cursor {
            None => BTreeMap::new(),
            Some(cursor) => serde_json::from_str(cursor.as_str()).map_err(|error| {
                Failure::CursorExpired(Trouble::new("malformed-cursor", error.to_string()))
            })?,
        };
        let now: BTreeMap<&RemoteId, &Option<Version>> =
            self.standing.iter().map(|one| (&one.id, &one.version)).collect();
        let gone = seen.keys().filter(|id| !now.contains_key(id));
        let gone = gone.map(|id| Change { id: id.clone(), hint: Hint::Gone });
        let is_news =
            |one: &&Standing| one.version.is_none() || seen.get(&one.id) != Some(&one.version);
        let changed = self.standing.iter().filter(is_news).map(|one| {
            let item = Some(Box::new(one.sighted(digester)));
            let hint = Hint::Changed { version: one.version.clone(), item };
            Change { id: one.id.clone(), hint }
        });
        let changes = gone.chain(changed).collect();
        let cursor = serde_json::to_string(&now).expect("ids and versions are texts");
        Ok(Page { changes, cursor: Cursor(cursor), more: false })
    }

    /// The calendar as the list has it.
    pub fn fetched(&self, digester: &Digester, id: &RemoteId) -> Fetched {
        match self.find(id) {
            Some(one) => Fetched::Found(Box::new(one.sighted(digester))),
            None => Fetched::Missing,
        }
    }

    /// The calendar, if it still stands in the version expected.
    ///
    /// # Errors
    /// [`Failure::Missing`] or [`Failure::Stale`] if it doesn't; [`Failure::Permanent`] if it is the
    /// default one, which is its mailbox's own.
    pub fn check(&self, id: &RemoteId, expected: Option<&Version>) -> Result<&Standing, Failure> {
        let Some(one) = self.find(id) else {
            return Err(Failure::Missing(Trouble::new("calendar-gone", "the calendar is gone")));
        };
        if one.is_default {
            let text = "a mailbox's default calendar is neither renamed nor deleted";
            return Err(Failure::Permanent(Trouble::new("default-calendar", text)));
        }
        if expected.is_some() && one.version.as_ref() != expected {
            let text = "the calendar was changed since it was read";
            return Err(Failure::Stale(Trouble::new("changed-since", text)));
        }
        Ok(one)
    }

    /// What became of a write in doubt: its stamp says so.
    pub fn probed(&self, probe: &Probe) -> Probed {
        let stamped =
            |one: &&Standing| one.stamp.as_ref().is_some_and(|stamp| stamp.key == probe.stamp.key);
        let found = |wanted: &dyn Fn(&&Standing) -> bool| {
            let places = [(&self.standing, Place::Folder), (&self.trashed, Place::Trash)];
            places.into_iter().find_map(|(list, place)| {
                let one = list.iter().find(wanted)?;
                Some(Probed::Applied { id: one.id.clone(), place })
            })
        };
        match &probe.target {
            Target::Create => found(&stamped),
            Target::Update(id) => found(&|one| one.id == *id && stamped(one)),
            Target::Delete(id) if self.find(id).is_some() => None,
            Target::Delete(id) => Some(Probed::Applied { id: id.clone(), place: Place::Trash }),
        }
        .unwrap_or(Probed::NotApplied)
    }

    fn find(&self, id: &RemoteId) -> Option<&Standing> {
        self.standing.iter().find(|one| one.id == *id)
    }
}

/// The refusal where another folder has the name already, in whichever words the server said it.
pub fn taken(name: &str) -> Failure {
    let text = format!("there is another folder called \"{name}\"; rename one of them");
    Failure::Permanent(Trouble::new(TAKEN, text))
}

/// Which of several writes is next: one whose name another folder has waits for the others, one of
/// which may take that name away.
#[derive(Debug)]
pub(crate) struct Turns<T> {
    results: Vec<Option<Result<T, Failure>>>,
    waiting: Vec<usize>,
    again: Vec<usize>,
    moved: bool,
}

impl<T> Turns<T> {
    pub(crate) fn of(count: usize) -> Self {
        let results = (0..count).map(|_| None).collect();
        Self { results, waiting: (0..count).rev().collect(), again: vec![], moved: false }
    }

    pub(crate) fn next(&mut self) -> Option<usize> {
        if self.waiting.is_empty() && std::mem::take(&mut self.moved) {
            self.waiting = std::mem::take(&mut self.again);
            self.waiting.reverse();
        }
        self.waiting.pop()
    }

    /// Records what became of a write. What concerns the whole mailbox stops those that wait.
    pub(crate) fn done(&mut self, at: usize, result: Result<T, Failure>) {
        match &result {
            Ok(_) => self.moved = true,
            Err(Failure::Permanent(trouble)) if trouble.code == TAKEN => self.again.push(at),
            Err(
                failure @ (Failure::Throttled { .. }
                | Failure::Transient(_)
                | Failure::Unauthorized(_)),
            ) => {
                for at in self.waiting.drain(..) {
                    self.results[at] = Some(Err(failure.clone()));
                }
            }
            Err(
                Failure::InDoubt(_)
                | Failure::CursorExpired(_)
                | Failure::Stale(_)
                | Failure::Missing(_)
                | Failure::Permanent(_),
            ) => {}
        }
        self.results[at] = Some(result);
    }

    pub(crate) fn results(self) -> Vec<Result<T, Failure>> {
        self.results.into_iter().map(|r| r.expect("each write had its turn")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync_core::ids::{IntentKey, LinkId};

    fn digester() -> Digester {
        Digester::new([7; 32])
    }

    fn list(calendars: &[(&str, &str)]) -> List {
        let standing = calendars.iter().map(|(id, version)| Standing {
            id: RemoteId::from(*id),
            version: Some(Version::from(*version)),
            name: (*id).to_owned(),
            is_default: *id == "default",
            role: None,
            stamp: None,
        });
        List { standing: standing.collect(), ..List::default() }
    }

    fn told(page: &Page) -> Vec<String> {
        let tell = |change: &Change| match &change.hint {
            Hint::Changed { item, .. } => format!("{}{}", change.id, item.iter().len()),
            Hint::Gone => format!("-{}", change.id),
        };
        page.changes.iter().map(tell).collect()
    }

    #[test]
    fn a_list_becomes_a_stream_of_changes() {
        let first = list(&[("a", "1"), ("b", "1")]).page(&digester(), None).expect("no cursor");
        assert_eq!(told(&first), ["a1", "b1"]);
        let after = |list: List| list.page(&digester(), Some(&first.cursor)).expect("ours");
        let same = after(list(&[("a", "1"), ("b", "1")]));
        assert!(same.changes.is_empty());
        assert_eq!(same.cursor, first.cursor);
        assert_eq!(told(&after(list(&[("b", "2"), ("c", "1")]))), ["-a", "b1", "c1"]);
        let bad = list(&[]).page(&digester(), Some(&Cursor::from("x")));
        assert!(matches!(bad, Err(Failure::CursorExpired(_))));
    }

    #[test]
    fn only_what_stands_as_expected_is_written() {
        let list = list(&[("a", "1"), ("default", "1")]);
        let check = |id: &str, version: &str| {
            list.check(&RemoteId::from(id), Some(&Version::from(version))).map(|one| &one.name)
        };
        assert!(check("a", "1").is_ok());
        assert!(matches!(check("a", "2"), Err(Failure::Stale(_))));
        assert!(matches!(check("b", "1"), Err(Failure::Missing(_))));
        assert!(matches!(check("default", "1"), Err(Failure::Permanent(_))));
    }

    #[test]
    fn a_stamp_proves_a_write_wherever_the_calendar_lies() {
        let stamp = Stamp { link: LinkId(1), key: IntentKey::from("run-1") };
        let mut list = list(&[("a", "1"), ("b", "1")]);
        list.standing[0].stamp = Some(stamp.clone());
        let id = RemoteId::from;
        let probed = |list: &List, target| {
            list.probed(&Probe { folder: "list".into(), stamp: stamp.clone(), target })
        };
        let at = |name, place| Probed::Applied { id: id(name), place };
        assert_eq!(probed(&list, Target::Create), at("a", Place::Folder));
        assert_eq!(probed(&list, Target::Update(id("a"))), at("a", Place::Folder));
        assert_eq!(probed(&list, Target::Update(id("b"))), Probed::NotApplied);
        assert_eq!(probed(&list, Target::Delete(id("b"))), Probed::NotApplied);
        assert_eq!(probed(&list, Target::Delete(id("c"))), at("c", Place::Trash));
        list.trashed.push(list.standing.remove(0));
        assert_eq!(probed(&list, Target::Create), at("a", Place::Trash));
    }

    #[test]
    fn a_name_that_is_to_become_free_is_waited_for() {
        // 0 wants the name of 1, which wants a free one; 2 wants one that stays taken.
        let (mut turns, mut freed, mut order) = (Turns::of(3), false, vec![]);
        while let Some(at) = turns.next() {
            order.push(at);
            turns.done(
                at,
                match at {
                    0 if freed => Ok(()),
                    1 => {
                        freed = true;
                        Ok(())
                    }
                    _ => Err(taken("x")),
                },
            );
        }
        assert_eq!(order, [0, 1, 2, 0, 2, 2]);
        let results = turns.results();
        assert!(results[0].is_ok() && results[1].is_ok() && results[2].is_err());
    }

    #[test]
    fn what_concerns_the_mailbox_stops_the_rest() {
        let mut turns: Turns<()> = Turns::of(3);
        let failure = Failure::Transient(Trouble::new("not-sent", "x"));
        let at = turns.next().expect("three wait");
        turns.done(at, Err(failure.clone()));
        assert_eq!(turns.next(), None);
        assert_eq!(turns.results(), vec![Err(failure); 3]);
    }
}
