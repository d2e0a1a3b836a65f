//! What a file's name tells: Binance names its data files `BTCUSDT-1h-2024-01.csv` and `BTCUSDT-trades-2024-01.csv`.

use std::path::Path;

use crate::domain::instrument::split_symbol;
use crate::domain::{Span, Symbol};

/// The symbol a file is named by; `None` when its name starts with nothing like one.
pub(super) fn symbol_of(path: &Path) -> Option<Symbol> {
    let name = path.file_name()?.to_str()?;
    let (first, more) = match name.split_once('-') {
        Some((first, _)) => (first, true),
        None => (name.split('.').next()?, false),
    };
    first.parse().ok().filter(|symbol| more || split_symbol(symbol).is_some())
}

/// The interval a file is named by.
pub(super) fn interval_of(path: &Path) -> Option<Span> {
    let name = path.file_name()?.to_str()?;
    let stem = name.split('.').next()?;
    stem.split('-').skip(1).find_map(|part| part.parse().ok()).filter(|interval| *interval > Span::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_exchange_tell_symbol_and_interval() {
        let told = |name: &str| {
            let path = Path::new("somewhere").join(name);
            let symbol = symbol_of(&path).map(|symbol| symbol.to_string()).unwrap_or_default();
            format!("{symbol} {}", interval_of(&path).map(|interval| interval.to_string()).unwrap_or_default())
        };
        assert_eq!(told("BTCUSDT-1h-2024-01.csv"), "BTCUSDT 1h");
        assert_eq!(told("1000PEPEUSDT-15m-20240101-20240831.csv.zst"), "1000PEPEUSDT 15m");
        assert_eq!(told("BTCUSDT-mark-8h-20240101-20241231.csv.zst"), "BTCUSDT 8h");
        assert_eq!(told("XRPETH-aggTrades-20191011-20191013.csv.zst"), "XRPETH ");
        assert_eq!(told("ETHUSDT.csv"), "ETHUSDT ");
        assert_eq!(told("DATA.csv"), " ");
        assert_eq!(told("candles-5m.csv"), " 5m");
        assert_eq!(told("-.csv"), " ");
    }
}
