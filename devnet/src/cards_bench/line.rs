//! An acquirer's connections: each message is sent when it is due, whether or not those before it are answered.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use causeway_cards::iso8583::{Message, MessageType, Spec};
use causeway_gateway::acquiring::client::session::transmission_time;
use causeway_wallet::clock;
use futures::future::try_join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::{sleep_until, timeout},
};

use super::cards::frame;

/// As many as an issuer's link takes by default.
const CONNECTIONS: usize = 4;

/// After the last message was due.
const PATIENCE: Duration = Duration::from_secs(30);

/// What became of a message.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// Field 39, or `none`.
    pub code: String,
    /// Since it was due.
    pub took: Option<Duration>,
}

/// Field 39.
pub(super) const APPROVED: &str = "00";

impl Answer {
    pub fn is_approved(&self) -> bool {
        self.code == APPROVED
    }
}

/// Sends message `n` at `n / rate` seconds, whose field 11 is `first + n`.
pub(super) async fn offer(
    address: SocketAddr,
    messages: Vec<Vec<u8>>,
    first: usize,
    rate: u64,
) -> anyhow::Result<Vec<Answer>> {
    let count = messages.len();
    let mut lines = Vec::new();
    for number in 0..CONNECTIONS {
        lines.push(open(address, number).await?);
    }
    let mut shares = vec![Vec::new(); CONNECTIONS];
    for (number, message) in messages.into_iter().enumerate() {
        shares[number % CONNECTIONS].push((number, message));
    }
    let start = Instant::now();
    let due = move |number: usize| start + Duration::from_nanos(number as u64 * 1_000_000_000 / rate);
    let all = lines.into_iter().zip(shares).map(|(stream, share)| async move {
        let (reader, writer) = stream.into_split();
        let (numbers, messages): (Vec<_>, Vec<_>) = share.into_iter().unzip();
        let hearing = tokio::spawn(hear(reader, numbers.clone(), first, due));
        let (sent, heard) = futures::join!(send(writer, numbers.into_iter().zip(messages), due), hearing);
        // Held open until all is heard.
        let _writer = sent?;
        heard?
    });
    let mut answers = vec![None; count];
    for (number, answer) in try_join_all(all).await?.into_iter().flatten() {
        answers[number] = Some(answer);
    }
    let none = || Answer {
        code: "none".to_owned(),
        took: None,
    };
    Ok(answers.into_iter().map(|answer| answer.unwrap_or_else(none)).collect())
}

/// Signed on.
async fn open(address: SocketAddr, number: usize) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await.context("the issuer's host")?;
    stream.set_nodelay(true)?;
    let mut sign_on = Message::new(MessageType::NETWORK);
    let (now, trace) = (transmission_time(clock::now_ms().0), format!("{:06}", 900_000 + number));
    for (field, value) in [(7, now.as_str()), (11, &trace), (70, "001")] {
        sign_on.set(field, value.as_bytes())?;
    }
    stream.write_all(&frame(&sign_on)?).await?;
    let answer = read(&mut stream).await?;
    ensure!(answer.text(39) == Some("00"), "the host let nobody sign on");
    Ok(stream)
}

async fn read(stream: &mut (impl AsyncReadExt + Unpin)) -> anyhow::Result<Message> {
    let mut wire = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut wire).await?;
    Spec::a()
        .parse(&wire)
        .map_err(|refusal| anyhow::anyhow!("an answer that is none: {refusal}"))
}

async fn send(
    mut writer: OwnedWriteHalf,
    messages: impl Iterator<Item = (usize, Vec<u8>)>,
    due: impl Fn(usize) -> Instant,
) -> anyhow::Result<OwnedWriteHalf> {
    for (number, message) in messages {
        sleep_until(due(number).into()).await;
        writer.write_all(&message).await?;
    }
    Ok(writer)
}

async fn hear(
    mut reader: OwnedReadHalf,
    numbers: Vec<usize>,
    first: usize,
    due: impl Fn(usize) -> Instant,
) -> anyhow::Result<Vec<(usize, Answer)>> {
    let mut heard = Vec::with_capacity(numbers.len());
    let Some(last) = numbers.last() else { return Ok(heard) };
    let until = due(*last) + PATIENCE;
    while heard.len() < numbers.len() {
        let left = until.saturating_duration_since(Instant::now());
        let Ok(answer) = timeout(left, read(&mut reader)).await else {
            break;
        };
        let (at, answer) = (Instant::now(), answer?);
        let trace: usize = answer.text(11).context("an answer without field 11")?.parse()?;
        let number = trace.checked_sub(first).context("an answer to another message")?;
        heard.push((
            number,
            Answer {
                code: answer.text(39).unwrap_or("none").to_owned(),
                took: Some(at.saturating_duration_since(due(number))),
            },
        ));
    }
    Ok(heard)
}
