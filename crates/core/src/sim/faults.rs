//! What can go wrong on the way to an exchange and back, each fault with its probability and its count.

use tradingbot_domain::{Rate, Span};

/// How often each fault happens; never, by default. Shares are probabilities for each request, answer or order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Faults {
    /// A request that never reaches the exchange; after `answer_timeout` it is unanswered.
    pub request_lost: Rate,
    /// A request that is carried out and whose answer never comes; after `answer_timeout` it is unanswered.
    pub answer_lost: Rate,
    /// How long a missing answer is waited for.
    pub answer_timeout: Span,
    /// An answer that is late by up to `late_max`, and everything after it too.
    pub late: Rate,
    /// See `late` and `reorder`.
    pub late_max: Span,
    /// An event about an order that comes twice.
    pub duplicate: Rate,
    /// An event about an order that is held back by up to `late_max`, so that later ones overtake it.
    pub reorder: Rate,
    /// An order that is refused although nothing is wrong with it.
    pub reject: Rate,
    /// A cancel that comes just after its order was filled.
    pub cancel_race: Rate,
    /// An order that the exchange says it does not know, once and within ten seconds of taking it, although it does.
    pub hidden: Rate,
    /// A request with which the connection goes down: until it is up, requests are lost and events wait.
    pub down: Rate,
    /// Longest time that the connection is down.
    pub down_max: Span,
}

impl Faults {
    /// Nothing goes wrong.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            request_lost: Rate::ZERO,
            answer_lost: Rate::ZERO,
            answer_timeout: Span::from_secs(5),
            late: Rate::ZERO,
            late_max: Span::from_secs(2),
            duplicate: Rate::ZERO,
            reorder: Rate::ZERO,
            reject: Rate::ZERO,
            cancel_race: Rate::ZERO,
            hidden: Rate::ZERO,
            down: Rate::ZERO,
            down_max: Span::from_secs(20),
        }
    }

    /// Every fault, each with this probability.
    #[must_use]
    pub const fn all(share: Rate) -> Self {
        Self {
            request_lost: share,
            answer_lost: share,
            late: share,
            duplicate: share,
            reorder: share,
            reject: share,
            cancel_race: share,
            hidden: share,
            down: share,
            ..Self::none()
        }
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self::none()
    }
}

/// How often each fault has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FaultCounts {
    /// Requests that never reached the exchange, those sent while the connection was down included.
    pub requests_lost: u64,
    /// Requests whose answer never came.
    pub answers_lost: u64,
    /// Answers that came late.
    pub late: u64,
    /// Events that came twice.
    pub duplicated: u64,
    /// Events that were overtaken.
    pub reordered: u64,
    /// Orders that were refused for nothing.
    pub rejected: u64,
    /// Cancels that came just too late.
    pub cancels_raced: u64,
    /// Orders that were denied once.
    pub hidden: u64,
    /// Times the connection went down.
    pub downs: u64,
}

impl FaultCounts {
    /// All faults together.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.requests_lost
            + self.answers_lost
            + self.late
            + self.duplicated
            + self.reordered
            + self.rejected
            + self.cancels_raced
            + self.hidden
            + self.downs
    }
}
