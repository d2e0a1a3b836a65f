//! A reload that is refused is a failure of who asked for it.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

#[test]
fn a_reload_is_a_success_only_when_the_bot_has_taken_it() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("bot.toml");
    let (state, socket) = (folder.path().join("state"), folder.path().join("state/control.sock"));
    let whole = format!(
        "mode = \"paper\"\nstate = \"{}\"\n[market]\nsource = \"practice\"\nsymbols = [\"BTCUSDT\"]\n[api]\nlisten = \
         \"127.0.0.1:0\"\n[log]\nlevel = \"info\"\n",
        state.display()
    );
    fs::write(&config, &whole).unwrap();
    let bot = Bot::start(&config);
    let reload = |text: &str| {
        fs::write(&config, text).unwrap();
        bot.reload(&socket)
    };
    bot.until_it_answers(&socket);
    let said = |output: &Output| (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned());
    // As often as it is asked, and whatever came of the one before.
    for _ in 0..2 {
        assert_eq!(said(&reload(&whole.replace("info", "debug"))), (Some(0), String::new()));
        let (code, words) = said(&reload(&whole.replace("paper", "pap")));
        assert!(code == Some(78) && words.contains("not reloaded, nothing was changed: "), "{code:?} {words}");
        assert!(words.contains("bot.toml:1:8"), "{words}");
        let (code, words) = said(&reload(&whole.replace("BTCUSDT", "ETHUSDT")));
        assert!(code == Some(78) && words.contains("these keys need a restart: market.symbols"), "{code:?} {words}");
    }
    let view = bot.config(&socket);
    assert_eq!((&view["log"]["level"], &view["reload"]["count"]), (&"debug".into(), &6.into()), "{view}");
    let nobody = Command::new(env!("CARGO_BIN_EXE_tradingbot"))
        .args(["reload", "--pid", "0", "--socket", socket.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(nobody.status.code(), Some(2), "a number that is everybody in the group");
}

struct Bot(Child);

impl Bot {
    fn start(config: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tradingbot"));
        command.arg("run").arg("--config").arg(config).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    fn reload(&self, socket: &Path) -> Output {
        let pid = self.0.id().to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tradingbot"));
        command.args(["reload", "--pid", &pid, "--socket", socket.to_str().unwrap()]).output().unwrap()
    }

    fn until_it_answers(&self, socket: &Path) {
        let status = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_tradingbot"));
            command.args(["status", "--socket", socket.to_str().unwrap()]).output().unwrap().status.success()
        };
        for _ in 0..200 {
            if status() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("it does not answer");
    }

    fn config(&self, socket: &Path) -> Value {
        use std::io::{Read, Write};
        let mut stream = std::os::unix::net::UnixStream::connect(socket).unwrap();
        write!(stream, "GET /v1/config HTTP/1.1\r\nHost: bot\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
