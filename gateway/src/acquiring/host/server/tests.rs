use causeway_cards::iso8583::{Message, MessageType, Spec};

use super::*;

struct Fixed(Outcome);

impl Authorizer for Fixed {
    async fn decide(&self, _: Request) -> Decision {
        self.0.into()
    }
}

fn message(message_type: MessageType, fields: &[(u8, &str)]) -> Message {
    let mut message = Message::new(message_type);
    for (field, value) in fields {
        message.set(*field, value.as_bytes()).expect("short");
    }
    message
}

async fn ask(stream: &mut TcpStream, spec: &Spec, message: &Message) -> String {
    send(stream, spec, message).await;
    receive(stream, spec).await
}

async fn send(stream: &mut TcpStream, spec: &Spec, message: &Message) {
    let wire = spec.to_bytes(message).expect("listed fields");
    let length = u16::try_from(wire.len()).expect("short").to_be_bytes();
    stream.write_all(&[&length[..], &wire].concat()).await.expect("written");
}

async fn receive(stream: &mut TcpStream, spec: &Spec) -> String {
    let mut answer = vec![0; usize::from(stream.read_u16().await.expect("an answer"))];
    stream.read_exact(&mut answer).await.expect("all of it");
    spec.parse(&answer)
        .expect("a message")
        .text(39)
        .expect("a code")
        .to_owned()
}

/// Declines, when it is told to go on.
struct Slow(Arc<Semaphore>);

impl Authorizer for Slow {
    async fn decide(&self, _: Request) -> Decision {
        self.0.acquire().await.expect("open").forget();
        Outcome::DoNotHonour.into()
    }
}

fn settings() -> Settings {
    Settings {
        limits: Limits {
            undecided_max: 8,
            remembered_max: 8,
        },
        connections_max: 2,
        idle: Duration::from_secs(60),
    }
}

const HEAD: [(u8, &str); 2] = [(7, "1130011500"), (11, "000001")];

fn sign_on() -> Message {
    message(MessageType::NETWORK, &[&HEAD[..], &[(70, "001")]].concat())
}

fn purchase() -> Message {
    let rest = [
        (2, "4123709999000029"),
        (3, "000000"),
        (4, "000000001000"),
        (12, "011500"),
        (13, "1130"),
        (41, "TERM0001"),
        (49, "978"),
    ];
    message(MessageType::FINANCIAL, &[&HEAD[..], &rest].concat())
}

/// A host that was asked to stop while a purchase is under way: its connection, and what lets the purchase go on.
async fn stopping(within: Duration) -> (TcpStream, Arc<Semaphore>, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let gate = Arc::new(Semaphore::new(0));
    let when = async { drop(stopped.await) };
    let dialect = Dialect {
        spec: Spec::a(),
        mac_keys: Vec::new(),
    };
    let host = serve_until(
        listener,
        dialect,
        settings(),
        Arc::new(Slow(gate.clone())),
        Stop { when, within },
    );
    let host = tokio::spawn(host);
    let mut stream = TcpStream::connect(address).await.expect("connected");
    assert_eq!(ask(&mut stream, Spec::a(), &sign_on()).await, "00");
    send(&mut stream, Spec::a(), &purchase()).await;
    // In order on one connection: when it is answered, the purchase is being decided.
    stream.write_all(&[0, 0]).await.expect("written");
    assert_eq!(stream.read_u16().await.expect("alive"), 0);
    stop.send(()).expect("it waits");
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    (stream, gate, host)
}

#[tokio::test]
async fn a_host_that_stops_decides_and_answers_what_is_under_way_and_takes_nothing_more() {
    let (mut stream, gate, host) = stopping(Duration::from_secs(60)).await;
    send(&mut stream, Spec::a(), &sign_on()).await;
    gate.add_permits(1);
    assert_eq!(receive(&mut stream, Spec::a()).await, "05");
    host.await.expect("it ends");
    assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_host_that_stops_waits_no_longer_than_it_may() {
    let (mut stream, _gate, host) = stopping(Duration::from_millis(20)).await;
    host.await.expect("it ends");
    assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn every_outcome_comes_back_over_tcp_in_both_variants_and_a_long_frame_ends_the_line() {
    for spec in [Spec::a(), Spec::b()] {
        for outcome in Outcome::ALL {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("bound");
            let dialect = Dialect {
                spec,
                mac_keys: Vec::new(),
            };
            let host = serve(listener, dialect, settings(), Arc::new(Fixed(*outcome)));
            let host = tokio::spawn(host);
            let mut stream = TcpStream::connect(address).await.expect("connected");
            assert_eq!(ask(&mut stream, spec, &sign_on()).await, "00");
            assert_eq!(ask(&mut stream, spec, &purchase()).await, outcome.code());
            stream.write_all(&[0, 0]).await.expect("written");
            assert_eq!(stream.read_u16().await.expect("alive"), 0);
            stream.write_all(&[0xFF, 0xFF, 0]).await.expect("written");
            assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
            host.abort();
        }
    }
}

/// Sends frames of length zero on a new connection; whether the host answered them all.
async fn stays(stream: &mut TcpStream, frames: u32) -> bool {
    for _ in 0..frames {
        sleep(SHORT / 8).await;
        if stream.write_all(&[0, 0]).await.is_err() || stream.read_u16().await.is_err() {
            return false;
        }
    }
    true
}

const SHORT: Duration = Duration::from_millis(800);

#[tokio::test]
async fn a_connection_with_no_message_that_the_link_takes_is_closed_whatever_keeps_it_alive() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let dialect = Dialect {
        spec: Spec::a(),
        mac_keys: Vec::new(),
    };
    let settings = Settings {
        idle: SHORT,
        ..settings()
    };
    let host = tokio::spawn(serve(listener, dialect, settings, Arc::new(Fixed(Outcome::Approved))));
    let mut stranger = TcpStream::connect(address).await.expect("connected");
    assert!(!stays(&mut stranger, 80).await);
    let mut acquirer = TcpStream::connect(address).await.expect("connected");
    assert_eq!(ask(&mut acquirer, Spec::a(), &sign_on()).await, "00");
    assert!(stays(&mut acquirer, 16).await);
    host.abort();
}
