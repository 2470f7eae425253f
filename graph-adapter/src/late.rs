//! Writes of what takes requests of its own: the occurrences of a series, and files. The stamp
//! comes last, so that it proves that all of it arrived.

use crate::GraphRemote;
use crate::attachments::{Held, shelf};
use crate::batch::Step;
use crate::failure::Effect;
use crate::map::event::{self, Kind};
use crate::occurrences::{changed, late as ordinary};
use crate::series::one;
use crate::stamp::Own;
use crate::write::permanent;
use chrono::NaiveDate;
use items::attachment::Data;
use items::field::Name;
use items::{Attachment, Event, Occurrence, meaning};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::ids::{FolderId, RemoteId, Version};
use sync_core::port::{Failure, Files, Stamp, Write, WriteOp, Written};

/// Such a write.
#[derive(Debug, Clone)]
pub(crate) struct Late<'a> {
    /// The calendar.
    pub folder: &'a FolderId,
    /// The event.
    pub id: &'a RemoteId,
    /// The version that must still stand.
    pub if_match: Option<Version>,
    /// The occurrences that are to differ from their series, or to be gone.
    occurrences: Option<BTreeMap<NaiveDate, Occurrence>>,
    /// All that is to be attached.
    attachments: Option<Vec<Attachment>>,
}

/// Whether a request of a write has changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begun {
    No,
    Yes,
}

/// An event whose files are as wanted.
struct Attached {
    /// Its version.
    version: Option<Version>,
    /// Whether the service holds what it was sent.
    is_as_wanted: bool,
}

impl<'a> Late<'a> {
    /// What a write holds, if it is one of them.
    pub(crate) fn of(write: &'a Write) -> Option<Self> {
        let WriteOp::Update { id, if_match, patch } = &write.op else { return None };
        let patch = Event::from_canonical(patch).ok().filter(is_late)?;
        let Event { occurrences, attachments, .. } = patch;
        let if_match = if_match.clone();
        Some(Self { folder: &write.folder, id, if_match, occurrences, attachments })
    }
}

fn is_late(patch: &Event) -> bool {
    let late = BTreeSet::from([Name::Occurrences.field(), Name::Attachments.field()]);
    let fields = patch.present_fields();
    !fields.is_empty() && fields.is_subset(&late)
}

impl GraphRemote {
    /// Makes files and occurrences what they are to be, files first.
    pub(crate) async fn write_late(
        &self,
        late: &Late<'_>,
        stamp: &Stamp,
    ) -> Result<Written, Failure> {
        let mut begun = Begun::No;
        let outcome = match (&late.attachments, &late.occurrences) {
            (None, None) => Err(permanent("malformed-content", "a write of nothing")),
            (None, Some(wanted)) => self.write_occurrences(late, wanted, stamp).await,
            (Some(wanted), _) => self.write_both(late, wanted, stamp, &mut begun).await,
        };
        outcome.map_err(|failure| match begun {
            Begun::No => failure,
            Begun::Yes => failure.after_the_first(),
        })
    }

    async fn write_both(
        &self,
        late: &Late<'_>,
        wanted: &[Attachment],
        stamp: &Stamp,
        begun: &mut Begun,
    ) -> Result<Written, Failure> {
        let Attached { version, is_as_wanted } = self.write_files(late, wanted, begun).await?;
        let written = match &late.occurrences {
            None => self.stamp_event(late, stamp, version).await?,
            Some(wanted) => {
                let late = Late { if_match: version, ..late.clone() };
                self.write_occurrences(&late, wanted, stamp).await?
            }
        };
        Ok(Written { version: written.version.filter(|_| is_as_wanted), ..written })
    }

    /// Takes off what isn't wanted and attaches what is missing.
    ///
    /// No request for an attachment can be conditional. So the event is read before and after, and
    /// nobody may have changed anything besides.
    async fn write_files(
        &self,
        late: &Late<'_>,
        wanted: &[Attachment],
        begun: &mut Begun,
    ) -> Result<Attached, Failure> {
        let Some(files) = self.files.clone() else {
            return Err(permanent("attachments-unsupported", "there is no place to keep files"));
        };
        let (read, held) = self.read_held(late).await?;
        if late.if_match.is_some() && read.version != late.if_match {
            return Err(changed());
        }
        self.check_late(read.native)?;
        let (surplus, missing) = compare(&held, wanted);
        missing.iter().try_for_each(|file| self.check_file(files.as_ref(), file))?;
        if surplus.is_empty() && missing.is_empty() {
            return Ok(Attached { version: read.version, is_as_wanted: true });
        }
        for id in &surplus {
            self.detach(late, id).await?;
            *begun = Begun::Yes;
        }
        let body = read.event.body.as_ref();
        let are_shown = body.is_some_and(|body| event::shows_files(&body.content));
        for &file in &missing {
            // A file inside of a body that shows none would never be found again.
            let file = Attachment { inline: file.inline && are_shown, ..file.clone() };
            self.put(late, files.as_ref(), &file).await?;
            *begun = Begun::Yes;
        }
        let (after, found) = self.read_held(late).await?;
        let kept: BTreeSet<&str> =
            held.iter().map(|one| one.id.as_str()).filter(|id| !surplus.contains(id)).collect();
        let still = found.iter().filter(|one| kept.contains(one.id.as_str())).count();
        let is_ours = still == kept.len() && found.len() == kept.len() + missing.len();
        let is_same = meaning::of(&after.event) == meaning::of(&read.event);
        if !is_ours || !is_same || after.native != read.native {
            return Err(changed());
        }
        let (surplus, missing) = compare(&found, wanted);
        let is_as_wanted = surplus.is_empty() && missing.is_empty();
        Ok(Attached { version: after.version, is_as_wanted })
    }

    /// Attaches a file, and remembers that it needn't be read again.
    async fn put(
        &self,
        late: &Late<'_>,
        files: &dyn Files,
        file: &Attachment,
    ) -> Result<(), Failure> {
        let id = self.attach(late, files, file).await?;
        let Data::Bytes { digest, .. } = &file.data else { return Ok(()) };
        match id {
            Some(id) => files.remember(&self.origin(late.id, &id), digest).map_err(|e| shelf(&e)),
            None => Ok(()),
        }
    }

    async fn detach(&self, late: &Late<'_>, id: &str) -> Result<(), Failure> {
        let url = self.graph.links.attachment(late.folder.as_str(), late.id.as_str(), id);
        match one(self.graph.batch(&[Step::delete(url, None)]).await) {
            Ok(_) => Ok(()),
            Err(fault) if fault.refusal().is_some_and(|r| r.is_not_found()) => Ok(()),
            Err(fault) => Err(ordinary(fault, Effect::Change)),
        }
    }

    /// An event with what is attached to it.
    async fn read_held(&self, late: &Late<'_>) -> Result<(event::Read, Vec<Held>), Failure> {
        let event = self.graph.links.event(late.folder.as_str(), late.id.as_str());
        let step = Step::get(format!("{event}?{}", self.whole_event()));
        let mut reply = one(self.read_steps(&[step]).await);
        if reply.as_ref().is_ok_and(|value| event::kind(value) == Kind::Master) {
            reply = one(self.read_masters(late.folder, std::slice::from_ref(late.id)).await);
        }
        let value = reply.map_err(|fault| ordinary(fault, Effect::Read))?;
        let read = event::read(&value, &self.properties).map_err(Failure::Permanent)?;
        let held = self.held(late.folder, late.id, &read).await?;
        Ok((read, held.unwrap_or_default()))
    }

    /// Says on the event that all is written.
    async fn stamp_event(
        &self,
        late: &Late<'_>,
        stamp: &Stamp,
        version: Option<Version>,
    ) -> Result<Written, Failure> {
        let url = self.graph.links.event(late.folder.as_str(), late.id.as_str());
        let properties = self.properties.write(stamp, &Own::default());
        let body = json!({"singleValueExtendedProperties": properties});
        let step = Step::patch(url, body, version.map(|version| version.0));
        let answer = one(self.graph.batch(&[step]).await);
        let answer = answer.map_err(|fault| ordinary(fault, Effect::Change))?;
        Ok(Written { id: late.id.clone(), version: event::version(&answer) })
    }
}

/// The ids of what is attached and not wanted, and the files that are wanted and not attached. What
/// can't be read stays.
fn compare<'a>(held: &'a [Held], wanted: &'a [Attachment]) -> (Vec<&'a str>, Vec<&'a Attachment>) {
    let mut missing: Vec<&Attachment> = wanted.iter().collect();
    let mut surplus = Vec::new();
    for one in held {
        let Some(file) = &one.file else { continue };
        match missing.iter().position(|wanted| wanted.key() == file.key()) {
            Some(at) => {
                missing.remove(at);
            }
            None => surplus.push(one.id.as_str()),
        }
    }
    (surplus, missing)
}
