//! One seed from its first life to its last.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::auditor::Violation;
use super::bug::Bug;
use super::plan::Plan;
use super::stage::{End, Stage};
use super::tally::Tally;
use super::world::Crash;

/// What became of a seed.
pub struct Verdict {
    pub violation: Option<Violation>,
    pub tally: Tally,
    /// Hashes of everything that was written and of everything that was sent.
    pub bytes: ([u8; 32], [u8; 32]),
}

/// Runs a seed, with a bug planted or none, and looks after all rules or only one.
pub fn run(seed: u64, bug: Option<Bug>, only: Option<&'static str>) -> Verdict {
    let mut stage = Stage::new(Plan::of(seed), bug, only);
    loop {
        match catch_unwind(AssertUnwindSafe(|| stage.live())) {
            Ok(End::Over) => break,
            Ok(End::Stillborn) => stage.wait(),
            Err(payload) if payload.is::<Crash>() => stage.fall(),
            Err(_) => {
                stage.world.borrow_mut().auditor.expect(false, "nothing panics", || "see above".to_owned());
                break;
            }
        }
        if stage.world.borrow().auditor.found.is_some() {
            break;
        }
    }
    let mut world = stage.world.borrow_mut();
    world.tally.steps = stage.steps();
    world.tally.exchange = world.sim.fault_counts();
    Verdict { violation: world.auditor.found.clone(), tally: world.tally.clone(), bytes: world.bytes() }
}
