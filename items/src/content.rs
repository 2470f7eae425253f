//! What is synchronised, of whichever kind: the content that the store keeps, and how it is put
//! together. Another kind of item is another variant here, and nothing in the core.

use crate::digest::Digester;
use crate::event::{Error, Event};
use crate::folder::Folder;
use crate::show;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use sync_core::ids::{ElementKey, Field};

/// An item's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// An event.
    Event(Box<Event>),
    /// A folder in its mailbox's list of folders.
    Folder(Folder),
}

/// Contents that say what they are. Events don't: theirs came first.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Tagged {
    Folder(Folder),
}

/// How canonical content begins that says what it is.
const TAG: &[u8] = br#"{"kind":"#;

impl Content {
    /// The canonical content: equal contents have equal bytes.
    pub fn to_canonical(&self) -> Vec<u8> {
        match self {
            Self::Event(event) => event.to_canonical(),
            Self::Folder(folder) => serde_json::to_vec(&Tagged::Folder(folder.clone()))
                .expect("a folder can be written as JSON"),
        }
    }

    /// What this canonical content holds.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it is none.
    pub fn from_canonical(content: &[u8]) -> Result<Self, Error> {
        if !content.starts_with(TAG) {
            return Ok(Self::Event(Box::new(Event::from_canonical(content)?)));
        }
        Ok(match serde_json::from_slice(content)? {
            Tagged::Folder(folder) => Self::Folder(folder),
        })
    }

    /// The event that it is, if it is one.
    pub fn into_event(self) -> Option<Event> {
        match self {
            Self::Event(event) => Some(*event),
            Self::Folder(_) => None,
        }
    }

    /// An item of the same identity that holds nothing yet.
    #[must_use]
    pub fn bare(&self) -> Self {
        match self {
            Self::Event(event) => {
                Self::Event(Box::new(Event { uid: event.uid.clone(), ..Event::default() }))
            }
            Self::Folder(folder) => Self::Folder(Folder { role: folder.role.clone(), name: None }),
        }
    }

    /// Copies `field` from another item, absence included.
    ///
    /// # Errors
    /// [`Error::UnknownField`] if one of them can't have such a field.
    pub fn take(&mut self, field: &Field, from: &Self) -> Result<(), Error> {
        match (self, from) {
            (Self::Event(event), Self::Event(from)) => event.take(field, from),
            (Self::Folder(folder), Self::Folder(from)) => folder.take(field, from),
            (Self::Event(_), Self::Folder(_)) | (Self::Folder(_), Self::Event(_)) => {
                Err(Error::UnknownField(field.clone()))
            }
        }
    }

    /// A patch: these fields alone, and no identity. Names of no field are left out.
    #[must_use]
    pub fn only(&self, fields: &BTreeSet<Field>) -> Self {
        match self {
            Self::Event(event) => Self::Event(Box::new(event.only(fields))),
            Self::Folder(folder) => {
                let mut patch = Folder::default();
                for field in fields {
                    // An unknown field is on no folder, so it is on no patch either.
                    let _ = patch.take(field, folder);
                }
                Self::Folder(patch)
            }
        }
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
        match (self, from) {
            (Self::Event(event), Self::Event(from)) => {
                event.put_element(digester, field, key, from)
            }
            (Self::Event(_) | Self::Folder(_), _) => Err(Error::UnknownField(field.clone())),
        }
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
        self.set_of(field)?.drop_element(digester, field, key)
    }

    /// Leaves a set without elements.
    ///
    /// # Errors
    /// [`Error::UnknownField`] if `field` is no set.
    pub fn clear_set(&mut self, field: &Field) -> Result<(), Error> {
        self.set_of(field)?.clear_set(field)
    }

    /// What it is called in messages.
    pub fn title(&self) -> String {
        match self {
            Self::Event(event) => show::title(event),
            Self::Folder(folder) => folder.title(),
        }
    }

    /// The value of a field for people; `None` where it is absent or there is no such field.
    pub fn field_text(&self, field: &Field) -> Option<String> {
        match self {
            Self::Event(event) => show::field_text(event, field),
            Self::Folder(folder) => folder.field_text(field),
        }
    }

    /// Only events have sets.
    fn set_of(&mut self, field: &Field) -> Result<&mut Event, Error> {
        match self {
            Self::Event(event) => Ok(event),
            Self::Folder(_) => Err(Error::UnknownField(field.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event { uid: Some("u".into()), subject: Some("s".into()), ..Event::default() }
    }

    #[test]
    fn the_form_of_contents_stays() {
        for (content, form) in [
            (Content::Event(Box::new(event())), r#"{"uid":"u","subject":"s"}"#),
            (Content::Folder(Folder::named("Pläne")), r#"{"kind":"folder","name":"Pläne"}"#),
            (Content::Folder(Folder::of_role("x")), r#"{"kind":"folder","role":"x"}"#),
        ] {
            assert_eq!(content.to_canonical(), form.as_bytes());
            assert_eq!(Content::from_canonical(form.as_bytes()).expect("ours"), content);
        }
    }

    #[test]
    fn what_is_no_content_is_refused() {
        for bad in [
            r#"{"kind":"folder","subject":"s"}"#,
            r#"{"kind":"message"}"#,
            r#"{"kind":"#,
            r#"{"name":"x"}"#,
            "[]",
            "",
        ] {
            assert!(Content::from_canonical(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn kinds_do_not_mix() {
        let name = Field::from("name");
        let mut folder = Content::Folder(Folder::named("x"));
        assert!(folder.take(&name, &Content::Event(Box::new(event()))).is_err());
        assert!(folder.take(&Field::from("subject"), &folder.clone()).is_err());
        assert!(folder.clear_set(&Field::from("categories")).is_err());
        folder.take(&name, &Content::Folder(Folder::named("y"))).expect("a folder's field");
        assert_eq!(folder.field_text(&name).as_deref(), Some("y"));
        assert_eq!(folder.bare(), Content::Folder(Folder::default()));
        assert_eq!(folder.only(&[name, Field::from("subject")].into()), folder);
    }
}
