//! What the process asks of the system it runs on.

use std::path::PathBuf;

use super::key::keys;
use super::words::words;
use crate::sandbox::Require;

keys! {
    /// What the process takes from itself before it starts.
    pub struct Sandbox {
        /// `"full"` refuses to start where a layer is missing, of its own sandbox or of its unit's; `"best"` takes what there
        /// is, and says so. Neither looks at the firewall nor at limits on memory and tasks, which do not show from inside:
        /// `tradingbot doctor --sandbox` does.
        require: Require, default("'best'");
    }
}

keys! {
    /// Where secrets come from. They never stand in this file.
    pub struct Secrets {
        /// A folder with one file a secret, as containers mount them.
        directory: PathBuf, absent("credentials of the service manager, else environment or `.env`");
    }
}

words!(Require { Full = "full", Best = "best" });
