//! The laws of the merge, with two to four copies, and of the fold.

mod choices;
mod fold;
mod merge;

use proptest::test_runner::Config;

/// How many cases each law is tried on. A failing case is told with its seed; none is kept in a
/// file, since it becomes a test with a name.
fn config() -> Config {
    Config { cases: 4_096, failure_persistence: None, ..Config::default() }
}
