//! Every indicator straight from its definition, over whole slices of candles. Sums are whole numbers where that can be.

use tradingbot::domain::Candle;
use tradingbot::strategy::indicator::catalog::Definition;

type Row = Vec<Option<f64>>;
type Series = Vec<Option<f64>>;

/// Parameters by name, defaults included.
pub fn values(name: &str, given: &[(&str, &[f64])]) -> Vec<Vec<f64>> {
    let of = |parameter: &str| given.iter().find(|(name, _)| *name == parameter).map(|(_, values)| values.to_vec());
    let parameters = Definition::named(name).unwrap().parameters;
    parameters.iter().map(|parameter| of(parameter.name).unwrap_or_else(|| parameter.default.to_vec())).collect()
}

/// The values of some rows.
pub fn rows(name: &str, values: &[Vec<f64>], candles: &[Candle], rows: &[usize]) -> Vec<Row> {
    let count = |at: usize| values[at][0] as usize;
    let all = |series: Vec<Series>| rows.iter().map(|row| series.iter().map(|one| one[*row]).collect()).collect();
    let each = |make: &dyn Fn(usize) -> Series| all(values[0].iter().map(|period| make(*period as usize)).collect());
    let windows = |period: usize, from: &dyn Fn(&[Candle]) -> Row, columns: usize| {
        rows.iter().map(|row| window(candles, *row, period).map_or(vec![None; columns], from)).collect()
    };
    match name {
        "sma" => rows.iter().map(|row| values[0].iter().map(|n| sma(candles, *row, *n as usize)).collect()).collect(),
        "ema" => each(&|period| ema(&closes(candles), 0, period)),
        "wma" => windows(count(0), &|window| vec![Some(wma(window))], 1),
        "rsi" => each(&|period| rsi(&closes(candles), period)),
        "macd" => all(macd(&closes(candles), count(0), count(1), count(2))),
        "bollinger" => windows(count(0), &|window| bollinger(window, values[1][0]), 3),
        "atr" => each(&|period| atr(candles, period)),
        "donchian" => windows(count(0), &|window| donchian(window), 3),
        "obv" => all(vec![obv(candles)]),
        "vwap" => all(vwap(candles)),
        "adx" => all(adx(candles, count(0))),
        "stochastic" => rows.iter().map(|row| stochastic(candles, *row, count(0), count(1), count(2))).collect(),
        "cci" => windows(count(0), &|window| vec![Some(cci(window))], 1),
        "williams-r" => windows(count(0), &|window| vec![Some(williams(window))], 1),
        "roc" => windows(count(0) + 1, &|window| vec![Some(roc(window))], 1),
        "keltner" => all(keltner(candles, count(0), count(1), values[2][0])),
        "supertrend" => all(supertrend(candles, count(0), values[1][0])),
        "ichimoku" => {
            rows.iter().map(|row| ichimoku(candles, *row, [count(0), count(1), count(2), count(3)])).collect()
        }
        "parabolic-sar" => all(vec![sar(candles, values[0][0], values[1][0])]),
        _ => panic!("{name} is not recomputed"),
    }
}

fn close(candle: &Candle) -> i128 {
    i128::from(candle.close.units())
}

fn high(candle: &Candle) -> i128 {
    i128::from(candle.high.units())
}

fn low(candle: &Candle) -> i128 {
    i128::from(candle.low.units())
}

fn closes(candles: &[Candle]) -> Vec<f64> {
    candles.iter().map(|candle| number(close(candle))).collect()
}

fn number(units: i128) -> f64 {
    units as f64 / 1e8
}

fn window(candles: &[Candle], row: usize, period: usize) -> Option<&[Candle]> {
    (row + 1).checked_sub(period).map(|from| &candles[from..=row])
}

fn top(window: &[Candle]) -> i128 {
    window.iter().map(high).max().unwrap()
}

fn bottom(window: &[Candle]) -> i128 {
    window.iter().map(low).min().unwrap()
}

fn sma(candles: &[Candle], row: usize, period: usize) -> Option<f64> {
    let window = window(candles, row, period)?;
    Some(number(window.iter().map(close).sum()) / period as f64)
}

fn ema(values: &[f64], from: usize, period: usize) -> Series {
    let mut series = vec![None; values.len()];
    let seed = from + period;
    let mut average = values[from..seed].iter().sum::<f64>() / period as f64;
    series[seed - 1] = Some(average);
    let share = 2.0 / (period as f64 + 1.0);
    for row in seed..values.len() {
        average = values[row] * share + average * (1.0 - share);
        series[row] = Some(average);
    }
    series
}

fn wma(window: &[Candle]) -> f64 {
    let period = window.len() as i128;
    let weighted: i128 = (1..).zip(window).map(|(weight, candle)| weight * close(candle)).sum();
    number(weighted * 2) / (period * (period + 1)) as f64
}

/// The mean of `values[from..from + period]`, then Wilder's smoothing; nothing before.
fn wilder(values: &[f64], from: usize, period: usize) -> Series {
    let mut series = vec![None; values.len()];
    let first = from + period - 1;
    let mut average = values[from..=first].iter().sum::<f64>() / period as f64;
    series[first] = Some(average);
    for row in first + 1..values.len() {
        average += (values[row] - average) / period as f64;
        series[row] = Some(average);
    }
    series
}

fn rsi(closes: &[f64], period: usize) -> Series {
    let change = |row: usize| if row == 0 { 0.0 } else { closes[row] - closes[row - 1] };
    let rises: Vec<f64> = (0..closes.len()).map(|row| change(row).max(0.0)).collect();
    let falls: Vec<f64> = (0..closes.len()).map(|row| (-change(row)).max(0.0)).collect();
    let pairs = wilder(&rises, 1, period).into_iter().zip(wilder(&falls, 1, period));
    pairs
        .map(|(up, down)| up.zip(down).map(|(up, down)| if up + down > 0.0 { 100.0 * up / (up + down) } else { 0.0 }))
        .collect()
}

fn macd(closes: &[f64], fast: usize, slow: usize, signal: usize) -> Vec<Series> {
    let fast = ema(closes, slow - fast, fast);
    let slow_average = ema(closes, 0, slow);
    let line: Vec<f64> =
        fast.iter().zip(&slow_average).map(|(fast, slow)| fast.unwrap_or(0.0) - slow.unwrap_or(0.0)).collect();
    let signal = ema(&line, slow - 1, signal);
    let shown = |value: &dyn Fn(usize, f64) -> f64| -> Series {
        signal.iter().enumerate().map(|(row, signal)| signal.map(|signal| value(row, signal))).collect()
    };
    vec![shown(&|row, _| line[row]), signal.clone(), shown(&|row, signal| line[row] - signal)]
}

fn bollinger(window: &[Candle], width: f64) -> Row {
    let count = window.len() as i128;
    let sum: i128 = window.iter().map(close).sum();
    let squares: i128 = window.iter().map(|candle| close(candle) * close(candle)).sum();
    let deviation = ((count * squares - sum * sum) as f64).sqrt() / count as f64 / 1e8;
    let mean = number(sum) / count as f64;
    vec![Some(mean + width * deviation), Some(mean), Some(mean - width * deviation)]
}

fn true_ranges(candles: &[Candle]) -> Vec<f64> {
    let range = |row: usize| match row.checked_sub(1) {
        Some(before) => {
            let (now, before) = (&candles[row], close(&candles[before]));
            number((high(now) - low(now)).max((high(now) - before).abs()).max((low(now) - before).abs()))
        }
        None => 0.0,
    };
    (0..candles.len()).map(range).collect()
}

fn atr(candles: &[Candle], period: usize) -> Series {
    wilder(&true_ranges(candles), 1, period)
}

fn donchian(window: &[Candle]) -> Row {
    let (top, bottom) = (top(window), bottom(window));
    vec![Some(number(top)), Some(number(bottom)), Some(number(top + bottom) / 2.0)]
}

fn obv(candles: &[Candle]) -> Series {
    let mut sum = 0;
    let mut series = Vec::new();
    for (row, candle) in candles.iter().enumerate() {
        let direction = if row == 0 { 1 } else { (close(candle) - close(&candles[row - 1])).signum() };
        sum += direction * candle.volume.units();
        series.push(Some(number(sum)));
    }
    series
}

fn vwap(candles: &[Candle]) -> Vec<Series> {
    let typical = |candle: &Candle| high(candle) + low(candle) + close(candle);
    let mut sums = vec![(0, 0)];
    for (row, candle) in candles.iter().enumerate() {
        let volume = candle.volume.units();
        sums.push((sums[row].0 + typical(candle) * volume, sums[row].1 + volume));
    }
    let since = |from: usize, row: usize| {
        let (value, volume) = (sums[row + 1].0 - sums[from].0, sums[row + 1].1 - sums[from].1);
        (volume != 0).then(|| number(value) / (3 * volume) as f64)
    };
    let day = |row: usize| candles[row].open_time.day();
    let mut midnight = 0;
    let mut today = Vec::new();
    for row in 0..candles.len() {
        midnight = if day(row) == day(midnight) { midnight } else { row };
        today.push(since(midnight, row));
    }
    vec![today, (0..candles.len()).map(|row| since(0, row)).collect()]
}

fn adx(candles: &[Candle], period: usize) -> Vec<Series> {
    let rows = candles.len();
    let float = |row: usize| (number(high(&candles[row])), number(low(&candles[row])));
    let (mut plus, mut minus) = (vec![0.0; rows], vec![0.0; rows]);
    for row in 1..rows {
        let (up, down) = (float(row).0 - float(row - 1).0, float(row - 1).1 - float(row).1);
        plus[row] = if up > down && up > 0.0 { up } else { 0.0 };
        minus[row] = if down > up && down > 0.0 { down } else { 0.0 };
    }
    let smoothed = |values: &[f64]| {
        let mut sums = vec![0.0; rows];
        sums[period - 1] = values[1..period].iter().sum();
        for row in period..rows {
            sums[row] = sums[row - 1] - sums[row - 1] / period as f64 + values[row];
        }
        sums
    };
    let (plus, minus, range) = (smoothed(&plus), smoothed(&minus), smoothed(&true_ranges(candles)));
    let share = |sums: &[f64], row: usize| if range[row] > 0.0 { 100.0 * sums[row] / range[row] } else { 0.0 };
    let shown = |sums: &[f64]| (0..rows).map(|row| (row >= period).then(|| share(sums, row))).collect();
    let mut index: Series = vec![None; period];
    let mut average = 0.0;
    for row in period..rows {
        let (up, down) = (share(&plus, row), share(&minus, row));
        let dx = (up + down > 0.0).then(|| 100.0 * (up - down).abs() / (up + down));
        if row < 2 * period {
            average += dx.unwrap_or(0.0) / period as f64;
        } else if let Some(dx) = dx {
            average += (dx - average) / period as f64;
        }
        index.push((row + 1 >= 2 * period).then_some(average));
    }
    vec![index, shown(&plus), shown(&minus)]
}

fn stochastic(candles: &[Candle], row: usize, period: usize, slow_k: usize, slow_d: usize) -> Row {
    let fast = |row: usize| {
        let window = window(candles, row, period)?;
        let (top, bottom) = (top(window), bottom(window));
        Some(if top == bottom { 0.0 } else { 100.0 * (close(&candles[row]) - bottom) as f64 / (top - bottom) as f64 })
    };
    let mean = |row: usize, count: usize, value: &dyn Fn(usize) -> Option<f64>| {
        let from = (row + 1).checked_sub(count)?;
        let values: Option<Vec<f64>> = (from..=row).map(value).collect();
        values.map(|values| values.iter().sum::<f64>() / count as f64)
    };
    let k = |row: usize| mean(row, slow_k, &fast);
    let d = mean(row, slow_d, &k);
    vec![d.and(k(row)), d]
}

fn cci(window: &[Candle]) -> f64 {
    let count = window.len() as i128;
    let typical = |candle: &Candle| high(candle) + low(candle) + close(candle);
    let sum: i128 = window.iter().map(typical).sum();
    let deviation: i128 = window.iter().map(|candle| (count * typical(candle) - sum).abs()).sum();
    let last = count * typical(window.last().unwrap()) - sum;
    if deviation == 0 { 0.0 } else { (last * count) as f64 / (deviation as f64 * 0.015) }
}

fn williams(window: &[Candle]) -> f64 {
    let (top, bottom, last) = (top(window), bottom(window), close(window.last().unwrap()));
    if top == bottom { 0.0 } else { -100.0 * (top - last) as f64 / (top - bottom) as f64 }
}

fn roc(window: &[Candle]) -> f64 {
    let (first, last) = (close(&window[0]), close(window.last().unwrap()));
    100.0 * (last - first) as f64 / first as f64
}

fn keltner(candles: &[Candle], period: usize, range: usize, width: f64) -> Vec<Series> {
    let (middle, range) = (ema(&closes(candles), 0, period), atr(candles, range));
    let line = |side: f64| -> Series {
        middle.iter().zip(&range).map(|(middle, range)| middle.zip(*range).map(|(m, r)| m + side * width * r)).collect()
    };
    vec![line(1.0), line(0.0), line(-1.0)]
}

fn supertrend(candles: &[Candle], period: usize, width: f64) -> Vec<Series> {
    let range = atr(candles, period);
    let closes = closes(candles);
    let (mut line, mut direction) = (vec![None; candles.len()], vec![None; candles.len()]);
    let (mut upper, mut lower, mut side) = (0.0, 0.0, -1.0);
    for row in period..candles.len() {
        let middle = number(high(&candles[row]) + low(&candles[row])) / 2.0;
        let (over, under) = (middle + width * range[row].unwrap(), middle - width * range[row].unwrap());
        if row == period {
            (upper, lower) = (over, under);
        } else {
            upper = if over < upper || closes[row - 1] > upper { over } else { upper };
            lower = if under > lower || closes[row - 1] < lower { under } else { lower };
            if side < 0.0 && closes[row] > upper {
                side = 1.0;
            } else if side > 0.0 && closes[row] < lower {
                side = -1.0;
            }
        }
        line[row] = Some(if side > 0.0 { lower } else { upper });
        direction[row] = Some(side);
    }
    vec![line, direction]
}

fn ichimoku(candles: &[Candle], row: usize, [tenkan, kijun, senkou, shift]: [usize; 4]) -> Row {
    let middle = |row: usize, period: usize| {
        window(candles, row, period).map(|window| number(top(window) + bottom(window)) / 2.0)
    };
    let shown = row.checked_sub(shift);
    let span_a = shown.and_then(|row| middle(row, tenkan).zip(middle(row, kijun)).map(|(a, b)| (a + b) / 2.0));
    vec![middle(row, tenkan), middle(row, kijun), span_a, shown.and_then(|row| middle(row, senkou))]
}

fn sar(candles: &[Candle], step: f64, max: f64) -> Series {
    let highs: Vec<f64> = candles.iter().map(|candle| number(high(candle))).collect();
    let lows: Vec<f64> = candles.iter().map(|candle| number(low(candle))).collect();
    let mut series = vec![None; candles.len()];
    let (fall, rise) = (lows[0] - lows[1], highs[1] - highs[0]);
    let mut long = !(fall > 0.0 && fall > rise);
    let (mut extreme, mut stop) = if long { (highs[1], lows[0]) } else { (lows[1], highs[0]) };
    let mut factor = step;
    for row in 1..candles.len() {
        let before = row.saturating_sub(1).max(1);
        let (high, low) = (highs[row], lows[row]);
        let (top, bottom) = (highs[before].max(high), lows[before].min(low));
        if long && low <= stop {
            (long, stop, factor) = (false, extreme.max(top), step);
            series[row] = Some(stop);
            extreme = low;
            stop = (stop + factor * (extreme - stop)).max(top);
        } else if long {
            series[row] = Some(stop);
            if high > extreme {
                (extreme, factor) = (high, (factor + step).min(max));
            }
            stop = (stop + factor * (extreme - stop)).min(bottom);
        } else if high >= stop {
            (long, stop, factor) = (true, extreme.min(bottom), step);
            series[row] = Some(stop);
            extreme = high;
            stop = (stop + factor * (extreme - stop)).min(bottom);
        } else {
            series[row] = Some(stop);
            if low < extreme {
                (extreme, factor) = (low, (factor + step).min(max));
            }
            stop = (stop + factor * (extreme - stop)).max(top);
        }
    }
    series
}
