//! Event streams: one task a listener, which holds a place in the feed and never more than one batch.

use std::sync::Arc;

use hyper::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{MissedTickBehavior, interval};

use super::feed::{Next, Place};
use super::problem::{ApiError, Code};
use super::server::Server;
use super::token::TokenId;

/// One listener.
struct Listener {
    server: Arc<Server>,
    token: Option<TokenId>,
    place: Place,
    out: mpsc::Sender<Bytes>,
    _slot: OwnedSemaphorePermit,
}

/// Starts telling somebody what happens: from now on, or from the event after the one they have seen.
pub(super) fn listen(
    server: &Arc<Server>,
    token: Option<TokenId>,
    seen: Option<&str>,
) -> Result<mpsc::Receiver<Bytes>, ApiError> {
    let slot = Arc::clone(&server.streams).try_acquire_owned().map_err(|_| ApiError::of(Code::TooManyStreams))?;
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
    let listener = Listener { server: Arc::clone(server), token, place, out, _slot: slot };
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
            if !self.token.is_none_or(|token| server.still_knows(token)) {
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

const BATCH_BYTES: usize = 16 * 1024;
const RETRY_MS: u32 = 2_000;
