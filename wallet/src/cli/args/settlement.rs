//! What can be typed of contracts.

use std::{path::PathBuf, str::FromStr};

use anyhow::{Context, ensure};
use causeway_contracts::{
    identity::ParticipantId,
    keys::PublicKey,
    money::Currency,
    settlement::{
        ContractId, MerchantCategory, Rate,
        condition::{Condition, Preimage, PreimageHash},
    },
};
use clap::{Args, Subcommand, ValueEnum};

/// A length of time: a whole number with s, m, h or d after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub u64);

impl FromStr for Span {
    type Err = anyhow::Error;
    fn from_str(text: &str) -> anyhow::Result<Self> {
        let wrong = || format!("'{text}' is not a length of time; write it like 90s, 10m, 2h or 30d");
        let unit = match text.chars().last() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3_600,
            Some('d') => 86_400,
            _ => anyhow::bail!(wrong()),
        };
        let count: u64 = text[..text.len() - 1].parse().with_context(wrong)?;
        let seconds = count.checked_mul(unit).with_context(wrong)?;
        ensure!(seconds > 0, wrong());
        Ok(Self(seconds))
    }
}

/// An amount for someone: `bob=12.50`.
#[derive(Debug, Clone)]
pub struct For<T> {
    pub who: String,
    pub what: T,
}

impl<T: FromStr> FromStr for For<T> {
    type Err = anyhow::Error;
    fn from_str(text: &str) -> anyhow::Result<Self> {
        let wrong = || format!("'{text}' is not NAME=VALUE");
        let (who, what) = text.split_once('=').with_context(wrong)?;
        let what = what.parse().ok().with_context(wrong)?;
        Ok(Self {
            who: who.to_owned(),
            what,
        })
    }
}

/// A condition in JSON, such as `{"after": 1900000000}`.
#[derive(Debug, Clone)]
pub struct ConditionText(pub Condition);

impl FromStr for ConditionText {
    type Err = anyhow::Error;
    fn from_str(text: &str) -> anyhow::Result<Self> {
        let condition: Condition = serde_json::from_str(text).context("the condition, as JSON")?;
        condition.check()?;
        Ok(Self(condition))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Goes {
    /// To the payee
    Release,
    /// Back to the payer
    Refund,
}

#[derive(Debug, Subcommand)]
pub enum ContractCommand {
    /// Show a contract, as enough validators agree on it
    Show(Which),
    /// List the open contracts that concern an account, as enough validators agree on them, the oldest first
    List {
        /// Label or address; may be left out if there is only one
        account: Option<String>,
        /// Those too that ended within the last day
        #[arg(long)]
        ended: bool,
    },
}

#[derive(Debug, Args)]
pub struct Which {
    pub contract: ContractId,
    /// The account that asks, by label or address; may be left out if there is only one
    #[arg(long = "as", value_name = "ACCOUNT")]
    pub by: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum HoldCommand {
    /// Set money aside for a payee, to be posted or voided later
    Open {
        /// Address, contact or account that is to be paid
        to: String,
        /// Such as 12.50
        amount: String,
        currency: Currency,
        #[command(flatten)]
        terms: HoldTerms,
        /// The account that pays, by label or address; may be left out if there is only one
        #[arg(long, value_name = "ACCOUNT")]
        from: Option<String>,
    },
    /// Set money aside in several accounts, to be posted or voided together
    Group {
        /// One of up to 16 payments; each payer is an account of this wallet, or, with --to-file, of any
        #[arg(long, num_args = 4, value_names = ["FROM", "TO", "AMOUNT", "CURRENCY"], required = true)]
        leg: Vec<String>,
        #[command(flatten)]
        terms: HoldTerms,
        #[command(flatten)]
        signing: Signing,
    },
    /// Pay what was set aside, or a part of it
    Post {
        #[command(flatten)]
        which: Which,
        /// Less than all of it; not of a group
        #[arg(long)]
        amount: Option<String>,
        /// What is not paid stays set aside, in place of being returned
        #[arg(long, requires = "amount")]
        keep_rest: bool,
    },
    /// Return what was set aside
    Void(Which),
    /// Show a hold
    Show(Which),
}

const CONDITIONS: &str = r#"Conditions in JSON, at most 4 deep, with at most 16 of the first four kinds:
  {"after":1767225600}       it is this moment or later, in seconds since 1970
  {"before":1767225600}      it is earlier
  {"signed_by":{"keys":["ed25519:..."],"threshold":1}}
                             so many of these keys sign the claim; keys in ascending order
  {"preimage":"9f86..."}     the claim shows a secret with this SHA-256
  {"all":[...]}              all of these
  {"any":[...]}              at least one of these
  {"at_least":{"count":2,"of":[...]}}
Where both are met, the first claim decides."#;

/// For what more than one wallet signs.
#[derive(Debug, Args)]
pub struct Signing {
    /// Write the transaction to a file, in place of sending it: others sign it with `causeway sign`, and then
    /// `causeway send` sends it
    #[arg(long, value_name = "FILE")]
    pub to_file: Option<PathBuf>,
    /// How long it may be sent, by anyone who has it: 90s, 10m; networks allow 10 minutes unless their council says otherwise
    #[arg(long, value_name = "TIME", default_value = "9m", requires = "to_file")]
    pub valid_for: Span,
}

#[derive(Debug, Args)]
pub struct HoldTerms {
    /// When it is returned by itself: 90s, 10m, 2h, 30d
    #[arg(long, value_name = "TIME", default_value = "1d")]
    pub expires_in: Span,
    /// Who may post it, up to four; the payees if absent
    #[arg(long, value_name = "ACCOUNT")]
    pub post_by: Vec<String>,
    /// Who may void it, up to four; the payees if absent
    #[arg(long, value_name = "ACCOUNT")]
    pub void_by: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub enum EscrowCommand {
    /// Set money aside until a condition is met
    ///
    /// Either some of several keys agree (--signer, --threshold), or someone shows a secret before a
    /// time (--hash, --deadline), or conditions of your own in JSON.
    #[command(after_long_help = CONDITIONS)]
    Open {
        /// Address, contact or account that is to be paid
        to: String,
        /// Such as 12.50
        amount: String,
        currency: Currency,
        #[arg(long, value_name = "ACCOUNT")]
        from: Option<String>,
        /// A key that may agree to a release or to a refund: ed25519:...
        #[arg(long, value_name = "KEY", requires = "threshold", conflicts_with_all = ["hash", "release_when"])]
        signer: Vec<PublicKey>,
        /// How many of the keys must agree
        #[arg(long, requires = "signer")]
        threshold: Option<u8>,
        /// Released to whoever shows the secret with this SHA-256
        #[arg(long, value_name = "HEX", requires = "deadline", conflicts_with = "release_when")]
        hash: Option<PreimageHash>,
        /// Until when the secret counts, from now; from then on it is refunded
        #[arg(long, value_name = "TIME", requires = "hash")]
        deadline: Option<Span>,
        /// When it may be released, as `--help` describes it
        #[arg(long, value_name = "JSON", requires = "refund_when")]
        release_when: Option<ConditionText>,
        /// When it may be refunded
        #[arg(long, value_name = "JSON", requires = "release_when")]
        refund_when: Option<ConditionText>,
        /// When it ends by itself
        #[arg(long, value_name = "TIME", default_value = "30d")]
        expires_in: Span,
        /// Where the money goes then
        #[arg(long, value_enum, default_value = "refund")]
        on_expiry: Goes,
    },
    /// Ask for the money, with what the condition needs
    Claim {
        #[command(flatten)]
        which: Which,
        #[arg(long, value_enum, default_value = "release")]
        side: Goes,
        /// A secret
        #[arg(long, value_name = "HEX")]
        preimage: Vec<Preimage>,
        /// A key of this wallet that agrees, besides the account's own
        #[arg(long = "key", value_name = "NAME")]
        keys: Vec<String>,
        #[command(flatten)]
        signing: Signing,
    },
    /// Make a secret and its SHA-256
    Secret,
    /// Show an escrow
    Show(Which),
}

#[derive(Debug, Subcommand)]
pub enum AllowanceCommand {
    /// Let someone spend your money for a purpose
    Grant {
        /// Who may spend it
        holder: String,
        /// Such as 500.00
        budget: String,
        currency: Currency,
        #[arg(long, value_name = "ACCOUNT")]
        from: Option<String>,
        /// To whom it may be spent; several may be given
        #[arg(long, value_name = "ACCOUNT", required_unless_present_any = ["category", "operator"])]
        payee: Vec<String>,
        /// Or to which merchants, by their category: four digits of ISO 18245
        #[arg(long, value_name = "MCC", value_parser = category, conflicts_with = "payee")]
        category: Vec<MerchantCategory>,
        /// Or to whose customers
        #[arg(long, value_name = "ID", conflicts_with_all = ["payee", "category"])]
        operator: Vec<ParticipantId>,
        /// The most that one payment may be
        #[arg(long, value_name = "AMOUNT")]
        max_payment: Option<String>,
        /// When the rest comes back
        #[arg(long, value_name = "TIME", default_value = "30d")]
        expires_in: Span,
    },
    /// Pay out of an allowance that you hold
    Spend {
        #[command(flatten)]
        which: Which,
        to: String,
        amount: String,
    },
    /// Show an allowance
    Show(Which),
}

pub fn category(text: &str) -> Result<MerchantCategory, String> {
    match text.parse() {
        Ok(code) if text.len() == 4 => Ok(MerchantCategory(code)),
        _ => Err("a merchant category has four digits, such as 5411".to_owned()),
    }
}

#[derive(Debug, Subcommand)]
pub enum MandateCommand {
    /// Let someone draw money from your account, until you revoke it
    Grant {
        /// Who may draw it
        payee: String,
        currency: Currency,
        #[arg(long, value_name = "ACCOUNT")]
        from: Option<String>,
        /// The most at a time
        #[arg(long, value_name = "AMOUNT")]
        max_payment: String,
        /// The most in one period
        #[arg(long, value_name = "AMOUNT")]
        max_per_period: String,
        #[arg(long, value_name = "TIME", default_value = "30d")]
        period: Span,
        /// When the first period starts, from now; at once if absent
        #[arg(long, value_name = "TIME")]
        starts_in: Option<Span>,
        /// When it ends by itself, from now
        #[arg(long, value_name = "TIME", default_value = "365d")]
        ends_in: Span,
    },
    /// Draw money by a mandate
    Collect {
        #[command(flatten)]
        which: Which,
        amount: String,
        /// Up to 35 bytes that everyone can read
        #[arg(long, default_value = "")]
        reference: String,
    },
    /// End a mandate, as its payer or its payee
    Revoke(Which),
    /// Show a mandate
    Show(Which),
}

#[derive(Debug, Subcommand)]
pub enum RequestCommand {
    /// Ask for a payment
    Make {
        /// Such as 12.50
        amount: String,
        currency: Currency,
        /// The account that is to be paid, by label or address; may be left out if there is only one
        #[arg(long, value_name = "ACCOUNT")]
        to: Option<String>,
        /// Who alone may pay it
        #[arg(long, value_name = "ACCOUNT")]
        payer: Option<String>,
        /// Up to 140 bytes that everyone can read
        #[arg(long, default_value = "")]
        reference: String,
        #[arg(long, value_name = "TIME", default_value = "7d")]
        expires_in: Span,
    },
    /// Pay what a request asks for
    Pay(Which),
    /// Take a request back
    Revoke(Which),
    /// Show a request
    Show(Which),
}

#[derive(Debug, Args)]
pub struct Split {
    pub currency: Currency,
    /// A payee with what it gets: bob=12.50
    #[arg(long, value_name = "ACCOUNT=AMOUNT", required_unless_present = "total")]
    pub share: Vec<For<String>>,
    /// The whole, to be divided by --part
    #[arg(long, value_name = "AMOUNT", requires = "part", conflicts_with = "share")]
    pub total: Option<String>,
    /// A payee with its part in ten-thousandths; all sum to 10000
    #[arg(long, value_name = "ACCOUNT=PART", requires = "total")]
    pub part: Vec<For<u16>>,
    #[arg(long, value_name = "ACCOUNT")]
    pub from: Option<String>,
    /// Up to 140 bytes that everyone can read
    #[arg(long, default_value = "")]
    pub memo: String,
}

#[derive(Debug, Subcommand)]
pub enum QuoteCommand {
    /// Offer to exchange (for liquidity providers): writes a signed quote to a file
    Make(MakeQuote),
    /// Ask a liquidity provider for a quote, and write it to a file
    Ask(AskQuote),
    /// Show a quote file
    Show { file: PathBuf },
    /// Make a quote useless that may be with someone already
    Withdraw { file: PathBuf },
}

#[derive(Debug, Args)]
pub struct AskQuote {
    /// The provider's address, such as http://127.0.0.1:27500
    pub maker: String,
    /// What is paid
    pub sell: Currency,
    /// What is wanted
    pub buy: Currency,
    /// How much is paid, without the fee; or with --deliver, how much is wanted
    pub amount: String,
    #[arg(long)]
    pub deliver: bool,
    /// The account that will exchange; may be left out if there is only one
    #[arg(long, value_name = "ACCOUNT")]
    pub from: Option<String>,
    /// Where to write the quote
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
pub struct MakeQuote {
    /// What the taker pays
    pub sell: Currency,
    /// What the taker gets
    pub buy: Currency,
    /// Of what is bought, for one of what is sold, such as 36.42
    pub rate: Rate,
    /// The account of the liquidity provider; may be left out if there is only one
    #[arg(long, value_name = "ACCOUNT")]
    pub maker: Option<String>,
    /// Who alone may use it
    #[arg(long, value_name = "ACCOUNT")]
    pub taker: Option<String>,
    /// The least that may be sold
    #[arg(long, value_name = "AMOUNT")]
    pub min: String,
    /// The most that may be sold
    #[arg(long, value_name = "AMOUNT")]
    pub max: String,
    /// Paid by the taker besides, in what is sold
    #[arg(long, value_name = "AMOUNT", default_value = "0")]
    pub fee: String,
    /// At most a day
    #[arg(long, value_name = "TIME", default_value = "60s")]
    pub expires_in: Span,
    /// How long both sides may be held; not at all if absent
    #[arg(long, value_name = "TIME")]
    pub hold_for: Option<Span>,
    /// Where to write the quote
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
pub struct Exchange {
    /// A file that `causeway quote make` or `quote ask` wrote
    pub quote: PathBuf,
    /// How much is sold, such as 1000.00; with --deliver, how much is bought
    pub amount: String,
    /// The amount is what is to be bought
    #[arg(long)]
    pub deliver: bool,
    /// The account that pays and gets, by label or address; may be left out if there is only one
    #[arg(long, value_name = "ACCOUNT")]
    pub from: Option<String>,
    /// Hold both sides for so long, in place of exchanging at once
    #[arg(long, value_name = "TIME", requires = "deliver_to")]
    pub hold_for: Option<Span>,
    /// Who gets what is bought, if it is held, and posts it
    #[arg(long, value_name = "ACCOUNT", requires = "hold_for")]
    pub deliver_to: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum OfferCommand {
    /// Offer to sell one currency for another, to whoever takes it
    ///
    /// It takes at once what others offer the other way at this rate or a better one; the rest stands until it
    /// is taken, revoked or over.
    Place {
        /// What is sold
        sell: Currency,
        /// What is wanted
        buy: Currency,
        /// The least of it for one of what is sold, such as 36.42
        rate: Rate,
        /// How much is sold, such as 1000.00
        amount: String,
        #[arg(long, value_name = "ACCOUNT")]
        from: Option<String>,
        /// Sell no less at a time, unless it is all that is left
        #[arg(long, value_name = "AMOUNT", default_value = "0")]
        min_fill: String,
        #[arg(long, value_name = "TIME", default_value = "1d")]
        expires_in: Span,
    },
    /// Take an offer back
    Revoke(Which),
    /// Show an offer
    Show(Which),
    /// Show the offers that sell one currency for another, by the word of one node
    Book { sell: Currency, buy: Currency },
}

#[derive(Debug, Subcommand)]
pub enum NettingCommand {
    /// Open a netting cycle: who may owe whom, in which currencies, until when
    Open {
        /// Who takes part; 2 to 32
        #[arg(long, value_name = "ACCOUNT", required = true)]
        participant: Vec<String>,
        /// 1 to 8
        #[arg(long, value_name = "CODE", required = true)]
        currency: Vec<Currency>,
        /// When it closes by itself
        #[arg(long, value_name = "TIME", default_value = "1d")]
        closes_in: Span,
        /// Who opens it, and may close it sooner
        #[arg(long, value_name = "ACCOUNT")]
        from: Option<String>,
    },
    /// Set money aside for a cycle: so much you may owe
    Prefund {
        #[command(flatten)]
        which: Which,
        /// Such as 10000.00
        amount: String,
        currency: Currency,
    },
    /// Record that you owe another participant
    Owe {
        #[command(flatten)]
        which: Which,
        /// To whom
        creditor: String,
        amount: String,
        currency: Currency,
    },
    /// Close a cycle that you have opened: everybody pays or gets one amount in each currency
    Close(Which),
    /// Show a cycle, with your positions in it
    Show(Which),
}

#[derive(Debug, Subcommand)]
pub enum PathCommand {
    /// Find the best way through the books, by the word of one node
    Find(FindPath),
    /// Pay in one currency what arrives in another
    ///
    /// The best way is looked up at one node, whose word is not believed: the payment is made only if it keeps
    /// to --bound.
    Pay {
        /// Address, contact or account that is paid
        payee: String,
        #[command(flatten)]
        find: FindPath,
        #[arg(long = "as", value_name = "ACCOUNT")]
        by: Option<String>,
        /// The least that must arrive; with --deliver, the most that may be paid
        #[arg(long, value_name = "AMOUNT")]
        bound: String,
    },
}

#[derive(Debug, Args)]
pub struct FindPath {
    /// What is paid
    pub from: Currency,
    /// What arrives
    pub to: Currency,
    /// How much is paid, such as 1000.00; with --deliver, how much arrives
    pub amount: String,
    /// The amount is what is to arrive
    #[arg(long)]
    pub deliver: bool,
}

#[derive(Debug, Subcommand)]
pub enum RateCommand {
    /// Show how much of one currency a unit of another is worth, by the word of its issuer
    Show { from: Currency, to: Currency },
    /// Make a rate known (for the issuer of the first currency)
    Set {
        from: Currency,
        to: Currency,
        rate: Rate,
        /// The issuer's key
        #[arg(long, value_name = "NAME")]
        key: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_a_unit() {
        let seconds = |text: &str| text.parse::<Span>().map(|span| span.0).ok();
        assert_eq!(seconds("90s"), Some(90));
        assert_eq!(seconds("10m"), Some(600));
        assert_eq!(seconds("2h"), Some(7_200));
        assert_eq!(seconds("30d"), Some(2_592_000));
        for wrong in ["", "s", "90", "0s", "-1d", "1.5h", "9999999999999999999d", "5é"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn conditions_that_nobody_could_meet_are_refused() {
        let read = |text: &str| text.parse::<ConditionText>();
        assert!(read(r#"{"any": [{"after": 5}, {"before": 9}]}"#).is_ok());
        assert!(read(r#"{"any": []}"#).is_err());
        assert!(read(r#"{"after": "soon"}"#).is_err());
    }
}
