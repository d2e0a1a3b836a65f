//! Files of other kinds, told by their first bytes: what they are, and what to do with them.

/// A kind of file that is not read here, or not by the reader at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// Apache Arrow, which freqtrade calls feather.
    Feather,
    /// Apache Parquet.
    Parquet,
    /// HDF5.
    Hdf5,
    /// A database of SQLite.
    Sqlite,
    /// A picture, a document, a program.
    Other,
    /// Text of two bytes a character.
    Utf16,
    /// Zeros where text should be.
    Binary,
    /// HTML.
    WebPage,
    /// XML, as a store of files answers a wrong address.
    ErrorPage,
    /// An error of the exchange's interface.
    ErrorAnswer,
    /// Klines as the exchange's interface answers them.
    AnsweredKlines,
    /// A list with nothing in it.
    EmptyList,
    /// Candles as freqtrade and ccxt write them to JSON.
    JsonCandles,
    /// Stream messages without the time of their receipt.
    BareMessages,
    /// JSON of any other kind.
    Json,
    /// Candles of TradingView.
    TradingView,
    /// Candles of CryptoDataDownload.
    CryptoDataDownload,
    /// Candles of Yahoo Finance.
    Yahoo,
    /// Candles of MetaTrader.
    MetaTrader,
    /// Candles as freqtrade and pandas write them to CSV.
    DatedCandles,
    /// Candles of fewer columns, such as a script with ccxt writes.
    ShortCandles,
    /// Columns between semicolons.
    Semicolons,
    /// Columns between tabs.
    Tabs,
    /// Columns between bars.
    Bars,
    /// Lines that end as on computers of long ago.
    CarriageReturns,
    /// Funding rates of the exchange's archive.
    Funding,
    /// Best prices of the exchange's archive.
    BookTickers,
    /// Another kind of the exchange's archive.
    Archive,
    /// Recorded streams.
    Recording,
    /// Trades.
    Trades,
    /// Klines.
    Klines,
}

impl Foreign {
    /// Whether some reader here reads it.
    pub(super) const fn is_ours(self) -> bool {
        matches!(self, Self::Recording | Self::Trades | Self::Klines)
    }

    /// What it is, after "the file is".
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::Feather => "a feather (Apache Arrow) file, as freqtrade keeps candles",
            Self::Parquet => "a parquet file",
            Self::Hdf5 => "an HDF5 file",
            Self::Sqlite => "a database of SQLite",
            Self::Other => "a picture, a document or a program, not a data file",
            Self::Utf16 => "text in UTF-16, as spreadsheets save it",
            Self::Binary => "no text: there are zero bytes in it, as in binary or damaged files",
            Self::WebPage => "a web page (HTML), not the data that it may link to",
            Self::ErrorPage => "an error page (XML) that a server sent in place of a file",
            Self::ErrorAnswer => "an error that the exchange's API answered (JSON)",
            Self::AnsweredKlines => "JSON of klines, as the exchange's API answers them",
            Self::EmptyList => "an empty list (JSON): whoever was asked had no data",
            Self::JsonCandles => "JSON of candles, as freqtrade and ccxt write it",
            Self::BareMessages => "messages of market streams without the time of their receipt (JSON)",
            Self::Json => "JSON, not CSV",
            Self::TradingView => "CSV as TradingView exports it",
            Self::CryptoDataDownload => "CSV as CryptoDataDownload offers it",
            Self::Yahoo => "CSV as Yahoo Finance offers it",
            Self::MetaTrader => "CSV as MetaTrader exports it",
            Self::DatedCandles => "CSV of candles with dates, as freqtrade and pandas write it",
            Self::ShortCandles => "CSV of candles with other columns than the exchange's 12",
            Self::Semicolons => "CSV with semicolons between its columns",
            Self::Tabs => "text with tabs between its columns",
            Self::Bars => "text with bars (|) between its columns",
            Self::CarriageReturns => "text whose lines end in a carriage return alone",
            Self::Funding => "the exchange's file of funding rates, not of candles or trades",
            Self::BookTickers => "the exchange's file of best prices (bookTicker), not of candles or trades",
            Self::Archive => "a file of the exchange of another kind than candles and trades",
            Self::Recording => "a recording of market streams",
            Self::Trades => "a file of trades",
            Self::Klines => "a file of klines (candles)",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Feather
            | Self::Parquet
            | Self::Hdf5
            | Self::Sqlite
            | Self::AnsweredKlines
            | Self::JsonCandles
            | Self::Json
            | Self::TradingView
            | Self::CryptoDataDownload
            | Self::Yahoo
            | Self::MetaTrader
            | Self::DatedCandles
            | Self::ShortCandles => {
                "fetch the exchange's own CSV (data.binance.vision), or write its 12 columns (docs/backtest.md says how)"
            }
            Self::Other | Self::Binary | Self::Funding | Self::BookTickers | Self::Archive => {
                "name a file of the kind that is meant, or fetch it again"
            }
            Self::Utf16 => "save it as UTF-8, such as with: iconv -f UTF-16 -t UTF-8",
            Self::WebPage | Self::ErrorPage => "check the address that it came from, and fetch it again",
            Self::ErrorAnswer | Self::EmptyList => {
                "check symbol, interval and times of the request, and fetch it again"
            }
            Self::BareMessages => {
                "write the time of receipt and a space before each message, as docs/recordings.md says"
            }
            Self::CarriageReturns => "end its lines in a line feed, such as with: tr '\\r' '\\n'",
            Self::Semicolons | Self::Tabs | Self::Bars => "put commas between the columns, points in the numbers",
            Self::Recording => {
                "make candles of it with tradingbot candles, or play it with tradingbot paper --recording"
            }
            Self::Trades => "make candles of it with tradingbot candles, and name those",
            Self::Klines => "test on it with tradingbot backtest, or name a file of the kind that is meant",
        }
    }
}

/// What a file is packed with, other than zstd, after "the file is".
pub(super) fn packing_of(head: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], &str); 7] = [
        (b"PK\x03\x04", "a zip archive"),
        (b"PK\x05\x06", "an empty zip archive"),
        (b"\x1f\x8b", "packed with gzip"),
        (b"BZh", "packed with bzip2"),
        (b"\xfd7zXZ\x00", "packed with xz"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"\x04\x22\x4d\x18", "packed with lz4"),
    ];
    known.into_iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, format)| format)
}

/// A kind that is no text.
pub(super) fn binary_of(head: &[u8]) -> Option<Foreign> {
    let known: [(&[u8], Foreign); 11] = [
        (b"ARROW1", Foreign::Feather),
        (b"FEA1", Foreign::Feather),
        (b"PAR1", Foreign::Parquet),
        (b"\x89HDF\r\n", Foreign::Hdf5),
        (b"SQLite format 3\0", Foreign::Sqlite),
        (b"\xff\xfe", Foreign::Utf16),
        (b"\xfe\xff", Foreign::Utf16),
        (b"%PDF-", Foreign::Other),
        (b"\x89PNG", Foreign::Other),
        (b"\x7fELF", Foreign::Other),
        (b"\xd0\xcf\x11\xe0", Foreign::Other),
    ];
    if let Some((_, kind)) = known.into_iter().find(|(magic, _)| head.starts_with(magic)) {
        return Some(kind);
    }
    let zeros = |from: usize| head.iter().skip(from).step_by(2).take(WIDE_CHARS).all(|byte| *byte == 0);
    let is_wide = head.len() >= 2 * WIDE_CHARS && zeros(0) != zeros(1);
    if is_wide {
        return Some(Foreign::Utf16);
    }
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or(head);
    line.contains(&0).then_some(Foreign::Binary)
}

/// A kind of text that a reader of rows may have been given; `None` when its first lines look like nothing that is known.
pub(super) fn text_of(head: &[u8]) -> Option<Foreign> {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let text = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    match text.chars().next()? {
        '<' => Some(marked_up(text)),
        '[' => Some(listed(text)),
        '{' => Some(braced(text)),
        _ => separated(text),
    }
}

fn marked_up(text: &str) -> Foreign {
    if text.starts_with("<date>") || text.starts_with("<ticker>") {
        Foreign::MetaTrader
    } else if text.contains("<html") || text.starts_with("<!doctype") {
        Foreign::WebPage
    } else {
        Foreign::ErrorPage
    }
}

fn listed(text: &str) -> Foreign {
    let inner: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if inner.starts_with("[]") {
        return Foreign::EmptyList;
    }
    let Some(row) = inner.strip_prefix("[[").and_then(|rest| rest.split(']').next()) else { return Foreign::Json };
    match row.split(',').count() {
        12 => Foreign::AnsweredKlines,
        5..=7 => Foreign::JsonCandles,
        _ => Foreign::Json,
    }
}

fn braced(text: &str) -> Foreign {
    if text.contains("\"code\"") && text.contains("\"msg\"") {
        Foreign::ErrorAnswer
    } else if text.contains("\"stream\"") || text.contains("\"e\":") || text.contains("\"lastupdateid\"") {
        Foreign::BareMessages
    } else {
        Foreign::Json
    }
}

/// Lines of columns: by what stands between them, by their names, or by how many there are.
fn separated(text: &str) -> Option<Foreign> {
    if text.contains('\r') && !text.contains('\n') {
        return Some(Foreign::CarriageReturns);
    }
    let mut lines = text.lines();
    let (first, second) = (lines.next()?, lines.next().unwrap_or(""));
    let is_link = first.starts_with("http") && !first.contains(',');
    let header = if is_link { second } else { first };
    let names: Vec<&str> = header.split(',').map(|name| name.trim_matches(['"', ' ', '\'', '\r'])).collect();
    let has = |name: &str| names.contains(&name);
    let of_candles = ["open", "high", "low", "close"].into_iter().all(has);
    if names.len() < COLUMNS_LEAST {
        let columns = |separator: char| header.matches(separator).count() + 1;
        let separators = [(';', Foreign::Semicolons), ('\t', Foreign::Tabs), ('|', Foreign::Bars)];
        let known = separators.into_iter().find(|(separator, _)| columns(*separator) >= COLUMNS_LEAST);
        return known.map(|(_, kind)| kind).or(of_candles.then_some(Foreign::ShortCandles));
    }
    let is_of_exchange = names.first() == Some(&"open_time") && names.len() == 12;
    match names.first().copied() {
        _ if first.split_once(" {").is_some_and(|(time, _)| is_number(time)) => Some(Foreign::Recording),
        Some("id" | "agg_trade_id") => Some(Foreign::Trades),
        Some("calc_time") => Some(Foreign::Funding),
        Some("update_id") => Some(Foreign::BookTickers),
        Some("create_time") => Some(Foreign::Archive),
        _ if is_of_exchange => Some(Foreign::Klines),
        Some("time") if of_candles => Some(Foreign::TradingView),
        Some("unix") if of_candles => Some(Foreign::CryptoDataDownload),
        Some(_) if of_candles && (is_link || has("symbol") && has("date")) => Some(Foreign::CryptoDataDownload),
        Some(_) if of_candles && has("adj close") => Some(Foreign::Yahoo),
        Some(_) if of_candles && has("date") => Some(Foreign::DatedCandles),
        Some(_) if of_candles && names.len() != 12 => Some(Foreign::ShortCandles),
        Some(number) if number.bytes().all(|byte| byte.is_ascii_digit()) => numbered(&names, second),
        Some(_) | None => None,
    }
}

/// Rows without a header.
fn numbered(names: &[&str], second: &str) -> Option<Foreign> {
    let flags = |place: usize| names.get(place).is_some_and(|text| matches!(*text, "true" | "false"));
    match names.len() {
        6..=8 if flags(5) || flags(6) => Some(Foreign::Trades),
        12 => Some(Foreign::Klines),
        columns @ 5..=11 if names.iter().all(|text| text.parse::<f64>().is_ok()) => {
            // One row in milliseconds may be cut off.
            let in_seconds = names.first().is_some_and(|time| is_number(time) && time.len() <= DIGITS_OF_SECONDS);
            (in_seconds || second.split(',').count() == columns).then_some(Foreign::ShortCandles)
        }
        _ => None,
    }
}

fn is_number(text: &str) -> bool {
    text.len() >= DIGITS_LEAST && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// So many characters show which half of each is zero.
const WIDE_CHARS: usize = 4;
/// Fewer columns have no row of candles and no row of trades.
const COLUMNS_LEAST: usize = 5;
/// A time in seconds has so many digits, or one more.
const DIGITS_LEAST: usize = 9;
const DIGITS_OF_SECONDS: usize = 10;
