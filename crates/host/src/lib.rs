//! BASE: what a process is to the machine it runs on. In the order to read them:

pub mod clock;
pub mod private;
pub mod random;

pub mod secrets;

pub mod redact;

pub mod log;

pub mod sandbox;

pub mod systemd;
