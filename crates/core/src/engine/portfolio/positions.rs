//! The position of each desk.

use tradingbot_domain::snapshot::PositionView;
use tradingbot_domain::{
    AmountError, Entry, Fill, InstrumentId, Notional, Price, Purpose, Qty, RoundTrip, StrategyName, Timestamp,
};

use crate::engine::Command;
use crate::engine::index::{DeskIdx, Table};
use crate::engine::interval::{IntervalRule, Judged, PastInterval};
use crate::engine::roster::Roster;

use super::flow::Flow;
use super::position::Position;
use super::stop_tracker::{Leave, StopTracker};

/// What each desk holds.
#[derive(Debug)]
pub struct Positions {
    positions: Table<DeskIdx, Option<Position>>,
}

impl Positions {
    /// Nobody holds anything.
    #[must_use]
    pub fn none(roster: &Roster) -> Self {
        Self { positions: roster.desks().map(|_| None).collect() }
    }

    /// What `desk` holds.
    #[must_use]
    pub fn at(&self, desk: DeskIdx) -> Option<&Position> {
        self.positions[desk].as_ref()
    }

    /// All that are open.
    pub fn open(&self) -> impl Iterator<Item = &Position> {
        self.positions.rows().filter_map(Option::as_ref)
    }

    /// Since when the oldest position in `symbol` is held, if one is.
    #[must_use]
    pub fn held_since(&self, roster: &Roster, symbol: InstrumentId) -> Option<Timestamp> {
        let of = |(desk, _): &(DeskIdx, _)| roster.rules_of(*desk).id == symbol;
        self.positions.iter().filter(of).filter_map(|(_, held)| held.as_ref()).map(|held| held.opened).min()
    }

    /// Shows the position of `desk` a price. How it must be left, if it must; a stop that has moved far is kept.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn watch(
        &mut self,
        now: Timestamp,
        roster: &Roster,
        desk: DeskIdx,
        price: Price,
        out: &mut Vec<Command>,
    ) -> Result<Option<Leave>, AmountError> {
        let Some(position) = &mut self.positions[desk] else { return Ok(None) };
        let (settings, rules) = (roster.settings_of(desk), roster.rules_of(desk));
        let leave = position.stops.on_price(now, price, &settings.exits, rules)?;
        if let Some(stop) = position.stops.moved() {
            let (strategy, symbol, highest) = (settings.name, rules.id, position.stops.highest());
            out.push(Command::Record(Entry::Guarded { strategy, symbol, stop, highest }));
        }
        Ok(leave)
    }

    /// Judges the position of `desk` by a past interval.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn judge(
        &self,
        desk: DeskIdx,
        rule: &dyn IntervalRule,
        interval: &PastInterval<'_>,
    ) -> Result<Option<Judged>, AmountError> {
        let Some(position) = &self.positions[desk] else { return Ok(None) };
        let mut stops = position.stops;
        stops.note_extremes(interval.candle);
        rule.judge(stops, interval).map(Some)
    }

    /// Takes the position of `desk` through the interval that it was judged by; how much was held in it.
    pub fn pass(&mut self, desk: DeskIdx, judged: &Judged) -> Qty {
        let Some(position) = &mut self.positions[desk] else { return Qty::ZERO };
        position.stops = judged.stops;
        position.qty
    }

    /// Takes a fill into the position of `desk`, the first of which opens it. `fee_value` is what a fee in a third asset is
    /// worth in the quote asset.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn record_fill(
        &mut self,
        roster: &Roster,
        desk: DeskIdx,
        fill: &Fill,
        purpose: Purpose,
        flow: &Flow,
        fee_value: Notional,
    ) -> Result<(), AmountError> {
        let (exits, rules) = (&roster.settings_of(desk).exits, roster.rules_of(desk));
        let position = match &mut self.positions[desk] {
            Some(position) => position,
            empty => empty.insert(Position::new(fill.at, StopTracker::new(exits, rules, fill.price, fill.at)?)),
        };
        let before = position.entry();
        position.record_fill(fill, purpose, flow, rules, fee_value)?;
        if purpose == Purpose::Enter && before.is_ok() {
            position.stops.average(exits, rules, position.entry()?)?;
        }
        Ok(())
    }

    /// Ends the position of `desk` when what is left of it is too little to sell. The round trip, if anything was sold; what
    /// is left stays in the balance.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn close_if_empty(&mut self, roster: &Roster, desk: DeskIdx) -> Result<Option<RoundTrip>, AmountError> {
        let (settings, rules) = (roster.settings_of(desk), roster.rules_of(desk));
        let Some(position) = &self.positions[desk] else { return Ok(None) };
        if position.is_sellable(rules)? {
            return Ok(None);
        }
        let trip = if position.has_sold() { Some(position.close(settings.name, rules)?) } else { None };
        self.positions[desk] = None;
        Ok(trip)
    }

    /// Takes up a stop and a highest price from an earlier life.
    pub fn resume_stop(
        &mut self,
        roster: &Roster,
        strategy: StrategyName,
        symbol: InstrumentId,
        stop: Price,
        high: Price,
    ) {
        if let Some(position) = roster.desk_of(strategy, symbol).and_then(|desk| self.positions[desk].as_mut()) {
            position.stops.resume(stop, high);
        }
    }

    /// The positions for whoever looks on; `price_of` gives each desk its last price, if that is known. What is too large to
    /// compute is absent.
    pub fn views(&self, roster: &Roster, price_of: impl Fn(DeskIdx) -> Option<Price>) -> Vec<PositionView> {
        let open = self.positions.iter().filter_map(|(desk, position)| Some((desk, position.as_ref()?)));
        let view = |(desk, position): (DeskIdx, &Position)| PositionView {
            strategy: roster.settings_of(desk).name,
            symbol: roster.rules_of(desk).id,
            qty: position.qty,
            entry: position.entry().ok(),
            last: price_of(desk),
            stop: position.stops.stop(),
            profit: price_of(desk).and_then(|last| position.profit(last).ok()),
            since: position.opened,
        };
        open.map(view).collect()
    }
}
