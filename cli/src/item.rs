//! Which item people mean: a link's id or the beginning of one, or words of its subject.

use crate::calendars;
use crate::config::Config;
use crate::contents::{Contents, links};
use crate::exit::Problem;
use crate::output::{count, short};
use items::field::Name;
use store_sqlite::SqliteStore;
use sync_core::ids::{LinkId, PairId};
use sync_core::port::{Query, Store};
use sync_core::state::Link;

/// Links read at a time.
const PAGE: usize = 500;
/// Shortest beginning of an id that is tried as one.
const PREFIX_MIN: usize = 4;
/// Matches that are listed.
const LISTED: usize = 20;

/// The one link that `text` means. A whole subject means more than a part of one.
pub fn find(store: &SqliteStore, config: &Config, text: &str) -> Result<LinkId, Problem> {
    if let Ok(id) = text.parse::<LinkId>()
        && !store.history(id)?.is_empty()
    {
        return Ok(id);
    }
    let hex = text.len() >= PREFIX_MIN && text.bytes().all(|b| b.is_ascii_hexdigit());
    let prefix = text.to_ascii_lowercase();
    let mut found = vec![];
    if hex {
        each(store, config, |link, _| link.id.to_string().starts_with(&prefix), &mut found)?;
    }
    if found.is_empty() {
        let words = text.trim().to_lowercase();
        each(store, config, |_, title| title.to_lowercase() == words, &mut found)?;
        if found.is_empty() {
            each(store, config, |_, title| title.to_lowercase().contains(&words), &mut found)?;
        }
    }
    match found.as_slice() {
        [] => Err(Problem::failed(format!(
            "no item matches `{text}`: give a link id (or its beginning), or words of the subject"
        ))),
        [only] => Ok(only.id),
        several => Err(Problem::usage(ambiguous(store, text, several)?)),
    }
}

/// Collects the links for which `wanted` holds, given the link and its subject.
fn each(
    store: &SqliteStore,
    config: &Config,
    wanted: impl Fn(&Link, &str) -> bool,
    found: &mut Vec<Link>,
) -> Result<(), Problem> {
    let contents = Contents::new(store);
    let pairs = config.file.pair.keys();
    for pair in pairs.flat_map(|pair| [PairId(pair.clone()), calendars::id(pair)]) {
        let mut after = None;
        loop {
            let query = Query::All { pair: pair.clone(), after, limit: PAGE };
            let page = links(store, query)?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            for link in page {
                if wanted(&link, &contents.title(link.content())?) {
                    found.push(link);
                }
            }
        }
    }
    Ok(())
}

fn ambiguous(store: &SqliteStore, text: &str, several: &[Link]) -> Result<String, Problem> {
    let contents = Contents::new(store);
    let mut lines = vec![format!(
        "`{text}` matches {}; give the id of one:",
        count(several.len() as u64, "item")
    )];
    for link in several.iter().take(LISTED) {
        let title = contents.title(link.content())?;
        let when = contents.field(link.content(), &Name::Timing.field())?.unwrap_or_default();
        let gone = if link.buried { " (deleted)" } else { "" };
        lines.push(format!("  {}  {}  {when}{gone}", link.id, short(&title, 50)));
    }
    if several.len() > LISTED {
        lines.push(format!("  … and {} more", several.len() - LISTED));
    }
    Ok(lines.join("\n"))
}
