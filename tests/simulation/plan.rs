//! What a seed makes of everything that can differ from run to run.

use tradingbot::domain::{
    Asset, EntryStyle, Exits, Instrument, InstrumentId, Limits, Market, Notional, Price, Qty, Rate, RoiStep, RunId,
    Sizing, Span, Timestamp, Trailing,
};
use tradingbot::engine::{Setup, Strict};
use tradingbot::market::Random;
use tradingbot::market::practice::{PracticePair, PracticeSettings};
use tradingbot::sim::{Faults, FeeSettings, Latency, SimSettings, ThirdAsset};
use tradingbot::strategy::{Rule, StrategySettings};

/// Everything that a seed decides before anything happens.
#[derive(Debug)]
pub struct Plan {
    pub setup: Setup,
    pub sim: SimSettings,
    pub market: PracticeSettings,
    /// How much slower than the practice market's own the clock goes.
    pub slower: i64,
    pub steps: u64,
    /// One in so many events: a stall of the feed, a full disk, an operator's request, a crash between events.
    pub stall_odds: u64,
    pub full_odds: u64,
    pub operator_odds: u64,
    pub crash_odds: u64,
    /// Most steps within the shell from one crash to the next; none when there are no such crashes.
    pub fuse_max: u64,
    /// Whether what waits to be written is written after each event, as it is when the market goes by the clock.
    pub paced: bool,
    /// Whether the ledger is a file, for writes to be torn.
    pub on_file: bool,
    pub dice: Random,
}

impl Plan {
    pub fn of(seed: u64) -> Self {
        let mut dice = Random::seeded(seed);
        let pairs = pairs(&mut dice);
        let instruments: Vec<Instrument> = pairs.iter().map(|pair| pair.instrument.clone()).collect();
        let symbols: Vec<InstrumentId> = instruments.iter().map(|rules| rules.id).collect();
        let strategies = (0..1 + dice.below(4)).map(|number| strategy(&mut dice, number, &symbols)).collect();
        let limits = limits(&mut dice, symbols);
        let third = symbols_hold_bnb(&instruments) && dice.odds(1, 2);
        let faults = faults(&mut dice);
        Self {
            setup: Setup {
                run: RunId(1),
                quote: usdt(),
                instruments: instruments.clone(),
                strategies,
                limits,
                interval_rule: &Strict,
                mark_every: Span::MINUTE,
            },
            sim: SimSettings {
                latency: Latency {
                    min: Span::from_millis(dice.between(0, 20)),
                    max: Span::from_millis(dice.between(20, 900)),
                },
                seed: dice.bits(),
                faults,
                fees: if third { third_asset() } else { FeeSettings::default() },
                ..SimSettings::plain(instruments, balances())
            },
            market: PracticeSettings {
                pairs,
                seed: dice.bits(),
                start: Timestamp::from_nanos(START),
                outage_every: Span::from_secs(dice.between(20, 200)),
                gap_every: Span::from_secs(dice.between(20, 200)),
            },
            slower: *pick(&mut dice, &[2, 10, 25, 50]),
            steps: u64::try_from(dice.between(1_500, 5_000)).unwrap(),
            stall_odds: *pick(&mut dice, &[300, 1_500, 1_000_000]),
            full_odds: *pick(&mut dice, &[600, 2_000, 1_000_000]),
            operator_odds: *pick(&mut dice, &[60, 200, 600]),
            crash_odds: *pick(&mut dice, &[400, 1_500, 1_000_000]),
            fuse_max: *pick(&mut dice, &[0, 30, 100, 300]),
            paced: dice.odds(1, 2),
            on_file: dice.odds(1, 8),
            dice,
        }
    }
}

pub fn usdt() -> Asset {
    "USDT".parse().unwrap()
}

pub fn deposit() -> Notional {
    "10000".parse().unwrap()
}

/// What the account holds at the exchange; the bot is told of the quote asset alone.
pub fn balances() -> Vec<(Asset, Notional)> {
    vec![(usdt(), deposit()), ("BNB".parse().unwrap(), "3".parse().unwrap())]
}

fn symbols_hold_bnb(instruments: &[Instrument]) -> bool {
    instruments.iter().any(|rules| rules.base.as_str() == "BNB")
}

fn third_asset() -> FeeSettings {
    let third = ThirdAsset {
        asset: "BNB".parse().unwrap(),
        symbol: "BNBUSDT".parse().unwrap(),
        discount: "0.25".parse().unwrap(),
    };
    FeeSettings { third: Some(third), ..FeeSettings::default() }
}

fn pick<'a, T>(dice: &mut Random, among: &'a [T]) -> &'a T {
    &among[usize::try_from(dice.below(u64::try_from(among.len()).unwrap())).unwrap()]
}

fn share(dice: &mut Random, low: i64, high: i64) -> Rate {
    Rate::from_units(dice.between(low, high))
}

fn pairs(dice: &mut Random) -> Vec<PracticePair> {
    let all = [
        ["BTCUSDT", "BTC", "0.1", "0.00001", "64000"],
        ["ETHUSDT", "ETH", "0.01", "0.0001", "3200"],
        ["BNBUSDT", "BNB", "0.1", "0.001", "600"],
        ["DOGEUSDT", "DOGE", "0.00001", "1", "0.4"],
    ];
    let first = dice.below(4);
    (first..first + 1 + dice.below(3))
        .map(|number| {
            let [symbol, base, tick, lot, price] = all[usize::try_from(number % 4).unwrap()];
            let lot: Qty = lot.parse().unwrap();
            let instrument = Instrument {
                id: InstrumentId::new(Market::Spot, symbol.parse().unwrap()),
                base: base.parse().unwrap(),
                quote: usdt(),
                tick: tick.parse().unwrap(),
                lot,
                qty_min: lot,
                qty_max: Qty::ZERO,
                notional_min: "5".parse().unwrap(),
                fee_maker: share(dice, 0, 100_000),
                fee_taker: share(dice, 50_000, 200_000),
            };
            let price: Price = price.parse().unwrap();
            PracticePair { instrument, price, volatility: share(dice, 10_000, 100_000) }
        })
        .collect()
}

fn strategy(dice: &mut Random, number: u64, symbols: &[InstrumentId]) -> StrategySettings {
    let rule = match dice.below(3) {
        0 => Rule::named("ema-cross", &[("fast", 1 + small(dice, 2)), ("slow", 3 + small(dice, 4))]),
        1 => {
            let given = [("period", 2 + small(dice, 4)), ("enter-below", 45), ("leave-above", 55)];
            Rule::named("rsi-reversion", &given)
        }
        _ => Rule::named("donchian-breakout", &[("period", 2 + small(dice, 5))]),
    }
    .unwrap();
    let sizing = match dice.below(3) {
        0 => Sizing::Fixed { stake: money(dice, 20, 1_500) },
        1 => Sizing::EquityShare { share: share(dice, 500_000, 15_000_000) },
        _ => Sizing::VolatilityTarget {
            risk: share(dice, 1_000, 50_000),
            period: 2 + small(dice, 4),
            share_max: share(dice, 1_000_000, 15_000_000),
        },
    };
    let entry = if dice.odds(1, 2) {
        EntryStyle::Market
    } else {
        EntryStyle::PostOnly { timeout: Span::from_secs(dice.between(1, 20)) }
    };
    let some = symbols.iter().copied().filter(|_| dice.odds(2, 3)).collect::<Vec<_>>();
    StrategySettings {
        name: format!("strategy-{number}").parse().unwrap(),
        rule,
        symbols: if some.is_empty() { symbols.to_vec() } else { some },
        interval: Span::from_secs(*pick(dice, &[1, 2, 5])),
        sizing,
        entry,
        exits: exits(dice),
        positions_max: 1 + small(dice, 3),
        warm_up: small(dice, 4),
    }
}

fn exits(dice: &mut Random) -> Exits {
    let trailing = dice.odds(1, 3).then(|| Trailing {
        distance: share(dice, 50_000, 500_000),
        offset: dice.odds(1, 2).then(|| share(dice, 100_000, 500_000)),
        distance_before: None,
    });
    let roi = RoiStep { after: Span::from_secs(dice.between(0, 30)), profit: share(dice, -200_000, 300_000) };
    Exits {
        stop_loss: dice.odds(2, 3).then(|| share(dice, 50_000, 1_000_000)),
        trailing,
        roi: if dice.odds(1, 2) { vec![roi] } else { Vec::new() },
        cooldown: if dice.odds(1, 4) { Span::from_secs(dice.between(1, 5)) } else { Span::ZERO },
    }
}

fn limits(dice: &mut Random, symbols: Vec<InstrumentId>) -> Limits {
    let tight = dice.odds(1, 2);
    let part = |dice: &mut Random, low, high| if tight { money(dice, low, high) } else { money(dice, 5_000, 20_000) };
    Limits {
        order_notional_max: part(dice, 200, 1_500),
        position_notional_max: part(dice, 300, 2_000),
        exposure_max: part(dice, 400, 3_000),
        leverage_max: if dice.odds(1, 2) { share(dice, 2_000_000, 40_000_000) } else { Rate::ONE },
        loss_per_day_max: money(dice, 300, 10_000),
        drawdown_max: share(dice, 5_000_000, 90_000_000),
        orders_per_second: 1 + small(dice, 6),
        orders_per_minute: 10 + small(dice, 100),
        orders_per_day: if dice.odds(1, 8) { 10 + small(dice, 40) } else { 2_000 },
        staleness_max: Span::from_secs(dice.between(2, 12)),
        ..Limits::careful(symbols, deposit())
    }
}

fn faults(dice: &mut Random) -> Faults {
    let mut one = |most: i64| if dice.odds(2, 5) { Rate::ZERO } else { share(dice, 0, most) };
    let [request_lost, answer_lost, late, duplicate, reorder, reject, cancel_race, hidden] =
        std::array::from_fn(|_| one(15_000_000));
    let cancel_race = if cancel_race == Rate::ZERO { cancel_race } else { Rate::from_units(40_000_000) };
    Faults {
        request_lost,
        answer_lost,
        late,
        duplicate,
        reorder,
        reject,
        cancel_race,
        hidden,
        down: one(4_000_000),
        ..Faults::none()
    }
}

fn money(dice: &mut Random, low: i64, high: i64) -> Notional {
    Notional::from_units(i128::from(dice.between(low, high)) * 10_i128.pow(Notional::SCALE))
}

fn small(dice: &mut Random, below: u64) -> u32 {
    u32::try_from(dice.below(below)).unwrap()
}

/// Shortly before a UTC day ends, so that runs see the next one begin.
const START: i64 = (1_760_000_000 / 86_400 * 86_400 + 86_400 - 150) * 1_000_000_000;
