//! The table of all indicators.

use super::{Definition, Parameter, Series};
use crate::strategy::indicator::{
    Adx, Atr, Band, Bar, Bollinger, Cci, Donchian, Ema, Ichimoku, Keltner, Macd, Obv, ParabolicSar, Roc, Rsi, Sma,
    Stochastic, Supertrend, Vwap, WilliamsR, Wma,
};

/// All of them, in the order in which they are listed.
pub static CATALOG: [Definition; 19] = [
    Definition {
        name: "sma",
        about: "simple moving average of the close",
        parameters: &[periods(&[20.0, 200.0], 1.0)],
        columns: &["sma"],
        numbered: true,
        build: |values| {
            let mut sma = Sma::new(values.period(0));
            Box::new(one(move |bar| sma.update(bar.close)))
        },
    },
    Definition {
        name: "ema",
        about: "exponential moving average of the close",
        parameters: &[periods(&[12.0, 26.0, 200.0], 1.0)],
        columns: &["ema"],
        numbered: true,
        build: |values| {
            let mut ema = Ema::new(values.period(0));
            Box::new(one(move |bar| ema.update(bar.close)))
        },
    },
    Definition {
        name: "wma",
        about: "linearly weighted moving average of the close",
        parameters: &[periods(&[20.0], 1.0)],
        columns: &["wma"],
        numbered: true,
        build: |values| {
            let mut wma = Wma::new(values.period(0));
            Box::new(one(move |bar| wma.update(bar.close)))
        },
    },
    Definition {
        name: "rsi",
        about: "relative strength index of the close, after Wilder",
        parameters: &[periods(&[14.0], 1.0)],
        columns: &["rsi"],
        numbered: true,
        build: |values| {
            let mut rsi = Rsi::new(values.period(0));
            Box::new(one(move |bar| rsi.update(bar.close)))
        },
    },
    Definition {
        name: "macd",
        about: "difference of two exponential averages, its average, and what is between them",
        parameters: &[count("fast", &[12.0], 1.0), count("slow", &[26.0], 1.0), count("signal", &[9.0], 1.0)],
        columns: &["macd", "macd_signal", "macd_hist"],
        numbered: false,
        build: |values| {
            let mut macd = Macd::new(values.period(0), values.period(1), values.period(2));
            Box::new(many(move |bar| match macd.update(bar.close) {
                Some(value) => [Some(value.macd), Some(value.signal), Some(value.histogram)],
                None => [None; 3],
            }))
        },
    },
    Definition {
        name: "bollinger",
        about: "simple average of the close and population standard deviations around it",
        parameters: &[periods(&[20.0], 1.0), factor("deviations", &[2.0])],
        columns: &["bb_upper", "bb_middle", "bb_lower"],
        numbered: false,
        build: |values| {
            let mut bands = Bollinger::new(values.period(0), values.number(1));
            Box::new(many(move |bar| upper_middle_lower(bands.update(bar.close))))
        },
    },
    Definition {
        name: "atr",
        about: "average true range, after Wilder",
        parameters: &[periods(&[14.0], 1.0)],
        columns: &["atr"],
        numbered: true,
        build: |values| {
            let mut atr = Atr::new(values.period(0));
            Box::new(one(move |bar| atr.update(bar)))
        },
    },
    Definition {
        name: "donchian",
        about: "highest high, lowest low and their mean, the candle itself included",
        parameters: &[periods(&[20.0], 1.0)],
        columns: &["dc_upper", "dc_lower", "dc_middle"],
        numbered: false,
        build: |values| {
            let mut channel = Donchian::new(values.period(0));
            Box::new(many(move |bar| match channel.update(bar) {
                Some(band) => [Some(band.upper), Some(band.lower), Some(band.middle)],
                None => [None; 3],
            }))
        },
    },
    Definition {
        name: "obv",
        about: "on-balance volume",
        parameters: &[],
        columns: &["obv"],
        numbered: false,
        build: |_| {
            let mut obv = Obv::default();
            Box::new(one(move |bar| Some(obv.update(bar))))
        },
    },
    Definition {
        name: "vwap",
        about: "volume-weighted average of the typical price, since 00:00 UTC and since the first row",
        parameters: &[],
        columns: &["vwap_day", "vwap_all"],
        numbered: false,
        build: |_| {
            let mut vwap = Vwap::default();
            Box::new(many(move |bar| {
                let value = vwap.update(bar);
                [value.day, value.all]
            }))
        },
    },
    Definition {
        name: "adx",
        about: "average directional index and the directional indicators, after Wilder",
        parameters: &[periods(&[14.0], 2.0)],
        columns: &["adx", "plus_di", "minus_di"],
        numbered: true,
        build: |values| {
            let mut adx = Adx::new(values.period(0));
            Box::new(many(move |bar| match adx.update(bar) {
                Some(value) => [value.adx, Some(value.plus), Some(value.minus)],
                None => [None; 3],
            }))
        },
    },
    Definition {
        name: "stochastic",
        about: "stochastic oscillator, slow %K and slow %D",
        parameters: &[periods(&[14.0], 1.0), count("slow-k", &[3.0], 1.0), count("slow-d", &[3.0], 1.0)],
        columns: &["slow_k", "slow_d"],
        numbered: false,
        build: |values| {
            let mut stochastic = Stochastic::new(values.period(0), values.period(1), values.period(2));
            Box::new(many(move |bar| match stochastic.update(bar) {
                Some(value) => [Some(value.slow_k), Some(value.slow_d)],
                None => [None; 2],
            }))
        },
    },
    Definition {
        name: "cci",
        about: "commodity channel index",
        parameters: &[periods(&[20.0], 1.0)],
        columns: &["cci"],
        numbered: true,
        build: |values| {
            let mut cci = Cci::new(values.period(0));
            Box::new(one(move |bar| cci.update(bar)))
        },
    },
    Definition {
        name: "williams-r",
        about: "Williams %R, from -100 to 0",
        parameters: &[periods(&[14.0], 1.0)],
        columns: &["willr"],
        numbered: true,
        build: |values| {
            let mut williams = WilliamsR::new(values.period(0));
            Box::new(one(move |bar| williams.update(bar)))
        },
    },
    Definition {
        name: "roc",
        about: "rate of change of the close, in percent",
        parameters: &[periods(&[10.0], 1.0)],
        columns: &["roc"],
        numbered: true,
        build: |values| {
            let mut roc = Roc::new(values.period(0));
            Box::new(one(move |bar| roc.update(bar.close)))
        },
    },
    Definition {
        name: "keltner",
        about: "exponential average of the close and average true ranges around it",
        parameters: &[periods(&[20.0], 1.0), count("atr-period", &[10.0], 1.0), factor("multiplier", &[2.0])],
        columns: &["kc_upper", "kc_middle", "kc_lower"],
        numbered: false,
        build: |values| {
            let mut channel = Keltner::new(values.period(0), values.period(1), values.number(2));
            Box::new(many(move |bar| upper_middle_lower(channel.update(bar))))
        },
    },
    Definition {
        name: "supertrend",
        about: "a line that prices must break to change direction; direction 1 is rising, -1 falling",
        parameters: &[periods(&[10.0], 1.0), factor("multiplier", &[3.0])],
        columns: &["supertrend", "direction"],
        numbered: false,
        build: |values| {
            let mut trend = Supertrend::new(values.period(0), values.number(1));
            Box::new(many(move |bar| match trend.update(bar) {
                Some(value) => [Some(value.line), Some(if value.rising { 1.0 } else { -1.0 })],
                None => [None; 2],
            }))
        },
    },
    Definition {
        name: "ichimoku",
        about: "middles of three ranges; the spans are shown shift rows later",
        parameters: &[
            count("tenkan", &[9.0], 1.0),
            count("kijun", &[26.0], 1.0),
            count("senkou", &[52.0], 1.0),
            count("shift", &[26.0], 0.0),
        ],
        columns: &["tenkan", "kijun", "span_a", "span_b"],
        numbered: false,
        build: |values| {
            let (tenkan, kijun, senkou) = (values.period(0), values.period(1), values.period(2));
            let mut ichimoku = Ichimoku::new(tenkan, kijun, senkou, values.period(3));
            Box::new(many(move |bar| {
                let value = ichimoku.update(bar);
                [value.tenkan, value.kijun, value.span_a, value.span_b]
            }))
        },
    },
    Definition {
        name: "parabolic-sar",
        about: "parabolic stop and reverse, after Wilder",
        parameters: &[factor("step", &[0.02]), factor("max", &[0.2])],
        columns: &["sar"],
        numbered: false,
        build: |values| {
            let mut sar = ParabolicSar::new(values.number(0), values.number(1));
            Box::new(one(move |bar| sar.update(bar)))
        },
    },
];

const fn periods(default: &'static [f64], least: f64) -> Parameter {
    count("period", default, least)
}

const fn count(name: &'static str, default: &'static [f64], least: f64) -> Parameter {
    Parameter { name, default, whole: true, least }
}

const fn factor(name: &'static str, default: &'static [f64]) -> Parameter {
    Parameter { name, default, whole: false, least: 0.0 }
}

fn upper_middle_lower(band: Option<Band>) -> [Option<f64>; 3] {
    match band {
        Some(band) => [Some(band.upper), Some(band.middle), Some(band.lower)],
        None => [None; 3],
    }
}

struct Rows<F>(F);

impl<const N: usize, F: FnMut(&Bar) -> [Option<f64>; N]> Series for Rows<F> {
    fn update(&mut self, bar: &Bar, row: &mut Vec<Option<f64>>) {
        row.extend((self.0)(bar));
    }
}

fn many<const N: usize, F: FnMut(&Bar) -> [Option<f64>; N]>(update: F) -> Rows<F> {
    Rows(update)
}

fn one(mut update: impl FnMut(&Bar) -> Option<f64>) -> impl Series {
    many(move |bar| [update(bar)])
}
