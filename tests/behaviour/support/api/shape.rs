//! Holds answers against the OpenAPI document: known operation, known status, and the schema to the last field.

use std::collections::BTreeSet;
use std::sync::Mutex;

use serde_json::Value;

use super::Response;

/// The document, and what of it was seen.
pub struct Document {
    json: Value,
    seen: Mutex<BTreeSet<(String, u16)>>,
}

impl Document {
    pub fn new(json: Value) -> Self {
        Self { json, seen: Mutex::default() }
    }

    /// Fails the test when `response` is not what the document says of `method` and `path`, a path with braces.
    pub fn check(&self, method: &str, path: &str, response: &Response) {
        let place = format!("{method} {path} {}", response.status);
        let operation = &self.json["paths"][path][method.to_ascii_lowercase()];
        assert!(operation.is_object(), "{place}: no such operation");
        let mut documented = &operation["responses"][response.status.to_string()];
        if let Some(reference) = documented["$ref"].as_str() {
            documented = self.follow(reference);
        }
        assert!(documented.is_object(), "{place} is not documented: {response:?}");
        for name in response.headers.keys().filter(|name| !ANYWHERE.contains(&name.as_str())) {
            assert!(
                documented["headers"][name].is_object() || EXPECTED.contains(&name.as_str()),
                "{place}: header {name}"
            );
        }
        if response.status != 304 {
            let kind = response.header("content-type").unwrap();
            let content = &documented["content"][kind];
            assert!(content.is_object(), "{place}: {kind} is not documented");
            if kind != "text/event-stream" {
                self.hold(&place, &content["schema"], &response.json());
            }
        }
        self.seen.lock().unwrap().insert((format!("{method} {path}"), response.status));
    }

    /// Successful answers that the document knows and no test has seen.
    pub fn unseen(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        let mut unseen = Vec::new();
        for (path, operations) in self.json["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                for status in operation["responses"].as_object().unwrap().keys() {
                    let operation = format!("{} {path}", method.to_ascii_uppercase());
                    if status.as_str() < "400" && !seen.contains(&(operation.clone(), status.parse().unwrap())) {
                        unseen.push(format!("{operation} {status}"));
                    }
                }
            }
        }
        unseen
    }

    /// Every operation: method, path, and the least scope.
    pub fn operations(&self) -> Vec<(String, String, String)> {
        let mut all = Vec::new();
        for (path, operations) in self.json["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                let scope = operation["x-scope"].as_str().unwrap().to_owned();
                all.push((method.to_ascii_uppercase(), path.clone(), scope));
            }
        }
        all
    }

    fn follow(&self, reference: &str) -> &Value {
        self.json.pointer(reference.strip_prefix('#').unwrap()).unwrap_or_else(|| panic!("{reference} leads nowhere"))
    }

    fn hold(&self, place: &str, schema: &Value, value: &Value) {
        let fault = self.fault(schema, value);
        assert_eq!(fault, None, "{place}: {value}");
    }

    /// The first thing about `value` that `schema` does not allow.
    fn fault(&self, schema: &Value, value: &Value) -> Option<String> {
        if let Some(reference) = schema["$ref"].as_str() {
            return self.fault(self.follow(reference), value);
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            if let Some(fault) = self.fault(part, value) {
                return Some(fault);
            }
        }
        if let Some(choices) = schema["oneOf"].as_array() {
            let fitting = choices.iter().filter(|choice| self.fault(choice, value).is_none()).count();
            return (fitting != 1).then(|| format!("{value} fits {fitting} of {choices:?}"));
        }
        if let Some(words) = schema["enum"].as_array()
            && !words.contains(value)
        {
            return Some(format!("{value} is none of {words:?}"));
        }
        let kinds = match &schema["type"] {
            Value::String(kind) => vec![kind.as_str()],
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => vec![],
        };
        if !kinds.is_empty() && !kinds.iter().any(|kind| is(kind, value)) {
            return Some(format!("{value} is no {kinds:?}"));
        }
        for item in value.as_array().into_iter().flatten() {
            if let Some(fault) = self.fault(&schema["items"], item) {
                return Some(fault);
            }
        }
        let fields = value.as_object()?;
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                return Some(format!("{name} is missing"));
            }
        }
        for (name, field) in fields {
            let known = &schema["properties"][name];
            if known.is_null() && schema["additionalProperties"] == Value::Bool(false) {
                return Some(format!("{name} is not known"));
            }
            if let Some(fault) = self.fault(known, field) {
                return Some(format!("{name}: {fault}"));
            }
        }
        None
    }
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "null" => value.is_null(),
        other => panic!("{other} is no type this test knows"),
    }
}

/// Headers that any answer may have.
const ANYWHERE: [&str; 8] = [
    "date",
    "content-type",
    "content-length",
    "cache-control",
    "x-content-type-options",
    "connection",
    "transfer-encoding",
    "allow",
];
/// Headers that belong to a status rather than to an operation.
const EXPECTED: [&str; 2] = ["www-authenticate", "retry-after"];
