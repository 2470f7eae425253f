//! Crates are the purity boundary: what a crate can't reach it can't depend on.

use crate::{files_below, is_rust, read, workspace};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Everything that the core may be built from.
const CORE_ALLOWED: &[&str] = &[
    "async-trait",
    "itoa",
    "memchr",
    "proc-macro2",
    "quote",
    "ryu",
    "serde",
    "serde_core",
    "serde_derive",
    "serde_json",
    "sync-core",
    "syn",
    "thiserror",
    "thiserror-impl",
    "unicode-ident",
    "zmij",
];

/// What does I/O, waits, or draws randomness.
const IMPURE: &[&str] = &[
    "axum",
    "fastrand",
    "getrandom",
    "hyper",
    "mio",
    "rand",
    "rand_core",
    "reqwest",
    "rusqlite",
    "rustls",
    "socket2",
    "tokio",
];

const STORES: &[&str] = &["store-sqlite", "store-postgres"];
const ADAPTERS: &[&str] = &["ews-adapter", "graph-adapter"];

/// What the core's source never names.
const CORE_FORBIDDEN: &[&str] = &[
    "SystemTime",
    "Instant::now",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::io",
    "HashMap",
    "HashSet",
    "RandomState",
    "DefaultHasher",
    "thread_rng",
    "tokio::",
    "println!",
];

/// The packages that each package is built from, by name; without those of tests and build scripts.
struct Graph(BTreeMap<String, BTreeSet<String>>);

impl Graph {
    fn read() -> Self {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--offline"])
            .current_dir(workspace())
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let metadata: Json = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
        let list = |json: &Json| json.as_array().cloned().unwrap_or_default();
        let text = |json: &Json| json.as_str().unwrap_or_default().to_owned();
        let names: BTreeMap<String, String> = list(&metadata["packages"])
            .iter()
            .map(|package| (text(&package["id"]), text(&package["name"])))
            .collect();
        let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for node in list(&metadata["resolve"]["nodes"]) {
            let normal = list(&node["deps"])
                .into_iter()
                .filter(|dep| list(&dep["dep_kinds"]).iter().any(|kind| kind["kind"].is_null()))
                .map(|dep| names[&text(&dep["pkg"])].clone());
            edges.entry(names[&text(&node["id"])].clone()).or_default().extend(normal);
        }
        Self(edges)
    }

    /// All that `package` is built from, itself included, without going on from those in `ends`.
    fn closure(&self, package: &str, ends: &[&str]) -> BTreeSet<String> {
        assert!(self.0.contains_key(package), "no package {package}");
        let mut reached = BTreeSet::new();
        let mut waiting = vec![package.to_owned()];
        while let Some(name) = waiting.pop() {
            if reached.insert(name.clone()) && !ends.contains(&name.as_str()) {
                waiting.extend(self.0.get(&name).into_iter().flatten().cloned());
            }
        }
        reached
    }

    fn assert_without(&self, package: &str, ends: &[&str], unwanted: &[&str]) {
        let reached = self.closure(package, ends);
        let found: Vec<&&str> = unwanted.iter().filter(|name| reached.contains(**name)).collect();
        assert!(found.is_empty(), "{package} is built from {found:?}");
    }

    /// Those of `packages` that exist.
    fn existing<'a>(&self, packages: &[&'a str]) -> Vec<&'a str> {
        packages.iter().copied().filter(|name| self.0.contains_key(*name)).collect()
    }
}

#[test]
fn the_core_is_built_from_nothing_that_acts() {
    let allowed: BTreeSet<String> = CORE_ALLOWED.iter().map(ToString::to_string).collect();
    let reached = Graph::read().closure("sync-core", &[]);
    let more: Vec<&String> = reached.difference(&allowed).collect();
    assert!(more.is_empty(), "sync-core gained {more:?}");
}

#[test]
fn items_are_pure() {
    let graph = Graph::read();
    // icalendar's typed layer makes up UIDs, through uuid; items reads with its parser layer only.
    graph.assert_without("items", &["icalendar"], IMPURE);
    let may_not = ["tokio", "hyper", "reqwest", "rusqlite", "rand", "wire"];
    graph.assert_without("items", &[], &may_not);
    graph.assert_without("items", &[], ADAPTERS);
    graph.assert_without("items", &[], STORES);
    let source = workspace().join("items/src");
    for path in files_below(&source, &is_rust) {
        let text = read(&path);
        let typed = text
            .lines()
            .find(|line| line.contains("icalendar::") && !line.contains("icalendar::parser"));
        assert_eq!(typed, None, "{}: the typed layer of icalendar loses data", path.display());
    }
}

#[test]
fn adapters_and_stores_know_nothing_of_each_other() {
    let graph = Graph::read();
    let (adapters, stores) = (graph.existing(ADAPTERS), graph.existing(STORES));
    assert!(!adapters.is_empty() && !stores.is_empty(), "the workspace has both");
    for adapter in &adapters {
        graph.assert_without(adapter, &[], STORES);
        graph.assert_without(adapter, &[], &["sync-driver", "exchange-sim", "cli"]);
        let others: Vec<&str> = ADAPTERS.iter().copied().filter(|name| name != adapter).collect();
        graph.assert_without(adapter, &[], &others);
    }
    for store in &stores {
        graph.assert_without(store, &[], ADAPTERS);
        graph.assert_without(store, &[], &["sync-driver", "exchange-sim", "wire", "cli"]);
    }
    graph.assert_without("sync-driver", &[], ADAPTERS);
    graph.assert_without("sync-driver", &[], STORES);
}

#[test]
fn the_built_in_exchange_shares_no_code_with_what_it_tests() {
    let graph = Graph::read();
    let tested = ["items", "sync-core", "sync-driver", "entra-auth"];
    graph.assert_without("exchange-sim", &[], &tested);
    graph.assert_without("exchange-sim", &[], ADAPTERS);
    graph.assert_without("exchange-sim", &[], STORES);
}

#[test]
fn the_core_names_no_clock_no_file_and_no_random_order() {
    let source = workspace().join("sync-core/src");
    let mut found = vec![];
    for path in files_below(&source, &is_rust) {
        for (number, line) in (1..).zip(read(&path).lines()) {
            let code = line.split("//").next().unwrap_or_default();
            if CORE_FORBIDDEN.iter().any(|name| code.contains(name)) {
                found.push(format!("{}:{number}: {line}", path.display()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
