//! Who has what on the ledger, before the act and after it.

use causeway_contracts::{
    identity::{AccountId, Address, ParticipantId},
    money::Amount,
};

use super::{
    CURRENCY, Report, Settled,
    town::{INSERTED, People, REFUNDED, SCANNED, SHOWN, TAPPED, Town, UNANSWERED},
};
use crate::{ledger, services::GATEWAYS};

/// In cents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Books(Vec<(&'static str, i128)>);

impl Books {
    pub async fn read(town: &Town<'_>, people: &People) -> anyhow::Result<Self> {
        let mut all = Vec::new();
        for (name, account) in [
            ("Anna", people.anna.account),
            ("Ben", people.ben.account),
            ("Carla", people.carla.account),
            ("David", people.david.account),
        ] {
            all.push((name, town.cardholders(account).await?));
        }
        let merchant: Address = town.shop.merchant.payout_address.parse()?;
        let [issuer, acquirer] = [0, 1].map(|gateway| ParticipantId::new(GATEWAYS[gateway].id));
        let (issuer, acquirer) = (issuer?, acquirer?);
        let own = |bank| AccountId::of_participant(&town.network.genesis.origin(), bank);
        for (name, account, reader) in [
            ("the merchant", merchant.account, acquirer),
            ("its bank", own(acquirer), acquirer),
            ("the issuer", own(issuer), issuer),
        ] {
            let available = ledger::available(town.network, town.client, account, reader, CURRENCY).await?;
            all.push((name, available));
        }
        Ok(Self(all))
    }

    /// All that was paid is the merchant's but for the fees, which its bank has kept; the issuer has what it had.
    pub fn check_since(&self, before: &Self, settled: &Settled, report: &mut Report) {
        let cents = |amount: Amount| i128::from(amount.0);
        let moved = [
            -cents(SCANNED),
            cents(REFUNDED) - cents(SHOWN),
            -cents(TAPPED),
            -cents(INSERTED),
            cents(settled.paid),
            cents(settled.fees),
            0,
        ];
        for (((who, after), (_, before)), moved) in self.0.iter().zip(&before.0).zip(moved) {
            report.check(after - before == moved, || {
                format!("{who} has {after} cents after the act and {before} before it, where {moved} should be between")
            });
        }
        let undone = cents(UNANSWERED);
        let captured = cents(SCANNED) + cents(SHOWN) + cents(TAPPED) + cents(INSERTED) + undone;
        let found = (cents(settled.captured), cents(settled.returned));
        report.check(found == (captured, cents(REFUNDED) + undone), || {
            format!("{captured} cents were paid, and the settlement has captured and returned {found:?}")
        });
    }
}
