//! Puts an event together from the fields of others, as a merge decided.

use crate::digest::Digester;
use crate::event::{Body, Error, Event, Importance, Reminder, Sensitivity, ShowAs};
use crate::field::Name;
use crate::people::{Meeting, PARTS};
use crate::recurrence::Recurrence;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::ids::{ElementKey, Field};

impl Event {
    /// The fields that are present.
    pub fn present_fields(&self) -> BTreeSet<Field> {
        Name::ALL.into_iter().filter(|name| self.has(*name)).map(Name::field).collect()
    }

    /// Whether `name` is present.
    pub fn has(&self, name: Name) -> bool {
        match name {
            Name::Subject => self.subject.is_some(),
            Name::Body => self.body.is_some(),
            Name::Location => self.location.is_some(),
            Name::Timing => self.timing.is_some(),
            Name::Recurrence => self.recurrence.is_some(),
            Name::Occurrences => self.occurrences.is_some(),
            Name::Categories => self.categories.is_some(),
            Name::Reminder => self.reminder.is_some(),
            Name::ShowAs => self.show_as.is_some(),
            Name::Sensitivity => self.sensitivity.is_some(),
            Name::Importance => self.importance.is_some(),
            Name::Meeting => self.meeting.is_some(),
            Name::Attendees => self.attendees.is_some(),
            Name::Attachments => self.attachments.is_some(),
        }
    }

    /// The event with absent fields as RFC 5545 reads their absence: for a file whose replica could
    /// have held them.
    #[must_use]
    pub fn filled(self) -> Self {
        Self {
            uid: self.uid,
            subject: self.subject.or_else(|| Some(String::new())),
            body: self.body.or_else(|| Some(Body::default())),
            location: self.location.or_else(|| Some(String::new())),
            timing: self.timing,
            recurrence: self.recurrence.or(Some(Recurrence::Once)),
            occurrences: self.occurrences.or_else(|| Some(BTreeMap::new())),
            categories: self.categories.or_else(|| Some(Vec::new())),
            reminder: self.reminder.or(Some(Reminder::Off)),
            show_as: self.show_as.or(Some(ShowAs::Busy)),
            sensitivity: self.sensitivity.or(Some(Sensitivity::Normal)),
            importance: self.importance.or(Some(Importance::Normal)),
            meeting: self.meeting.or_else(|| Some(Meeting::default())),
            attendees: self.attendees.or_else(|| Some(Vec::new())),
            attachments: self.attachments.or_else(|| Some(Vec::new())),
        }
    }

    /// Copies `field` from another event, absence included.
    ///
    /// # Errors
    /// [`Error::UnknownField`] if no event has such a field.
    pub fn take(&mut self, field: &Field, from: &Self) -> Result<(), Error> {
        let name = known(field)?;
        match name {
            Name::Subject => self.subject.clone_from(&from.subject),
            Name::Body => self.body.clone_from(&from.body),
            Name::Location => self.location.clone_from(&from.location),
            Name::Timing => self.timing.clone_from(&from.timing),
            Name::Recurrence => self.recurrence.clone_from(&from.recurrence),
            Name::Occurrences => self.occurrences.clone_from(&from.occurrences),
            Name::Categories => self.categories.clone_from(&from.categories),
            Name::Reminder => self.reminder = from.reminder,
            Name::ShowAs => self.show_as = from.show_as,
            Name::Sensitivity => self.sensitivity = from.sensitivity,
            Name::Importance => self.importance = from.importance,
            Name::Meeting => self.meeting.clone_from(&from.meeting),
            Name::Attendees => self.attendees.clone_from(&from.attendees),
            Name::Attachments => self.attachments.clone_from(&from.attachments),
        }
        Ok(())
    }

    /// A patch: these fields alone, and no identity. Names that no event has are left out.
    pub fn only(&self, fields: &BTreeSet<Field>) -> Self {
        let mut patch = Self::default();
        for field in fields {
            // An unknown field is on no event, so it is on no patch either.
            let _ = patch.take(field, self);
        }
        patch
    }

    /// Adds the element that `from` holds under `key`, or spells the one held here as `from` does.
    ///
    /// # Errors
    /// [`Error::UnknownField`] if `field` is no set; [`Error::NoElement`] if `from` has no such
    /// element.
    pub fn put_element(
        &mut self,
        digester: &Digester,
        field: &Field,
        key: &ElementKey,
        from: &Self,
    ) -> Result<(), Error> {
        let is = |name: &str| digester.element_key(field, name) == *key;
        let is_put = match known(field)? {
            Name::Occurrences => {
                let mut source = from.occurrences.iter().flatten();
                let found = source.find(|(date, _)| digester.date_key(**date) == *key);
                if let Some((date, occurrence)) = found {
                    self.occurrences.get_or_insert_default().insert(*date, occurrence.clone());
                }
                found.is_some()
            }
            Name::Categories => put(&mut self.categories, &from.categories, |name| is(name)),
            Name::Meeting => {
                let source = from.meeting.as_ref().map(Meeting::parts).unwrap_or_default();
                let found = source.into_iter().find(|(part, _)| is(part));
                if let Some((part, alone)) = &found {
                    self.meeting.get_or_insert_default().take(part, alone);
                }
                found.is_some()
            }
            Name::Attendees => {
                put(&mut self.attendees, &from.attendees, |attendee| is(&attendee.person.key()))
            }
            Name::Attachments => {
                put(&mut self.attachments, &from.attachments, |attached| is(&attached.key()))
            }
            name @ (Name::Subject
            | Name::Body
            | Name::Location
            | Name::Timing
            | Name::Recurrence
            | Name::Reminder
            | Name::ShowAs
            | Name::Sensitivity
            | Name::Importance) => return Err(no_set(name)),
        };
        is_put.then_some(()).ok_or_else(|| Error::NoElement(field.clone(), key.clone()))
    }

    /// Leaves a set without elements.
    ///
    /// # Errors
    /// [`Error::UnknownField`] if `field` is no set.
    pub fn clear_set(&mut self, field: &Field) -> Result<(), Error> {
        match known(field)? {
            Name::Occurrences => self.occurrences = Some(BTreeMap::new()),
            Name::Categories => self.categories = Some(Vec::new()),
            Name::Meeting => self.meeting = Some(Meeting::default()),
            Name::Attendees => self.attendees = Some(Vec::new()),
            Name::Attachments => self.attachments = Some(Vec::new()),
            name @ (Name::Subject
            | Name::Body
            | Name::Location
            | Name::Timing
            | Name::Recurrence
            | Name::Reminder
            | Name::ShowAs
            | Name::Sensitivity
            | Name::Importance) => return Err(no_set(name)),
        }
        Ok(())
    }

    /// Removes the element that stands under `key`, if any.
    ///
    /// # Errors
    /// [`Error::UnknownField`] if `field` is no set.
    pub fn drop_element(
        &mut self,
        digester: &Digester,
        field: &Field,
        key: &ElementKey,
    ) -> Result<(), Error> {
        let is = |name: &str| digester.element_key(field, name) == *key;
        match known(field)? {
            Name::Occurrences => {
                let all = self.occurrences.iter_mut();
                all.for_each(|all| all.retain(|date, _| digester.date_key(*date) != *key));
            }
            Name::Categories => retain(&mut self.categories, |name| !is(name)),
            Name::Meeting => {
                let parts = PARTS.into_iter().filter(|part| is(part));
                if let Some(meeting) = &mut self.meeting {
                    parts.for_each(|part| meeting.take(part, &Meeting::default()));
                }
            }
            Name::Attendees => {
                retain(&mut self.attendees, |attendee| !is(&attendee.person.key()));
            }
            Name::Attachments => retain(&mut self.attachments, |attached| !is(&attached.key())),
            name @ (Name::Subject
            | Name::Body
            | Name::Location
            | Name::Timing
            | Name::Recurrence
            | Name::Reminder
            | Name::ShowAs
            | Name::Sensitivity
            | Name::Importance) => return Err(no_set(name)),
        }
        Ok(())
    }
}

fn known(field: &Field) -> Result<Name, Error> {
    Name::of(field).ok_or_else(|| Error::UnknownField(field.clone()))
}

fn no_set(name: Name) -> Error {
    Error::UnknownField(name.field())
}

/// Takes the element over that is the one asked for; whether there was one.
fn put<T: Clone>(to: &mut Option<Vec<T>>, from: &Option<Vec<T>>, is: impl Fn(&T) -> bool) -> bool {
    let Some(element) = from.iter().flatten().find(|element| is(element)) else { return false };
    let elements = to.get_or_insert_default();
    match elements.iter().position(is) {
        Some(position) => elements[position] = element.clone(),
        None => elements.push(element.clone()),
    }
    true
}

fn retain<T>(elements: &mut Option<Vec<T>>, stays: impl FnMut(&T) -> bool) {
    if let Some(elements) = elements {
        elements.retain(stays);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> Event {
        let categories = names.iter().map(|&name| name.to_owned()).collect();
        Event { categories: Some(categories), ..Event::default() }
    }

    #[test]
    fn elements_come_and_go_by_key() {
        let digester = Digester::new([7; 32]);
        let field = Name::Categories.field();
        let key = digester.element_key(&field, "red");
        let mut event = named(&["Blue", "red"]);
        event.put_element(&digester, &field, &key, &named(&["RED"])).expect("there");
        assert_eq!(event, named(&["Blue", "RED"]));
        event.drop_element(&digester, &field, &key).expect("a set");
        assert_eq!(event, named(&["Blue"]));
        event.put_element(&digester, &field, &key, &named(&["Red "])).expect("there");
        assert_eq!(event, named(&["Blue", "Red "]));
        assert!(event.put_element(&digester, &field, &key, &named(&[])).is_err());
        let subject = Name::Subject.field();
        assert!(event.drop_element(&digester, &subject, &key).is_err());
    }

    #[test]
    fn a_filled_event_lacks_no_more_than_its_timing() {
        let filled = named(&["Blue"]).filled();
        let mut fields = crate::field::all();
        fields.remove(&Name::Timing.field());
        assert_eq!(filled.present_fields(), fields);
        assert_eq!(filled.categories, named(&["Blue"]).categories);
    }

    #[test]
    fn a_patch_has_only_what_was_asked_for() {
        let event = Event {
            uid: Some("u".into()),
            subject: Some("s".into()),
            location: Some("l".into()),
            ..Event::default()
        };
        let patch = event.only(&BTreeSet::from([Name::Location.field(), Field::from("colour")]));
        assert_eq!(patch, Event { location: Some("l".into()), ..Event::default() });
        assert_eq!(patch.present_fields(), BTreeSet::from([Name::Location.field()]));
        assert!(Event::default().take(&Field::from("colour"), &event).is_err());
    }

    #[test]
    fn parts_of_a_meeting_come_and_go_one_by_one() {
        let digester = Digester::new([7; 32]);
        let field = Name::Meeting.field();
        let organizer = Some(crate::Person { address: "a@x.example".into(), name: None });
        let held = |meeting: Meeting| Event { meeting: Some(meeting), ..Event::default() };
        let source = held(Meeting { organizer, cancelled: true, ..Meeting::default() });
        let mut event = held(Meeting { response: crate::Response::Accepted, ..Meeting::default() });
        let key = digester.element_key(&field, "organizer");
        event.put_element(&digester, &field, &key, &source).expect("there");
        let meeting = event.meeting.clone().expect("held");
        assert_eq!(meeting.response, crate::Response::Accepted);
        assert!(meeting.organizer.is_some() && !meeting.cancelled);
        event.drop_element(&digester, &field, &key).expect("a set");
        assert_eq!(event.meeting.expect("held").organizer, None);
        let value = |event: &Event| {
            digester.rendition(event, None, None).fields.remove(&field).expect("present")
        };
        let sync_core::value::Value::Set(parts) = value(&source) else { panic!("a set") };
        assert_eq!(parts.len(), 2);
        assert!(parts.contains_key(&key));
        let nothing = held(Meeting { response: crate::Response::Accepted, ..Meeting::default() });
        assert_eq!(value(&nothing), sync_core::value::Value::Set(BTreeMap::new()));
    }
}
