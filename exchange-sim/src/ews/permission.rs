//! Who may do what in a folder. Nobody shares anything here, and the owner needs no entry.

use super::xml::Element;
use crate::store::Folder;
use crate::store::Role;

/// The base of both kinds of entry that nothing is allowed by.
const NOTHING_ALLOWED: [(&str, &str); 7] = [
    ("CanCreateItems", "false"),
    ("CanCreateSubFolders", "false"),
    ("IsFolderOwner", "false"),
    ("IsFolderVisible", "false"),
    ("IsFolderContact", "false"),
    ("EditItems", "None"),
    ("DeleteItems", "None"),
];

/// The `PermissionSet` of a folder whose element is `kind`: the entries that are always there
/// (recordings of Exchange 2010, MS docs: how to set folder permissions for another user).
pub(crate) fn permission_set(folder: &Folder, kind: &str) -> Element {
    let set = Element::t("PermissionSet");
    if kind == "CalendarFolder" {
        // Others see when the owner is busy, as GetUserAvailability tells it.
        let default = match folder.role {
            Some(Role::Calendar) => ("TimeOnly", "FreeBusyTimeOnly"),
            Some(_) | None => ("None", "None"),
        };
        let entry = |user: &str, (read, level): (&str, &str)| {
            permission("CalendarPermission", user, read)
                .with(Element::t_text("CalendarPermissionLevel", level))
        };
        return set.with(
            Element::t("CalendarPermissions")
                .with(entry("Default", default))
                .with(entry("Anonymous", ("None", "None"))),
        );
    }
    let entry = |user: &str| {
        permission("Permission", user, "None").with(Element::t_text("PermissionLevel", "None"))
    };
    set.with(Element::t("Permissions").with(entry("Default")).with(entry("Anonymous")))
}

fn permission(name: &str, user: &str, read: &str) -> Element {
    let user = Element::t("UserId").with(Element::t_text("DistinguishedUser", user));
    Element::t(name)
        .with(user)
        .with_all(NOTHING_ALLOWED.map(|(name, value)| Element::t_text(name, value)))
        .with(Element::t_text("ReadItems", read))
}
