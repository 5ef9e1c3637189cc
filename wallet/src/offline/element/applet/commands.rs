//! Each command: its data read, the purse asked, what it releases written.

use causeway_contracts::{
    codec::{self, Text},
    money::Amount,
    offline::{
        encoding::{Malformed, Reader, Writer},
        field::Field,
        ids::{AccountHash, MessageId, Nonce16, Seq},
        message::Message,
        messages::{Certificate, Grant, PaymentStatus, Request},
        purse::{PurseState, contents, load::Loaded, redeem::Redemption, request::Ask, status::Standing},
        registration::RegistrationTerms,
        signed::Signed,
    },
};
use zeroize::Zeroizing;

use super::{Command, status_of};
use crate::offline::{
    card::{DATA_BYTES_MAX, IsoStatus, StatusWord},
    memory::Memory,
};

type Answer = Result<Vec<u8>, StatusWord>;

/// More than any PIN has.
type Digits = Text<16>;

impl<M: Memory> Command<'_, M> {
    pub fn certificate(&mut self, data: &[u8]) -> Answer {
        none(data).map(|()| self.element.state().certificate().to_bytes())
    }

    pub fn resend(&mut self, data: &[u8]) -> Answer {
        let request = read::<MessageId>(data)?;
        self.run(|state| state.resend(request))
    }

    pub fn accept(&mut self, data: &[u8]) -> Answer {
        Ok(self.run(|state| state.accept(data))?.to_bytes())
    }

    pub fn void(&mut self, data: &[u8]) -> Answer {
        let request = read::<MessageId>(data)?;
        Ok(self.run(|state| state.cancel_request(request))?.to_bytes())
    }

    pub fn request(&mut self, data: &[u8]) -> Answer {
        let mut reader = whole(data)?;
        let ask = (|| {
            let ask = Ask {
                nonce: Nonce16::read(&mut reader)?,
                amount: Amount::read(&mut reader)?,
                memo: Text::read(&mut reader)?,
            };
            reader.end().map(|()| ask)
        })();
        let opened = self.run(|state| state.open_request(ask?))?;
        let mut bytes = opened.request.to_bytes();
        bytes.extend(self.element.state().certificate().to_bytes());
        bytes.extend(opened.voided.iter().flat_map(Signed::to_bytes));
        Ok(bytes)
    }

    pub fn status(&mut self, data: &[u8]) -> Answer {
        let state = self.element.state();
        let mut writer = Writer::default();
        if data.is_empty() {
            state.status().write(&mut writer);
        } else {
            write_standing(state.standing(read(data)?), &mut writer);
        }
        Ok(writer.into_bytes())
    }

    pub fn verify(&mut self, data: &[u8]) -> Answer {
        // What is no text is no PIN, and costs a try as another wrong one does.
        let digits = std::str::from_utf8(data).unwrap_or_default();
        self.element.verify(digits).map(|()| Vec::new()).map_err(status_of)
    }

    pub fn change_pin(&mut self, data: &[u8]) -> Answer {
        let mut reader = whole(data)?;
        let [old, new] = [digits(&mut reader)?, digits(&mut reader)?];
        reader.end().map_err(malformed)?;
        let changed = self.element.change_pin(&old, &new);
        changed.map(|()| Vec::new()).map_err(status_of)
    }

    pub fn pay(&mut self, data: &[u8]) -> Answer {
        let (request, payee) = read_request(data).map_err(malformed)?;
        let consent = self.element.consent_to(request.id(), self.session.interface);
        let bundle = self.run(|state| state.pay(&request, &payee, consent))?;
        if self.element.consented == Some(request.id()) {
            self.element.consented = None;
        }
        Ok(bundle)
    }

    pub fn acknowledge(&mut self, data: &[u8]) -> Answer {
        let status = match one_message(data)? {
            Message::Receipt(receipt) => self.run(|state| state.receipt(&receipt))?,
            Message::Void(void) => self.run(|state| state.void(&void))?,
            _ => return Err(StatusWord::MALFORMED),
        };
        Ok(vec![status as u8])
    }

    /// One commit for each message: those before one that is refused are kept.
    pub fn news(&mut self, data: &[u8]) -> Answer {
        for message in Message::read_all(data, DATA_BYTES_MAX).map_err(malformed)? {
            self.run(|state| state.news(&message))?;
        }
        Ok(self.known())
    }

    /// The hour, and the version of the revocation list.
    fn known(&self) -> Vec<u8> {
        let state = self.element.state();
        let mut writer = Writer::default();
        state.counters().epoch.write(&mut writer);
        state.revoked().version().write(&mut writer);
        writer.into_bytes()
    }

    pub fn ask_for_load(&mut self, data: &[u8]) -> Answer {
        let mut reader = whole(data)?;
        let read = (|| {
            let asked = (Nonce16::read(&mut reader)?, Amount::read(&mut reader)?);
            reader.end().map(|()| asked)
        })();
        let (nonce, amount) = read.map_err(malformed)?;
        Ok(self.run(|state| state.load_request(amount, nonce))?.to_bytes())
    }

    pub fn take_load(&mut self, data: &[u8]) -> Answer {
        let grant = Signed::<Grant>::from_bytes(data).map_err(malformed)?;
        let loaded = self.run(|state| state.accept_grant(&grant))?;
        Ok(vec![u8::from(loaded == Loaded::Lot)])
    }

    pub fn redeem(&mut self, data: &[u8]) -> Answer {
        let account = read::<AccountHash>(data)?;
        let redemption = self.run(|state| state.redeem(account, &[]))?;
        Ok(redemption_bytes(&redemption))
    }

    pub fn redeem_again(&mut self, data: &[u8]) -> Answer {
        let redemption = if data.is_empty() {
            self.run(PurseState::last_redemption)?
        } else {
            let seq = read::<Seq>(data)?;
            self.run(|state| state.redemption(seq))?
        };
        Ok(redemption_bytes(&redemption))
    }

    /// The first piece is of what the purse would upload now; those that follow are of the same upload.
    pub fn upload(&mut self, piece: u8, data: &[u8]) -> Answer {
        none(data)?;
        if piece == 0 {
            self.session.upload = Some(self.element.sync_upload().map_err(status_of)?);
        }
        let upload = self.session.upload.as_ref();
        let upload = upload.ok_or(StatusWord::CONDITIONS_NOT_SATISFIED)?;
        let rest = upload.get(usize::from(piece) * DATA_BYTES_MAX..);
        let rest = rest.ok_or(StatusWord::WRONG_PARAMETERS)?;
        Ok(rest[..rest.len().min(DATA_BYTES_MAX)].to_vec())
    }

    pub fn take_answer(&mut self, data: &[u8]) -> Answer {
        self.element.sync_answer(data).map_err(status_of)?;
        Ok(self.known())
    }

    pub fn begin_rebase(&mut self, data: &[u8]) -> Answer {
        let entropy = Zeroizing::new(data.try_into().map_err(|_| StatusWord::WRONG_LENGTH)?);
        let key = self.run(|state| state.begin_rebase(&entropy))?;
        Ok(key.as_bytes().to_vec())
    }

    pub fn register_successor(&mut self, data: &[u8]) -> Answer {
        let terms: RegistrationTerms = codec::decode(data, DATA_BYTES_MAX).map_err(|_| StatusWord::MALFORMED)?;
        let signature = self.run(|state| state.successor_signature(&terms))?;
        Ok(signature.0.to_vec())
    }

    pub fn load_successor(&mut self, data: &[u8]) -> Answer {
        let mut reader = whole(data)?;
        let read = (|| {
            let nonce = Nonce16::read(&mut reader)?;
            let amount = Amount::read(&mut reader)?;
            let certificate = Signed::<Certificate>::read(&mut reader)?;
            reader.end().map(|()| (nonce, amount, certificate))
        })();
        let (nonce, amount, certificate) = read.map_err(malformed)?;
        let request = self.run(|state| state.successor_load_request(&certificate, amount, nonce))?;
        Ok(request.to_bytes())
    }

    pub fn finish_rebase(&mut self, data: &[u8]) -> Answer {
        let certificate = Signed::<Certificate>::from_bytes(data).map_err(malformed)?;
        self.run(|state| state.finish_rebase(&certificate))?;
        Ok(Vec::new())
    }
}

fn redemption_bytes(redemption: &Redemption) -> Vec<u8> {
    let mut bytes = redemption.redeem.to_bytes();
    bytes.extend(Message::concatenate(&redemption.evidence));
    bytes
}

fn malformed(_: Malformed) -> StatusWord {
    StatusWord::MALFORMED
}

fn none(data: &[u8]) -> Result<(), StatusWord> {
    data.is_empty().then_some(()).ok_or(StatusWord::WRONG_LENGTH)
}

fn whole(data: &[u8]) -> Result<Reader<'_>, StatusWord> {
    Reader::new(data, DATA_BYTES_MAX).map_err(malformed)
}

fn read<T: Field>(data: &[u8]) -> Result<T, StatusWord> {
    let mut reader = whole(data)?;
    let value = T::read(&mut reader).map_err(malformed)?;
    reader.end().map_err(malformed)?;
    Ok(value)
}

fn digits(reader: &mut Reader<'_>) -> Result<Zeroizing<String>, StatusWord> {
    let digits = Digits::read(reader).map_err(malformed)?;
    Ok(Zeroizing::new(digits.to_string()))
}

fn one_message(data: &[u8]) -> Result<Message, StatusWord> {
    let mut messages = Message::read_all(data, DATA_BYTES_MAX).map_err(malformed)?;
    match messages.len() {
        1 => Ok(messages.remove(0)),
        _ => Err(StatusWord::MALFORMED),
    }
}

/// REQ and CERT of its payee, in a row.
pub fn read_request(data: &[u8]) -> Result<(Signed<Request>, Signed<Certificate>), Malformed> {
    let mut reader = Reader::new(data, DATA_BYTES_MAX)?;
    let request = Signed::<Request>::read(&mut reader)?;
    let payee = Signed::<Certificate>::read(&mut reader)?;
    reader.end()?;
    Ok((request, payee))
}

fn write_standing(standing: Standing, writer: &mut Writer) {
    match standing {
        Standing::Unknown => writer.byte(0),
        Standing::Open => writer.byte(1),
        Standing::Answered(contents::Answer::Voided) => writer.byte(2),
        Standing::Answered(contents::Answer::Received(transfer)) => {
            writer.byte(3);
            transfer.write(writer);
        }
        Standing::Paid { transfer, status } => {
            writer.byte(4);
            <PaymentStatus as Field>::write(&status, writer);
            transfer.write(writer);
        }
    }
}
