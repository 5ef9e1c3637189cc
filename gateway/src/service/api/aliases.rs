//! The directory: who is behind an account, an IBAN or an alias, with a masked name to confirm (confirmation of payee).

use std::sync::Arc;

use causeway_contracts::identity::ParticipantId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::remittances::{AccountName, lookup};
use crate::{
    aliases::{NameMatch, masked},
    names::Name,
    service::{
        call::{Call, Reply},
        context::Gateway,
        network::{Found, Lookup, NetworkError},
        problem::{Code, Problem},
        records::accounts::{self, Account},
    },
    store::StoreError,
};

#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveRequest {
    pub account: AccountName,
    /// Only there; all operators are asked if it is absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[A-Z0-9]{2,12}$")]
    pub operator: Option<ParticipantId>,
    /// To be compared with the name that is known there.
    #[schema(min_length = 1, max_length = 140)]
    pub name: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ResolvedView {
    /// `payee`
    pub object: &'static str,
    pub operator: String,
    /// Enough of the name to be recognized by who knows it.
    pub masked_name: String,
    /// `match`, `close_match` or `no_match`
    pub name_match: String,
}

/// Who that is
#[utoipa::path(post, path = "/v1/aliases/resolve", request_body = ResolveRequest,
    responses((status = 200, body = ResolvedView)))]
pub async fn resolve(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let request: ResolveRequest = call.json()?;
    super::checks::text("name", Some(&request.name), 140)?;
    let (lookup, _) = lookup(&request.account, &request.name)?;
    let asked = match request.operator {
        Some(operator) => {
            let found = gateway.operator(operator).ok_or_else(|| {
                let detail = format!("{operator} is not among the operators of this gateway's configuration");
                Problem::new(Code::OperatorUnknown, detail).of("operator")
            })?;
            vec![found]
        }
        None => gateway.operators.values().collect(),
    };
    let mut silent = None;
    for operator in asked {
        match gateway.network.resolve(operator, &lookup).await {
            Ok(found) => {
                return Ok(Reply::ok(&ResolvedView {
                    object: "payee",
                    operator: operator.id.to_string(),
                    masked_name: found.masked_name,
                    name_match: found.name_match.unwrap_or_else(|| "no_match".to_owned()),
                }));
            }
            Err(NetworkError::Refused { code, .. }) if code == Code::PayeeUnknown.row().0 => {}
            Err(error) => {
                tracing::warn!(error = error.to_string(), "an operator does not answer");
                silent = Some(operator.id);
            }
        }
    }
    Err(match silent {
        Some(operator) => {
            let detail = format!("nobody is known by it elsewhere, and {operator} does not answer");
            Problem::new(Code::OperatorUnreachable, detail).later(5)
        }
        None => Problem::new(Code::PayeeUnknown, "no operator knows anybody by it").of("account"),
    })
}

/// Who it is here, for another operator.
pub async fn find(gateway: &Gateway, lookup: &Lookup) -> Result<Option<Account>, Problem> {
    let (kind, value) = match (&lookup.address, &lookup.iban, &lookup.alias) {
        (Some(address), None, None) => ("address".to_owned(), address.clone()),
        (None, Some(iban), None) => ("iban".to_owned(), iban.clone()),
        (None, None, Some(alias)) => (alias.kind.clone(), alias.value.clone()),
        _ => {
            return Err(Problem::new(
                Code::BodyMalformed,
                "exactly one of address, iban and alias is given",
            ));
        }
    };
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| accounts::by_name(sql, &kind, &value))
        .await?;
    Ok(found.filter(|account| account.opened))
}

/// Where the account's money goes.
pub fn deliver_to(gateway: &Gateway, account: &Account) -> String {
    if account.body.external {
        return gateway.address(gateway.account_of(gateway.us())).to_string();
    }
    account.address.clone()
}

pub fn found(gateway: &Gateway, account: &Account, name: Option<&str>) -> Found {
    let name_match = name.map(|name| match (Name::parse(name), Name::parse(&account.body.name)) {
        (Ok(asked), Ok(known)) => match NameMatch::of(&asked, &known) {
            NameMatch::Match => "match",
            NameMatch::Close => "close_match",
            NameMatch::NoMatch => "no_match",
        },
        _ => "no_match",
    });
    Found {
        deliver_to: deliver_to(gateway, account),
        masked_name: masked(&account.body.name),
        name_match: name_match.map(str::to_owned),
    }
}
