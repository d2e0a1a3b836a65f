//! Answers that change nothing: from the snapshot at once, from the ledger on a thread that may block.

use std::sync::Arc;

use hyper::body::Bytes;
use hyper::header::IF_NONE_MATCH;
use serde::Serialize;
use tokio::time::timeout;

use super::Ask;
use crate::api::doors::{History, HistoryError, Numbered, Page, ProvenEntry, Readiness};
use crate::api::openapi;
use crate::api::problem::{ApiError, Code};
use crate::api::reply::{Reply, Tagged};
use crate::api::shown::Listed;
use crate::api::views::View;

/// An item of a list that is ordered by numbers of the ledger.
pub(super) trait InLedger {
    /// Its number.
    fn seq(&self) -> u64;
}

impl<T> InLedger for Numbered<T> {
    fn seq(&self) -> u64 {
        self.seq
    }
}

impl InLedger for ProvenEntry {
    fn seq(&self) -> u64 {
        self.seq
    }
}

impl Ask<'_> {
    pub(super) fn view(&self, view: View) -> Reply {
        let snapshot = Arc::clone(&self.server.doors.snapshot.borrow());
        // Looked at after the snapshot, so that the view of a new snapshot is never of an old readiness.
        let ready = self.server.doors.ready.borrow();
        self.tagged(self.server.views.show(&snapshot, &self.server.settings.access, &ready, view))
    }

    pub(super) fn health(&self) -> Reply {
        Reply::Json(self.success(), Bytes::from_static(b"{\"status\":\"alive\"}"))
    }

    pub(super) fn ready(&self) -> Result<Reply, ApiError> {
        match &*self.server.doors.ready.borrow() {
            Readiness::Ready => Ok(Reply::Json(self.success(), Bytes::from_static(b"{\"status\":\"ready\"}"))),
            Readiness::Starting { waits_for } => {
                Err(ApiError::say(Code::NotReady, format!("the bot is not ready yet: it waits for {waits_for}")))
            }
            Readiness::Failing { fault } => {
                Err(ApiError::say(Code::NotReady, format!("the bot does not work any more: {fault}")))
            }
        }
    }

    pub(super) fn config(&self) -> Reply {
        let config = Arc::clone(&self.server.doors.config.borrow());
        self.tagged(Tagged::new(config.as_bytes().to_vec()))
    }

    pub(super) fn openapi(&self) -> Reply {
        self.tagged(self.server.openapi.get_or_init(|| Tagged::new(openapi::document())).clone())
    }

    pub(super) async fn ledger_head(&self) -> Result<Reply, ApiError> {
        let head = self.read(|history| history.head()).await?;
        Ok(Reply::json(self.success(), &head))
    }

    /// A part of a list. One item more than was asked for tells whether there is another part.
    pub(super) async fn list<T: InLedger + Serialize + Send + 'static>(
        &self,
        page: Option<Page>,
        read: impl FnOnce(&dyn History, Page) -> Result<Vec<T>, HistoryError> + Send + 'static,
    ) -> Result<Reply, ApiError> {
        let page = page.ok_or(ApiError::of(Code::BadQuery))?;
        let one_more = Page { limit: page.limit + 1, ..page };
        let mut items = self.read(move |history| read(history, one_more)).await?;
        let more = items.len() > page.limit;
        items.truncate(page.limit);
        let next = items.last().filter(|_| more).map(|last| last.seq().to_string());
        Ok(Reply::json(self.success(), &Listed { items: &items, next }))
    }

    fn tagged(&self, tagged: Tagged) -> Reply {
        tagged.for_one_who_knows(self.parts.headers.get(IF_NONE_MATCH))
    }

    /// Asks the ledger. Few may at once, so that reading never takes more than a few threads.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn History) -> Result<T, HistoryError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let (history, slots) = (Arc::clone(&self.server.doors.history), Arc::clone(&self.server.readers));
        let reading = async move {
            let slot = slots.acquire_owned().await.ok()?;
            let task = tokio::task::spawn_blocking(move || {
                let read = read(history.as_ref());
                drop(slot);
                read
            });
            task.await.ok()
        };
        match timeout(self.server.settings.answer_timeout, reading).await {
            Ok(Some(Ok(answer))) => Ok(answer),
            Ok(Some(Err(HistoryError(cause)))) => Err(ApiError::of(Code::HistoryUnavailable).because(cause)),
            Ok(None) => Err(ApiError::of(Code::HistoryUnavailable).because("the reader stopped")),
            Err(_) => Err(ApiError::of(Code::HistoryUnavailable).because("it took too long")),
        }
    }
}
