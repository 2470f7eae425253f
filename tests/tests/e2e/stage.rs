//! Two places, a state file, and a process that runs again and again.

use super::chaos::{Chaos, Kill, Line, Meddler, Mortal};
use super::clock::{self, Timeless};
use super::look::{self, Look};
use super::place::Place;
use entra_auth::{ClientSecret, DEFAULT_AUTHORITY, TokenSource};
use ews_adapter::EwsRemote;
use exchange_sim::{DEFAULT_PASSWORD, Login, Seed, Sim};
use graph_adapter::GraphRemote;
use items::hierarchy::Shelf;
use items::{Digester, Event};
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store_sqlite::{Holder, LocalReplica, SqliteStore};
use sync_core::engine::{Mode, Order, Report, Stop, Waiting};
use sync_core::ids::{FolderId, PairId, ReplicaId, RunId};
use sync_core::journal::{Configured, Entry, Seq};
use sync_core::policy::{Brake, Conflicts, Direction, Policy, Rule};
use sync_core::port::{Files, Loaded, Query, Remote, Store};
use sync_core::replay::Replay;
use sync_core::state::Conflict;
use sync_driver::{Driver, Stopper, Watcher};
use tempfile::TempDir;

/// The mailbox of side a, and of side b.
pub const ADDRESSES: [&str; 2] = ["anna@contoso.example", "ben@contoso.example"];

/// How a side is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Ews,
    Graph,
    Local,
}

/// What is kept the same, and how.
#[derive(Debug, Clone)]
pub struct Setup {
    pub kinds: [Kind; 2],
    pub random_seed: u64,
    pub seed: Seed,
    pub rule: Rule,
    pub direction: Direction,
    pub window: Option<(i64, i64)>,
}

impl Setup {
    pub fn of(a: Kind, b: Kind) -> Self {
        Self {
            kinds: [a, b],
            random_seed: 1,
            seed: Seed::Empty,
            rule: Rule::Prefer(ReplicaId::A),
            direction: Direction::TwoWay,
            window: None,
        }
    }
}

/// The stage.
pub struct Stage {
    pub sim: Sim,
    pub setup: Setup,
    pub places: [Place; 2],
    timeless: Arc<Timeless>,
    folder: TempDir,
    pub folders: [FolderId; 2],
    addresses: [&'static str; 2],
    /// The local store.
    local: PathBuf,
    runs: u64,
}

/// A side as the engine's replica, and as the owner of its calendars.
pub type Faces = (Arc<dyn Remote>, Arc<dyn Shelf>);

fn faces<R: Remote + Shelf + 'static>(replica: R) -> Faces {
    let replica = Arc::new(replica);
    (replica.clone(), replica)
}

/// How a run is to go.
#[derive(Default)]
pub struct Going {
    pub kill: Option<Kill>,
    pub meddler: Option<Meddler>,
    pub allowed: Option<u64>,
    /// What servers say, and what arrives instead.
    pub garble: Option<[&'static str; 2]>,
}

impl Stage {
    pub fn new(setup: Setup, timeless: &Arc<Timeless>) -> Self {
        let sim = exchange(&ADDRESSES, setup.random_seed, setup.seed.clone());
        let folder = temporary();
        let local = folder.path().join("here.db");
        Self::of(setup, timeless, sim, ADDRESSES, folder, local)
    }

    /// A pair between places that other pairs know, too: mailboxes of one Exchange, and a local
    /// store.
    pub fn among(
        setup: Setup,
        timeless: &Arc<Timeless>,
        sim: &Sim,
        addresses: [&'static str; 2],
        local: &Path,
    ) -> Self {
        Self::of(setup, timeless, sim.clone(), addresses, temporary(), local.to_owned())
    }

    fn of(
        setup: Setup,
        timeless: &Arc<Timeless>,
        sim: Sim,
        addresses: [&'static str; 2],
        folder: TempDir,
        local: PathBuf,
    ) -> Self {
        clock::follow(&sim);
        let nowhere = FolderId::from("");
        let mut stage = Self {
            places: addresses.map(|address| Place::Mailbox { sim: sim.clone(), address }),
            folders: [nowhere.clone(), nowhere],
            timeless: timeless.clone(),
            sim,
            setup,
            folder,
            addresses,
            local,
            runs: 0,
        };
        let chaos = Chaos::new(None, Stopper::default(), None);
        let (store, digester) = stage.open();
        for side in [0, 1] {
            let remote = stage.remote(side, &chaos, &store, &digester);
            let folders = stage.wait_for(remote.folders()).expect("no fault is set");
            let default = folders.into_iter().find(|f| f.is_default).expect("a calendar");
            stage.folders[side] = default.id;
            if stage.setup.kinds[side] == Kind::Local {
                let replica = stage.local(&store, &digester);
                let folder = stage.folders[side].clone();
                stage.places[side] = Place::Local { replica: Arc::new(replica), folder };
            }
        }
        drop(store);
        stage
    }

    /// Lets `seconds` pass.
    pub fn pass(&self, seconds: u64) {
        self.sim.advance(SignedDuration::from_secs(seconds.cast_signed()));
    }

    /// Runs undisturbed.
    #[track_caller]
    pub fn run(&mut self) -> Report {
        self.run_as(Going::default()).expect("nothing stops it")
    }

    /// Runs with the number that a brake printed.
    #[track_caller]
    pub fn run_allowing(&mut self, number: u64) -> Report {
        let going = Going { allowed: Some(number), ..Going::default() };
        self.run_as(going).expect("nothing stops it")
    }

    /// Runs as a process of its own: opened anew, and gone at the end.
    pub fn run_as(&mut self, going: Going) -> Result<Report, Stop> {
        let allowed = going.allowed;
        self.run_with(going, |(remote, _)| remote, |stage, remotes| stage.order(remotes, allowed))
    }

    /// The same, with what each side is to the engine, and what the engine is to do.
    pub fn run_with(
        &mut self,
        going: Going,
        face: impl Fn(Faces) -> Arc<dyn Remote>,
        order: impl FnOnce(&Self, &BTreeMap<ReplicaId, Arc<dyn Remote>>) -> Order,
    ) -> Result<Report, Stop> {
        clock::follow(&self.sim);
        self.runs += 1;
        let stopper = Stopper::default();
        let chaos = Chaos::new(going.kill, stopper.clone(), going.meddler);
        going.garble.iter().for_each(|texts| chaos.garble(*texts));
        let (store, digester) = self.open();
        let remotes: BTreeMap<ReplicaId, Arc<dyn Remote>> = [(ReplicaId::A, 0), (ReplicaId::B, 1)]
            .map(|(id, side)| (id, face(self.faces(side, &chaos, &store, &digester))))
            .into();
        let order = order(self, &remotes);
        let mut watcher = Watch { sim: self.sim.clone(), chaos: chaos.clone() };
        let mut store = Mortal { store, chaos };
        let driver = Driver {
            store: &mut store,
            remotes,
            digester,
            clock: clock::now_ms,
            stopper,
            watcher: &mut watcher,
        };
        let _inside = self.timeless.handle.enter();
        driver.run(order)
    }

    /// What the engine is to do with the default calendars.
    pub fn order(
        &self,
        remotes: &BTreeMap<ReplicaId, Arc<dyn Remote>>,
        allowed: Option<u64>,
    ) -> Order {
        let folders =
            [(ReplicaId::A, self.folders[0].clone()), (ReplicaId::B, self.folders[1].clone())];
        let policy = Policy {
            replicas: remotes.iter().map(|(id, r)| (*id, r.capabilities())).collect(),
            direction: self.setup.direction,
            conflicts: Conflicts { default: self.setup.rule, fields: BTreeMap::new() },
            brake: Brake { percent: 10, floor: 10, deletes_only: false },
        };
        Order {
            pair: pair(),
            run: RunId(format!("run-{}", self.runs)),
            nonce: self
                .setup
                .random_seed
                .wrapping_add(self.runs)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15),
            build: "test".into(),
            configured: Configured {
                collections: [("calendar".into(), folders.into())].into(),
                policy,
                fingerprint: "same".into(),
            },
            mode: Mode::Sync,
            allowed,
        }
    }

    /// The state file, with its lock.
    pub fn open(&self) -> (SqliteStore, Digester) {
        let path = self.folder.path().join("state.db");
        let mut store = SqliteStore::create_or_open(&path, &|| [7; 32]).expect("our own file");
        store.acquire(clock::now_ms(), &Holder::this_process(), 1_200_000).expect("it is free");
        let digester = Digester::new(store.digest_key());
        (store, digester)
    }

    fn local(&self, store: &SqliteStore, digester: &Digester) -> LocalReplica {
        let local = LocalReplica::open(&self.local, "here", digester.clone(), store.state_id());
        local.expect("our own file").with_files(files(store))
    }

    /// An adapter of its own for side `side`.
    pub fn remote(
        &self,
        side: usize,
        chaos: &Chaos,
        store: &SqliteStore,
        digester: &Digester,
    ) -> Arc<dyn Remote> {
        self.faces(side, chaos, store, digester).0
    }

    fn faces(&self, side: usize, chaos: &Chaos, store: &SqliteStore, digester: &Digester) -> Faces {
        let (mailbox, state_id) = (self.addresses[side].to_owned(), store.state_id().to_owned());
        let line = Arc::new(Line { sim: self.sim.clone(), chaos: chaos.clone() });
        match self.setup.kinds[side] {
            Kind::Local => faces(self.local(store, digester)),
            Kind::Ews => {
                let config = ews_adapter::Config {
                    url: "https://mail.contoso.example/EWS/Exchange.asmx".parse().expect("a URL"),
                    auth: ews_adapter::Auth::Basic {
                        user: mailbox.clone(),
                        password: DEFAULT_PASSWORD.into(),
                    },
                    impersonate: None,
                    mailbox,
                    state_id,
                    window: self.setup.window,
                };
                faces(EwsRemote::new(config, line, digester.clone()).with_files(files(store)))
            }
            Kind::Graph => {
                let tokens = TokenSource::new(self.credential(), line.clone()).expect("https");
                let config = graph_adapter::Config {
                    window: self.setup.window,
                    now: clock::now,
                    ..graph_adapter::Config::new(mailbox, state_id)
                };
                let remote = GraphRemote::new(config, line, Arc::new(tokens), digester.clone());
                faces(remote.expect("a valid window").with_files(files(store)))
            }
        }
    }

    fn credential(&self) -> ClientSecret {
        self.sim.with(|world| ClientSecret {
            tenant: world.config.tenant.clone(),
            client: world.config.client.clone(),
            secret: world.config.secret.clone().into(),
            authority: DEFAULT_AUTHORITY.into(),
            scope: graph_adapter::SCOPE.into(),
        })
    }

    pub fn wait_for<T>(&self, future: impl Future<Output = T>) -> T {
        let _inside = self.timeless.handle.enter();
        self.timeless.handle.block_on(future)
    }

    /// Both sides, sorted by what people see.
    pub fn looks(&self) -> [Vec<Look>; 2] {
        let looks = |place: &Place| {
            let mut looks: Vec<Look> = place.standing().into_iter().map(|s| s.look).collect();
            looks.sort();
            looks
        };
        [looks(&self.places[0]), looks(&self.places[1])]
    }

    pub fn conflicts(&self) -> Vec<Conflict> {
        let (store, _) = self.open();
        match store.load(&Query::Conflicts(None)).expect("readable") {
            Loaded::Conflicts(conflicts) => conflicts,
            other => panic!("{other:?}"),
        }
    }

    /// What the journal keeps of conflicts, as people would see it.
    pub fn kept(&self) -> BTreeSet<Look> {
        let conflicts = self.conflicts();
        let (store, _) = self.open();
        let sides = conflicts.iter().flat_map(|conflict| conflict.what.sides.values().flatten());
        let blobs = sides.filter_map(|side| store.blob(&side.content).expect("readable"));
        blobs.map(|blob| look::of_event(&Event::from_canonical(&blob).expect("ours"))).collect()
    }

    /// What is wrong with the state file or with what left the mailboxes; nothing, if all is well.
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = vec![];
        let (store, _) = self.open();
        let differences = store.verify().expect("readable");
        complaints.extend(differences.iter().map(|d| format!("state verify: {d}")));
        let mut replay = Replay::new(pair());
        let mut after = Seq(0);
        loop {
            let records = store.journal(None, after, 500).expect("readable");
            let Some(last) = records.last() else { break };
            after = last.seq;
            for record in &records {
                if let Err(error) = replay.feed(record) {
                    complaints.push(format!("replay stops: {error}"));
                    return complaints;
                }
            }
        }
        complaints.extend(replay.drifts.iter().map(|drift| format!("drift: {drift:?}")));
        let sent = self.sim.with(|world| world.sent.len());
        if sent > 0 {
            complaints.push(format!("{sent} mails left the mailboxes"));
        }
        complaints
    }

    /// Appends entries, as `evensync conflicts resolve` does.
    pub fn record(&mut self, entries: Vec<Entry>) {
        let (mut store, _) = self.open();
        let commit = sync_core::port::Commit {
            pair: pair(),
            run: "by-hand".into(),
            at_ms: clock::now_ms(),
            entries,
            blobs: vec![],
        };
        store.commit(&commit).expect("valid entries");
    }
}

/// The only pair.
pub fn pair() -> PairId {
    "pair".into()
}

/// A built-in Exchange with these mailboxes.
pub fn exchange(addresses: &[&str], random_seed: u64, seed: Seed) -> Sim {
    let login =
        |address: &&str| Login { address: (*address).into(), password: DEFAULT_PASSWORD.into() };
    let mailboxes = addresses.iter().map(login).collect();
    let config =
        exchange_sim::Config { mailboxes, random_seed, seed, ..exchange_sim::Config::default() };
    Sim::new(config).expect("a valid configuration")
}

/// A folder in memory where there is one: every commit waits for the disk.
pub fn temporary() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a temporary folder")
}

/// Lets the server's clock go on while the engine waits.
struct Watch {
    sim: Sim,
    chaos: Chaos,
}

impl Watcher for Watch {
    fn pulled(&mut self, _: ReplicaId, _: usize) {}
    fn wrote(&mut self, _: ReplicaId, _: usize, _: usize) {}
    fn waits(&mut self, ms: u64, _: Waiting) {
        if !self.chaos.is_dead() {
            self.sim.advance(SignedDuration::from_millis(ms.cast_signed()));
        }
    }
    fn committed(&mut self, _: &[Entry]) {}
}

/// The state file's shelf.
fn files(store: &SqliteStore) -> Arc<dyn Files> {
    Arc::new(store.files().expect("our own file"))
}
