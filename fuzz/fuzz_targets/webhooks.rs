//! What a receiver of webhooks may be sent (lines with id, timestamp and signatures, and the body), secrets as people
//! paste them, and the addresses that customers want webhooks at.

#![no_main]

use std::{net::IpAddr, sync::OnceLock};

use causeway_gateway::webhooks::{
    MessageId, Received, SigningSecret, TOLERANCE_SECONDS, VerifyingSecret, check_addresses,
    delivery::{ATTEMPT_TIMEOUT, HostAndPort, Sender, SenderSettings, URL_BYTES_MAX},
    sign, special_range, verify,
};
use libfuzzer_sys::fuzz_target;

const NOW: u64 = 1_700_000_000;
const SECRETS: [&str; 2] = [
    "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
    "whsk_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
];

fn secrets() -> Vec<SigningSecret> {
    let secret = |text| SigningSecret::parse(text).unwrap_or_else(|fault| panic!("{fault}"));
    SECRETS.map(secret).into()
}

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else {
        return;
    };
    match (kind % 4, std::str::from_utf8(bytes)) {
        (0, _) => webhook(bytes),
        (1, Ok(text)) => secret(text),
        (2, Ok(text)) => url(text),
        (3, _) => address(bytes),
        _ => {}
    }
});

fn webhook(bytes: &[u8]) {
    let mut lines = bytes.splitn(4, |byte| *byte == b'\n');
    let mut header = || std::str::from_utf8(lines.next()?).ok();
    let (id, timestamp, signature) = (header(), header(), header());
    let body = lines.next().unwrap_or_default();
    let secrets = secrets();
    let verifying: Vec<_> = secrets.iter().map(SigningSecret::verifying).collect();
    let received = Received {
        id,
        timestamp,
        signature,
        body,
    };
    if let Ok(found) = verify(&received, &verifying, NOW) {
        assert_eq!(Some(&*found.to_string()), id);
        assert!(timestamp.is_some_and(|seconds| {
            let seconds = seconds.parse::<u64>().expect("it was read");
            seconds.abs_diff(NOW) <= TOLERANCE_SECONDS
        }));
    }
    let Some(Ok(id)) = id.map(str::parse::<MessageId>) else {
        return;
    };
    let headers = sign(&id, NOW, body, &secrets);
    // What else stands before the signatures does not matter, as long as there are few.
    let before = signature.filter(|text| text.len() < 1000 && text.split(' ').count() < 10);
    let signature = [before.unwrap_or("v2,"), &headers.signature].join(" ");
    let ours = Received {
        id: Some(&headers.id),
        timestamp: Some(&headers.timestamp),
        signature: Some(&signature),
        body,
    };
    let changed = [body, b"x"].concat();
    let changed = Received { body: &changed, ..ours };
    for secret in &verifying {
        let secret = std::slice::from_ref(secret);
        assert_eq!(verify(&ours, secret, NOW).as_ref(), Ok(&id));
        assert!(verify(&changed, secret, NOW).is_err(), "another body");
    }
}

fn secret(text: &str) {
    if let Ok(secret) = SigningSecret::parse(text) {
        let shown = secret.to_text();
        let again = SigningSecret::parse(&shown).unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!(again.to_text(), shown, "one form");
        let receivers = secret.verifying().to_text();
        assert!(VerifyingSecret::parse(&receivers).is_ok());
    }
    if let Ok(secret) = VerifyingSecret::parse(text) {
        let shown = secret.to_text();
        let again = VerifyingSecret::parse(&shown).unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!(again.to_text(), shown, "one form");
    }
}

fn url(text: &str) {
    static SENDER: OnceLock<Sender> = OnceLock::new();
    let sender = SENDER.get_or_init(|| {
        Sender::new(SenderSettings {
            timeout: ATTEMPT_TIMEOUT,
            local: vec!["localhost:8080".parse().expect("a host and a port")],
            trust: rustls::RootCertStore::empty(),
        })
    });
    let _ = text.parse::<HostAndPort>();
    if sender.check(text).is_ok() {
        assert!(text.len() <= URL_BYTES_MAX);
        let url = url::Url::parse(text).expect("it was checked");
        let host_and_port = (url.host_str(), url.port_or_known_default());
        let is_local = host_and_port == (Some("localhost"), Some(8080));
        assert!(url.scheme() == "https" || (url.scheme() == "http" && is_local));
        assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none());
    }
}

/// Four or sixteen bytes. The standard library knows most ranges that are not for the public.
fn address(bytes: &[u8]) {
    let address: IpAddr = if let Some(bytes) = bytes.first_chunk::<16>() {
        (*bytes).into()
    } else if let Some(bytes) = bytes.first_chunk::<4>() {
        (*bytes).into()
    } else {
        return;
    };
    assert_eq!(check_addresses(&[address]).is_ok(), special_range(address).is_none());
    if check_addresses(&[address]).is_ok() {
        assert!(!address.is_loopback() && !address.is_unspecified() && !address.is_multicast());
        let private = match address {
            IpAddr::V4(v4) => v4.is_private() || v4.is_link_local() || v4.is_broadcast(),
            IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || v6.to_ipv4_mapped().is_some(),
        };
        assert!(!private);
    }
}
