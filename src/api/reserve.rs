//! What makes the bot do less has room of its own, kind by kind, so that nothing else can take it from an operator.

/// A kind of request that makes the bot do less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reserve {
    /// To halt trading.
    Halt,
    /// To cancel an order.
    Cancel,
    /// To close a position.
    Close,
}

/// One of a thing for each kind.
#[derive(Debug)]
pub(super) struct Reserves<T> {
    halt: T,
    cancel: T,
    close: T,
}

impl<T> Reserves<T> {
    /// One for each kind.
    pub(super) fn new(mut make: impl FnMut() -> T) -> Self {
        Self { halt: make(), cancel: make(), close: make() }
    }

    /// That of one kind.
    pub(super) const fn of(&self, reserve: Reserve) -> &T {
        match reserve {
            Reserve::Halt => &self.halt,
            Reserve::Cancel => &self.cancel,
            Reserve::Close => &self.close,
        }
    }

    /// All of them.
    pub(super) fn each(&self) -> impl Iterator<Item = &T> {
        [&self.halt, &self.cancel, &self.close].into_iter()
    }
}
