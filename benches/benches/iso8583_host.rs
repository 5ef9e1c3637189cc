//! The ISO 8583 host on TCP: echoes (0800, 70 = 301) on 100 connections at once, one under way on each. The clients are in
//! the same process and share its cores.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use causeway_cards::iso8583::{Message, MessageType, Spec};
use causeway_gateway::acquiring::host::{
    Decision, Limits, Outcome, Request,
    line::Dialect,
    server::{Authorizer, Settings, serve},
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    task::JoinSet,
};

const CONNECTIONS: u64 = 100;

/// Echoes need no decision.
struct Nobody;

impl Authorizer for Nobody {
    async fn decide(&self, _: Request) -> Decision {
        Outcome::IssuerUnavailable.into()
    }
}

fn echo(spec: &Spec) -> Vec<u8> {
    let mut message = Message::new(MessageType::NETWORK);
    for (field, value) in [(7, "1130011500"), (11, "000001"), (70, "301")] {
        message.set(field, value.as_bytes()).expect("short values");
    }
    let wire = spec.to_bytes(&message).expect("listed fields");
    let length = u16::try_from(wire.len()).expect("short").to_be_bytes();
    [&length[..], &wire].concat()
}

async fn connect(spec: &'static Spec) -> Vec<TcpStream> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let settings = Settings {
        limits: Limits {
            undecided_max: 1_024,
            remembered_max: 1_024,
        },
        connections_max: CONNECTIONS as usize,
        idle: Duration::from_secs(600),
    };
    let dialect = Dialect {
        spec,
        mac_keys: Vec::new(),
    };
    tokio::spawn(serve(listener, dialect, settings, Arc::new(Nobody)));
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(address).await.expect("connected");
        stream.set_nodelay(true).expect("a socket");
        streams.push(stream);
    }
    streams
}

/// As many echoes as are wanted, on all connections together.
async fn exchange(streams: &mut Vec<TcpStream>, frame: &Arc<Vec<u8>>, wanted: u64) -> Duration {
    let mut tasks = JoinSet::new();
    let begun = Instant::now();
    for (at, mut stream) in streams.drain(..).enumerate() {
        let frame = frame.clone();
        let share = wanted / CONNECTIONS + u64::from((at as u64) < wanted % CONNECTIONS);
        tasks.spawn(async move {
            let mut answer = vec![0; 4_096];
            for _ in 0..share {
                stream.write_all(&frame).await.expect("written");
                let length = usize::from(stream.read_u16().await.expect("an answer"));
                stream.read_exact(&mut answer[..length]).await.expect("all of it");
            }
            stream
        });
    }
    while let Some(stream) = tasks.join_next().await {
        streams.push(stream.expect("no panic"));
    }
    begun.elapsed()
}

fn benches(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    for spec in [Spec::a(), Spec::b()] {
        let mut streams = runtime.block_on(connect(spec));
        let frame = Arc::new(echo(spec));
        let mut group = c.benchmark_group(format!("host, variant {}", spec.name()));
        group.throughput(Throughput::Elements(1));
        group.bench_function("echo on 100 connections", |b| {
            b.iter_custom(|wanted| runtime.block_on(exchange(&mut streams, &frame, wanted)));
        });
        group.finish();
    }
}

criterion_group!(iso8583_host, benches);
criterion_main!(iso8583_host);
