//! Meetings and appointments with people, between mailboxes of the built-in Exchange.

use crate::script::*;
use crate::series::{give, mondays, moved, named, set};
use crate::sim::*;
use ews_adapter::EwsRemote;
use exchange_sim::{DEFAULT_PASSWORD, Seed, SimTransport};
use items::field::{self, Name};
use items::people::{Attendee, Meeting, People, Person, Response, Role, Travel};
use items::{Body, BodyKind, Event, Reminder, ShowAs};
use std::collections::BTreeSet;
use std::sync::Arc;
use sync_core::ids::{Field, RemoteId, Version};
use sync_core::port::{Failure, Remote, WriteOp, Written};

const ANNA: &str = "anna@contoso.example";
const BEN: &str = "ben@contoso.example";
const CLARA: &str = "clara@fabrikam.example";

fn person(address: &str) -> Person {
    Person { address: address.into(), name: None }
}

fn attendee(address: &str, role: Role, response: Response) -> Attendee {
    Attendee { person: person(address), role, response }
}

fn invited(address: &str) -> Attendee {
    attendee(address, Role::Required, Response::None)
}

fn meeting_of(organizer: &str, response: Response) -> Meeting {
    Meeting { organizer: Some(person(organizer)), cancelled: false, response }
}

fn meeting(organizer: &str, response: Response, attendees: &[Attendee]) -> Event {
    Event {
        meeting: Some(meeting_of(organizer, response)),
        attendees: Some(attendees.to_vec()),
        ..timed()
    }
}

/// The meeting that the owner organises, with two guests and a room.
fn own() -> Event {
    let guests = [
        attendee(BEN, Role::Required, Response::Accepted),
        attendee(CLARA, Role::Optional, Response::None),
        attendee("room1@contoso.example", Role::Resource, Response::Declined),
    ];
    meeting("Anna@Contoso.example", Response::Organizer, &guests)
}

/// A meeting of others, to which the owner is invited.
fn theirs() -> Event {
    let guests = [attendee(ANNA, Role::Required, Response::Accepted), invited(CLARA)];
    meeting(BEN, Response::Accepted, &guests)
}

fn update(item: &Written, patch: Event) -> WriteOp {
    let (id, if_match) = (item.id.clone(), item.version.clone());
    WriteOp::Update { id, if_match, patch: patch.to_canonical() }
}

/// What stands there, and which of its fields can't be written.
async fn seen(world: &World, id: &RemoteId) -> (Event, BTreeSet<Field>) {
    let sighted = world.found(id).await;
    (event_of(&sighted), sighted.rendition.fixed.clone())
}

/// What the server itself says of an item, as XML.
async fn raw(world: &World, id: &RemoteId) -> String {
    let get = format!(
        "<m:GetItem><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape></m:ItemShape>\
         <m:ItemIds><t:ItemId Id=\"{}\"/></m:ItemIds></m:GetItem>",
        id.as_str()
    );
    world.soap(ANNA, &get).await
}

fn all_but(names: &[Name]) -> BTreeSet<Field> {
    let mut fields = field::all();
    names.iter().for_each(|name| {
        fields.remove(&name.field());
    });
    fields
}

#[tokio::test]
async fn an_own_meeting_is_made_as_one_and_mails_nobody() {
    let world = World::new(Seed::Empty).await;
    let written = world.create(1, &own()).await.unwrap();
    let (event, fixed) = seen(&world, &written.id).await;
    assert_eq!(meaning(&event), meaning(&own()), "{event:#?}");
    assert_eq!(fixed, BTreeSet::from([Name::Meeting.field()]));
    let xml = raw(&world, &written.id).await;
    for part in ["<t:IsMeeting>true<", "<t:MyResponseType>Organizer<", BEN, "<t:Resources>"] {
        assert!(xml.contains(part), "{part} {xml}");
    }
    world.nobody_was_mailed();
}

#[tokio::test]
async fn nobody_becomes_organizer_of_a_meeting_of_others() {
    let cancelled = |mut event: Event| {
        event.meeting.as_mut().unwrap().cancelled = true;
        event
    };
    let nameless = Attendee {
        person: Person { address: String::new(), name: Some("Room 1".into()) },
        ..Attendee::default()
    };
    for event in [
        theirs(),
        cancelled(theirs()),
        // These can't be made as meetings without losing something of them.
        cancelled(own()),
        meeting(ANNA, Response::Organizer, &[invited(BEN), nameless]),
        meeting(ANNA, Response::Organizer, &[invited(ANNA)]),
        meeting(ANNA, Response::Organizer, &[]),
        Event { meeting: Some(Meeting::default()), attendees: Some(vec![invited(BEN)]), ..timed() },
    ] {
        let world = World::new(Seed::Empty).await;
        let written = world.create(1, &event).await.unwrap();
        let (read, fixed) = seen(&world, &written.id).await;
        assert_eq!(meaning(&read), meaning(&event), "{read:#?}");
        assert_eq!(fixed, BTreeSet::new());
        let xml = raw(&world, &written.id).await;
        assert!(xml.contains("<t:IsMeeting>false<") && !xml.contains("Attendee>"), "{xml}");
        world.nobody_was_mailed();
    }
}

#[tokio::test]
async fn a_plain_appointment_carries_no_note() {
    let world = World::new(Seed::Empty).await;
    let written = world.create(1, &timed()).await.unwrap();
    assert!(!world.wire.take().concat().contains("<t:Value>{"));
    assert!(!raw(&world, &written.id).await.contains(People::PROPERTY));
    assert_eq!(meaning(&seen(&world, &written.id).await.0), meaning(&timed()));
}

#[tokio::test]
async fn people_of_an_appointment_change_in_the_note_alone() {
    let world = World::new(Seed::Empty).await;
    let item = world.create(1, &theirs()).await.unwrap();
    // Only one of the two is in the patch; the other stays.
    let attendees = Some(vec![attendee(ANNA, Role::Optional, Response::Tentative)]);
    let patch = Event { attendees: attendees.clone(), ..Event::default() };
    let item = world.write(2, update(&item, patch)).await.unwrap();
    let mut meeting = meeting_of(BEN, Response::Tentative);
    meeting.cancelled = true;
    let patch = Event { meeting: Some(meeting.clone()), ..Event::default() };
    let item = world.write(3, update(&item, patch)).await.unwrap();
    let expected = Event { attendees, meeting: Some(meeting), ..theirs() };
    let (read, fixed) = seen(&world, &item.id).await;
    assert_eq!(meaning(&read), meaning(&expected), "{read:#?}");
    assert_eq!(fixed, BTreeSet::new());
    assert!(raw(&world, &item.id).await.contains("<t:IsMeeting>false<"));
    // The meeting of others becomes one's own: it stays an appointment here.
    let patch = Event { meeting: own().meeting, attendees: own().attendees, ..Event::default() };
    let item = world.write(4, update(&item, patch)).await.unwrap();
    assert_eq!(meaning(&seen(&world, &item.id).await.0), meaning(&own()));
    assert!(raw(&world, &item.id).await.contains("<t:IsMeeting>false<"));
    // Nobody is left.
    let nobody =
        Event { meeting: Some(Meeting::default()), attendees: Some(vec![]), ..Event::default() };
    let item = world.write(5, update(&item, nobody)).await.unwrap();
    assert_eq!(meaning(&seen(&world, &item.id).await.0), meaning(&timed()));
    world.nobody_was_mailed();
    validate(&world.wire.take());
}

#[tokio::test]
async fn the_guests_of_an_own_meeting_change_on_the_server() {
    let world = World::new(Seed::Empty).await;
    let item = world.create(1, &own()).await.unwrap();
    let attendees = Some(vec![
        attendee(BEN, Role::Optional, Response::Accepted),
        attendee("dora@contoso.example", Role::Required, Response::None),
    ]);
    let patch =
        Event { attendees: attendees.clone(), subject: Some("x".into()), ..Event::default() };
    let item = world.write(2, update(&item, patch)).await.unwrap();
    let expected = Event { attendees, subject: Some("x".into()), ..own() };
    let (read, _) = seen(&world, &item.id).await;
    assert_eq!(meaning(&read), meaning(&expected), "{read:#?}");
    let xml = raw(&world, &item.id).await;
    assert!(xml.contains("dora@contoso.example") && !xml.contains("<t:Resources>"), "{xml}");
    let nobody = Event { attendees: Some(vec![]), ..Event::default() };
    let item = world.write(3, update(&item, nobody.clone())).await.unwrap();
    let expected = Event { attendees: Some(vec![]), ..expected };
    assert_eq!(meaning(&seen(&world, &item.id).await.0), meaning(&expected));
    world.nobody_was_mailed();
    validate(&world.wire.take());
}

#[tokio::test]
async fn guests_whom_somebody_takes_off_do_not_come_back() {
    let world = World::new(Seed::Empty).await;
    let item = world.create(1, &own()).await.unwrap();
    let gone = |list: &str| {
        format!("<t:DeleteItemField><t:FieldURI FieldURI=\"calendar:{list}\"/></t:DeleteItemField>")
    };
    let update = format!(
        "<m:UpdateItem ConflictResolution=\"AlwaysOverwrite\" \
         SendMeetingInvitationsOrCancellations=\"SendToNone\"><m:ItemChanges><t:ItemChange>\
         <t:ItemId Id=\"{}\" ChangeKey=\"{}\"/><t:Updates>{}</t:Updates></t:ItemChange>\
         </m:ItemChanges></m:UpdateItem>",
        item.id.as_str(),
        item.version.unwrap().as_str(),
        ["RequiredAttendees", "OptionalAttendees", "Resources"].map(gone).concat()
    );
    world.soap(ANNA, &update).await;
    let (read, fixed) = seen(&world, &item.id).await;
    assert_eq!(meaning(&read), meaning(&timed()), "{read:#?}");
    assert_eq!(fixed, BTreeSet::new());
}

#[tokio::test]
async fn guests_make_a_meeting_whatever_the_server_calls_it() {
    let world = World::new(Seed::Empty).await;
    world.wire.rewrite(|_, answer| {
        let answer = answer.replace("<t:IsMeeting>true<", "<t:IsMeeting>false<");
        answer.replace("<t:MyResponseType>Organizer<", "<t:MyResponseType>Unknown<")
    });
    let item = world.create(1, &own()).await.unwrap();
    let (read, fixed) = seen(&world, &item.id).await;
    let response = Response::None;
    let meeting = read.meeting.clone().unwrap();
    assert_eq!(meeting.normal(), Meeting { response, ..own().meeting.unwrap().normal() });
    let guests = |event: &Event| meaning(event)[&Name::Attendees.field()].clone();
    assert_eq!(guests(&read), guests(&own()));
    assert_eq!(fixed, BTreeSet::from([Name::Meeting.field()]));
}

#[tokio::test]
async fn what_is_fixed_is_refused() {
    let world = World::new(Seed::Empty).await;
    let item = world.create(1, &own()).await.unwrap();
    let patch = Event { meeting: theirs().meeting, ..Event::default() };
    for version in [item.version.clone(), None] {
        let item = Written { version, ..item.clone() };
        let refused = world.write(2, update(&item, patch.clone())).await;
        let Err(Failure::Permanent(trouble)) = refused else { panic!("{refused:?}") };
        assert_eq!(trouble.code, "field-fixed");
    }
    let nameless = Attendee::default();
    let patch = Event { attendees: Some(vec![nameless]), ..Event::default() };
    let refused = world.write(3, update(&item, patch)).await;
    let Err(Failure::Permanent(trouble)) = refused else { panic!("{refused:?}") };
    assert_eq!(trouble.code, "attendee-without-address");
    assert_eq!(meaning(&seen(&world, &item.id).await.0), meaning(&own()));
}

#[tokio::test]
async fn a_series_is_a_meeting_as_a_whole() {
    let world = World::new(Seed::Empty).await;
    let series =
        Event { uid: None, meeting: own().meeting, attendees: own().attendees, ..mondays(5) };
    let item = world.create(1, &series).await.unwrap();
    let wanted = set(&[
        ("2027-02-08", items::Occurrence::Deleted),
        ("2027-02-15", named("another name")),
        ("2027-02-22", moved("2027-02-22T15:00:00")),
    ]);
    let item = give(&world, 2, &item, &series, &wanted).await;
    let (event, fixed) = seen(&world, &item.id).await;
    assert_eq!(fixed, BTreeSet::from([Name::Meeting.field()]));
    for occurrence in event.occurrences.unwrap().into_values() {
        let items::Occurrence::Changed(own) = occurrence else { continue };
        assert_eq!((own.meeting, own.attendees, own.attachments), (None, None, None));
    }
    // A patch of people leaves the recurrence and its exceptions alone.
    let attendees = Some(vec![invited(CLARA)]);
    let patch = Event { attendees: attendees.clone(), ..Event::default() };
    let item = world.write(3, update(&item, patch)).await.unwrap();
    let (event, _) = seen(&world, &item.id).await;
    let expected = Event { occurrences: Some(wanted), attendees, ..series };
    assert_eq!(meaning(&event), meaning(&expected), "{event:#?}");
    world.nobody_was_mailed();
}

#[tokio::test]
async fn people_are_written_to_the_version_that_was_seen() {
    for event in [own(), theirs()] {
        let world = World::new(Seed::Empty).await;
        let old = world.create(1, &event).await.unwrap();
        let patch = Event { subject: Some("x".into()), ..Event::default() };
        let new = world.write(2, update(&old, patch)).await.unwrap();
        let attendees = Some(vec![invited("dora@contoso.example")]);
        let patch = Event { attendees, ..Event::default() };
        let stale = world.write(3, update(&old, patch.clone())).await;
        assert!(matches!(stale, Err(Failure::Stale(_))), "{stale:?}");
        // Without a version it is the one in which the others were read.
        let sim = Arc::new(SimTransport::new(world.sim.clone()));
        let other = EwsRemote::new(config_of(DEFAULT_PASSWORD), sim, digester());
        let theirs = sync_core::port::Write {
            folder: world.calendar.clone(),
            stamp: stamp(4),
            op: update(&Written { version: None, ..new.clone() }, patch.clone()),
        };
        world.wire.before("<m:UpdateItem ", async move {
            other.write(&[theirs]).await.remove(0).unwrap();
        });
        let blind = Written { version: None, ..new };
        let stale = world.write(5, update(&blind, patch)).await;
        assert!(matches!(stale, Err(Failure::Stale(_))), "{stale:?}");
        assert_eq!(world.found(&blind.id).await.stamp, Some(stamp(4)));
    }
}

/// Ben invites Anna by mail, and Anna's server has put the meeting into her calendar.
async fn invitation(world: &World) -> Written {
    let create = format!(
        "<m:CreateItem SendMeetingInvitations=\"SendToAllAndSaveCopy\"><m:Items><t:CalendarItem>\
         <t:Subject>Plan</t:Subject><t:Start>2027-02-01T10:00:00Z</t:Start>\
         <t:End>2027-02-01T11:00:00Z</t:End><t:RequiredAttendees><t:Attendee><t:Mailbox>\
         <t:EmailAddress>{ANNA}</t:EmailAddress></t:Mailbox></t:Attendee></t:RequiredAttendees>\
         <t:OptionalAttendees><t:Attendee><t:Mailbox><t:EmailAddress>{CLARA}</t:EmailAddress>\
         </t:Mailbox></t:Attendee></t:OptionalAttendees></t:CalendarItem></m:Items></m:CreateItem>"
    );
    world.soap(BEN, &create).await;
    let (there, _, _) = world.pull(None).await;
    assert_eq!(there.len(), 1);
    let (id, version) = there.into_iter().next().unwrap();
    Written { id, version }
}

#[tokio::test]
async fn a_meeting_of_others_takes_only_what_is_the_owners_business() {
    let world = World::with(Seed::Empty, &[ANNA, BEN]).await;
    let item = invitation(&world).await;
    let sent = world.control("GET", "/sent", "");
    let (event, fixed) = seen(&world, &item.id).await;
    assert_eq!(event.meeting.as_ref().unwrap().normal(), meeting_of(BEN, Response::None));
    let guests: Vec<_> = event.attendees.iter().flatten().map(Attendee::normal).collect();
    assert_eq!(guests, [invited(ANNA), attendee(CLARA, Role::Optional, Response::None)]);
    assert_eq!(fixed, all_but(&[Name::Reminder, Name::Categories, Name::ShowAs]));

    let patch = Event {
        reminder: Some(Reminder::Before(5)),
        categories: Some(vec!["Rot".into()]),
        show_as: Some(ShowAs::OutOfOffice),
        ..Event::default()
    };
    let item = world.write(2, update(&item, patch.clone())).await.unwrap();
    let subject = Event { subject: Some("x".into()), ..Event::default() };
    let people = Event { attendees: Some(vec![]), ..Event::default() };
    let occurrences = Event { occurrences: Some([].into()), ..Event::default() };
    for (version, patch) in [
        (None, subject),
        (None, people.clone()),
        (item.version.clone(), people),
        (item.version.clone(), occurrences),
    ] {
        let item = Written { version, ..item.clone() };
        let refused = world.write(3, update(&item, patch)).await;
        let Err(Failure::Permanent(trouble)) = refused else { panic!("{refused:?}") };
        assert_eq!(trouble.code, "field-fixed");
    }
    let (now, _) = seen(&world, &item.id).await;
    assert_eq!(now.only(&patch.present_fields()), patch);
    // The copy that others get of it is an appointment that carries its people.
    let copy = world.create(4, &event).await.unwrap();
    let (copy, fixed) = seen(&world, &copy.id).await;
    let people = BTreeSet::from([Name::Meeting.field(), Name::Attendees.field()]);
    assert_eq!(meaning(&copy.only(&people)), meaning(&event.only(&people)));
    assert_eq!(fixed, BTreeSet::new());
    world.remote.write(&[delete(&world, &item)]).await.remove(0).unwrap();
    assert_eq!(world.control("GET", "/sent", ""), sent, "Ben's invitation is all that was mailed");
}

fn delete(world: &World, item: &Written) -> sync_core::port::Write {
    let (id, if_match) = (item.id.clone(), None::<Version>);
    let op = WriteOp::Delete { id, if_match };
    sync_core::port::Write { folder: world.calendar.clone(), stamp: stamp(9), op }
}

#[tokio::test]
async fn a_meeting_that_is_called_off_is_seen_to_be() {
    let world = World::with(Seed::Empty, &[ANNA, BEN]).await;
    let item = invitation(&world).await;
    let found = world
        .soap(
            BEN,
            "<m:FindItem Traversal=\"Shallow\"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>\
                 </m:ItemShape><m:ParentFolderIds><t:DistinguishedFolderId Id=\"calendar\"/>\
             </m:ParentFolderIds></m:FindItem>",
        )
        .await;
    let id = found.split("<t:ItemId ").nth(1).and_then(|rest| rest.split("/>").next()).unwrap();
    let delete = format!(
        "<m:DeleteItem DeleteType=\"MoveToDeletedItems\" \
         SendMeetingCancellations=\"SendToAllAndSaveCopy\"><m:ItemIds><t:ItemId {id}/></m:ItemIds>\
         </m:DeleteItem>"
    );
    world.soap(BEN, &delete).await;
    let (event, fixed) = seen(&world, &item.id).await;
    assert!(event.meeting.unwrap().cancelled);
    assert!(fixed.contains(&Name::Subject.field()));
}

#[tokio::test]
async fn people_are_told_in_the_body_and_that_is_no_edit() {
    let mut world = World::new(Seed::Empty).await;
    let sim = Arc::new(SimTransport::new(world.sim.clone()));
    let plain = EwsRemote::new(config_of(DEFAULT_PASSWORD), sim, digester());
    world.change_remote(|remote| remote.with_travel(Travel::Note));
    for kind in [BodyKind::Text, BodyKind::Html] {
        let body = Body { kind, content: "Bring cake.".into() };
        let event = Event { uid: None, body: Some(body), ..theirs() };
        let item = world.create(1, &event).await.unwrap();
        let xml = raw(&world, &item.id).await;
        let body = |xml: &str| {
            xml.split("<t:Body ").nth(1).unwrap().split("</t:Body>").next().unwrap().to_owned()
        };
        assert!(body(&xml).contains("Bring cake.") && body(&xml).contains(CLARA), "{xml}");
        let (read, _) = seen(&world, &item.id).await;
        assert_eq!(meaning(&read), meaning(&event), "{read:#?}");

        // Other people: the body that stands there gets another block.
        let attendees = Some(vec![invited("dora@contoso.example")]);
        let patch = Event { attendees: attendees.clone(), ..Event::default() };
        let item = world.write(2, update(&item, patch)).await.unwrap();
        let noted = body(&raw(&world, &item.id).await);
        assert!(noted.contains("dora@") && noted.contains("cake") && !noted.contains(CLARA));
        // Another body: the block is that of the people who are invited.
        let other = Body { kind, content: "Bring tea.".into() };
        let patch = Event { body: Some(other.clone()), ..Event::default() };
        let item = world.write(3, update(&item, patch)).await.unwrap();
        let noted = body(&raw(&world, &item.id).await);
        assert!(noted.contains("dora@") && noted.contains("tea") && !noted.contains("cake"));
        let expected = Event { attendees, body: Some(other), ..event };
        let (read, _) = seen(&world, &item.id).await;
        assert_eq!(meaning(&read), meaning(&expected), "{read:#?}");
        // Whoever doesn't tell people in bodies sees no edit either.
        let read = plain.fetch(&world.calendar, &[item.id]).await.unwrap().remove(0);
        let sync_core::port::Fetched::Found(sighted) = read else { panic!("{read:?}") };
        assert_eq!(meaning(&event_of(&sighted)), meaning(&expected));
    }
    // Where the server knows the people, nothing is told besides.
    let item = world.create(4, &Event { uid: None, ..own() }).await.unwrap();
    let xml = raw(&world, &item.id).await;
    assert!(
        !xml.split("<t:Body ").nth(1).unwrap().split("</t:Body>").next().unwrap().contains(BEN)
    );
    world.nobody_was_mailed();
    validate(&world.wire.take());
}
