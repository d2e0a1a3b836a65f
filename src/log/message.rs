//! The numbers that records of one kind carry to the journal as `MESSAGE_ID`, so that they can be asked for.
//!
//! `journalctl MESSAGE_ID=…` shows all records of a kind, whatever their words. A number never changes its meaning.

/// A kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// Its number: 128 bits in hexadecimal, drawn once.
    pub id: &'static str,
    /// Its name in the catalogue.
    pub name: &'static str,
    /// What it says, and what to do about it.
    pub about: &'static str,
}

macro_rules! messages {
    ($($(#[$doc:meta])* $constant:ident = $id:literal, $name:literal, $about:literal;)*) => {
        $($(#[$doc])* pub const $constant: Message = Message { id: $id, name: $name, about: $about };)*

        /// All kinds.
        pub const ALL: &[Message] = &[$($constant),*];
    };
}

messages! {
    /// It began.
    STARTED = "cf83368b84e94e4184434c46dc34cc0c", "started",
        "The process has begun; `VERSION` and the configuration's digest go with it.";
    /// It serves.
    READY = "55a6f7c7f29d450397fc8b795cc3ddfe", "ready",
        "It has recovered from the ledger and serves.";
    /// It ends.
    STOPPING = "f0a29fa2896744ffbcd861d63dabf8e1", "stopping",
        "It was asked to stop, and settles what is open.";
    /// The configuration was read again.
    RELOADED = "a1cfee4a40a6418c8ac17ac7ca6988bd", "reloaded",
        "The configuration was read again; what takes effect is listed.";
    /// A reload failed.
    CONFIG_REFUSED = "388ce005f3e748eda37d85a88b449788", "config-refused",
        "The configuration was refused on reload; the one before stays in force. Correct it and reload again.";
    /// A secret came from somewhere.
    SECRET_TAKEN = "fc89d7b5cb9749ce915ec16b5f4b178d", "secret-taken",
        "A secret was taken from the place named.";
    /// The sandbox holds.
    CONFINED = "47b14dc515d74f578fa7c0181a4ae9c2", "confined",
        "The sandbox is in force, with the rights listed; what the kernel lacks is listed too.";
    /// Trading stopped.
    HALTED = "f658bde89d454554861a2d55dc1e28d8", "halted",
        "Trading stopped, for the reason given. It stays so over restarts; `tradingbot resume` lifts it.";
    /// Trading goes on.
    RESUMED = "82f3089a964a42cebcdf4fc27adf1745", "resumed",
        "An operator lifted the halt, for the reason given.";
    /// The ledger's head.
    LEDGER_HEAD = "0eb8ec5a2485436d8084fff899db360f", "ledger-head",
        "Number and hash of the ledger's last entry; kept elsewhere, it shows later whether the ledger was cut or rewritten.";
    /// The ledger cannot be written.
    LEDGER_FAILED = "636074f1559f4f6884b6d99e75a5e2d6", "ledger-failed",
        "The ledger cannot be written, so nothing is traded. Look at the disk.";
    /// Market data stopped.
    FEED_LOST = "3da33772fd14484a830cf98949a654aa", "feed-lost",
        "Market data stopped or has a gap; no order is sent on old prices.";
    /// Market data came back.
    FEED_BACK = "cf0e75eead794d0daf55ad7fcd04c817", "feed-back",
        "Market data is whole again.";
    /// The gate refused.
    ORDER_REFUSED = "ab6b9704f217415395ede9646f7ab97e", "order-refused",
        "The risk gate refused an order; limit and value go with it.";
    /// The API refused someone.
    ACCESS_DENIED = "f0a9a72bdf0d4069b24cd3185626d6b7", "access-denied",
        "A request to the API was refused for want of a valid token or scope. Many of them from one address are an attack.";
    /// An operator did something.
    OPERATOR_ACTED = "80c33e39bcb141dbbd360fe5352233ba", "operator-acted",
        "A request to the API changed something; who and what go with it.";
    /// A token was made or revoked.
    TOKEN_CHANGED = "ebad3d1a62e34ec8b7b14c1f61755524", "token-changed",
        "A token of the API was made or revoked.";
    /// A bug.
    PANICKED = "784a8c0964e347d993e9584a211cacff", "panicked",
        "A broken invariant: the process ends, or the thread does. Report it with the record.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_number_and_a_name_of_its_own() {
        for (at, message) in ALL.iter().enumerate() {
            assert_eq!(message.id.len(), 32, "{}", message.name);
            assert!(message.id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{}", message.name);
            for other in &ALL[..at] {
                assert!(other.id != message.id && other.name != message.name, "{}", message.name);
            }
        }
    }
}
