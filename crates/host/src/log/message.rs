//! The numbers that records of one kind carry to the journal as `MESSAGE_ID`, and the catalogue that explains them.
//!
//! `journalctl MESSAGE_ID=…` shows all records of a kind, whatever their words, and `journalctl -x` puts the explanation
//! under each. A number never changes its meaning.

use std::fmt::{self, Write};

/// A kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// Its number: 128 bits in hexadecimal, drawn once.
    pub id: &'static str,
    /// What happened, in a few words.
    pub subject: &'static str,
    /// What that means, and what to do about it.
    pub about: &'static str,
}

/// All kinds, as the service manager's journal wants them: a file for `/usr/lib/systemd/catalog`.
#[must_use]
pub fn catalogue() -> String {
    let mut text = String::from("# Explains the records of tradingbot: journalctl -x -u tradingbot\n");
    for Message { id, subject, about } in ALL {
        write!(
            text,
            "\n-- {id}\nSubject: {subject}\nDefined-By: tradingbot\nDocumentation: man:tradingbot(1)\n\n{}\n",
            Wrapped(about)
        )
        .expect("a string takes whatever is written to it");
    }
    text
}

/// Text in lines that a terminal can hold.
struct Wrapped(&'static str);

impl fmt::Display for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut column = 0;
        for word in self.0.split_whitespace() {
            let width = word.chars().count();
            if column > 0 && column + 1 + width > COLUMNS_MAX {
                f.write_str("\n")?;
                column = 0;
            } else if column > 0 {
                f.write_str(" ")?;
                column += 1;
            }
            f.write_str(word)?;
            column += width;
        }
        Ok(())
    }
}

macro_rules! messages {
    ($($(#[$doc:meta])* $constant:ident = $id:literal, $subject:literal, $about:literal;)*) => {
        $($(#[$doc])* pub const $constant: Message = Message { id: $id, subject: $subject, about: $about };)*

        /// All kinds.
        pub const ALL: &[Message] = &[$($constant),*];
    };
}

messages! {
    /// It began.
    STARTED = "cf83368b84e94e4184434c46dc34cc0c", "The bot started a run",
        "A run is the life of one process. VERSION is the program's, CONFIG the digest of the configuration that is in force; both stand in the ledger too. Nothing is to be done.";
    /// It serves.
    READY = "55a6f7c7f29d450397fc8b795cc3ddfe", "The bot serves",
        "Orders, positions, balances and halts were rebuilt from the ledger, and the API answers. When STATUS says that trading is halted, find out why, and let it go on with: tradingbot resume --reason WHY";
    /// Its market opens.
    OPENING = "e7fbde2ce0604f78b45838a5d4e0d6d3", "The market opens",
        "The API and the control socket answer, a halt holds, and nothing is traded until the market is open; WAITS_FOR says what is missing. A recording that begins with very many messages that tell of no trade, price or book takes its time. Nothing is to be done, unless it takes longer than you wait: then look at the first lines of the recording.";
    /// It ends.
    STOPPING = "f0a29fa2896744ffbcd861d63dabf8e1", "The bot was asked to stop",
        "It answers what it was asked, sends no new order, and writes its last entry. Positions stay as they are. If nobody asked for it, look at who stopped the unit: journalctl _SYSTEMD_UNIT=init.scope";
    /// It has ended.
    STOPPED = "f46ee33f7e454ec98b8d6e17e9ba8508", "The bot stopped in order",
        "Everything is in the ledger, and HEAD is the number and hash of its last entry. Where this record is missing after a stop, the process was killed; the next start rebuilds everything from the ledger.";
    /// The configuration was read again.
    RELOADED = "a1cfee4a40a6418c8ac17ac7ca6988bd", "The configuration was read again",
        "KEYS lists what takes effect from now on. Nothing is to be done.";
    /// A reload failed.
    CONFIG_REFUSED = "388ce005f3e748eda37d85a88b449788", "The configuration was refused on reload",
        "The one before stays in force and the bot goes on. FAULTS has each fault with its line and a way out. Correct the file, ask for the verdict with tradingbot check-config, and reload again: systemctl reload tradingbot";
    /// A secret came from somewhere.
    SECRET_TAKEN = "fc89d7b5cb9749ce915ec16b5f4b178d", "A secret was taken",
        "NAME says which, PLACE from where; its value is never written anywhere. If you do not expect that secret here, take it out of that place.";
    /// The sandbox holds.
    CONFINED = "47b14dc515d74f578fa7c0181a4ae9c2", "The sandbox is in force",
        "The process has taken from itself what it does not need (landlock), and looked at what its unit put around it. What is missing is listed with the reason. tradingbot doctor --sandbox says for each layer how it stands and what to do; with [sandbox] require = \"full\" the bot does not start while one is missing.";
    /// Trading stopped.
    HALTED = "f658bde89d454554861a2d55dc1e28d8", "Trading is halted",
        "BY says who halted it: an operator, or the engine when a limit was reached or the ledger could not be written; REASON says why. No order is sent. This stays so over restarts. When the reason is gone: tradingbot resume --reason WHY";
    /// Trading goes on.
    RESUMED = "82f3089a964a42cebcdf4fc27adf1745", "Trading goes on",
        "An operator lifted the halt, for the REASON given. If you did not expect that, halt it again (tradingbot halt --reason WHY) and look at who may: tradingbot token list";
    /// An order goes out.
    ORDER_SENT = "7b1994b3ab9e43859a6d1f81e10982a9", "An order was decided and written down",
        "The order is in the ledger before it leaves for the exchange. ORDER_ID is ours, and follows it to its end: journalctl -u tradingbot ORDER_ID=... Nothing is to be done.";
    /// It traded.
    FILLED = "11ba73f2fdf745c0830e2c758b0ee2a5", "An order traded",
        "QTY was bought or sold at PRICE; FEE was paid. An order may trade in several parts, each with a record of its own. Nothing is to be done.";
    /// Nothing is held any more.
    POSITION_CLOSED = "8c8c21e637ba4d5c8af60bff2d72442e", "A position was closed",
        "PROFIT is what it brought after fees, REASON the rule that closed it. Nothing is to be done.";
    /// An order came to nothing.
    ORDER_ENDED = "476e98439d934af0a4bf7e0c9e4bb8ba", "An order ended without trading whole",
        "OUTCOME says how: the exchange rejected it, its time was over, or it never arrived; REASON has the exchange's words. Where many are rejected, compare the symbol's rules in the configuration with the exchange's.";
    /// Nobody knows.
    ORDER_UNANSWERED = "05363e39112b4e35a25f984eeecba091", "No answer came for an order",
        "It may live or not, so nothing more is sent for its symbol until the exchange says what became of it. The bot asks by itself. If this lasts, look at the connection to the exchange.";
    /// The gate refused.
    ORDER_REFUSED = "ab6b9704f217415395ede9646f7ab97e", "The risk gate refused an order",
        "Nothing was sent. REASON names the limit and the value that was over it. If the limit is too narrow for what you want, change it in [risk] and reload; if the order is what you do not want, look at the strategy.";
    /// The exchange would not take so little.
    ENTRY_TOO_SMALL = "2dc035ca38be538267b02daeb05d54a9", "An entry is too small for the exchange",
        "The stake, or what is left of the cash, buys less than the exchange takes in one order, so the entry was not made. The record has the numbers. It is said once for each strategy and symbol in a run. Raise the stake or share of [[strategy]] sizing, or take the symbol out.";
    /// The ledger's head.
    LEDGER_HEAD = "0eb8ec5a2485436d8084fff899db360f", "The head of the ledger",
        "Number and hash of its last entry. Kept on another machine, it shows later whether the ledger was cut or rewritten: tradingbot ledger verify --head HEAD. Nothing is to be done.";
    /// The ledger was of an earlier version.
    LEDGER_MIGRATED = "b7cda0ff698b40358f9043aebaedff39", "The ledger has the schema of this version now",
        "An earlier version made it. Its entries are what they were, with the hashes that they had; one that says migrated follows them, and heads that were noted before are still good. COPY is the ledger as it was, for going back to the earlier version, which refuses the new schema. Remove it once that is not needed. Nothing is to be done.";
    /// The ledger cannot be written.
    LEDGER_FAILED = "636074f1559f4f6884b6d99e75a5e2d6", "The ledger cannot be written",
        "Trading is halted at once, because an order that is not written down must not be sent; the API stays up. CAUSE has the system's words, mostly a full or failing disk (df, dmesg). Once it can be written again, trading stays halted until: tradingbot resume --reason WHY";
    /// The ledger is elsewhere.
    LEDGER_DISPLACED = "d494825d521e42a9a5d48a7e98348ba9", "The ledger is not where it was",
        "Its file, its write-ahead file or its folder was removed, renamed or replaced while the bot ran; CAUSE says which. Trading is halted at once, because what is written now would not be found there; what happens meanwhile is kept in memory, and the API stays up and says how much that is. Put back what was there: the bot then writes the rest down by itself, and goes on after tradingbot resume --reason WHY. If it cannot be put back, stop the bot: what it could not write it leaves in a file or in the log.";
    /// The ledger lacks something.
    ENTRIES_UNSAVED = "f1018c563c1040a887a0378d4426a632", "The ledger lacks entries of this run",
        "The bot ended while its ledger could not be written. FILE has what the ledger did not take, a JSON object a line, or, where no file could be made, ENTRY has one of them. They happened: compare fills and balances with the exchange before anything is traded again, and keep them with the ledger.";
    /// Market data stopped.
    FEED_LOST = "3da33772fd14484a830cf98949a654aa", "Market data stopped or has a gap",
        "No order is sent on old prices. The bot waits for the data and says when it is back. If this lasts, look at the source of the data.";
    /// Market data came back.
    FEED_BACK = "cf0e75eead794d0daf55ad7fcd04c817", "Market data is whole again",
        "Trading goes on, unless it is halted. Nothing is to be done.";
    /// The API refused someone.
    ACCESS_DENIED = "f0a9a72bdf0d4069b24cd3185626d6b7", "The API refused a request",
        "CODE says why: no valid token, a scope that is too small, or too many requests. CLIENT is the address. Many of them from one address you do not know are an attack: deny the address in front of the bot, and if a token may be known to others, revoke it with: tradingbot token revoke NAME";
    /// An operator did something.
    OPERATOR_ACTED = "80c33e39bcb141dbbd360fe5352233ba", "A request to the API changed something",
        "BY is the name of the token, or control for the control socket; METHOD and PATH say what was done. If that was not you, revoke the token with: tradingbot token revoke NAME";
    /// A token was made or revoked.
    TOKENS_CHANGED = "ebad3d1a62e34ec8b7b14c1f61755524", "Tokens were made or revoked",
        "LIVE is how many open the API now. If you did not change them, look at who did: tradingbot token list";
    /// Nobody is let in.
    TOKENS_UNREADABLE = "5f9db877b8324da1b8cfa508ab84ab9e", "The tokens cannot be read",
        "What cannot be read may have been revoked, so nobody is let in but over the control socket. FAULT says what is wrong with tokens.json in the state folder; the bot looks again every second.";
    /// It could not.
    FAILED = "1c91f852c1aa267430d5c436417a4d65", "The bot could not start, or could not go on",
        "The record says what kept it and how to mend that. Nothing was lost: what was acknowledged is in the ledger. The service manager tries again by itself; once the cause is gone, the next try works, and so does: systemctl restart tradingbot";
    /// A reload that takes a restart.
    RESTART_NEEDED = "30d2194e4fc54d6c0dd14f63ef56c76e", "The configuration needs a restart",
        "KEYS lists what cannot change while the bot runs; nothing was changed. To have it all: systemctl restart tradingbot. The sockets stay open meanwhile, and no request is lost.";
    /// Money.
    DEPOSITED = "3aa3a8210a969ff929eb85395821ab59", "The ledger began with money",
        "AMOUNT of ASSET is what the account began with. Nothing is to be done.";
    /// What it is worth.
    MARKED = "de19a6be380b5470353607f04131a8f8", "What the account is worth",
        "EQUITY is cash and holdings at the last prices, in the quote asset. Nothing is to be done.";
    /// An order is over.
    ORDER_OVER = "e20e57bff5b6fd2c03526ad7c1b81994", "An order is over",
        "It has traded whole, or was cancelled. Nothing is to be done.";
    /// A strategy rests.
    PAUSED = "648823390907a09ec77ded1c449af035", "A strategy was paused",
        "It enters nothing; what it holds is still guarded and closed by its rules. BY says who paused it. It goes on over the API: POST /v1/strategies/NAME/resume";
    /// A strategy goes on.
    UNPAUSED = "ace51cabf47ad6e1276fba448f18f189", "A strategy goes on",
        "BY says who let it. Nothing is to be done.";
    /// An operator closes a position.
    CLOSE_ASKED = "25b607e7394a2f7ee7f86daac3d87b36", "A position is to be closed",
        "BY says who asked for it. The order follows, with REASON=operator.";
    /// The exchange knows more.
    ORDER_FOREIGN = "4e1c5af81aa0a0ef1989ef38480af540", "The exchange has an order that the ledger lacks",
        "Somebody else trades on this account, or the ledger is not the one that belongs to it. Look at the exchange's own pages, and give the bot an account of its own.";
    /// The exchange holds something else.
    BALANCE_DIFFERS = "9b37b43522e756cb1517fb234f02530c", "The exchange says another balance",
        "What the exchange holds is not what deposits and fills add up to. Somebody else moved money or traded on this account, or a fill is still on its way. If it stays, halt (tradingbot halt --reason WHY) and compare.";
    /// A number too large.
    OVERFLOWED = "da6d4ec8558fb3b8ba2ae34caf8d739a", "An amount is too large to compute with",
        "The bot computes exactly or not at all, and has not acted on it. Look at the amounts in the configuration and at what the market's data says, and report it.";
    /// The ledger works again.
    LEDGER_BACK = "9bd02b3861be8e421666f49ff0807d97", "The ledger can be written again",
        "Trading stays halted, so that somebody looks first. To go on: tradingbot resume --reason WHY";
    /// The halt is not kept.
    HALT_NOT_KEPT = "94b3fc08f0c4b4be50cff9623c7a3e1c", "The halt could not be written down",
        "Trading is halted now, and the ledger does not know it. The record says whether it is remembered elsewhere: in the file halt of the state folder, with the service manager, or in the user's runtime folder. After systemctl stop or a reboot the last two have forgotten it. Make room on the disk of the state folder before anything else, or keep the unit stopped: systemctl stop tradingbot.socket tradingbot-control.socket tradingbot.service, or those of the instance";
    /// A run that cannot be replayed.
    REPLAY_LOST = "d9f666062e8be00cf7536722c2eddf02", "This run cannot be replayed past here",
        "The journal of inputs could not be kept; CAUSE says why. Trading, the ledger and its verification are not touched. With room on the disk, the next run can be replayed again.";
    /// A recording and a configuration that do not fit.
    RECORDING_LACKS = "0f8b67afa71148a4aaaf5b265720fb19", "The recording and the configuration do not fit",
        "Of a symbol that the recording has nothing of, nothing is traded; events of symbols that are not configured are passed over. The record names them, with numbers. Compare market.symbols and market.market with the recording, or name another one in market.files.";
    /// The API is open.
    API_OPEN = "4af1fa47d64db2de9e7479b5c1867736", "The API is open to those with a token",
        "LIVE is how many tokens there are. Nothing is to be done.";
    /// A strategy has seen too little.
    WARMING_UP = "e339189a8b1144a0a677039560137587", "A strategy warms up",
        "It enters nothing before it has seen NEEDED candles of SYMBOL; SEEN says how many it has, READY when the last of them is over if the market trades until then. What it holds is guarded meanwhile. tradingbot status shows the same. Nothing is to be done.";
    /// A strategy has seen enough.
    WARMED_UP = "cf8468e322da4b03b68211ca1262afd2", "A strategy has warmed up",
        "It has seen enough candles of SYMBOL and may enter from now on. Nothing is to be done.";
    /// The API is not open.
    API_CLOSED = "5788bb62042a4fce9a744800b3c2983e", "The API is closed",
        "Nothing was handed over for it when the bot started: its socket unit is not started, or its address is taken by another program (ss -ltnp shows which). The control socket works, and trading is not touched. UNIT is the socket. Free the address, or give the unit another, then: systemctl restart tradingbot";
    /// A configuration of another bot.
    CONFIG_OF_FIRST = "3ce2be466b5940f985ba519e1db5faa0", "The configuration names places of the first bot",
        "KEYS lists what names the state folder or the address of the host's first bot in the file of another one, mostly because it was copied. This bot uses the folder and the sockets that its own unit gives it, and shares nothing. Take the keys out of the file: tradingbot check-config --bot NAME shows each with its line.";
    /// Nobody can come.
    TOKEN_NEEDED = "03158719c7c6c70a93aa7639589a4dbf", "There is no token yet",
        "Over TCP the API refuses everybody; the control socket works without one. To make one: tradingbot token new --name NAME --scope read";
    /// The API is gone.
    API_STOPPED = "98fc0d3dfee1c3a91fcf0c527cfc40c3", "The API has stopped",
        "The process cannot be asked or halted any more over it. CAUSE says why. Restart it: systemctl restart tradingbot; and please report the record.";
    /// A connection that did not come to be.
    CONNECTION_LOST = "055ef307294cee2e10b1dca855054ff7", "A connection could not be taken",
        "ERROR has the system's words, mostly that there are too many open files. The bot tries on by itself. If it lasts, look at who connects: ss -tnp";
    /// Fewer connections than configured.
    CONNECTIONS_FEWER = "7d3fb6a1c1b84f0c9a52e0d6b0e3f9a4", "Fewer connections are kept than the configuration says",
        "WANTED is api.connections-max, KEPT how many connections with a valid token stay open over each listener, FILES how many files the process may open. Each connection is an open file, and some are kept for the ledger. Raise the limit (LimitNOFILE= of the unit, ulimit -n in a shell) or lower api.connections-max.";
    /// The log's file.
    LOG_FILE_LOST = "f2bb306dec2d50f1871f3a031ad80beb", "The log's file cannot be opened anew",
        "Lines go on to the file they went to, which a rotator may have moved. CAUSE says why; see to log.file and its folder, and reload.";
    /// The service manager does not hear.
    MANAGER_DEAF = "fd92f667c4467e6096f48e5cc4492457", "The service manager was not told",
        "It may take the bot for hung and restart it. CAUSE says why; look at NotifyAccess= and the unit's sandbox: tradingbot doctor --sandbox";
    /// A bug.
    PANICKED = "784a8c0964e347d993e9584a211cacff", "The program found a fault in itself",
        "A condition that must hold does not, and the process ends rather than go on with wrong numbers. The service manager starts it again from the ledger. Please report the record; it holds no secrets.";
}

/// The width of the catalogue's lines.
const COLUMNS_MAX: usize = 78;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_number_and_a_subject_of_its_own() {
        for (at, message) in ALL.iter().enumerate() {
            assert_eq!(message.id.len(), 32, "{}", message.subject);
            assert!(message.id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{}", message.subject);
            for other in &ALL[..at] {
                assert!(other.id != message.id && other.subject != message.subject, "{}", message.subject);
            }
        }
    }

    #[test]
    fn the_catalogue_explains_each_kind_in_short_lines() {
        let text = catalogue();
        for message in ALL {
            let entry = text.split("\n-- ").find(|entry| entry.starts_with(message.id)).unwrap();
            let (head, body) = entry.split_once("\n\n").unwrap();
            assert!(head.contains(&format!("\nSubject: {}\nDefined-By: tradingbot", message.subject)), "{head}");
            assert_eq!(body.split_whitespace().collect::<Vec<_>>().join(" "), message.about);
            assert!(message.about.ends_with(|last| last != ' ') && message.about.len() > 40, "{}", message.subject);
        }
        assert!(text.lines().all(|line| line.len() <= 100), "{text}");
    }
}
