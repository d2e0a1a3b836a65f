//! Places of instruments, strategies and desks: each a type of its own, and a table that takes no other.

use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// A place in a [`Table`].
pub trait Idx: Copy {
    /// The place that is the `number`th, from zero.
    fn new(number: usize) -> Self;

    /// Which it is, from zero.
    fn number(self) -> usize;
}

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(usize);

        impl Idx for $name {
            fn new(number: usize) -> Self {
                Self(number)
            }

            fn number(self) -> usize {
                self.0
            }
        }
    };
}

index!(
    /// An instrument of this engine.
    InstrumentIdx
);

index!(
    /// A strategy of this engine.
    StrategyIdx
);

index!(
    /// One strategy over one instrument.
    DeskIdx
);

/// Rows that are found by one kind of place alone.
#[derive(Debug, Clone)]
pub struct Table<I, T> {
    rows: Vec<T>,
    places: PhantomData<fn(I)>,
}

impl<I: Idx, T> Table<I, T> {
    /// Appends a row and says where it stands.
    pub fn push(&mut self, row: T) -> I {
        self.rows.push(row);
        I::new(self.rows.len() - 1)
    }

    /// Every place, in order; borrows nothing.
    pub fn places(&self) -> impl Iterator<Item = I> + use<I, T> {
        (0..self.rows.len()).map(I::new)
    }

    /// Every row with its place.
    pub fn iter(&self) -> impl Iterator<Item = (I, &T)> {
        self.rows.iter().enumerate().map(|(number, row)| (I::new(number), row))
    }

    /// Every row.
    pub fn rows(&self) -> std::slice::Iter<'_, T> {
        self.rows.iter()
    }

    /// Every row, to change.
    pub fn rows_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.rows.iter_mut()
    }
}

impl<I, T> FromIterator<T> for Table<I, T> {
    fn from_iter<R: IntoIterator<Item = T>>(rows: R) -> Self {
        Self { rows: rows.into_iter().collect(), places: PhantomData }
    }
}

impl<I: Idx, T> Index<I> for Table<I, T> {
    type Output = T;

    fn index(&self, place: I) -> &T {
        &self.rows[place.number()]
    }
}

impl<I: Idx, T> IndexMut<I> for Table<I, T> {
    fn index_mut(&mut self, place: I) -> &mut T {
        &mut self.rows[place.number()]
    }
}
