//! What is held of each instrument by all together, and at which price it is valued.

use tradingbot_domain::{AmountError, Notional, Price, Qty};

use crate::engine::index::{InstrumentIdx, Table};

/// What is held of every instrument.
#[derive(Debug)]
pub struct Holdings {
    holdings: Table<InstrumentIdx, Holding>,
}

/// What is held of one instrument.
#[derive(Debug, Clone, Copy, Default)]
struct Holding {
    /// What all desks hold together, less fees that were paid from it.
    qty: Qty,
    /// The price at which it is valued.
    price: Option<Price>,
    /// Whether that price is of this life.
    is_current: bool,
    /// Close of the past interval that was shown last, until it is valued at it.
    close: Option<Price>,
}

impl Holdings {
    /// Nothing of so many instruments.
    #[must_use]
    pub fn none(instruments: usize) -> Self {
        Self { holdings: std::iter::repeat_n(Holding::default(), instruments).collect() }
    }

    /// The price at which an instrument is valued.
    #[must_use]
    pub fn price(&self, instrument: InstrumentIdx) -> Option<Price> {
        self.holdings[instrument].price
    }

    /// The same, if it is of this life.
    #[must_use]
    pub fn price_now(&self, instrument: InstrumentIdx) -> Option<Price> {
        let holding = &self.holdings[instrument];
        holding.price.filter(|_| holding.is_current)
    }

    /// Whether any of an instrument is held.
    #[must_use]
    pub fn is_held(&self, instrument: InstrumentIdx) -> bool {
        !self.holdings[instrument].qty.is_zero()
    }

    /// Values what is held at another price. By how much that changes its value.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn value_at(&mut self, instrument: InstrumentIdx, price: Price) -> Result<Notional, AmountError> {
        let holding = &mut self.holdings[instrument];
        let before = holding.price.replace(price);
        if holding.qty.is_zero() {
            return Ok(Notional::ZERO);
        }
        price.minus(before.unwrap_or(Price::ZERO))?.times(holding.qty)
    }

    /// The price of an instrument is of this life from here on. Whether that is news.
    pub fn note_current(&mut self, instrument: InstrumentIdx) -> bool {
        !std::mem::replace(&mut self.holdings[instrument].is_current, true)
    }

    /// Whether everything that is held has a price of this life.
    #[must_use]
    pub fn are_current(&self) -> bool {
        self.holdings.rows().all(|holding| holding.is_current || holding.qty.is_zero())
    }

    /// Adds to what is held, or takes from it.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn add(&mut self, instrument: InstrumentIdx, qty: Qty) -> Result<(), AmountError> {
        let holding = &mut self.holdings[instrument];
        holding.qty = holding.qty.plus(qty)?;
        Ok(())
    }

    /// Value of everything that is held, of what is owed as well.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn exposure(&self) -> Result<Notional, AmountError> {
        let mut sum = Notional::ZERO;
        for holding in self.holdings.rows() {
            if let (Some(price), false) = (holding.price, holding.qty.is_zero()) {
                sum = sum.plus(price.times(holding.qty.abs())?)?;
            }
        }
        Ok(sum)
    }

    /// Remembers the close of a past interval.
    pub fn note_close(&mut self, instrument: InstrumentIdx, close: Price) {
        self.holdings[instrument].close = Some(close);
    }

    /// The close that was noted last, once.
    pub fn take_close(&mut self, instrument: InstrumentIdx) -> Option<Price> {
        self.holdings[instrument].close.take()
    }

    /// Every instrument.
    pub fn instruments(&self) -> impl Iterator<Item = InstrumentIdx> + use<> {
        self.holdings.places()
    }
}
