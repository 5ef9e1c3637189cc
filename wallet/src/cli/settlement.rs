//! `causeway hold`, `escrow`, `allowance`, `mandate`, `request`, `split`, `quote`, `exchange`, `rate`,
//! `contract`.

mod exchange;
mod netting;
mod offers;
mod show;

use std::collections::BTreeMap;

use anyhow::{Context, bail, ensure};
use causeway_contracts::{
    codec::{Bounded, Text},
    identity::{AccountId, ParticipantId},
    keys::SecretKey,
    ledger::receipt::Outcome,
    money::{Amount, Currency, text::parse_amount},
    settlement::{
        Allowance, Claim, Collect, ContractId, Escrow, Hold, Leg, Mandate, MerchantCategory, Part, Parties, PathAmount,
        PayRequest, Payees, Request, SettlementAction, Share, Shares, Side, Spend, Split, Terms,
        condition::{Condition, Preimage},
    },
    statement::ContractView,
    transaction::{Action, Transaction, UnixSeconds},
};
use causeway_wallet::{
    client::Client,
    clock,
    home::{AccountEntry, Home},
    payment::memo,
};
use serde_json::json;

pub use self::{
    exchange::{exchange, quote, rate},
    netting::netting,
    offers::{offer, path},
};
use super::{
    args::settlement::{
        self as args, AllowanceCommand, ContractCommand, EscrowCommand, Goes, HoldCommand, HoldTerms, MandateCommand,
        RequestCommand, Span, Which,
    },
    output::{self, say},
    teller::{Done, Teller, report, report_contract},
    wallet::{Wallet, exponent},
};

/// What every one of these commands needs.
struct Desk<'a> {
    wallet: &'a Wallet,
    home: Home,
    client: Client,
}

impl<'a> Desk<'a> {
    fn new(wallet: &'a Wallet) -> anyhow::Result<Self> {
        let home = wallet.home()?;
        let client = home.client()?.with_short_proofs();
        Ok(Self { wallet, home, client })
    }

    /// An account of this wallet, by label, or anyone's by contact or address.
    fn party(&self, text: &str) -> anyhow::Result<AccountId> {
        let accounts = self.home.accounts()?;
        match accounts.iter().find(|entry| entry.label == text) {
            Some(entry) => Ok(entry.address.account),
            None => Ok(self.home.contacts()?.resolve(text)?),
        }
    }

    fn own(&self, text: Option<&str>) -> anyhow::Result<AccountEntry> {
        Ok(self.home.account(text)?)
    }

    async fn amount(&self, text: &str, currency: Currency) -> anyhow::Result<Amount> {
        Ok(parse_amount(text, exponent(&self.home, &self.client, currency).await?)?)
    }

    async fn money(&self, amount: Amount, currency: Currency) -> anyhow::Result<String> {
        let exponent = exponent(&self.home, &self.client, currency).await?;
        Ok(output::money(amount, exponent, currency))
    }

    /// A contract as seen by an account of this wallet.
    async fn view(&self, which: &Which) -> anyhow::Result<(ContractView, AccountEntry)> {
        let by = self.own(which.by.as_deref())?;
        let key = self.wallet.open_key(&self.home, &by.key)?;
        let view = self.client.contract(&which.contract, &key).await?;
        let view = view.with_context(|| format!("there is no contract {}, or none any more", which.contract))?;
        Ok((view, by))
    }

    /// Brings an action to its end. One like it whose outcome is unknown is taken for the same, whenever
    /// it would have expired.
    async fn carry_out(&self, keys: &[SecretKey], action: SettlementAction, text: String) -> anyhow::Result<Done> {
        let memo = memo(text)?;
        let timeless = without_times(action.clone());
        let like = |tx: &Transaction| match &*tx.actions {
            [Action::Settle(other)] => tx.memo == memo && without_times(other.clone()) == timeless,
            _ => false,
        };
        let mut teller = Teller::new(self.wallet, &self.home, &self.client)?;
        teller
            .carry_out(keys, (Action::Settle(action), memo.clone()), like)
            .await
    }

    /// With the key of one account.
    async fn act(&self, by: &AccountEntry, action: SettlementAction) -> anyhow::Result<Done> {
        let key = self.wallet.open_key(&self.home, &by.key)?;
        self.carry_out(std::slice::from_ref(&key), action, String::new()).await
    }

    /// Reports what opened a contract, and its id.
    fn opened(&self, done: &Done, words: [&str; 2]) -> anyhow::Result<()> {
        report_contract(self.wallet, done, words, Some(opened_by(done)))
    }

    fn done(&self, done: &Done, words: [&str; 2]) -> anyhow::Result<()> {
        report(self.wallet, done, words)
    }
}

/// The contract that a transaction of one action opens.
fn opened_by(done: &Done) -> ContractId {
    ContractId::derive(&done.verified.id, 0)
}

fn from_now(span: Span) -> UnixSeconds {
    clock::seconds_from_now(span.0)
}

/// The same, without the times that a command works out from now.
fn without_times(mut action: SettlementAction) -> SettlementAction {
    let never = UnixSeconds(0);
    match &mut action {
        SettlementAction::Hold(hold) => hold.expires_at = never,
        SettlementAction::Escrow(escrow) => {
            escrow.expires_at = never;
            for condition in [&mut escrow.release_when, &mut escrow.refund_when] {
                *condition = condition.without_times();
            }
        }
        SettlementAction::Allow(allowance) => allowance.expires_at = never,
        SettlementAction::Mandate(mandate) => (mandate.starts_at, mandate.ends_at) = (never, never),
        SettlementAction::Request(request) => request.expires_at = never,
        SettlementAction::Offer(offer) => offer.expires_at = never,
        SettlementAction::OpenCycle(cycle) => cycle.closes_at = never,
        // By another way, or with another bound, it is the same payment.
        SettlementAction::PayPath(payment) => {
            let ends = [payment.path.first(), payment.path.last()];
            let ends = ends.into_iter().flatten().copied().collect();
            payment.path = Bounded::new(ends).expect("two");
            match &mut payment.amount {
                PathAmount::SendExact { deliver_min, .. } => *deliver_min = Amount::ZERO,
                PathAmount::DeliverExact { send_max, .. } => *send_max = Amount::ZERO,
            }
        }
        SettlementAction::Exchange(exchange) => {
            if let Some(held) = &mut exchange.held {
                held.expires_at = never;
            }
        }
        SettlementAction::SetReferenceRate { as_of, .. } => *as_of = never,
        _ => {}
    }
    action
}

pub async fn contract(wallet: &Wallet, command: ContractCommand) -> anyhow::Result<()> {
    match command {
        ContractCommand::Show(which) => show::show(&Desk::new(wallet)?, &which).await,
    }
}

pub async fn hold(wallet: &Wallet, command: HoldCommand) -> anyhow::Result<()> {
    let desk = Desk::new(wallet)?;
    match command {
        HoldCommand::Open {
            to,
            amount,
            currency,
            terms,
            from,
        } => {
            let from = desk.own(from.as_deref())?;
            let leg = Leg {
                debtor: from.address.account,
                creditor: desk.party(&to)?,
                currency,
                amount: desk.amount(&amount, currency).await?,
            };
            open_hold(&desk, vec![leg], &[from], &terms).await
        }
        HoldCommand::Group { leg, terms } => {
            let mut legs = Vec::new();
            let mut payers: Vec<AccountEntry> = Vec::new();
            for words in leg.chunks(4) {
                let [from, to, amount, currency] = words else {
                    bail!("a leg is FROM TO AMOUNT CURRENCY");
                };
                let from = desk.own(Some(from))?;
                let currency: Currency = currency.parse()?;
                legs.push(Leg {
                    debtor: from.address.account,
                    creditor: desk.party(to)?,
                    currency,
                    amount: desk.amount(amount, currency).await?,
                });
                if !payers.iter().any(|payer| payer.key == from.key) {
                    payers.push(from);
                }
            }
            open_hold(&desk, legs, &payers, &terms).await
        }
        HoldCommand::Post {
            which,
            amount,
            keep_rest,
        } => {
            let (view, by) = desk.view(&which).await?;
            let Terms::Hold(hold) = view.terms else {
                bail!("contract {} is not a hold", which.contract);
            };
            let (hold_id, account) = (which.contract, by.address.account);
            let action = match (&hold.legs[..], amount) {
                ([leg], amount) => SettlementAction::Post {
                    hold: hold_id,
                    by: account,
                    amount: match amount {
                        Some(text) => Some(desk.amount(&text, leg.currency).await?),
                        None => None,
                    },
                    keep_rest,
                },
                (_, None) => SettlementAction::PostGroup {
                    hold: hold_id,
                    by: account,
                },
                (legs, Some(_)) => bail!("the hold has {} legs, which are posted whole", legs.len()),
            };
            let done = desk.act(&by, action).await?;
            desk.done(&done, ["Posted", &format!("hold {hold_id}")])
        }
        HoldCommand::Void(which) => {
            let (view, by) = desk.view(&which).await?;
            let Terms::Hold(hold) = view.terms else {
                bail!("contract {} is not a hold", which.contract);
            };
            let (hold_id, account) = (which.contract, by.address.account);
            let action = match hold.legs.len() {
                1 => SettlementAction::Void {
                    hold: hold_id,
                    by: account,
                },
                _ => SettlementAction::VoidGroup {
                    hold: hold_id,
                    by: account,
                },
            };
            let done = desk.act(&by, action).await?;
            desk.done(&done, ["Voided", &format!("hold {hold_id}")])
        }
        HoldCommand::Show(which) => show::show(&desk, &which).await,
    }
}

async fn open_hold(desk: &Desk<'_>, legs: Vec<Leg>, payers: &[AccountEntry], terms: &HoldTerms) -> anyhow::Result<()> {
    let parties = |named: &[String]| -> anyhow::Result<Parties> {
        let mut accounts = match named {
            [] => legs.iter().map(|leg| leg.creditor).collect(),
            named => named
                .iter()
                .map(|name| desk.party(name))
                .collect::<anyhow::Result<Vec<_>>>()?,
        };
        accounts.sort_unstable();
        accounts.dedup();
        Bounded::new(accounts).context("at most four may post, and four void; name them with --post-by and --void-by")
    };
    let mut what = Vec::new();
    for leg in &legs {
        let money = desk.money(leg.amount, leg.currency).await?;
        what.push(format!("{money} for {}", leg.creditor.address(desk.client.prefix())));
    }
    let hold = Hold {
        expires_at: from_now(terms.expires_in),
        post_by: parties(&terms.post_by)?,
        void_by: parties(&terms.void_by)?,
        legs: Bounded::new(legs).context("a hold has at most 16 legs")?,
    };
    let keys = payers.iter().map(|payer| desk.wallet.open_key(&desk.home, &payer.key));
    let keys = keys.collect::<anyhow::Result<Vec<_>>>()?;
    let done = desk
        .carry_out(&keys, SettlementAction::Hold(hold), String::new())
        .await?;
    desk.opened(&done, ["Set aside", &what.join(", ")])
}

pub async fn escrow(wallet: &Wallet, command: EscrowCommand) -> anyhow::Result<()> {
    match command {
        EscrowCommand::Open {
            to,
            amount,
            currency,
            from,
            signer,
            threshold,
            hash,
            deadline,
            release_when,
            refund_when,
            expires_in,
            on_expiry,
        } => {
            let desk = Desk::new(wallet)?;
            let (release_when, refund_when) = match (threshold, hash.zip(deadline), release_when.zip(refund_when)) {
                (Some(threshold), None, None) => {
                    let mut keys = signer;
                    keys.sort_unstable();
                    keys.dedup();
                    let agreed = Condition::SignedBy {
                        keys: Bounded::new(keys).context("at most 16 keys")?,
                        threshold,
                    };
                    (agreed.clone(), agreed)
                }
                (None, Some((hash, deadline)), None) => {
                    ensure!(
                        deadline.0 <= expires_in.0,
                        "the secret cannot count for longer than the escrow is open: give --expires-in at least as long as --deadline"
                    );
                    let until = from_now(deadline);
                    let shown = [Condition::Preimage(hash), Condition::Before(until)];
                    let release = Condition::All(Bounded::new(shown.to_vec()).expect("two"));
                    (release, Condition::After(until))
                }
                (None, None, Some((release, refund))) => (release.0, refund.0),
                _ => bail!(
                    "say when it is released: --signer and --threshold, --hash and --deadline, or --release-when and \
                     --refund-when"
                ),
            };
            release_when.check()?;
            let from = desk.own(from.as_deref())?;
            let escrow = Escrow {
                payer: from.address.account,
                payee: desk.party(&to)?,
                currency,
                amount: desk.amount(&amount, currency).await?,
                release_when,
                refund_when,
                expires_at: from_now(expires_in),
                on_expiry: side(on_expiry),
            };
            let what = format!(
                "{} in escrow for {}",
                desk.money(escrow.amount, currency).await?,
                escrow.payee.address(desk.client.prefix())
            );
            let done = desk.act(&from, SettlementAction::Escrow(escrow)).await?;
            desk.opened(&done, ["Set aside", &what])
        }
        EscrowCommand::Claim {
            which,
            side: goes,
            preimage,
            keys: names,
        } => {
            let desk = Desk::new(wallet)?;
            let by = desk.own(which.by.as_deref())?;
            let mut keys = BTreeMap::new();
            for name in names.iter().chain([&by.key]) {
                let key = wallet.open_key(&desk.home, name)?;
                keys.insert(key.public_key(), key);
            }
            let claim = Claim {
                escrow: which.contract,
                by: by.address.account,
                side: side(goes),
                preimages: Bounded::new(preimage).context("at most 16 secrets")?,
            };
            let keys: Vec<_> = keys.into_values().collect();
            let done = desk
                .carry_out(&keys, SettlementAction::Claim(claim), String::new())
                .await?;
            let verb = match goes {
                Goes::Release => "Released",
                Goes::Refund => "Refunded",
            };
            desk.done(&done, [verb, &format!("escrow {}", which.contract)])
        }
        EscrowCommand::Secret => {
            let mut bytes = [0; 32];
            getrandom::fill(&mut bytes)?;
            let secret = Preimage(bytes);
            if wallet.json {
                say!("{}", json!({ "preimage": secret, "hash": secret.hash() }));
            } else {
                say!("secret  {secret}");
                say!("hash    {}", secret.hash());
            }
            Ok(())
        }
        EscrowCommand::Show(which) => show::show(&Desk::new(wallet)?, &which).await,
    }
}

fn side(goes: Goes) -> Side {
    match goes {
        Goes::Release => Side::Release,
        Goes::Refund => Side::Refund,
    }
}

pub async fn allowance(wallet: &Wallet, command: AllowanceCommand) -> anyhow::Result<()> {
    let desk = Desk::new(wallet)?;
    match command {
        AllowanceCommand::Grant {
            holder,
            budget,
            currency,
            from,
            payee,
            category,
            operator,
            max_payment,
            expires_in,
        } => {
            let from = desk.own(from.as_deref())?;
            let too_many = "at most 16 payees, categories or operators";
            let payees = match (&category[..], &operator[..]) {
                ([], []) => {
                    let accounts = payee.iter().map(|name| desk.party(name));
                    let accounts = accounts.collect::<anyhow::Result<Vec<_>>>()?;
                    Payees::Accounts(Bounded::new(accounts).context(too_many)?)
                }
                (_, []) => Payees::Categories(Bounded::new(category).context(too_many)?),
                _ => Payees::Operators(Bounded::new(operator).context(too_many)?),
            };
            let max_payment = match max_payment {
                Some(text) => Some(desk.amount(&text, currency).await?),
                None => None,
            };
            let allowance = Allowance {
                grantor: from.address.account,
                holder: desk.party(&holder)?,
                currency,
                budget: desk.amount(&budget, currency).await?,
                payees,
                max_payment,
                expires_at: from_now(expires_in),
            };
            let what = format!(
                "{} to {} for its purpose",
                desk.money(allowance.budget, currency).await?,
                allowance.holder.address(desk.client.prefix())
            );
            let done = desk.act(&from, SettlementAction::Allow(allowance)).await?;
            desk.opened(&done, ["Granted", &what])
        }
        AllowanceCommand::Spend { which, to, amount } => {
            let (view, by) = desk.view(&which).await?;
            let Terms::Allowance(allowance) = view.terms else {
                bail!("contract {} is not an allowance", which.contract);
            };
            let spend = Spend {
                allowance: which.contract,
                holder: by.address.account,
                to: desk.party(&to)?,
                amount: desk.amount(&amount, allowance.currency).await?,
            };
            let what = format!(
                "{} to {}",
                desk.money(spend.amount, allowance.currency).await?,
                spend.to.address(desk.client.prefix())
            );
            let done = desk.act(&by, SettlementAction::Spend(spend)).await?;
            desk.done(&done, ["Paid", &what])
        }
        AllowanceCommand::Show(which) => show::show(&desk, &which).await,
    }
}

/// What kind of business an account's owner has, by its operator's word.
pub async fn category(
    wallet: &Wallet,
    account: &str,
    category: Option<MerchantCategory>,
    operator: ParticipantId,
    key: &str,
) -> anyhow::Result<()> {
    let desk = Desk::new(wallet)?;
    let account = desk.party(account)?;
    let key = wallet.open_key(&desk.home, key)?;
    let action = SettlementAction::SetCategory {
        operator,
        account,
        category,
    };
    let done = desk
        .carry_out(std::slice::from_ref(&key), action, String::new())
        .await?;
    let what = match category {
        Some(category) => format!(
            "{} is in category {:04}",
            account.address(desk.client.prefix()),
            category.0
        ),
        None => format!("{} is in no category", account.address(desk.client.prefix())),
    };
    desk.done(&done, ["Recorded", &what])
}

pub async fn mandate(wallet: &Wallet, command: MandateCommand) -> anyhow::Result<()> {
    let desk = Desk::new(wallet)?;
    match command {
        MandateCommand::Grant {
            payee,
            currency,
            from,
            max_payment,
            max_per_period,
            period,
            starts_in,
            ends_in,
        } => {
            let from = desk.own(from.as_deref())?;
            let mandate = Mandate {
                payer: from.address.account,
                payee: desk.party(&payee)?,
                currency,
                max_payment: desk.amount(&max_payment, currency).await?,
                max_per_period: desk.amount(&max_per_period, currency).await?,
                period_seconds: period.0,
                starts_at: starts_in.map_or(UnixSeconds(clock::now_ms().0 / 1000), from_now),
                ends_at: from_now(ends_in),
            };
            let what = format!(
                "{} to draw up to {} at a time",
                mandate.payee.address(desk.client.prefix()),
                desk.money(mandate.max_payment, currency).await?
            );
            let done = desk.act(&from, SettlementAction::Mandate(mandate)).await?;
            desk.opened(&done, ["Allowed", &what])
        }
        MandateCommand::Collect {
            which,
            amount,
            reference,
        } => {
            let (view, by) = desk.view(&which).await?;
            let Terms::Mandate(state) = view.terms else {
                bail!("contract {} is not a mandate", which.contract);
            };
            let currency = state.mandate.currency;
            let collect = Collect {
                mandate: which.contract,
                payee: by.address.account,
                amount: desk.amount(&amount, currency).await?,
                reference: Text::new(reference).context("the reference has at most 35 bytes")?,
            };
            let what = format!(
                "{} from {}",
                desk.money(collect.amount, currency).await?,
                state.mandate.payer.address(desk.client.prefix())
            );
            let done = desk.act(&by, SettlementAction::Collect(collect)).await?;
            desk.done(&done, ["Collected", &what])
        }
        MandateCommand::Revoke(which) => revoke(&desk, &which, "mandate").await,
        MandateCommand::Show(which) => show::show(&desk, &which).await,
    }
}

async fn revoke(desk: &Desk<'_>, which: &Which, kind: &str) -> anyhow::Result<()> {
    let by = desk.own(which.by.as_deref())?;
    let action = SettlementAction::Revoke {
        contract: which.contract,
        by: by.address.account,
    };
    let done = desk.act(&by, action).await?;
    desk.done(&done, ["Revoked", &format!("{kind} {}", which.contract)])
}

pub async fn request(wallet: &Wallet, command: RequestCommand) -> anyhow::Result<()> {
    let desk = Desk::new(wallet)?;
    match command {
        RequestCommand::Make {
            amount,
            currency,
            to,
            payer,
            reference,
            expires_in,
        } => {
            let to = desk.own(to.as_deref())?;
            let request = Request {
                payee: to.address.account,
                payer: payer.map(|payer| desk.party(&payer)).transpose()?,
                currency,
                amount: desk.amount(&amount, currency).await?,
                reference: Text::new(reference).context("the reference has at most 140 bytes")?,
                expires_at: from_now(expires_in),
            };
            let what = format!("for {}", desk.money(request.amount, currency).await?);
            let done = desk.act(&to, SettlementAction::Request(request)).await?;
            desk.opened(&done, ["Asked", &what])
        }
        RequestCommand::Pay(which) => {
            let (view, by) = desk.view(&which).await?;
            let Terms::Request(request) = view.terms else {
                bail!("contract {} is not a request", which.contract);
            };
            let payment = PayRequest {
                request: which.contract,
                from: by.address.account,
                amount: request.amount,
            };
            let what = format!(
                "{} to {}",
                desk.money(request.amount, request.currency).await?,
                request.payee.address(desk.client.prefix())
            );
            let done = desk.act(&by, SettlementAction::PayRequest(payment)).await?;
            desk.done(&done, ["Paid", &what])
        }
        RequestCommand::Revoke(which) => revoke(&desk, &which, "request").await,
        RequestCommand::Show(which) => show::show(&desk, &which).await,
    }
}

pub async fn split(wallet: &Wallet, args: args::Split) -> anyhow::Result<()> {
    let desk = Desk::new(wallet)?;
    let from = desk.own(args.from.as_deref())?;
    let currency = args.currency;
    let shares = match &args.total {
        None => {
            let mut shares = Vec::new();
            for share in &args.share {
                shares.push(Share {
                    to: desk.party(&share.who)?,
                    amount: desk.amount(&share.what, currency).await?,
                });
            }
            Shares::Amounts(Bounded::new(shares).context("at most 16 payees")?)
        }
        Some(total) => {
            let sum: u32 = args.part.iter().map(|part| u32::from(part.what)).sum();
            ensure!(sum == 10_000, "the parts sum to {sum}, and must sum to 10000");
            let parts = args.part.iter().map(|part| {
                anyhow::Ok(Part {
                    to: desk.party(&part.who)?,
                    basis_points: part.what,
                })
            });
            Shares::BasisPoints {
                amount: desk.amount(total, currency).await?,
                parts: Bounded::new(parts.collect::<anyhow::Result<Vec<_>>>()?).context("at most 16 payees")?,
            }
        }
    };
    let split = Split {
        from: from.address.account,
        currency,
        shares,
    };
    let shares = split.shares();
    let sum: u64 = shares.iter().map(|share| share.amount.0).sum();
    let what = format!(
        "{} to {} payees",
        desk.money(Amount(sum), currency).await?,
        shares.len()
    );
    let key = wallet.open_key(&desk.home, &from.key)?;
    let done = desk
        .carry_out(std::slice::from_ref(&key), SettlementAction::Split(split), args.memo)
        .await?;
    desk.done(&done, ["Paid", &what])
}

/// Whether a transaction had its effect.
fn is_applied(done: &Done) -> bool {
    done.verified.outcome == Outcome::Applied
}
