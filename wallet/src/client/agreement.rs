//! What is believed because validators with more than f of the power sign the same: at least one of
//! them is honest.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use causeway_contracts::{
    api::{BlockView, Handovers, KEY_HEADER, ReadRequest, SIGNATURE_HEADER, TIME_HEADER, TransactionView},
    block::{Height, TimeMs},
    codec::Text,
    committee::ValidatorId,
    governance::CurrencyRecord,
    identity::AccountId,
    keys::SecretKey,
    money::Currency,
    proof::{CertifiedHeader, HANDOVERS_MAX, PROOF_BYTES_MAX},
    settlement::{ContractId, ReferenceRate},
    statement::{AccountView, Answer, ContractPage, ContractView, SignedStatement},
    transaction::TxId,
};
use futures::future::join_all;
use reqwest::RequestBuilder;
use serde::de::DeserializeOwned;
use tokio::time::sleep;

use super::{CallError, Client, ClientError, http};
use crate::clock;

const STATEMENT_BYTES_MAX: usize = 256 * 1024;
/// 256 batches and 256 signatures, in hexadecimal.
const BLOCK_BYTES_MAX: usize = 256 * 1024;

/// While blocks go by, honest validators answer of different states; asking again soon meets them at
/// the same one.
const ROUNDS: u32 = 10;
const ROUND_PAUSE: Duration = Duration::from_millis(150);

/// An answer that more than f of the power gave, and the oldest state that it was given of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed<T> {
    pub answer: T,
    pub height: Height,
    pub time_ms: TimeMs,
}

impl Client {
    /// The account; `None` if there is none. `key` is its own, its operator's, or one of an issuer of its
    /// currencies, to whom only the balances in its own currencies are shown.
    pub async fn account(&self, account: &AccountId, key: &SecretKey) -> Result<Option<AccountView>, ClientError> {
        self.account_agreed(account, key).await.map(|agreed| agreed.answer)
    }

    /// As [`Self::account`], with the height it is of.
    pub async fn account_agreed(
        &self,
        account: &AccountId,
        key: &SecretKey,
    ) -> Result<Agreed<Option<AccountView>>, ClientError> {
        let path = format!("/v1/accounts/{}", account.address(self.prefix));
        self.agree(|node| self.signed_request(node, &path, key), account_of(*account))
            .await
    }

    /// As [`Self::account_agreed`], where those who agree speak of one and the same height: it is not one of them
    /// that says alone of which state that is so.
    pub async fn account_at_one_height(
        &self,
        account: &AccountId,
        key: &SecretKey,
    ) -> Result<Agreed<Option<AccountView>>, ClientError> {
        let path = format!("/v1/accounts/{}", account.address(self.prefix));
        self.agree_on(
            Alike::AnswerAndHeight,
            |node| self.signed_request(node, &path, key),
            account_of(*account),
        )
        .await
    }

    /// What the registry says of a currency; `None` if it is not registered.
    pub async fn currency(&self, code: Currency) -> Result<Option<CurrencyRecord>, ClientError> {
        let path = format!("/v1/currencies/{code}");
        let agreed = self
            .agree(
                |node| self.http.get(self.url(node, &path)),
                move |answer| match answer {
                    Answer::Currency(record) if record.code == code => Some(Some(record)),
                    Answer::NoCurrency(asked) if asked == code => Some(None),
                    _ => None,
                },
            )
            .await?;
        Ok(agreed.answer)
    }

    /// A contract; `None` if it is not known, or no longer. `key` is of an account that it concerns, or one that
    /// its conditions name.
    pub async fn contract(&self, id: &ContractId, key: &SecretKey) -> Result<Option<ContractView>, ClientError> {
        let path = format!("/v1/contracts/{id}");
        self.agree(|node| self.signed_request(node, &path, key), contract_of(*id))
            .await
            .map(|agreed| agreed.answer)
    }

    /// As [`Self::contract`], with the height it is of, which all who agree name.
    pub async fn contract_at_one_height(
        &self,
        id: &ContractId,
        key: &SecretKey,
    ) -> Result<Agreed<Option<ContractView>>, ClientError> {
        let path = format!("/v1/contracts/{id}");
        self.agree_on(
            Alike::AnswerAndHeight,
            |node| self.signed_request(node, &path, key),
            contract_of(*id),
        )
        .await
    }

    /// The contracts that concern an account, after this one, at most a hundred; and whether there are more. `key` is
    /// the account's or its operator's.
    pub async fn contracts(
        &self,
        account: &AccountId,
        after: Option<ContractId>,
        key: &SecretKey,
    ) -> Result<ContractPage, ClientError> {
        let mut path = format!("/v1/accounts/{}/contracts", account.address(self.prefix));
        if let Some(after) = after {
            path.push_str(&format!("?after={after}"));
        }
        let asked = *account;
        let agreed = self
            .agree(
                |node| self.signed_request(node, &path, key),
                move |answer| match answer {
                    Answer::Contracts(page) if (page.account, page.after) == (asked, after) => Some(page),
                    _ => None,
                },
            )
            .await?;
        Ok(agreed.answer)
    }

    /// How much of `to` a unit of `from` is worth, by the word of the issuer of `from`.
    pub async fn reference_rate(&self, from: Currency, to: Currency) -> Result<Option<ReferenceRate>, ClientError> {
        let path = format!("/v1/rates/{from}/{to}");
        let agreed = self
            .agree(
                |node| self.http.get(self.url(node, &path)),
                move |answer| match answer {
                    Answer::ReferenceRate { from: f, to: t, rate } if (f, t) == (from, to) => Some(rate),
                    _ => None,
                },
            )
            .await?;
        Ok(agreed.answer)
    }

    pub(super) fn signed_request(&self, node: usize, path: &str, key: &SecretKey) -> RequestBuilder {
        let request = ReadRequest {
            genesis: self.genesis,
            path: Text::new(path).expect("the paths of the API are short"),
            time_ms: clock::now_ms(),
        };
        self.http
            .get(self.url(node, path))
            .header(KEY_HEADER, key.public_key().to_string())
            .header(TIME_HEADER, request.time_ms.0.to_string())
            .header(SIGNATURE_HEADER, request.sign(key).to_string())
    }

    pub(super) async fn agree<T: PartialEq + Clone>(
        &self,
        request: impl Fn(usize) -> RequestBuilder,
        read: impl Fn(Answer) -> Option<T>,
    ) -> Result<Agreed<T>, ClientError> {
        self.agree_on(Alike::Answer, request, read).await
    }

    async fn agree_on<T: PartialEq + Clone>(
        &self,
        alike: Alike,
        request: impl Fn(usize) -> RequestBuilder,
        read: impl Fn(Answer) -> Option<T>,
    ) -> Result<Agreed<T>, ClientError> {
        self.check_trust()?;
        self.follow_validators().await;
        let mut best = 0;
        for round in 0..ROUNDS {
            if round > 0 {
                sleep(ROUND_PAUSE).await;
            }
            let answers = self.ask_all::<SignedStatement>(&request, STATEMENT_BYTES_MAX).await;
            let mut given = Vec::new();
            let mut errors = Vec::new();
            for answer in answers {
                match answer {
                    Ok(statement) => given.extend(self.vouched(statement)),
                    Err(error) => errors.push(error),
                }
            }
            if errors.len() == self.nodes.len() {
                return Err(self.failed_everywhere(errors));
            }
            let groups = group(given, alike, &read);
            for Group { agreed, power, members } in groups {
                if self.trusted().validators.has_honest(power) {
                    return Ok(agreed);
                }
                best = best.max(members.len());
            }
        }
        Err(ClientError::NoAgreement {
            agreeing: best,
            asked: self.nodes.len(),
        })
    }

    /// Follows the latest changes of validators that any node shows and the trusted set has made: one that lags
    /// behind, or hides them, keeps nobody at validators that have left. No harm is done if none shows any: then
    /// the trusted set is asked as it is.
    pub(super) async fn follow_validators(&self) {
        loop {
            let trusted = self.trusted();
            let path = format!("/v1/handovers?from={}", trusted.since.next());
            let shown = self
                .ask_all::<Handovers>(|node| self.http.get(self.url(node, &path)), PROOF_BYTES_MAX)
                .await;
            let mut is_whole = true;
            for Handovers { handovers } in shown.into_iter().flatten() {
                // Another node may show what verifies. What is later stays.
                if let Ok(followed) = trusted.follow(&handovers) {
                    is_whole &= handovers.len() < HANDOVERS_MAX || followed.since == trusted.since;
                    self.trust(followed);
                }
            }
            if is_whole {
                return;
            }
        }
    }

    async fn ask_all<T: DeserializeOwned>(
        &self,
        request: impl Fn(usize) -> RequestBuilder,
        max: usize,
    ) -> Vec<Result<T, CallError>> {
        let calls = (0..self.nodes.len()).map(|node| http::call(request(node), http::REQUEST_TIMEOUT, max));
        join_all(calls).await
    }

    /// The power behind a statement, if its signature is a trusted validator's.
    fn vouched(&self, statement: SignedStatement) -> Option<(SignedStatement, u64)> {
        let power = statement.verify(&self.genesis, &self.trusted().validators).ok()?;
        Some((statement, power))
    }

    fn failed_everywhere(&self, mut errors: Vec<CallError>) -> ClientError {
        let forbidden = |error: &CallError| matches!(error.status().map(|status| status.as_u16()), Some(401 | 403));
        if let Some(at) = errors.iter().position(forbidden) {
            return ClientError::NotAllowed(Box::new(errors.swap_remove(at)));
        }
        let last = Box::new(errors.pop().expect("a client has at least one node"));
        ClientError::Unreachable {
            asked: self.nodes.len(),
            last,
        }
    }

    /// The height of a certified block past `expiry`, if more than f of the power sign, of states at
    /// or past that block, that the transaction has no receipt.
    pub(super) async fn proved_dead(&self, id: &TxId, expiry: TimeMs) -> Option<Height> {
        self.follow_validators().await;
        let path = format!("/v1/transactions/{id}");
        let views = self
            .ask_all::<TransactionView>(|node| self.http.get(self.url(node, &path)), STATEMENT_BYTES_MAX)
            .await;
        // Each validator's latest word, whichever node brought it.
        let mut given: BTreeMap<ValidatorId, (Height, u64)> = BTreeMap::new();
        for (signed, power) in views.into_iter().filter_map(|view| self.vouched(view.ok()?.statement?)) {
            let statement = signed.statement;
            if statement.answer == Answer::NoReceipt(*id) && statement.time_ms >= expiry {
                let latest = given.entry(signed.validator).or_insert((statement.height, power));
                latest.0 = latest.0.max(statement.height);
            }
        }
        let heights: BTreeSet<_> = given.values().map(|(height, _)| *height).collect();
        for height in heights {
            let at_or_past = given.values().filter(|(at, _)| *at >= height);
            let power = at_or_past.map(|(_, power)| power).sum();
            if self.trusted().validators.has_honest(power) && self.certified_past(height, expiry).await {
                return Some(height);
            }
        }
        None
    }

    /// Whether some node shows that this block is final and not before `expiry`.
    async fn certified_past(&self, height: Height, expiry: TimeMs) -> bool {
        let path = format!("/v1/blocks/{height}");
        for node in self.in_order() {
            let request = self.http.get(self.url(node, &path));
            let Ok(view) = http::call::<BlockView>(request, http::REQUEST_TIMEOUT, BLOCK_BYTES_MAX).await else {
                continue;
            };
            let certified = CertifiedHeader {
                header: view.header,
                certificate: view.certificate,
            };
            let shown = certified.header.height == height && certified.header.time_ms >= expiry;
            if shown && self.trusted().check(&certified).is_ok() {
                return true;
            }
        }
        false
    }
}

fn account_of(asked: AccountId) -> impl Fn(Answer) -> Option<Option<AccountView>> {
    move |answer| match answer {
        Answer::Account(view) if view.id == asked => Some(Some(view)),
        Answer::NoAccount(id) if id == asked => Some(None),
        _ => None,
    }
}

fn contract_of(asked: ContractId) -> impl Fn(Answer) -> Option<Option<ContractView>> {
    move |answer| match answer {
        Answer::Contract(view) if view.id == asked => Some(Some(*view)),
        Answer::NoContract(id) if id == asked => Some(None),
        _ => None,
    }
}

/// In what statements must be alike to agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alike {
    Answer,
    AnswerAndHeight,
}

struct Group<T> {
    agreed: Agreed<T>,
    members: BTreeSet<ValidatorId>,
    power: u64,
}

/// Statements by what they answer. In each group a validator counts once, however many nodes bring
/// its word.
fn group<T: PartialEq>(
    given: Vec<(SignedStatement, u64)>,
    alike: Alike,
    read: impl Fn(Answer) -> Option<T>,
) -> Vec<Group<T>> {
    let mut groups: Vec<Group<T>> = Vec::new();
    for (signed, power) in given {
        let (height, time_ms) = (signed.statement.height, signed.statement.time_ms);
        let Some(answer) = read(signed.statement.answer) else {
            continue;
        };
        let is_alike =
            |agreed: &Agreed<T>| agreed.answer == answer && (alike == Alike::Answer || agreed.height == height);
        let at = match groups.iter().position(|group| is_alike(&group.agreed)) {
            Some(at) => at,
            None => {
                groups.push(Group {
                    agreed: Agreed {
                        answer,
                        height,
                        time_ms,
                    },
                    members: BTreeSet::new(),
                    power: 0,
                });
                groups.len() - 1
            }
        };
        let group = &mut groups[at];
        if group.members.insert(signed.validator) {
            group.power += power;
        }
        if height < group.agreed.height {
            (group.agreed.height, group.agreed.time_ms) = (height, time_ms);
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use causeway_contracts::{block::GenesisHash, statement::Statement};

    use super::*;

    const ASKED: AccountId = AccountId([1; 20]);

    fn says_none(validator: u8, height: u64) -> (SignedStatement, u64) {
        let statement = Statement {
            genesis: GenesisHash([0; 32]),
            height: Height(height),
            time_ms: TimeMs(height * 1_000),
            answer: Answer::NoAccount(ASKED),
        };
        (statement.sign(&SecretKey::from_seed(&[validator; 32])), 1)
    }

    fn grouped(alike: Alike) -> Vec<(u64, u64)> {
        let given = vec![says_none(1, 7), says_none(2, 5), says_none(3, 7), says_none(3, 7)];
        let groups = group(given, alike, account_of(ASKED));
        let told = groups.iter().map(|group| (group.agreed.height.0, group.power));
        told.collect()
    }

    #[test]
    fn one_validator_does_not_say_alone_of_which_height_an_answer_is() {
        assert_eq!(grouped(Alike::Answer), [(5, 3)]);
        assert_eq!(grouped(Alike::AnswerAndHeight), [(7, 2), (5, 1)]);
    }
}
