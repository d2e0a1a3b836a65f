//! BASE: the service manager: listeners it hands over, and what it is told.
//!
//! Whether it has connected the journal is asked by [`crate::log`], and its credentials are taken by [`crate::secrets`].

mod instance;
mod limits;
mod notify;
mod sockets;
pub mod unit;

pub use instance::{Instance, InstanceNameError};
pub use limits::open_files_max;
pub use notify::{Notifier, NotifyError};
pub use sockets::{Inherited, Listener, SocketName, Stored, TakeSocketsError};
