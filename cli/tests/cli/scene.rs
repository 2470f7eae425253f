//! A folder with a configuration, a built-in Exchange behind it, and the command.

use exchange_sim::server::Server;
use exchange_sim::store::{Content, DeleteType, Location, Role, Zone, ZonedTime};
use exchange_sim::{Login, Sim};
use jiff::SignedDuration;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

pub const ANNA: &str = "anna@contoso.example";
pub const BEN: &str = "ben@contoso.example";
pub const PASSWORD: &str = "Passw0rd.of.anna";
pub const SECRET: &str = "sim~Secret.of-the.built-in_Exchange";

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn json(&self) -> Value {
        serde_json::from_str(self.out.trim())
            .unwrap_or_else(|e| panic!("no JSON ({e}): {} {}", self.out, self.err))
    }

    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }
}

/// Runs the command in `folder`.
pub fn evensync(folder: &Path, arguments: &[&str]) -> Ran {
    evensync_with(folder, arguments, &[])
}

/// Runs the command in `folder`, with more environment.
pub fn evensync_with(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Ran {
    let output = command(folder, arguments)
        .envs(environment.iter().copied())
        .output()
        .expect("the command runs");
    Ran {
        code: output.status.code().expect("it ends by itself"),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

/// The command in `folder`, ready to run.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evensync"));
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .env("ANNA_PASSWORD", PASSWORD)
        .env("CLOUD_SECRET", SECRET)
        .env_remove("EVENSYNC_CONFIG")
        .env_remove("RUST_LOG")
        .env("NO_COLOR", "1");
    command
}

/// Two empty mailboxes behind a server, and a configuration for them.
pub struct Scene {
    pub sim: Sim,
    pub folder: TempDir,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Scene {
    /// `settings` are lines of the pair's table.
    pub fn new(settings: &str) -> Self {
        let login = |address: &str| Login { address: address.into(), password: PASSWORD.into() };
        let config = exchange_sim::Config {
            mailboxes: vec![login(ANNA), login(BEN)],
            ..exchange_sim::Config::default()
        };
        let sim = Sim::new(config).expect("a valid configuration");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("threads");
        let address = "127.0.0.1:0".parse().expect("an address");
        let server = runtime.block_on(Server::bind(sim.clone(), address)).expect("a free port");
        let ready = server.ready_json();
        runtime.spawn(server.serve(std::future::pending()));
        let scene = Self {
            sim,
            folder: tempfile::tempdir().expect("a temporary folder"),
            runtime: Some(runtime),
        };
        std::fs::write(scene.path("evensync.toml"), configuration(&ready, settings))
            .expect("writable");
        scene
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        evensync(self.folder.path(), arguments)
    }

    pub fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Ran {
        evensync_with(self.folder.path(), arguments, environment)
    }

    /// Makes an event a day after the virtual now.
    pub fn create(&self, address: &str, subject: &str) {
        self.sim.with(|world| {
            let utc = world.now() + SignedDuration::from_hours(24);
            let at = |utc| ZonedTime { utc, zone: Zone::utc() };
            let content = Content::event(subject, at(utc), at(utc + SignedDuration::from_hours(1)));
            let mailbox = world.mailbox_mut(address).expect("a mailbox of the scene");
            mailbox.create(mailbox.role(Role::Calendar), content).expect("a valid event");
        });
    }

    /// Gives the event called `subject` another place.
    pub fn place(&self, address: &str, subject: &str, place: &str) {
        self.sim.advance(SignedDuration::from_secs(60));
        self.sim.with(|world| {
            let mailbox = world.mailbox_mut(address).expect("a mailbox of the scene");
            let item = mailbox.items().find(|item| item.content.subject == subject);
            let (id, mut content) =
                item.map(|item| (item.id, item.content.clone())).expect("such an event");
            let event = content.as_event_mut().expect("an event");
            event.locations = vec![Location { name: place.to_owned(), ..Location::default() }];
            mailbox.update(id, None, content).expect("it is there");
        });
    }

    /// Writes something else into the configuration.
    pub fn reconfigure(&self, old: &str, new: &str) {
        let path = self.path("evensync.toml");
        let text = std::fs::read_to_string(&path).expect("our file");
        assert!(text.contains(old), "{old} is not in:\n{text}");
        std::fs::write(&path, text.replace(old, new)).expect("writable");
    }

    /// Deletes the events called `subject`.
    pub fn delete(&self, address: &str, subject: &str) {
        self.delete_all(address, |found| found == subject);
    }

    /// Deletes all events of a mailbox.
    pub fn empty(&self, address: &str) {
        self.delete_all(address, |_| true);
    }

    fn delete_all(&self, address: &str, wanted: impl Fn(&str) -> bool) {
        self.sim.advance(SignedDuration::from_secs(60));
        self.sim.with(|world| {
            let mailbox = world.mailbox_mut(address).expect("a mailbox of the scene");
            let calendar = mailbox.role(Role::Calendar);
            let items = mailbox.items_in(calendar);
            let ids: Vec<_> =
                items.filter(|item| wanted(&item.content.subject)).map(|item| item.id).collect();
            for id in ids {
                mailbox.delete(id, DeleteType::MoveToDeletedItems).expect("it is there");
            }
        });
    }

    /// Subjects and places of a calendar, sorted.
    pub fn events(&self, address: &str) -> Vec<(String, String)> {
        self.sim.with(|world| {
            let mailbox = world.mailbox(address).expect("a mailbox of the scene");
            let items = mailbox.items_in(mailbox.role(Role::Calendar));
            let mut events: Vec<_> = items
                .map(|item| {
                    let event = item.content.as_event().expect("an event");
                    let place = event.locations.first().map(|l| l.name.clone()).unwrap_or_default();
                    (item.content.subject.clone(), place)
                })
                .collect();
            events.sort();
            events
        })
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn configuration(ready: &Value, settings: &str) -> String {
    let text = |key: &str| ready[key].as_str().expect("in the ready line").to_owned();
    let (ews, graph, authority) = (text("ews"), text("graph"), text("authority"));
    let (tenant, client) = (text("tenant"), text("client"));
    format!(
        r#"
[endpoint.office]
kind = "ews"
url = "{ews}"
auth = {{ kind = "basic", user = "{ANNA}", password = {{ env = "ANNA_PASSWORD" }} }}

[endpoint.cloud]
kind = "graph"
url = "{graph}"
authority = "{authority}"
auth = {{ kind = "client-secret", tenant = "{tenant}", client = "{client}", secret = {{ env = "CLOUD_SECRET" }} }}

[endpoint.here]
kind = "local"
path = "here.db"

[pair.one]
a = {{ endpoint = "office", mailbox = "{ANNA}" }}
b = {{ endpoint = "cloud", mailbox = "{BEN}" }}
{settings}
"#
    )
}
