//! BASE: the one door for secrets: the places one may come from, and [`Secret`], which keeps what came.
//!
//! In the order in which they are looked at: the credentials of the service manager (`$CREDENTIALS_DIRECTORY`), a folder
//! with one file a secret, the environment, a private `.env`. All are looked at each time, and a secret that two of
//! them hold is refused: which one holds is never a guess.

mod env_file;
mod environment;
mod error;
mod folder;
mod git_index;
mod seal;
mod value;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

pub use environment::Environment;
pub use error::{EnvFileFault, FileFault, LoadSecretsError, MissingSecretError, TakeEnvironmentError};
pub use git_index::GitIndexError;
pub use seal::{SealProcessError, seal_process};
pub use value::{ParseSecretError, ReadSecretError, SECRET_BYTES_MAX, Secret};

/// The secrets there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretName {
    /// Says to the exchange who we are.
    BinanceApiKey,
    /// Signs what we ask of the exchange.
    BinanceSecret,
    /// Speaks for us on Telegram.
    TelegramBotToken,
    /// Opens the API; a client's.
    ApiToken,
    /// The hash of an admin token that the API of a daemon knows from its start on.
    AdminTokenHash,
}

/// The places to look at.
#[derive(Debug)]
pub struct Places {
    /// The credentials of the service manager, from [`Places::credentials`].
    pub credentials: Option<PathBuf>,
    /// A folder with one file a secret, as containers mount them.
    pub folder: Option<PathBuf>,
    /// What stood in the environment.
    pub environment: Environment,
    /// A private file of `NAME=value` lines; that there is none is no fault.
    pub env_file: Option<PathBuf>,
}

/// The secrets that were found, each with its place.
#[derive(Debug)]
pub struct Secrets {
    found: BTreeMap<SecretName, (Secret, Source)>,
    looked: String,
}

/// Where a secret came from; names the place, never the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A credential of the service manager.
    Credential(PathBuf),
    /// A file in the folder of secrets.
    File(PathBuf),
    /// The environment, which no longer has it.
    Environment,
    /// A line of a `.env`.
    EnvFile {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
}

impl SecretName {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::BinanceApiKey, Self::BinanceSecret, Self::TelegramBotToken, Self::ApiToken, Self::AdminTokenHash];

    /// Its name in the environment and in a `.env`; a file or credential may be called so too.
    #[must_use]
    pub const fn variable(self) -> &'static str {
        match self {
            Self::BinanceApiKey => "BINANCE_API_KEY",
            Self::BinanceSecret => "BINANCE_SECRET",
            Self::TelegramBotToken => "TELEGRAM_BOT_TOKEN",
            Self::ApiToken => "API_TOKEN",
            Self::AdminTokenHash => "ADMIN_TOKEN_HASH",
        }
    }

    /// The name of its credential.
    #[must_use]
    pub const fn credential(self) -> &'static str {
        match self {
            Self::BinanceApiKey => "binance-api-key",
            Self::BinanceSecret => "binance-secret",
            Self::TelegramBotToken => "telegram-bot-token",
            Self::ApiToken => "api-token",
            Self::AdminTokenHash => "admin-token-hash",
        }
    }

    /// The names a file or credential may have: as in the environment, in lower case, and with dashes.
    #[must_use]
    pub fn file_names(self) -> [String; 3] {
        [self.variable().to_owned(), self.variable().to_ascii_lowercase(), self.credential().to_owned()]
    }

    fn from_variable(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.variable() == name)
    }
}

impl Places {
    /// The folder the service manager put credentials in, if it did.
    #[must_use]
    pub fn credentials() -> Option<PathBuf> {
        libsystemd::credentials::CredentialsLoader::path_from_env()
    }

    /// The places, as an error names them.
    fn describe(&self) -> String {
        let path = |path: &Option<PathBuf>, absent: &str| {
            path.as_deref().map_or_else(|| absent.to_owned(), |path| path.display().to_string())
        };
        format!(
            "credentials ({}), folder of secrets ({}), environment, .env file ({})",
            path(&self.credentials, "none given"),
            path(&self.folder, "none set"),
            path(&self.env_file, "not used"),
        )
    }
}

impl Secrets {
    /// Looks at every place and takes what is there.
    ///
    /// # Errors
    ///
    /// A place that was named cannot be read or is open to others, a value cannot be a secret, or two places hold the
    /// same one.
    pub fn load(places: Places) -> Result<Self, LoadSecretsError> {
        let looked = places.describe();
        let mut all = Vec::new();
        if let Some(path) = &places.credentials {
            folder::credentials(path, &mut all)?;
        }
        if let Some(path) = &places.folder {
            folder::files(path, &mut all)?;
        }
        places.environment.into_found(&mut all);
        if let Some(path) = &places.env_file {
            env_file::read(path, &mut all)?;
        }
        let mut found: BTreeMap<SecretName, (Secret, Source)> = BTreeMap::new();
        for Found { name, secret, source } in all {
            if let Some((_, first)) = found.remove(&name) {
                return Err(LoadSecretsError::TwoPlaces { name, first, second: source });
            }
            found.insert(name, (secret, source));
        }
        Ok(Self { found, looked })
    }

    /// Each secret that was found and where, for the log.
    pub fn sources(&self) -> impl Iterator<Item = (SecretName, &Source)> {
        self.found.iter().map(|(name, (_, source))| (*name, source))
    }

    /// Lends each secret that was found, so that the log can learn what never to write.
    pub fn each(&self) -> impl Iterator<Item = (SecretName, &Secret)> {
        self.found.iter().map(|(name, (secret, _))| (*name, secret))
    }

    /// Hands over a secret, once; `None` when no place had it.
    pub fn take(&mut self, name: SecretName) -> Option<Secret> {
        self.found.remove(&name).map(|(secret, _)| secret)
    }

    /// Hands over a secret that cannot be done without.
    ///
    /// # Errors
    ///
    /// No place had it; the error lists the places.
    pub fn require(&mut self, name: SecretName) -> Result<Secret, MissingSecretError> {
        self.take(name).ok_or_else(|| MissingSecretError { name, looked: self.looked.clone() })
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.variable())
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential(path) => write!(f, "the credential {}", path.display()),
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Environment => f.write_str("the environment"),
            Self::EnvFile { path, line } => write!(f, "line {line} of {}", path.display()),
        }
    }
}

/// A secret on its way in.
#[derive(Debug)]
struct Found {
    name: SecretName,
    secret: Secret,
    source: Source,
}
