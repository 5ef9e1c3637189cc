//! An acquirer's connection to its issuer's host, and the messages of one terminal.

use std::net::SocketAddr;

use causeway_cards::{
    emv::kernel::Outcome as Tap,
    iso8583::{Message, MessageType, Spec},
};
use causeway_gateway::acquiring::host::elements_of;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub struct Line(TcpStream);

impl Line {
    /// Signed on.
    pub async fn open(address: SocketAddr) -> Self {
        let mut line = Self(TcpStream::connect(address).await.unwrap());
        let sign_on = message(MessageType::NETWORK, &[(7, "1130011500"), (11, "900001"), (70, "001")]);
        assert_eq!(line.ask(&sign_on).await.text(39), Some("00"));
        line
    }

    pub async fn send(&mut self, message: &Message) {
        let wire = Spec::a().to_bytes(message).unwrap();
        let length = u16::try_from(wire.len()).unwrap().to_be_bytes();
        self.0.write_all(&[&length[..], &wire].concat()).await.unwrap();
    }

    pub async fn ask(&mut self, message: &Message) -> Message {
        self.send(message).await;
        let mut answer = vec![0; usize::from(self.0.read_u16().await.unwrap())];
        self.0.read_exact(&mut answer).await.unwrap();
        Spec::a().parse(&answer).unwrap()
    }

    /// Field 39 of the answer.
    pub async fn code(&mut self, message: &Message) -> String {
        self.ask(message).await.text(39).unwrap().to_owned()
    }
}

fn message(message_type: MessageType, fields: &[(u8, &str)]) -> Message {
    let mut message = Message::new(message_type);
    for (field, value) in fields {
        message.set(*field, value.as_bytes()).unwrap();
    }
    message
}

/// Numbers each message anew.
#[derive(Default)]
pub struct Till {
    last: u32,
}

impl Till {
    /// A sale's fields, of an amount in euro cents.
    fn numbered(&mut self, message_type: MessageType, amount: u64) -> Message {
        self.last += 1;
        let (trace, reference) = (format!("{:06}", self.last), format!("{:012}", self.last));
        let amount = format!("{amount:012}");
        let fields = [
            (3, "000000"),
            (4, &amount),
            (7, "1130011500"),
            (11, &trace),
            (12, "011500"),
            (13, "1130"),
            (18, "5812"),
            (37, &reference),
            (41, "TERM0001"),
            (49, "978"),
        ];
        message(message_type, &fields)
    }

    pub fn tapped(&mut self, message_type: MessageType, amount: u64, tap: &Tap) -> Message {
        let mut asked = self.numbered(message_type, amount);
        asked.set(22, b"071").unwrap();
        asked.set(35, tap.track_2.as_bytes()).unwrap();
        asked.set(55, &tap.de55).unwrap();
        asked
    }

    /// Of a part of what `of` has authorised.
    pub fn completion(&mut self, of: &Message, amount: u64) -> Message {
        self.about(MessageType::FINANCIAL_ADVICE, of, amount)
    }

    pub fn reversal(&mut self, of: &Message) -> Message {
        let mut asked = self.about(MessageType::REVERSAL_ADVICE, of, 0);
        for field in [3, 4, 18, 37, 49] {
            asked.remove(field);
        }
        asked
    }

    pub fn refund(&mut self, of: &Message, amount: u64) -> Message {
        let mut asked = self.about(MessageType::FINANCIAL, of, amount);
        asked.set(3, b"200000").unwrap();
        asked.set(22, of.get(22).unwrap()).unwrap();
        asked.set(35, of.get(35).unwrap()).unwrap();
        asked
    }

    fn about(&mut self, message_type: MessageType, of: &Message, amount: u64) -> Message {
        let mut asked = self.numbered(message_type, amount);
        asked.set(90, elements_of(of).to_field().as_bytes()).unwrap();
        asked
    }
}
