//! Ways out: the word that was meant, the number as it should be written.

/// The candidate closest to `text`, if one is close enough to have been meant.
pub(super) fn nearest<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: String = text.chars().take(WORD_CHARS_MAX).collect::<String>().to_lowercase().replace(['_', ' '], "-");
    let (distance, best) = candidates.map(|word| (edits(&wanted, word), word)).min()?;
    (distance <= (best.chars().count() / 3).max(1)).then_some(best)
}

/// Edits that make one word of the other: inserting, removing, replacing a letter, or swapping two neighbours.
fn edits(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, a) in one.iter().enumerate() {
        let mut now = vec![row + 1];
        for (column, b) in other.iter().enumerate() {
            let cost = usize::from(a != b);
            let mut best = (last[column] + cost).min(last[column + 1] + 1).min(now[column] + 1);
            let swapped = row > 0 && column > 0 && *a == other[column - 1] && one[row - 1] == *b;
            if swapped {
                best = best.min(before[column - 1] + 1);
            }
            now.push(best);
        }
        before = std::mem::replace(&mut last, now);
    }
    last[other.len()]
}

/// The plain decimal number that was meant by `1e4`, `+5`, `1_000`, `.5`, `5.` or, where a share is asked for, `5%`.
pub(super) fn plain_decimal(text: &str, share: bool) -> Option<String> {
    let text: String = text.trim().chars().take(WORD_CHARS_MAX).filter(|c| !matches!(c, '_' | ' ')).collect();
    let (text, percent) = match text.strip_suffix('%') {
        Some(rest) if share => (rest.to_owned(), -2),
        Some(_) | None => (text, 0),
    };
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(&text)),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let exponent = exponent.checked_add(percent).filter(|exponent| exponent.abs() <= EXPONENT_MAX)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(format!("{sign}{}", shifted(&digits, i32::try_from(whole.len()).ok()? + exponent)))
}

/// `digits` with the point after `point` of them, which may lie outside.
fn shifted(digits: &str, point: i32) -> String {
    let length = i32::try_from(digits.len()).expect("the text was shortened");
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
    let padded = format!("{}{digits}{}", zeros(1 - point), zeros(point - length));
    let at = usize::try_from(point.max(1)).expect("it is positive");
    let (whole, fraction) = padded.split_at(at);
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// The span that was meant by `5 min`, `5M`, `30 seconds` or `1.5h`.
pub(super) fn plain_span(text: &str) -> Option<String> {
    let text: String = text.trim().chars().take(WORD_CHARS_MAX).collect::<String>().to_lowercase();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, word) = text.split_at(split);
    let (_, unit, smaller) = UNIT_WORDS.iter().find(|(words, ..)| words.contains(&word.trim()))?;
    match (number.split_once('.'), smaller) {
        (None, _) if !number.is_empty() => Some(format!("{number}{unit}")),
        (Some((whole, "5")), Some((per, smaller))) => {
            Some(format!("{}{smaller}", whole.parse::<u32>().ok()?.checked_mul(*per)?.checked_add(per / 2)?))
        }
        (Some(_) | None, _) => None,
    }
}

type UnitWords = (&'static [&'static str], &'static str, Option<(u32, &'static str)>);
const UNIT_WORDS: [UnitWords; 6] = [
    (&["ms", "msec", "millis", "milliseconds"], "ms", None),
    (&["s", "sec", "secs", "second", "seconds"], "s", Some((1_000, "ms"))),
    (&["m", "min", "mins", "minute", "minutes"], "m", Some((60, "s"))),
    (&["h", "hr", "hrs", "hour", "hours"], "h", Some((60, "m"))),
    (&["d", "day", "days"], "d", Some((24, "h"))),
    (&["w", "week", "weeks"], "w", Some((168, "h"))),
];
const WORD_CHARS_MAX: usize = 60;
const EXPONENT_MAX: i32 = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_its_word() {
        let words = ["order-notional-max", "position-notional-max", "exposure-max", "symbols"];
        let meant = |text| nearest(text, words.into_iter());
        assert_eq!(meant("order_notional_max"), Some("order-notional-max"));
        assert_eq!(meant("symbosl"), Some("symbols"));
        assert_eq!(meant("Exposure-Mx"), Some("exposure-max"));
        assert_eq!(meant("leverage"), None);
        assert_eq!(nearest("x", std::iter::empty()), None);
        assert_eq!(edits("ab", "ba"), 1);
        assert_eq!(edits("", "abc"), 3);
    }

    #[test]
    fn numbers_are_written_out() {
        let plain = |text| plain_decimal(text, true).unwrap_or_default();
        for (text, meant) in [
            ("1e4", "10000"),
            ("1.5E-3", "0.0015"),
            ("+5", "5"),
            ("1_000.50", "1000.5"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-2e0", "-2"),
            ("2%", "0.02"),
            ("0.5 %", "0.005"),
            ("0", "0"),
            ("", ""),
            ("1e999999999", ""),
            ("1e31", ""),
            ("abc", ""),
            ("1,000", ""),
            ("١", ""),
        ] {
            assert_eq!(plain(text), meant, "{text}");
        }
        assert_eq!(plain_decimal("5%", false), None);
    }

    #[test]
    fn spans_are_written_short() {
        let plain = |text| plain_span(text).unwrap_or_default();
        for (text, meant) in [
            ("5 min", "5m"),
            ("30 Seconds", "30s"),
            ("1.5h", "90m"),
            ("0.5s", "500ms"),
            ("5", ""),
            ("h", ""),
            ("1.25h", ""),
            ("99999999999.5h", ""),
            ("4294967295.5d", ""),
        ] {
            assert_eq!(plain(text), meant, "{text}");
        }
    }
}
