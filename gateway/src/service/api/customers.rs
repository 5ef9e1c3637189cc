//! Customers, and opening their accounts on the ledger.

use std::sync::Arc;

use causeway_contracts::{
    identity::{AccountId, IdentityCommitment, KeyPolicy, Salt},
    transaction::{Action, SignedTransaction},
};
use causeway_wallet::{
    client::{Delivery, Settled},
    payment,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::{
    checks,
    lists::{ListQuery, page},
};
use crate::{
    remittance::order::Party,
    service::{
        call::{Call, Reply},
        change::ChangeError,
        context::Gateway,
        id,
        problem::{Code, Problem},
        records::accounts::{self, Account, AccountBody, AliasText, Customer, CustomerBody},
        views::{self, CustomerView, Page},
    },
    store::{Sql, StoreError},
};

/// Of one customer's account.
const ALIASES_MAX: usize = 16;

#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomerRequest {
    pub party: Party,
    /// By which others may find the account; each is one account's only.
    #[serde(default)]
    #[schema(max_items = 16)]
    pub aliases: Vec<AliasText>,
    #[serde(default)]
    #[schema(min_length = 5, max_length = 42)]
    pub iban: Option<String>,
    /// Money for it goes to the operator's own account, which pays it out beyond the ledger.
    #[serde(default)]
    pub external: bool,
}

/// A customer, with an account
///
/// Its key is the gateway's to keep. The account is opened on the ledger, which takes a second or so: until then it is
/// `opening`.
#[utoipa::path(post, path = "/v1/customers", request_body = CustomerRequest,
    responses((status = 201, body = CustomerView)))]
pub async fn create(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let request: CustomerRequest = call.json()?;
    checks::party("party", &request.party)?;
    if request.aliases.len() > ALIASES_MAX {
        return Err(Problem::field("aliases", format!("there are at most {ALIASES_MAX}")));
    }
    let aliases = request
        .aliases
        .iter()
        .map(|alias| checks::alias("aliases", &alias.kind, &alias.value));
    let aliases: Vec<_> = aliases.collect::<Result<_, _>>()?;
    let iban = request
        .iban
        .as_ref()
        .map(|iban| checks::iban("iban", iban))
        .transpose()?;
    let new = NewCustomer {
        client: call.client().id.clone(),
        unique: call.object.clone(),
        party: request.party,
        aliases,
        iban,
        external: request.external,
    };
    let (customer, account) = make(gateway, new, call.now_ms).await?;
    let account = opened(gateway, account).await?;
    Ok(Reply::created(&views::customer(&customer, &[account])))
}

pub struct NewCustomer {
    pub client: String,
    /// The end of both ids.
    pub unique: String,
    pub party: Party,
    pub aliases: Vec<AliasText>,
    pub iban: Option<String>,
    pub external: bool,
}

/// Stores both, or gives those with this id.
pub async fn make(gateway: &Gateway, new: NewCustomer, now_ms: u64) -> Result<(Customer, Account), Problem> {
    let customer = Customer {
        id: id::named("cust", &new.unique),
        client: new.client.clone(),
        created_ms: now_ms,
        body: CustomerBody { party: new.party },
    };
    // From the id, so that a request that is made again opens the same account.
    let salt = Sha256::digest(format!("causeway-gateway/salt/1 {}", new.unique));
    let salt = Salt(*salt.first_chunk().expect("32 bytes"));
    let keys = KeyPolicy::single(gateway.keys.account(&salt).public_key());
    let id = AccountId::derive(gateway.genesis(), gateway.us(), &keys, &salt);
    let name = customer.body.party.name.clone();
    let account = Account {
        id: id::named("acc", &new.unique),
        client: new.client,
        customer: customer.id.clone(),
        address: gateway.address(id).to_string(),
        iban: new.iban,
        opened: false,
        body: AccountBody {
            salt,
            name,
            aliases: new.aliases,
            external: new.external,
        },
    };
    gateway
        .store
        .write::<_, ChangeError, _>(move |sql| {
            if !accounts::add_customer(sql, &customer)? {
                let known = accounts::find_customer(sql, &customer.client, &customer.id)?;
                let account = accounts::any_account(sql, &account.id)?;
                return Ok(known.zip(account).ok_or(StoreError::Changed)?);
            }
            let taken = |what: &str| {
                let detail = format!("{what} is another account's; each is one's only");
                ChangeError::from(Problem::new(Code::AliasTaken, detail))
            };
            if !accounts::add_account(sql, &account)? {
                return Err(taken("the IBAN"));
            }
            for alias in &account.body.aliases {
                if !accounts::add_alias(sql, &alias.kind, &alias.value, &account.id)? {
                    return Err(taken(&format!("{} {}", alias.kind, alias.value)));
                }
            }
            Ok((customer, account))
        })
        .await
        .map_err(Problem::from)
}

/// Opens it on the ledger, if it is not open; as often as is needed, since the ledger opens it once.
pub async fn opened(gateway: &Gateway, mut account: Account) -> Result<Account, Problem> {
    if account.opened {
        return Ok(account);
    }
    let signed = opening(gateway, &account)?;
    match gateway.ledger.settle(&signed, Delivery::Never).await {
        // Refused, it was there already: by an earlier attempt.
        Ok(Settled::Final(_)) => {}
        Ok(Settled::Dead { .. }) => return Ok(account),
        Err(error) => {
            tracing::warn!(
                error = error.to_string(),
                account = account.id,
                "an account is not open yet"
            );
            return Ok(account);
        }
    }
    let key = gateway.keys.account(&account.body.salt);
    let id = KeyPolicy::single(key.public_key());
    let id = AccountId::derive(gateway.genesis(), gateway.us(), &id, &account.body.salt);
    match gateway.ledger.account(&id, &key).await {
        Ok(Some(_)) => {}
        Ok(None) => return Ok(account),
        // It is there, and not known to be open: who looks at it next finds out.
        Err(error) => {
            tracing::warn!(
                error = error.to_string(),
                account = account.id,
                "an account is not open yet"
            );
            return Ok(account);
        }
    }
    let stored = account.id.clone();
    gateway
        .store
        .write::<_, StoreError, _>(move |sql| accounts::set_opened(sql, &stored))
        .await?;
    account.opened = true;
    Ok(account)
}

fn opening(gateway: &Gateway, account: &Account) -> Result<SignedTransaction, Problem> {
    let salt = account.body.salt;
    let action = Action::OpenAccount {
        operator: gateway.us(),
        keys: KeyPolicy::single(gateway.keys.account(&salt).public_key()),
        salt,
        tier: gateway.config.tier,
        identity: IdentityCommitment(Sha256::digest(format!("{}{}", hex::encode(salt.0), account.customer)).into()),
    };
    let memo = causeway_contracts::codec::Text::new("").expect("it is short");
    payment::sign(gateway.genesis(), action, memo, gateway.keys.operator()).map_err(|error| Problem::internal(&error))
}

/// Customers, the oldest first
#[utoipa::path(get, path = "/v1/customers", params(ListQuery), responses((status = 200, body = Page<CustomerView>)))]
pub async fn list(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let client = call.client().id.clone();
    let read = move |sql: &mut dyn Sql, cursor: Option<String>, limit: usize| {
        let customers = accounts::customers(sql, &client, cursor.as_deref().unwrap_or_default(), limit)?;
        let with_accounts = customers.into_iter().map(|customer| {
            let accounts = accounts::of_customer(sql, &customer.id)?;
            Ok((customer, accounts))
        });
        with_accounts.collect::<Result<Vec<_>, StoreError>>()
    };
    let id = |(customer, _): &(Customer, _)| customer.id.clone();
    let view = |(customer, accounts): (Customer, Vec<_>)| Ok::<_, Problem>(views::customer(&customer, &accounts));
    page(gateway, call.query()?, read, id, view).await
}

/// A customer
#[utoipa::path(get, path = "/v1/customers/{id}", params(("id" = String, Path)),
    responses((status = 200, body = CustomerView)))]
pub async fn get(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let (client, id) = (call.client().id.clone(), call.parameter("id").to_owned());
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| {
            let Some(customer) = accounts::find_customer(sql, &client, &id)? else {
                return Ok(None);
            };
            let accounts = accounts::of_customer(sql, &customer.id)?;
            Ok(Some((customer, accounts)))
        })
        .await?;
    let (customer, accounts) = found.ok_or_else(|| Problem::not_found("customer"))?;
    Ok(Reply::ok(&views::customer(&customer, &accounts)))
}
