//! The API's description of itself, and its metrics.

use std::collections::BTreeSet;

use serde_json::Value;
use utoipa::openapi::{RefOr, path::ParameterIn};

use super::{
    chain::Chain,
    node::{Node, header, send},
};
use crate::actors::api::{
    document,
    openapi::operations,
    routes::{API, METRICS},
};

#[test]
fn describes_every_route_and_nothing_else() {
    let served: BTreeSet<_> = API
        .iter()
        .chain(METRICS)
        .flat_map(|endpoint| {
            let methods = endpoint.allow.split(", ").filter(|method| *method != "HEAD");
            methods.map(|method| (endpoint.path.to_owned(), method.to_owned()))
        })
        .collect();
    let document = document();
    let described: BTreeSet<_> = document
        .paths
        .paths
        .iter()
        .flat_map(|(path, item)| operations(item).map(|(method, _)| (path.clone(), method.to_owned())))
        .collect();
    assert_eq!(served, described);
}

#[test]
fn every_operation_says_what_it_is_and_takes_its_paths_parameters() {
    let document = document();
    for (path, item) in &document.paths.paths {
        for (_, operation) in operations(item) {
            assert!(
                operation.summary.as_ref().is_some_and(|summary| !summary.is_empty()),
                "{path}"
            );
            assert!(operation.responses.responses.contains_key("default"), "{path}");
            assert!(operation.responses.responses.contains_key("200") || path == "/v1/transactions");
            let named: BTreeSet<_> = path
                .split('/')
                .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
                .collect();
            let parameters = operation.parameters.iter().flatten();
            let in_path: BTreeSet<_> = parameters
                .filter_map(|parameter| match parameter {
                    RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Path => Some(parameter.name.as_str()),
                    _ => None,
                })
                .collect();
            assert_eq!(named, in_path, "{path}");
        }
    }
}

/// Where a value refers to, anywhere in it.
fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                found.insert(reference);
            }
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[actix_web::test]
async fn the_served_document_parses_and_its_references_lead_somewhere() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    let response = node.get("/openapi.json").await;
    assert_eq!(header(&response, "content-type"), Some("application/json"));
    let text = response.text().await.unwrap();
    let parsed: utoipa::openapi::OpenApi = serde_json::from_str(&text).expect("an OpenAPI document");
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        serde_json::to_value(&parsed).unwrap(),
        value,
        "nothing of it is lost in reading"
    );
    assert_eq!(serde_json::to_value(document()).unwrap(), value);
    let mut found = BTreeSet::new();
    references(&value, &mut found);
    assert!(found.contains("#/components/schemas/SignedTransaction"), "{found:?}");
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("a reference within the document");
        assert!(value.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    let id = value.pointer("/components/schemas/TxId").expect("ids have a schema");
    assert_eq!(
        (&id["type"], &id["pattern"]),
        (&"string".into(), &"^[0-9a-f]{64}$".into())
    );
    node.server.stop().await;
}

#[actix_web::test]
async fn the_index_names_every_path() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    let page = node.get("/").await.text().await.unwrap();
    for endpoint in API.iter().chain(METRICS) {
        assert!(page.contains(&format!(" {} ", endpoint.path)), "{}", endpoint.path);
    }
    node.server.stop().await;
}

#[actix_web::test]
async fn metrics_count_by_route_and_measure_the_process() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    for path in ["/v1/blocks/7", "/v1/blocks/8", "/v1/status", "/somewhere", "/elsewhere"] {
        node.get(path).await;
    }
    let metrics = node.server.addresses().metrics;
    let response = send(node.client.get(format!("http://{metrics}/metrics"))).await;
    assert!(header(&response, "content-type").unwrap().starts_with("text/plain"));
    let text = response.text().await.unwrap();
    for line in [
        r#"causeway_http_requests_total{route="/v1/blocks/{height}",status="404"} 2"#,
        r#"causeway_http_requests_total{route="/v1/status",status="200"} 1"#,
        r#"causeway_http_requests_total{route="none",status="404"} 2"#,
        r#"causeway_http_request_seconds_count{route="/v1/status"} 1"#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    for name in [
        "process_resident_memory_bytes ",
        "process_cpu_seconds_total ",
        "process_open_fds ",
    ] {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        let value: f64 = line.parse().unwrap();
        assert!(value > 0.0 || name.starts_with("process_cpu"), "{name}{value}");
    }
    node.server.stop().await;
}
