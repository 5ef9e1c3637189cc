use super::*;

/// What is said of a URL whose name, if it has one, resolves to `addresses`.
async fn told(url: &str, local: &[&str], addresses: &str) -> String {
    let local: Vec<_> = local.iter().map(|text| (*text).to_owned()).collect();
    let sender = Sender::with_resolver(settings(QUICK, &local), Answers::new([addresses]));
    fault(sender.send(url, &message()).await).to_string()
}

#[actix_rt::test]
async fn urls_are_https_with_a_host_and_nothing_that_is_not_sent() {
    async fn check(url: &str, expected: TargetFault) {
        assert_eq!(told(url, &["hooks.test:8080"], "").await, expected.to_string(), "{url}");
    }
    let long = format!("https://hooks.test/{}", "a".repeat(URL_BYTES_MAX));
    check(&long, TargetFault::TooLong).await;
    for url in [
        "",
        "hooks.test",
        "/hooks",
        "https://",
        "https://[::1",
        "https://a:99999/",
        "mailto:a@hooks.test",
    ] {
        check(url, TargetFault::NotAUrl).await;
    }
    for url in [
        "https://me@hooks.test/",
        "https://:secret@hooks.test/",
        "http://me:secret@hooks.test:8080/",
    ] {
        check(url, TargetFault::UserInfo).await;
    }
    for url in ["https://hooks.test/#", "https://hooks.test/#here"] {
        check(url, TargetFault::Fragment).await;
    }
    for url in [
        "http://hooks.test/",
        "ftp://hooks.test/",
        "ws://hooks.test:8080/",
        "ours://hooks.test:8080/",
    ] {
        check(url, TargetFault::Scheme).await;
    }
}

#[actix_rt::test]
async fn http_is_for_exactly_the_hosts_and_ports_that_are_listed() {
    async fn check(url: &str, local: &str) {
        assert_eq!(
            told(url, &[local], "127.0.0.1").await,
            TargetFault::Scheme.to_string(),
            "{url} {local}"
        );
    }
    check("http://hooks.test:8081/", "hooks.test:8080").await;
    check("http://hooks.test/", "hooks.test:8080").await;
    check("http://a.hooks.test:8080/", "hooks.test:8080").await;
    check("http://hooks.test.:8080/", "hooks.test:8080").await;
    check("http://test:8080/", "hooks.test:8080").await;
    // A name is not the address it resolves to, nor the other way round.
    check("http://127.0.0.1:8080/", "localhost:8080").await;
    check("http://localhost:8080/", "127.0.0.1:8080").await;
    check("http://[::1]:8080/", "127.0.0.1:8080").await;
}

/// Each of these is the same host as is listed, so that only the connection fails: nobody listens.
#[actix_rt::test]
async fn hosts_are_compared_as_urls_have_them() {
    let free = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let check = async |url: String, local: String| {
        let told = told(&url, &[&local], "127.0.0.1").await;
        assert!(
            told.starts_with("no connection to any address of the host"),
            "{url} {local}: {told}"
        );
    };
    check(format!("http://HOOKS.test:{port}/"), format!("hooks.TEST:{port}")).await;
    check(format!("http://127.1:{port}/"), format!("127.0.0.1:{port}")).await;
    check(format!("http://0x7f000001:{port}/"), format!("127.0.0.1:{port}")).await;
    check(format!("https://hooks.test:{port}/"), format!("hooks.test:{port}")).await;
}

#[actix_rt::test]
async fn every_address_of_a_name_is_for_the_public() {
    async fn check(addresses: &str, special: &str) {
        let told = told("https://hooks.test/", &["hooks.test:8443"], addresses).await;
        let expected = format!("{special} is not an address for the public: ");
        assert!(told.starts_with(&expected), "{addresses}: {told}");
    }
    for address in [
        "127.0.0.1",
        "127.8.8.8",
        "::1",
        "10.1.2.3",
        "169.254.169.254",
        "100.64.0.1",
        "192.168.0.1",
        "0.0.0.0",
        "fc00::1",
        "fe80::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
    ] {
        check(address, address).await;
        check(&format!("8.8.8.8 {address} 2606:4700::1111"), address).await;
    }
    assert_eq!(told("https://hooks.test/", &[], "").await, "the name has no address");
}

#[actix_rt::test]
async fn addresses_in_urls_are_judged_without_being_resolved() {
    async fn check(host: &str, special: &str) {
        let sender = Sender::with_resolver(settings(QUICK, &[]), Answers::new([]));
        let told = fault(sender.send(&format!("https://{host}/"), &message()).await).to_string();
        let expected = format!("{special} is not an address for the public: ");
        assert!(told.starts_with(&expected), "{host}: {told}");
    }
    check("127.0.0.1", "127.0.0.1").await;
    check("2130706433", "127.0.0.1").await;
    check("0177.0.0.1", "127.0.0.1").await;
    check("169.254.169.254", "169.254.169.254").await;
    check("[::1]", "::1").await;
    check("[::ffff:10.0.0.1]", "::ffff:10.0.0.1").await;
}

/// Being listed makes loopback good, and nothing else.
#[actix_rt::test]
async fn a_listed_host_is_not_on_other_networks() {
    async fn check(addresses: &str, special: &str) {
        for scheme in ["http", "https"] {
            let told = told(&format!("{scheme}://hooks.test:8080/"), &["hooks.test:8080"], addresses).await;
            let expected = format!("{special} is not an address for the public: ");
            assert!(told.starts_with(&expected), "{addresses}: {told}");
        }
    }
    check("10.0.0.1", "10.0.0.1").await;
    check("127.0.0.1 169.254.169.254", "169.254.169.254").await;
    check("::ffff:127.0.0.1", "::ffff:127.0.0.1").await;
}

#[test]
fn local_hosts_are_a_host_and_a_port() {
    for text in ["localhost:8080", "127.0.0.1:1", "[::1]:65535"] {
        assert!(text.parse::<HostAndPort>().is_ok(), "{text}");
    }
    for text in [
        "",
        "localhost",
        "localhost:",
        ":8080",
        "localhost:65536",
        "localhost:+1",
        "::1:80:",
        "a b:1",
        "http://a:1",
    ] {
        assert_eq!(text.parse::<HostAndPort>(), Err(HostAndPortFault), "{text}");
    }
}

#[actix_rt::test]
async fn a_name_that_cannot_be_resolved_is_no_answer() {
    struct Unknown;
    impl Resolve for Unknown {
        async fn resolve(&self, _: &str) -> io::Result<Vec<std::net::IpAddr>> {
            Err(io::Error::other("no such name"))
        }
    }
    let sender = Sender::with_resolver(settings(ATTEMPT_TIMEOUT, &[]), Unknown);
    let told = fault(sender.send("https://hooks.test/", &message()).await).to_string();
    assert_eq!(told, "the host's name cannot be resolved: no such name");
}

/// By the machine's hosts file.
#[actix_rt::test]
async fn the_system_resolves_names() {
    let addresses = SystemResolver.resolve("localhost").await.unwrap();
    assert!(
        !addresses.is_empty() && addresses.iter().all(std::net::IpAddr::is_loopback),
        "{addresses:?}"
    );
}
