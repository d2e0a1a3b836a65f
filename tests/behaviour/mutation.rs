//! Frames that a seed has damaged: whatever comes in, it is taken or refused, and what is taken can be.

use std::fs;

use proptest::prelude::*;
use tradingbot::binance::{Decoded, decode};
use tradingbot::domain::event::Level;
use tradingbot::domain::{Market, MarketEvent, Price, Qty, Timestamp};
use tradingbot::market::Random;
use tradingbot::store::RecordingReader;

use crate::data::{golden, shared};

#[test]
fn twenty_thousand_damaged_frames_are_taken_or_refused_and_none_is_a_panic() {
    let frames = frames();
    let mut random = Random::seeded(SEED);
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..FRAMES {
        let frame = damaged(&frames, &mut random);
        match decode(Market::Spot, &frame) {
            Ok(decoded) => {
                check(&decoded, &frame);
                taken += 1;
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                refused += 1;
            }
        }
    }
    println!(
        "seed {SEED:#x}: {FRAMES} frames damaged, of {} good ones: {taken} taken, {refused} refused",
        frames.len()
    );
    assert!(taken > FRAMES / 20 && refused > FRAMES / 4, "{taken} {refused}");
}

#[test]
fn damaged_recordings_end_with_one_error_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.jsonl");
    let good = fs::read(golden("recordings").join("good.jsonl")).unwrap();
    let mut random = Random::seeded(SEED);
    for _ in 0..200 {
        let damaged = damaged(std::slice::from_ref(&good), &mut random);
        fs::write(&path, &damaged).unwrap();
        let Ok(reader) = RecordingReader::open(std::slice::from_ref(&path)) else { continue };
        let results: Vec<_> = reader.collect();
        let errors = results.iter().filter(|result| result.is_err()).count();
        assert!(errors <= 1 && results.iter().take(results.len().saturating_sub(1)).all(Result::is_ok));
        assert!(results.len() <= 8);
    }
}

/// A frame damaged in one place or two.
fn damaged(frames: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut frame = frames[below(random, frames.len())].clone();
    for _ in 0..=below(random, 2) {
        let at = below(random, frame.len() + 1);
        let until = (at + below(random, 12)).min(frame.len());
        match below(random, 8) {
            0 => frame.truncate(at),
            1 => drop(frame.drain(at..until)),
            2 => frame.insert(at, random.bits() as u8),
            3 => {
                let token = TOKENS[below(random, TOKENS.len())];
                frame.splice(at..until, token.bytes());
            }
            4 => {
                let again = frame[at..until].to_vec();
                frame.splice(at..at, again);
            }
            5 => {
                let other = &frames[below(random, frames.len())];
                let from = below(random, other.len() + 1);
                frame.truncate(at);
                frame.extend_from_slice(&other[from..]);
            }
            6 => {
                let digits: Vec<usize> = (0..frame.len()).filter(|place| frame[*place].is_ascii_digit()).collect();
                if !digits.is_empty() {
                    frame[digits[below(random, digits.len())]] = b"0123456789-.eE+\""[below(random, 16)];
                }
            }
            _ if at < frame.len() => frame[at] ^= 1 << below(random, 8),
            _ => {}
        }
    }
    frame
}

/// Some frames of each kind: recorded ones, or else those of the golden recordings.
fn frames() -> Vec<Vec<u8>> {
    let mut frames: Vec<Vec<u8>> = Vec::new();
    if let Some(streams) = shared("data/streams") {
        for name in ["BTCUSDT-spot-20240809", "BTCUSDT-usdm-20240718"] {
            let packed = fs::read(streams.join(format!("{name}.jsonl.zst"))).unwrap();
            let text = zstd::decode_all(&packed[..]).unwrap();
            let lines = text.split(|byte| *byte == b'\n').filter_map(|line| line.get(20..));
            frames.extend(lines.filter(|line| line.len() < 4_000).take(3_000).map(<[u8]>::to_vec));
        }
    }
    for name in ["good", "unknown-kinds", "gap-of-futures"] {
        let text = fs::read(golden("recordings").join(format!("{name}.jsonl"))).unwrap();
        frames.extend(text.split(|byte| *byte == b'\n').filter_map(|line| line.get(20..)).map(<[u8]>::to_vec));
    }
    frames.retain(|frame| !frame.is_empty());
    frames
}

/// What was taken is something a market can have.
fn check(decoded: &Decoded, frame: &[u8]) {
    let sound = |levels: &[Level]| levels.iter().all(|(price, qty)| *price > Price::ZERO && *qty >= Qty::ZERO);
    let holds = match decoded {
        Decoded::Market(MarketEvent::Trade(trade)) => {
            trade.price > Price::ZERO && trade.qty > Qty::ZERO && trade.count > 0 && trade.at >= Timestamp::ZERO
        }
        Decoded::Market(MarketEvent::Quote(quote)) => {
            quote.bid.min(quote.ask) >= Price::ZERO && quote.bid_qty.min(quote.ask_qty) >= Qty::ZERO
        }
        Decoded::Market(MarketEvent::Depth(depth)) => {
            sound(&depth.bids) && sound(&depth.asks) && depth.first <= depth.last
        }
        Decoded::Snapshot { bids, asks, .. } => sound(bids) && sound(asks),
        Decoded::Top(top) => sound(&top.bids) && sound(&top.asks),
        Decoded::Other(name) => name.chars().count() <= 40,
        _ => true,
    };
    assert!(holds, "{decoded:?}\n{}", String::from_utf8_lossy(frame));
}

proptest! {
    /// Digits come through as they are, whatever their number; what would have to be rounded is refused.
    #[test]
    fn decimals_are_taken_exactly_or_not_at_all(units in 1_i64.., places in 0_usize..12, zeros in 0_usize..4) {
        let digits = format!("{units:0>width$}", width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let zeros = if places > 0 { "0".repeat(zeros) } else { String::new() };
        let point = if places > 0 { "." } else { "" };
        let text = format!("{whole}{point}{fraction}{zeros}");
        let frame = format!(
            r#"{{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[["{text}","1"]],"a":[["1","{text}"]]}}"#
        );
        let exact = |scale: u32| {
            let needed = fraction.trim_end_matches('0').len();
            (needed <= scale as usize).then(|| i128::from(units) * 10_i128.pow(scale) / 10_i128.pow(places as u32))
        };
        let expected = exact(Price::SCALE).and_then(|units| i64::try_from(units).ok());
        match (decode(Market::Spot, frame.as_bytes()), expected) {
            (Ok(Decoded::Market(MarketEvent::Depth(depth))), Some(expected)) => {
                prop_assert_eq!(depth.bids[0].0, Price::from_units(expected));
                prop_assert_eq!(depth.asks[0].1, Qty::from_units(i128::from(expected)));
            }
            (Err(_), None) => {}
            (decoded, expected) => prop_assert!(false, "{text} {decoded:?} {expected:?}"),
        }
    }

    #[test]
    fn any_bytes_are_taken_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,80}") {
        let _ = decode(Market::Spot, &bytes);
        let _ = decode(Market::Spot, text.as_bytes());
        let _ = decode(Market::Spot, format!(r#"{{"e":{text}}}"#).as_bytes());
        let _ = decode(Market::Spot, format!(r#"{{"e":"depthUpdate","b":{text}}}"#).as_bytes());
    }
}

fn below(random: &mut Random, bound: usize) -> usize {
    random.below(bound as u64) as usize
}

const SEED: u64 = 0x5eed_f7a3;

const FRAMES: usize = 20_000;

const TOKENS: [&str; 18] = [
    "null",
    "true",
    "1e999",
    "-1",
    "\"\"",
    "[]",
    "{}",
    "[[",
    "\"\\u0000\"",
    "\\",
    "18446744073709551616",
    "0.1",
    "\"-1\"",
    "\"1e5\"",
    ",",
    ":",
    "\"e\":\"trade\",",
    "\u{2028}",
];
