//! Where the next page of a calendar begins.

use serde::{Deserialize, Serialize};
use sync_core::ids::Cursor;

/// The form of cursor that this build writes.
const VERSION: u8 = 1;

/// A bookmark in a calendar. To the core it is opaque text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bookmark {
    v: u8,
    /// Which kind of page comes next.
    pub stage: Stage,
    /// The server's own link to it; without one the stage is yet to begin.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
    /// The link to the changes since the first round, while the enumeration goes on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub then: Option<String>,
    /// What a delta with a window looks at, in seconds since 1970 UTC. Fixed when the bookmark is
    /// made, so that a page that is read again is the same.
    pub window: (i64, i64),
    /// Whether the delta is one with a window.
    #[serde(default)]
    pub windowed: Windowed,
    /// Which guard against endless rounds is on.
    #[serde(default)]
    pub pages: Pages,
}

/// Which kind of page comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Stage {
    /// A page of the delta's first round, read for its bookmark alone.
    Prime,
    /// The enumeration.
    List,
    /// A page of changes.
    Delta,
    /// None: the mailbox is too full for a delta, so every run enumerates.
    ListOnly,
}

/// Whether a delta looks at a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Windowed {
    /// It does.
    #[default]
    Yes,
    /// It looks at the whole calendar.
    No,
}

/// What is known of the round's pages, to notice one that never ends: the service was seen to
/// deliver the same page for ever under new links.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pages {
    /// Digest of the last page's ids and versions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last: Option<String>,
    /// How many times in a row it came.
    #[serde(default)]
    pub times: u32,
    /// Whether the round was begun anew, with pages of the server's own size.
    #[serde(default)]
    pub size: Size,
}

/// How large pages are asked to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Size {
    /// As we like.
    #[default]
    Ours,
    /// As the server likes.
    Servers,
}

impl Bookmark {
    pub(crate) fn new(stage: Stage, window: (i64, i64)) -> Self {
        Self {
            v: VERSION,
            stage,
            url: None,
            then: None,
            window,
            windowed: Windowed::Yes,
            pages: Pages::default(),
        }
    }

    /// This bookmark at another link.
    pub(crate) fn at(mut self, url: String) -> Self {
        self.url = Some(url);
        self
    }

    /// The beginning of the enumeration, after which the changes since `link` are followed.
    pub(crate) fn listing(self, link: String) -> Self {
        let pages = Pages { size: self.pages.size, ..Pages::default() };
        Self { stage: Stage::List, url: None, then: Some(link), pages, ..self }
    }

    /// Where it goes on after the enumeration.
    pub(crate) fn followed(self) -> Self {
        let stage = if self.then.is_some() { Stage::Delta } else { Stage::ListOnly };
        Self { stage, url: self.then, then: None, ..self }
    }

    /// Reads a cursor; `None` if it is none of ours, or of another form.
    pub(crate) fn read(cursor: &Cursor) -> Option<Self> {
        serde_json::from_str::<Self>(cursor.as_str()).ok().filter(|b| b.v == VERSION)
    }

    pub(crate) fn write(&self) -> Cursor {
        Cursor(serde_json::to_string(self).expect("a bookmark can be written as JSON"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_a_cursor_stays() {
        let bookmark = Bookmark::new(Stage::Delta, (-5, 7)).at("https://x/?$deltatoken=a b".into());
        let text = r#"{"v":1,"stage":"delta","url":"https://x/?$deltatoken=a b","window":[-5,7],"windowed":"yes","pages":{"times":0,"size":"ours"}}"#;
        assert_eq!(bookmark.write().as_str(), text);
        assert_eq!(Bookmark::read(&Cursor::from(text)), Some(bookmark));
    }

    #[test]
    fn what_is_no_cursor_of_ours_is_refused() {
        for text in ["", "H4sI", r#"{"v":2,"stage":"list","window":[0,1]}"#, r#"{"v":1}"#] {
            assert_eq!(Bookmark::read(&Cursor::from(text)), None, "{text}");
        }
    }
}
