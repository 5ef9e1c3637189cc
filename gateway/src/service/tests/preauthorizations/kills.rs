//! A gateway dies at each step of a capture or void, and another goes on.

use futures::future::{Either, select};

use super::{
    super::card_payments::{Issuer, listening, until},
    *,
};
use crate::acquiring::host::contents_of;

/// Another process on the same database, whose issuer listens here.
async fn restarted(counter: &Counter, issuer: &Arc<Issuer>) -> Arc<Gateway> {
    let (address, _host) = listening(issuer).await;
    let file = counter.shop.office._folder.path().join("gateway.toml");
    let mut config = Config::read(&file).expect("a configuration");
    config.card_routing.routes[0].address = address;
    let gateway = Arc::new(Gateway::of_test(config).await);
    gateway.card_routes.start().expect("no keys are missing");
    until("the link", async || {
        let link = gateway.card_routes.link("bankb");
        link.is_some_and(|link| link.status().is_signed_on)
    })
    .await;
    gateway
}

fn operation(what: &str) -> Operation {
    match what {
        "capture" => Operation::Completion,
        _ => Operation::Reversal,
    }
}

#[actix_web::test]
async fn what_was_stored_before_a_kill_is_sent_after_it() {
    for what in ["capture", "void"] {
        let counter = counter().await;
        let order = counter.authorized("A", HOLD).await;
        let (status, _) = counter.ask(&order, what, "k", json!({})).await;
        assert_eq!((status, counter.issuer.count(operation(what))), (201, 0), "{what}");
        counter.host.abort();
        let issuer = Arc::new(Issuer::default());
        issuer.will(Some(Outcome::Approved));
        let next = restarted(&counter, &issuer).await;
        assert_eq!(
            (work(&next, "adv_").await, issuer.count(operation(what))),
            (1, 1),
            "{what}"
        );
        let told = counter.shop.state(&order).await;
        assert_eq!(told["advices"][0]["state"], json!("approved"), "{what}: {told}");
    }
}

/// The issuer has it, and says nothing until the gateway is dead. It is the same message that comes again, as a repeat.
#[actix_web::test]
async fn what_was_sent_before_a_kill_is_sent_again_as_it_was() {
    for what in ["capture", "void"] {
        let counter = counter().await;
        let gateway = &counter.shop.office.gateway;
        let order = counter.authorized("A", HOLD).await;
        counter.ask(&order, what, "k", json!({})).await;
        counter.issuer.will(None);
        let leased = leased(gateway, "adv_").await.remove(0);
        let job = Box::pin(card_advices::bring_on(Arc::clone(gateway), leased));
        let arrival = Box::pin(until("the message", async || {
            counter.issuer.count(operation(what)) == 1
        }));
        assert!(matches!(select(job, arrival).await, Either::Right(_)), "it was killed");
        counter.host.abort();
        let issuer = Arc::new(Issuer::default());
        issuer.will(Some(Outcome::Approved));
        let next = restarted(&counter, &issuer).await;
        until("the answer", async || work(&next, "adv_").await == 1).await;
        let first = counter.told(operation(what)).remove(0);
        {
            let seen = issuer.seen.lock().expect("no panic");
            assert!(!seen.is_empty(), "{what}");
            for (_, again) in seen.iter() {
                assert_eq!(contents_of(again), contents_of(&first), "{what}");
                assert_eq!(again.duplicate_key(), first.duplicate_key(), "{what}");
            }
        }
        let told = counter.shop.state(&order).await;
        assert_eq!(told["advices"][0]["state"], json!("approved"), "{what}: {told}");
    }
}

#[actix_web::test]
async fn an_issuer_that_does_not_answer_is_told_again_and_nothing_else_is_asked_meanwhile() {
    for what in ["capture", "void"] {
        let counter = counter().await;
        let gateway = &counter.shop.office.gateway;
        let order = counter.authorized("A", HOLD).await;
        counter.ask(&order, what, "k", json!({})).await;
        for answer in [Outcome::IssuerUnavailable, Outcome::SystemMalfunction] {
            counter.issuer.will(Some(answer));
            assert_eq!(work(gateway, "adv_").await, 0, "{what} {answer:?}");
        }
        assert_eq!(
            counter.refused(&order, "void", "x", json!({})).await,
            (409, "3012".to_owned())
        );
        counter.issuer.will(Some(Outcome::Approved));
        until("the answer", async || work(gateway, "adv_").await == 1).await;
        let told = counter.told(operation(what));
        assert!(told.len() > 1, "{what}");
        assert!(
            told.iter()
                .all(|message| message.matching_key() == told[0].matching_key())
        );
        let shown = counter.shop.state(&order).await;
        assert_eq!(shown["advices"][0]["state"], json!("approved"), "{shown}");
        until("the reversal's end", async || counter.reversals().await == 0).await;
    }
}

/// A gateway that was taken for dead writes nothing any more.
#[actix_web::test]
async fn who_has_lost_the_lease_ends_no_advice() {
    let counter = counter().await;
    let gateway = &counter.shop.office.gateway;
    let order = counter.authorized("A", HOLD).await;
    counter.ask(&order, "capture", "k", json!({})).await;
    let mut other = leased(gateway, "adv_").await.remove(0);
    other.lease = "other".to_owned();
    let done = card_advices::bring_on(Arc::clone(gateway), other).await;
    assert!(matches!(done, Err(StoreError::Changed)), "{done:?}");
    assert_eq!(
        counter.shop.state(&order).await["advices"][0]["state"],
        json!("pending")
    );
}
