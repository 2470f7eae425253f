//! SyncFolderItems and SyncFolderHierarchy.

use super::context::Context;
use super::context::item_id_element;
use super::failure::Failure;
use super::failure::success;
use super::folder::FolderShape;
use super::shape::ItemShape;
use super::shape::Source;
use super::xml::Element;
use crate::store::CursorError;
use crate::store::Entry;
use crate::store::Feed;
use crate::store::Kind;
use crate::store::Mailbox;
use crate::store::Node;
use crate::store::Role;
use crate::store::Scope;
use crate::store::What;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Every real state begins like a gzip stream, `H4sI…` in base64.
const STATE_HEADER: [u8; 10] = [0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0x04, 0];
/// States are several hundred bytes long.
const STATE_BYTES: usize = 288;
/// A hierarchy has no page size in the request; the server sends so many folders at a time.
const HIERARCHY_PAGE: usize = 512;

/// SyncFolderItems: one answer.
pub(crate) fn items(context: &mut Context<'_>, request: &Element) -> Result<Element, Failure> {
    let shape = ItemShape::read(request, Source::SyncFolderItems, &context.zone)?;
    let folder = request.child("SyncFolderId").ok_or_else(Failure::invalid_request)?;
    let folder = context.folder_in(folder, sync_folder_not_found)?;
    let most = request.child_text("MaxChangesReturned").and_then(|most| most.trim().parse().ok());
    let scope = Scope::Items(folder);
    let page = next_page(context, request, scope, most.unwrap_or(1))?;
    let ignored: Vec<&str> = request
        .child("Ignore")
        .iter()
        .flat_map(|ignore| &ignore.children)
        .filter_map(|id| id.attribute("Id"))
        .collect();
    let mailbox = context.mailbox();
    let changes = page
        .entries
        .iter()
        .filter(|entry| !ignored.contains(&mailbox.ews_node_id(entry.node).as_str()))
        .map(|entry| item_change(mailbox, &shape, entry));
    Ok(success()
        .with(Element::m_text("SyncState", state(&page.token)))
        .with(Element::m_text("IncludesLastItemInRange", (!page.more).to_string()))
        .with(Element::m("Changes").with_all(changes)))
}

/// SyncFolderHierarchy: one answer. Without a root it covers what people call the mailbox.
pub(crate) fn hierarchy(context: &mut Context<'_>, request: &Element) -> Result<Element, Failure> {
    let shape = FolderShape::read(request)?;
    let root = match request.child("SyncFolderId") {
        Some(folder) => context.folder_in(folder, sync_folder_not_found)?,
        None => context.mailbox().role(Role::MsgFolderRoot),
    };
    let page = next_page(context, request, Scope::Folders(root), HIERARCHY_PAGE)?;
    let mailbox = context.mailbox();
    let changes = page.entries.iter().map(|entry| folder_change(mailbox, &shape, entry));
    Ok(success()
        .with(Element::m_text("SyncState", state(&page.token)))
        .with(Element::m_text("IncludesLastFolderInRange", (!page.more).to_string()))
        .with(Element::m("Changes").with_all(changes)))
}

/// The elements that errors of these operations carry, too (MS docs: their error examples).
pub(crate) fn error_elements(operation: &str) -> [Element; 2] {
    let last = match operation {
        "SyncFolderItems" => "IncludesLastItemInRange",
        _ => "IncludesLastFolderInRange",
    };
    [Element::m("SyncState"), Element::m_text(last, "true")]
}

fn next_page(
    context: &mut Context<'_>,
    request: &Element,
    scope: Scope,
    most: usize,
) -> Result<crate::store::Page, Failure> {
    // A hierarchy without a root is a feed of its own (MS docs: handling synchronization errors).
    let rooted = request.child("SyncFolderId").is_some();
    let operation = format!("{}{}", request.name, if rooted { "" } else { " without a root" });
    let token = match request.child_text("SyncState").map(str::trim) {
        Some(state) if !state.is_empty() => Some(token(state).ok_or_else(invalid_state)?),
        Some(_) | None => None,
    };
    let feed = Feed { operation, scope, window: None };
    let page = context.mailbox_mut().sync_page(&feed, token.as_deref(), most);
    page.map_err(|error| match error {
        CursorError::Unknown | CursorError::Foreign | CursorError::Expired => invalid_state(),
    })
}

fn item_change(mailbox: &Mailbox, shape: &ItemShape, entry: &Entry) -> Element {
    let current = match entry.node {
        Node::Item { id, moves } => mailbox.item(id).ok().filter(|item| item.moves == moves),
        Node::Folder(_) => None,
    };
    match (entry.what, current) {
        (What::Deleted, _) | (_, None) => Element::t("Delete")
            .with(Element::t("ItemId").attr("Id", mailbox.ews_node_id(entry.node))),
        (What::Created, Some(item)) => Element::t("Create").with(shape.render(mailbox, item)),
        (What::Changed, Some(item)) => Element::t("Update").with(shape.render(mailbox, item)),
        (What::ReadFlag, Some(item)) => {
            let read = match &item.content.kind {
                Kind::Message(message) => message.read,
                Kind::Event(_) => true,
            };
            Element::t("ReadFlagChange")
                .with(item_id_element(mailbox, item))
                .with(Element::t_text("IsRead", read.to_string()))
        }
    }
}

fn folder_change(mailbox: &Mailbox, shape: &FolderShape, entry: &Entry) -> Element {
    let current = match entry.node {
        Node::Folder(id) => mailbox.folder(id).ok(),
        Node::Item { .. } => None,
    };
    match (entry.what, current) {
        (What::Deleted, _) | (_, None) => Element::t("Delete")
            .with(Element::t("FolderId").attr("Id", mailbox.ews_node_id(entry.node))),
        (What::Created, Some(folder)) => Element::t("Create").with(shape.render(mailbox, folder)),
        (What::Changed | What::ReadFlag, Some(folder)) => {
            Element::t("Update").with(shape.render(mailbox, folder))
        }
    }
}

/// A store token as a sync state.
fn state(token: &str) -> String {
    let mut bytes = STATE_HEADER.to_vec();
    bytes.extend_from_slice(token.as_bytes());
    bytes.push(0);
    // Filled with bytes that depend on the token, so that a cut or changed state is noticed.
    let mut noise = token.bytes().fold(1_u32, |sum, byte| sum.wrapping_mul(31) ^ u32::from(byte));
    while bytes.len() < STATE_BYTES {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bytes.push(noise.to_be_bytes()[0]);
    }
    STANDARD.encode(bytes)
}

/// The store token of a sync state; `None` where the state is none of ours.
fn token(text: &str) -> Option<String> {
    let bytes = STANDARD.decode(text).ok()?;
    let rest = bytes.strip_prefix(&STATE_HEADER)?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    let token = std::str::from_utf8(&rest[..end]).ok()?;
    (state(token) == text).then(|| token.to_owned())
}

fn invalid_state() -> Failure {
    Failure::new(
        "ErrorInvalidSyncStateData",
        "Synchronization state data is corrupt or otherwise invalid.",
    )
}

fn sync_folder_not_found() -> Failure {
    Failure::new("ErrorSyncFolderNotFound", "The folder to be synchronized could not be found.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_look_real_and_can_not_be_cut() {
        let whole = state("abc-_123");
        assert!(whole.starts_with("H4sI") && whole.len() > 300);
        assert_eq!(token(&whole).as_deref(), Some("abc-_123"));
        for bad in ["", "H4sIAAA=", &whole[..whole.len() - 8], &whole.replacen('A', "B", 1)] {
            assert_eq!(token(bad), None);
        }
    }
}
