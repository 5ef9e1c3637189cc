//! What the operator's officers do with the links to issuers.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use crate::service::{
    call::{Call, Reply},
    card_routes::KeyUnchanged,
    context::Gateway,
    problem::{Code, Problem},
};

/// The key with which messages of a route are sealed now.
#[derive(Debug, Serialize, ToSchema)]
pub struct MacKeyView {
    /// As the configuration calls it.
    route: String,
    /// By which the issuer sees that it has the same.
    #[schema(pattern = "^[0-9A-F]{6}$")]
    check_value: String,
}

/// Changes the key of a route's authentication codes
///
/// For the operator's officers. A new key is made in the security module and offered to the issuer in a key block (0800, 70 = 160). When it
/// has approved, messages are sealed with the new key; else with the one before it, as long as this is asked again.
#[utoipa::path(post, path = "/v1/card-routes/{name}/mac-key", params(("name" = String, Path)),
    request_body = super::remittances::NothingRequest, responses((status = 200, body = MacKeyView)))]
pub async fn change_mac_key(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let route = call.parameter("name").to_owned();
    let changed = gateway.card_routes.change_mac_key(&route).await;
    let check_value = changed.map_err(|error| problem(&route, &error))?;
    tracing::info!(route, "the key of a route's authentication codes was changed");
    let check_value = hex::encode_upper(check_value);
    Ok(Reply::ok(&MacKeyView { route, check_value }))
}

fn problem(route: &str, error: &KeyUnchanged) -> Problem {
    let code = match error {
        KeyUnchanged::NoRoute => return Problem::new(Code::NotFound, "acquiring.routes has no route of this name"),
        KeyUnchanged::NoKey | KeyUnchanged::UnderWay | KeyUnchanged::Declined(_) | KeyUnchanged::Lost => {
            Code::KeyUnchanged
        }
        KeyUnchanged::Unanswered(_) => Code::IssuerUnreachable,
        KeyUnchanged::Module(_) | KeyUnchanged::Failed => Code::Internal,
    };
    tracing::warn!(route, %error, "the key of a route's authentication codes was not changed");
    match error {
        KeyUnchanged::Unanswered(unanswered) => Problem::new(code, format!("the issuer did not take it: {unanswered}")),
        // What a module says is for the operator's log.
        KeyUnchanged::Module(_) => Problem::new(code, "the security module has refused; the gateway's log says why"),
        other => Problem::new(code, other.to_string()),
    }
}
