//! End to end: the planner's simulation and the crash sweep. Only the pure core is under test here;
//! the adapters and the command line are tested in `tests/tests`.

pub mod simulation;
