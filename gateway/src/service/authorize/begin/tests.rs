use super::*;
use crate::{
    service::records::authorizations::tests::taken_on as message,
    store::tests::{Watched, database},
};

/// Takes them on, one after the other, and gives the locks of each.
async fn locks_of(messages: Vec<Authorization>) -> Vec<Vec<i64>> {
    let (store, _folder) = database().await;
    let taken = store.write::<_, StoreError, _>(move |sql| {
        let mut all = Vec::new();
        for message in messages {
            let mut watched = Watched::new(sql);
            assert!(matches!(take_on(&mut watched, message, 7, 1)?, Begun::New(_)));
            all.push(watched.locks);
        }
        Ok(all)
    });
    taken.await.expect("taken on")
}

fn about(id: &str, operation: Operation, original: &str) -> Authorization {
    Authorization {
        original: Some(original.to_owned()),
        ..message(id, operation)
    }
}

/// Fields 37 and 38 name the hold of the approval.
fn by_reference(id: &str, operation: Operation) -> Authorization {
    Authorization {
        reference: Some("bankb/000000000001".to_owned()),
        ..message(id, operation)
    }
}

#[tokio::test]
async fn what_is_about_one_message_is_taken_on_one_at_a_time_and_in_one_order() {
    let first = by_reference("0100", Operation::PreAuthorization);
    for completion in [
        about("0220", Operation::Completion, "0100"),
        by_reference("0220", Operation::Completion),
    ] {
        let messages = vec![
            first.clone(),
            completion,
            about("0420", Operation::Reversal, "0100"),
            about("0420 of 0220", Operation::Reversal, "0220"),
        ];
        let locks = locks_of(messages).await;
        let shared = |a: usize, b: usize| locks[a].iter().any(|lock| locks[b].contains(lock));
        assert!(
            shared(0, 1) && shared(0, 2),
            "what is about the authorisation: {locks:?}"
        );
        assert!(
            shared(1, 2),
            "a completion, and the reversal of its original: {locks:?}"
        );
        assert!(shared(1, 3), "a completion and its reversal: {locks:?}");
        assert!(locks.iter().all(|locks| locks.is_sorted()), "{locks:?}");
    }
}

#[tokio::test]
async fn messages_that_have_nothing_to_do_with_each_other_wait_for_none() {
    let messages = vec![
        message("a", Operation::Purchase),
        message("b", Operation::Purchase),
        by_reference("c", Operation::Completion),
    ];
    let locks = locks_of(messages).await;
    assert!(locks.iter().all(|locks| locks.len() == 1), "{locks:?}");
    assert!(locks[0] != locks[1] && locks[1] != locks[2]);
}
