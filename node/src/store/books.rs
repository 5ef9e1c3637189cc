//! Books of offers, as they are on disk.

use std::collections::BTreeMap;

use causeway_contracts::{
    block::Height,
    codec,
    ledger::{StateKey, StateValue},
    money::Currency,
    settlement::{
        Terms,
        offer::{BookKey, BookOffer, LOOKS_MAX},
        path::Books,
    },
};

use super::{
    database::View,
    error::StoreError,
    format::Column,
    open::{read_tip, state_entry},
    reader::{Reader, state},
};

/// Offers that are read for one question, over all books; later books, by their currencies, are left out then.
const OFFERS_MAX: usize = 8_192;

/// The first offers of books, of one block.
#[derive(Debug, Default)]
pub struct StoredBooks {
    height: Height,
    exponents: BTreeMap<Currency, u8>,
    books: BTreeMap<(Currency, Currency), Vec<BookOffer>>,
}

impl StoredBooks {
    pub fn height(&self) -> Height {
        self.height
    }

    /// All that there are, in books or not.
    pub fn currencies(&self) -> Vec<Currency> {
        self.exponents.keys().copied().collect()
    }
}

impl Books for StoredBooks {
    fn offers(&self, sell: Currency, buy: Currency) -> impl Iterator<Item = BookOffer> {
        self.books.get(&(sell, buy)).into_iter().flatten().copied()
    }

    fn exponent(&self, currency: Currency) -> Option<u8> {
        self.exponents.get(&currency).copied()
    }
}

impl Reader {
    /// One book alone.
    pub fn book(&self, sell: Currency, buy: Currency) -> Result<StoredBooks, StoreError> {
        let view = self.database().view();
        let mut books = self.empty(&view)?;
        let (offers, _) = first_offers(&view, BookKey::first(sell, buy))?;
        if let Some((pair, offers)) = offers
            && pair == (sell, buy)
        {
            books.books.insert(pair, offers);
        }
        Ok(books)
    }

    /// All books; of each as many offers as one action looks at.
    pub fn books(&self) -> Result<StoredBooks, StoreError> {
        let view = self.database().view();
        let mut books = self.empty(&view)?;
        let lowest = Currency::LOWEST;
        let mut from = Some(BookKey::first(lowest, lowest));
        let mut count = 0;
        while let Some(key) = from.filter(|_| count < OFFERS_MAX) {
            let (offers, last) = first_offers(&view, key)?;
            if let Some((pair, offers)) = offers {
                count += offers.len();
                books.books.insert(pair, offers);
            }
            // On with the next pair, however many more there are of this.
            from = last.map(|last| BookKey {
                place: [0xff; 29],
                ..last
            });
        }
        Ok(books)
    }

    fn empty(&self, view: &View<'_>) -> Result<StoredBooks, StoreError> {
        let height = read_tip(view)?.height;
        let exponents = self.currencies()?.into_iter().map(|it| (it.code, it.exponent));
        Ok(StoredBooks {
            height,
            exponents: exponents.collect(),
            books: BTreeMap::new(),
        })
    }
}

type Book = ((Currency, Currency), Vec<BookOffer>);

/// The first offers of the first book at or after this place, and the place of the last that was read.
fn first_offers(view: &View<'_>, from: BookKey) -> Result<(Option<Book>, Option<BookKey>), StoreError> {
    let mut found: Option<Book> = None;
    let mut last = None;
    for entry in view.scan(Column::State, &codec::encode(&StateKey::Book(from))) {
        let (StateKey::Book(key), StateValue::Book(id)) = state_entry(view, entry?)? else {
            break;
        };
        let pair = (key.sell, key.buy);
        let (book, offers) = found.get_or_insert_with(|| (pair, Vec::new()));
        if *book != pair || offers.len() == LOOKS_MAX {
            break;
        }
        last = Some(key);
        if let Some(StateValue::Contract(contract)) = state(view, &StateKey::Contract(id))?
            && let Terms::Offer(state) = &contract.terms
        {
            offers.push(BookOffer::new(id, &state.offer));
        }
    }
    Ok((found, last))
}
