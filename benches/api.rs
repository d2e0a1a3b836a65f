//! Requests a second on one core, with every layer of the API on.

use std::net::SocketAddr;
use std::thread::sleep;
use std::time::Duration;

use super::bot::{Bot, PAPER};
use super::client::{CONNECTIONS, SECONDS, body_of, keep_busy};
use super::figure::{Table, grouped};
use super::servers::Server;
use super::timing::{median, process_seconds};

/// The bot, nginx and a bare hyper take turns, so that a machine that slows down slows all of them.
pub fn measure() -> Table {
    let (mut status, mut health, mut nginx, mut hyper) =
        (Rates::default(), Rates::default(), Rates::default(), Rates::default());
    let mut size = 0;
    for _ in 0..ROUNDS {
        let bot = Bot::start(PAPER);
        sleep(SETTLE);
        let body = body_of(bot.address, STATUS, &bot.token);
        size = body.len();
        status.burst(bot.process(), bot.address, STATUS, &bot.token);
        health.burst(bot.process(), bot.address, "/v1/health", &bot.token);
        let token = bot.token.clone();
        drop(bot);
        if let Some(server) = Server::nginx(&body) {
            nginx.burst(server.process, server.address, "/status.json", &token);
        }
        let server = Server::hello();
        hyper.burst(server.process, server.address, "/", &token);
    }
    let mut table = Table::new(
        "API",
        format!(
            "The program itself, trading on the practice market, on the first core serves `{STATUS}` ({size} bytes) over TCP to \
             `wrk` on the second, which keeps {CONNECTIONS} connections busy and shows a token. The limit of requests is raised \
             by configuration; requests are counted by the token, and `wrk` stands for 250 clients behind a proxy. The baselines answer the same requests on the same core: \
             nginx, one worker, with a file of the same bytes, and a bare hyper that says hello. Medians of {ROUNDS} rounds of \
             {SECONDS} s each, in which all take turns; shares are those of the rounds. Rates are a second of the processor \
             time that the whole process got, the trading included; by the clock other work on the machine counts, and so does \
             a client that is slower than the server."
        ),
    );
    table.judge(
        format!("`GET {STATUS}`, token, every layer on"),
        status.text(),
        if nginx.0.is_empty() { "nginx is not installed".to_owned() } else { format!("{} nginx", nginx.text()) },
        &format!("> nginx ({:.2} of it)", status.against(&nginx)),
        status.against(&nginx) > 1.0,
    );
    table.judge(
        "the same",
        status.text(),
        format!("{} bare hyper", hyper.text()),
        &format!(">= 0.7 of a bare hyper ({:.2} of it)", status.against(&hyper)),
        status.against(&hyper) >= 0.7,
    );
    table.add("`GET /v1/health`", health.text(), "");
    table
}

/// Answers a second of processor time, and by the clock, of each burst at one server.
#[derive(Default)]
struct Rates(Vec<(f64, f64)>);

impl Rates {
    fn burst(&mut self, process: u32, address: SocketAddr, path: &str, token: &str) {
        let before = process_seconds(process);
        let (answers, seconds) = keep_busy(address, path, token);
        let used = process_seconds(process) - before;
        self.0.push((answers / used, answers / seconds));
    }

    fn rate(&self) -> f64 {
        median(&mut self.0.iter().map(|(rate, _)| *rate).collect::<Vec<_>>())
    }

    fn text(&self) -> String {
        let clock = median(&mut self.0.iter().map(|(_, clock)| *clock).collect::<Vec<_>>());
        format!("{}/s ({}/s by the clock)", grouped(self.rate()), grouped(clock))
    }

    /// The share of the other's rate, round by round; the one in the middle.
    fn against(&self, other: &Self) -> f64 {
        let mut shares: Vec<f64> = self.0.iter().zip(&other.0).map(|((own, _), (its, _))| own / its).collect();
        if shares.is_empty() { f64::NAN } else { median(&mut shares) }
    }
}

const STATUS: &str = "/v1/status";
const ROUNDS: u32 = 9;
/// The practice market's last minute before the start goes by at once, which takes some of it.
const SETTLE: Duration = Duration::from_millis(250);
