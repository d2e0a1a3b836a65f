//! The last values of a series, and the greatest or least of them.

use std::collections::VecDeque;

/// The last values of a series, at most `period` of them.
#[derive(Debug, Clone)]
pub struct Window<T> {
    period: usize,
    values: VecDeque<T>,
}

impl<T: Copy> Window<T> {
    /// A window of `period` values, at least one.
    #[must_use]
    pub fn new(period: u32) -> Self {
        let period = length(period);
        Self { period, values: VecDeque::with_capacity(period.min(CAPACITY_AT_START)) }
    }

    /// Takes in a value; the oldest one comes out once the window is full.
    pub fn push(&mut self, value: T) -> Option<T> {
        let oldest = if self.is_full() { self.values.pop_front() } else { None };
        self.values.push_back(value);
        oldest
    }

    /// Whether there are `period` values.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.values.len() == self.period
    }

    /// The values, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = T> {
        let (older, newer) = self.values.as_slices();
        older.iter().chain(newer).copied()
    }
}

/// The greatest or the least of the last values. Keeps only values that can still become it, so that one update costs
/// the same whatever the period.
#[derive(Debug, Clone)]
pub struct Extreme<T> {
    period: usize,
    greatest: bool,
    seen: usize,
    candidates: VecDeque<(usize, T)>,
}

impl<T: Copy + PartialOrd> Extreme<T> {
    /// The greatest of the last `period` values, at least one.
    #[must_use]
    pub fn greatest(period: u32) -> Self {
        Self { period: length(period), greatest: true, seen: 0, candidates: VecDeque::new() }
    }

    /// The least of the last `period` values, at least one.
    #[must_use]
    pub fn least(period: u32) -> Self {
        Self { greatest: false, ..Self::greatest(period) }
    }

    /// Takes in a value; `None` until there are `period` of them.
    pub fn update(&mut self, value: T) -> Option<T> {
        let beaten = |old: T| if self.greatest { old <= value } else { old >= value };
        while self.candidates.back().is_some_and(|(_, old)| beaten(*old)) {
            self.candidates.pop_back();
        }
        self.seen += 1;
        self.candidates.push_back((self.seen, value));
        if self.candidates.front().is_some_and(|(at, _)| at + self.period <= self.seen) {
            self.candidates.pop_front();
        }
        self.value()
    }

    /// The extreme as it stands; `None` until there are `period` values.
    #[must_use]
    pub fn value(&self) -> Option<T> {
        if self.seen < self.period { None } else { self.candidates.front().map(|(_, value)| *value) }
    }
}

fn length(period: u32) -> usize {
    usize::try_from(period.max(1)).unwrap_or(usize::MAX)
}

const CAPACITY_AT_START: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_window_gives_back_its_oldest() {
        let mut window = Window::new(2);
        assert_eq!([1.0, 2.0, 3.0].map(|value| window.push(value)), [None, None, Some(1.0)]);
        assert_eq!(window.iter().collect::<Vec<_>>(), [2.0, 3.0]);
    }

    #[test]
    fn an_extreme_agrees_with_a_look_at_all_values() {
        let mut state = 7_u32;
        let values: Vec<u32> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 28
        })
        .take(2_000)
        .collect();
        for period in [1_usize, 2, 5, 50] {
            let mut greatest = Extreme::greatest(u32::try_from(period).unwrap());
            let mut least = Extreme::least(u32::try_from(period).unwrap());
            for end in 1..=values.len() {
                let window = values.get(end.saturating_sub(period)..end).filter(|window| window.len() == period);
                let last = values[end - 1];
                assert_eq!(greatest.update(last), window.map(|window| *window.iter().max().unwrap()));
                assert_eq!(least.update(last), window.map(|window| *window.iter().min().unwrap()));
            }
        }
    }
}
