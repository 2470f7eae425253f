//! A calendar of the local store, as `import` and `export` name it.

use crate::config::raw::EndpointKind;
use crate::config::{Config, Place, suggestion};
use crate::connect;
use crate::exit::{Exit, Problem};
use items::Digester;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use store_sqlite::{LocalReplica, replica};
use sync_core::ids::FolderId;
use sync_core::port::{Failure, Folder, FolderKind};

/// The name that means every mailbox's default calendar.
const DEFAULT: &str = "Calendar";

/// Which calendar is meant.
#[derive(Debug, clap::Args)]
pub struct Named {
    /// An endpoint of kind "local" in the configuration.
    #[arg(value_name = "ACCOUNT")]
    account: String,
    /// The mailbox in it; where the pairs and the store know one only, that is meant.
    #[arg(long, value_name = "NAME")]
    mailbox: Option<String>,
    /// The calendar; the default one, if none is named.
    #[arg(long, value_name = "NAME")]
    calendar: Option<String>,
}

/// A mailbox of a local store that is not opened yet.
#[derive(Debug)]
pub struct Account {
    /// The endpoint's name.
    pub name: String,
    /// The mailbox in it.
    pub mailbox: String,
    /// The calendar's name, as it was asked for.
    pub calendar: String,
    path: PathBuf,
}

/// An opened calendar.
pub struct Shelf {
    /// The store.
    pub replica: LocalReplica,
    /// The calendar.
    pub folder: FolderId,
    /// Its name.
    pub name: String,
    /// Whether it was made just now.
    pub made: bool,
}

impl Account {
    /// The one that `named` means. Nothing is made yet.
    pub fn of(named: &Named, config: &Config) -> Result<Self, Problem> {
        let path = path(&named.account, config)?;
        let mailbox = mailbox(named, config, &path)?;
        let calendar = named.calendar.clone().unwrap_or_else(|| DEFAULT.to_owned());
        if calendar.trim().is_empty() {
            return Err(Problem::usage("--calendar: write the name of a calendar"));
        }
        Ok(Self { name: named.account.clone(), mailbox, calendar, path })
    }

    /// Opens it to write: store, mailbox and calendar are made where there are none.
    pub fn open_to_write(&self) -> Result<Shelf, Problem> {
        let replica = self.replica()?;
        if let Some(folder) = self.find(&self.folders(&replica)?) {
            return Ok(Shelf { replica, folder: folder.id, name: folder.name, made: false });
        }
        let made = replica.create_folder(&self.calendar, FolderKind::Calendar);
        let folder = made.map_err(|failure| self.problem(&failure))?;
        Ok(Shelf { replica, folder, name: self.calendar.clone(), made: true })
    }

    /// Opens it to read: what isn't there is not made.
    pub fn open_to_read(&self) -> Result<Shelf, Problem> {
        let known = replica::mailboxes(&self.path).map_err(|e| connect::local_problem(&e))?;
        if !known.iter().any(|name| name.eq_ignore_ascii_case(&self.mailbox)) {
            return Err(Problem::failed(format!(
                "{} holds nothing of {} yet; `evensync sync` or `evensync import` fills it",
                self.path.display(),
                self.mailbox
            )));
        }
        let replica = self.replica()?;
        let folders = self.folders(&replica)?;
        match self.find(&folders) {
            Some(folder) => {
                Ok(Shelf { replica, folder: folder.id, name: folder.name, made: false })
            }
            None => {
                let names: Vec<&str> = folders.iter().map(|folder| folder.name.as_str()).collect();
                Err(Problem::usage(format!(
                    "{} of {} has no calendar \"{}\"{} (calendars: {})",
                    self.mailbox,
                    self.name,
                    self.calendar,
                    suggestion(&self.calendar, names.iter().copied()),
                    names.join(", ")
                )))
            }
        }
    }

    /// What a failure of its store means.
    pub fn problem(&self, failure: &Failure) -> Problem {
        let detail = failure.trouble().detail.trim_end_matches('.');
        let exit = match failure {
            Failure::Transient(_) | Failure::Throttled { .. } => Exit::TryLater,
            Failure::Unauthorized(_)
            | Failure::InDoubt(_)
            | Failure::CursorExpired(_)
            | Failure::Stale(_)
            | Failure::Missing(_)
            | Failure::Permanent(_) => Exit::Failed,
        };
        Problem::new(exit, detail)
    }

    /// Nothing here is stamped or compared, so that no state file is needed.
    fn replica(&self) -> Result<LocalReplica, Problem> {
        LocalReplica::open(&self.path, &self.mailbox, Digester::new([0; 32]), "")
            .map_err(|e| connect::local_problem(&e))
    }

    fn folders(&self, replica: &LocalReplica) -> Result<Vec<Folder>, Problem> {
        let mut folders = replica.list_folders().map_err(|failure| self.problem(&failure))?;
        folders.retain(|folder| folder.kind == FolderKind::Calendar);
        Ok(folders)
    }

    fn find(&self, folders: &[Folder]) -> Option<Folder> {
        let exact = folders.iter().find(|folder| folder.name == self.calendar);
        let same = |folder: &&Folder| folder.name.eq_ignore_ascii_case(&self.calendar);
        let default =
            |folder: &&Folder| folder.is_default && self.calendar.eq_ignore_ascii_case(DEFAULT);
        let found = exact.or_else(|| folders.iter().find(same));
        found.or_else(|| folders.iter().find(default)).cloned()
    }
}

/// The store's file.
fn path(account: &str, config: &Config) -> Result<PathBuf, Problem> {
    let endpoints = &config.file.endpoint;
    let local = || {
        let local = endpoints.iter().filter(|(_, e)| e.kind == EndpointKind::Local);
        local.map(|(name, _)| name.as_str())
    };
    let known = local().collect::<Vec<_>>().join(", ");
    let known = if known.is_empty() { "none".to_owned() } else { known };
    let Some(endpoint) = endpoints.get(account) else {
        return Err(Problem::usage(format!(
            "{} has no endpoint `{account}`{} (endpoints of kind \"local\": {known})",
            config.path.display(),
            suggestion(account, endpoints.keys().map(String::as_str)),
        )));
    };
    match Place::of(config, account, endpoint) {
        Ok(Place::Local { path, .. }) => Ok(path),
        Err(problems) if endpoint.kind == EndpointKind::Local => {
            Err(Problem::configuration(format!("{}; nothing was done", problems.join("\n"))))
        }
        Ok(Place::Ews { .. } | Place::Graph { .. }) | Err(_) => Err(Problem::usage(format!(
            "`{account}` is of kind \"{}\": files go to and come from endpoints of kind \"local\" \
             only ({known}). Let a pair keep one of those the same as `{account}`, and run \
             `evensync sync`.",
            endpoint.kind.as_str()
        ))),
    }
}

/// The mailbox that is named, or the only one there is.
fn mailbox(named: &Named, config: &Config, path: &Path) -> Result<String, Problem> {
    if let Some(mailbox) = &named.mailbox {
        return match mailbox.trim() {
            "" => Err(Problem::usage("--mailbox: write the name of a mailbox")),
            _ => Ok(mailbox.clone()),
        };
    }
    let sides = config.file.pair.values().flat_map(|pair| [&pair.a, &pair.b]);
    let paired = sides.filter(|side| side.endpoint == named.account).map(|side| &side.mailbox);
    let stored = replica::mailboxes(path).map_err(|e| connect::local_problem(&e))?;
    // A mailbox is the same whatever the case of its letters.
    let all = paired.chain(&stored).map(|name| (name.to_ascii_lowercase(), name.clone()));
    let all: BTreeMap<String, String> = all.collect();
    let mut names = all.into_values();
    match (names.next(), names.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(Problem::usage(format!(
            "`{}` holds no mailbox yet, and no pair names one: say which with --mailbox NAME",
            named.account
        ))),
        (Some(first), Some(second)) => {
            let names: Vec<String> = [first, second].into_iter().chain(names).collect();
            Err(Problem::usage(format!(
                "`{}` has more than one mailbox: say which with --mailbox NAME ({})",
                named.account,
                names.join(", ")
            )))
        }
    }
}
