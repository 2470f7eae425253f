//! Who is invited, and that nobody is mailed who wasn't to be.

use crate::requests::{calendar, id_in, stamp, write};
use crate::script::{event as raw, scripted};
use crate::series::{called, daily};
use crate::sim::{MAILBOX, OTHER, Recorder, World, calendar_of, event, held, keeper, now, world};
use graph_adapter::GraphRemote;
use items::attachment::Data;
use items::field::Name;
use items::{
    Attachment, Attendee, Body, BodyKind, Event, Meeting, Occurrence, People, Person, Reminder,
    Response, Role, ShowAs, Travel,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use sync_core::ids::{FolderId, RemoteId};
use sync_core::port::{
    Failure, Fetched, MemoryFiles, Place, Probe, Probed, Remote, Sighted, Target, Write, WriteOp,
};

const PEOPLE_ID: &str = "String {e0b26d46-6b7c-4c5a-9f0e-5d1c2b7a9e31} Name evensync-people";

fn person(address: &str) -> Person {
    Person { address: address.into(), name: Some(format!("Name of {address}")) }
}

fn attendee(address: &str, response: Response) -> Attendee {
    Attendee { person: person(address), role: Role::Optional, response }
}

fn meeting(organizer: &str, attendees: &[&str]) -> Event {
    let meeting = Meeting { organizer: Some(person(organizer)), ..Meeting::default() };
    let attendees = attendees.iter().map(|one| attendee(one, Response::Accepted)).collect();
    Event { meeting: Some(meeting), attendees: Some(attendees), ..event("Planning", now()) }
}

fn patch(id: &RemoteId, patch: &Event) -> WriteOp {
    WriteOp::Update { id: id.clone(), if_match: None, patch: patch.to_canonical() }
}

impl World {
    fn sent(&self) -> Vec<Vec<String>> {
        self.sim.with(|sim| sim.sent.iter().map(|sent| sent.to.clone()).collect())
    }

    /// The body as Graph shows it.
    fn body(&self, id: &RemoteId) -> String {
        self.sim.with(|sim| {
            let mailbox = sim.mailbox(MAILBOX).unwrap();
            mailbox.find_item(id.as_str()).unwrap().content.body.content.clone()
        })
    }
}

/// Somebody else who keeps a calendar on the same server.
struct Other {
    remote: GraphRemote,
    calendar: FolderId,
}

impl Other {
    async fn of(world: &World, mailbox: &str, travel: Travel) -> Self {
        let remote = keeper(mailbox, &Recorder::new(&world.sim), "theirs").with_travel(travel);
        let calendar = calendar_of(&remote).await;
        Self { remote, calendar }
    }

    async fn one(&self, key: &str, op: WriteOp) -> Result<RemoteId, Failure> {
        let write = Write { folder: self.calendar.clone(), stamp: stamp(key), op };
        self.remote.write(&[write]).await.remove(0).map(|written| written.id)
    }

    async fn found(&self, id: &RemoteId) -> Sighted {
        let fetched = self.remote.fetch(&self.calendar, std::slice::from_ref(id)).await.unwrap();
        let Fetched::Found(item) = &fetched[0] else { panic!("{fetched:?}") };
        (**item).clone()
    }
}

#[tokio::test]
async fn people_travel_where_nobody_is_mailed() {
    for travel in [Travel::Carry, Travel::Note] {
        let world = world().await;
        let ours = Other::of(&world, MAILBOX, travel).await;
        let sent = meeting("cleo@fabrikam.example", &[MAILBOX, OTHER]);
        let op = WriteOp::Create { content: sent.to_canonical() };
        let id = ours.one("k1", op).await.unwrap();
        let got = ours.found(&id).await;
        assert_eq!(People::of(&held(&got)), People::of(&sent), "{travel:?}");
        assert!(got.rendition.fixed.is_empty(), "it is an appointment of ours");
        let shows = |what: &str| world.body(&id).contains(what);
        assert_eq!(shows("Name of ben.ott"), travel == Travel::Note);
        assert!(!held(&got).body.unwrap().content.contains("Name of"), "no edit");

        // Each half is written by itself, and the other one stays.
        let others = Event {
            attendees: Some(vec![attendee(OTHER, Response::Declined)]),
            ..Event::default()
        };
        ours.one("k2", patch(&id, &others)).await.unwrap();
        let cancelled = Meeting { cancelled: true, ..sent.meeting.clone().unwrap() };
        let called_off = Event { meeting: Some(cancelled), ..Event::default() };
        ours.one("k3", patch(&id, &called_off)).await.unwrap();
        let body = Body { kind: BodyKind::Text, content: "new words".into() };
        ours.one("k4", patch(&id, &Event { body: Some(body), ..Event::default() })).await.unwrap();
        let got = held(&ours.found(&id).await);
        assert_eq!((got.meeting, got.attendees), (called_off.meeting, others.attendees));
        assert!(got.body.unwrap().content.contains("new words"));
        assert_eq!(shows("Name of ben.ott"), travel == Travel::Note);
        assert!(!shows("Name of anna"), "{}", world.body(&id));

        let nobody = Event {
            meeting: Some(Meeting::default()),
            attendees: Some(vec![]),
            ..Event::default()
        };
        ours.one("k5", patch(&id, &nobody)).await.unwrap();
        let got = held(&ours.found(&id).await);
        assert_eq!(People::of(&got), People::of(&nobody));
        assert!(shows("new words") && !shows("Name of"), "{}", world.body(&id));
        ours.one("k6", WriteOp::Delete { id, if_match: None }).await.unwrap();
        assert_eq!(world.sent(), Vec::<Vec<String>>::new());
    }
}

#[tokio::test]
async fn a_copy_at_an_attendee_takes_what_is_the_attendees() {
    let world = world().await;
    let ben = Other::of(&world, OTHER, Travel::Write).await;
    let op = WriteOp::Create { content: meeting(OTHER, &[MAILBOX]).to_canonical() };
    let theirs = ben.one("k1", op).await.unwrap();
    let invitation = vec![vec![MAILBOX.to_owned()]];
    assert_eq!(world.sent(), invitation);
    let (said, _) = world.drain(None).await;
    let id = said.keys().next().unwrap().clone();
    let got = world.found(&id).await;
    let organizer = held(&got).meeting.unwrap().organizer.unwrap();
    assert_eq!(organizer.address, OTHER);
    assert_eq!(held(&got).attendees.unwrap()[0].person.address, MAILBOX);
    let fixed = &got.rendition.fixed;
    assert!(fixed.contains(&Name::Subject.field()) && !fixed.contains(&Name::ShowAs.field()));

    let own = Event {
        reminder: Some(Reminder::Before(77)),
        categories: Some(vec!["Mine".into()]),
        show_as: Some(ShowAs::Free),
        ..Event::default()
    };
    world.one(world.write("k2", patch(&id, &own))).await.unwrap();
    let got = held(&world.found(&id).await);
    assert_eq!(
        (got.reminder, got.categories, got.show_as),
        (own.reminder, own.categories, own.show_as)
    );
    let subject = Event { subject: Some("Theirs".into()), ..Event::default() };
    let nobody = Event { attendees: Some(vec![]), ..Event::default() };
    let occurrences = Event { occurrences: Some(BTreeMap::new()), ..Event::default() };
    for other in [subject, nobody, occurrences] {
        let refused = world.one(world.write("k3", patch(&id, &other))).await.unwrap_err();
        assert_eq!(refused.trouble().code, "meeting-protected");
    }
    // Nobody is told where an attendee deletes a copy.
    world.one(world.write("k4", WriteOp::Delete { id, if_match: None })).await.unwrap();
    assert_eq!(world.sent(), invitation);
    // The answer that came along with the meeting still counts.
    let guests = held(&ben.found(&theirs).await).attendees.unwrap();
    assert_eq!(guests[0].response, Response::Accepted);
}

#[tokio::test]
async fn a_meeting_of_ones_own_is_left_alone_unless_people_are_to_be_mailed() {
    let world = world().await;
    let op = WriteOp::Create { content: meeting(MAILBOX, &[OTHER]).to_canonical() };
    let writer = Other::of(&world, MAILBOX, Travel::Write).await;
    let id = writer.one("k1", op).await.unwrap();
    let subject = || Event { subject: Some("Other".into()), ..Event::default() };
    for travel in [Travel::Carry, Travel::Note] {
        let ours = Other::of(&world, MAILBOX, travel).await;
        assert_eq!(ours.found(&id).await.rendition.fixed, items::field::all());
        for op in [patch(&id, &subject()), WriteOp::Delete { id: id.clone(), if_match: None }] {
            let refused = ours.one("k2", op).await.unwrap_err();
            assert_eq!(refused.trouble().code, "meeting-protected");
        }
    }
    assert_eq!(world.sent().len(), 1);
    let got = writer.found(&id).await;
    assert_eq!(got.rendition.fixed, [Name::Meeting.field()].into());
    assert_eq!(held(&got).meeting.unwrap().response, Response::Organizer);
    writer.one("k3", patch(&id, &subject())).await.unwrap();
    assert_eq!(world.sent().len(), 2, "an update");
    writer.one("k4", WriteOp::Delete { id, if_match: None }).await.unwrap();
    assert_eq!(world.sent().len(), 3, "a cancellation");
}

/// Whoever is invited is invited once, whatever became of the answers.
#[tokio::test]
async fn invitations_are_sent_once() {
    let world = world().await;
    let remote = keeper(MAILBOX, &world.transport, "s1").with_travel(Travel::Write);
    let writes = |key: &str, op| world.write(key, op);
    world.fault("POST /users/*/calendars/*/events", json!({"do": "drop-after"}));
    // An event that names no organizer is one's own.
    let mut sent = meeting(MAILBOX, &[OTHER]);
    sent.meeting = Some(Meeting::default());
    let create = writes("k1", WriteOp::Create { content: sent.to_canonical() });
    let lost = remote.write(std::slice::from_ref(&create)).await.remove(0);
    assert!(matches!(lost, Err(Failure::InDoubt(_))), "{lost:?}");
    let id = remote.write(&[create]).await.remove(0).unwrap().id;
    let invited = vec![vec![OTHER.to_owned()]];
    assert_eq!(world.sent(), invited);

    let fetched = remote.fetch(&world.calendar, std::slice::from_ref(&id)).await.unwrap();
    let Fetched::Found(before) = &fetched[0] else { panic!("{fetched:?}") };
    world.fault("PATCH /users/*/calendars/*/events/*", json!({"do": "drop-after"}));
    let more = [attendee(OTHER, Response::None), attendee("dora@c.example", Response::None)];
    let more = Event { attendees: Some(more.to_vec()), ..Event::default() };
    let if_match = before.rendition.version.clone();
    let op = WriteOp::Update { id: id.clone(), if_match, patch: more.to_canonical() };
    let update = writes("k2", op);
    let lost = remote.write(std::slice::from_ref(&update)).await.remove(0);
    assert!(matches!(lost, Err(Failure::InDoubt(_))), "{lost:?}");
    // Even who doesn't probe mails nobody twice.
    let stale = remote.write(&[update]).await.remove(0);
    assert!(matches!(stale, Err(Failure::Stale(_))), "{stale:?}");
    let probe = Probe {
        folder: world.calendar.clone(),
        stamp: stamp("k2"),
        target: Target::Update(id.clone()),
    };
    let place = Place::Folder;
    assert_eq!(remote.probe(&[probe]).await.unwrap(), [Probed::Applied { id, place }]);
    let mailed = world.sent().concat();
    let times = |address: &str| mailed.iter().filter(|to| *to == address).count();
    assert_eq!((times("dora@c.example"), times(MAILBOX)), (1, 0), "{mailed:?}");
}

#[tokio::test]
async fn meetings_of_others_are_never_written_as_ones_own() {
    let world = world().await;
    let writer = Other::of(&world, MAILBOX, Travel::Write).await;
    let sent = meeting("cleo@fabrikam.example", &[OTHER]);
    let op = WriteOp::Create { content: sent.to_canonical() };
    let id = writer.one("k1", op).await.unwrap();
    let more =
        Event { attendees: Some(vec![attendee(OTHER, Response::Tentative)]), ..Event::default() };
    writer.one("k2", patch(&id, &more)).await.unwrap();
    let got = held(&writer.found(&id).await);
    assert_eq!((got.meeting, got.attendees), (sent.meeting, more.attendees));
    assert_eq!(world.sent(), Vec::<Vec<String>>::new());
}

/// Whom people invite on the server isn't forgotten for those who travelled along once, and who was
/// invited for real and is taken off doesn't come back.
#[tokio::test]
async fn who_is_taken_off_the_list_stays_off() {
    let world = world().await;
    let carrier = Other::of(&world, MAILBOX, Travel::Carry).await;
    let op = WriteOp::Create { content: meeting(MAILBOX, &[OTHER]).to_canonical() };
    let id = carrier.one("k1", op).await.unwrap();
    let writer = Other::of(&world, MAILBOX, Travel::Write).await;
    let two = [attendee(OTHER, Response::None), attendee("dora@c.example", Response::None)];
    let two = Event { attendees: Some(two.to_vec()), ..Event::default() };
    writer.one("k2", patch(&id, &two)).await.unwrap();
    assert_eq!(world.sent().len(), 1);
    let nobody = Event { attendees: Some(vec![]), ..Event::default() };
    writer.one("k3", patch(&id, &nobody)).await.unwrap();
    let got = held(&writer.found(&id).await);
    assert_eq!((got.attendees, got.meeting), (Some(vec![]), Some(Meeting::default())));
}

#[tokio::test]
async fn people_are_sent_in_our_property() {
    let (remote, script) = scripted();
    script.then_batch(|_| json!({"status": 201, "body": {"id": "N1", "@odata.etag": "W/\"n\""}}));
    let sent = meeting("cleo@fabrikam.example", &[OTHER]);
    let content = sent.to_canonical();
    remote.write(&[write("k1", WriteOp::Create { content })]).await.remove(0).unwrap();
    let body = script.seen()[0].2["requests"][0]["body"].clone();
    let property = &body["singleValueExtendedProperties"][2];
    assert_eq!(property["id"], PEOPLE_ID);
    let said = People::default().over(property["value"].as_str());
    assert_eq!(said, People::of(&sent));
    assert!(body.get("attendees").is_none() && body.get("organizer").is_none());
}

/// A body without what joins the meeting would turn it off.
#[tokio::test]
async fn the_body_of_an_online_meeting_stays() {
    let online = |id: &str| {
        let mut online = raw(id);
        online["isOnlineMeeting"] = json!(true);
        online
    };
    let ok = |body: Value| json!({"status": 200, "body": body});
    let (remote, script) = scripted();
    script.then_batch(move |step| ok(online(&id_in(step))));
    let fetched = remote.fetch(&calendar(), &["O".into()]).await.unwrap();
    let Fetched::Found(item) = &fetched[0] else { panic!("{fetched:?}") };
    assert_eq!(item.rendition.fixed, [Name::Body.field()].into());
    for travel in [Travel::Carry, Travel::Note] {
        let (remote, script) = scripted();
        let remote = remote.with_travel(travel);
        script.then_batch(move |step| ok(online(&id_in(step))));
        script
            .then_batch(|_| json!({"status": 200, "body": {"id": "O", "@odata.etag": "W/\"2\""}}));
        let body = Body { kind: BodyKind::Text, content: "x".into() };
        let body = Event { body: Some(body), ..Event::default() };
        let people =
            Event { attendees: Some(vec![attendee(OTHER, Response::None)]), ..Event::default() };
        let writes = [body, people].map(|event| write("k", patch(&"O".into(), &event)));
        let results = remote.write(&writes).await;
        assert_eq!(results[0].as_ref().unwrap_err().trouble().code, "online-meeting");
        results[1].as_ref().unwrap();
        assert!(script.seen()[1].2["requests"][0]["body"].get("body").is_none());
    }
    let day = "2026-11-26".parse().unwrap();
    let own = Event { body: Some(Body::default()), ..Event::default() };
    let wanted = BTreeMap::from([(day, Occurrence::Changed(Box::new(own)))]);
    let (remote, script) = scripted();
    script.then_batch(|_| {
        let mut series = crate::masters::master();
        series["isOnlineMeeting"] = json!(true);
        json!({"status": 200, "body": series})
    });
    let result = remote.write(&[crate::masters::late(wanted)]).await.remove(0);
    assert_eq!(result.unwrap_err().trouble().code, "online-meeting");
}

/// Several places are one line, and the line becomes several places.
#[tokio::test]
async fn several_places_are_one_line() {
    let world = world().await;
    let sent = Event { location: Some("Room 1; Room 2".into()), ..event("Both", now()) };
    let (id, _) = world.one(world.create("k1", &sent)).await.unwrap();
    assert_eq!(held(&world.found(&id).await).location, sent.location);
    let places = |id: &RemoteId| {
        world.sim.with(|sim| {
            let item = sim.mailbox(MAILBOX).unwrap().find_item(id.as_str()).unwrap().into_owned();
            let places = &item.content.as_event().unwrap().locations;
            places.iter().map(|place| place.name.clone()).collect::<Vec<_>>()
        })
    };
    assert_eq!(places(&id), ["Room 1", "Room 2"]);
    let subject = Event { subject: Some("x".into()), ..Event::default() };
    world.one(world.write("k2", patch(&id, &subject))).await.unwrap();
    assert_eq!(places(&id), ["Room 1", "Room 2"]);
    let one = Event { location: Some("Room 3".into()), ..Event::default() };
    world.one(world.write("k3", patch(&id, &one))).await.unwrap();
    assert_eq!(places(&id), ["Room 3"]);
}

/// What takes requests of its own is no way around: not for files, and not for occurrences.
#[tokio::test]
async fn late_sets_of_a_meeting_are_written_only_where_mail_is_wanted() {
    let world = world().await;
    let files = MemoryFiles::default();
    let with = |travel| {
        let recorder = Recorder::new(&world.sim);
        let remote = keeper(MAILBOX, &recorder, "theirs").with_travel(travel);
        let remote = remote.with_files(Arc::new(files.clone()));
        Other { remote, calendar: world.calendar.clone() }
    };
    let day = crate::series::day;
    let people = meeting(MAILBOX, &[OTHER]);
    let series = Event { meeting: people.meeting, attendees: people.attendees, ..daily(10) };
    let op = WriteOp::Create { content: series.to_canonical() };
    let id = with(Travel::Write).one("k1", op).await.unwrap();
    assert_eq!(world.sent().len(), 1);
    let link = Data::Link("https://contoso.example/x".into());
    let name = "x".to_owned();
    let file = Attachment { name, media_type: None, content_id: None, inline: false, data: link };
    let files = Event { attachments: Some(vec![file]), ..Event::default() };
    let changed = BTreeMap::from([(day(3), called("Moved"))]);
    let occurrences = Event { occurrences: Some(changed.clone()), ..Event::default() };
    for travel in [Travel::Carry, Travel::Note] {
        for late in [&files, &occurrences] {
            let refused = with(travel).one("k2", patch(&id, late)).await.unwrap_err();
            assert_eq!(refused.trouble().code, "meeting-protected");
        }
    }
    assert_eq!(world.sent().len(), 1);
    let writer = with(Travel::Write);
    writer.one("k3", patch(&id, &occurrences)).await.unwrap();
    assert_eq!(held(&writer.found(&id).await).occurrences, Some(changed));
    assert!(world.sent().iter().all(|to| *to == [OTHER]), "{:?}", world.sent());
}
