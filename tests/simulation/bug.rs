//! Bugs that a driver could have, planted between the shell and the world; each must be caught by some check.

use std::fmt;

use super::auditor;

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// An order that nobody answered for is sent again.
    DoubleSend,
    /// The disk's answer is not waited for.
    SendBeforeWrite,
    /// A disk that is full is said to have taken what it has not.
    DiskErrorSwallowed,
    /// Each fill comes again under another number.
    FillTwice,
    /// A fill that comes after a cancel is thrown away.
    FillLostOnCancel,
    /// Whoever rebuilds the engine does not tell it of halts.
    HaltForgotten,
    /// An order is taken off the list of open ones as soon as it is sent.
    OpenOrdersIgnored,
    /// Limits are read as ten times what they are.
    LimitsMisread,
    /// Leverage is read as ten times what it may be.
    LeverageMisread,
    /// No answer is taken for a refusal.
    UnknownAsRejected,
    /// The first "not found" is believed.
    DenialBelieved,
    /// An exit sells twice what it should.
    ExitTooLarge,
    /// Market data is stamped with the time of its arrival.
    StaleRestamped,
    /// Answers of one moment are handed over in an order that no seed decides.
    Unordered,
}

impl Bug {
    pub const ALL: [Self; 14] = [
        Self::DoubleSend,
        Self::SendBeforeWrite,
        Self::DiskErrorSwallowed,
        Self::FillTwice,
        Self::FillLostOnCancel,
        Self::HaltForgotten,
        Self::OpenOrdersIgnored,
        Self::LimitsMisread,
        Self::LeverageMisread,
        Self::UnknownAsRejected,
        Self::DenialBelieved,
        Self::ExitTooLarge,
        Self::StaleRestamped,
        Self::Unordered,
    ];

    /// The rule that it is made to break.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::DoubleSend => auditor::SENT_ONCE,
            Self::SendBeforeWrite | Self::DiskErrorSwallowed => auditor::WRITTEN_FIRST,
            Self::FillTwice | Self::FillLostOnCancel => auditor::POSITIONS,
            Self::HaltForgotten => auditor::SILENT,
            Self::OpenOrdersIgnored | Self::LimitsMisread => auditor::EXPOSURE,
            Self::LeverageMisread => auditor::LEVERAGE,
            Self::UnknownAsRejected | Self::DenialBelieved => auditor::ENDED_BY_THE_EXCHANGE,
            Self::ExitTooLarge => auditor::EXIT_WITHIN,
            Self::StaleRestamped => auditor::FRESH,
            Self::Unordered => auditor::SAME_BYTES,
        }
    }
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DoubleSend => "double send after a timeout",
            Self::SendBeforeWrite => "send before write",
            Self::DiskErrorSwallowed => "full disk taken for a written one",
            Self::FillTwice => "fill counted twice",
            Self::FillLostOnCancel => "lost fill on cancel race",
            Self::HaltForgotten => "halt forgotten on restart",
            Self::OpenOrdersIgnored => "exposure ignoring open orders",
            Self::LimitsMisread => "limits ten times too wide",
            Self::LeverageMisread => "leverage ten times too high",
            Self::UnknownAsRejected => "unknown treated as rejected",
            Self::DenialBelieved => "first \"not found\" believed",
            Self::ExitTooLarge => "exit larger than held",
            Self::StaleRestamped => "stale data traded on",
            Self::Unordered => "order of answers left to chance",
        })
    }
}
