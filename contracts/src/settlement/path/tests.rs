use std::ops::Range;

use proptest::prelude::*;

use super::*;
use crate::{
    identity::AccountId,
    settlement::{ContractId, Rate},
};

fn code(number: usize) -> Currency {
    Currency::new(&format!("CU{number}")).unwrap()
}

fn offer(id: u8, mantissa: u64, scale: u8, amount: u64, min_fill: u64) -> BookOffer {
    BookOffer {
        id: ContractId([id; 20]),
        maker: AccountId([id; 20]),
        rate: Rate { mantissa, scale },
        amount: Amount(amount),
        min_fill: Amount(min_fill),
    }
}

/// Best first: by the exact rate, then in the order given.
fn sorted(mut offers: Vec<BookOffer>) -> Vec<BookOffer> {
    let value = |offer: &BookOffer| u128::from(offer.rate.mantissa) * 10u128.pow(12 - u32::from(offer.rate.scale));
    offers.sort_by_key(value);
    offers
}

fn book() -> impl Strategy<Value = Vec<BookOffer>> {
    book_of(0..8, 60, 20)
}

/// So many offers of less than so much, each to be filled by less than so much at least.
fn book_of(offers: Range<usize>, amounts: u64, min_fills: u64) -> impl Strategy<Value = Vec<BookOffer>> {
    let one = (1..400u64, 0..3u8, 1..amounts, 0..min_fills);
    prop::collection::vec(one, offers).prop_map(|rows| {
        let offers = (1..).zip(rows);
        sorted(
            offers
                .map(|(id, (mantissa, scale, amount, min))| offer(id, mantissa, scale, amount, min))
                .collect(),
        )
    })
}

/// What so much of an offer costs, by counting up from nothing: the least `paid` with
/// `paid * 10^scale * 10^taken >= taken * mantissa * 10^paid`.
fn cost(offer: &BookOffer, taken: u64, exponents: Exponents) -> u64 {
    let ten = |exponent: u8| 10u128.pow(u32::from(exponent));
    let worth = u128::from(taken) * u128::from(offer.rate.mantissa) * ten(exponents.paid);
    let unit = ten(offer.rate.scale) * ten(exponents.taken);
    (0..).find(|paid| u128::from(*paid) * unit >= worth).unwrap()
}

/// Unit by unit: the largest part of each offer, in order, that the rest pays for.
fn brute_spend(offers: &[BookOffer], paid: u64, exponents: Exponents) -> Option<(u64, Vec<(u64, u64)>)> {
    let (mut left, mut takes, mut last) = (paid, Vec::new(), None);
    for offer in offers {
        if left == 0 {
            break;
        }
        let fits = (0..=offer.amount.0)
            .rev()
            .find(|taken| cost(offer, *taken, exponents) <= left);
        match fits.unwrap_or(0) {
            0 => break,
            taken if taken < offer.min_fill.0 && taken < offer.amount.0 => continue,
            taken => {
                let price = cost(offer, taken, exponents);
                left -= price;
                takes.push((taken, price));
                last = Some(offer);
                // One more could not be paid for.
                if taken < offer.amount.0 {
                    break;
                }
            }
        }
    }
    let last = last?;
    if left > 0 && left >= cost(last, 1, exponents) {
        return None;
    }
    takes.last_mut().unwrap().1 += left;
    Some((takes.iter().map(|take| take.0).sum(), takes))
}

/// Of each offer, in order, the most that is still wanted and that it sells at a time; never of more than may be
/// filled.
fn brute_acquire(offers: &[BookOffer], wanted: u64, exponents: Exponents) -> Result<Vec<(u64, u64)>, HopError> {
    let (mut left, mut takes) = (wanted, Vec::new());
    for offer in offers {
        let sells = |taken: &u64| *taken >= offer.min_fill.0 || *taken == offer.amount.0;
        let most = (1..=offer.amount.0).rev().filter(|taken| *taken <= left).find(sells);
        if let Some(taken) = most.filter(|_| takes.len() < FILLS_MAX) {
            left -= taken;
            takes.push((taken, cost(offer, taken, exponents)));
        }
    }
    if left == 0 { Ok(takes) } else { Err(HopError::TooThin) }
}

fn exponents() -> impl Strategy<Value = Exponents> {
    (0..3u8, 0..3u8).prop_map(|(paid, taken)| Exponents { paid, taken })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn invariant_offers_are_taken_as_by_brute_force(
        offers in book(), amount in 1..3_000u64, exponents in exponents(),
    ) {
        let found = spend(offers.iter().copied(), Amount(amount), exponents).ok();
        let takes = found.map(|takes| takes.iter().map(|take| (take.taken.0, take.paid.0)).collect::<Vec<_>>());
        let expected = brute_spend(&offers, amount, exponents);
        prop_assert_eq!(takes, expected.map(|(_, takes)| takes));
    }

    #[test]
    fn invariant_what_is_wanted_is_acquired_as_by_brute_force(
        offers in prop_oneof![book(), book_of(30..45, 8, 4)], wanted in 1..250u64, exponents in exponents(),
    ) {
        let found = acquire(offers.iter().copied(), Amount(wanted), exponents);
        let takes = found.map(|takes| takes.iter().map(|take| (take.taken.0, take.paid.0)).collect::<Vec<_>>());
        prop_assert_eq!(takes, brute_acquire(&offers, wanted, exponents));
    }

    /// What was paid is paid in full, and each maker gets its rate or better.
    #[test]
    fn invariant_no_maker_gets_less_than_its_rate(
        offers in book(), amount in 1..3_000u64, exponents in exponents(), exactly in any::<bool>(),
    ) {
        let takes = match exactly {
            true => spend(offers.iter().copied(), Amount(amount), exponents),
            false => acquire(offers.iter().copied(), Amount(amount), exponents),
        };
        if let Ok(takes) = takes {
            let (paid, taken) = (paid(&takes).unwrap(), taken(&takes).unwrap());
            prop_assert_eq!(if exactly { paid } else { taken }, Amount(amount));
            for take in takes {
                prop_assert!(take.taken <= take.offer.amount);
                prop_assert!(take.paid.0 >= cost(&take.offer, take.taken.0, exponents));
            }
        }
    }
}

/// Books among eight currencies.
#[derive(Debug, Clone)]
struct World(BTreeMap<(Currency, Currency), Vec<BookOffer>>);

impl Books for World {
    fn offers(&self, sell: Currency, buy: Currency) -> impl Iterator<Item = BookOffer> {
        self.0.get(&(sell, buy)).into_iter().flatten().copied()
    }

    fn exponent(&self, _: Currency) -> Option<u8> {
        Some(2)
    }
}

const CURRENCIES: usize = 8;

fn world() -> impl Strategy<Value = World> {
    let offers = prop::collection::vec((50..200u64, 1_000..200_000u64), 0..4);
    let pairs = prop::collection::vec(offers, CURRENCIES * CURRENCIES);
    pairs.prop_map(|pairs| {
        let books = pairs.into_iter().enumerate().map(|(at, rows)| {
            let (sell, buy) = (at / CURRENCIES, at % CURRENCIES);
            let offers = rows
                .into_iter()
                .map(|(mantissa, amount)| offer(at as u8, mantissa, 2, amount, 0))
                .collect();
            ((code(sell), code(buy)), sorted(offers))
        });
        World(books.filter(|((sell, buy), _)| sell != buy).collect())
    })
}

/// Every path of at most four hops, one after the other.
fn exhaustive(books: &World, from: Currency, to: Currency, amount: PathAmount) -> Option<Amount> {
    let mut best = None;
    let mut paths = vec![vec![from]];
    while let Some(path) = paths.pop() {
        if *path.last().unwrap() == to {
            if let Ok(plan) = plan(books, &path, amount) {
                let value = match amount {
                    PathAmount::SendExact { .. } => plan.delivered,
                    PathAmount::DeliverExact { .. } => Amount(u64::MAX - plan.sent.0),
                };
                best = best.max(Some(value));
            }
            continue;
        }
        if path.len() < PATH_CURRENCIES_MAX {
            let others = (0..CURRENCIES).map(code).filter(|next| !path.contains(next));
            paths.extend(others.map(|next| [&path[..], &[next]].concat()));
        }
    }
    best
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn invariant_the_path_that_is_found_is_within_a_hundredth_of_the_best(
        books in world(), amount in 1_000..150_000u64, delivers in any::<bool>(),
    ) {
        let currencies: Vec<_> = (0..CURRENCIES).map(code).collect();
        let (from, to) = (code(0), code(1));
        let bounds = match delivers {
            true => PathAmount::DeliverExact { deliver: Amount(amount), send_max: Amount(u64::MAX) },
            false => PathAmount::SendExact { send: Amount(amount), deliver_min: Amount(0) },
        };
        let best = exhaustive(&books, from, to, bounds);
        let found = find(&books, &currencies, (from, to), bounds);
        prop_assert_eq!(found.is_some(), best.is_some());
        if let (Some(path), Some(best)) = (found, best) {
            let plan = plan(&books, &path, bounds).unwrap();
            let close = match delivers {
                false => u128::from(plan.delivered.0) * 100 >= u128::from(best.0) * 99,
                true => u128::from(plan.sent.0) * 99 <= u128::from(u64::MAX - best.0) * 100,
            };
            prop_assert!(close, "{path:?}: {plan:?}, and the best is {best:?}");
        }
    }
}

#[test]
fn of_equal_paths_the_shorter_one_is_found() {
    let one = |sell, buy| ((code(sell), code(buy)), vec![offer(1, 1, 0, 1_000, 0)]);
    let books = World(BTreeMap::from([one(1, 0), one(2, 0), one(1, 2), one(3, 0), one(1, 3)]));
    let currencies: Vec<_> = (0..4).map(code).collect();
    let bounds = |send| PathAmount::SendExact {
        send: Amount(send),
        deliver_min: Amount(0),
    };
    let found = |send| find(&books, &currencies, (code(0), code(1)), bounds(send));
    assert_eq!(found(1_000), Some(vec![code(0), code(1)]));
    assert_eq!(found(1_001), None);
    let without = World(BTreeMap::from([one(2, 0), one(1, 2), one(3, 0), one(1, 3)]));
    let found = find(&without, &currencies, (code(0), code(1)), bounds(5));
    assert_eq!(found, Some(vec![code(0), code(2), code(1)]));
}
