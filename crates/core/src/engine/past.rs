//! Past candles, for a driver that knows them beforehand: what can change no decision needs no event.

use tradingbot_domain::{AmountError, Candle, InstrumentId, Notional, Price, Span, Timestamp};

use super::desks::Desks;
use super::index::{DeskIdx, InstrumentIdx};
use super::interval::IntervalRule;
use super::markets::Markets;
use super::portfolio::Portfolio;
use super::roster::Roster;

/// An engine in the hands of a driver that knows the candles to come. Strategies work their answers to them out ahead; what
/// is held is taken through those that change nothing; all others are shown to [`super::Engine::apply`] as events.
#[derive(Debug)]
pub struct Past<'a> {
    roster: &'a Roster,
    markets: &'a mut Markets,
    desks: &'a mut Desks,
    portfolio: &'a mut Portfolio,
    rule: &'static dyn IntervalRule,
}

impl<'a> Past<'a> {
    pub(super) const fn new(
        roster: &'a Roster,
        markets: &'a mut Markets,
        (desks, portfolio, rule): (&'a mut Desks, &'a mut Portfolio, &'static dyn IntervalRule),
    ) -> Self {
        Self { roster, markets, desks, portfolio, rule }
    }

    /// The place of an instrument, if it is known.
    pub fn find(&mut self, instrument: InstrumentId) -> Option<InstrumentIdx> {
        self.markets.find(instrument)
    }

    /// Lets strategies work ahead through candles, which follow those before. The places of those after which one of them
    /// may want something else are added to `wanted`, ascending.
    pub fn work_ahead(
        &mut self,
        instrument: InstrumentIdx,
        interval: Span,
        candles: &[Candle],
        wanted: &mut Vec<usize>,
    ) {
        self.desks.work_ahead(self.roster, instrument, interval, candles, wanted);
    }

    /// Whether anything is to be done now that a candle is over that strategies have worked ahead through. What they answered
    /// to those before it is forgotten.
    pub fn is_awaited(&mut self, instrument: InstrumentIdx, candle: &Candle) -> bool {
        let mut awaited = false;
        for desk in self.roster.desks_on(instrument) {
            let holds = self.portfolio.holds(*desk);
            awaited |= self.desks.at_mut(*desk).is_awaited(candle.open_time, holds);
        }
        awaited
    }

    /// Whether any of an instrument is held, or on its way.
    #[must_use]
    pub fn is_involved(&self, instrument: InstrumentIdx) -> bool {
        let involved = |desk: &DeskIdx| self.desks.at(*desk).is_busy() || self.portfolio.holds(*desk);
        self.portfolio.is_held(instrument) || self.roster.desks_on(instrument).iter().any(involved)
    }

    /// Begins a new UTC day when `now` is in one.
    pub fn tell_time(&mut self, now: Timestamp) {
        self.portfolio.tell_time(now);
    }

    /// Values what is held at the open of an interval.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn open(&mut self, instrument: InstrumentIdx, price: Price) -> Result<(), AmountError> {
        self.portfolio.revalue(instrument, price)
    }

    /// Takes what is held through an interval, if that leaves everything to be held; else changes nothing, and the interval
    /// must be shown as an event. Whether it did.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn pass(&mut self, instrument: InstrumentIdx, candle: &Candle) -> Result<bool, AmountError> {
        let desks = self.roster.desks_on(instrument);
        let busy = desks.iter().any(|desk| self.desks.at(*desk).is_busy());
        let passes = !busy && self.portfolio.pass_interval(self.roster, desks, self.rule, candle)?;
        if passes {
            self.portfolio.note_close(instrument, candle.close);
        }
        Ok(passes)
    }

    /// Ends the intervals that were shown or passed since this was last called: what is held is valued at their closes. How
    /// much less than at their opens the account was worth at the worst of their prices for what was held, all taken to come
    /// at once; zero or negative.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn close(&mut self) -> Result<Notional, AmountError> {
        self.portfolio.close_intervals()
    }
}
