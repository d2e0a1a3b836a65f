//! What was done to the bot, and what it did.

use std::fmt;

use tradingbot::sim::FaultCounts;

/// Where a life is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// Between two events.
    BetweenEvents,
    /// Before a commit reaches the disk.
    BeforeCommit,
    /// While a commit reaches the disk.
    TornCommit,
    /// After a commit, before anything it allows leaves.
    AfterCommit,
    /// After a request has left.
    AfterSend,
    /// After an answer has come, before the engine knows of it.
    BeforeAnswer,
}

/// Counts of one run, or of many.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    pub steps: u64,
    pub lives: u64,
    pub entries: u64,
    pub orders: u64,
    pub fills: u64,
    pub trips: u64,
    pub halts: u64,
    pub refusals: u64,
    pub requests: u64,
    pub crashes: [u64; 6],
    pub disk_full: u64,
    pub commits_failed: u64,
    pub phantoms: u64,
    pub stillborn: u64,
    pub answers_unheard: u64,
    pub feed_stalls: u64,
    pub feed_outages: u64,
    pub recoveries_compared: u64,
    pub quiet_moments: u64,
    pub exchange: FaultCounts,
}

impl Tally {
    pub fn crash(&mut self, point: Point) {
        self.crashes[point as usize] += 1;
    }

    /// Adds up.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in self.plain().into_iter().zip(other.clone().plain()) {
            *sum += *more;
        }
        for (sum, more) in self.crashes.iter_mut().zip(other.crashes) {
            *sum += more;
        }
        let (sum, more) = (&mut self.exchange, &other.exchange);
        sum.requests_lost += more.requests_lost;
        sum.answers_lost += more.answers_lost;
        sum.late += more.late;
        sum.duplicated += more.duplicated;
        sum.reordered += more.reordered;
        sum.rejected += more.rejected;
        sum.cancels_raced += more.cancels_raced;
        sum.hidden += more.hidden;
        sum.downs += more.downs;
    }

    fn plain(&mut self) -> [&mut u64; 18] {
        [
            &mut self.steps,
            &mut self.lives,
            &mut self.entries,
            &mut self.orders,
            &mut self.fills,
            &mut self.trips,
            &mut self.halts,
            &mut self.refusals,
            &mut self.requests,
            &mut self.disk_full,
            &mut self.commits_failed,
            &mut self.phantoms,
            &mut self.stillborn,
            &mut self.answers_unheard,
            &mut self.feed_stalls,
            &mut self.feed_outages,
            &mut self.recoveries_compared,
            &mut self.quiet_moments,
        ]
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [between, before, torn, after, sent, answer] = self.crashes;
        let faults = &self.exchange;
        writeln!(f, "  steps {}, lives {}, entries {}", self.steps, self.lives, self.entries)?;
        writeln!(
            f,
            "  orders {}, fills {}, round trips {}, refusals {}, halts {}, operator requests {}",
            self.orders, self.fills, self.trips, self.refusals, self.halts, self.requests
        )?;
        writeln!(
            f,
            "  exchange: requests lost {}, answers lost {}, late {}, doubled {}, overtaken {}, refused for nothing {}, \
             cancels raced {}, hidden {}, link down {}",
            faults.requests_lost,
            faults.answers_lost,
            faults.late,
            faults.duplicated,
            faults.reordered,
            faults.rejected,
            faults.cancels_raced,
            faults.hidden,
            faults.downs
        )?;
        writeln!(f, "  feed: stalls {}, outages {}", self.feed_stalls, self.feed_outages)?;
        writeln!(
            f,
            "  disk: full {} times, commits refused {}, refused yet kept {}, starts refused {}",
            self.disk_full, self.commits_failed, self.phantoms, self.stillborn
        )?;
        writeln!(
            f,
            "  crashes: between events {between}, before a commit {before}, in a commit {torn}, after a commit {after}, \
             after a send {sent}, before an answer is heard {answer}; answers unheard {}",
            self.answers_unheard
        )?;
        write!(
            f,
            "  compared: recoveries {}, quiet moments with the exchange {}",
            self.recoveries_compared, self.quiet_moments
        )
    }
}
