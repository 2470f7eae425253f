//! Calendars that are made, renamed and deleted.

use crate::scene::{ANNA, BEN, Ran, Scene};
use exchange_sim::store::{
    Content, DeleteType, Folder, FolderId, Mailbox, Role, Zone, ZonedTime, folder,
};
use jiff::SignedDuration;

impl Scene {
    fn mailbox<R>(&self, address: &str, work: impl FnOnce(&mut Mailbox) -> R) -> R {
        self.sim.advance(SignedDuration::from_secs(60));
        self.sim.with(|world| work(world.mailbox_mut(address).expect("a mailbox of the scene")))
    }

    fn make_calendar(&self, address: &str, name: &str) {
        self.mailbox(address, |mailbox| {
            let parent = mailbox.role(Role::Calendar);
            mailbox.create_folder(parent, name, folder::CALENDAR_CLASS).expect("a free name");
        });
    }

    fn rename_calendar(&self, address: &str, name: &str, new: &str) {
        self.mailbox(address, |mailbox| {
            let id = calendar(mailbox, name).expect("such a calendar").id;
            mailbox.rename_folder(id, new).expect("a free name");
        });
    }

    fn delete_calendar(&self, address: &str, name: &str) {
        self.mailbox(address, |mailbox| {
            let id = calendar(mailbox, name).expect("such a calendar").id;
            mailbox.delete_folder(id, DeleteType::MoveToDeletedItems).expect("not protected");
        });
    }

    /// Makes an event in a calendar.
    fn create_in(&self, address: &str, name: &str, subject: &str) {
        let now = self.sim.with(|world| world.now());
        self.mailbox(address, |mailbox| {
            let utc = now + SignedDuration::from_hours(24);
            let at = |utc| ZonedTime { utc, zone: Zone::utc() };
            let content = Content::event(subject, at(utc), at(utc + SignedDuration::from_hours(1)));
            let id = calendar(mailbox, name).expect("such a calendar").id;
            mailbox.create(id, content).expect("a valid event");
        });
    }

    /// The calendars of a mailbox, each with the subjects in it.
    fn calendars(&self, address: &str) -> Vec<(String, Vec<String>)> {
        self.mailbox(address, |mailbox| {
            let trash = mailbox.role(Role::DeletedItems);
            let standing = mailbox.folders().filter(|f| f.is_calendar());
            let standing = standing.filter(|folder| !mailbox.is_below(folder.id, trash));
            let mut calendars: Vec<_> = standing
                .map(|folder| (folder.name.clone(), subjects(mailbox, folder.id)))
                .collect();
            calendars.sort();
            calendars
        })
    }

    /// Runs until nothing is left to do.
    #[track_caller]
    fn settles(&self) -> Ran {
        let first = self.run(&["sync"]).ends(0);
        let again = self.run(&["sync", "--json"]).ends(0).json();
        for side in ["a", "b"] {
            for what in ["created", "updated", "deleted"] {
                assert_eq!(again["pairs"][0][side][what], 0, "{again}");
            }
        }
        first
    }

    #[track_caller]
    fn both_have(&self, expected: &[(&str, &[&str])]) {
        let expected: Vec<(String, Vec<String>)> = expected
            .iter()
            .map(|(name, subjects)| {
                ((*name).to_owned(), subjects.iter().map(|s| (*s).to_owned()).collect())
            })
            .collect();
        for address in [ANNA, BEN] {
            assert_eq!(self.calendars(address), expected, "{address}");
        }
    }
}

fn calendar<'m>(mailbox: &'m Mailbox, name: &str) -> Option<&'m Folder> {
    mailbox.folders().find(|folder| folder.is_calendar() && folder.name == name)
}

fn subjects(mailbox: &Mailbox, id: FolderId) -> Vec<String> {
    let mut subjects: Vec<String> =
        mailbox.items_in(id).map(|item| item.content.subject.clone()).collect();
    subjects.sort();
    subjects
}

#[test]
fn all_calendars_go_both_ways_with_their_events() {
    let scene = Scene::new("calendars = 'all'");
    scene.create(ANNA, "Jour fixe");
    scene.make_calendar(ANNA, "Projects");
    scene.create_in(ANNA, "Projects", "Launch");
    scene.make_calendar(BEN, "Holidays / 2027");
    scene.create_in(BEN, "Holidays / 2027", "Crete");
    // The same calendar on both sides, before the first run.
    scene.make_calendar(ANNA, "Team");
    scene.make_calendar(BEN, "TEAM");
    scene.create_in(BEN, "TEAM", "Retro");
    scene.settles();
    let named = |address| -> Vec<_> {
        scene.calendars(address).into_iter().map(|(name, s)| (name.to_lowercase(), s)).collect()
    };
    assert_eq!(named(ANNA), named(BEN));
    let expected = [
        ("Calendar", "Jour fixe"),
        ("Holidays / 2027", "Crete"),
        ("Projects", "Launch"),
        ("Team", "Retro"),
    ];
    let expected = expected.map(|(name, subject)| (name.to_owned(), vec![subject.to_owned()]));
    assert_eq!(scene.calendars(ANNA), expected);
}

#[test]
fn a_renamed_calendar_keeps_its_events() {
    let scene = Scene::new("calendars = 'all'");
    scene.make_calendar(ANNA, "Projects");
    scene.create_in(ANNA, "Projects", "Launch");
    scene.settles();
    scene.rename_calendar(BEN, "Projects", "Projekte");
    scene.create_in(BEN, "Projekte", "Review");
    let ran = scene.run(&["sync", "--json"]).ends(0).json();
    assert_eq!(ran["pairs"][0]["a"]["updated"], 1, "the name: {ran}");
    assert_eq!(ran["pairs"][0]["a"]["created"], 1, "the event: {ran}");
    assert_eq!(ran["pairs"][0]["b"]["created"], 0, "{ran}");
    scene.both_have(&[("Calendar", &[]), ("Projekte", &["Launch", "Review"])]);
    // Both sides give another name: the rule decides, and what lost is kept.
    scene.rename_calendar(ANNA, "Projekte", "Vorhaben");
    scene.rename_calendar(BEN, "Projekte", "Plans");
    scene.settles();
    scene.both_have(&[("Calendar", &[]), ("Vorhaben", &["Launch", "Review"])]);
    let conflicts = scene.run(&["conflicts", "list"]).ends(0).out;
    assert!(conflicts.contains("one/calendars") && conflicts.contains("Plans"), "{conflicts}");
}

#[test]
fn no_calendar_is_deleted_unasked() {
    let scene = Scene::new("calendars = 'all'");
    for name in ["Projects", "Team"] {
        scene.make_calendar(ANNA, name);
        scene.create_in(ANNA, name, name);
    }
    scene.settles();
    scene.delete_calendar(ANNA, "Team");
    scene.create(ANNA, "Jour fixe");
    let held = scene.run(&["sync"]).ends(3);
    assert!(held.out.contains("no calendar is deleted unasked"), "{}", held.out);
    assert!(held.out.contains("Microsoft doesn't say"), "{}", held.out);
    assert!(held.out.contains("evensync sync one --force-delete 1"), "{}", held.out);
    // Nothing was written: the new event waits, too.
    assert_eq!(scene.calendars(BEN)[0].1, Vec::<String>::new());
    let json = scene.run(&["sync", "--json"]).ends(3).json();
    assert_eq!(json["pairs"][0]["held"]["number"], 1, "{json}");
    let plan = scene.run(&["sync", "--dry-run"]).ends(3).out;
    assert!(plan.contains("delete in b") && plan.contains("Team"), "{plan}");
    assert!(plan.contains("create in b") && plan.contains("Jour fixe"), "{plan}");
    scene.run(&["sync", "one", "--force-delete", "2"]).ends(3);
    scene.run(&["sync", "one", "--plan-out", "plan.json"]).ends(3);
    scene.run(&["apply", "plan.json"]).ends(3);
    scene.run(&["sync", "one", "--force-delete", "1"]).ends(0);
    scene.settles();
    scene.both_have(&[("Calendar", &["Jour fixe"]), ("Projects", &["Projects"])]);
}

#[test]
fn a_named_calendar_is_made_where_it_is_missing() {
    let scene = Scene::new("calendars = ['Calendar', 'Team']");
    scene.make_calendar(BEN, "Team");
    scene.create_in(BEN, "Team", "Retro");
    scene.make_calendar(BEN, "Private");
    let plan = scene.run(&["sync", "--dry-run"]).ends(0).out;
    assert!(plan.contains("create in a") && plan.contains("Team"), "{plan}");
    assert_eq!(scene.calendars(ANNA).len(), 1);
    scene.settles();
    let team = ("Team".to_owned(), vec!["Retro".to_owned()]);
    assert_eq!(scene.calendars(ANNA)[1], team);
    assert_eq!(scene.calendars(ANNA).len(), 2);
    // It is the same calendar under another name, in the same state.
    scene.rename_calendar(ANNA, "Team", "Mannschaft");
    scene.settles();
    assert_eq!(scene.calendars(BEN)[1], ("Mannschaft".to_owned(), vec!["Retro".to_owned()]));
    assert_eq!(scene.calendars(BEN)[2].0, "Private");
}

#[test]
fn calendars_of_different_names_keep_them() {
    let scene = Scene::new("calendars = { 'Calendar' = 'Backup', 'Work' = 'Arbeit' }");
    scene.create(ANNA, "Jour fixe");
    scene.make_calendar(ANNA, "Work");
    scene.create_in(ANNA, "Work", "Launch");
    scene.settles();
    let expected = [("Arbeit", "Launch"), ("Backup", "Jour fixe")]
        .map(|(name, subject)| (name.to_owned(), vec![subject.to_owned()]));
    assert_eq!(scene.calendars(BEN)[..2], expected);
    assert_eq!(scene.calendars(BEN)[2], ("Calendar".to_owned(), vec![]));
}

#[test]
fn a_taken_name_is_said_and_nothing_else_waits() {
    let scene = Scene::new("calendars = 'all'");
    scene.make_calendar(ANNA, "Plans");
    scene.settles();
    // One side renames to the name that the other gives to a new calendar.
    scene.rename_calendar(ANNA, "Plans", "Ideas");
    scene.make_calendar(BEN, "Ideas");
    scene.create(BEN, "Jour fixe");
    let ran = scene.run(&["sync"]).ends(2);
    assert!(ran.out.contains("another folder called \"Ideas\""), "{}", ran.out);
    let status = scene.run(&["status", "--json"]).ends(0).json();
    assert_eq!(status["pairs"][0]["set_aside"], 2, "{status}");
    let again = scene.run(&["sync", "--json"]).ends(2).json();
    let skipped = &again["pairs"][0]["skipped"][0];
    assert_eq!(skipped["error"], "ErrorFolderExists", "{again}");
    let why = scene.run(&["explain", skipped["link"].as_str().expect("an id")]).ends(0);
    assert!(why.out.contains("Ideas"), "{}", why.out);
    assert_eq!(scene.calendars(ANNA)[0].1, ["Jour fixe"]);
}

#[test]
fn a_plan_of_calendars_is_carried_out_as_it_was_made() {
    let scene = Scene::new("calendars = 'all'");
    scene.make_calendar(ANNA, "Team");
    scene.create(ANNA, "Jour fixe");
    scene.run(&["sync", "one", "--plan-out", "plan.json"]).ends(0);
    scene.make_calendar(ANNA, "Later");
    scene.run(&["apply", "plan.json"]).ends(0);
    let names = |address| -> Vec<String> {
        scene.calendars(address).into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names(BEN), ["Calendar", "Team"]);
    scene.run(&["apply", "plan.json"]).ends(1);
    scene.settles();
    assert_eq!(names(BEN), ["Calendar", "Later", "Team"]);
}

#[test]
fn what_was_known_by_name_goes_on_as_it_was() {
    let scene = Scene::new("calendars = ['Calendar', 'Team']");
    scene.make_calendar(ANNA, "Team");
    scene.create_in(ANNA, "Team", "Retro");
    scene.create(ANNA, "Jour fixe");
    scene.settles();
    let cursors = || {
        let status = scene.run(&["status", "--json"]).ends(0).json();
        let cursors = status["pairs"][0]["cursors"].as_array().expect("a list").clone();
        let mut ids: Vec<String> =
            cursors.iter().map(|cursor| cursor["collection"].to_string()).collect();
        ids.sort();
        ids
    };
    let before = cursors();
    scene.reconfigure("['Calendar', 'Team']", "'all'");
    scene.rename_calendar(BEN, "Team", "Crew");
    scene.settles();
    scene.both_have(&[("Calendar", &["Jour fixe"]), ("Crew", &["Retro"])]);
    assert_eq!(cursors(), before);
}

#[test]
fn a_deletion_comes_with_a_plan_that_can_be_carried_out() {
    let scene = Scene::new("calendars = 'all'");
    scene.make_calendar(ANNA, "Team");
    scene.settles();
    scene.delete_calendar(BEN, "Team");
    scene.create(ANNA, "Jour fixe");
    scene.run(&["sync", "one", "--plan-out", "plan.json"]).ends(3);
    scene.run(&["apply", "plan.json", "--force-delete", "1"]).ends(0);
    scene.both_have(&[("Calendar", &["Jour fixe"])]);
}

#[test]
fn a_local_store_has_calendars_like_any_side() {
    let scene = Scene::new(
        "[pair.local]\na = { endpoint = 'here', mailbox = 'anna' }\nb = { endpoint = 'office', mailbox = 'anna@contoso.example' }\ncalendars = 'all'",
    );
    let exported = |name| {
        let file = format!("{name}.ics");
        scene.run(&["export", "here", &file, "--calendar", name]).ends(0);
        std::fs::read_to_string(scene.path(&file)).expect("just written")
    };
    scene.make_calendar(ANNA, "Team");
    scene.create_in(ANNA, "Team", "Retro");
    scene.run(&["sync", "local"]).ends(0);
    assert!(exported("Team").contains("SUMMARY:Retro"));
    scene.rename_calendar(ANNA, "Team", "Crew");
    scene.run(&["sync", "local"]).ends(0);
    assert!(exported("Crew").contains("SUMMARY:Retro"));
}

#[test]
fn a_source_is_never_written_to() {
    let scene = Scene::new("calendars = 'all'\ndirection = 'a-to-b'");
    scene.make_calendar(ANNA, "Team");
    scene.make_calendar(BEN, "Own");
    scene.run(&["sync"]).ends(0);
    let names = |address| -> Vec<String> {
        scene.calendars(address).into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names(ANNA), ["Calendar", "Team"]);
    assert_eq!(names(BEN), ["Calendar", "Own", "Team"]);
    scene.rename_calendar(BEN, "Team", "Mine");
    scene.delete_calendar(BEN, "Own");
    scene.run(&["sync"]).ends(0);
    assert_eq!(names(ANNA), ["Calendar", "Team"]);
    assert_eq!(names(BEN), ["Calendar", "Mine"]);
}
