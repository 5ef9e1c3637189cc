//! A purse on a memory that does not fail.

use causeway_contracts::{
    codec::Text,
    money::Amount,
    offline::{
        ids::Serial,
        issuer::IssuerKeys,
        message::Message,
        messages::{Certificate, Request},
        purse::{NewPurse, PurseRefusal, PurseState, Rules, Step, pin::Consent, request::Ask},
        revocation::RevocationList,
        signed::Signed,
    },
};

use super::town::nonce;

pub struct Device {
    /// Of its owner.
    pub name: &'static str,
    pub state: PurseState,
}

impl Device {
    pub fn new(name: &'static str, seed: [u8; 32], certificate: Signed<Certificate>, keys: IssuerKeys) -> Self {
        let new = NewPurse {
            epoch: certificate.body.not_before,
            certificate,
            keys,
            rules: Rules::DEVNET,
            revoked: RevocationList::default(),
        };
        Self {
            name,
            state: PurseState::new(seed, "4711", new).expect("a purse"),
        }
    }

    pub fn run<R>(&mut self, command: impl FnOnce(&PurseState) -> Result<Step<R>, PurseRefusal>) -> R {
        let Step { next, release } = command(&self.state).expect("the purse does it");
        if let Some(next) = next {
            self.state = next;
        }
        release
    }

    pub fn ask(&mut self, amount: u64) -> Signed<Request> {
        let ask = Ask {
            amount: Amount(amount),
            memo: Text::default(),
            nonce: nonce(),
        };
        self.run(|state| state.open_request(ask)).request
    }

    pub fn pay(&mut self, request: &Signed<Request>, payee: &Self) -> Vec<u8> {
        let payee = payee.state.certificate().clone();
        self.run(|state| state.pay(request, &payee, Consent::Pin))
    }

    pub fn serial(&self) -> Serial {
        self.state.certificate().body.serial
    }

    pub fn pending(&self) -> usize {
        self.state.log().iter().filter(|entry| entry.is_pending()).count()
    }

    /// What it uploads, and these.
    pub fn upload(&mut self, more: &[Message]) -> Vec<u8> {
        let upload = self.run(PurseState::sync_upload);
        let mut bytes = upload.upload.to_bytes();
        bytes.extend(Message::concatenate(&upload.messages));
        bytes.extend(Message::concatenate(more));
        bytes
    }

    /// Takes the answer to a sync.
    pub fn hear(&mut self, answer: &[u8]) {
        let messages = Message::read_all(answer, 1 << 16).expect("messages");
        let [Message::SyncAnswer(told), news @ .., Message::Certificate(certificate)] = &messages[..] else {
            panic!("no answer to a sync: {messages:?}");
        };
        self.run(|state| state.sync_answer(told, certificate));
        for message in news {
            match message {
                Message::Beacon(beacon) => drop(self.run(|state| state.beacon(beacon))),
                Message::RevocationDelta(delta) => self.run(|state| state.revocation_delta(delta)),
                other => panic!("no news: {other:?}"),
            }
        }
    }
}
