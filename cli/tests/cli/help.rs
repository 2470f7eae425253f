//! The command line itself.

use crate::scene::{command, evensync};
use std::io::Read;
use std::process::Stdio;

#[test]
fn help_names_every_command() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let help = evensync(folder.path(), &["--help"]).ends(0);
    insta::assert_snapshot!(help.out, @r#"
    Keeps calendars the same in two places, and can prove it

    Usage: evensync [OPTIONS] <COMMAND>

    Commands:
      demo       Show it: two built-in mailboxes, edits, deletes and a conflict; needs no account or
                 network
      sim        Run the built-in Exchange on loopback, for your own tests
      sync       Run pairs once; all of them, if none is named
      apply      Carry out a plan that `sync --plan-out` wrote
      status     Show how each pair stands
      log        List the runs, or what happened to an item
      explain    Show why each thing was done to an item
      state      Show what was known at some point, or hold what is known against the journal
      replay     Derive every recorded decision again, and show where this version decides otherwise
      bundle     Write the journal to a file that can be shared: no content, no names, no secret
      import     Put iCalendar files, or folders of them, into the local store
      export     Write a calendar of the local store as a folder of iCalendar files, or as one file
      conflicts  List, show and settle conflicts
      config     Check, show or describe the configuration
      help       Print this message or the help of the given subcommand(s)

    Options:
          --config <FILE>  The configuration [env: EVENSYNC_CONFIG=] [default: evensync.toml]
      -h, --help           Print help
      -V, --version        Print version
    "#);
}

#[test]
fn a_wrong_command_line_is_wrong_usage() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for arguments in [
        &[][..],
        &["synk"],
        &["sync", "--force-delete", "many"],
        &["bundle"],
        &["state"],
        &["conflicts", "resolve", "c1"],
        &["sim", "--listen", "0.0.0.0:0"],
        &["sim", "--seed", "things=3"],
        &["sim", "--mailbox", "nobody"],
        &["sim", "--mailbox", "a b@contoso.example"],
        &["sim", "--mailbox", "a@contoso.example:"],
        &["sim", "--mailbox", "a@contoso.example", "--mailbox", "A@contoso.example:pw"],
        &["sim", "--start", "yesterday"],
        &["sim", "--start", "9999-01-01T00:00:00Z"],
        &["import", "here"],
        &["export", "here"],
    ] {
        evensync(folder.path(), arguments).ends(64);
    }
    for arguments in [&["--version"][..], &["help"], &["sync", "--help"]] {
        evensync(folder.path(), arguments).ends(0);
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut child = command(folder.path(), &["config", "schema"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut err).expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(0), "{err}");
    assert_eq!(err, "");
}
