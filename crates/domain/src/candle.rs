//! A candle: what traded in one interval.

use serde::{Deserialize, Serialize};

use super::amount::{AmountError, Notional, Price, Qty};
use super::time::Timestamp;

/// First, highest, lowest and last price of one interval, and what traded in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Candle {
    /// Start of the interval.
    pub open_time: Timestamp,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Base asset traded.
    pub volume: Qty,
    /// Value traded, in the quote asset.
    pub quote_volume: Notional,
    /// Number of trades.
    pub trades: u64,
    /// Part of `volume` in which the buyer was the taker.
    pub taker_buy_volume: Qty,
    /// Part of `quote_volume` in which the buyer was the taker.
    pub taker_buy_quote_volume: Notional,
}

impl Candle {
    /// A candle without a trade, as it follows one that closed at `price`.
    #[must_use]
    pub const fn flat(open_time: Timestamp, price: Price) -> Self {
        Self {
            open_time,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Qty::ZERO,
            quote_volume: Notional::ZERO,
            trades: 0,
            taker_buy_volume: Qty::ZERO,
            taker_buy_quote_volume: Notional::ZERO,
        }
    }

    /// Whether anything was traded in it. It is told by the volume: files of many makers have no count of trades.
    #[must_use]
    pub const fn is_traded(&self) -> bool {
        self.volume.is_positive()
    }

    /// Takes in one trade; the first trade of a candle without one sets all four prices.
    ///
    /// # Errors
    ///
    /// [`AmountError::Overflow`], the candle then being as it was before.
    pub fn take(&mut self, price: Price, qty: Qty, count: u64, buyer_is_taker: bool) -> Result<(), AmountError> {
        let value = price.times(qty)?;
        let volume = self.volume.plus(qty)?;
        let quote_volume = self.quote_volume.plus(value)?;
        if buyer_is_taker {
            let taker_buy_quote_volume = self.taker_buy_quote_volume.plus(value)?;
            self.taker_buy_volume = self.taker_buy_volume.plus(qty)?;
            self.taker_buy_quote_volume = taker_buy_quote_volume;
        }
        if self.trades == 0 {
            (self.open, self.high, self.low) = (price, price, price);
        }
        self.high = self.high.max(price);
        self.low = self.low.min(price);
        self.close = price;
        self.volume = volume;
        self.quote_volume = quote_volume;
        self.trades = self.trades.saturating_add(count);
        Ok(())
    }
}
