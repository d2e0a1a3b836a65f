//! Ends the wait of a loop from other threads.

use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::domain::Span;

/// Wakes the one thread that waits with it, or lets its next wait end at once.
#[derive(Debug, Clone, Default)]
pub struct Waker(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    is_woken: Mutex<bool>,
    woken: Condvar,
}

impl Waker {
    /// Ends the wait, however often it is called before the next one.
    pub fn wake(&self) {
        let was_woken = mem::replace(&mut *self.lock(), true);
        // Who has been woken and has not come back yet needs no second call.
        if !was_woken {
            self.0.woken.notify_one();
        }
    }

    /// Waits until somebody wakes it, at most so long; not at all when somebody did since the last wait.
    pub fn wait(&self, longest: Span) {
        let waited = self.0.woken.wait_timeout_while(self.lock(), longest.to_duration(), |is_woken| !*is_woken);
        let (mut is_woken, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *is_woken = false;
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.0.is_woken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
