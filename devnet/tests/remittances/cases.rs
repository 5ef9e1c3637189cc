//! What is done with each remittance, and how it must end at both gateways.

use serde_json::{Value, json};

/// On the sanctions list of both gateways. Nobody has this name.
pub const LISTED: &str = "Zebulon Quagmirovich";

/// Who may be sent to: most do by themselves what gateways in test mode know of them.
pub struct Payee {
    pub name: &'static str,
    pub kind: &'static str,
    pub alias: &'static str,
    /// Paid out beyond the ledger.
    pub external: bool,
}

const fn test(name: &'static str, alias: &'static str) -> Payee {
    Payee {
        name,
        kind: "merchant",
        alias,
        external: false,
    }
}

const fn external(payee: Payee) -> Payee {
    Payee {
        external: true,
        ..payee
    }
}

const LISTED_PHONE: &str = "+66812345678";

pub const PAYEES: [Payee; 8] = [
    test("Accept Ance", "TESTACCEPT"),
    test("Refuse Al", "TESTREFUSE"),
    test("Ask Er", "TESTASK"),
    test("Hold Er", "TESTHOLD"),
    test("Ignor Ance", "TESTIGNORE"),
    external(test("Payout Er", "TESTPAYOUT")),
    external(test("Return Er", "TESTRETURN")),
    Payee {
        kind: "phone",
        ..test(LISTED, LISTED_PHONE)
    },
];

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Sender,
    SendersOfficer,
    Payee,
    PayeesOfficer,
}

impl Role {
    pub fn is_senders(self) -> bool {
        matches!(self, Self::Sender | Self::SendersOfficer)
    }
}

pub enum Do {
    /// Waits until their copy is in this state.
    Sees(Role, &'static str),
    /// Posts a body to the end of the remittance's path.
    Posts(Role, &'static str, Value),
}

pub struct Case {
    pub name: &'static str,
    /// `anna` has money, `poor` has none, and `frozen` may not spend hers.
    pub from: &'static str,
    /// The alias of one of [`PAYEES`].
    pub to: &'static str,
    pub steps: Vec<Do>,
    /// At the sender's gateway and at the payee's, if that has heard of it.
    pub ends: (&'static str, Option<&'static str>),
}

/// Of a remittance that ends alike at both.
fn case(name: &'static str, to: &'static str, steps: Vec<Do>, end: &'static str) -> Case {
    Case {
        name,
        from: "anna",
        to,
        steps,
        ends: (end, Some(end)),
    }
}

fn recall() -> Do {
    Do::Posts(Role::Sender, "cancel", json!({}))
}

fn answer() -> Do {
    let answers = json!({ "answers": { "beneficiary.address": "Bangkok" } });
    Do::Posts(Role::Sender, "answers", answers)
}

fn decide(officer: Role, decision: &str) -> Do {
    Do::Posts(officer, "compliance", json!({ "decision": decision }))
}

pub fn all() -> Vec<Case> {
    [paid(), unpaid(), asked(), held(), never_reserved(), listed()]
        .into_iter()
        .flatten()
        .collect()
}

fn paid() -> Vec<Case> {
    use Do::{Posts, Sees};
    use Role::Payee;
    vec![
        case("accepted", "TESTACCEPT", vec![], "completed"),
        case(
            "accepted by hand",
            "TESTIGNORE",
            vec![Sees(Payee, "reserved"), Posts(Payee, "accept", json!({}))],
            "completed",
        ),
        case(
            "paid out beyond the ledger",
            "TESTPAYOUT",
            vec![
                Sees(Payee, "paying_out"),
                Posts(Payee, "payout", json!({ "result": "completed" })),
            ],
            "completed",
        ),
        case("sent back", "TESTRETURN", vec![], "returned"),
    ]
}

fn unpaid() -> Vec<Case> {
    vec![
        case("refused", "TESTREFUSE", vec![], "refunded"),
        case(
            "recalled",
            "TESTIGNORE",
            vec![Do::Sees(Role::Payee, "reserved"), recall()],
            "cancelled",
        ),
        case("ignored", "TESTIGNORE", vec![], "expired"),
    ]
}

fn asked() -> Vec<Case> {
    use Do::{Posts, Sees};
    use Role::{Payee, Sender};
    let asked = || Sees(Sender, "info_required");
    let question = json!({ "text": "Which invoice is it for?", "fields": ["reference"] });
    vec![
        case("asked", "TESTASK", vec![asked(), answer()], "completed"),
        case("asked, and recalled", "TESTASK", vec![asked(), recall()], "cancelled"),
        case("asked, and never answered", "TESTASK", vec![asked()], "expired"),
        case(
            "asked, and refused",
            "TESTASK",
            vec![asked(), Posts(Payee, "refuse", json!({}))],
            "refunded",
        ),
        case(
            "asked by hand",
            "TESTIGNORE",
            vec![
                Sees(Payee, "reserved"),
                Posts(Payee, "question", question),
                asked(),
                Posts(Sender, "answers", json!({ "answers": { "reference": "7" } })),
                Sees(Payee, "reserved"),
                Posts(Payee, "accept", json!({})),
            ],
            "completed",
        ),
    ]
}

/// By the compliance of the payee's bank.
fn held() -> Vec<Case> {
    let held = || Do::Sees(Role::Sender, "compliance_hold");
    let decide = |decision| decide(Role::PayeesOfficer, decision);
    vec![
        case(
            "held, and released",
            "TESTHOLD",
            vec![held(), decide("release")],
            "completed",
        ),
        case(
            "held, and refused",
            "TESTHOLD",
            vec![held(), decide("refuse")],
            "refunded",
        ),
        case("held, and recalled", "TESTHOLD", vec![held(), recall()], "cancelled"),
        case("held for too long", "TESTHOLD", vec![held()], "expired"),
    ]
}

/// The payee's bank hears of the order, and then that nothing comes of it.
fn never_reserved() -> Vec<Case> {
    let heard = || Do::Sees(Role::Payee, "awaiting_funds");
    let withdrawn = |name, from, steps, end| Case {
        from,
        ends: (end, Some("cancelled")),
        ..case(name, "TESTACCEPT", steps, end)
    };
    vec![
        withdrawn(
            "without money, and recalled",
            "poor",
            vec![heard(), recall()],
            "cancelled",
        ),
        withdrawn("without money until the quote ends", "poor", vec![heard()], "expired"),
        withdrawn("from a frozen account", "frozen", vec![], "failed"),
    ]
}

/// By the compliance of the sender's bank, before the payee's hears anything.
fn listed() -> Vec<Case> {
    use Role::{PayeesOfficer, Sender, SendersOfficer};
    let held = || Do::Sees(Sender, "compliance_hold");
    let unheard = |name, steps, end| Case {
        ends: (end, None),
        ..case(name, LISTED_PHONE, steps, end)
    };
    vec![
        case(
            "listed, and released by both",
            LISTED_PHONE,
            vec![
                held(),
                decide(SendersOfficer, "release"),
                Do::Sees(Role::Payee, "compliance_hold"),
                decide(PayeesOfficer, "release"),
            ],
            "completed",
        ),
        unheard("listed, and recalled", vec![held(), recall()], "cancelled"),
        unheard(
            "listed, and refused",
            vec![held(), decide(SendersOfficer, "refuse")],
            "failed",
        ),
        unheard("listed until the quote ends", vec![held()], "expired"),
    ]
}
