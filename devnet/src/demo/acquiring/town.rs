//! What happens in the act, one deed after the other.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use causeway_contracts::{
    identity::{AccountId, ParticipantId},
    money::Amount,
};
use causeway_wallet::client::Client;
use nix::sys::signal::Signal;
use tokio::time::timeout;

use super::{
    ANSWER_MS, Acquiring, CURRENCY, Guard, Payment, Report, Unanswered,
    books::Books,
    chip::Chip,
    customers::{Holder, Payer, Phone},
    file,
    leaks::Cards,
    money,
    shop::{ACQUIRER, Order, Shop},
};
use crate::{
    demo::{PATIENCE, path, printed::Printed, reader::CardReader},
    ledger,
    network::Network,
    services::{self, GATEWAYS, Service, Services, api::Api},
};

/// Whose customers pay: it issues their cards.
const ISSUER: Service = Service::Gateway(0);

/// What each customer has to begin with.
pub const GIVEN: Amount = Amount(20_000);

/// What they pay, and what of the second goes back.
pub const SCANNED: Amount = Amount(1_250);
pub const SHOWN: Amount = Amount(2_000);
pub const TAPPED: Amount = Amount(3_490);
pub const INSERTED: Amount = Amount(4_800);
pub const UNANSWERED: Amount = Amount(1_525);
pub const REFUNDED: Amount = Amount(500);

const UNANSWERED_TRIES: usize = 3;

pub struct Town<'a> {
    pub network: &'a Network,
    pub client: &'a Client,
    services: &'a Services,
    /// For wallets, pictures and what is printed.
    pub place: PathBuf,
    pub printed: Printed,
    reader: CardReader,
    /// The issuer's, of its client.
    pub bank: Api,
    pub shop: Shop,
}

/// Customers of the issuer.
pub struct People {
    pub anna: Payer,
    pub ben: Phone,
    pub carla: Phone,
    pub david: Holder,
}

impl People {
    async fn open(town: &Town<'_>, cards: &mut Cards) -> anyhow::Result<Self> {
        Ok(Self {
            anna: Payer::open(town, "Anna").await?,
            ben: Phone::open(town, "Ben", cards).await?,
            carla: Phone::open(town, "Carla", cards).await?,
            david: Holder::open(town, "David", cards).await?,
        })
    }
}

/// An order that somebody is about to pay.
struct Deed {
    order: Order,
    payer: &'static str,
    how: &'static str,
    since: Instant,
}

impl Deed {
    fn begin(order: Order, payer: &'static str, how: &'static str) -> Self {
        Self {
            order,
            payer,
            how,
            since: Instant::now(),
        }
    }
}

impl<'a> Town<'a> {
    pub async fn open(
        network: &'a Network,
        client: &'a Client,
        services: &'a Services,
        place: PathBuf,
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(&place).with_context(|| place.display().to_string())?;
        let printed = Printed::to(&place.join("printed.log"));
        Ok(Self {
            bank: Api::open(&network.folder.service(ISSUER).client()).await?,
            shop: Shop::open(network, &place, printed.clone()).await?,
            reader: CardReader::start(&place).await?,
            network,
            client,
            services,
            place,
            printed,
        })
    }

    pub async fn close(self) -> anyhow::Result<()> {
        self.reader.stop().await
    }

    pub async fn act(&self, found: &mut Acquiring, report: &mut Report) -> anyhow::Result<Guard> {
        let mut cards = Cards::default();
        let people = People::open(self, &mut cards).await?;
        let chip = Chip::personalise(&self.network.folder.service(ISSUER), &people.david.card, &mut cards)?;
        let guard = cards.guard()?;
        self.say(&format!("four customers have {} each", money(GIVEN)))?;
        let before = Books::read(self, &people).await?;

        let mut orders = vec![
            self.scanned(&people.anna, found).await?,
            self.shown(&people.ben, found).await?,
            self.tapped(&people.carla, found).await?,
            self.inserted(&chip, found).await?,
        ];
        self.shop.refund(&orders[1], REFUNDED).await?;
        found.refunded = REFUNDED;
        self.say(&format!("{} of Ben's go back", money(REFUNDED)))?;
        let (order, unanswered) = self.unanswered(&people.ben, report).await?;
        orders.push(order);
        self.say(&unanswered.text())?;
        found.unanswered = Some(unanswered);

        let settled = file::settle(self, &orders, report).await?;
        self.say(&format!("settled: {}", settled.text()))?;
        let after = Books::read(self, &people).await?;
        after.check_since(&before, &settled, report);
        found.settled = Some(settled);
        self.reconcile(report).await?;
        let searched = guard.search(self.network, report)?;
        self.say(&searched.text())?;
        found.searched = Some(searched);
        Ok(guard)
    }

    /// A wallet scans the order's code from its picture, and pays from an account of its own.
    async fn scanned(&self, anna: &Payer, found: &mut Acquiring) -> anyhow::Result<Order> {
        let order = self.shop.order(SCANNED, "demo scanned").await?;
        let picture = self.place.join("order.png");
        let code = self.shop.code(&order).await?;
        fs::write(&picture, code).with_context(|| picture.display().to_string())?;
        let deed = Deed::begin(order, anna.name, "wallet, which scans the order's code");
        anna.wallet.run(&["scan", path(&picture)?, "--pay", anna.name]).await?;
        self.paid(deed, found).await
    }

    /// A phone shows a code, which the merchant scans.
    async fn shown(&self, ben: &Phone, found: &mut Acquiring) -> anyhow::Result<Order> {
        let order = self.shop.order(SHOWN, "demo shown").await?;
        let deed = Deed::begin(order, ben.name, "code, which is scanned");
        let picture = ben.show_code(self).await?;
        let told = self.shop.scan(&picture, &deed.order).await;
        // It has the phone's number in it.
        fs::remove_file(&picture).with_context(|| picture.display().to_string())?;
        told?.must_be("approved")?;
        self.paid(deed, found).await
    }

    /// A phone is held to the merchant's reader.
    async fn tapped(&self, carla: &Phone, found: &mut Acquiring) -> anyhow::Result<Order> {
        let order = self.shop.order(TAPPED, "demo tapped").await?;
        let deed = Deed::begin(order, carla.name, "phone at a reader of PC/SC");
        let phone = carla.wallet.within(&self.reader.enter);
        let held = ["device", "tap", "--reader", &self.reader.vpcd, "--taps", "1"];
        let both = async { tokio::try_join!(phone.run(&held), self.shop.tap(&self.reader, &deed.order)) };
        let both = timeout(PATIENCE, both).await;
        let (_, told) = both.with_context(|| format!("no phone is read after {} s", PATIENCE.as_secs()))??;
        told.must_be("approved")?;
        self.paid(deed, found).await
    }

    /// A card's chip makes a cryptogram, with which the acquirer asks its issuer.
    async fn inserted(&self, chip: &Chip, found: &mut Acquiring) -> anyhow::Result<Order> {
        let order = self.shop.order(INSERTED, "demo inserted").await?;
        let deed = Deed::begin(order, "David", "card with a chip");
        let told = self.shop.card(&chip.pay(INSERTED)?, &deed.order).await?;
        told.must_be("approved")?;
        self.paid(deed, found).await
    }

    async fn paid(&self, deed: Deed, found: &mut Acquiring) -> anyhow::Result<Order> {
        self.shop.becomes(&deed.order, "paid").await?;
        let payment = Payment {
            order: deed.order.id.clone(),
            payer: deed.payer,
            how: deed.how,
            amount: deed.order.amount,
            seconds: deed.since.elapsed().as_secs_f64(),
        };
        self.say(&payment.text())?;
        found.payments.push(payment);
        Ok(deed.order)
    }

    /// Until a payment was made and taken back: a reversal may also come before its payment, which the issuer then declines.
    async fn unanswered(&self, ben: &Phone, report: &mut Report) -> anyhow::Result<(Order, Unanswered)> {
        for _ in 0..UNANSWERED_TRIES {
            if let Some(taken_back) = self.unanswered_once(ben, report).await? {
                return Ok(taken_back);
            }
        }
        bail!("in {UNANSWERED_TRIES} tries no payment was made while the issuer was stopped, and then taken back")
    }

    /// The issuer is stopped while it is asked, so that nobody can know what it does; then it goes on. `None` if nothing was paid.
    async fn unanswered_once(&self, ben: &Phone, report: &mut Report) -> anyhow::Result<Option<(Order, Unanswered)>> {
        let order = self.shop.order(UNANSWERED, "demo unanswered").await?;
        let picture = ben.show_code(self).await?;
        let before = self.cardholders(ben.account).await?;
        let begun = Instant::now();
        self.services.signal(ISSUER, Signal::SIGSTOP)?;
        let told = self.shop.scan(&picture, &order).await;
        let meanwhile = self.cardholders(ben.account).await;
        // Whatever has happened: who is stopped cannot end.
        self.services.signal(ISSUER, Signal::SIGCONT)?;
        let (waited, went_on) = (begun.elapsed(), Instant::now());
        fs::remove_file(&picture).with_context(|| picture.display().to_string())?;
        told?.must_be("unknown")?;
        ensure!(
            waited >= Duration::from_millis(ANSWER_MS),
            "the terminal was told after {waited:?}, before the issuer's time was over"
        );
        let is_reversed = self.shop.is_reversed(&order).await?;
        let unanswered = Unanswered {
            order: order.id.clone(),
            amount: order.amount,
            waited_seconds: waited.as_secs_f64(),
            seconds: went_on.elapsed().as_secs_f64(),
        };
        let after = self.cardholders(ben.account).await?;
        let meanwhile = meanwhile?;
        report.check((meanwhile, after) == (before, before), || {
            format!("Ben had {before} cents, {meanwhile} while the issuer was stopped, and {after} after the reversal")
        });
        Ok(is_reversed.then_some((order, unanswered)))
    }

    /// In cents, what a customer of the issuer has.
    pub async fn cardholders(&self, account: AccountId) -> anyhow::Result<i128> {
        let reader = ParticipantId::new(GATEWAYS[0].id)?;
        ledger::available(self.network, self.client, account, reader, CURRENCY).await
    }

    /// The gateways' own check of their books against the ledger.
    async fn reconcile(&self, report: &mut Report) -> anyhow::Result<()> {
        for gateway in [ISSUER, ACQUIRER] {
            let output = self.services.reconcile(gateway).await?;
            self.printed.keep(&output)?;
            if let Some(differences) = services::differences(gateway, &output) {
                report.fail(differences);
            }
        }
        Ok(())
    }

    fn say(&self, line: &str) -> anyhow::Result<()> {
        self.printed.say(&format!("  {line}"))
    }
}
