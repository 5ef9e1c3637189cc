//! The link's key: how it changes, and which one a client finds.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::TcpStream,
};

use super::*;
use crate::acquiring::link_key::tests::name;

/// Of a change in which the host, or this machine, takes its time.
const PATIENT: Limits = Limits {
    answer_within_ms: 20_000,
    echo_after_ms: 20_000,
    ..LIMITS
};

/// Between a client and its host: loses what the host says, and cuts.
struct Wire {
    address: String,
    loses: Arc<AtomicBool>,
    lost: Arc<AtomicUsize>,
    cuts: watch::Sender<usize>,
}

impl Wire {
    async fn to(host: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let wire = Self {
            address: listener.local_addr().expect("bound").to_string(),
            loses: Arc::default(),
            lost: Arc::default(),
            cuts: watch::Sender::new(0),
        };
        let (host, loses, lost) = (host.to_owned(), Arc::clone(&wire.loses), Arc::clone(&wire.lost));
        let cuts = wire.cuts.subscribe();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let host = TcpStream::connect(&host).await.expect("a host");
                let (loses, lost, mut cuts) = (Arc::clone(&loses), Arc::clone(&lost), cuts.clone());
                cuts.mark_unchanged();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = carried(client, host, &loses, &lost) => {}
                        _ = cuts.changed() => {}
                    }
                });
            }
        });
        wire
    }

    /// Until something that the host has said was lost; then it cuts, and loses nothing more.
    async fn loses_an_answer(&self) {
        eventually(|| self.lost.load(Ordering::SeqCst) > 0).await;
        self.loses.store(false, Ordering::SeqCst);
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

async fn carried(client: TcpStream, host: TcpStream, loses: &AtomicBool, lost: &AtomicUsize) -> std::io::Result<()> {
    let ((mut from_client, mut to_client), (mut from_host, mut to_host)) = (client.into_split(), host.into_split());
    let asked = copy(&mut from_client, &mut to_host);
    let answered = async {
        let mut piece = [0; 4_096];
        loop {
            let read = from_host.read(&mut piece).await?;
            if read == 0 {
                return Ok(());
            }
            if loses.load(Ordering::SeqCst) {
                lost.fetch_add(read, Ordering::SeqCst);
            } else {
                to_client.write_all(&piece[..read]).await?;
            }
        }
    };
    tokio::select! { asked = asked => asked.map(|_| ()), answered = answered => answered }
}

fn names(key: &LinkKey) -> Vec<String> {
    let generations = key.generations().expect("keys");
    generations.iter().map(|key| key.name().to_string()).collect()
}

#[tokio::test]
async fn the_key_of_a_link_is_changed_while_it_is_used_in_both_variants() {
    for spec in [Spec::a(), Spec::b()] {
        let pair = pair(spec).await;
        let other = client(&pair.address, spec, &pair.key, &pair.shelf).await;
        other.signed_on().await.expect("it runs");
        let (made, block) = pair.key.share().expect("a key");
        let altered = block.replace("M3", "M1");
        let declined = pair.client.change_mac_key(made, &altered).await.expect("an answer");
        assert_eq!(declined, Offered::Declined("63".to_owned()));
        eventually(|| names(&pair.key) == ["mac"]).await;
        approved(&pair.client, 1).await;
        let (made, block) = pair.key.share().expect("a key");
        let taken = pair.client.change_mac_key(made, &block).await.expect("an answer");
        assert_eq!(taken, Offered::Taken);
        approved(&pair.client, 2).await;
        approved(&other, 3).await;
        assert_eq!(
            (names(&pair.key), names(&pair.issuer.key)),
            (vec!["mac".into(), "mac.1".into()], vec!["mac".into(), "mac.1".into()])
        );
        // As when its time is over: nothing may need it.
        pair.issuer.key.hsm.delete(&name("mac")).expect("the key before it");
        approved(&pair.client, 4).await;
        pair.host.abort();
    }
}

#[tokio::test]
async fn a_client_that_was_killed_in_a_change_finds_which_key_the_host_has() {
    for host_has_it in [false, true] {
        let pair = pair(Spec::a()).await;
        let (_, block) = pair.key.share().expect("a key");
        drop(pair.client);
        if host_has_it {
            let taken = take(&offer(&block).expect("short"), &pair.issuer.key, Vec::new()).await;
            taken.expect("a key");
            pair.host.abort();
            drop(pair.host.await);
            pair.issuer.key.hsm.delete(&name("mac")).expect("the key before it");
            let listener = TcpListener::bind(&pair.address).await.expect("the port");
            drop(host(listener, Spec::a(), &pair.issuer));
        }
        let again = client(&pair.address, Spec::a(), &pair.key, &pair.shelf).await;
        again.signed_on().await.expect("it runs");
        approved(&again, 2).await;
        let key = if host_has_it { "mac.1" } else { "mac" };
        eventually(|| names(&pair.key).contains(&key.to_owned()) && (host_has_it || names(&pair.key).len() == 1)).await;
    }
}

#[tokio::test]
async fn a_client_with_another_key_is_not_served() {
    let pair = pair(Spec::b()).await;
    let (hsm, _folder) = module();
    let wrong = link_key(&hsm, "mac", [2; 16]);
    let client = client(&pair.address, Spec::b(), &wrong, &pair.shelf).await;
    eventually(|| client.status().unmatched > 0).await;
    assert!(!client.status().is_signed_on);
    let refused = client.request(purchase(1, "000000001000")).await;
    assert!(matches!(refused, Err(Unanswered::NotSignedOn)));
}

/// The host may have heard it, and has deleted the one before it a while later.
#[tokio::test]
async fn a_sign_on_without_an_answer_comes_again_with_the_same_key() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let wire = Wire::to(&listener.local_addr().expect("bound").to_string()).await;
    let (issuer, shelf) = (Issuer::new(), Arc::new(Shelf::default()));
    let (key, _folder) = keys();
    let (_, block) = key.share().expect("a key");
    let taken = take(&offer(&block).expect("short"), &issuer.key, Vec::new()).await;
    taken.expect("a key");
    let host = host(listener, Spec::a(), &issuer);
    wire.loses.store(true, Ordering::SeqCst);
    let client = client(&wire.address, Spec::a(), &key, &shelf).await;
    wire.loses_an_answer().await;
    client.signed_on().await.expect("it runs");
    issuer.key.hsm.delete(&name("mac")).expect("the key before it");
    approved(&client, 1).await;
    assert_eq!(names(&key), ["mac", "mac.1"]);
    host.abort();
}

#[tokio::test]
async fn a_change_goes_on_when_its_answer_is_lost_and_the_link_signs_on_again() {
    let pair = pair(Spec::b()).await;
    let wire = Wire::to(&pair.address).await;
    let client = client_with(PATIENT, &wire.address, Spec::b(), &pair.key, &pair.shelf).await;
    client.signed_on().await.expect("it runs");
    let (made, block) = pair.key.share().expect("a key");
    wire.loses.store(true, Ordering::SeqCst);
    let (changed, ()) = tokio::join!(client.change_mac_key(made, &block), wire.loses_an_answer());
    assert_eq!(changed.expect("an answer"), Offered::Taken);
    approved(&client, 1).await;
    pair.issuer.key.hsm.delete(&name("mac")).expect("the key before it");
    approved(&client, 2).await;
    pair.host.abort();
}

#[tokio::test]
async fn a_key_that_is_gone_when_the_host_has_taken_it_is_not_said_to_be_changed() {
    let pair = pair(Spec::a()).await;
    let client = client_with(PATIENT, &pair.address, Spec::a(), &pair.key, &pair.shelf).await;
    client.signed_on().await.expect("it runs");
    let (made, block) = pair.key.share().expect("a key");
    let name = made.name().clone();
    // Between the offer and its answer.
    let gone = async {
        eventually(|| names(&pair.issuer.key).len() == 2).await;
        client.tell(Command::Withdraw).await;
        eventually(|| !names(&pair.key).contains(&name.to_string())).await;
        pair.issuer.may_answer.notify_one();
    };
    pair.issuer.waits.store(true, Ordering::SeqCst);
    let (changed, ()) = tokio::join!(client.change_mac_key(made, &block), gone);
    assert_eq!(changed.expect("an answer"), Offered::Lost);
    approved(&client, 1).await;
    pair.host.abort();
}
