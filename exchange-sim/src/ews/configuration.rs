//! GetUserConfiguration: settings that clients keep in a folder (MS docs: User configuration).
//!
//! The server has those that the web client keeps in the root folder; others are never written.

use super::context::Context;
use super::failure::Failure;
use super::failure::success;
use super::xml::Element;

/// What the web client keeps, from which DavMail takes the owner's time zone.
const WEB_OPTIONS: &str = "OWA.UserOptions";

/// GetUserConfiguration.
pub(crate) fn get(context: &Context<'_>, request: &Element) -> Result<Element, Failure> {
    let name = request.child("UserConfigurationName").ok_or_else(Failure::invalid_request)?;
    let folder = context.folder_in(name, Failure::folder_not_found)?;
    let mailbox = context.mailbox();
    let is_root = mailbox.folder(folder).is_ok_and(|folder| folder.parent.is_none());
    if name.attribute("Name") != Some(WEB_OPTIONS) || !is_root {
        return Err(Failure::item_not_found());
    }
    let named = Element::t("UserConfigurationName")
        .attr("Name", WEB_OPTIONS)
        .with(Element::t("FolderId").attr("Id", mailbox.ews_folder_id(folder)));
    let mut configuration = Element::m("UserConfiguration").with(named);
    let asked = request.child_text("UserConfigurationProperties").unwrap_or_default();
    if asked.split_whitespace().any(|property| ["Dictionary", "All"].contains(&property)) {
        let settings = &mailbox.settings;
        let entries = [
            ("timezone", settings.zone.id()),
            ("dateformat", &settings.date_format),
            ("timeformat", &settings.time_format),
        ];
        let entries = entries.into_iter().map(|(key, value)| entry(key, value));
        configuration = configuration.with(Element::t("Dictionary").with_all(entries));
    }
    Ok(success().with(configuration))
}

fn entry(key: &str, value: &str) -> Element {
    let text = |name: &str, text: &str| {
        Element::t(name)
            .with(Element::t_text("Type", "String"))
            .with(Element::t_text("Value", text))
    };
    Element::t("DictionaryEntry")
        .with(text("DictionaryKey", key))
        .with(text("DictionaryValue", value))
}
