//! Where each of several symbols is kept.

use tradingbot_domain::InstrumentId;

/// Symbols and the places they have in their order. Asking for them over and over in the same order, whichever that is, costs
/// the same however many there are.
#[derive(Debug)]
pub struct Places {
    known: Vec<Known>,
    recent: usize,
}

#[derive(Debug)]
struct Known {
    symbol: InstrumentId,
    /// The place that was asked for after this one.
    then: usize,
}

impl Places {
    /// The places of `symbols`, the first of which has place 0.
    ///
    /// # Panics
    ///
    /// When they do not ascend.
    #[must_use]
    pub fn new(symbols: impl IntoIterator<Item = InstrumentId>) -> Self {
        let known: Vec<Known> = symbols.into_iter().map(|symbol| Known { symbol, then: 0 }).collect();
        assert!(known.is_sorted_by(|one, next| one.symbol < next.symbol), "symbols must ascend to be found");
        Self { known, recent: 0 }
    }

    /// The place of `symbol`, if it is known.
    pub fn find(&mut self, symbol: InstrumentId) -> Option<usize> {
        let recent = self.known.get(self.recent)?;
        if recent.symbol == symbol {
            return Some(self.recent);
        }
        let place = match self.known.get(recent.then) {
            Some(then) if then.symbol == symbol => recent.then,
            Some(_) | None => self.known.binary_search_by_key(&symbol, |known| known.symbol).ok()?,
        };
        self.known.get_mut(self.recent)?.then = place;
        self.recent = place;
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use crate::market::Random;

    use super::*;

    #[test]
    fn a_symbol_is_found_in_whatever_order_they_are_asked_for() {
        let mut random = Random::seeded(1);
        for count in [0, 1, 2, 5, 20] {
            let symbols: Vec<InstrumentId> =
                (0..count).map(|number| format!("S{number:02}").parse().unwrap()).collect();
            let mut places = Places::new(symbols.clone());
            for _ in 0..2_000 {
                let asked: InstrumentId = format!("S{:02}", random.between(0, 24)).parse().unwrap();
                assert_eq!(places.find(asked), symbols.iter().position(|symbol| *symbol == asked), "{asked}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "symbols must ascend")]
    fn places_of_symbols_in_no_order_are_refused() {
        let _ = Places::new(["BTCUSDT", "BTCUSDT"].map(|symbol| symbol.parse().unwrap()));
    }
}
