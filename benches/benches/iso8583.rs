//! Card messages: what reading and writing a purchase costs on one thread, in both variants.

use std::{hint::black_box, time::Duration};

use causeway_cards::iso8583::{Message, MessageType, Spec};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// A contactless purchase with track 2 and 120 bytes of chip data.
fn purchase() -> Message {
    let mut message = Message::new(MessageType::FINANCIAL);
    let fields: [(u8, &[u8]); 15] = [
        (2, b"4123709999000029"),
        (3, b"000000"),
        (4, b"000000012345"),
        (7, b"1130011500"),
        (11, b"000042"),
        (12, b"011500"),
        (13, b"1130"),
        (14, b"2512"),
        (22, b"071"),
        (32, b"12345"),
        (35, b"4123709999000029=2512201"),
        (41, b"TERM0001"),
        (42, b"MERCHANT0000001"),
        (49, b"978"),
        (55, &[0x9F; 120]),
    ];
    for (field, value) in fields {
        message.set(field, value).expect("short values");
    }
    message
}

fn benches(c: &mut Criterion) {
    let message = purchase();
    for spec in [Spec::a(), Spec::b()] {
        let wire = spec.to_bytes(&message).expect("a purchase");
        let mut group = c.benchmark_group(format!("variant {}", spec.name()));
        group.measurement_time(Duration::from_secs(2));
        group.throughput(Throughput::Elements(1));
        group.bench_function("parse", |b| {
            b.iter(|| spec.parse(black_box(&wire)).expect("a purchase"))
        });
        let mut out = Vec::with_capacity(1024);
        group.bench_function("build", |b| {
            b.iter(|| {
                out.clear();
                spec.build(black_box(&message), &mut out).expect("a purchase");
            });
        });
        group.bench_function("parse and build", |b| {
            b.iter(|| {
                out.clear();
                let read = spec.parse(black_box(&wire)).expect("a purchase");
                spec.build(&read, &mut out).expect("a purchase");
            });
        });
        group.finish();
    }
}

criterion_group!(iso8583, benches);
criterion_main!(iso8583);
