//! A server of the API on a thread of its own, with doors that lead to nothing but records.

mod client;
mod shape;

use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tracing::Dispatch;
use tracing::subscriber::NoSubscriber;
use tradingbot::api::{
    Access, Doors, Feed, HeadView, History, HistoryError, Listener, Mark, Numbered, OperatorCall, OperatorDoorError,
    Page, PageOrder, ProvenEntry, Readiness, Scope, Settings, Token, TokenFile, UnwrittenError, serve,
};
use tradingbot::clock;
use tradingbot::domain::snapshot::{BalanceView, MarketView, PositionView, StrategyView, WarmUpView};
use tradingbot::domain::{
    ClientOrderId, ExchangeOrderId, ExitReason, Fee, Fill, Liquidity, NewOrder, OperatorEvent, OperatorRequest, Order,
    OrderKind, OrderState, Purpose, RoundTrip, RunId, Seq, Side, Snapshot, Span, TimeInForce, Timestamp, TradeId,
    Verdict,
};

pub use client::{Client, Connection, Response};
pub use shape::Document;

/// A running server.
pub struct Bot {
    pub address: SocketAddr,
    pub api_socket: PathBuf,
    pub control_socket: PathBuf,
    pub tokens: TokenFile,
    pub engine: Arc<Engine>,
    pub history: Arc<Ledger>,
    pub feed: Arc<Feed>,
    pub snapshot: watch::Sender<Arc<Snapshot>>,
    pub ready: watch::Sender<Readiness>,
    pub settings: watch::Sender<Settings>,
    pub read: String,
    pub trade: String,
    pub admin: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _folder: tempfile::TempDir,
}

/// What stands in for the engine: remembers what it was asked and answers as it is told.
pub struct Engine {
    asked: Mutex<Vec<OperatorEvent>>,
    says: Mutex<Says>,
    held: Mutex<Vec<OperatorCall>>,
}

/// How the engine answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Says {
    At(Verdict),
    Unwritten,
    Later,
    Full,
    Closed,
}

/// What stands in for the ledger.
pub struct Ledger {
    pub fails: Mutex<bool>,
    pub entries: u64,
}

/// Lets a log hear its own server whatever the servers beside it do.
///
/// While a process knows no more than one subscriber, an event that is met for the first time asks only the
/// subscriber of the thread that met it, and what a thread without one answers, "nobody listens", then holds for
/// all threads. With two more that are never dropped every subscriber is asked.
fn hear_every_thread() {
    static KEPT: OnceLock<[Dispatch; 2]> = OnceLock::new();
    KEPT.get_or_init(|| [Dispatch::new(NoSubscriber::new()), Dispatch::new(NoSubscriber::new())]);
}

impl Bot {
    /// Starts one that bears a lot and waits long.
    pub fn start() -> Self {
        Self::start_with(|_| {})
    }

    /// Starts one with other settings.
    pub fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_logging(change, Dispatch::none())
    }

    /// Starts one that logs to `log`.
    pub fn start_logging(change: impl FnOnce(&mut Settings), log: Dispatch) -> Self {
        hear_every_thread();
        let folder = tempfile::tempdir().unwrap();
        let tokens = TokenFile::of(folder.path());
        let make = |name: &str, scope| {
            let (token, _) = tokens.add(name.parse().unwrap(), scope, clock::now(), None).unwrap();
            shown(&token)
        };
        let (read, trade, admin) = (make("look", Scope::Read), make("ops", Scope::Trade), make("boss", Scope::Admin));
        let mut settings = patient(folder.path().to_owned());
        change(&mut settings);

        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let (api_socket, control_socket) = (folder.path().join("api.sock"), folder.path().join("control.sock"));
        let listeners = vec![
            Listener::tcp(socket).unwrap(),
            Listener::unix(UnixListener::bind(&api_socket).unwrap()).unwrap(),
            Listener::control(UnixListener::bind(&control_socket).unwrap()).unwrap(),
        ];

        let engine = Arc::new(Engine {
            asked: Mutex::default(),
            says: Mutex::new(Says::At(Verdict::Done)),
            held: Mutex::default(),
        });
        let history = Arc::new(Ledger { fails: Mutex::new(false), entries: 1_000 });
        let feed = Arc::new(Feed::new(RunId(7)));
        let (snapshot, snapshot_door) = watch::channel(Arc::new(picture()));
        let (ready, ready_door) = watch::channel(Readiness::Ready);
        let (_, config) = watch::channel(Arc::from(CONFIG));
        let (settings, settings_door) = watch::channel(settings);
        let (stop, stopped) = oneshot::channel();
        let asked = Arc::clone(&engine);
        let doors = Doors {
            snapshot: snapshot_door,
            ready: ready_door,
            operator: Arc::new(move |request| asked.take(request)),
            history: Arc::clone(&history) as Arc<dyn History>,
            feed: Arc::clone(&feed),
            config,
            now: clock::now,
        };
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let stopped = async {
                let _ = stopped.await;
            };
            let served = || runtime.block_on(serve(listeners, doors, settings_door, stopped));
            tracing::dispatcher::with_default(&log, served).unwrap();
        });
        Self {
            address,
            api_socket,
            control_socket,
            tokens,
            engine,
            history,
            feed,
            snapshot,
            ready,
            settings,
            read,
            trade,
            admin,
            stop: Some(stop),
            thread: Some(thread),
            _folder: folder,
        }
    }

    /// A client over the loopback address with one of the tokens.
    pub fn client(&self, token: &str) -> Client {
        Client::tcp(self.address).with_token(token)
    }

    /// Makes another token, with a life of its own.
    pub fn make_token(&self, name: &str, scope: Scope, made: Timestamp, expires: Option<Timestamp>) -> String {
        let (token, _) = self.tokens.add(name.parse().unwrap(), scope, made, expires).unwrap();
        shown(&token)
    }

    /// Asks the server to stop.
    pub fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    /// Waits until it has stopped; fails the test when it panicked.
    pub fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        self.stop();
        if !std::thread::panicking() {
            self.join();
        }
    }
}

impl Engine {
    /// What it was asked so far.
    pub fn asked(&self) -> MutexGuard<'_, Vec<OperatorEvent>> {
        self.asked.lock().unwrap()
    }

    /// How it answers from now on.
    pub fn say(&self, says: Says) {
        *self.says.lock().unwrap() = says;
    }

    /// Answers what it has left unanswered.
    pub fn answer_held(&self, verdict: &Verdict) {
        for call in self.held.lock().unwrap().drain(..) {
            let _ = call.reply.send(Ok(verdict.clone()));
        }
    }

    fn take(&self, call: OperatorCall) -> Result<(), OperatorDoorError> {
        match self.says.lock().unwrap().clone() {
            Says::Full => return Err(OperatorDoorError::Full),
            Says::Closed => return Err(OperatorDoorError::Closed),
            Says::Later => {
                self.asked().push(call.event.clone());
                self.held.lock().unwrap().push(call);
            }
            Says::At(verdict) => {
                self.asked().push(call.event);
                let _ = call.reply.send(Ok(verdict));
            }
            Says::Unwritten => {
                self.asked().push(call.event);
                let _ = call.reply.send(Err(UnwrittenError));
            }
        }
        Ok(())
    }
}

impl Ledger {
    fn page<T>(&self, page: Page, make: impl Fn(u64) -> T) -> Result<Vec<T>, HistoryError> {
        if *self.fails.lock().unwrap() {
            return Err(HistoryError("disk sda1 is on fire".into()));
        }
        let all = 1..=self.entries;
        let seqs: Vec<u64> = match page.order {
            PageOrder::Oldest => {
                all.filter(|seq| page.after.is_none_or(|after| *seq > after)).take(page.limit).collect()
            }
            PageOrder::Newest => {
                all.rev().filter(|seq| page.after.is_none_or(|after| *seq < after)).take(page.limit).collect()
            }
        };
        Ok(seqs.into_iter().map(make).collect())
    }
}

impl History for Ledger {
    fn fills(&self, page: Page) -> Result<Vec<Numbered<Fill>>, HistoryError> {
        self.page(page, |seq| Numbered { seq, item: fill() })
    }

    fn trips(&self, page: Page) -> Result<Vec<Numbered<RoundTrip>>, HistoryError> {
        self.page(page, |seq| Numbered { seq, item: trip() })
    }

    fn marks(&self, page: Page) -> Result<Vec<Numbered<Mark>>, HistoryError> {
        self.page(page, |seq| Numbered { seq, item: Mark { at: NOON, equity: "1000.5".parse().unwrap() } })
    }

    fn entries(&self, page: Page) -> Result<Vec<ProvenEntry>, HistoryError> {
        self.page(page, |seq| ProvenEntry {
            seq,
            at: NOON,
            kind: "stopped".to_owned(),
            order: None,
            salt: Some("2".repeat(32)),
            body: format!("{{\"kind\":\"stopped\",\"run\":{seq}}}"),
            previous: "0".repeat(64),
            hash: "1".repeat(64),
        })
    }

    fn head(&self) -> Result<HeadView, HistoryError> {
        self.page(Page { order: PageOrder::Newest, after: None, limit: 1 }, |seq| HeadView {
            seq,
            hash: "1".repeat(64),
        })
        .map(|mut heads| heads.pop().unwrap())
    }
}

/// What the engine is asked when the token or listener `by` carries `request`.
pub fn asked(by: &str, request: OperatorRequest) -> OperatorEvent {
    OperatorEvent { by: by.to_owned(), request }
}

/// The id of the one order in the picture.
pub fn order_id() -> ClientOrderId {
    ClientOrderId::derive(RunId(7), Seq(2), 0)
}

/// Settings under which no test meets a limit by chance.
pub fn patient(state: PathBuf) -> Settings {
    let long = Duration::from_secs(20);
    Settings {
        rate_limit_per_minute: 60_000,
        rate_limit_burst: 10_000,
        auth_failures_per_minute: 1_000,
        trusted_proxies: vec![],
        unix_is_proxy: true,
        body_bytes_max: 4_096,
        header_timeout: long,
        body_timeout: long,
        idle_timeout: long,
        write_timeout: long,
        answer_timeout: long,
        connections_max: 64,
        newcomers_max: 64,
        streams_max: 4,
        stream_beat: long,
        housekeeping: Duration::from_millis(5),
        linger: Duration::from_millis(500),
        drain: long,
        state,
        admin: None,
        access: Access { listening: vec!["http://127.0.0.1:8080".to_owned()], fault: None },
        bot_flag: String::new(),
    }
}

/// A picture of an engine with one of everything.
pub fn picture() -> Snapshot {
    let (symbol, strategy) = ("BTCUSDT".parse().unwrap(), "ema-btc".parse().unwrap());
    let order = |leg, kind, purpose, state| Order {
        new: NewOrder {
            id: ClientOrderId::derive(RunId(7), Seq(2), leg),
            strategy,
            symbol,
            side: Side::Buy,
            qty: "0.01".parse().unwrap(),
            kind,
            purpose,
        },
        created: NOON,
        filled: "0.002".parse().unwrap(),
        value: "128.5".parse().unwrap(),
        state,
    };
    let (price, unheard) = ("64250.1".parse().unwrap(), "ETHUSDT".parse().unwrap());
    let limit = OrderKind::Limit { price, time_in_force: TimeInForce::GoodTillCancelled };
    Snapshot {
        run: RunId(7),
        seq: Seq(1_234),
        at: NOON,
        halt: None,
        balances: vec![BalanceView { asset: "USDT".parse().unwrap(), total: "871.5".parse().unwrap() }],
        equity: Some("1000.25".parse().unwrap()),
        equity_peak: "1010".parse().unwrap(),
        drawdown: Some("0.00965347".parse().unwrap()),
        profit_today: Some("-1.5".parse().unwrap()),
        positions: vec![PositionView {
            strategy,
            symbol,
            qty: "0.002".parse().unwrap(),
            entry: Some(price),
            last: Some(price),
            stop: None,
            profit: Some("0".parse().unwrap()),
            since: NOON,
        }],
        orders: vec![
            order(0, limit, Purpose::Enter, OrderState::Open { exchange_id: ExchangeOrderId(99) }),
            order(1, OrderKind::Market, Purpose::Exit(ExitReason::StopLoss), OrderState::Intended),
            order(2, OrderKind::PostOnly { price }, Purpose::Enter, OrderState::Cancelling { exchange_id: None }),
            order(3, OrderKind::Stop { trigger: price }, Purpose::Enter, OrderState::Unknown { since: NOON }),
        ],
        strategies: vec![StrategyView {
            name: strategy,
            kind: "ema-cross".to_owned(),
            symbols: vec![symbol],
            interval: Span::HOUR,
            paused: false,
            profit: "12.5".parse().unwrap(),
            closed: 3,
            won: 2,
            warming_up: vec![WarmUpView { symbol, seen: 3, needed: 27, ready: Some(NOON) }],
        }],
        markets: vec![
            MarketView { symbol, last: Some(price), bid: Some(price), ask: None, heard: Some(NOON), stale: false },
            MarketView { symbol: unheard, last: None, bid: None, ask: None, heard: None, stale: true },
        ],
        fills: 17,
        refusals: 1,
        entries_too_small: vec!["ema: an entry of BTCUSDT for 4 buys 0.00006 at 64250.1".to_owned()],
    }
}

fn fill() -> Fill {
    Fill {
        order: order_id(),
        trade: TradeId(5),
        symbol: "BTCUSDT".parse().unwrap(),
        side: Side::Sell,
        price: "64250.1".parse().unwrap(),
        qty: "0.002".parse().unwrap(),
        fee: Fee { asset: "USDT".parse().unwrap(), amount: "0.12".parse().unwrap() },
        liquidity: Liquidity::Taker,
        at: NOON,
    }
}

fn trip() -> RoundTrip {
    let price = "64250.1".parse().unwrap();
    RoundTrip {
        strategy: "ema-btc".parse().unwrap(),
        symbol: "BTCUSDT".parse().unwrap(),
        opened: NOON,
        closed: NOON.plus(Span::HOUR),
        entry: price,
        exit: price,
        qty: "0.002".parse().unwrap(),
        fees: "0.25".parse().unwrap(),
        profit: "-0.25".parse().unwrap(),
        profit_ratio: "-0.001".parse().unwrap(),
        reason: ExitReason::Roi,
        lowest: price,
        highest: price,
        stop_initial: Some(price),
        stop_last: None,
    }
}

fn shown(token: &Token) -> String {
    token.expose(str::to_owned)
}

const NOON: Timestamp = Timestamp::from_nanos(1_700_000_000_000_000_000);
const CONFIG: &str = r#"{"mode":"paper","secrets":{"directory":"(set)"},"reload":{"count":0,"refused":null}}"#;
