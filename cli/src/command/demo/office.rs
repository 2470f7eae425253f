//! The two mailboxes of the demo, and what people do in them.

use crate::config::Config;
use crate::exit::Problem;
use crate::output::count;
use exchange_sim::store::{Content, DeleteType, ItemId, Location, Mailbox, Role};
use exchange_sim::{Seed, Sim};
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The mailbox that is reached by EWS.
pub const ANNA: &str = "anna.vogt@contoso.example";
/// The mailbox that is reached by Graph.
pub const BEN: &str = "ben.carter@contoso.example";
/// The event that both change.
pub const DISPUTED: &str = "Kundentermin Tailspin Toys";

/// A built-in Exchange with two people at work.
pub struct Office {
    /// The Exchange.
    pub sim: Sim,
}

impl Office {
    /// Opens it, the same every time.
    pub fn open() -> Result<Self, Problem> {
        let config = exchange_sim::Config { seed: Seed::Demo, ..exchange_sim::Config::default() };
        let sim = Sim::new(config).map_err(|e| Problem::failed(e.to_string()))?;
        Ok(Self { sim })
    }

    /// A configuration in `folder` that keeps both mailboxes the same.
    pub fn configuration(&self, folder: &Path) -> Result<Config, Problem> {
        let ready = self.sim.ready_json("http://127.0.0.1");
        let text = |key: &str| ready[key].as_str().unwrap_or_default().to_owned();
        let secrets =
            [("password", exchange_sim::DEFAULT_PASSWORD.to_owned()), ("secret", text("secret"))];
        for (name, secret) in secrets {
            private(&folder.join(name), &secret)
                .map_err(|e| Problem::failed(format!("the demo can't write its files ({e})")))?;
        }
        let (ews, graph, authority) = (text("ews"), text("graph"), text("authority"));
        let (tenant, client) = (text("tenant"), text("client"));
        let toml = format!(
            r#"
[endpoint.office]
kind = "ews"
url = "{ews}"
auth = {{ kind = "basic", user = "{ANNA}", password = {{ file = "password" }} }}

[endpoint.cloud]
kind = "graph"
url = "{graph}"
authority = "{authority}"
auth = {{ kind = "client-secret", tenant = "{tenant}", client = "{client}", secret = {{ file = "secret" }} }}

[pair.demo]
a = {{ endpoint = "office", mailbox = "{ANNA}" }}
b = {{ endpoint = "cloud", mailbox = "{BEN}" }}
conflicts = "prefer-a"
"#
        );
        let path = folder.join(crate::config::DEFAULT_NAME);
        Config::from_text(&toml, &path)
    }

    /// The time there, in milliseconds since 1970 UTC.
    pub fn now_ms(&self) -> i64 {
        self.sim.with(|world| world.now().as_millisecond())
    }

    /// Lets an hour pass.
    pub fn pass_an_hour(&self) {
        self.sim.advance(SignedDuration::from_hours(1));
    }

    /// How much each calendar holds.
    pub fn counts(&self) -> String {
        let of = |address: &str| count(self.events(address).len() as u64, "event");
        format!("{ANNA} has {}, {BEN} has {}.", of(ANNA), of(BEN))
    }

    /// Two people at work for an hour; says what they did.
    pub fn change(&self) -> Result<Vec<&'static str>, Problem> {
        self.edit(ANNA, DISPUTED, |event| place(event, "Hamburg, Große Bleichen 3"))?;
        self.edit(BEN, DISPUTED, |event| place(event, "Teams"))?;
        self.edit(ANNA, "Workshop Hamburg", |event| place(event, "Besprechungsraum Alster"))?;
        self.edit(BEN, "Workshop Hamburg", |event| event.subject.push_str(" (2 days)"))?;
        self.edit(BEN, "Demo for Wingtip", |event| {
            if let Some(event) = event.as_event_mut() {
                event.start.utc += SignedDuration::from_hours(1);
                event.end.utc += SignedDuration::from_hours(1);
            }
        })?;
        self.delete(ANNA, "TÜV Gabelstapler")?;
        self.delete(BEN, "Winter drinks")?;
        self.delete(ANNA, "Company day")?;
        self.edit(BEN, "Company day", |event| place(event, "Brighton"))?;
        self.copy(ANNA, "Freigabe Messestand", "Freigabe Messestand, zweiter Anlauf")?;
        Ok(vec![
            "Anna moves \"Kundentermin Tailspin Toys\" to Große Bleichen 3; Ben moves his copy to Teams",
            "Anna gives \"Workshop Hamburg\" another room; Ben gives his copy another subject",
            "Ben moves \"Demo for Wingtip\" by an hour",
            "Anna deletes \"TÜV Gabelstapler\"; Ben deletes \"Winter drinks\"",
            "Anna deletes \"Company day\", while Ben moves it to Brighton",
            "Anna makes \"Freigabe Messestand, zweiter Anlauf\"",
        ])
    }

    /// How many requests changed something so far.
    pub fn writes(&self) -> usize {
        const WRITES: [&str; 3] = ["CreateItem", "UpdateItem", "DeleteItem"];
        self.sim.with(|world| {
            let recorded = world.requests.iter().map(|request| request.json());
            let writes = recorded.filter(|request| {
                let text = request["body"].to_string();
                let path = request["path"].as_str().unwrap_or_default().to_ascii_lowercase();
                if path.contains("exchange.asmx") {
                    return WRITES.iter().any(|operation| {
                        text.contains(&format!("{operation} "))
                            || text.contains(&format!("{operation}>"))
                    });
                }
                let reads = request["method"] == "GET" || path.contains("/token");
                !reads
                    && (!path.contains("$batch")
                        || text.contains("POST")
                        || text.contains("PATCH")
                        || text.contains("DELETE"))
            });
            writes.count()
        })
    }

    /// The first difference between the two calendars, if there is one; mail sent counts as one.
    pub fn difference(&self) -> Option<String> {
        if self.sim.with(|world| !world.sent.is_empty()) {
            return Some("something was mailed".to_owned());
        }
        let (anna, ben) = (self.events(ANNA), self.events(BEN));
        let keys: BTreeSet<&String> = anna.keys().chain(ben.keys()).collect();
        keys.into_iter()
            .find(|key| anna.get(*key) != ben.get(*key))
            .map(|key| format!("{key}: {} and {}", shown(anna.get(key)), shown(ben.get(key))))
    }

    /// What must not stand in a bundle.
    pub fn words(&self) -> Vec<String> {
        let mut words = vec![ANNA.to_owned(), BEN.to_owned(), "contoso".to_owned()];
        for address in [ANNA, BEN] {
            self.sim.with(|world| {
                let Some(mailbox) = world.mailbox(address) else { return };
                for item in mailbox.items() {
                    words.push(item.content.subject.clone());
                    words.push(mailbox.ews_id(item));
                    words.push(mailbox.graph_immutable_id(item.id));
                    words.push(mailbox.change_key(item));
                }
            });
        }
        words
    }

    /// The default calendar, each event as one comparable text.
    fn events(&self, address: &str) -> BTreeMap<String, String> {
        self.sim.with(|world| {
            let Some(mailbox) = world.mailbox(address) else { return BTreeMap::new() };
            let items = mailbox.items_in(mailbox.role(Role::Calendar));
            items.filter_map(|item| comparable(&item.content)).collect()
        })
    }

    fn edit(
        &self,
        address: &str,
        subject: &str,
        change: impl FnOnce(&mut Content),
    ) -> Result<(), Problem> {
        self.at(address, subject, |mailbox, id| {
            let mut content = mailbox.item(id)?.content.clone();
            change(&mut content);
            mailbox.update(id, None, content)
        })
    }

    fn delete(&self, address: &str, subject: &str) -> Result<(), Problem> {
        self.at(address, subject, |mailbox, id| mailbox.delete(id, DeleteType::MoveToDeletedItems))
    }

    /// Makes an event like another one, under another subject.
    fn copy(&self, address: &str, like: &str, subject: &str) -> Result<(), Problem> {
        self.at(address, like, |mailbox, id| {
            let mut content = mailbox.item(id)?.content.clone();
            content.subject = subject.to_owned();
            content.properties.clear();
            if let Some(event) = content.as_event_mut() {
                event.uid.clear();
            }
            mailbox.create(mailbox.role(Role::Calendar), content).map(drop)
        })
    }

    fn at(
        &self,
        address: &str,
        subject: &str,
        act: impl FnOnce(&mut Mailbox, ItemId) -> Result<(), exchange_sim::store::Error>,
    ) -> Result<(), Problem> {
        let failed =
            |what: &str| Problem::failed(format!("the demo can't change \"{subject}\": {what}"));
        self.sim.with(|world| {
            let mailbox = world.mailbox_mut(address).ok_or_else(|| failed("no such mailbox"))?;
            let calendar = mailbox.role(Role::Calendar);
            let found = mailbox.items_in(calendar).find(|item| item.content.subject == subject);
            let id = found.map(|item| item.id).ok_or_else(|| failed("no such event"))?;
            act(mailbox, id).map_err(|e| failed(&e.to_string()))
        })
    }
}

fn place(content: &mut Content, name: &str) {
    if let Some(event) = content.as_event_mut() {
        event.locations = vec![Location { name: name.to_owned(), ..Location::default() }];
    }
}

/// Subject and start, and everything that people see.
fn comparable(content: &Content) -> Option<(String, String)> {
    let event = content.as_event()?;
    let place = event.locations.first().map_or("", |location| location.name.as_str());
    let (start, end) = (&event.start, &event.end);
    let text = format!(
        "{} – {} ({}), all day {}, at “{place}”, {:?}, {:?}, {:?}, {:?}, {:?}, “{}”",
        start.utc,
        end.utc,
        start.zone.id(),
        event.all_day,
        event.show_as,
        content.categories,
        content.sensitivity,
        content.importance,
        (content.reminder.set, content.reminder.set.then_some(content.reminder.minutes)),
        content.body.as_text().trim(),
    );
    Some((format!("{} {}", start.utc, content.subject), text))
}

fn shown(event: Option<&String>) -> &str {
    event.map_or("nothing", String::as_str)
}

/// Writes a file that only its owner may read.
fn private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    std::io::Write::write_all(&mut options.open(path)?, text.as_bytes())
}
