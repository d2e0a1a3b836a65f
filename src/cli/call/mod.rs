//! Asks a running bot over its API: one request, one answer, and a failure that says what to do next.

mod target;

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, RequestBuilder, StatusCode};
use rustix::fs::OFlags;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::bot_unit::BotUnit;
use super::{Exit, Failure, Inherited};
use crate::secrets::{Places, Secret, SecretName, Secrets};

use target::Target;

/// Where the bot is, and what opens it.
#[derive(Debug, clap::Args)]
pub struct Call {
    #[command(flatten)]
    unit: BotUnit,
    /// Where the bot listens: http://127.0.0.1:8080, https://HOST or unix:/PATH. When neither this nor --bot is given:
    /// $TRADINGBOT_ADDRESS, else the control socket if there is one, else http://127.0.0.1:8080.
    #[arg(long, value_name = "URL", conflicts_with = "bot")]
    address: Option<Target>,
    /// The bot's control socket, which needs no token.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["address", "bot"])]
    socket: Option<PathBuf>,
    /// A file that holds the token and that nobody else can read. When not given, the token is API_TOKEN from the
    /// environment or from .env.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// A bot that can be asked.
pub struct Bot {
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
    target: Target,
    authorization: Option<HeaderValue>,
}

/// A refusal, as far as it is understood here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Problem {
    code: String,
    detail: String,
    request_id: Option<String>,
}

impl Call {
    /// Gets ready to ask; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// The place makes no sense, or the token is missing or kept where it is not safe.
    pub fn bot(&self, inherited: Inherited) -> Result<Bot, Failure> {
        let target = self.target()?;
        let token = self.token(&target, inherited)?;
        let authorization = token.as_ref().map(bearer).transpose()?;
        // Another one may be there already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = target
            .client()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIME_MAX)
            .timeout(ANSWER_TIME_MAX)
            .user_agent(concat!("tradingbot/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Failure::new(Exit::Failure, &error))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Bot { runtime, client, target, authorization })
    }

    /// What names the same bot on another command line, with a blank before it; empty where nothing was named.
    pub fn flags(&self) -> String {
        match (&self.socket, &self.address) {
            (Some(path), _) => format!(" --socket {}", path.display()),
            (None, Some(target)) => format!(" --address {target}"),
            (None, None) => self.unit.flag(),
        }
    }

    fn target(&self) -> Result<Target, Failure> {
        if let Some(path) = &self.socket {
            return Ok(Target::unix(path));
        }
        if let Some(target) = &self.address {
            return Ok(target.clone());
        }
        let control = self.unit.instance().control();
        if self.unit.is_named() {
            return Ok(Target::unix(&control));
        }
        match std::env::var(ADDRESS_VARIABLE) {
            Ok(text) => text
                .parse()
                .map_err(|error| Failure::say(Exit::Usage, format!("{ADDRESS_VARIABLE} is refused: {error}"))),
            Err(_) if control.exists() => Ok(Target::unix(&control)),
            Err(_) => Ok(Target::loopback()),
        }
    }

    /// One place is looked at and no other: the file if it is named, none for a socket, else the environment and `.env`.
    fn token(&self, target: &Target, inherited: Inherited) -> Result<Option<Secret>, Failure> {
        if let Some(path) = &self.token_file {
            return read_token(path).map(Some);
        }
        if target.is_unix() {
            return Ok(None);
        }
        let places = Places {
            credentials: Places::credentials(),
            folder: None,
            environment: inherited.environment,
            env_file: Some(PathBuf::from(".env")),
        };
        let mut secrets = Secrets::load(places).map_err(|error| Failure::new(Exit::Secret, &error))?;
        let token = secrets.require(SecretName::ApiToken).map_err(|error| {
            // Only whoever named no bot was meant for the control socket.
            if self.address.is_none() && std::env::var_os(ADDRESS_VARIABLE).is_none() {
                return Failure::say(Exit::Unreachable, target::closed(&self.unit.instance().control(), &error));
            }
            let message = format!("{error}; `tradingbot token new` makes one, --token-file names a file with one");
            Failure::say(Exit::Secret, message)
        })?;
        Ok(Some(token))
    }
}

impl Bot {
    /// Looks at something.
    ///
    /// # Errors
    ///
    /// The bot cannot be reached, or refuses.
    pub fn get(&self, path: &str) -> Result<Vec<u8>, Failure> {
        self.ask(self.client.request(Method::GET, self.target.url(path)))
    }

    /// Asks for a change, once: when the answer is lost on the way, the same is asked again under the same id, and the bot
    /// answers as it did before.
    ///
    /// # Errors
    ///
    /// The bot cannot be reached, or refuses.
    pub fn change(&self, method: &Method, path: &str, reason: Option<&str>) -> Result<Vec<u8>, Failure> {
        let id = request_id()?;
        let mut tries = 0;
        loop {
            let mut request = self.client.request(method.clone(), self.target.url(path)).header("x-request-id", &id);
            if let Some(reason) = reason {
                let body = serde_json::json!({ "reason": reason }).to_string();
                request = request.header(CONTENT_TYPE, "application/json").body(body);
            }
            tries += 1;
            match self.send(request) {
                Err(Unserved::Lost) if tries < TRIES_MAX => {}
                Err(unserved) => return Err(self.failure(unserved)),
                Ok(body) => return Ok(body),
            }
        }
    }

    fn ask(&self, request: RequestBuilder) -> Result<Vec<u8>, Failure> {
        self.send(request).map_err(|unserved| self.failure(unserved))
    }

    fn send(&self, mut request: RequestBuilder) -> Result<Vec<u8>, Unserved> {
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        self.runtime.block_on(async {
            let mut response = request.send().await.map_err(Unserved::of)?;
            let (status, mut body) = (response.status(), Vec::new());
            while let Some(chunk) = response.chunk().await.map_err(Unserved::of)? {
                if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                    return Err(Unserved::Foreign(status));
                }
                body.extend_from_slice(&chunk);
            }
            if status.is_success() {
                return Ok(body);
            }
            let problem: Problem = serde_json::from_slice(&body).map_err(|_| Unserved::Foreign(status))?;
            Err(if problem.code == "unanswered" { Unserved::Lost } else { Unserved::Refused(status, problem) })
        })
    }

    fn failure(&self, unserved: Unserved) -> Failure {
        let target = &self.target;
        match unserved {
            Unserved::Unreachable(error) => {
                let error: &(dyn std::error::Error + 'static) = &error.without_url();
                let root = root_of(error);
                let kind = root.downcast_ref::<io::Error>().map_or(ErrorKind::Other, io::Error::kind);
                let (cause, next) = (Failure::new(Exit::Unreachable, root), target.remedy(kind));
                Failure::say(Exit::Unreachable, format!("cannot reach the bot at {target}: {cause}; {next}"))
            }
            Unserved::Lost => Failure::say(
                Exit::Unreachable,
                format!("the bot at {target} gave no answer, and may have done it; look with `tradingbot status`"),
            ),
            Unserved::Foreign(status) => Failure::say(
                Exit::Unreachable,
                format!("what answers at {target} is not this bot (status {}); check --address", status.as_u16()),
            ),
            Unserved::Refused(status, problem) => {
                let exit = if status.is_client_error() { Exit::Denied } else { Exit::Failure };
                let id = problem.request_id.unwrap_or_default();
                Failure::say(exit, format!("{} ({}, request {id})", problem.detail, problem.code))
            }
        }
    }
}

/// Why there is no answer to show.
#[derive(Debug)]
enum Unserved {
    /// Nobody there.
    Unreachable(reqwest::Error),
    /// It was sent, and what came of it is unknown.
    Lost,
    /// Somebody else's answer.
    Foreign(StatusCode),
    /// The bot's refusal.
    Refused(StatusCode, Problem),
}

impl Unserved {
    fn of(error: reqwest::Error) -> Self {
        if error.is_connect() || error.is_builder() { Self::Unreachable(error) } else { Self::Lost }
    }
}

/// Reads an answer.
///
/// # Errors
///
/// It is not what this version of the bot answers.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        let message = format!("the bot's answer is not understood: {error}; is it of another version? try --json");
        Failure::say(Exit::Failure, message)
    })
}

fn read_token(path: &Path) -> Result<Secret, Failure> {
    let refuse = |why: String| Failure::say(Exit::Secret, format!("{} is refused: {why}", path.display()));
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = file.map_err(|error| refuse(error.to_string()))?;
    let metadata = file.metadata().map_err(|error| refuse(error.to_string()))?;
    let mode = metadata.permissions().mode() & 0o7777;
    if !metadata.is_file() {
        return Err(refuse("it is not a regular file".to_owned()));
    }
    if mode & 0o077 != 0 {
        return Err(refuse(format!("others may read or change it (mode {mode:04o}); chmod it to 0600")));
    }
    let mut text = secrecy::zeroize::Zeroizing::new(Vec::with_capacity(TOKEN_FILE_BYTES_MAX + 1));
    let limit = u64::try_from(TOKEN_FILE_BYTES_MAX).unwrap_or(u64::MAX);
    file.take(limit).read_to_end(&mut text).map_err(|error| refuse(error.to_string()))?;
    Secret::parse(&text).map_err(|error| refuse(format!("what it holds {error}")))
}

fn bearer(token: &Secret) -> Result<HeaderValue, Failure> {
    token.expose(|bytes| {
        let text = secrecy::zeroize::Zeroizing::new([b"Bearer ", bytes].concat());
        let mut value = HeaderValue::from_bytes(&text)
            .map_err(|_| Failure::say(Exit::Secret, "API_TOKEN holds characters that no token has"))?;
        value.set_sensitive(true);
        Ok(value)
    })
}

fn request_id() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).map_err(std::io::Error::from)?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

/// What lies at the bottom of an error: there is the reason, above it is only who passed it on.
fn root_of<'e>(error: &'e (dyn std::error::Error + 'static)) -> &'e (dyn std::error::Error + 'static) {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root
}

/// Where the bot is, when nothing else says so.
const ADDRESS_VARIABLE: &str = "TRADINGBOT_ADDRESS";
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
const ANSWER_TIME_MAX: Duration = Duration::from_secs(20);
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
const TOKEN_FILE_BYTES_MAX: usize = 4 * 1024;
const TRIES_MAX: u32 = 3;
