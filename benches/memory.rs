//! Memory that is resident, idle and under load.

use std::thread::sleep;
use std::time::Duration;

use super::bot::{Bot, Memory, PAPER, SHIPPED, memory_of};
use super::client::{CONNECTIONS, keep_busy};
use super::figure::Table;
use super::servers::Server;

/// The bot as shipped, and trading on the practice market, beside a bare hyper.
pub fn measure() -> Table {
    let mut table = Table::new(
        "Memory",
        format!(
            "Resident memory of `tradingbot run`, a while after its start and after bursts over {CONNECTIONS} connections at its \
             status, its fills, its entries and its OpenAPI document. Under load the most there ever was counts."
        ),
    );
    let server = Server::hello();
    let hello_idle = memory_of(server.process);
    keep_busy(server.address, "/", "none");
    let hello_loaded = memory_of(server.process);
    for (name, config) in [("as shipped, halted", SHIPPED), ("trading on the practice market", PAPER)] {
        let bot = Bot::start(config);
        sleep(SETTLE);
        let idle = bot.memory();
        for path in ["/v1/status", "/v1/trades", "/v1/ledger/entries", "/v1/openapi.json"] {
            keep_busy(bot.address, path, &bot.token);
        }
        let loaded = bot.memory();
        let beside = |memory: Memory| format!("{} bare hyper", text(memory.all, memory.anonymous));
        let met = idle.all <= 12.0 * MIB;
        let measured = text(idle.all, idle.anonymous);
        table.judge(format!("{name}, idle"), measured, beside(hello_idle), "<= 12 MiB", met);
        let met = loaded.peak <= 16.0 * MIB;
        let measured = text(loaded.peak, loaded.anonymous);
        table.judge(format!("{name}, under load"), measured, beside(hello_loaded), "<= 16 MiB", met);
    }
    table
}

fn text(all: f64, anonymous: f64) -> String {
    let (all, anonymous) = (all / MIB, anonymous / MIB);
    format!("{all:.1} MiB, {anonymous:.1} of it anonymous")
}

const MIB: f64 = 1024.0;
const SETTLE: Duration = Duration::from_secs(5);
