//! The mailbox's calendars, made, renamed and deleted.

use crate::batch::{Reply, Step};
use crate::failure::Effect;
use crate::stamp::{Own, Property};
use crate::{GraphRemote, series, values};
use async_trait::async_trait;
use items::hierarchy::{self, List, Shelf, Standing};
use serde::Deserialize;
use serde_json::{Value, json};
use sync_core::ids::{RemoteId, Version};
use sync_core::port::{Failure, Stamp, Trouble, Written};

/// What is asked for of a calendar.
const SELECT: &str = "id,name,isDefaultCalendar,changeKey,canEdit,owner";
/// How long a copy of a request may still be under way, in milliseconds: Graph has no condition and
/// no transactionId for calendars.
const GRACE_MS: i64 = 90_000;

#[async_trait]
impl Shelf for GraphRemote {
    /// Those of the mailbox's owner that may be changed: a list has those too that others share
    /// (MS docs: calendar, `canEdit` and `owner`).
    async fn list(&self) -> Result<List, Failure> {
        let expand = self.properties.expand();
        let first = format!("{}?$top=100&$select={SELECT}&$expand={expand}", self.calendars());
        let mut next = Some(self.graph.links.absolute(&first));
        let mut all = Vec::new();
        while let Some(url) = next {
            let answer = self.graph.get(&url).await.map_err(|f| f.failure(Effect::Read))?;
            all.extend(values(&answer)?.iter().cloned());
            next = self.link(&answer, "@odata.nextLink")?.filter(|link| *link != url);
        }
        let default = all.iter().find(|one| one["isDefaultCalendar"] == json!(true));
        let owner = default.and_then(owner).map(str::to_owned);
        let mut list = List::default();
        for one in &all {
            let name = one["name"].as_str().unwrap_or_default();
            match why_not(one, owner.as_deref()) {
                Some(why) => {
                    list.left_out.push(format!("the calendar \"{name}\" is left out: {why}"));
                }
                None => list.standing.extend(self.calendar_of(one)),
            }
        }
        Ok(list)
    }

    async fn create(&self, name: &str, stamp: &Stamp) -> Result<Written, Failure> {
        let step = Step::post(self.calendars(), self.named(name, stamp));
        let made = self.one_step(step, name, Effect::Create).await?;
        match made["id"].as_str() {
            Some(id) => Ok(Written { id: RemoteId::from(id), version: version(&made) }),
            None => Err(Failure::InDoubt(Trouble::new(
                "garbled-answer",
                "a new calendar without an id",
            ))),
        }
    }

    async fn rename(
        &self,
        standing: &Standing,
        name: &str,
        stamp: &Stamp,
    ) -> Result<Written, Failure> {
        let step = Step::patch(self.calendar(standing), self.named(name, stamp), None);
        let renamed = self.one_step(step, name, Effect::Change).await?;
        Ok(Written { id: standing.id.clone(), version: version(&renamed) })
    }

    /// The operation's page doesn't say where a calendar goes; clients have seen folders in Deleted
    /// Items after it, and `permanentDelete` is an operation of its own.
    async fn delete(&self, standing: &Standing) -> Result<(), Failure> {
        let step = Step::delete(self.calendar(standing), None);
        self.one_step(step, &standing.name, Effect::Change).await.map(drop)
    }

    fn grace_ms(&self) -> i64 {
        GRACE_MS
    }
}

impl GraphRemote {
    fn calendars(&self) -> String {
        self.graph.links.calendars()
    }

    fn calendar(&self, standing: &Standing) -> String {
        self.graph.links.calendar(standing.id.as_str())
    }

    fn named(&self, name: &str, stamp: &Stamp) -> Value {
        json!({
            "name": name,
            "singleValueExtendedProperties": self.properties.write(stamp, &Own::default()),
        })
    }

    async fn one_step(&self, step: Step, name: &str, effect: Effect) -> Result<Value, Failure> {
        let reply: Reply = series::one(self.graph.batch(&[step]).await);
        reply.map_err(|fault| match fault.refusal() {
            Some(refusal) if refusal.is_any(&[hierarchy::TAKEN]) => hierarchy::taken(name),
            Some(_) | None => fault.failure(effect),
        })
    }

    fn calendar_of(&self, calendar: &Value) -> Option<Standing> {
        let properties = &calendar["singleValueExtendedProperties"];
        let properties = Vec::<Property>::deserialize(properties).unwrap_or_default();
        Some(Standing {
            id: RemoteId::from(calendar["id"].as_str()?),
            version: version(calendar),
            name: calendar["name"].as_str().unwrap_or_default().to_owned(),
            is_default: calendar["isDefaultCalendar"] == json!(true),
            role: None,
            stamp: self.properties.stamp(&properties),
        })
    }
}

/// Why a calendar of the list isn't one to keep the same.
fn why_not(calendar: &Value, mine: Option<&str>) -> Option<&'static str> {
    let theirs = owner(calendar).zip(mine).filter(|(a, b)| !a.eq_ignore_ascii_case(b));
    if theirs.is_some() {
        return Some("it belongs to somebody else, who shares it");
    }
    // A calendar that doesn't say so may be changed.
    let read_only = calendar["canEdit"] == json!(false);
    read_only.then_some("nobody may change it, as with birthdays and holidays")
}

fn owner(calendar: &Value) -> Option<&str> {
    calendar["owner"]["address"].as_str().filter(|address| !address.is_empty())
}

fn version(calendar: &Value) -> Option<Version> {
    calendar["changeKey"].as_str().map(Version::from)
}
