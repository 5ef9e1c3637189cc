//! Merchants' payment codes, as whoever is to pay them looks at them.

use causeway_cards::qr::mpm::{Builder, seal};
use causeway_contracts::{
    codec::Text,
    identity::{AccountId, AddressPrefix},
    keys::SecretKey,
    money::{Amount, Currency},
    transaction::UnixSeconds,
};
use causeway_wallet::{
    clock,
    codes::{CodeId, Merchant, MerchantCode, Purpose, picture},
    history::History,
    payment::Payment,
};
use serde_json::{Value, json};

use crate::{
    mock::{Behaviour, Network, OPERATOR_SEED},
    user::User,
};

fn order(expires_at: UnixSeconds) -> MerchantCode {
    MerchantCode {
        merchant: Merchant {
            category: "5812".into(),
            currency: "978".into(),
            country: "DE".into(),
            name: "CAFE AM DOM".into(),
            city: "KOELN".into(),
            postal_code: None,
        },
        address: AccountId([7; 20]).address(AddressPrefix::Devnet),
        purpose: Purpose::Order {
            id: CodeId([0xab; 16]),
            expires_at,
            amount: "12.50".into(),
        },
        store: None,
        terminal: None,
        local: None,
    }
}

fn signed(code: &MerchantCode) -> String {
    code.sign(&SecretKey::from_seed(&OPERATOR_SEED))
        .expect("it can be made")
}

impl User {
    /// A picture of a text.
    fn draw(&self, text: &str) -> String {
        let file = self.path("code.png");
        std::fs::write(&file, picture::png(text).expect("drawn")).expect("written");
        file.to_str().expect("UTF-8").to_owned()
    }

    async fn refuses(&self, text: &str, word: &str, why: &str) {
        let file = self.draw(text);
        let told = self.fails(3, &["scan", &file]).await;
        assert!(told.contains(why), "{told}");
        let output = self.run(&["scan", &file, "--json"]).await;
        let object: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!((output.status.code(), object), (Some(3), json!({ "refused": word })));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_says_whom_it_pays_and_what_for() {
    let user = User::new([Behaviour::Honest; 4]).await;
    let expires_at = clock::seconds_from_now(3600);
    let code = order(expires_at);
    let file = user.draw(&signed(&code));
    let told = user.good(&["scan", &file]).await;
    for part in ["CAFE AM DOM", "KOELN", "12.50 EUR", "BANKA", &code.address.to_string()] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let told: Value = serde_json::from_str(&user.good(&["scan", &file, "--json"]).await).expect("JSON");
    assert_eq!((&told["amount"], &told["currency"]), (&json!("12.50"), &json!("EUR")));
    assert_eq!(told["memo"], "order q6urq6urq6urq6urq6urqw");
    assert_eq!(
        (&told["order"], &told["expires_at"]),
        (&json!("q6urq6urq6urq6urq6urqw"), &json!(expires_at))
    );
    assert_eq!(
        (&told["signer"]["participant"], &told["address"]),
        (&json!("BANKA"), &json!(code.address))
    );
    let fixed = MerchantCode {
        purpose: Purpose::Merchant(CodeId([0xcd; 16])),
        ..code
    };
    let file = user.draw(&signed(&fixed));
    let told = user.good(&["scan", &file]).await;
    assert!(
        told.contains("any, in EUR") && told.contains("merchant zc3Nzc3Nzc3Nzc3Nzc3NzQ"),
        "{told}"
    );
    assert!(user.network.applied().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_is_not_to_be_paid_is_refused_with_the_reason() {
    let user = User::new([Behaviour::Honest; 4]).await;
    let code = order(clock::seconds_from_now(3600));
    let text = signed(&code);
    user.refuses(&text.replace("12.50", "92.50"), "wrong_crc", "scan it again")
        .await;
    let body = text.replace("12.50", "92.50");
    let altered = seal(body[..body.len() - 8].to_owned());
    user.refuses(&altered, "altered", "altered or made up").await;
    let stranger = code.sign(&SecretKey::from_seed(&[99; 32])).expect("made");
    user.refuses(&stranger, "altered", "no operator of this network").await;
    let over = signed(&order(UnixSeconds(1_700_000_000)));
    user.refuses(&over, "expired", "ask the merchant for a new code").await;
    let foreign = Builder::fixed(&code.merchant).template(26, "com.example", &[(1, "12345")]);
    let foreign = foreign.and_then(|code| code.build()).expect("made");
    user.refuses(&foreign, "not_ours", "another network or wallet").await;
    user.refuses("https://example.com", "not_a_code", "no merchant's payment code")
        .await;
    let elsewhere = AccountId([7; 20]).address(AddressPrefix::Main);
    let elsewhere = signed(&MerchantCode {
        address: elsewhere,
        ..code
    });
    user.refuses(&elsewhere, "other_network", "begin with cwdev1").await;
    assert!(user.network.applied().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_a_code_is_bad_input() {
    let user = User::new([Behaviour::Honest; 4]).await;
    let file = user.write("code.png", "no picture");
    let told = user.fails(6, &["scan", &file]).await;
    assert!(told.contains("no PNG picture"), "{told}");
    user.fails(6, &["scan", "/nonexistent.png"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_paid_once_and_in_time() {
    let user = User::new([Behaviour::Honest; 4]).await;
    let over = user.draw(&signed(&order(UnixSeconds(1_700_000_000))));
    let told = user.fails(3, &["scan", &over, "--pay", "main"]).await;
    assert!(told.contains("time is over"), "{told}");
    let code = order(clock::seconds_from_now(3600));
    let fixed = MerchantCode {
        purpose: Purpose::Merchant(CodeId([0xcd; 16])),
        ..code.clone()
    };
    let told = user
        .fails(6, &["scan", &user.draw(&signed(&fixed)), "--pay", "main"])
        .await;
    assert!(told.contains("names no amount"), "{told}");
    let altered = signed(&code).replace("12.50", "92.50");
    let altered = seal(altered[..altered.len() - 8].to_owned());
    user.fails(3, &["scan", &user.draw(&altered), "--pay", "main"]).await;
    assert!(user.network.applied().is_empty());
    let file = user.draw(&signed(&code));
    let told = user.good(&["scan", &file, "--pay", "main"]).await;
    assert!(told.contains("Paid 12.50 EUR"), "{told}");
    let told = user.fails(3, &["scan", &file, "--pay", "main"]).await;
    assert!(told.contains("paid the order already"), "{told}");
    let memo = "order q6urq6urq6urq6urq6urqw".to_owned();
    assert_eq!(user.network.applied(), [(memo, 1)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_of_unknown_outcome_is_found_out_after_the_order_s_time() {
    let user = User::new([Behaviour::Honest; 4]).await;
    let code = order(UnixSeconds(1_700_000_000));
    let payment = Payment {
        from: user.network.payer,
        to: code.address.account,
        currency: Currency::new("EUR").expect("a code"),
        amount: Amount(1250),
        memo: Text::new(code.purpose.memo()).expect("short"),
    };
    let genesis = user.network.genesis.hash();
    let tx = payment.sign(&genesis, &Network::key()).expect("signed");
    let mut history = History::open(&user.path("home/history"), || panic!("it is free")).expect("a history");
    history.sent(&tx).expect("written");
    drop(history);
    user.network.order(std::slice::from_ref(&tx));
    let file = user.draw(&signed(&code));
    let scan = ["scan", &file, "--pay", "main"];
    let told = user.good(&scan).await;
    assert!(told.contains(&tx.id().to_string()), "{told}");
    user.fails(3, &scan).await;
    assert_eq!(user.network.applied(), [(code.purpose.memo(), 1)].into());
}
