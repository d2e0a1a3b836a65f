//! What requests and answers look like, as JSON Schema.

use serde_json::{Value, json};

use crate::api::route::Schema;
use crate::domain::Reason;

/// All that has a name.
pub(super) fn all() -> Value {
    json!({
        "Decimal": {"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?$", "description": "An exact decimal number"},
        "Time": {"type": "string", "format": "date-time", "description": "UTC"},
        "Span": {"type": "string", "pattern": "^[0-9]+(ns|ms|s|m|h|d|w)$", "description": "A length of time such as 15m"},
        "Symbol": {"type": "string", "description": "An instrument: BTCUSDT on spot, BTCUSDT-PERP on USD-M futures"},
        "StrategyName": {"type": "string", "pattern": "^[a-z0-9-]{1,31}$"},
        "OrderId": {"type": "string", "pattern": "^tb([0-9a-v]{20}|-[0-9a-f]{8}-[0-9a-f]{16}-[0-9a-f]{2})$"},
        "Hash": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "SHA-256"},
        "Side": {"type": "string", "enum": ["buy", "sell"]},
        "ExitReason": {
            "type": "string",
            "enum": ["exit_signal", "stop_loss", "trailing_stop_loss", "roi", "operator", "force_exit"],
        },
        "Problem": object(&json!({
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "code": {"type": "string", "description": "Stable; programs may rely on it"},
            "detail": {"type": "string", "description": "For people"},
            "request-id": {"type": "string"},
        })),
        "Reasoned": object(&json!({
            "reason": {
                "type": "string", "minLength": 1, "maxLength": Reason::CHARS_MAX, "pattern": pattern_of_reasons(),
                "description": "Goes to the ledger: one line in which something can be seen, without control characters \
                                and without characters that turn the direction of text",
                "examples": ["going home"],
            },
        })),
        "Verdict": json!({"oneOf": [object(&json!({"verdict": verdict()})), reference("Replay")]}),
        "Replay": object(&json!({
            "verdict": verdict(),
            "replayed": {
                "type": "boolean", "enum": [true],
                "description": "The same change was asked before under this id; nothing was done now",
            },
            "trading": {"type": "boolean", "description": "Whether it trades by now"},
            "halt": maybe(&reference("Halt")),
        })),
        "Event": json!({
            "type": "object", "description": EVENTS, "additionalProperties": false, "required": ["event", "data"],
            "properties": {
                "event": {"type": "string", "pattern": "^[a-z-]+$"},
                "data": {"type": "string", "description": "JSON"},
                "id": {"type": "string", "pattern": "^[0-9]+-[0-9]+$"},
            },
        }),
        "Halt": object(&json!({
            "by": {"type": "string"}, "reason": {"type": "string"}, "since": time(),
            "written": {"type": "boolean", "description": "Whether it is on disk, so that a restart remembers it"},
        })),
        "Status": status(),
        "Access": object(&json!({
            "listening": {"type": "array", "items": {"type": "string"}, "description": "Addresses of the API"},
            "fault": {"type": ["string", "null"], "description": "Why there are none, and what to do"},
        })),
        "Balance": object(&json!({
            "balances": {"type": "array", "items": reference("AssetBalance")},
            "equity": maybe(&decimal()), "equity-peak": decimal(), "drawdown": maybe(&decimal()),
            "profit-today": maybe(&decimal()),
        })),
        "AssetBalance": object(&json!({"asset": {"type": "string"}, "total": decimal()})),
        "Position": position(),
        "Order": order(),
        "OrderKind": order_kind(),
        "OrderState": order_state(),
        "Strategy": strategy(),
        "Market": object(&json!({
            "symbol": reference("Symbol"), "last": maybe(&decimal()), "bid": maybe(&decimal()), "ask": maybe(&decimal()),
            "heard": maybe(&time()), "stale": {"type": "boolean"},
        })),
        "WarmUp": warm_up(&[]),
        "StrategyWarmUp": warm_up(&[("strategy", reference("StrategyName"))]),
        "Trade": trade(),
        "Fill": fill(),
        "Mark": object(&json!({"seq": seq(), "at": time(), "equity": decimal()})),
        "LedgerHead": object(&json!({"seq": seq(), "hash": reference("Hash")})),
        "LedgerEntry": ledger_entry(),
    })
}

fn ledger_entry() -> Value {
    object(&json!({
        "seq": seq(), "at": time(), "kind": {"type": "string"},
        "order": maybe(&json!({"type": "string", "description": "The order it is about, as the hash covers it"})),
        "body": {"type": "string", "description": "The entry's JSON, to the byte, as it was hashed"},
        "salt": maybe(&json!({
            "type": "string", "pattern": "^[0-9a-f]{32}$",
            "description": "What the digest of its JSON was salted with; null where the JSON itself was hashed",
        })),
        "previous": reference("Hash"), "hash": reference("Hash"),
    }))
}

/// The kind of content of an answer, and its schema.
pub(super) fn of_reply(reply: Schema) -> (&'static str, Value) {
    let schema = match reply {
        Schema::Events => return ("text/event-stream", reference("Event")),
        Schema::Health => object(&json!({"status": {"type": "string", "enum": ["alive"]}})),
        Schema::Ready => object(&json!({"status": {"type": "string", "enum": ["ready"]}})),
        Schema::Status => reference("Status"),
        Schema::Balance => reference("Balance"),
        Schema::Positions => list("Position"),
        Schema::Orders => list("Order"),
        Schema::Strategies => list("Strategy"),
        Schema::Trades => list("Trade"),
        Schema::Fills => list("Fill"),
        Schema::Equity => list("Mark"),
        Schema::LedgerHead => reference("LedgerHead"),
        Schema::LedgerEntries => list("LedgerEntry"),
        Schema::Config => json!({
            "type": "object", "required": ["reload"],
            "description": "As in the configuration file, defaults included",
            "properties": {"reload": object(&json!({
                "count": {"type": "integer", "minimum": 0, "description": "How often it was read again in this run"},
                "refused": {"type": ["string", "null"], "description": "Why the last time changed nothing"},
            }))},
        }),
        Schema::OpenApi => json!({"type": "object", "description": "OpenAPI 3.1"}),
        Schema::Verdict => reference("Verdict"),
    };
    ("application/json", schema)
}

/// The schema of a part of a path.
pub(super) fn of_parameter(name: &str) -> Value {
    match name {
        "id" => reference("OrderId"),
        "symbol" => json!({
            "type": "string", "pattern": PATTERN_OF_SYMBOLS,
            "description": "A symbol as `/v1/positions` shows it: capital letters, digits, `_` and letters without case, at \
                            most 23 bytes. The pattern has those that exchanges are known to use",
        }),
        _ => reference("StrategyName"),
    }
}

fn status() -> Value {
    object(&json!({
        "version": {"type": "string"},
        "run": count("Which life of the bot"),
        "seq": count("The last event that is in this picture"),
        "at": time(),
        "api": reference("Access"),
        "starting": {"type": ["string", "null"], "description": "What it waits for before it does its work"},
        "trading": {"type": "boolean"},
        "halt": maybe(&reference("Halt")),
        "equity": maybe(&decimal()), "equity-peak": decimal(), "drawdown": maybe(&decimal()),
        "profit-today": maybe(&decimal()),
        "positions": count("Open positions"),
        "orders": count("Orders that may still trade"),
        "strategies": count("Running strategies"),
        "strategies-paused": count("Those of them that take no new positions"),
        "warming-up": {
            "type": "array", "items": reference("StrategyWarmUp"),
            "description": "Strategies that have not seen enough candles of a symbol to enter",
        },
        "fills": count("Fills since the ledger began"),
        "refusals": count("Refusals of the risk gate since the start"),
        "entries-too-small": {
            "type": "array", "items": {"type": "string"},
            "description": "Entries that came to less than the exchange takes; the first of each strategy and symbol",
        },
        "markets": {"type": "array", "items": reference("Market")},
    }))
}

fn position() -> Value {
    object(&json!({
        "strategy": reference("StrategyName"), "symbol": reference("Symbol"),
        "qty": decimal(), "entry": maybe(&decimal()), "last": maybe(&decimal()), "stop": maybe(&decimal()),
        "profit": maybe(&decimal()), "since": time(),
    }))
}

fn order() -> Value {
    object(&json!({
        "id": reference("OrderId"), "strategy": reference("StrategyName"), "symbol": reference("Symbol"),
        "side": reference("Side"), "qty": decimal(), "kind": reference("OrderKind"),
        "purpose": {"oneOf": [
            {"type": "string", "enum": ["enter"]},
            object(&json!({"exit": reference("ExitReason")})),
        ]},
        "created": time(), "filled": decimal(), "value": decimal(), "state": reference("OrderState"),
    }))
}

fn order_kind() -> Value {
    let in_force = json!({"type": "string", "enum": ["good-till-cancelled", "immediate-or-cancel", "fill-or-kill"]});
    json!({"oneOf": [
        {"type": "string", "enum": ["market"]},
        object(&json!({"limit": object(&json!({"price": decimal(), "time-in-force": in_force}))})),
        object(&json!({"post-only": object(&json!({"price": decimal()}))})),
        object(&json!({"stop": object(&json!({"trigger": decimal()}))})),
    ]})
}

fn order_state() -> Value {
    let exchange_id = count("The exchange's number for it");
    let outcome = json!({"type": "string", "enum": ["filled", "cancelled", "rejected", "expired", "never-placed"]});
    json!({"oneOf": [
        {"type": "string", "enum": ["intended"]},
        object(&json!({"open": object(&json!({"exchange-id": exchange_id}))})),
        object(&json!({"cancelling": object(&json!({"exchange-id": maybe(&exchange_id)}))})),
        object(&json!({"unknown": object(&json!({"since": time()}))})),
        object(&json!({"done": outcome})),
    ]})
}

fn strategy() -> Value {
    object(&json!({
        "name": reference("StrategyName"), "kind": {"type": "string"},
        "symbols": {"type": "array", "items": reference("Symbol")},
        "interval": reference("Span"), "paused": {"type": "boolean"}, "profit": decimal(),
        "closed": count("Positions it has closed"), "won": count("Those of them with a gain"),
        "warming-up": {
            "type": "array", "items": reference("WarmUp"),
            "description": "The symbols on which it has not seen enough candles to enter",
        },
    }))
}

/// How far a strategy has warmed up on a symbol, with what says which strategy.
fn warm_up(more: &[(&str, Value)]) -> Value {
    let mut fields = json!({
        "symbol": reference("Symbol"), "seen": count("Candles seen so far"),
        "needed": count("Candles after the last of which it may enter"),
        "ready": maybe(&time()),
    });
    if let Some(fields) = fields.as_object_mut() {
        fields.extend(more.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())));
    }
    object(&fields)
}

fn trade() -> Value {
    object(&json!({
        "seq": seq(), "strategy": reference("StrategyName"), "symbol": reference("Symbol"),
        "opened": time(), "closed": time(), "entry": decimal(), "exit": decimal(), "qty": decimal(),
        "fees": decimal(), "profit": decimal(), "profit-ratio": decimal(), "reason": reference("ExitReason"),
        "lowest": decimal(), "highest": decimal(),
        "stop-initial": maybe(&decimal()), "stop-last": maybe(&decimal()),
    }))
}

fn fill() -> Value {
    object(&json!({
        "seq": seq(), "order": reference("OrderId"), "trade": count("The exchange's number for it"),
        "symbol": reference("Symbol"), "side": reference("Side"), "price": decimal(), "qty": decimal(),
        "fee": object(&json!({"asset": {"type": "string"}, "amount": decimal()})),
        "liquidity": {"type": "string", "enum": ["maker", "taker"]}, "at": time(),
    }))
}

/// A list, or a part of one.
fn list(of: &str) -> Value {
    object(&json!({
        "items": {"type": "array", "items": reference(of)},
        "next": {"type": ["string", "null"], "description": "The cursor of the part after this one"},
    }))
}

fn verdict() -> Value {
    json!({
        "type": "string", "enum": ["done", "already"],
        "description": "`done`: it is written down and done or on its way. `already`: it was so before",
    })
}

/// Nothing that is forbidden, and something that can be seen. Characters beyond 16 bits are left out: there is no one way
/// to write them in a pattern.
fn pattern_of_reasons() -> String {
    let class = |ranges: &[(char, char)]| {
        let short = ranges.iter().filter(|(_, last)| u32::from(*last) <= 0xffff);
        short
            .map(|(first, last)| format!("\\u{:04x}-\\u{:04x}", u32::from(*first), u32::from(*last)))
            .collect::<String>()
    };
    let (forbidden, invisible) = (class(Reason::FORBIDDEN), class(Reason::INVISIBLE));
    format!("^[^{forbidden}]*[^{forbidden}{invisible}][^{forbidden}]*$")
}

/// An object with these fields, all of them and no others.
fn object(properties: &Value) -> Value {
    let required: Vec<&String> = properties.as_object().into_iter().flat_map(|fields| fields.keys()).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn maybe(schema: &Value) -> Value {
    json!({"oneOf": [schema, {"type": "null"}]})
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn decimal() -> Value {
    reference("Decimal")
}

fn time() -> Value {
    reference("Time")
}

fn count(what: &str) -> Value {
    json!({"type": "integer", "minimum": 0, "description": what})
}

fn seq() -> Value {
    count("Number of its entry in the ledger")
}

/// Latin ones, and those that begin with Chinese characters, of three bytes each.
const PATTERN_OF_SYMBOLS: &str = "^([A-Z0-9_]{1,23}|[\\u3400-\\u4dbf\\u4e00-\\u9fff]{1,5}[A-Z0-9_]{0,8})$";
const EVENTS: &str = "Each event of the stream, its fields as JSON. One event for each entry of the ledger as it is \
                      written: `event` is its kind, `data` its JSON, `id` numbers it. What the engine notices besides \
                      (`refused`, `feed-gap`, `feed-down`, `feed-up` and others) comes the same way, with a sentence as \
                      its data. The stream itself speaks in events without an id: `gap` (some events after \
                      `Last-Event-ID` are not kept any more), `lagged` (this client was too slow; the stream ends), \
                      `denied` (the token is worth nothing any more; the stream ends), `bye` (the bot stops).";
