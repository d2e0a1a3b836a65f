//! What a file's name tells: Binance names its data files `BTCUSDT-1h-2024-01.csv` and `BTCUSDT-trades-2024-01.csv`.

use std::path::Path;

use crate::domain::instrument::split_symbol;
use crate::domain::{Market, Span, Symbol};

/// The symbol a file is named by; `None` when its name starts with nothing like one.
///
/// Besides `BTCUSDT-1h.csv`, as the exchange has it, `btcusdt-1h.csv`, `BTC_USDT-1h.csv`, `BTC-USDT-1h.csv` and
/// `BTCUSDT_1h.csv` are of `BTCUSDT`. `BTCUSD_PERP-1h.csv` is of `BTCUSD_PERP`.
pub(super) fn symbol_of(path: &Path) -> Option<Symbol> {
    let name = path.file_name()?.to_str()?;
    let (first, more) = match name.split_once('-') {
        Some((first, _)) => (first, true),
        None => (name.split('.').next()?, false),
    };
    let stem = name.split('.').next()?;
    let mut parts = stem.split(['-', '_']).map(str::to_uppercase);
    let (base, next) = (parts.next()?, parts.next());
    let of_two = next.as_deref().and_then(|quote| pair(&base, quote));
    let as_it_stands = || first.parse().ok().filter(|symbol| more || split_symbol(symbol).is_some());
    let in_other_case = || base.parse().ok().filter(|symbol| split_symbol(symbol).is_some());
    of_two.or_else(|| as_it_stands().filter(|_| !is_interval(next.as_deref(), first))).or_else(in_other_case)
}

/// The interval a file is named by.
pub(super) fn interval_of(path: &Path) -> Option<Span> {
    let name = path.file_name()?.to_str()?;
    let stem = name.split('.').next()?;
    stem.split(['-', '_']).skip(1).find_map(|part| part.parse().ok()).filter(|interval| *interval > Span::ZERO)
}

/// The market by a file's name, such as `BTCUSDT-usdm-20240718.jsonl.zst`.
pub(super) fn market_of(path: &Path) -> Option<Market> {
    let name = path.file_name()?.to_str()?;
    name.split(['-', '.']).find_map(|part| match part {
        "spot" => Some(Market::Spot),
        "usdm" => Some(Market::UsdM),
        _ => None,
    })
}

/// Whether a file is named by calendar months, which the exchange writes as `1M` and, in names, as `1mo`.
pub(super) fn is_of_months(path: &Path) -> bool {
    let stem = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.split('.').next());
    stem.is_some_and(|stem| stem.split(['-', '_']).skip(1).any(|part| matches!(part, "1M" | "1mo")))
}

/// A symbol of base and quote, when those stand apart.
fn pair(base: &str, quote: &str) -> Option<Symbol> {
    let whole: Symbol = format!("{base}{quote}").parse().ok()?;
    let (_, known) = split_symbol(&whole)?;
    let is_pair_already = base.parse().is_ok_and(|base: Symbol| split_symbol(&base).is_some());
    (known.as_str() == quote && !is_pair_already).then_some(whole)
}

/// Whether what follows an underscore in the first part of a name is an interval, as in `BTCUSDT_1h`.
fn is_interval(next: Option<&str>, first: &str) -> bool {
    let next = next.map(str::to_lowercase);
    first.contains('_') && next.is_some_and(|part| part.parse::<Span>().is_ok())
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
        for name in
            ["btcusdt-1h.csv", "BTC_USDT-1h.csv", "btc-usdt-1h.csv", "BTC-USDT-1h-2024.csv.zst", "BTCUSDT_1h.csv"]
        {
            assert_eq!(told(name), "BTCUSDT 1h", "{name}");
        }
        assert_eq!(told("btc_usdt.csv"), "BTCUSDT ");
        assert_eq!(told("btcusdt-aggTrades-2024-01.csv"), "BTCUSDT ");
        assert_eq!(told("BTCUSD_PERP-1h-2024-01.csv"), "BTCUSD_PERP 1h");
        assert_eq!(told("BTCUSDT_240628-1h.csv"), "BTCUSDT_240628 1h");
        assert_eq!(told("ETH-BTC-4h.csv"), "ETHBTC 4h");
        assert_eq!(told("my_candles-1h.csv"), " 1h");
        assert_eq!(told("odd-1h.csv"), " 1h");
    }

    #[test]
    fn months_have_a_name_of_their_own() {
        for (name, of_months) in
            [("BTCUSDT-1M-2024.csv", true), ("BTCUSDT-1mo-2024.csv.zst", true), ("BTCUSDT-1m-2024.csv", false)]
        {
            assert_eq!(is_of_months(Path::new(name)), of_months, "{name}");
        }
    }
}
