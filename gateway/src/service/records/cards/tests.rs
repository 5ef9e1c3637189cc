use causeway_contracts::money::Amount;

use super::{
    devices::{self, StoredDevice},
    payments::{self, Payment},
    *,
};
use crate::{
    acquiring::issuer::{Device, DeviceStatus, KeyBatch},
    store::tests::database,
};

fn number_of(byte: u8) -> StoredNumber {
    StoredNumber {
        hash: [byte; 32],
        sealed: vec![byte; 28],
    }
}

fn card() -> StoredCard {
    StoredCard {
        number: number_of(1),
        card: Card {
            id: "crd_1".to_owned(),
            client: "a".to_owned(),
            account: "acc_1".to_owned(),
            status: CardStatus::Active,
            expiry: Expiry::parse("3012").expect("an expiry"),
            sequence: 1,
            currency: Currency::new("EUR").expect("a code"),
            limits: Limits {
                payment: Amount(1),
                day: Amount(u64::MAX),
                refused_categories: vec!["7995".to_owned()],
                manual_entry: true,
            },
            pin: None,
            pin_tries_left: 3,
            wrong_values: 0,
            counter: 0,
            created_ms: 5,
        },
    }
}

#[tokio::test]
async fn cards_and_devices_are_found_by_their_numbers() {
    let (store, _folder) = database().await;
    let done = store.write::<_, StoreError, _>(|sql| {
        let mut stored = card();
        assert!(add(sql, &stored)?);
        assert!(!add(sql, &stored)?);
        assert_eq!(find(sql, "a", "crd_1")?.as_ref(), Some(&stored));
        assert_eq!(find(sql, "b", "crd_1")?, None);
        assert_eq!(by_number(sql, &[2; 32])?, None);
        stored.card.status = CardStatus::Stolen;
        stored.card.pin = Some("1234".to_owned());
        stored.card.pin_tries_left = 0;
        stored.card.wrong_values = 5;
        stored.card.counter = u16::MAX;
        save(sql, &stored.card)?;
        assert_eq!(by_number(sql, &[1; 32])?.as_ref(), Some(&stored));
        assert_eq!(locked(sql, "crd_1")?, any(sql, "crd_1")?);
        assert_eq!(list(sql, "a", "", 1)?.len(), 1);
        let batch = |first| KeyBatch {
            first,
            last: first + 9,
            good_until: 7,
        };
        let mut device = StoredDevice {
            client: "a".to_owned(),
            number: number_of(3),
            device: Device {
                id: "dev_1".to_owned(),
                card: "crd_1".to_owned(),
                status: DeviceStatus::Active,
                expiry: Expiry::parse("3011").expect("an expiry"),
                sequence: 0,
                batches: vec![batch(1), batch(11)],
                counter: 0,
                created_ms: 6,
            },
        };
        assert!(devices::add(sql, &device)?);
        devices::add_batch(sql, "dev_1", batch(11), "r2")?;
        devices::add_batch(sql, "dev_1", batch(1), "r1")?;
        assert_eq!(devices::batch_of(sql, "dev_1", "r2")?, Some(batch(11)));
        assert_eq!(devices::batch_of(sql, "dev_1", "r3")?, None);
        device.device.status = DeviceStatus::Blocked;
        device.device.counter = 12;
        devices::save(sql, &device.device)?;
        assert_eq!(devices::by_number(sql, &[3; 32])?.as_ref(), Some(&device));
        assert_eq!(devices::locked(sql, "dev_1")?, devices::find(sql, "a", "dev_1")?);
        assert_eq!(devices::count(sql, "crd_1")?, 1);
        Ok(())
    });
    done.await.expect("stored");
}

#[tokio::test]
async fn what_a_day_has_used_is_without_what_was_released() {
    let (store, _folder) = database().await;
    let done = store.write::<_, StoreError, _>(|sql| {
        let payment = |day, amount| Payment {
            card: "crd_1".to_owned(),
            day,
            amount: Amount(amount),
            counter: 3,
            released: false,
        };
        assert_eq!(payments::used(sql, "crd_1", 8)?, Amount(0));
        for (message, day, amount) in [("m1", 8, 100), ("m2", 8, 20), ("m3", 9, 3)] {
            assert!(payments::add(sql, message, &payment(day, amount))?);
        }
        assert!(!payments::add(sql, "m1", &payment(8, 1))?);
        assert_eq!(payments::find(sql, "m2")?, Some(payment(8, 20)));
        assert_eq!(payments::used(sql, "crd_1", 8)?, Amount(120));
        for (message, amount, used) in [("m2", 21, 120), ("m2", 5, 105), ("m4", 1, 105)] {
            payments::reduce(sql, message, Amount(amount))?;
            assert_eq!(payments::used(sql, "crd_1", 8)?, Amount(used), "{message} {amount}");
        }
        assert!(payments::release(sql, "m1")?);
        assert!(!payments::release(sql, "m1")?);
        assert!(!payments::release(sql, "m4")?);
        payments::reduce(sql, "m1", Amount(1))?;
        assert_eq!(payments::used(sql, "crd_1", 8)?, Amount(5));
        assert_eq!(payments::used(sql, "crd_2", 8)?, Amount(0));
        Ok(())
    });
    done.await.expect("stored");
}
