//! A purse whose memory was copied, as nobody can who keeps to the rules: both copies pay. Payees are paid, the
//! copy is proved, listed and refused.

use std::{fs, io, path::Path, time::Instant};

use anyhow::Context;
use causeway_contracts::{
    money::Amount,
    offline::ids::{ListVersion, PurseId},
    statement::ProofView,
};
use serde::Serialize;

use super::{
    A, B, Books, C, Paid, Person, Town,
    media::{Medium, Pair},
    person::PURSE,
};
use crate::{demo::report::Report, fleet::Fleet, services::ISSUERS};

/// What A's purse and its copy pay, each of the same money.
const PAID: Amount = Amount(3_000);

/// What the copy tries to pay when it is known.
const TRIED: Amount = Amount(100);

/// The word of a purse for another that is on the revocation list.
const REVOKED: &str = "9E03";

#[derive(Debug, Serialize)]
pub struct Copied {
    pub payments: [Paid; 2],
    /// Of the purse's signatures that the ledger has, the number under which it has two.
    pub proof: Option<u32>,
    /// Of the revocation list that names the purse.
    pub list_version: u32,
    /// From the second redemption until the list names it.
    pub seconds_until_listed: f64,
    /// What the payee's purse, or the copy, says to its next payment.
    pub refusal: String,
    /// What the purse's owner owes.
    pub owed: Amount,
    pub books: Books,
}

pub async fn run(town: &Town<'_>, fleet: &mut Fleet, people: &[Person], report: &mut Report) -> anyhow::Result<Copied> {
    let before = Books::read(town, people).await?;
    let copy = copy(&people[A])?;
    town.stop_network(fleet, &people[A], report).await?;
    let original = Pair {
        payer: &people[A],
        payee: &people[B],
    };
    let copied = Pair {
        payer: &copy,
        payee: &people[C],
    };
    let folder = town.place.join("payment-of-original");
    let first = original.pay(town, PAID, Medium::Pictures, &folder).await?;
    println!("  {}", town.line(&first));
    let folder = town.place.join("payment-of-copy");
    let second = copied.pay(town, PAID, Medium::Card, &folder).await?;
    println!("  {}", town.line(&second));

    fleet.restart_all().await?;
    for who in [B, C] {
        people[who].run(&["redeem", PURSE]).await?;
    }
    let redeemed = Instant::now();
    let purse = people[A].purse;
    let version = town
        .wait("a list with the copied purse", || listed(town, purse))
        .await?;
    let seconds_until_listed = redeemed.elapsed().as_secs_f64();
    let view = town.client.purse(&purse, &operator_key(town)).await?.answer;
    let view = view.context("the ledger knows A's purse")?;
    let proof = view.proofs.iter().find_map(|proof| match proof {
        ProofView::Place(seq) => Some(seq.0),
        _ => None,
    });
    report.check(proof.is_some() && view.is_revoked, || {
        format!("the ledger has {:?} against the copied purse", view.proofs)
    });
    for who in [B, C] {
        people[who].run(&["sync", PURSE]).await?;
    }
    let books = Books::read(town, people).await?;
    books.check(&expected(&before), "after the copy was redeemed", report);
    let owed = Amount(u64::try_from(view.owed.0)?);
    report.check(owed == from_guarantee(&before), || {
        format!(
            "the copied purse owes {owed:?}, and should {:?}",
            from_guarantee(&before)
        )
    });
    println!("  both are paid: {books}");

    let next = Pair {
        payer: &copy,
        payee: &people[B],
    };
    let refusal = next.refused(town, TRIED).await?;
    report.check(refusal.said.contains(REVOKED), || {
        format!("the copy's next payment is refused with {refusal:?}, and not with {REVOKED}")
    });
    println!("  the copy's next payment is refused: {}", refusal.said);
    Ok(Copied {
        payments: [first, second],
        proof,
        list_version: version.0,
        seconds_until_listed,
        refusal: refusal.said,
        owed,
        books,
    })
}

fn operator_key(town: &Town<'_>) -> causeway_contracts::keys::SecretKey {
    town.network.seed.key(ISSUERS[0].operator)
}

/// The version of the revocation list that names a purse, if it does.
async fn listed(town: &Town<'_>, purse: PurseId) -> anyhow::Result<Option<ListVersion>> {
    let page = town.client.revocations(town.currency, ListVersion(0)).await?;
    let deltas = page.iter().flat_map(|page| page.deltas.iter());
    let mut naming = deltas.filter(|delta| delta.body.entries.iter().any(|entry| entry.0 == purse.0));
    Ok(naming.next().map(|delta| delta.body.version))
}

/// What of the second payment was not in A's load any more.
fn from_guarantee(before: &Books) -> Amount {
    Amount(2 * PAID.0 - before.escrow.0)
}

/// Both payees have their money: A's load pays until nothing is left of it, and the guarantee the rest. A's purse has
/// what the original did not pay.
fn expected(before: &Books) -> Books {
    let [a, b, c] = before.accounts;
    let [purse, ..] = before.purses;
    Books {
        accounts: [a, Amount(b.0 + PAID.0), Amount(c.0 + PAID.0)],
        purses: [Amount(purse.0 - PAID.0), Amount::ZERO, Amount::ZERO],
        escrow: Amount::ZERO,
        guarantee: Amount(before.guarantee.0 - from_guarantee(before).0),
    }
}

/// Somebody with the same files.
fn copy(person: &Person) -> anyhow::Result<Person> {
    let from = person.wallet.home();
    let to = from.with_extension("copy");
    copy_folder(from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(Person {
        name: "A's copy",
        wallet: person.wallet.at(to.clone()),
        device: person.device.at(to),
        pin_file: person.pin_file.clone(),
        ..*person
    })
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    for entry in fs::read_dir(from)? {
        let (entry, place) = {
            let entry = entry?;
            let place = to.join(entry.file_name());
            (entry, place)
        };
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &place)?;
        } else {
            fs::copy(entry.path(), &place)?;
        }
    }
    Ok(())
}

impl Copied {
    /// For the table.
    pub fn rows(&self, money: impl Fn(Amount) -> String) -> Vec<(&'static str, String)> {
        let each: Vec<_> = self
            .payments
            .iter()
            .map(|paid| format!("{} to {} by {}", paid.payer, paid.payee, paid.medium))
            .collect();
        vec![
            (
                "a copied purse",
                format!("pays {} twice: {}", money(PAID), each.join(", ")),
            ),
            (
                "",
                format!(
                    "proved, listed after {:.1} s; {} from the guarantee",
                    self.seconds_until_listed,
                    money(self.owed)
                ),
            ),
            ("its next payment", format!("refused: {REVOKED}")),
            ("", self.books.to_string()),
        ]
    }
}
