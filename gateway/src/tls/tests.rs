use std::{fs, net::SocketAddr};

use actix_web::{App, HttpServer, web};
use rustls::{ClientConfig, pki_types::ServerName};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    certificates::{Issued, authority},
    *,
};

/// Files of a server, each as the test writes it.
struct Folder(TempDir);

impl Folder {
    fn new(chain: &str, key: &str, authorities: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in [("chain.pem", chain), ("key.pem", key), ("authorities.pem", authorities)] {
            fs::write(folder.path().join(name), content).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn config(&self, mutual: bool) -> Result<ServerConfig, TlsFault> {
        let authorities = self.path("authorities.pem");
        server_config(&Files {
            chain: &self.path("chain.pem"),
            key: &self.path("key.pem"),
            client_authorities: mutual.then_some(&*authorities),
        })
    }

    /// What is said of the files, with their folder left out.
    fn told(&self, mutual: bool) -> String {
        let fault = self.config(mutual).expect_err("a fault");
        fault.to_string().replace(&format!("{}/", self.0.path().display()), "")
    }
}

/// A server of actix-web, until the test ends.
fn serve(config: ServerConfig) -> SocketAddr {
    let server = HttpServer::new(|| App::new().route("/", web::get().to(async || "served")))
        .workers(1)
        .disable_signals()
        .bind_rustls_0_23(("127.0.0.1", 0), config)
        .unwrap();
    let address = server.addrs()[0];
    actix_rt::spawn(server.run());
    address
}

struct Client<'a> {
    trusts: &'a Issued,
    presents: Option<&'a Issued>,
    version: &'static rustls::SupportedProtocolVersion,
}

impl Client<'_> {
    async fn get(&self, address: SocketAddr) -> io::Result<String> {
        let mut stream = self.connect(address).await?;
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: gateway.test\r\nconnection: close\r\n\r\n")
            .await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    /// Sends nothing, as a server that leaves with something unread resets the connection, and its alert is lost.
    async fn refusal(&self, address: SocketAddr) -> String {
        let outcome = async { self.connect(address).await?.read_u8().await };
        outcome.await.expect_err("a refusal").to_string()
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[self.version])
            .unwrap()
            .with_root_certificates(self.trusts.trust());
        let config = match self.presents {
            None => builder.with_no_client_auth(),
            Some(own) => builder.with_client_auth_cert(own.chain(), own.key()).unwrap(),
        };
        let name = ServerName::try_from("gateway.test").unwrap();
        let stream = TcpStream::connect(address).await?;
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

#[actix_rt::test]
async fn clients_that_trust_the_authority_are_served_from_tls_1_2_on() {
    let (ours, others) = (authority("ours"), authority("others"));
    let own = ours.issue("gateway.test");
    let address = serve(Folder::new(&own.pem(), &own.key_pem(), "").config(false).unwrap());
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let client = |trusts| Client {
            trusts,
            presents: None,
            version,
        };
        let answer = client(&ours).get(address).await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nserved"),
            "{answer}"
        );
        assert_eq!(
            client(&others).refusal(address).await,
            "invalid peer certificate: UnknownIssuer"
        );
    }
}

#[actix_rt::test]
async fn with_client_authorities_only_their_clients_are_served() {
    let (ours, customers, others) = (authority("ours"), authority("customers"), authority("others"));
    let own = ours.issue("gateway.test");
    let (customer, other) = (customers.issue("customer.test"), others.issue("customer.test"));
    let folder = Folder::new(&own.pem(), &own.key_pem(), &customers.pem());
    let address = serve(folder.config(true).unwrap());
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let client = |presents| Client {
            trusts: &ours,
            presents,
            version,
        };
        let answer = client(Some(&customer)).get(address).await.unwrap();
        assert!(answer.ends_with("\r\n\r\nserved"), "{answer}");
        let told = client(None).refusal(address).await;
        assert_eq!(told, "received fatal alert: CertificateRequired");
        let told = client(Some(&other)).refusal(address).await;
        assert_eq!(told, "received fatal alert: UnknownCA");
    }
}

#[test]
fn a_file_that_is_wrong_is_named_with_what_would_be_right() {
    let ours = authority("ours");
    let own = ours.issue("gateway.test");
    let (chain, key) = (own.pem(), own.key_pem());
    let check = |folder: Folder, mutual, expected: &str| assert_eq!(folder.told(mutual), expected);

    let folder = Folder::new(&chain, &key, "");
    fs::remove_file(folder.path("key.pem")).unwrap();
    check(
        folder,
        false,
        "key.pem cannot be read: No such file or directory (os error 2)",
    );

    let long = " ".repeat(FILE_BYTES_MAX as usize + 1);
    let expected = "chain.pem is longer than 1048576 bytes: it has to hold certificates or a key in PEM";
    check(Folder::new(&long, &key, ""), false, expected);

    let expected = "chain.pem has no certificate: it has to begin with -----BEGIN CERTIFICATE-----";
    check(Folder::new("", &key, ""), false, expected);
    check(Folder::new(&key, &chain, ""), false, expected);
    let expected = "authorities.pem has no certificate: it has to begin with -----BEGIN CERTIFICATE-----";
    check(Folder::new(&chain, &key, ""), true, expected);

    let cut = &chain[..chain.len() - 30];
    assert!(
        Folder::new(cut, &key, "")
            .told(false)
            .starts_with("chain.pem is not in PEM: ")
    );

    let no_key = "key.pem has no private key that can be read: it has to hold one in PEM, not encrypted, and begin \
                  with -----BEGIN PRIVATE KEY-----, -----BEGIN EC PRIVATE KEY----- or -----BEGIN RSA PRIVATE KEY-----";
    check(Folder::new(&chain, "", ""), false, no_key);
    check(Folder::new(&chain, &chain, ""), false, no_key);
    check(Folder::new(&chain, &key[..key.len() - 30], ""), false, no_key);
    check(
        Folder::new(&chain, &key.replace("PRIVATE", "ENCRYPTED PRIVATE"), ""),
        false,
        no_key,
    );

    let another = "the key in key.pem is not that of the first certificate in chain.pem: the server's own \
                   certificate has to be first";
    check(Folder::new(&chain, &ours.key_pem(), ""), false, another);
    check(Folder::new(&format!("{}{chain}", ours.pem()), &key, ""), false, another);

    let empty = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let unusable = "the first certificate in chain.pem or the key in key.pem is of a kind that is not served: it has \
                    to be RSA of 2048 bits or more, ECDSA on P-256 or P-384, or Ed25519";
    check(Folder::new(&chain, empty, ""), false, unusable);

    let bad = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let told = Folder::new(&chain, &key, &format!("{}{bad}", ours.pem())).told(true);
    assert!(
        told.starts_with("certificate 2 of authorities.pem cannot be an authority: "),
        "{told}"
    );
}
