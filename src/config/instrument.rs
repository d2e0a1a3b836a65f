//! The exchange's rules for one symbol, where they differ from what the market's source says.

use super::key::keys;
use super::market::{MarketSettings, of_market};
use super::reader::Reader;
use crate::domain::{Asset, Instrument, InstrumentId, Market, Notional, Price, Qty, Rate, Rounding};

/// The exchange's rules for one symbol, where they differ from what the market's source says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstrumentSettings {
    /// Which one.
    pub id: InstrumentId,
    rules: RawInstrument,
}

keys! {
    /// The exchange's rules for one symbol, where they differ from what the market's source says. One table a symbol.
    pub struct RawInstrument {
        /// Which symbol; one of `market.symbols`.
        symbol: InstrumentId, required("\"BTCUSDT\"");
        /// What is bought and sold.
        base: Asset, absent("the symbol without the quote asset");
        /// Prices are whole multiples of this.
        tick: Price, absent("as the source says"), unit("quote asset"), within("'0.00000001'", "'1000000'");
        /// Quantities are whole multiples of this.
        lot: Qty, absent("as the source says"), unit("base asset"), within("'0.00000001'", "'1000000000'");
        /// Least quantity of an order.
        qty_min: Qty, absent("as the source says"), unit("base asset"), within("'0'", "'1000000000'");
        /// Largest quantity of an order; `"0"` when there is none.
        qty_max: Qty, absent("as the source says"), unit("base asset"), within("'0'", "'1000000000000000'");
        /// Least value of an order.
        notional_min: Notional, absent("as the source says"), unit("quote asset"), within("'0'", "'1000000000'");
        /// Fee of orders that rested in the book.
        fee_maker: Rate, absent("`account.fee-maker`"), unit("share of the order's value"), within("'0'", "'0.1'");
        /// Fee of orders that took from the book.
        fee_taker: Rate, absent("`account.fee-taker`"), unit("share of the order's value"), within("'0'", "'0.1'");
    }
}

impl InstrumentSettings {
    /// The rules of `source` with these in their place.
    #[must_use]
    pub fn over(&self, source: Instrument) -> Instrument {
        let rules = &self.rules;
        Instrument {
            base: rules.base.unwrap_or(source.base),
            tick: rules.tick.unwrap_or(source.tick),
            lot: rules.lot.unwrap_or(source.lot),
            qty_min: rules.qty_min.unwrap_or(source.qty_min),
            qty_max: rules.qty_max.unwrap_or(source.qty_max),
            notional_min: rules.notional_min.unwrap_or(source.notional_min),
            fee_maker: rules.fee_maker.unwrap_or(source.fee_maker),
            fee_taker: rules.fee_taker.unwrap_or(source.fee_taker),
            ..source
        }
    }
}

impl RawInstrument {
    /// Which one it is of, in a file that trades `market`.
    pub(super) fn id(&self, market: Market) -> Option<InstrumentId> {
        of_market(self.symbol.as_slice(), market).pop()
    }

    /// The settings, if they make sense together.
    pub(super) fn check(
        &self,
        path: &str,
        market: Option<&MarketSettings>,
        reader: &mut Reader<'_>,
    ) -> Option<InstrumentSettings> {
        let key = |name: &str| format!("{path}.{name}");
        let id = self.id(market.map_or(Market::Spot, |market| market.market))?;
        if market.is_some_and(|market| !market.symbols.contains(&id)) {
            reader.conflict(&[&key("symbol")], "is not traded; add it to market.symbols, or take this table out");
        }
        if let (Some(min), Some(lot)) = (self.qty_min, self.lot)
            && min.to_lot(lot, Rounding::Down) != Ok(min)
        {
            reader.conflict(
                &[&key("qty-min"), &key("lot")],
                &format!("does not fit: qty-min, {min}, must be a whole multiple of lot, {lot}"),
            );
        }
        if let (Some(min), Some(max)) = (self.qty_min, self.qty_max)
            && max.is_positive()
            && min > max
        {
            reader.conflict(
                &[&key("qty-min"), &key("qty-max")],
                &format!("does not fit: qty-min, {min}, must be at most qty-max, {max}"),
            );
        }
        Some(InstrumentSettings { id, rules: self.clone() })
    }
}

/// What is traded against `quote`; `None` when the symbol does not say.
pub(super) fn base_of(id: InstrumentId, quote: Asset) -> Option<Asset> {
    id.symbol().as_str().strip_suffix(quote.as_str())?.parse().ok()
}
