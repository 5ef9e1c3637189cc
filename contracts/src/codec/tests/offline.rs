//! One of each action about purses, whose bytes are in `golden.txt`.

use crate::{
    example::{currency, key, list, participant_id},
    identity::AccountId,
    money::Amount,
    offline::{
        action::{OfflineAction, Revoker, Testimony},
        example::{
            beacon, certified, delta, granted, issuer_id, issuer_secret, load_request, purse, purse_secret, receipt,
            redeem, request, signed, transfer_of, void,
        },
        issuer::KeyRole,
    },
    transaction::Action,
};

pub fn actions() -> Vec<(&'static str, Action)> {
    let (cny, bank, account) = (currency("CNY"), participant_id("BANKA"), AccountId([1; 20]));
    let revoke = |by| OfflineAction::RevokePurse { by, purse: purse(1) };
    let beacon_key = issuer_secret(KeyRole::Beacon);
    let rows = [
        (
            "open_currency",
            OfflineAction::OpenCurrency {
                currency: cny,
                fund: account,
            },
        ),
        (
            "set_service_key",
            OfflineAction::SetServiceKey {
                currency: cny,
                key: key(7),
                role: KeyRole::Beacon,
            },
        ),
        (
            "withdraw_service_key",
            OfflineAction::WithdrawServiceKey {
                currency: cny,
                key: issuer_id(KeyRole::Grant),
            },
        ),
        (
            "register_purse",
            OfflineAction::RegisterPurse {
                operator: bank,
                owner: account,
                certificate: certified(1),
            },
        ),
        ("revoke_purse.owner", revoke(Revoker::Owner(account))),
        ("revoke_purse.operator", revoke(Revoker::Operator(bank))),
        ("revoke_purse.issuer", revoke(Revoker::Issuer(cny))),
        (
            "load",
            OfflineAction::Load {
                account,
                request: signed(load_request(), &purse_secret(1)),
            },
        ),
        (
            "grant",
            OfflineAction::Grant {
                by: account,
                grant: granted(1),
            },
        ),
        (
            "beacon",
            OfflineAction::Beacon {
                by: account,
                beacon: signed(beacon(), &beacon_key),
            },
        ),
        (
            "add_revocations",
            OfflineAction::AddRevocations {
                by: account,
                delta: signed(delta(2), &beacon_key),
            },
        ),
        (
            "testify",
            OfflineAction::Testify {
                by: account,
                messages: list(vec![
                    Testimony::Transfer(transfer_of(&[1_250])),
                    Testimony::Request(signed(request(2), &purse_secret(2))),
                    Testimony::Receipt(signed(receipt(), &purse_secret(2))),
                    Testimony::Void(signed(void(), &purse_secret(2))),
                    Testimony::Grant(granted(1)),
                ]),
            },
        ),
        (
            "redeem",
            OfflineAction::Redeem {
                account,
                redeem: signed(redeem(), &purse_secret(1)),
            },
        ),
        (
            "fund_guarantee",
            OfflineAction::FundGuarantee {
                fund: account,
                currency: cny,
                amount: Amount(300),
            },
        ),
        (
            "withdraw_guarantee",
            OfflineAction::WithdrawGuarantee {
                currency: cny,
                amount: Amount(300),
            },
        ),
        (
            "release_claim",
            OfflineAction::ReleaseClaim {
                currency: cny,
                number: 300,
            },
        ),
    ];
    let boxed = rows.map(|(name, action)| (name, Action::Offline(Box::new(action))));
    boxed.to_vec()
}
