//! A bot on the practice market whose API bears a load, and a token for it.

use std::fs;
use std::path::{Path, PathBuf};

use tradingbot::api::{Scope, TokenFile};
use tradingbot::clock;

/// What it is started with.
pub struct Loaded {
    pub config: PathBuf,
    pub state: PathBuf,
    /// Worth `admin`.
    pub token: String,
    _folder: tempfile::TempDir,
}

impl Loaded {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/paper.toml");
        let replaced = ["[api]", "listen", "rate-limit", "state"];
        let text: String = fs::read_to_string(shipped)
            .unwrap()
            .lines()
            .filter(|line| !replaced.iter().any(|key| line.starts_with(key)))
            .map(|line| format!("{line}\n"))
            .collect();
        let (state, config) = (folder.path().join("state"), folder.path().join("bot.toml"));
        fs::create_dir(&state).unwrap();
        fs::set_permissions(&state, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let api = "[api]\nlisten = \"127.0.0.1:0\"\nrate-limit-per-minute = 60000000\nrate-limit-burst = 10000\n";
        fs::write(&config, format!("state = {:?}\n{text}\n{api}", state.display().to_string())).unwrap();
        let (token, _) = TokenFile::of(&state).add("ops".parse().unwrap(), Scope::Admin, clock::now(), None).unwrap();
        Self { config, state, token: token.expose(str::to_owned), _folder: folder }
    }

    /// The bytes of a request.
    pub fn request(&self, method: &str, path: &str, body: &str) -> String {
        format!(
            "{method} {path} HTTP/1.1\r\nHost: bot\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        )
    }
}
