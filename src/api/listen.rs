//! Event streams: one task a listener, which holds a place in the feed and never more than one batch.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::body::Bytes;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::feed::{Next, Place};
use super::problem::{ApiError, Code};
use super::server::Server;
use super::slots::Holder;

/// How many streams each has open.
#[derive(Debug)]
pub(super) struct Streams {
    /// Most with tokens, all together.
    most: usize,
    open: Mutex<BTreeMap<Holder, usize>>,
}

/// One listener.
struct Listener {
    server: Arc<Server>,
    holder: Holder,
    place: Place,
    out: mpsc::Sender<Bytes>,
}

impl Streams {
    /// None is open; at most `most` will be with tokens.
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.min(STREAMS_MAX), open: Mutex::default() }
    }

    /// Counts one more; one token has at most a share of all, and the control socket has its own.
    fn try_open(&self, holder: Holder) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let own = open.get(&holder).copied().unwrap_or(0);
        let fits = match holder {
            Holder::Control => own < CONTROL_STREAMS_MAX,
            Holder::Token(_) => {
                let all: usize =
                    open.iter().filter(|(holder, _)| **holder != Holder::Control).map(|(_, own)| own).sum();
                all < self.most && own < (self.most / STREAM_SHARE).max(1)
            }
        };
        if fits {
            open.insert(holder, own + 1);
        }
        fits
    }

    fn close(&self, holder: Holder) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = open.get_mut(&holder) {
            *own -= 1;
            if *own == 0 {
                open.remove(&holder);
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.server.streams.close(self.holder);
    }
}

/// Starts telling somebody what happens: from now on, or from the event after the one they have seen.
pub(super) fn listen(
    server: &Arc<Server>,
    holder: Holder,
    seen: Option<&str>,
) -> Result<mpsc::Receiver<Bytes>, ApiError> {
    if !server.streams.try_open(holder) {
        return Err(ApiError::of(Code::TooManyStreams));
    }
    let feed = &server.doors.feed;
    let mut greeting = format!("retry: {RETRY_MS}\n\n");
    let place = match seen {
        None => feed.end(),
        Some(id) => {
            let (place, missed) = feed.resume(id);
            match missed {
                Some(0) => {}
                Some(count) => greeting.push_str(&notice("gap", &format!("{{\"missed\":{count}}}"))),
                None => greeting.push_str(&notice("gap", "{\"missed\":null}")),
            }
            place
        }
    };
    let (out, stream) = mpsc::channel(1);
    let listener = Listener { server: Arc::clone(server), holder, place, out };
    tokio::spawn(listener.run(greeting));
    Ok(stream)
}

impl Listener {
    async fn run(mut self, greeting: String) {
        if self.out.send(Bytes::from(greeting)).await.is_err() {
            return;
        }
        if let Some(last_words) = self.tell().await {
            let _ = self.out.send(Bytes::from(last_words)).await;
        }
    }

    /// Tells until the listener has gone (`None`), or must go, with what to say to that.
    async fn tell(&mut self) -> Option<String> {
        let server = Arc::clone(&self.server);
        let (feed, settings) = (&server.doors.feed, &server.settings);
        let mut changed = feed.watch();
        let mut leaving = server.leaving.subscribe();
        let mut look = interval(settings.housekeeping);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut beat = interval(settings.stream_beat);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if *leaving.borrow_and_update() {
                return Some(notice("bye", "{}"));
            }
            if matches!(self.holder, Holder::Token(token) if !server.still_knows(token)) {
                return Some(notice("denied", "{}"));
            }
            match feed.next(&mut self.place, BATCH_BYTES) {
                Next::Events(text) => self.out.send(Bytes::from(text)).await.ok()?,
                Next::Missed(count) => return Some(notice("lagged", &format!("{{\"missed\":{count}}}"))),
                Next::Nothing => tokio::select! {
                    biased;
                    () = self.out.closed() => return None,
                    _ = leaving.changed() => {}
                    _ = changed.changed() => {}
                    _ = beat.tick() => self.out.send(Bytes::from_static(b": here\n\n")).await.ok()?,
                    _ = look.tick() => {}
                },
            }
        }
    }
}

/// An event of the stream itself; it has no id, so that the listener's place stays what it was.
fn notice(kind: &str, data: &str) -> String {
    format!("event: {kind}\ndata: {data}\n\n")
}

/// Most streams with tokens.
pub(super) const STREAMS_MAX: usize = 16;
/// Most streams over the control socket.
const CONTROL_STREAMS_MAX: usize = 8;
/// Most streams.
pub(super) const STREAMS_ALL: usize = STREAMS_MAX + CONTROL_STREAMS_MAX;
/// Which part of the streams one token may have: a quarter.
const STREAM_SHARE: usize = 4;
const BATCH_BYTES: usize = 16 * 1024;
const RETRY_MS: u32 = 2_000;
