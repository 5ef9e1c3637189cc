//! The API's description (OpenAPI 3.1), made from the code, a page to read it on, and whether the gateway is well.

mod texts;

use std::sync::Arc;

use serde_json::{Value as Json, json};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Content, Ref, RefOr, Required,
        header::HeaderBuilder,
        path::{ParameterBuilder, ParameterIn},
        response::ResponseBuilder,
        schema::{ObjectBuilder, Type},
        security::{ClientCredentials, Flow, OAuth2, Scopes as OauthScopes, SecurityRequirement, SecurityScheme},
    },
};

use super::{
    api,
    call::{Call, Reply},
    context::Gateway,
    problem::{Problem, ProblemDetails},
    routes::{Access, ROUTES},
};
use crate::{oauth::Scope, store::StoreError};

#[derive(OpenApi)]
#[openapi(
    info(title = "Causeway gateway", description = "Cross-border remittances and orders of merchants on a Causeway network."),
    paths(
        api::tokens::token,
        api::tokens::jwks,
        api::tokens::metadata,
        api::quotes::create,
        api::quotes::get,
        api::remittances::create,
        api::remittances::list,
        api::remittances::get,
        api::remittances::cancel,
        api::remittances::answers,
        api::remittances::accept,
        api::remittances::refuse,
        api::remittances::question,
        api::remittances::payout,
        api::remittances::compliance,
        api::messages::create,
        api::messages::list,
        api::messages::get,
        api::bulk::create,
        api::bulk::get,
        api::bulk::lines,
        api::merchants::create,
        api::merchants::list,
        api::merchants::get,
        api::codes::merchant_svg,
        api::codes::merchant_png,
        api::codes::merchant_text,
        api::merchants::suspend,
        api::merchants::resume,
        api::terms::put,
        api::settlements::settle_now,
        api::settlements::list,
        api::settlements::get,
        api::settlements::file,
        api::settlements::camt053,
        api::settlements::redirect,
        api::merchants::create_store,
        api::merchants::stores,
        api::merchants::create_terminal,
        api::merchants::terminals,
        api::orders::create,
        api::orders::list,
        api::orders::get,
        api::codes::order_svg,
        api::codes::order_png,
        api::orders::cancel,
        api::orders::refund,
        api::card_payments::by_card,
        api::card_payments::by_code,
        api::captures::capture,
        api::captures::void,
        api::disputes::create,
        api::disputes::list,
        api::disputes::get,
        api::disputes::accept,
        api::disputes::reject,
        api::disputes::withdraw,
        api::cards::create,
        api::cards::list,
        api::cards::get,
        api::cards::block,
        api::cards::unblock,
        api::cards::lost,
        api::cards::secrets::pin,
        api::cards::secrets::reveal,
        api::cards::devices::provision,
        api::cards::devices::keys,
        api::cards::devices::block,
        api::strays::list,
        api::strays::send_back,
        api::card_routes::change_mac_key,
        api::customers::create,
        api::customers::list,
        api::customers::get,
        api::accounts::list,
        api::accounts::get,
        api::entries::list,
        api::statements::statement,
        api::statements::notification,
        api::aliases::resolve,
        api::events::list,
        api::events::get,
        api::events::resend,
        api::webhooks::create,
        api::webhooks::list,
        api::webhooks::remove,
        api::webhooks::rotate,
        api::webhooks::deliveries,
        health,
    ),
    components(schemas(ProblemDetails, api::bulk::Mode, api::strays::Decidable)),
    modifiers(&FromTheTable)
)]
struct Document;

/// What the table of routes says of each path: scopes, keys, and errors, which all have one form.
struct FromTheTable;

const SCHEME: &str = "oauth";

impl Modify for FromTheTable {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let all = Scope::ALL.map(|scope| (scope.as_str(), scope.as_str()));
        let flow = Flow::ClientCredentials(ClientCredentials::new("/oauth/token", OauthScopes::from_iter(all)));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(SCHEME, SecurityScheme::OAuth2(OAuth2::new([flow])));
        texts::complete(components);
        for route in ROUTES {
            let Some(item) = document.paths.paths.get_mut(route.path) else {
                continue;
            };
            let operation = match route.method {
                "GET" => &mut item.get,
                "POST" => &mut item.post,
                "PUT" => &mut item.put,
                _ => &mut item.delete,
            };
            let Some(operation) = operation else {
                continue;
            };
            if let Access::Client(scope) = route.access {
                operation.security = Some(vec![SecurityRequirement::new(SCHEME, [scope.as_str()])]);
            }
            if route.idempotent {
                let text = ObjectBuilder::new()
                    .schema_type(Type::String)
                    .min_length(Some(1))
                    .max_length(Some(64))
                    .pattern(Some("^[!-~]{1,64}$"));
                let key = ParameterBuilder::new()
                    .name("Idempotency-Key")
                    .parameter_in(ParameterIn::Header)
                    .required(Required::True)
                    .description(Some(
                        "The same key with the same body has the same answer, and one effect",
                    ))
                    .schema(Some(text));
                operation.parameters.get_or_insert_default().push(RefOr::T(key.build()));
            }
            if route.path == "/oauth/token" {
                for status in ["400", "401"] {
                    let response = ResponseBuilder::new().description("The error of RFC 6749, section 5.2");
                    operation
                        .responses
                        .responses
                        .insert(status.to_owned(), RefOr::T(response.build()));
                }
            }
            let problem = Content::new(Some(Ref::from_schema_name("ProblemDetails")));
            let response = ResponseBuilder::new()
                .description("Problem details (RFC 9457)")
                .content("application/problem+json", problem)
                .header(
                    "X-Request-Id",
                    HeaderBuilder::new()
                        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
                        .build(),
                );
            operation
                .responses
                .responses
                .insert("default".to_owned(), RefOr::T(response.build()));
        }
    }
}

pub fn description() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// This description
pub async fn document(_: &Arc<Gateway>, _: &Call) -> Result<Reply, Problem> {
    Ok(Reply::ok(&description()))
}

/// The description as a page without scripts.
pub async fn page(_: &Arc<Gateway>, _: &Call) -> Result<Reply, Problem> {
    let document = serde_json::to_value(description()).expect("a description has a JSON form");
    let mut reply = Reply::of("text/html; charset=utf-8", html(&document));
    reply.headers.push((
        "content-security-policy",
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'".to_owned(),
    ));
    Ok(reply)
}

/// Whether the gateway can do its work
#[utoipa::path(get, path = "/health", responses((status = 200, body = Object)))]
pub async fn health(gateway: &Arc<Gateway>, _: &Call) -> Result<Reply, Problem> {
    gateway
        .store
        .read::<_, StoreError, _>(|sql| sql.query("SELECT 1 FROM meta", &[]).map(drop))
        .await?;
    Ok(Reply::ok(
        &json!({ "status": "ok", "operator": gateway.us().to_string() }),
    ))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a2e}\
    h1{font-size:1.6rem}h2{font-size:1.1rem;margin:2.2rem 0 .3rem;border-top:1px solid #d8d8e4;padding-top:1.2rem}\
    code,pre{font:14px/1.45 ui-monospace,monospace}b{display:inline-block;min-width:4.5rem;color:#0b5d5e}\
    pre{background:#f4f5f9;padding:.8rem;overflow:auto;border-radius:6px}p{margin:.3rem 0}summary{cursor:pointer;color:#0b5d5e}";

fn html(document: &Json) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>Causeway gateway: API</title><style>{STYLE}</style>\
         <h1>Causeway gateway</h1><p>For programs: <a href=\"/openapi.json\">openapi.json</a>. Every error is problem \
         details with a <code>code</code>; every POST but <code>/oauth/token</code> and \
         <code>/v1/aliases/resolve</code> takes an <code>Idempotency-Key</code>.</p>"
    );
    let empty = serde_json::Map::new();
    for (path, item) in document["paths"].as_object().unwrap_or(&empty) {
        for (method, operation) in item.as_object().unwrap_or(&empty) {
            let text = |name: &str| escaped(operation[name].as_str().unwrap_or_default());
            page.push_str(&format!(
                "<h2><code><b>{}</b>{}</code></h2><p>{}</p><p>{}</p>",
                escaped(&method.to_uppercase()),
                escaped(path),
                text("summary"),
                text("description"),
            ));
            let scopes = &operation["security"][0][SCHEME][0];
            if let Some(scope) = scopes.as_str() {
                page.push_str(&format!("<p>Scope: <code>{}</code></p>", escaped(scope)));
            }
            let body = &operation["requestBody"]["content"]["application/json"]["schema"];
            shape(&mut page, document, "Body", body);
            for status in ["200", "201", "202"] {
                let answer = &operation["responses"][status]["content"]["application/json"]["schema"];
                shape(&mut page, document, &format!("Answer {status}"), answer);
            }
        }
    }
    page.push_str("</html>");
    page
}

/// A schema, folded.
fn shape(page: &mut String, document: &Json, title: &str, schema: &Json) {
    let name = schema["$ref"]
        .as_str()
        .and_then(|reference| reference.rsplit('/').next());
    let schema = match name {
        Some(name) => &document["components"]["schemas"][name],
        None if schema.is_object() => schema,
        None => return,
    };
    let text = serde_json::to_string_pretty(schema).unwrap_or_default();
    page.push_str(&format!(
        "<details><summary>{title} {}</summary><pre>{}</pre></details>",
        escaped(name.unwrap_or_default()),
        escaped(&text)
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_for_clients_is_described() {
        let document = serde_json::to_value(description()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        for route in ROUTES.iter().filter(|route| matches!(route.access, Access::Client(_))) {
            let operation = &document["paths"][route.path][route.method.to_lowercase()];
            assert!(operation.is_object(), "{} {}", route.method, route.path);
            let has_key = operation["parameters"].as_array().is_some_and(|parameters| {
                parameters
                    .iter()
                    .any(|parameter| parameter["name"] == "Idempotency-Key")
            });
            assert_eq!(has_key, route.idempotent, "{} {}", route.method, route.path);
        }
        assert!(html(&document).contains("/v1/remittances/{id}/cancel"));
    }

    /// What `node` refers to elsewhere in the document.
    fn references<'j>(node: &'j Json, found: &mut Vec<&'j str>) {
        match node {
            Json::Object(members) => {
                found.extend(members.get("$ref").and_then(Json::as_str));
                members.values().for_each(|member| references(member, found));
            }
            Json::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn whatever_is_referred_to_is_there() {
        let document = serde_json::to_value(description()).unwrap();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 20, "{found:?}");
        for reference in found {
            let pointer = reference.strip_prefix('#').expect("in this document");
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    /// Whoever makes requests by the description alone makes none that is refused for its form.
    #[test]
    fn texts_are_described_as_they_are_checked() {
        let document = serde_json::to_value(description()).unwrap();
        let schemas = &document["components"]["schemas"];
        let text = |max: u32, schema: &Json| {
            assert_eq!(
                (&schema["minLength"], &schema["maxLength"]),
                (&json!(1), &json!(max)),
                "{schema}"
            );
            assert!(
                schema["pattern"]
                    .as_str()
                    .is_some_and(|it| it.starts_with(r"^[^\x00-\x1f")),
                "{schema}"
            );
        };
        text(140, &schemas["Party"]["properties"]["name"]);
        text(35, &schemas["Reason"]["properties"]["code"]);
        text(70, &schemas["PostalAddress"]["properties"]["lines"]["items"]);
        text(64, &schemas["Question"]["properties"]["fields"]["items"]);
        let answers = &schemas["AnswersRequest"]["properties"]["answers"];
        text(64, &answers["propertyNames"]);
        text(500, &answers["additionalProperties"]);
        let address = &schemas["AccountName"]["oneOf"][0];
        assert_eq!(address["additionalProperties"], false);
        text(254, &address["properties"]["address"]);
        // It has a form of its own.
        assert_eq!(
            schemas["PostalAddress"]["properties"]["country"]["pattern"],
            "^[A-Z]{2}$"
        );
    }
}
