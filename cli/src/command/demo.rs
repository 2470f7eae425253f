//! `demo`: two mailboxes of the built-in Exchange, one by EWS and one by Graph, kept the same. Needs
//! no account, network or configuration, and leaves nothing behind.

mod office;

use super::{bundle, conflicts, explain, log, replay, sync};
use crate::config::Config;
use crate::context::{Context, Dice, Network};
use crate::exit::{Exit, Problem};
use crate::output::{self, Form};
use crate::session;
use office::Office;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};
use sync_driver::Stopper;

/// The demo's time, in milliseconds since 1970 UTC: its own, so that it is the same every time.
static NOW_MS: AtomicI64 = AtomicI64::new(0);

/// Shows it.
pub async fn run() -> Result<Exit, Problem> {
    let folder = tempfile::Builder::new()
        .prefix("evensync-demo-")
        .tempdir()
        .map_err(|e| Problem::failed(format!("the demo can't make a temporary folder ({e})")))?;
    let office = Office::open()?;
    NOW_MS.store(office.now_ms(), Ordering::Relaxed);
    let show = Show {
        config: office.configuration(folder.path())?,
        context: Context {
            clock: || NOW_MS.load(Ordering::Relaxed),
            now: || {
                UNIX_EPOCH + Duration::from_millis(NOW_MS.load(Ordering::Relaxed).unsigned_abs())
            },
            dice: Dice::Loaded(AtomicU64::new(1)),
            network: Network::BuiltIn(office.sim.clone()),
            stopper: Stopper::default(),
        },
        office,
    };
    show.opening(folder.path());
    show.first_run().await?;
    show.second_run().await?;
    show.third_run().await?;
    show.questions()?;
    show.bundle(folder.path())?;
    output::line("");
    output::line("Everything went as it should. The demo's folder is gone; now try your own:");
    output::line(
        "  evensync sim --seed demo      the same Exchange as a server, for your own tests",
    );
    output::line("  evensync config schema        what evensync.toml may hold");
    output::line(
        "  evensync sync --dry-run       a first look at real mailboxes; it writes nothing",
    );
    Ok(Exit::Clean)
}

struct Show {
    office: Office,
    config: Config,
    context: Context,
}

impl Show {
    fn opening(&self, folder: &Path) {
        title("Two mailboxes");
        output::line(format!(
            "A built-in Exchange runs in this process. {} is reached by EWS, as a server on premises; \
             {} by Microsoft Graph. Nothing leaves this machine, and all files lie in {} until the \
             demo ends.",
            office::ANNA,
            office::BEN,
            folder.display()
        ));
        output::line(format!("  {}", self.office.counts()));
    }

    async fn first_run(&self) -> Result<(), Problem> {
        title("Run 1: evensync sync");
        self.sync(sync::Args::default(), Exit::Clean).await?;
        output::line(format!("  {}", self.office.counts()));
        self.same()
    }

    async fn second_run(&self) -> Result<(), Problem> {
        self.pass_an_hour();
        title("An hour later, both sides have changed");
        for change in self.office.change()? {
            output::line(format!("  {change}"));
        }
        title("The plan: evensync sync --dry-run");
        self.sync(sync::Args { dry_run: true, ..sync::Args::default() }, Exit::Clean).await?;
        title("Run 2: evensync sync");
        self.sync(sync::Args::default(), Exit::Clean).await?;
        self.same()
    }

    async fn third_run(&self) -> Result<(), Problem> {
        self.pass_an_hour();
        title("Run 3: evensync sync");
        let before = self.office.writes();
        self.sync(sync::Args::default(), Exit::Clean).await?;
        if self.office.writes() != before {
            return Err(wrong("a run without changes wrote something"));
        }
        output::line(
            "  No request of this run changed anything, and so it is with every run after it.",
        );
        Ok(())
    }

    fn questions(&self) -> Result<(), Problem> {
        let store = session::open_to_read(&self.config, &self.context)?;
        let link = crate::item::find(&store, &self.config, office::DISPUTED)?;
        title("Which conflicts were there? evensync conflicts list");
        let list = conflicts::Action::List { json: false };
        conflicts::run(&list, &self.config, &self.context)?;
        title(&format!("What happened to an item? evensync log \"{}\"", office::DISPUTED));
        log::of_item(&store, link, Form::Text)?;
        title(&format!("And why? evensync explain \"{}\"", office::DISPUTED));
        explain::of_item(&store, link, Form::Text)?;
        title("Is that really what was decided? evensync replay");
        let replayed = replay::of_journal(&store)?;
        ended_with(replayed.tell(Form::Text), Exit::Clean)
    }

    /// A bundle of the journal, replayed where there is nothing but the bundle.
    fn bundle(&self, folder: &Path) -> Result<(), Problem> {
        title("And on someone else's machine? evensync bundle --redact, evensync replay BUNDLE");
        let elsewhere = folder.join("elsewhere");
        std::fs::create_dir(&elsewhere)
            .map_err(|e| Problem::failed(format!("the demo can't make a folder ({e})")))?;
        let store = session::open_to_read(&self.config, &self.context)?;
        let path = elsewhere.join("evensync-bundle.jsonl");
        let (path, records) = bundle::write(&store, Some(&path), &self.context)?;
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        if let Some(word) = self.office.words().into_iter().find(|word| text.contains(word)) {
            return Err(wrong(&format!("the bundle holds `{word}`")));
        }
        output::line(format!(
            "  {records} records, {} bytes, in an empty folder; no subject, address or id of either \
             mailbox is in it.",
            text.len()
        ));
        ended_with(replay::of_bundle(&path)?.tell(Form::Text), Exit::Clean)
    }

    async fn sync(&self, args: sync::Args, expected: Exit) -> Result<(), Problem> {
        ended_with(sync::run(&args, &self.config, &self.context).await?, expected)
    }

    fn pass_an_hour(&self) {
        self.office.pass_an_hour();
        NOW_MS.store(self.office.now_ms(), Ordering::Relaxed);
    }

    fn same(&self) -> Result<(), Problem> {
        match self.office.difference() {
            Some(difference) => Err(wrong(&format!("the two sides differ: {difference}"))),
            None => {
                output::line(
                    "  Compared item by item: both mailboxes hold the same. Nobody was mailed.",
                );
                Ok(())
            }
        }
    }
}

fn title(text: &str) {
    output::line("");
    output::line(format!("== {text}"));
}

fn ended_with(exit: Exit, expected: Exit) -> Result<(), Problem> {
    if exit == expected {
        Ok(())
    } else {
        Err(wrong(&format!("a step ended with {} and not with {}", exit.code(), expected.code())))
    }
}

fn wrong(what: &str) -> Problem {
    Problem::failed(format!("the demo went wrong: {what}; please report it"))
}
