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
            .agree(
                |node| self.http.get(self.url(node, &path)),
                move |answer| match answer {
                    Answer::PurseCurrency(view) if view.currency == code => Some(Some(*view)),
                    Answer::NoPurseCurrency(asked) if asked == code => Some(None),
                    _ => None,
                },
            )
            .await?;
        Ok(agreed.answer)
    }

    /// The deltas of a currency's revocation list that follow a version, at most 64, and whether there are more.
    /// `None` if purses may not hold it.
    pub async fn revocations(&self, code: Currency, after: ListVersion) -> Result<Option<RevocationPage>, ClientError> {
        let path = format!("/v1/purses/currencies/{code}/revocations?after={after}");
        let agreed = self
            .agree(
                |node| self.http.get(self.url(node, &path)),
                move |answer| match answer {
                    Answer::Revocations(page) if (page.currency, page.after) == (code, after) => Some(Some(page)),
                    Answer::NoPurseCurrency(asked) if asked == code => Some(None),
                    _ => None,
                },
            )
            .await?;
        Ok(agreed.answer)
    }

    /// A purse; `None` if it is not registered, which is told to participants' and services' keys alone. `key` is of
    /// the owner's account, his operator, the currency's issuer, or its service.
    pub async fn purse(&self, id: &PurseId, key: &SecretKey) -> Result<Agreed<Option<PurseView>>, ClientError> {
        let (asked, path) = (*id, format!("/v1/purses/{id}"));
        self.agree(
            |node| self.signed_request(node, &path, key),
            move |answer| match answer {
                Answer::Purse(view) if view.id == asked => Some(Some(*view)),
                Answer::NoPurse(id) if id == asked => Some(None),
                _ => None,
            },
        )
        .await
    }

    /// A purse's load; `None` if there is none of this counter. `key` as in [`Self::purse`].
    pub async fn load_of(
        &self,
        purse: &PurseId,
        counter: LoadCounter,
        key: &SecretKey,
    ) -> Result<Agreed<Option<LoadView>>, ClientError> {
        let (asked, path) = (*purse, format!("/v1/purses/{purse}/loads/{counter}"));
        self.agree(
            |node| self.signed_request(node, &path, key),
            move |answer| match answer {
                Answer::PurseLoad(load) if (load.purse, load.counter) == (asked, counter) => Some(load.load),
                Answer::NoPurse(id) if id == asked => Some(None),
                _ => None,
            },
        )
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
        let (asked, path) = (*purse, format!("/v1/purses/{purse}/spent/{seq}"));
        self.agree(
            |node| self.signed_request(node, &path, key),
            move |answer| match answer {
                Answer::PurseSpent(known) if (known.purse, known.seq) == (asked, seq) => Some(known.spent.into_vec()),
                Answer::NoPurse(id) if id == asked => Some(Vec::new()),
                _ => None,
            },
        )
        .await
    }
}
