//! What the answers told: ids, change keys, links and states, to ask with again.

use exchange_sim::store::rng::Rng;
use serde_json::Value;
use std::collections::BTreeMap;

/// Values kept of a kind.
const KEPT_MAX: usize = 64;

/// Values by kind.
#[derive(Debug, Default)]
pub struct Pool(BTreeMap<&'static str, Vec<String>>);

impl Pool {
    /// A value of a kind that some answer told.
    pub fn pick(&self, kind: &str, rng: &mut Rng) -> Option<String> {
        self.0.get(kind).map(|values| rng.pick(values).clone())
    }

    fn add(&mut self, kind: &'static str, value: &str, rng: &mut Rng) {
        let values = self.0.entry(kind).or_default();
        if values.len() < KEPT_MAX {
            values.push(value.to_owned());
        } else {
            let at = rng.below(KEPT_MAX as u64) as usize;
            values[at] = value.to_owned();
        }
    }

    /// Takes what an answer of EWS tells.
    pub fn learn_xml(&mut self, text: &str, rng: &mut Rng) {
        for tag in text.split('<').skip(1) {
            let (name, rest) = tag.split_once([' ', '>']).unwrap_or((tag, ""));
            let local = name.split(':').next_back().unwrap_or(name);
            let attribute = |name: &str| {
                let (_, after) = rest.split_once(&format!("{name}=\""))?;
                after.split('"').next()
            };
            let content = rest.split('>').next_back().filter(|text| !text.is_empty());
            let (kind, value) = match local {
                "ItemId" => ("item", attribute("Id")),
                "FolderId" | "ParentFolderId" => ("folder", attribute("Id")),
                "AttachmentId" => ("attachment", attribute("Id")),
                "SyncState" => ("state", content),
                "SubscriptionId" => ("subscription", content),
                "Watermark" => ("watermark", content),
                "Data" => ("data", content),
                _ => continue,
            };
            if let Some(value) = value {
                self.add(kind, value, rng);
            }
            if let Some(key) = attribute("ChangeKey") {
                self.add("key", key, rng);
            }
        }
    }

    /// Takes what an answer of Graph tells.
    pub fn learn_json(&mut self, value: &Value, rng: &mut Rng) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.learn_json(value, rng)),
            Value::Object(members) => {
                if let Some(id) = members.get("id").and_then(Value::as_str) {
                    self.add(kind_of(members), id, rng);
                }
                for (name, value) in members {
                    match (name.as_str(), value) {
                        ("@odata.etag", Value::String(tag)) => self.add("etag", tag, rng),
                        ("@odata.nextLink" | "@odata.deltaLink", Value::String(link)) => {
                            let at = link.find("/v1.0").unwrap_or_default();
                            self.add("link", &link[at..], rng);
                        }
                        (_, value) => self.learn_json(value, rng),
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// What kind of thing a JSON object is, by its members.
fn kind_of(members: &serde_json::Map<String, Value>) -> &'static str {
    let has = |name: &str| members.contains_key(name);
    if has("start") || has("seriesMasterId") {
        "event"
    } else if has("hexColor") || has("canEdit") {
        "calendar"
    } else if has("isRead") || has("internetMessageId") {
        "message"
    } else if has("childFolderCount") {
        "folder"
    } else if has("contentType") {
        "attachment"
    } else if has("color") {
        "category"
    } else {
        "other"
    }
}
