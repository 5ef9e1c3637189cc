//! What validators say of purses.

use causeway_contracts::{
    keys::SecretKey,
    money::Currency,
    offline::ids::{ListVersion, LoadCounter, PurseId, Seq},
    statement::{Answer, LoadView, PurseCurrencyView, PurseView, RevocationPage, SpentView},
};

use super::{Agreed, Client, ClientError};

impl Client {
    /// What the ledger knows of a currency that purses hold: the keys of its issuer's service, its newest beacon, its
    /// guarantee. `None` if purses may not hold it.
    pub async fn purse_currency(&self, code: Currency) -> Result<Option<PurseCurrencyView>, ClientError> {
        let path = format!("/v1/purses/currencies/{code}");
        let agreed = self
            .agree(|node| self.http.get(self.url(node, &path)), currency_of(code))
            .await?;
        Ok(agreed.answer)
    }

    /// The deltas of a currency's revocation list that follow a version, at most 64, and whether there are more.
    /// `None` if purses may not hold it.
    pub async fn revocations(&self, code: Currency, after: ListVersion) -> Result<Option<RevocationPage>, ClientError> {
        let path = format!("/v1/purses/currencies/{code}/revocations?after={after}");
        let agreed = self
            .agree(|node| self.http.get(self.url(node, &path)), page_of(code, after))
            .await?;
        Ok(agreed.answer)
    }

    /// A purse; `None` if it is not registered, which is told to participants' and services' keys alone. `key` is of
    /// the owner's account, his operator, the currency's issuer, or its service.
    pub async fn purse(&self, id: &PurseId, key: &SecretKey) -> Result<Agreed<Option<PurseView>>, ClientError> {
        let path = format!("/v1/purses/{id}");
        self.agree(|node| self.signed_request(node, &path, key), purse_of(*id))
            .await
    }

    /// A purse's load; `None` if there is none of this counter. `key` as in [`Self::purse`].
    pub async fn load_of(
        &self,
        purse: &PurseId,
        counter: LoadCounter,
        key: &SecretKey,
    ) -> Result<Agreed<Option<LoadView>>, ClientError> {
        let path = format!("/v1/purses/{purse}/loads/{counter}");
        self.agree(|node| self.signed_request(node, &path, key), load_of(*purse, counter))
            .await
    }

    /// What the ledger knows of what a purse signed away under one number: two convict it. `key` as in
    /// [`Self::purse`].
    pub async fn spent(
        &self,
        purse: &PurseId,
        seq: Seq,
        key: &SecretKey,
    ) -> Result<Agreed<Vec<SpentView>>, ClientError> {
        let path = format!("/v1/purses/{purse}/spent/{seq}");
        self.agree(|node| self.signed_request(node, &path, key), spent_of(*purse, seq))
            .await
    }
}

fn currency_of(asked: Currency) -> impl Fn(Answer) -> Option<Option<PurseCurrencyView>> {
    move |answer| match answer {
        Answer::PurseCurrency(view) if view.currency == asked => Some(Some(*view)),
        Answer::NoPurseCurrency(code) if code == asked => Some(None),
        _ => None,
    }
}

fn page_of(asked: Currency, after: ListVersion) -> impl Fn(Answer) -> Option<Option<RevocationPage>> {
    move |answer| match answer {
        Answer::Revocations(page) if (page.currency, page.after) == (asked, after) => Some(Some(page)),
        Answer::NoPurseCurrency(code) if code == asked => Some(None),
        _ => None,
    }
}

fn purse_of(asked: PurseId) -> impl Fn(Answer) -> Option<Option<PurseView>> {
    move |answer| match answer {
        Answer::Purse(view) if view.id == asked => Some(Some(*view)),
        Answer::NoPurse(id) if id == asked => Some(None),
        _ => None,
    }
}

fn load_of(asked: PurseId, counter: LoadCounter) -> impl Fn(Answer) -> Option<Option<LoadView>> {
    move |answer| match answer {
        Answer::PurseLoad(load) if (load.purse, load.counter) == (asked, counter) => Some(load.load),
        Answer::NoPurse(id) if id == asked => Some(None),
        _ => None,
    }
}

fn spent_of(asked: PurseId, seq: Seq) -> impl Fn(Answer) -> Option<Vec<SpentView>> {
    move |answer| match answer {
        Answer::PurseSpent(known) if (known.purse, known.seq) == (asked, seq) => Some(known.spent.into_vec()),
        Answer::NoPurse(id) if id == asked => Some(Vec::new()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use causeway_contracts::{
        codec::Bounded,
        statement::{PurseLoad, PurseSpent},
    };

    use super::*;

    const PURSE: PurseId = PurseId([1; 8]);
    const OTHER: PurseId = PurseId([2; 8]);

    fn code(text: &str) -> Currency {
        Currency::new(text).expect("a code")
    }

    fn page(currency: &str, after: u32) -> Answer {
        Answer::Revocations(RevocationPage {
            currency: code(currency),
            after: ListVersion(after),
            deltas: Bounded::default(),
            has_more: false,
        })
    }

    #[test]
    fn a_page_is_of_the_currency_and_version_that_was_asked_for() {
        let read = page_of(code("EUR"), ListVersion(7));
        assert!(matches!(read(page("EUR", 7)), Some(Some(_))));
        assert_eq!(read(Answer::NoPurseCurrency(code("EUR"))), Some(None));
        for other in [
            page("EUR", 8),
            page("CNY", 7),
            Answer::NoPurseCurrency(code("CNY")),
            Answer::NoCurrency(code("EUR")),
        ] {
            assert_eq!(read(other), None);
        }
    }

    #[test]
    fn a_load_is_of_the_purse_and_counter_that_was_asked_for() {
        let load = |purse, counter| {
            let counter = LoadCounter(counter);
            let load = None;
            Answer::PurseLoad(Box::new(PurseLoad { purse, counter, load }))
        };
        let read = load_of(PURSE, LoadCounter(1));
        assert_eq!(read(load(PURSE, 1)), Some(None));
        assert_eq!(read(Answer::NoPurse(PURSE)), Some(None));
        for other in [load(PURSE, 2), load(OTHER, 1), Answer::NoPurse(OTHER)] {
            assert_eq!(read(other), None);
        }
    }

    #[test]
    fn what_was_spent_is_of_the_purse_and_number_that_was_asked_for() {
        let spent = |purse, seq| {
            let (seq, spent) = (Seq(seq), Bounded::default());
            Answer::PurseSpent(PurseSpent { purse, seq, spent })
        };
        let read = spent_of(PURSE, Seq(1));
        assert_eq!(read(spent(PURSE, 1)), Some(Vec::new()));
        assert_eq!(read(Answer::NoPurse(PURSE)), Some(Vec::new()));
        for other in [spent(PURSE, 2), spent(OTHER, 1), Answer::NoPurse(OTHER)] {
            assert_eq!(read(other), None);
        }
    }
}
