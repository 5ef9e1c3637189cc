//! Remittances, as clients of the sender's and of the beneficiary's operator see and steer them.

use std::{collections::BTreeMap, sync::Arc};

use causeway_contracts::{
    identity::{Address, ParticipantId},
    transaction::UnixSeconds,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::{
    checks,
    lists::{ListQuery, page},
};
use crate::{
    identifiers::uetr::Uetr,
    remittance::{
        Beginning, Cause, QuoteUse, Remittance, Wish,
        fact::{Fact, Question, Reason},
        instruction::{Instruction, RecallRequest},
        order::{Order, Party},
        state::{Change, Side, Standing, State},
        step::Step,
    },
    service::{
        call::{Call, Reply},
        change::{By, ChangeError, accepts, change, tell},
        context::Gateway,
        id,
        network::{Lookup, NetworkError},
        problem::{Code, Problem},
        records::{PAGE_MAX, accounts, quotes, remittances},
        views::{self, Page, RemittanceView},
    },
    store::{Sql, StoreError},
};

/// Who is to get the money, and by which account.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeneficiaryRequest {
    /// With its name.
    pub party: Party,
    /// Exactly one of these.
    pub account: AccountName,
    /// A participant of the network.
    #[schema(value_type = String, pattern = "^[A-Z0-9]{2,12}$", example = "BANKB")]
    pub operator: ParticipantId,
}

/// An account by one of its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AccountName {
    /// On the ledger.
    Address(String),
    Iban(String),
    Phone(String),
    Email(String),
    Merchant(String),
}

#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemittanceRequest {
    /// An open quote, whose account pays.
    pub quote: String,
    pub beneficiary: BeneficiaryRequest,
    /// Who sends, if it is not the account's owner.
    #[serde(default)]
    pub sender: Option<Party>,
    /// A UUID of version 4 in small letters; one is drawn if it is absent.
    #[serde(default)]
    #[schema(pattern = "^[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}$")]
    pub uetr: Option<String>,
    #[serde(default)]
    #[schema(min_length = 1, max_length = 35)]
    pub end_to_end_id: Option<String>,
    /// Of ISO 20022's external purpose codes, such as SALA.
    #[serde(default)]
    #[schema(pattern = "^[A-Z]{4}$")]
    pub purpose: Option<String>,
    /// For the beneficiary.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 140)]
    pub reference: Option<String>,
}

/// Sends money
///
/// The beneficiary's operator is asked who that is; then the order is with the gateway, which reserves the money on the
/// ledger as soon as it is there, until the quote expires.
#[utoipa::path(post, path = "/v1/remittances", request_body = RemittanceRequest,
    responses((status = 201, body = RemittanceView)))]
pub async fn create(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let request: RemittanceRequest = call.json()?;
    check(&request)?;
    let order = Ordered {
        id: id::named("rem", &call.object),
        client: call.client().id.clone(),
        now_ms: call.now_ms,
        instruction: None,
    };
    let remittance = make(gateway, order, request).await?;
    gateway.wake.notify_one();
    Ok(Reply::created(&views::remittance(gateway, &remittance, None)?))
}

pub fn check(request: &RemittanceRequest) -> Result<(), Problem> {
    checks::party("beneficiary.party", &request.beneficiary.party)?;
    if let Some(sender) = &request.sender {
        checks::party("sender", sender)?;
    }
    if let Some(uetr) = &request.uetr {
        let parsed = uetr.parse::<Uetr>();
        parsed.map_err(|fault| Problem::field("uetr", format!("it {fault}")))?;
    }
    checks::text("end_to_end_id", request.end_to_end_id.as_deref(), 35)?;
    checks::text("reference", request.reference.as_deref(), 140)?;
    checks::purpose("purpose", request.purpose.as_deref())
}

/// Whose new remittance it is.
pub struct Ordered {
    pub id: String,
    pub client: String,
    pub now_ms: u64,
    /// The message that orders it, if one does.
    pub instruction: Option<Instruction>,
}

/// Makes it, or gives the one with this id if it was made already.
pub async fn make(gateway: &Arc<Gateway>, ordered: Ordered, request: RemittanceRequest) -> Result<Remittance, Problem> {
    let (client, quote_id, id) = (ordered.client.clone(), request.quote.clone(), ordered.id.clone());
    let (known, quote, account, owner) = gateway
        .store
        .read::<_, StoreError, _>(move |sql| {
            let known = remittances::find(sql, &client, &id)?;
            let quote = quotes::find(sql, &client, &quote_id)?;
            let account = match &quote {
                Some(quote) => accounts::find_account(sql, &client, &quote.body.account)?,
                None => None,
            };
            let owner = match &account {
                Some(account) => accounts::find_customer(sql, &client, &account.customer)?,
                None => None,
            };
            Ok((known, quote, account, owner))
        })
        .await?;
    if let Some(known) = known {
        return Ok(known);
    }
    let quote = quote.ok_or_else(|| Problem::not_found("quote").of("quote"))?;
    if quote.used_by.is_some() {
        return Err(Problem::new(Code::QuoteUsed, "each quote is used once; ask for another").of("quote"));
    }
    if quote.expires_ms <= ordered.now_ms {
        return Err(Problem::new(Code::QuoteExpired, "the quote's time is over; ask for another").of("quote"));
    }
    let (Some(account), Some(owner)) = (account, owner) else {
        return Err(Problem::new(
            Code::PayerAccountUnknown,
            "the quote's account is not here any more",
        ));
    };
    if !account.opened {
        let detail = "the account is not on the ledger yet; try again in a second";
        return Err(Problem::new(Code::PayerAccountNotOpen, detail).later(1));
    }
    let BeneficiaryRequest {
        party: beneficiary,
        account: name,
        operator,
    } = request.beneficiary;
    let (lookup, beneficiary_account) = lookup(&name, &beneficiary.name)?;
    let other = gateway.operator(operator).ok_or_else(|| {
        let detail = format!("{operator} is not among the operators of this gateway's configuration");
        Problem::new(Code::OperatorUnknown, detail).of("beneficiary.operator")
    })?;
    let found = gateway.network.resolve(other, &lookup).await.map_err(resolved)?;
    let deliver_to: Address = found.deliver_to.parse().map_err(|_| {
        let detail = format!("{operator} names an account that is no address");
        Problem::new(Code::OperatorUnreachable, detail)
    })?;
    let body = &quote.body;
    let uetr = match request.uetr {
        Some(uetr) => uetr,
        None => id::uetr()?,
    };
    let order = Order {
        uetr,
        sender_operator: gateway.us(),
        beneficiary_operator: operator,
        sender: request.sender.unwrap_or(owner.body.party),
        sender_account: account
            .address
            .parse()
            .map_err(|error: <Address as std::str::FromStr>::Err| Problem::internal(&error))?,
        beneficiary,
        beneficiary_account,
        deliver_to,
        source: gateway.exponents.write(body.sent, body.source)?,
        target: gateway.exponents.write(body.delivered, body.target)?,
        reserve_until: UnixSeconds(quote.expires_ms / 1000),
        hold_seconds: body.hold_seconds,
        end_to_end_id: request.end_to_end_id,
        purpose: request.purpose,
        reference: request.reference,
    };
    let order_text = serde_json::to_string(&order).expect("it has a JSON form");
    let remittance = Remittance {
        quote: body.signed.clone().map(|signed| QuoteUse {
            id: quote.id.clone(),
            signed,
        }),
        fee: body.fee,
        instruction: ordered.instruction,
        ..Remittance::begin(Beginning {
            id: ordered.id,
            client: ordered.client,
            side: Side::Sender,
            order,
            order_text,
            account: account.id,
            source: body.sent,
            target: body.delivered,
            now_ms: ordered.now_ms,
        })
    };
    add(gateway, remittance, Some(quote.id)).await
}

/// Stores a new remittance with its event and its job. `quote`: to be used by it.
pub async fn add(gateway: &Arc<Gateway>, remittance: Remittance, quote: Option<String>) -> Result<Remittance, Problem> {
    let tracker = Sha256::digest(gateway.keys.tracker(&remittance.id));
    let now_ms = remittance.created_ms;
    let shared = Arc::clone(gateway);
    gateway
        .store
        .write::<_, ChangeError, _>(move |sql| {
            if let Some(quote) = quote
                && !quotes::use_for(sql, &quote, &remittance.id)?
            {
                return Err(Problem::new(Code::QuoteUsed, "each quote is used once; ask for another").into());
            }
            if !remittances::add(sql, &remittance)? {
                if let Some(known) = remittances::find(sql, &remittance.client, &remittance.id)? {
                    return Ok(known);
                }
                let detail = "another remittance has this UETR; a payment has its own";
                return Err(Problem::new(Code::UetrTaken, detail).of("uetr").into());
            }
            if remittance.side == Side::Sender {
                remittances::add_tracker(sql, &tracker, &remittance.id)?;
            }
            tell(&shared, sql, &remittance, 0)?;
            let due_ms = match remittance.next(now_ms, accepts(&shared, &remittance)) {
                Step::Wait(until_ms) => until_ms,
                _ => now_ms,
            };
            remittances::kick(sql, &remittance, due_ms)?;
            Ok(remittance)
        })
        .await
        .map_err(Problem::from)
}

pub fn resolved(error: NetworkError) -> Problem {
    match error {
        NetworkError::Refused { code, detail, .. } if code == Code::PayeeUnknown.row().0 => {
            Problem::new(Code::PayeeUnknown, detail).of("beneficiary.account")
        }
        error => {
            tracing::warn!(error = error.to_string(), "an operator does not answer");
            Problem::new(
                Code::OperatorUnreachable,
                "the beneficiary's operator does not answer; try again later",
            )
            .later(5)
        }
    }
}

/// How the beneficiary's operator is asked, and what the order calls the account.
pub fn lookup(name: &AccountName, payee: &str) -> Result<(Lookup, String), Problem> {
    let mut lookup = Lookup {
        address: None,
        iban: None,
        alias: None,
        name: Some(payee.to_owned()),
    };
    let text = match name {
        AccountName::Address(address) => {
            let address = checks::bounded("beneficiary.account.address", address, 128)?;
            lookup.address = Some(address.clone());
            address.clone()
        }
        AccountName::Iban(iban) => {
            let iban = checks::iban("beneficiary.account.iban", iban)?;
            lookup.iban = Some(iban.clone());
            iban
        }
        AccountName::Phone(value) => alias(&mut lookup, "phone", value)?,
        AccountName::Email(value) => alias(&mut lookup, "email", value)?,
        AccountName::Merchant(value) => alias(&mut lookup, "merchant", value)?,
    };
    Ok((lookup, text))
}

fn alias(lookup: &mut Lookup, kind: &str, value: &str) -> Result<String, Problem> {
    let alias = checks::alias(&format!("beneficiary.account.{kind}"), kind, value)?;
    let text = format!("{}:{}", alias.kind, alias.value);
    lookup.alias = Some(alias);
    Ok(text)
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RemittancesQuery {
    /// Only those in this state.
    #[serde(default)]
    state: Option<State>,
    /// From the page before.
    #[serde(default)]
    #[param(max_length = 64, pattern = "^[!-~]*$")]
    cursor: Option<String>,
    #[serde(default)]
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
}

/// Remittances, the newest first
#[utoipa::path(get, path = "/v1/remittances", params(RemittancesQuery),
    responses((status = 200, body = Page<RemittanceView>)))]
pub async fn list(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let RemittancesQuery { state, cursor, limit } = call.query()?;
    let client = call.client().id.clone();
    let read = move |sql: &mut dyn Sql, cursor: Option<String>, limit: usize| {
        let state = state.map(State::as_str);
        remittances::list(sql, &client, state, cursor.as_deref(), limit.min(PAGE_MAX))
    };
    let view = |remittance: Remittance| views::remittance(gateway, &remittance, None);
    page(
        gateway,
        ListQuery { cursor, limit },
        read,
        |remittance| remittance.id.clone(),
        view,
    )
    .await
}

/// A remittance, with the proof of its payment once it is completed
#[utoipa::path(get, path = "/v1/remittances/{id}", params(("id" = String, Path)),
    responses((status = 200, body = RemittanceView)))]
pub async fn get(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let (client, id) = (call.client().id.clone(), call.parameter("id").to_owned());
    let (remittance, proof) = gateway
        .store
        .read::<_, StoreError, _>(move |sql| {
            let found = remittances::find(sql, &client, &id)?;
            let posting = found.as_ref().and_then(|remittance| remittance.ledger.posting);
            let proof = match posting {
                Some(posting) => remittances::proof(sql, &posting.to_string(), &id)?,
                None => None,
            };
            Ok((found, proof))
        })
        .await?;
    let remittance = remittance.ok_or_else(|| Problem::not_found("remittance"))?;
    Ok(Reply::ok(&views::remittance(gateway, &remittance, proof)?))
}

/// Who may ask for a change: the client whose it is, or an officer of the operator's.
#[derive(Clone, Copy)]
enum Whose {
    Client,
    Anyone,
}

/// Which remittance is to be changed, and who says so.
pub struct Steering {
    pub id: String,
    pub client: String,
    /// The request's name, if it may come again after it was done.
    pub request: Option<String>,
    pub now_ms: u64,
}

impl From<&Call> for Steering {
    fn from(call: &Call) -> Self {
        Self {
            id: call.parameter("id").to_owned(),
            client: call.client().id.clone(),
            request: Some(call.object.clone()),
            now_ms: call.now_ms,
        }
    }
}

/// Changes it on behalf of its client.
async fn steer(
    gateway: &Arc<Gateway>,
    steering: impl Into<Steering>,
    whose: Whose,
    with: impl FnOnce(&mut Remittance, u64) -> Result<(), ChangeError> + Send + 'static,
) -> Result<Remittance, Problem> {
    let Steering {
        id,
        client,
        request,
        now_ms,
    } = steering.into();
    let shared = Arc::clone(gateway);
    let changed = gateway
        .store
        .write::<_, ChangeError, _>(move |sql| {
            change(&shared, sql, &id, &By::Request, |remittance, _| {
                if matches!(whose, Whose::Client) && remittance.client != client {
                    return Err(ChangeError::None);
                }
                if request.is_some() && remittance.steered_by == request {
                    return Ok(());
                }
                with(remittance, now_ms)?;
                remittance.steered_by = request;
                Ok(())
            })
        })
        .await?;
    gateway.wake.notify_one();
    gateway.wake_deliveries.notify_one();
    Ok(changed)
}

fn on(side: Side, remittance: &Remittance) -> Result<(), ChangeError> {
    if remittance.side == side {
        return Ok(());
    }
    let detail = match side {
        Side::Sender => "only the sender's side can do this, and this remittance is incoming",
        Side::Beneficiary => "only the beneficiary's side can do this, and this remittance is outgoing",
    };
    Err(Problem::new(Code::WrongState, detail).into())
}

fn wrong(remittance: &Remittance, what: &str) -> ChangeError {
    let state = remittance.state();
    Problem::new(
        Code::WrongState,
        format!("a remittance that is {state} cannot be {what}"),
    )
    .with(serde_json::json!({ "state": state.as_str() }))
    .into()
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonRequest {
    /// Why: a code of ISO 20022's and perhaps a text.
    #[serde(default)]
    pub reason: Option<Reason>,
}

impl ReasonRequest {
    fn read(call: &Call, code: &str) -> Result<Reason, Problem> {
        let Self { reason } = call.json()?;
        let reason = reason.unwrap_or(Reason {
            code: code.to_owned(),
            text: None,
        });
        checks::reason("reason", &reason)?;
        Ok(reason)
    }
}

/// Recalls it
///
/// Until the beneficiary's operator has accepted. If it is reserved, the ledger decides: 200 when it has gone back, 409
/// `already_accepted` when acceptance was first, 202 when neither is known after ten seconds.
#[utoipa::path(post, path = "/v1/remittances/{id}/cancel", params(("id" = String, Path)), request_body = ReasonRequest,
    responses((status = 200, body = RemittanceView), (status = 202, body = RemittanceView)))]
pub async fn cancel(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let reason = ReasonRequest::read(call, "CUST")?;
    let settled = recall(gateway, call, reason, None).await?;
    match settled.state() {
        State::Cancelled => Ok(Reply::ok(&views::remittance(gateway, &settled, None)?)),
        State::PayingOut | State::Completed | State::Returned => Err(already_accepted(&settled)),
        state if state.is_end() => Err(wrong(&settled, "recalled").into()),
        _ => Ok(Reply::json(202, &views::remittance(gateway, &settled, None)?)),
    }
}

/// Asks for it to go back, and waits until that is decided, for at most ten seconds. `request`: the message that asks, if
/// one does.
pub async fn recall(
    gateway: &Arc<Gateway>,
    steering: impl Into<Steering>,
    reason: Reason,
    request: Option<RecallRequest>,
) -> Result<Remittance, Problem> {
    let changed = steer(gateway, steering, Whose::Client, move |remittance, _| {
        on(Side::Sender, remittance)?;
        match remittance.state() {
            State::Cancelled => Ok(()),
            State::PayingOut | State::Completed | State::Returned => Err(already_accepted(remittance).into()),
            state if state.is_end() => Err(wrong(remittance, "recalled")),
            _ => {
                if remittance.recall.is_none() && request.is_some() {
                    remittance.recall = request;
                    remittance.touched();
                }
                if remittance.wish.is_none() {
                    remittance.wish = Some(Wish::Recall(reason));
                    remittance.touched();
                }
                Ok(())
            }
        }
    })
    .await?;
    wait_for(gateway, &changed.id, State::is_end, |state| {
        matches!(state, State::PayingOut | State::Completed | State::Returned)
    })
    .await
}

fn already_accepted(remittance: &Remittance) -> Problem {
    let detail = "the beneficiary's operator has accepted, and the ledger has it: it cannot be recalled any more";
    Problem::new(Code::AlreadyAccepted, detail).with(serde_json::json!({ "state": remittance.state().as_str() }))
}

/// Looks at it until one of these is so, for at most ten seconds.
async fn wait_for(
    gateway: &Arc<Gateway>,
    id: &str,
    is_end: impl Fn(State) -> bool,
    is_enough: impl Fn(State) -> bool,
) -> Result<Remittance, Problem> {
    const LOOKS: u32 = 200;
    const PAUSE: std::time::Duration = std::time::Duration::from_millis(50);
    let mut looked = 0;
    loop {
        let id = id.to_owned();
        let found = gateway
            .store
            .read::<_, StoreError, _>(move |sql| remittances::any(sql, &id))
            .await?;
        let remittance = found.ok_or_else(|| Problem::not_found("remittance"))?;
        looked += 1;
        if is_end(remittance.state()) || is_enough(remittance.state()) || looked == LOOKS {
            return Ok(remittance);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Accepts an incoming remittance
///
/// Its hold is then paid on the ledger, and cannot be recalled any more.
#[utoipa::path(post, path = "/v1/remittances/{id}/accept", params(("id" = String, Path)),
    request_body = NothingRequest, responses((status = 200, body = RemittanceView)))]
pub async fn accept(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let NothingRequest {} = call.json()?;
    let changed = steer(gateway, call, Whose::Client, |remittance, _| {
        on(Side::Beneficiary, remittance)?;
        match (remittance.state(), &remittance.wish) {
            (State::PayingOut | State::Completed, _) | (_, Some(Wish::Accept)) => Ok(()),
            (State::Reserved, None) => {
                remittance.wish = Some(Wish::Accept);
                remittance.touched();
                Ok(())
            }
            _ => Err(wrong(remittance, "accepted")),
        }
    })
    .await?;
    Ok(Reply::ok(&views::remittance(gateway, &changed, None)?))
}

/// An object without members.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NothingRequest {}

/// Refuses an incoming remittance
///
/// Its hold is then voided on the ledger, and everything goes back whole.
#[utoipa::path(post, path = "/v1/remittances/{id}/refuse", params(("id" = String, Path)), request_body = ReasonRequest,
    responses((status = 200, body = RemittanceView)))]
pub async fn refuse(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let reason = ReasonRequest::read(call, "AG01")?;
    let changed = steer(gateway, call, Whose::Client, move |remittance, _| {
        on(Side::Beneficiary, remittance)?;
        if remittance.state() == State::Refunded || matches!(remittance.wish, Some(Wish::Refuse(_))) {
            return Ok(());
        }
        if !remittance.standing.is_reserved() || remittance.wish.is_some() {
            return Err(wrong(remittance, "refused"));
        }
        remittance.wish = Some(Wish::Refuse(reason));
        remittance.touched();
        Ok(())
    })
    .await?;
    Ok(Reply::ok(&views::remittance(gateway, &changed, None)?))
}

/// Asks the sender's side something about an incoming remittance
#[utoipa::path(post, path = "/v1/remittances/{id}/question", params(("id" = String, Path)), request_body = Question,
    responses((status = 200, body = RemittanceView)))]
pub async fn question(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let question: Question = call.json()?;
    checks::question(&question)?;
    let changed = steer(gateway, call, Whose::Client, move |remittance, now_ms| {
        on(Side::Beneficiary, remittance)?;
        if remittance.state() == State::InfoRequired && remittance.question.as_ref() == Some(&question) {
            return Ok(());
        }
        if remittance.wish.is_some() {
            return Err(wrong(remittance, "asked about"));
        }
        let us = remittance.us();
        remittance.apply(Change::InfoAsked, now_ms, Cause::by(us))?;
        remittance.question = Some(question.clone());
        remittance.untold.push(Fact::Asked { question });
        Ok(())
    })
    .await?;
    Ok(Reply::ok(&views::remittance(gateway, &changed, None)?))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswersRequest {
    /// By the names of the fields that were asked for.
    pub answers: BTreeMap<String, String>,
}

/// Answers what the beneficiary's side has asked
#[utoipa::path(post, path = "/v1/remittances/{id}/answers", params(("id" = String, Path)),
    request_body = AnswersRequest, responses((status = 200, body = RemittanceView)))]
pub async fn answers(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let AnswersRequest { answers } = call.json()?;
    checks::answers(&answers)?;
    let changed = steer(gateway, call, Whose::Client, move |remittance, now_ms| {
        on(Side::Sender, remittance)?;
        if remittance.state() != State::InfoRequired && remittance.answers == answers {
            return Ok(());
        }
        let us = remittance.us();
        remittance.apply(Change::InfoGiven, now_ms, Cause::by(us))?;
        remittance.answers.clone_from(&answers);
        remittance.untold.push(Fact::Answered { answers });
        Ok(())
    })
    .await?;
    Ok(Reply::ok(&views::remittance(gateway, &changed, None)?))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It is another's name.
    Release,
    Refuse,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ComplianceRequest {
    pub decision: Decision,
    #[serde(default)]
    pub reason: Option<Reason>,
}

/// Decides about a remittance that compliance holds
///
/// For the operator's officers: of whichever client it is.
#[utoipa::path(post, path = "/v1/remittances/{id}/compliance", params(("id" = String, Path)),
    request_body = ComplianceRequest, responses((status = 200, body = RemittanceView)))]
pub async fn compliance(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let ComplianceRequest { decision, reason } = call.json()?;
    let reason = reason.unwrap_or(Reason {
        code: "RR04".to_owned(),
        text: None,
    });
    checks::reason("reason", &reason)?;
    let changed = steer(gateway, call, Whose::Anyone, move |remittance, now_ms| {
        if remittance.standing != Standing::held(remittance.side) {
            return Err(wrong(remittance, "decided about by compliance"));
        }
        let us = Cause::by(remittance.us());
        match (decision, remittance.side) {
            (Decision::Release, side) => {
                remittance.apply(Change::Released(side), now_ms, us)?;
                if side == Side::Beneficiary {
                    remittance.untold.push(Fact::Released);
                }
            }
            (Decision::Refuse, Side::Sender) => {
                remittance.take(Change::Failed, now_ms)?;
                remittance.reason = Some(reason);
            }
            (Decision::Refuse, Side::Beneficiary) => {
                remittance.wish = Some(Wish::Refuse(reason));
                remittance.touched();
            }
        }
        Ok(())
    })
    .await?;
    Ok(Reply::ok(&views::remittance(gateway, &changed, None)?))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PayOutResult {
    Completed,
    Returned,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PayOutRequest {
    pub result: PayOutResult,
    #[serde(default)]
    pub reason: Option<Reason>,
}

/// Says how paying out an accepted remittance beyond the ledger has ended
///
/// `returned` sends the money back by a new payment.
#[utoipa::path(post, path = "/v1/remittances/{id}/payout", params(("id" = String, Path)),
    request_body = PayOutRequest, responses((status = 200, body = RemittanceView)))]
pub async fn payout(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let PayOutRequest { result, reason } = call.json()?;
    let reason = reason.unwrap_or(Reason {
        code: "AC06".to_owned(),
        text: None,
    });
    checks::reason("reason", &reason)?;
    let changed = pay_out(gateway, call, result, reason).await?;
    Ok(Reply::ok(&views::remittance(gateway, &changed, None)?))
}

/// Takes the word of the beneficiary's side for how it was paid out.
pub async fn pay_out(
    gateway: &Arc<Gateway>,
    steering: impl Into<Steering>,
    result: PayOutResult,
    reason: Reason,
) -> Result<Remittance, Problem> {
    steer(gateway, steering, Whose::Client, move |remittance, now_ms| {
        on(Side::Beneficiary, remittance)?;
        match (result, remittance.state(), &remittance.wish) {
            (PayOutResult::Completed, State::Completed, _)
            | (PayOutResult::Returned, State::Returned, _)
            | (PayOutResult::Returned, _, Some(Wish::Return(_))) => Ok(()),
            (PayOutResult::Completed, State::PayingOut, None) => {
                remittance.take(Change::PaidOut, now_ms)?;
                Ok(())
            }
            (PayOutResult::Returned, State::PayingOut, None) => {
                remittance.wish = Some(Wish::Return(reason));
                remittance.touched();
                Ok(())
            }
            _ => Err(wrong(remittance, "paid out")),
        }
    })
    .await
}
