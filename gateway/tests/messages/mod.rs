//! Any messages that keep to the rules of CBPR+, for properties.

use causeway_contracts::money::{Amount, Balance, Currency};
use causeway_gateway::{
    identifiers::bic::Bic,
    iso20022::payments::{
        Account, AccountId, Actor, Address, Agent, BankTransactionCode, Birth, Charge, ChargeBearer, CreditTransfer,
        Direction, Entry, EntryDetails, EntryStatus, Header, Identification, InstructionId, Member, Moment, Money,
        OriginalInstructionId, OriginalMessage, OriginalPayment, Other, Party, PaymentReturn, Position, Proxy, Rate,
        Reason, ReasonCode, Reference, Remittance, ReturnChain, Scheme, SettlementMethod, Statement, StatementHead,
        StatusReason, Text, Totals,
    },
};
use proptest::{option, prelude::*, sample::select};
use rust_decimal::Decimal;
use time::{Date, Duration, UtcDateTime, macros::utc_datetime};

/// Written in any characters, and so transliterated.
pub fn text<const MAX: usize>() -> impl Strategy<Value = Text<MAX>> {
    let written = prop_oneof![3 => "[ -~]{1,140}", 1 => "[A-Za-zÀ-ž€’\n]{1,20}"];
    written.prop_filter_map("nothing but spaces", |text| Text::fitted(&text).ok())
}

pub fn reference() -> impl Strategy<Value = Reference> {
    "[A-Za-z0-9/?:().,'+-]{1,35}".prop_map(|text| Reference::new(&text).expect("of the set"))
}

pub fn instruction_id() -> impl Strategy<Value = InstructionId> {
    "[A-Za-z0-9]{1,7}/?[A-Za-z0-9]{1,8}".prop_map(|text| InstructionId::new(&text).expect("of the set"))
}

pub fn original_instruction_id() -> impl Strategy<Value = OriginalInstructionId> {
    "[A-Za-z0-9]{1,20}/?[A-Za-z0-9]{1,8}".prop_map(|text| OriginalInstructionId::new(&text).expect("of the set"))
}

fn of<T: std::str::FromStr + Clone + std::fmt::Debug>(texts: &'static [&'static str]) -> impl Strategy<Value = T>
where
    T::Err: std::fmt::Debug,
{
    select(texts).prop_map(|text| text.parse().expect("valid"))
}

pub fn bic() -> impl Strategy<Value = Bic> {
    of(&["DEUTDEFF", "DEUTDEFF500", "GENODEM1GLS", "MYMBGB2LXXX", "GEBABEBBXXX"])
}

pub fn uetr() -> impl Strategy<Value = causeway_gateway::identifiers::uetr::Uetr> {
    "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
        .prop_map(|text| text.parse().expect("made so"))
}

pub fn moment() -> impl Strategy<Value = UtcDateTime> {
    (0..2_000_000_000_000_i64).prop_map(|ms| utc_datetime!(2000-01-01 0:00) + Duration::milliseconds(ms))
}

pub fn date() -> impl Strategy<Value = Date> {
    moment().prop_map(UtcDateTime::date)
}

pub fn currency() -> impl Strategy<Value = (Currency, u8)> {
    let registered = select(&[("EUR", 2), ("JPY", 0), ("KWD", 3)][..]);
    registered.prop_map(|(code, exponent)| (Currency::new(code).expect("a code"), exponent))
}

pub fn money() -> impl Strategy<Value = Money> {
    (1..=999_999_999_999_999_999_u64, currency())
        .prop_map(|(units, (currency, exponent))| Money::new(Amount(units), currency, exponent).expect("18 digits"))
}

pub fn address() -> BoxedStrategy<Address> {
    let place = (text(), of(&["DE", "GB", "TR"]), option::of(text()), option::of(text()));
    let building = (
        option::of(text()),
        option::of(text()),
        option::of(text()),
        option::of(text()),
        option::of(text()),
    );
    let rest = (
        option::of(text()),
        option::of(text()),
        option::of(text()),
        option::of(text()),
        option::of(text()),
    );
    // No line repeats what is in an element.
    let lines = prop::collection::vec("#[0-9]{1,69}", 0..=2);
    let lines = lines.prop_map(|lines| lines.iter().map(|line| Text::new(line).expect("of the set")).collect());
    (place, building, rest, lines)
        .prop_map(|(place, building, rest, lines)| Address {
            town: Some(place.0),
            country: Some(place.1),
            town_location: place.2,
            district: place.3,
            street: building.0,
            building_number: building.1,
            building: building.2,
            floor: building.3,
            room: building.4,
            department: rest.0,
            sub_department: rest.1,
            post_box: rest.2,
            post_code: rest.3,
            subdivision: rest.4,
            lines,
        })
        .boxed()
}

pub fn scheme() -> BoxedStrategy<Scheme> {
    prop_oneof![
        "[A-Z]{4}".prop_map(|code| Scheme::Code(Text::new(&code).expect("of the set"))),
        text().prop_map(Scheme::Proprietary),
    ]
    .boxed()
}

fn other<const MAX: usize>() -> impl Strategy<Value = Other<MAX>> {
    (text(), option::of(scheme()), option::of(text())).prop_map(|(id, scheme, issuer)| Other { id, scheme, issuer })
}

fn identification() -> BoxedStrategy<Identification> {
    let birth = (date(), option::of(text()), text(), of(&["DE", "GB", "TR"]));
    let birth = birth.prop_map(|(date, province, city, country)| Birth {
        date,
        province,
        city,
        country,
    });
    let others = || prop::collection::vec(other(), 1..=2);
    prop_oneof![
        (option::of(of(&["529900T8BM49AURSDO55"])), others()).prop_map(|(lei, others)| Identification::Organisation {
            bic: None,
            lei,
            others
        }),
        (option::of(birth), others()).prop_map(|(birth, others)| Identification::Person { birth, others }),
    ]
    .boxed()
}

/// By name, or by BIC alone.
pub fn party() -> BoxedStrategy<Party> {
    let by_bic = bic().prop_map(|bic| Party {
        identification: Some(Identification::Organisation {
            bic: Some(bic),
            lei: None,
            others: Vec::new(),
        }),
        ..Party::default()
    });
    let named = (text(), option::of(address()), option::of(identification()));
    let named = (named, option::of(of(&["DE", "GB"])));
    let named = named.prop_map(|((name, address, identification), residence)| Party {
        name: Some(name),
        address,
        identification,
        residence,
    });
    prop_oneof![1 => by_bic, 4 => named].boxed()
}

pub fn agent() -> BoxedStrategy<Agent> {
    let member = (option::of("[A-Z]{5}"), text()).prop_map(|(system, id)| Member {
        system: system.map(|system| Text::new(&system).expect("of the set")),
        id,
    });
    let named = option::of((text(), address()));
    let ids = (
        option::of(bic()),
        option::of(of(&["529900T8BM49AURSDO55"])),
        option::of(text()),
    );
    (ids, member, named)
        .prop_map(|((bic, lei, other), member, named)| {
            let (name, address) = named.unzip();
            Agent {
                bic,
                member: Some(member),
                lei,
                name,
                address,
                other,
            }
        })
        .boxed()
}

pub fn account() -> BoxedStrategy<Account> {
    let id = prop_oneof![
        of(&["DE89370400440532013000", "GB29NWBK60161331926819"]).prop_map(AccountId::Iban),
        other().prop_map(AccountId::Other),
    ];
    let kind = prop_oneof![
        select(&["TELE", "EMAL"]).prop_map(|code| Scheme::Code(Text::new(code).expect("of the set"))),
        text().prop_map(Scheme::Proprietary),
    ];
    let proxy = (option::of(kind), text()).prop_map(|(kind, id)| Proxy { kind, id });
    (
        id,
        option::of(of(&["EUR", "USD"])),
        option::of(text()),
        option::of(proxy),
    )
        .prop_map(|(id, currency, name, proxy)| Account {
            id,
            currency,
            name,
            proxy,
        })
        .boxed()
}

pub fn remittance() -> BoxedStrategy<Remittance> {
    prop_oneof![
        text().prop_map(|line| Remittance::Unstructured(vec![line])),
        text().prop_map(Remittance::Reference),
    ]
    .boxed()
}

fn charge() -> BoxedStrategy<Charge> {
    (money(), agent())
        .prop_map(|(amount, agent)| Charge { amount, agent })
        .boxed()
}

pub fn credit_transfer() -> BoxedStrategy<CreditTransfer> {
    let ids = (
        reference(),
        instruction_id(),
        option::of(reference()),
        option::of(reference()),
        uetr(),
    );
    let amounts = (money(), money(), option::of(1..99_999_999_999_i64), 0..=10_u32);
    let terms = (
        select(
            &[
                SettlementMethod::InstructedAgent,
                SettlementMethod::InstructingAgent,
                SettlementMethod::Cover,
            ][..],
        ),
        select(&[ChargeBearer::Debtor, ChargeBearer::Creditor, ChargeBearer::Shared][..]),
        charge(),
        date(),
        moment(),
        any::<bool>(),
    );
    let agents = (bic(), bic(), option::of(agent()), agent(), agent());
    let parties = (option::of(party()), party(), party(), option::of(party()));
    let rest = (
        option::of(account()),
        option::of(account()),
        option::of(scheme()),
        option::of(remittance()),
    );
    let all = (ids, amounts, terms, agents, parties, rest);
    all.prop_map(|(ids, amounts, terms, agents, parties, rest)| CreditTransfer {
        header: Header {
            possible_duplicate: terms.5,
            ..Header::new(agents.0.clone(), agents.1.clone(), &ids.0, terms.4)
        },
        message_id: ids.0,
        created: terms.4,
        settlement: terms.0,
        instruction_id: ids.1,
        end_to_end_id: ids.2,
        transaction_id: ids.3,
        uetr: ids.4,
        settled: amounts.0,
        settlement_date: terms.3,
        instructed: Some(amounts.1),
        rate: amounts.2.and_then(|rate| Rate::new(Decimal::new(rate, amounts.3))),
        charge_bearer: terms.1,
        charges: vec![terms.2],
        instructing_agent: agents.0,
        instructed_agent: agents.1,
        intermediary: agents.2,
        ultimate_debtor: parties.0,
        debtor: parties.1,
        debtor_account: rest.0,
        debtor_agent: agents.3,
        creditor_agent: agents.4,
        creditor: parties.2,
        creditor_account: rest.1,
        ultimate_creditor: parties.3,
        purpose: rest.2,
        remittance: rest.3,
    })
    .boxed()
}

pub fn reason() -> BoxedStrategy<StatusReason> {
    let originator = option::of(party());
    let code = prop_oneof![
        "[A-Z]{2}[0-9]{2}".prop_map(|code| Reason::Code(ReasonCode::new(&code).expect("capitals and digits"))),
        text().prop_map(Reason::Proprietary),
    ];
    (originator, code, prop::collection::vec(text(), 0..3))
        .prop_map(|(originator, reason, additional)| StatusReason {
            originator,
            reason,
            additional,
        })
        .boxed()
}

pub fn original_message() -> BoxedStrategy<OriginalMessage> {
    (reference(), option::of(moment()))
        .prop_map(|(id, created)| OriginalMessage {
            id,
            name: Text::new("pacs.008.001.08").expect("of the set"),
            created,
        })
        .boxed()
}

pub fn original() -> BoxedStrategy<OriginalPayment> {
    let message = option::of(original_message());
    let ids = (
        option::of(original_instruction_id()),
        option::of(reference()),
        option::of(reference()),
    );
    (message, ids)
        .prop_map(|(message, ids)| OriginalPayment {
            message,
            instruction_id: ids.0,
            end_to_end_id: ids.1,
            transaction_id: ids.2,
        })
        .boxed()
}

pub fn actor() -> BoxedStrategy<Actor> {
    prop_oneof![party().prop_map(Actor::Customer), agent().prop_map(Actor::Bank)].boxed()
}

/// Of all that was paid, so that the reason need not say PART.
pub fn payment_return() -> BoxedStrategy<PaymentReturn> {
    let chain = (actor(), option::of(agent()), option::of(agent()), actor());
    let chain = chain.prop_map(|(debtor, debtor_agent, creditor_agent, creditor)| ReturnChain {
        debtor,
        debtor_agent,
        creditor_agent,
        creditor,
    });
    let rest = (option::of(text()), option::of(date()), any::<bool>(), option::of(chain));
    (credit_transfer(), original(), reason(), rest)
        .prop_map(|(transfer, original, reason, rest)| PaymentReturn {
            header: transfer.header,
            message_id: transfer.message_id,
            created: transfer.created,
            settlement: transfer.settlement,
            id: rest.0,
            original,
            uetr: transfer.uetr,
            original_settled: rest.2.then_some(transfer.settled),
            original_settlement_date: rest.1,
            returned: transfer.settled,
            settlement_date: transfer.settlement_date,
            instructed: transfer.instructed,
            rate: transfer.rate,
            charge_bearer: rest.2.then_some(transfer.charge_bearer),
            charges: transfer.charges,
            instructing_agent: transfer.instructing_agent,
            instructed_agent: transfer.instructed_agent,
            chain: rest.3,
            reason,
        })
        .boxed()
}

fn details() -> BoxedStrategy<EntryDetails> {
    let references = (
        option::of(reference()),
        option::of(text()),
        option::of(text()),
        option::of(original_instruction_id()),
        option::of(reference()),
        option::of(uetr()),
        option::of(reference()),
    );
    let parties = (
        option::of(party()),
        option::of(party()),
        option::of(account()),
        option::of(account()),
    );
    let rest = (option::of(money()), option::of(remittance()), option::of(text()));
    (references, parties, rest)
        .prop_map(|(references, parties, rest)| EntryDetails {
            message_id: references.0,
            servicer_reference: references.1,
            payment_information_id: references.2,
            instruction_id: references.3,
            end_to_end_id: references.4,
            uetr: references.5,
            transaction_id: references.6,
            amount: rest.0,
            debtor: parties.0,
            creditor: parties.1,
            debtor_account: parties.2,
            creditor_account: parties.3,
            remittance: rest.1,
            additional: rest.2,
        })
        .boxed()
}

/// A booked entry in EUR.
pub fn entry() -> BoxedStrategy<Entry> {
    let code = prop_oneof![
        Just(BankTransactionCode::Domain {
            domain: Text::new("PMNT").expect("of the set"),
            family: Text::new("RCDT").expect("of the set"),
            sub_family: Text::new("ESCT").expect("of the set"),
        }),
        (text(), option::of(text())).prop_map(|(code, issuer)| BankTransactionCode::Proprietary { code, issuer }),
    ];
    let booking = (
        0..1_000_000_000_000_u64,
        select(&[Direction::Credit, Direction::Debit][..]),
        any::<bool>(),
        moment().prop_map(Moment::Time),
        option::of(date().prop_map(Moment::Date)),
    );
    let texts = (option::of(text()), option::of(text()), option::of(text()));
    let details = prop::collection::vec(details(), 0..3);
    (booking, texts, code, details)
        .prop_map(|(booking, texts, code, details)| Entry {
            reference: texts.0,
            amount: Money::new(Amount(booking.0), Currency::new("EUR").expect("a code"), 2).expect("18 digits"),
            direction: booking.1,
            reversal: booking.2,
            status: EntryStatus::Booked,
            booked: Some(booking.3),
            value_date: booking.4,
            servicer_reference: texts.1,
            code,
            details,
            additional: texts.2,
        })
        .boxed()
}

pub fn statement() -> BoxedStrategy<Statement> {
    let ids = (
        reference(),
        reference(),
        moment(),
        option::of(any::<u32>()),
        date(),
        bic(),
        bic(),
    );
    let owner = (account(), option::of(party()), option::of(bic()));
    let opening = -1_000_000_000_000_i128..1_000_000_000_000;
    let entries = prop::collection::vec(entry(), 0..4);
    (ids, owner, opening, entries)
        .prop_map(|(ids, owner, opening, entries)| {
            let total = |direction| {
                let counted = entries.iter().filter(|entry| entry.direction == direction);
                counted.fold(Totals::default(), |totals, entry| Totals {
                    count: totals.count + 1,
                    sum: totals.sum.checked_add(entry.amount.amount()).expect("small"),
                })
            };
            let (credits, debits) = (total(Direction::Credit), total(Direction::Debit));
            let closing = opening + i128::from(credits.sum.0) - i128::from(debits.sum.0);
            let eur = Currency::new("EUR").expect("a code");
            let position = |balance| Position::new(Balance(balance), eur, 2).expect("18 digits");
            let head = StatementHead {
                header: Header::new(ids.5, ids.6, &ids.0, ids.2),
                message_id: ids.0,
                created: ids.2,
                id: ids.1,
                sequence: ids.3.map(u64::from),
                day: ids.4,
                account: owner.0,
                owner: owner.1,
                servicer: owner.2,
                opening: position(opening),
                closing: position(closing),
                credits,
                debits,
            };
            Statement { head, entries }
        })
        .boxed()
}
