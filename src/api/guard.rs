//! Stands between socket and HTTP parser: hands on only heads it has judged, and bodies as long as they said.
//!
//! A head it refuses is replaced by one of its own, so that the refusal is answered like any other request: in its turn,
//! with a request id, counted and logged. Nothing after it is read.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::head::{Framing, HEAD_BYTES_MAX, Scanner};
use super::problem::Code;
use super::stream::Stream;
use super::visit::Visit;

/// A connection's bytes, judged.
#[derive(Debug)]
pub(super) struct Guard {
    stream: TokioIo<Stream>,
    limits: GuardLimits,
    /// What was read; `start..end` of it is not handed on yet.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// How much of `start..end` may be handed on.
    cleared: usize,
    /// How much of a body is still to be cleared.
    body: usize,
    scanner: Scanner,
    /// Heads handed on.
    heads: u64,
    refused: bool,
    visit: Arc<Visit>,
    patience: Option<(Patience, u64)>,
    read_timer: Option<Pin<Box<Sleep>>>,
    write_timer: Option<Pin<Box<Sleep>>>,
    drained: Option<usize>,
    /// Whether the client has finished.
    ended: bool,
}

/// How long, and how much.
#[derive(Debug, Clone, Copy)]
pub(super) struct GuardLimits {
    /// Largest body.
    pub(super) body_bytes_max: usize,
    /// Longest for a head to arrive whole, the first byte of the first one included.
    pub(super) header_timeout: Duration,
    /// Longest without a request; may take up to twice as long to be noticed.
    pub(super) idle_timeout: Duration,
    /// Longest for the client to take some of what it is sent.
    pub(super) write_timeout: Duration,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// The rest of a head, or the first byte of the first one.
    Head,
    /// Another request.
    Request,
}

impl Guard {
    /// Guards `stream`.
    pub(super) fn new(stream: Stream, limits: GuardLimits, visit: Arc<Visit>) -> Self {
        Self {
            stream: TokioIo::new(stream),
            limits,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            cleared: 0,
            body: 0,
            scanner: Scanner::default(),
            heads: 0,
            refused: false,
            visit,
            patience: None,
            read_timer: None,
            write_timer: None,
            drained: None,
            ended: false,
        }
    }

    /// Waits until there is a first head to be answered, be it with a refusal; `false` when there will be none. Until then a
    /// connection costs no more than what has arrived of its head.
    pub(super) async fn first_head(&mut self) -> io::Result<bool> {
        std::future::poll_fn(|cx| self.poll_cleared(cx)).await
    }

    /// Ends a connection over which nothing is being answered, as [`Write::poll_shutdown`] does.
    pub(super) async fn finish(&mut self) -> io::Result<()> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_shutdown(cx)).await
    }

    /// Clears what may be handed on of what was read.
    fn clear(&mut self) {
        let unread = self.buffer.get(self.start..self.end).unwrap_or_default();
        if self.body > 0 {
            self.cleared = self.body.min(unread.len());
            self.body -= self.cleared;
            return;
        }
        let judged = self.scanner.look(unread).and_then(|whole| match whole {
            Some(len) => {
                let head = unread.get(..len).unwrap_or_default();
                Framing::read(head, self.limits.body_bytes_max).map(|framing| Some((len, framing)))
            }
            None => Ok(None),
        });
        match judged {
            Ok(Some((len, framing))) => {
                self.cleared = len;
                self.body = framing.body;
                self.scanner = Scanner::default();
                self.head_is_through();
            }
            Ok(None) => {}
            Err(code) => self.refuse(code),
        }
    }

    fn refuse(&mut self, code: Code) {
        self.refused = true;
        self.head_is_through();
        self.visit.refuse(self.heads, code);
        for (to, from) in self.buffer.iter_mut().zip(STAND_IN) {
            *to = *from;
        }
        (self.start, self.end, self.cleared) = (0, STAND_IN.len(), STAND_IN.len());
    }

    fn head_is_through(&mut self) {
        self.heads += 1;
        self.visit.hand_on();
    }

    /// Reads what has arrived, zero bytes when the client has finished.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        if self.buffer.is_empty() {
            // Whoever sends nothing costs no memory.
            ready!(self.stream.inner().poll_read_ready(cx))?;
            self.buffer.resize(BUFFER_BYTES, 0);
        }
        if self.end == self.buffer.len() {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            } else {
                // The scanner refuses a head before it is twice as long.
                self.buffer.resize((self.buffer.len() * 2).min(HEAD_BYTES_MAX * 2), 0);
            }
        }
        let mut free = ReadBuf::new(self.buffer.get_mut(self.end..).unwrap_or_default());
        ready!(Pin::new(self.stream.inner_mut()).poll_read(cx, &mut free))?;
        let read = free.filled().len();
        self.end += read;
        self.ended |= read == 0;
        Poll::Ready(Ok(read))
    }

    /// Waits until something may be handed on; `false` when nothing more will.
    fn poll_cleared(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            if self.cleared > 0 {
                return Poll::Ready(Ok(true));
            }
            if self.refused {
                return Poll::Pending; // the answer to the refusal ends the connection
            }
            if self.end > self.start {
                self.clear();
                if self.cleared > 0 {
                    continue;
                }
            }
            match self.poll_fill(cx)? {
                Poll::Ready(0) => return Poll::Ready(Ok(false)),
                Poll::Ready(_) => {}
                Poll::Pending => {
                    ready!(self.poll_patience(cx));
                    if self.end == self.start {
                        return Poll::Ready(Ok(false));
                    }
                    self.refuse(Code::HeadTimeout);
                }
            }
        }
    }

    /// Waits, and gives up in time: ready once the client has had long enough.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.body > 0 {
            return Poll::Pending; // whoever asked for the body keeps its time
        }
        let partial = self.end > self.start;
        let wanted = if partial || self.heads == 0 { Patience::Head } else { Patience::Request };
        let running = match self.patience {
            Some((Patience::Request, _)) => wanted == Patience::Request,
            Some((Patience::Head, heads)) => wanted == Patience::Head && heads == self.heads,
            None => false,
        };
        if !running {
            self.wait(wanted);
        }
        loop {
            let Some(timer) = self.read_timer.as_mut() else { return Poll::Pending };
            ready!(timer.as_mut().poll(cx));
            let busy = self.visit.is_busy();
            match self.patience {
                Some((Patience::Request, heads)) if busy || heads != self.heads => self.wait(Patience::Request),
                Some(_) | None => return Poll::Ready(()),
            }
        }
    }

    fn wait(&mut self, patience: Patience) {
        let time = match patience {
            Patience::Head => self.limits.header_timeout,
            Patience::Request => self.limits.idle_timeout,
        };
        self.patience = Some((patience, self.heads));
        self.read_timer = Some(Box::pin(sleep(time)));
    }

    /// Passes on what a write came to, unless the client has taken nothing for too long.
    fn poll_written<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.write_timer = None;
            return written;
        }
        let time = self.limits.write_timeout;
        let timer = self.write_timer.get_or_insert_with(|| Box::pin(sleep(time)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing of what it is sent")))
    }
}

impl Read for Guard {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, mut into: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let guard = &mut *self;
        if ready!(guard.poll_cleared(cx))? {
            let len = guard.cleared.min(into.remaining());
            into.put_slice(guard.buffer.get(guard.start..guard.start + len).unwrap_or_default());
            guard.start += len;
            guard.cleared -= len;
        }
        Poll::Ready(Ok(()))
    }
}

impl Write for Guard {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.poll_written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.poll_written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.poll_written(cx, flushed)
    }

    /// Ends the sending side; what the client sends from then on is read and dropped for a while. To close at once would
    /// reset the connection of a client that is still sending, and take the answer with it.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let guard = &mut *self;
        if guard.drained.is_none() {
            ready!(Pin::new(&mut guard.stream).poll_shutdown(cx))?;
            guard.drained = Some(0);
            guard.read_timer = Some(Box::pin(sleep(DRAIN_TIME_MAX)));
        }
        if guard.ended {
            return Poll::Ready(Ok(()));
        }
        loop {
            (guard.start, guard.end) = (0, 0);
            let drained = guard.drained.unwrap_or(0);
            if drained > DRAIN_BYTES_MAX {
                return Poll::Ready(Ok(()));
            }
            match guard.poll_fill(cx) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(read)) => guard.drained = Some(drained + read),
                Poll::Pending => {
                    if let Some(timer) = guard.read_timer.as_mut() {
                        ready!(timer.as_mut().poll(cx));
                    }
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

/// What the parser sees in place of a head that was refused.
const STAND_IN: &[u8] = b"GET / HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n";
const BUFFER_BYTES: usize = 2 * 1024;
const DRAIN_BYTES_MAX: usize = 256 * 1024;
const DRAIN_TIME_MAX: Duration = Duration::from_secs(1);
