//! The OpenAPI document, made from the table of routes, so that it cannot say anything else than the server does.

mod schema;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::problem::Code;
use super::request::{CURSOR_DIGITS_MAX, PAGE_DEFAULT, PAGE_MAX};
use super::route::{COMMON, Query, ROUTES, Route, Schema};

/// The document, as JSON.
pub(super) fn document() -> Vec<u8> {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in ROUTES {
        let operation = operation(route);
        paths.entry(route.path).or_default().insert(route.verb.as_str().to_ascii_lowercase(), operation);
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "tradingbot",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
            "description": ABOUT,
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "tb_ and 64 hexadecimal digits"},
            },
            "parameters": parameters(),
            "headers": headers(),
            "responses": common_responses(),
            "schemas": schema::all(),
        },
    });
    let mut text = serde_json::to_vec_pretty(&document).expect("a value has a JSON form");
    text.push(b'\n');
    text
}

fn operation(route: &Route) -> Value {
    let id = if route.changes() { "change-id" } else { "request-id" };
    let mut parameters = vec![json!({"$ref": format!("#/components/parameters/{id}")})];
    if let Some(name) = route.parameter() {
        parameters.push(json!({
            "name": name, "in": "path", "required": true, "schema": schema::of_parameter(name),
        }));
    }
    match route.query {
        Query::Nothing => {}
        Query::PageNewest | Query::PageOldest => {
            let default = if route.query == Query::PageNewest { "newest" } else { "oldest" };
            parameters.push(json!({"$ref": "#/components/parameters/limit"}));
            parameters.push(json!({"$ref": "#/components/parameters/cursor"}));
            parameters.push(json!({
                "name": "order", "in": "query",
                "schema": {"type": "string", "enum": ["newest", "oldest"], "default": default},
            }));
        }
    }
    if route.tagged {
        parameters.push(json!({"$ref": "#/components/parameters/if-none-match"}));
    }
    if route.reply == Schema::Events {
        parameters.push(json!({"$ref": "#/components/parameters/last-event-id"}));
    }
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.summary,
        "description": format!("Needs scope `{}`.", route.scope),
        "x-scope": route.scope.as_str(),
        "parameters": parameters,
        "responses": responses(route),
    });
    if route.takes_reason {
        let body = json!({
            "required": true,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Reasoned"}}},
        });
        if let Some(operation) = operation.as_object_mut() {
            operation.insert("requestBody".to_owned(), body);
        }
    }
    operation
}

/// `get-status`, `post-strategies-pause`: the method and the plain parts of the path.
fn operation_id(route: &Route) -> String {
    let parts = route.path.split('/').skip(2).filter(|part| !part.starts_with('{'));
    let parts = parts.map(|part| part.trim_end_matches(".json"));
    std::iter::once(route.verb.as_str().to_ascii_lowercase().as_str()).chain(parts).collect::<Vec<_>>().join("-")
}

fn responses(route: &Route) -> Value {
    let mut responses = Map::new();
    let mut headers = json!({"x-request-id": {"$ref": "#/components/headers/x-request-id"}});
    if let Some(headers) = headers.as_object_mut() {
        if route.tagged {
            headers.insert("etag".to_owned(), json!({"$ref": "#/components/headers/etag"}));
        }
        if route.reply == Schema::Events {
            headers.insert("x-accel-buffering".to_owned(), json!({"$ref": "#/components/headers/x-accel-buffering"}));
        }
        if route.changes() {
            headers.insert("x-replayed".to_owned(), json!({"$ref": "#/components/headers/x-replayed"}));
        }
    }
    let (kind, schema) = schema::of_reply(route.reply);
    if route.tagged {
        let text = "What `If-None-Match` lists is what there is";
        responses.insert("304".to_owned(), json!({"description": text, "headers": headers}));
    }
    responses.insert(
        route.success.as_str().to_owned(),
        json!({"description": route.summary, "headers": headers, "content": {kind: {"schema": schema}}}),
    );
    for status in statuses(COMMON.iter().copied().chain(route.refusals())) {
        let own = by_status(route.refusals()).remove(&status).is_some();
        let response = if own {
            problem(by_status(COMMON.iter().copied().chain(route.refusals())).remove(&status).unwrap_or_default())
        } else {
            json!({"$ref": format!("#/components/responses/{status}")})
        };
        responses.insert(status.to_string(), response);
    }
    Value::Object(responses)
}

fn common_responses() -> Value {
    let responses = by_status(COMMON.iter().copied()).into_iter();
    Value::Object(responses.map(|(status, codes)| (status.to_string(), problem(codes))).collect())
}

/// A refusal with one of `codes`.
fn problem(codes: Vec<Code>) -> Value {
    let lines: Vec<String> = codes.iter().map(|code| format!("`{}`: {}", code.as_str(), code.text())).collect();
    let words: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    json!({
        "description": lines.join("\n\n"),
        "headers": {"x-request-id": {"$ref": "#/components/headers/x-request-id"}},
        "content": {"application/problem+json": {"schema": {
            "allOf": [{"$ref": "#/components/schemas/Problem"}],
            "properties": {"code": {"enum": words}},
        }}},
    })
}

fn statuses(codes: impl Iterator<Item = Code>) -> Vec<u16> {
    by_status(codes).into_keys().collect()
}

fn by_status(codes: impl Iterator<Item = Code>) -> BTreeMap<u16, Vec<Code>> {
    let mut map: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in codes {
        map.entry(code.status().as_u16()).or_default().push(code);
    }
    map
}

fn parameters() -> Value {
    json!({
        "request-id": {
            "name": "X-Request-Id", "in": "header",
            "description": "Names the request in the answer and in the bot's log, when it has 1 to 64 letters, digits, \
                            dots, underscores and dashes; else one is made.",
            "schema": {"type": "string"},
        },
        "change-id": {
            "name": "X-Request-Id", "in": "header",
            "description": "Names the change in the answer and in the bot's log; made when it is missing. A change that is \
                            repeated with the same id is not done twice: for ten minutes it gets the first verdict, and \
                            how trading stands by now.",
            "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
        },
        "limit": {
            "name": "limit", "in": "query", "description": "Most items",
            "schema": {"type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": PAGE_DEFAULT},
        },
        "cursor": {
            "name": "cursor", "in": "query",
            "description": "What `next` held in the part before, with the same `order`",
            "schema": {"type": "string", "pattern": format!("^[0-9]{{1,{CURSOR_DIGITS_MAX}}}$")},
        },
        "if-none-match": {
            "name": "If-None-Match", "in": "header", "description": "Tags of what the client has",
            "schema": {"type": "string"},
        },
        "last-event-id": {
            "name": "Last-Event-ID", "in": "header",
            "description": "The `id` of the last event that the client has seen. What is none, or is of another life of the \
                            bot, is answered by an event `gap`.",
            "schema": {"type": "string"},
        },
    })
}

fn headers() -> Value {
    json!({
        "x-request-id": {"description": "Names the request in the bot's log", "schema": {"type": "string"}},
        "x-replayed": {
            "description": "`true` when the same change was asked before under this id, and this is the answer to that",
            "schema": {"type": "string", "enum": ["true"]},
        },
        "etag": {"description": "Changes with the body", "schema": {"type": "string"}},
        "x-accel-buffering": {
            "description": "Asks a proxy to hand events on as they come", "schema": {"type": "string", "enum": ["no"]},
        },
    })
}

const ABOUT: &str = "Looks at a running bot and stops it. Amounts are decimal text, times are UTC. Every request needs a \
                     token, except over the control socket. Refusals are problem details (RFC 9457) with a stable `code`; \
                     any path may also answer 404 `not-found` or 405 `method-not-allowed` when it is none of these.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_documented_somewhere() {
        let anywhere = [Code::NotFound, Code::MethodNotAllowed];
        for code in Code::ALL {
            let known = COMMON.contains(code)
                || anywhere.contains(code)
                || ROUTES.iter().any(|route| route.refusals().any(|other| other == *code));
            assert!(known, "{code:?}");
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_id_is_its_own() {
        let document: Value = serde_json::from_slice(&document()).unwrap();
        let mut references = Vec::new();
        collect(&document, &mut references);
        for reference in references {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        let mut ids: Vec<String> = ROUTES.iter().map(operation_id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), ROUTES.len());
    }

    fn collect(value: &Value, references: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    references.push(reference.clone());
                }
                fields.values().for_each(|value| collect(value, references));
            }
            Value::Array(items) => items.iter().for_each(|value| collect(value, references)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}
