//! What is attached to an item. The bytes lie in a [`sync_core::port::Files`], by their digest.

use serde::{Deserialize, Serialize};
use sync_core::ids::Digest;

/// A file, or a link to one, that is attached to an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Attachment {
    /// What it is called; never a path.
    pub name: String,
    /// Its MIME type, where told. An attached item is a `message/rfc822`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// What the body calls it by (Content-ID, without angle brackets).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_id: Option<String>,
    /// Whether the body shows it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inline: bool,
    /// What it holds.
    pub data: Data,
}

/// What an attachment holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Data {
    /// Bytes, in a [`sync_core::port::Files`].
    Bytes {
        /// Under which digest.
        digest: Digest,
        /// How many.
        size: u64,
    },
    /// The address of a file that lies elsewhere.
    Link(String),
}

impl Attachment {
    /// The normal form: servers choose the MIME type anew, name what the body shows, and lose in
    /// uploads that it does (microsoft-graph-docs-contrib#785).
    #[must_use]
    pub fn normal(&self) -> Self {
        Self {
            name: crate::meaning::squeeze(&self.name),
            media_type: None,
            content_id: None,
            inline: false,
            data: self.data.clone(),
        }
    }

    /// What this attachment is known by among those of its item: its name and its content.
    pub fn key(&self) -> String {
        let name = self.normal().name;
        match &self.data {
            Data::Bytes { digest, .. } => format!("{digest} {name}"),
            Data::Link(address) => format!("{address} {name}"),
        }
    }
}
