//! `GET /v1/accounts/{address}`: accounts are read by those whom they concern.
//!
//! A request is signed, see [`super::access`]. Its key must be in the key policy of the account, of its
//! operator, or of the issuer of a currency that it holds or paid out today. Any one key of a policy
//! suffices: reading moves no money. An issuer sees the balances in its own currencies, no others.
//!
//! Whether an account exists is not told to strangers: without a right to it, a key gets the same
//! refusal whether it exists or not. That there is no such account is stated, and signed, only to
//! keys of registered participants, who need it to serve their customers, and who could learn it from
//! any payment's rejection.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::CACHE_CONTROL,
    web::{self, Path},
};
use causeway_contracts::{
    api::Problem,
    codec::Bounded,
    identity::{AccountId, Address, Participant},
    keys::{PublicKey, Signature},
    ledger,
    money::{Amount, Balance},
    statement::{AccountView, Answer, BalanceView, SignedStatement},
};

use super::{
    access::{is_participants, signer},
    context::Api,
    error::ApiError,
};
use crate::store::{Reader, StoreError};

/// An account, for those whom it concerns
///
/// Signed by a key of the account, of its operator, or of an issuer of a currency that it holds or paid
/// out today; an issuer is shown the balances in its own currencies only. The answer is
/// this validator's signed statement of the account and its balances; equal ones by more than a third
/// of the power prove it. Other keys are refused alike whether or not the account exists; only
/// participants' keys get a statement that there is none.
#[utoipa::path(
    get,
    path = "/v1/accounts/{address}",
    params(
        ("address" = Address, Path, description = "As cw1... or, on a devnet, cwdev1..."),
        ("causeway-key" = PublicKey, Header, description = "Who asks"),
        ("causeway-time" = u64, Header, description = "When, in milliseconds since 1970; within 30 s of the node's clock"),
        ("causeway-signature" = Signature, Header, description = "Over `causeway/request/1`, the genesis hash, path and query as sent, and the time"),
    ),
    responses(
        (status = 200, body = SignedStatement, description = "Of the account, or that there is none."),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "Not an address of this network."),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "Not signed, or not well."),
        (status = 403, body = Problem, content_type = "application/problem+json", description = "No account there that this key may read."),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "Too many invalid requests came from this address.",
            headers(("Retry-After" = u64, description = "Seconds."))),
    ),
)]
pub(super) async fn account(
    api: web::Data<Api>,
    request: HttpRequest,
    address: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = account_at(&api, &address)?;
    let key = signer(&api, &request)?;
    let seen = api.read(move |reader| look(reader, id, &key)).await?;
    let statement = match seen {
        Seen::Account(tip, view) => api.state(&tip, Answer::Account(view)),
        Seen::None(tip) => api.state(&tip, Answer::NoAccount(id)),
        Seen::NotPermitted => return Err(ApiError::NotPermitted),
    };
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(statement))
}

/// The account that an address of this network is of.
pub(super) fn account_at(api: &Api, address: &str) -> Result<AccountId, ApiError> {
    let address: Address = address.parse().map_err(ApiError::Address)?;
    let expected = api.context.genesis.address_prefix;
    if address.prefix != expected {
        return Err(ApiError::OtherPrefix {
            expected,
            actual: address.prefix,
        });
    }
    Ok(address.account)
}

/// What a key gets to see at an address.
enum Seen {
    Account(ledger::Tip, AccountView),
    None(ledger::Tip),
    NotPermitted,
}

fn look(reader: &Reader, id: AccountId, key: &PublicKey) -> Result<Seen, StoreError> {
    let (tip, found) = reader.account(&id)?;
    let Some(view) = found else {
        let none = is_participants(reader, key)?;
        return Ok(if none { Seen::None(tip) } else { Seen::NotPermitted });
    };
    let readable = readable(reader, view, key)?;
    Ok(readable.map_or(Seen::NotPermitted, |view| Seen::Account(tip, view)))
}

/// What of an account a key may read, if anything.
fn readable(reader: &Reader, view: AccountView, key: &PublicKey) -> Result<Option<AccountView>, StoreError> {
    let belongs = |participant: Option<Participant>| participant.is_some_and(|it| it.keys.contains(key));
    if view.keys.contains(key) || belongs(reader.participant(&view.operator)?) {
        return Ok(Some(view));
    }
    let mut issued = Vec::new();
    for balance in &view.balances {
        let (_, record) = reader.currency(balance.currency)?;
        if let Some(record) = record
            && belongs(reader.participant(&record.issuer)?)
        {
            issued.push(balance.clone());
        }
    }
    if !issued.iter().any(has_money) {
        return Ok(None);
    }
    let balances = Bounded::new(issued).expect("no more than there were");
    Ok(Some(AccountView { balances, ..view }))
}

/// Whether there is money, or was until today. That there is a balance does not say so: an issuer
/// makes an empty one wherever it freezes its currency.
fn has_money(balance: &BalanceView) -> bool {
    balance.available != Balance::ZERO || balance.held != Amount::ZERO || balance.spent_today != Amount::ZERO
}
