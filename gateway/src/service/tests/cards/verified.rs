//! From an amount on, a tap's holder must be verified.

use super::*;

async fn used(bank: &Bank) -> u64 {
    let card = bank.card.rsplit('/').next().expect("an id").to_owned();
    let day = bank.office.gateway.now_ms() / 86_400_000;
    let read = bank
        .office
        .gateway
        .store
        .read::<_, StoreError, _>(move |sql| payments::used(sql, &card, day));
    read.await.expect("read").0
}

#[actix_web::test]
async fn a_locked_phone_pays_less_than_what_its_holder_must_be_there_for() {
    for (more, from) in [("", 5_000), ("verified_from = { EUR = \"10\" }\n", 1_000)] {
        let bank = bank_with(more).await;
        let (_, given) = bank.post(&format!("{}/devices", bank.card), "d", json!({})).await;
        let mut applet = phone(&given);
        let locked = tapped(&mut applet, 1, from);
        assert_eq!(bank.ask(&locked).await, Err(Outcome::HolderNotVerified));
        assert_eq!(used(&bank).await, 0, "nothing of the day's limit");
        let mut again = locked.clone();
        again.set(11, b"000002").expect("short");
        assert_eq!(bank.ask(&again).await, Err(Outcome::CryptogramWrong), "its counter is");
        applet.unlock();
        assert_eq!(bank.ask(&tapped(&mut applet, 3, from)).await, Ok(()));
        let tomorrow = bank.office.gateway.now_ms() + 86_400_000;
        let less = tapped(&mut applet, 4, from - 1);
        assert_eq!(bank.ask_at(&less, tomorrow).await, Ok(()));
    }
}
