//! A folder of a mailbox, as an item of the mailbox's list of folders.

use crate::digest::{Digester, NORMALISER};
use crate::event::Error;
use crate::meaning;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use sync_core::ids::{Field, Version};
use sync_core::port::{Sighted, Stamp};
use sync_core::value::{IdentityKey, Print, Rendition, Value};

/// The only field of a folder: the name that people see.
const NAME: &str = "name";

/// The role of the calendar that every mailbox has.
pub const CALENDAR: &str = "calendar";

/// A folder. One with a role is known by it, and its name is its mailbox's own affair.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Folder {
    /// What it is to its mailbox, under whichever localised name. Identity, not a field: never
    /// merged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The name that people see; absent where there is a role, or where a patch leaves it alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Folder {
    /// A folder that people named.
    pub fn named(name: impl Into<String>) -> Self {
        Self { role: None, name: Some(name.into()) }
    }

    /// A folder that is known by its role.
    pub fn of_role(role: impl Into<String>) -> Self {
        Self { role: Some(role.into()), name: None }
    }

    /// Every field of a folder, for a replica that can hold them all.
    pub fn fields() -> BTreeSet<Field> {
        BTreeSet::from([Field::from(NAME)])
    }

    /// The folder as it was read: its digests, and its canonical content, sealed.
    pub fn sighted(
        &self,
        digester: &Digester,
        version: Option<Version>,
        stamp: Option<Stamp>,
    ) -> Sighted {
        let content = crate::Content::Folder(self.clone()).to_canonical();
        let name = self.name.as_deref().map(|name| {
            let meaning = digester.text("folder name", &normal(name));
            let print = Print { own: Some(digester.text("folder name", name)), meaning };
            (Field::from(NAME), Value::Scalar(print))
        });
        let rendition = Rendition {
            version,
            normaliser: NORMALISER,
            fields: name.into_iter().collect::<BTreeMap<_, _>>(),
            content: Some(digester.content(&content)),
            identity: self.identity(digester),
            edited_ms: None,
            fixed: BTreeSet::new(),
        };
        Sighted { rendition, content, stamp }
    }

    /// Copies `field` from another folder, absence included.
    pub(crate) fn take(&mut self, field: &Field, from: &Self) -> Result<(), Error> {
        if field.as_str() != NAME {
            return Err(Error::UnknownField(field.clone()));
        }
        self.name.clone_from(&from.name);
        Ok(())
    }

    /// What it is called in messages.
    pub(crate) fn title(&self) -> String {
        match (&self.name, self.role.as_deref()) {
            (Some(name), _) => format!("calendar {}", meaning::squeeze(name)),
            (None, Some(CALENDAR)) => "the default calendar".to_owned(),
            (None, Some(role)) => format!("calendar {role}"),
            (None, None) => "a calendar without a name".to_owned(),
        }
    }

    /// The value of a field for people.
    pub(crate) fn field_text(&self, field: &Field) -> Option<String> {
        self.name.clone().filter(|_| field.as_str() == NAME)
    }

    /// A role is proof; a name only a likeness, since two folders may have it in different places.
    fn identity(&self, digester: &Digester) -> Vec<IdentityKey> {
        let role = self.role.as_deref().map(|role| digester.text("folder role", role));
        let name = self.name.as_deref().map(|name| digester.text("folder likeness", &normal(name)));
        let role = role.map(IdentityKey::Strong);
        role.into_iter().chain(name.map(IdentityKey::Likeness)).collect()
    }
}

/// A name as Exchange compares it: without case. What differs in more is another name.
fn normal(name: &str) -> String {
    name.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sighted(folder: &Folder) -> Rendition {
        folder.sighted(&Digester::new([7; 32]), None, None).rendition
    }

    #[test]
    fn names_that_differ_in_case_only_mean_the_same() {
        let [a, b, c] = ["Projects", "PROJECTS ", "Projekte"].map(|name| {
            let rendition = sighted(&Folder::named(name));
            let Some(Value::Scalar(print)) = rendition.fields.get(&Field::from(NAME)) else {
                panic!("a name is a scalar")
            };
            (*print, rendition.identity)
        });
        assert_eq!(a.0.meaning, b.0.meaning);
        assert_ne!(a.0.own, b.0.own);
        assert_eq!(a.1, b.1);
        assert_ne!(a.0.meaning, c.0.meaning);
        assert_ne!(a.1, c.1);
    }

    #[test]
    fn a_role_is_all_that_is_known_of_a_folder_that_has_one() {
        let default = sighted(&Folder::of_role(CALENDAR));
        assert!(default.fields.is_empty());
        assert!(matches!(default.identity.as_slice(), [IdentityKey::Strong(_)]));
        let named = sighted(&Folder::named(CALENDAR));
        assert!(matches!(named.identity.as_slice(), [IdentityKey::Likeness(_)]));
    }
}
