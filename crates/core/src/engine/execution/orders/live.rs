//! One order that may still trade, and when the exchange is asked for it.

use tradingbot_domain::{
    ClientOrderId, ExchangeOrderId, NewOrder, Notional, Order, OrderKind, OrderState, Purpose, Qty, Span, Timestamp,
};

/// An order that may still trade, and what is to be done about it if nothing is heard.
#[derive(Debug, Clone)]
pub struct LiveOrder {
    /// As it is known.
    pub order: Order,
    /// Whether the exchange was heard to have it.
    pub was_accepted: bool,
    /// The longest that it may rest.
    rest_max: Option<Span>,
    /// When it is asked for, if it is to be.
    ask_at: Option<Timestamp>,
    /// How often it was asked for since its outcome is unknown.
    asked: u32,
}

impl LiveOrder {
    /// An order that is about to be sent. An entry that rests is ended after `rest_max`.
    #[must_use]
    pub const fn new(new: NewOrder, now: Timestamp, rest_max: Option<Span>) -> Self {
        let order = Order { new, created: now, filled: Qty::ZERO, value: Notional::ZERO, state: OrderState::Intended };
        Self { order, was_accepted: false, rest_max, ask_at: None, asked: 0 }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> ClientOrderId {
        self.order.new.id
    }

    /// Whether its outcome is unknown.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        matches!(self.order.state, OrderState::Unknown { .. })
    }

    /// The exchange has it. Whether that is news.
    pub const fn accept(&mut self, exchange_id: ExchangeOrderId) -> bool {
        self.was_accepted = true;
        match self.order.state {
            OrderState::Intended | OrderState::Unknown { .. } => {
                self.order.state = OrderState::Open { exchange_id };
                true
            }
            OrderState::Cancelling { exchange_id: None } => {
                self.order.state = OrderState::Cancelling { exchange_id: Some(exchange_id) };
                true
            }
            OrderState::Cancelling { exchange_id: Some(_) } | OrderState::Open { .. } | OrderState::Done(_) => false,
        }
    }

    /// Its end was asked for. Whether that is news.
    pub const fn cancel(&mut self) -> bool {
        let exchange_id = match self.order.state {
            OrderState::Open { exchange_id } => Some(exchange_id),
            OrderState::Intended => None,
            OrderState::Unknown { .. } | OrderState::Cancelling { .. } | OrderState::Done(_) => return false,
        };
        self.order.state = OrderState::Cancelling { exchange_id };
        true
    }

    /// No answer came for it. Whether that is news.
    pub const fn lose(&mut self, now: Timestamp) -> bool {
        match self.order.state {
            OrderState::Intended | OrderState::Open { .. } | OrderState::Cancelling { .. } => {
                self.order.state = OrderState::Unknown { since: now };
                (self.ask_at, self.asked) = (None, 0);
                true
            }
            OrderState::Unknown { .. } | OrderState::Done(_) => false,
        }
    }

    /// Plans the next inquiry, and says when it is due. While the outcome is unknown each waits twice as long as the one
    /// before, up to a limit; otherwise the order is asked for only when nothing was heard of it for long, lest a lost word
    /// hold it open for ever.
    pub fn plan_inquiry(&mut self, now: Timestamp) -> Timestamp {
        let (wait, asked) = match (&self.order.state, self.order.new.kind) {
            (OrderState::Unknown { .. }, _) => {
                let doublings = self.asked.min(LONGEST_INQUIRY_DOUBLINGS);
                (Span::from_millis(FIRST_INQUIRY_MS.saturating_mul(1_i64 << doublings)), self.asked.saturating_add(1))
            }
            (_, OrderKind::Market) => (SILENCE_MAX_TAKING, 0),
            (_, OrderKind::Limit { .. } | OrderKind::PostOnly { .. } | OrderKind::Stop { .. }) => {
                (SILENCE_MAX_RESTING, 0)
            }
        };
        let due = now.plus(wait);
        (self.ask_at, self.asked) = (Some(due), asked);
        due
    }

    /// Plans the first inquiry of this life, and says when it is due.
    pub fn restart_inquiries(&mut self, now: Timestamp) -> Timestamp {
        self.asked = 0;
        self.plan_inquiry(now)
    }

    /// When it is asked for, if it is to be.
    #[must_use]
    pub const fn ask_at(&self) -> Option<Timestamp> {
        self.ask_at
    }

    /// When it has rested long enough, if it rests.
    #[must_use]
    pub fn rests_until(&self) -> Option<Timestamp> {
        let rests = matches!(self.order.state, OrderState::Intended | OrderState::Open { .. });
        let entry = self.order.new.purpose == Purpose::Enter;
        if !rests || !entry || !matches!(self.order.new.kind, OrderKind::PostOnly { .. }) {
            return None;
        }
        self.rest_max.map(|max| self.order.created.plus(max))
    }
}

/// How long an order that takes, and one that rests, may go without a word.
const SILENCE_MAX_TAKING: Span = Span::from_secs(10);
const SILENCE_MAX_RESTING: Span = Span::MINUTE;
const FIRST_INQUIRY_MS: i64 = 500;
const LONGEST_INQUIRY_DOUBLINGS: u32 = 5;
