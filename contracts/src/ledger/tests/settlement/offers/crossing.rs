//! What a new offer takes of the opposite book, against one who counts it out.

use std::collections::BTreeSet;

use super::*;
use crate::governance::CurrencyRecord;

const FUNDS: u64 = 1_000_000;

/// Of EUR for USD where it stands in the book, of USD for EUR where it is new.
#[derive(Debug, Clone, Copy)]
struct Row {
    maker: usize,
    rate: Rate,
    amount: u64,
    min_fill: u64,
}

/// What an offer comes in with that was placed before it.
#[derive(Debug, Clone, Copy)]
enum Together {
    Transaction,
    Block,
    Nothing,
}

/// `over / under` minor units of what is bought for one of what is sold.
#[derive(Debug, Clone, Copy)]
struct Price {
    over: u128,
    under: u128,
}

impl Price {
    fn of(rate: Rate, sold_exponent: u8, bought_exponent: u8) -> Self {
        let ten = |exponent: u8| 10u128.pow(u32::from(exponent));
        Self {
            over: u128::from(rate.mantissa) * ten(bought_exponent),
            under: ten(rate.scale) * ten(sold_exponent),
        }
    }

    fn is_paid(self, sold: u64, bought: u64) -> bool {
        u128::from(bought) * self.under >= u128::from(sold) * self.over
    }
}

/// What is taken of each, with what is paid for it, and what is left of the new one.
#[derive(Debug)]
struct Crossing {
    takes: Vec<(u64, u64)>,
    left: u64,
}

/// `None` if it meets one of its own maker's. Of each that it meets, in order, it takes the most that it can pay
/// for, if that is within what both of them want; else nothing.
fn count_out(book: &[Row], new: &Row, [eur, usd]: [u8; 2], frozen: &BTreeSet<usize>) -> Option<Crossing> {
    let wanted = Price::of(new.rate, usd, eur);
    let price = |at: &usize| Price::of(book[*at].rate, eur, usd);
    let mut order: Vec<_> = (0..book.len())
        .filter(|at| !frozen.contains(&book[*at].maker))
        .collect();
    // Of equal ones the first that was placed stays before the other.
    order.sort_by(|a, b| (price(a).over * price(b).under).cmp(&(price(b).over * price(a).under)));
    let mut crossing = Crossing {
        takes: vec![(0, 0); book.len()],
        left: new.amount,
    };
    for at in order {
        let (offer, price, left) = (&book[at], price(&at), crossing.left);
        let meets = wanted.over * price.over <= wanted.under * price.under;
        if left == 0 || !meets {
            break;
        }
        if offer.maker == new.maker {
            return None;
        }
        let most = (1..=offer.amount).rev().find(|taken| price.is_paid(*taken, left));
        let taken = most.filter(|taken| *taken == offer.amount || *taken >= offer.min_fill);
        let least_paid = |taken: u64| (0..=left).find(|paid| price.is_paid(taken, *paid));
        let Some((taken, paid)) = taken.and_then(|taken| Some((taken, least_paid(taken)?))) else {
            continue;
        };
        let is_enough = paid == left || paid >= new.min_fill;
        if is_enough && wanted.is_paid(paid, taken) {
            crossing.takes[at] = (taken, paid);
            crossing.left -= paid;
        }
    }
    Some(crossing)
}

fn market(exponents: [u8; 2]) -> Network {
    let participants = vec![participant("ECB", false), participant("BANK", true)];
    let currencies = [("EUR", exponents[0]), ("USD", exponents[1])].map(|(name, exponent)| CurrencyRecord {
        exponent,
        ..currency(name, "ECB", 100 * FUNDS)
    });
    let funds = [("EUR", FUNDS), ("USD", FUNDS)];
    let accounts = NAMES.map(|name| opening("BANK", policy(name), 0, &funds));
    Network::new(genesis(participants, currencies.to_vec(), vec![], accounts.to_vec()))
}

impl Network {
    fn of_row(&self, row: &Row, pair: (&str, &str)) -> Action {
        settle(SettlementAction::Offer(Offer {
            rate: row.rate,
            min_fill: Amount(row.min_fill),
            ..self.offer(NAMES[row.maker], pair, "1", row.amount)
        }))
    }

    /// Their contracts, in this order.
    fn stand(&mut self, book: &[(Row, Together)]) -> Vec<ContractId> {
        let mut blocks: Vec<Vec<Vec<Row>>> = Vec::new();
        for (row, together) in book {
            match (together, blocks.last_mut()) {
                (Together::Transaction, Some(block)) => block.last_mut().unwrap().push(*row),
                (Together::Block, Some(block)) => block.push(vec![*row]),
                _ => blocks.push(vec![vec![*row]]),
            }
        }
        let mut ids = Vec::new();
        for block in blocks {
            let mut transactions = Vec::new();
            for rows in block {
                let signers: BTreeSet<_> = rows.iter().map(|row| NAMES[row.maker]).collect();
                let actions = rows.iter().map(|row| self.of_row(row, EUR_USD)).collect();
                let tx = self.tx(actions, &Vec::from_iter(signers));
                ids.extend((0..rows.len()).map(|at| ContractId::derive(&tx.id(), at)));
                transactions.push(tx);
            }
            let fates = self.run(transactions);
            assert!(fates.iter().all(|fate| *fate == Ok(Outcome::Applied)), "{fates:?}");
        }
        ids
    }

    /// Available and held, EUR and USD.
    fn purses(&self, who: usize) -> [(i128, u64); 2] {
        let account = self.account("BANK", NAMES[who]);
        ["EUR", "USD"].map(|name| (self.available(account, name), self.held(account, name)))
    }

    /// Whether it still stands in its book, and what is left of it.
    fn standing(&self, id: &ContractId) -> (bool, u64) {
        let contract = self.ledger.contract(id).unwrap();
        assert!(contract.is_open() || self.ended(id) == Ending::Filled);
        (contract.is_open(), self.left(id))
    }
}

/// What everybody then has by this reckoning; before, if nothing was crossed.
fn reckon(book: &[Row], new: &Row, crossing: Option<&Crossing>) -> Vec<[(i128, u64); 2]> {
    let mut purses = vec![[(i128::from(FUNDS), 0), (i128::from(FUNDS), 0)]; NAMES.len()];
    for (at, row) in book.iter().enumerate() {
        let (taken, paid) = crossing.map_or((0, 0), |crossing| crossing.takes[at]);
        let [eur, usd] = &mut purses[row.maker];
        eur.0 -= i128::from(row.amount);
        eur.1 += row.amount - taken;
        usd.0 += i128::from(paid);
        purses[new.maker][0].0 += i128::from(taken);
    }
    if let Some(crossing) = crossing {
        let usd = &mut purses[new.maker][1];
        usd.0 -= i128::from(new.amount);
        usd.1 += crossing.left;
    }
    purses
}

const ANN: usize = 0;

fn rate() -> impl Strategy<Value = Rate> {
    // Around one, and often equal though written otherwise.
    prop_oneof![(60..160u64, Just(2)), (6..16u64, Just(1)), (1..3u64, Just(0))]
        .prop_map(|(mantissa, scale)| Rate { mantissa, scale })
}

fn book() -> impl Strategy<Value = Vec<(Row, Together)>> {
    let maker = prop_oneof![1 => Just(ANN), 20 => 1..NAMES.len()];
    let row = (maker, rate(), 1..200u64, 0..60u64).prop_map(|(maker, rate, amount, min_fill)| Row {
        maker,
        rate,
        amount,
        min_fill,
    });
    let together = prop_oneof![
        Just(Together::Transaction),
        Just(Together::Block),
        Just(Together::Nothing)
    ];
    prop::collection::vec((row, together), 0..9)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn invariant_a_new_offer_takes_what_one_who_counts_it_out_takes(
        book in book(),
        (rate, amount, min_fill) in (rate(), 1..500u64, 0..60u64),
        exponents in [0..3u8, 0..3u8],
        frozen in prop::collection::btree_set(1..NAMES.len(), 0..2),
    ) {
        let mut net = market(exponents);
        let ids = net.stand(&book);
        for who in &frozen {
            net.must(vec![freeze("BANK", net.account("BANK", NAMES[*who]), FreezeScope::Account)], &["BANK"]);
        }
        let book: Vec<_> = book.into_iter().map(|(row, _)| row).collect();
        let new = Row { maker: ANN, rate, amount, min_fill };
        let crossing = count_out(&book, &new, exponents, &frozen);
        let action = net.of_row(&new, USD_EUR);
        let Some(Crossing { takes, left }) = &crossing else {
            net.refused(action, &[NAMES[ANN]], Rejection::OfferCrossesOwn);
            prop_assert_eq!((0..NAMES.len()).map(|who| net.purses(who)).collect::<Vec<_>>(), reckon(&book, &new, None));
            return Ok(());
        };
        let tx = net.tx(vec![action], &[NAMES[ANN]]);
        let id = ContractId::derive(&tx.id(), 0);
        let trades = net.ran(tx);
        let bought: u64 = takes.iter().map(|(taken, _)| taken).sum();
        let expected = (bought > 0).then_some((0, amount - left, bought));
        prop_assert_eq!(trades, Vec::from_iter(expected));
        prop_assert_eq!(net.standing(&id), (*left > 0, *left));
        for ((id, row), (taken, _)) in ids.iter().zip(&book).zip(takes) {
            let rest = row.amount - taken;
            prop_assert_eq!(net.standing(id), (rest > 0, rest), "{:?}", row);
        }
        let has: Vec<_> = (0..NAMES.len()).map(|who| net.purses(who)).collect();
        prop_assert_eq!(has, reckon(&book, &new, crossing.as_ref()));
        prop_assert_eq!(again(&net).snapshot(), net.ledger.snapshot());
    }
}
