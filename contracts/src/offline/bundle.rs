//! A transfer with all that is behind it: so that its payee can check it without asking anyone.
//!
//! Certificates, grants and transfers in a row, nothing between them. Certificates and grants stand on nothing and come
//! first; a transfer comes after the lots that it consumes. Of what stands on equally many others, one above the other,
//! the smaller id comes first. The last is the new transfer, and everything else is behind it: a bundle with anything
//! that is not needed, or that is there twice, is none. So there is one bundle for a transfer with these certificates.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
};

use super::{
    encoding::Malformed,
    ids::{Id16, MessageId, PurseId},
    message::Message,
    messages::{Certificate, Grant, Transfer},
    signed::Signed,
};

/// The most bytes of a bundle. A longer one is refused before anything of it is read.
pub const BUNDLE_BYTES_MAX: usize = 2_048;

/// Why messages are no bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("a bundle of {0} bytes, and at most {BUNDLE_BYTES_MAX} are allowed")]
    TooLong(usize),
    #[error("a bundle has certificates, grants and transfers, and not {0}")]
    Foreign(MessageId),
    #[error("nothing is transferred")]
    NoTransfer,
    #[error("{0} is there twice")]
    Twice(MessageId),
    #[error("not in the order of bundles")]
    NotInOrder,
    #[error("two lots have the name {0}")]
    SameLot(Id16),
    #[error("two certificates of purse {0}")]
    CertifiedTwice(PurseId),
    #[error("no certificate of purse {0}")]
    NotCertified(PurseId),
    #[error("lot {0} is consumed, and neither its grant nor its transfer is there")]
    ParentMissing(Id16),
    #[error("{0} is not behind the new transfer")]
    NotNeeded(MessageId),
    #[error("purse {0} has certificates in these bundles, and none for all that it has signed")]
    NoCommonCertificate(PurseId),
}

/// What a bundle is made of, its order unchecked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    pub certificates: Vec<Signed<Certificate>>,
    pub grants: Vec<Signed<Grant>>,
    pub transfers: Vec<Signed<Transfer>>,
    /// Ids in the order in which the messages were given.
    ids: Vec<MessageId>,
}

impl Parts {
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BundleError> {
        if bytes.len() > BUNDLE_BYTES_MAX {
            return Err(BundleError::TooLong(bytes.len()));
        }
        let mut parts = Self::default();
        for message in Message::read_all(bytes, BUNDLE_BYTES_MAX)? {
            parts.push(message)?;
        }
        Ok(parts)
    }

    fn push(&mut self, message: Message) -> Result<(), BundleError> {
        let id = message.id();
        match message {
            Message::Certificate(signed) => self.certificates.push(signed),
            Message::Grant(signed) => self.grants.push(signed),
            Message::Transfer(signed) => self.transfers.push(signed),
            _ => return Err(BundleError::Foreign(id)),
        }
        self.ids.push(id);
        Ok(())
    }

    /// As [`Parts::push`], but for what is there already.
    fn add(&mut self, message: Message) -> Result<(), BundleError> {
        if self.ids.contains(&message.id()) {
            return Ok(());
        }
        self.push(message)
    }

    pub fn certificate(&self, purse: PurseId) -> Option<&Certificate> {
        find_certificate(&self.certificates, purse)
    }

    fn choose_certificates(&mut self) -> Result<(), BundleError> {
        let mut chosen: Vec<Signed<Certificate>> = Vec::new();
        let paid: HashSet<Id16> = self.transfers.iter().map(|it| it.id().short()).collect();
        let allows_all = |certificate: &Certificate| {
            let signed = self.transfers.iter().filter(|it| it.body.payer == certificate.purse);
            signed.map(|it| &it.body.spend).all(|spend| {
                let respends = spend.lots.iter().any(|part| paid.contains(&part.lot));
                let may_respend = certificate.class.can_receive && certificate.class.can_respend;
                spend.hop <= certificate.hops_max && (may_respend || !respends)
            })
        };
        self.certificates
            .sort_by_cached_key(|it| std::cmp::Reverse((allows_all(&it.body), it.body.serial)));
        for certificate in &self.certificates {
            let purse = certificate.body.purse;
            let signed = self.transfers.iter().filter(|it| it.body.payer == purse);
            let covers = signed
                .map(|it| it.body.spend.epoch)
                .all(|epoch| certificate.body.covers(epoch));
            if covers && find_certificate(&chosen, purse).is_none() {
                chosen.push(certificate.clone());
            }
        }
        let of = |it: &&Signed<Certificate>| find_certificate(&chosen, it.body.purse).is_none();
        if let Some(left) = self.certificates.iter().find(of) {
            return Err(BundleError::NoCommonCertificate(left.body.purse));
        }
        self.certificates = chosen;
        Ok(())
    }

    /// Something is transferred; no message, lot or purse twice, and every payer certified.
    fn check_each_once(&self) -> Result<(), BundleError> {
        if self.transfers.is_empty() {
            return Err(BundleError::NoTransfer);
        }
        if let Some(id) = twice(self.ids.iter().copied()) {
            return Err(BundleError::Twice(id));
        }
        let granted = self.grants.iter().map(|grant| grant.body.load);
        let transferred = self.transfers.iter().map(|transfer| transfer.id().short());
        if let Some(lot) = twice(granted.chain(transferred)) {
            return Err(BundleError::SameLot(lot));
        }
        if let Some(purse) = twice(self.certificates.iter().map(|it| it.body.purse)) {
            return Err(BundleError::CertifiedTwice(purse));
        }
        let mut payers = self.transfers.iter().map(|transfer| transfer.body.payer);
        match payers.find(|payer| self.certificate(*payer).is_none()) {
            Some(payer) => Err(BundleError::NotCertified(payer)),
            None => Ok(()),
        }
    }
}

fn twice<T: Copy + Eq + Hash>(items: impl Iterator<Item = T>) -> Option<T> {
    let mut seen = HashSet::new();
    items.into_iter().find(|item| !seen.insert(*item))
}

/// What is behind one lot of a purse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behind {
    Grant(Signed<Grant>),
    /// Whose transfer is the lot.
    Bundle(Bundle),
}

/// A transfer with all that is behind it, in canonical order. Signatures are not checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    certificates: Vec<Signed<Certificate>>,
    grants: Vec<Signed<Grant>>,
    transfers: Vec<Ranked>,
}

/// A transfer and how many stand above each other up to it, itself included: what its hop has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranked {
    pub transfer: Signed<Transfer>,
    pub rank: u8,
}

impl Bundle {
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BundleError> {
        Self::from_parts(Parts::from_bytes(bytes)?)
    }

    /// Of parts that were read, which must be in order.
    pub fn from_parts(parts: Parts) -> Result<Self, BundleError> {
        let given = parts.ids.clone();
        let bundle = Self::of(parts)?;
        if bundle.in_order().iter().map(|(id, _)| id).ne(&given) {
            return Err(BundleError::NotInOrder);
        }
        Ok(bundle)
    }

    /// For a new transfer, by what is behind its lots. Of several certificates of one purse it takes the one with the
    /// highest serial that was good in every hour in which that purse signed something here; if there is one, of those
    /// whose hops and class allow it, since a certificate that allows less may have followed.
    pub fn for_transfer<'a>(
        transfer: Signed<Transfer>,
        certificate: Signed<Certificate>,
        lots: impl IntoIterator<Item = &'a Behind>,
    ) -> Result<Self, BundleError> {
        let mut parts = Parts::default();
        parts.add(transfer.into())?;
        parts.add(certificate.into())?;
        for lot in lots {
            match lot {
                Behind::Grant(grant) => parts.add(grant.clone().into())?,
                Behind::Bundle(bundle) => bundle.messages().try_for_each(|message| parts.add(message))?,
            }
        }
        parts.choose_certificates()?;
        let bundle = Self::of(parts)?;
        match bundle.to_bytes().len() {
            bytes if bytes > BUNDLE_BYTES_MAX => Err(BundleError::TooLong(bytes)),
            _ => Ok(bundle),
        }
    }

    fn of(mut parts: Parts) -> Result<Self, BundleError> {
        parts.check_each_once()?;
        parts.certificates.sort_by_cached_key(Signed::id);
        parts.grants.sort_by_cached_key(Signed::id);
        let mut transfers = rank(&parts)?;
        // Higher ones last, so that the new transfer is.
        transfers.sort_by_cached_key(|ranked| (ranked.rank, ranked.transfer.id()));
        let bundle = Self {
            certificates: parts.certificates,
            grants: parts.grants,
            transfers,
        };
        bundle.check_needed()?;
        Ok(bundle)
    }

    /// Everything is behind the last transfer, which is behind nothing.
    fn check_needed(&self) -> Result<(), BundleError> {
        let mut needed: HashSet<Id16> = HashSet::from([self.transfer().id().short()]);
        let mut payers = HashSet::new();
        for Ranked { transfer, .. } in self.transfers.iter().rev() {
            let id = transfer.id();
            if !needed.contains(&id.short()) {
                return Err(BundleError::NotNeeded(id));
            }
            payers.insert(transfer.body.payer);
            needed.extend(transfer.body.spend.lots.iter().map(|part| part.lot));
        }
        if let Some(grant) = self.grants.iter().find(|grant| !needed.contains(&grant.body.load)) {
            return Err(BundleError::NotNeeded(grant.id()));
        }
        match self.certificates.iter().find(|it| !payers.contains(&it.body.purse)) {
            Some(certificate) => Err(BundleError::NotNeeded(certificate.id())),
            None => Ok(()),
        }
    }

    /// The new transfer.
    pub fn transfer(&self) -> &Signed<Transfer> {
        &self.transfers.last().expect("a bundle has a transfer").transfer
    }

    /// All transfers, the new one last.
    pub fn transfers(&self) -> &[Ranked] {
        &self.transfers
    }

    pub fn certificates(&self) -> &[Signed<Certificate>] {
        &self.certificates
    }

    pub fn grants(&self) -> &[Signed<Grant>] {
        &self.grants
    }

    /// Of the payer of one of the transfers.
    pub fn certificate(&self, purse: PurseId) -> Option<&Certificate> {
        find_certificate(&self.certificates, purse)
    }

    pub fn grant(&self, lot: Id16) -> Option<&Grant> {
        self.grants
            .iter()
            .map(|grant| &grant.body)
            .find(|grant| grant.load == lot)
    }

    fn in_order(&self) -> Vec<(MessageId, Message)> {
        let certificates = self.certificates.iter().cloned().map(Message::from);
        let grants = self.grants.iter().cloned().map(Message::from);
        let mut messages: Vec<_> = certificates
            .chain(grants)
            .map(|message| (message.id(), message))
            .collect();
        messages.sort_by_key(|(id, _)| *id);
        let transfers = self.transfers.iter().map(|ranked| ranked.transfer.clone());
        messages.extend(transfers.map(|transfer| (transfer.id(), transfer.into())));
        messages
    }

    /// In canonical order.
    pub fn messages(&self) -> impl Iterator<Item = Message> {
        self.in_order().into_iter().map(|(_, message)| message)
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        self.messages().flat_map(|message| message.to_bytes()).collect()
    }
}

fn find_certificate(certificates: &[Signed<Certificate>], purse: PurseId) -> Option<&Certificate> {
    certificates
        .iter()
        .map(|signed| &signed.body)
        .find(|it| it.purse == purse)
}

/// How many transfers stand above each other, up to each. Lots are sought among what has been ranked, as long as
/// that finds any: so what refers to itself, if there were such a thing, ends as a missing parent.
fn rank(parts: &Parts) -> Result<Vec<Ranked>, BundleError> {
    let mut ranks: HashMap<Id16, u8> = parts.grants.iter().map(|grant| (grant.body.load, 0)).collect();
    let mut ranked = Vec::with_capacity(parts.transfers.len());
    let mut waiting: Vec<_> = parts.transfers.iter().collect();
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut found = Vec::new();
        waiting.retain(|transfer| {
            let lots = transfer.body.spend.lots.iter();
            let above = lots
                .map(|part| ranks.get(&part.lot).copied())
                .collect::<Option<Vec<u8>>>();
            let Some(highest) = above.and_then(|ranks| ranks.into_iter().max()) else {
                return true;
            };
            found.push(Ranked {
                transfer: (*transfer).clone(),
                rank: highest + 1,
            });
            false
        });
        if waiting.len() == before {
            return Err(missing_parent(waiting[0], &ranks));
        }
        ranks.extend(found.iter().map(|it| (it.transfer.id().short(), it.rank)));
        ranked.append(&mut found);
    }
    Ok(ranked)
}

fn missing_parent(transfer: &Signed<Transfer>, ranks: &HashMap<Id16, u8>) -> BundleError {
    let mut lots = transfer.body.spend.lots.iter().map(|part| part.lot);
    let missing = lots.find(|lot| !ranks.contains_key(lot));
    BundleError::ParentMissing(missing.expect("a transfer whose lots all have ranks has one"))
}

#[cfg(test)]
mod tests;
