//! `causeway council`.

use anyhow::Context;
use causeway_contracts::{
    block::Height,
    codec::{Bounded, Text},
    committee::{ValidatorId, change::ValidatorChange},
    governance::CouncilAction,
    identity::KeyPolicy,
    protocol::ProtocolVersion,
    registry::Node,
    transaction::{Action, Transaction},
};

use super::{
    args::{CouncilCommand, Member, SetValidator, Signers},
    teller::{Teller, report},
    wallet::Wallet,
};

pub async fn run(wallet: &Wallet, command: CouncilCommand) -> anyhow::Result<()> {
    let Decision { act, signers, told } = Decision::of(command)?;
    carry_out(wallet, act, &signers, [told.0, &told.1]).await
}

/// What the council is to decide, by whose keys, and how it is told when it is final.
#[derive(Debug)]
struct Decision {
    act: CouncilAction,
    signers: Signers,
    told: (&'static str, String),
}

impl Decision {
    fn of(command: CouncilCommand) -> anyhow::Result<Self> {
        let (act, signers, did, what) = match command {
            CouncilCommand::Validators { set, remove, signers } => {
                let set = set.into_iter().map(|SetValidator(validator)| validator).collect();
                let remove = remove.iter().map(ValidatorId::of).collect();
                let change = ValidatorChange {
                    remove: Bounded::new(remove).context("too many validators to remove in one act")?,
                    set: Bounded::new(set).context("too many validators to set in one act")?,
                };
                let act = CouncilAction::ChangeValidators(change);
                (act, signers, "Changed", "the validators".to_owned())
            }
            CouncilCommand::SetNode {
                name,
                network_key,
                address,
                validator_key,
                signers,
            } => {
                let what = format!("node {name}");
                let node = Node {
                    name,
                    network_key,
                    address,
                    validator_keys: Bounded::new(validator_key).context("a node has at most two validator keys")?,
                };
                (CouncilAction::SetNode(node), signers, "Registered", what)
            }
            CouncilCommand::RemoveNode { name, signers } => {
                let what = format!("node {name}");
                (CouncilAction::RemoveNode { name }, signers, "Removed", what)
            }
            CouncilCommand::ScheduleProtocol {
                version,
                height,
                signers,
            } => {
                let what = format!("version {version} of the protocol from height {height} on");
                let act = CouncilAction::ScheduleProtocol {
                    version: ProtocolVersion(version),
                    height: Height(height),
                };
                (act, signers, "Scheduled", what)
            }
            CouncilCommand::WithdrawProtocol { signers } => {
                let what = "the scheduled version of the protocol".to_owned();
                (CouncilAction::WithdrawProtocol, signers, "Withdrew", what)
            }
            CouncilCommand::SetCouncil {
                members,
                threshold,
                signers,
            } => {
                let mut keys: Vec<_> = members.into_iter().map(|Member(member)| member).collect();
                keys.sort_by_key(|member| member.key);
                let policy = KeyPolicy {
                    threshold,
                    keys: Bounded::new(keys).context("a council has at most 16 members")?,
                };
                policy.check()?;
                (
                    CouncilAction::SetCouncil(policy),
                    signers,
                    "Replaced",
                    "the council's keys".to_owned(),
                )
            }
        };
        Ok(Self {
            act,
            signers,
            told: (did, what),
        })
    }
}

async fn carry_out(wallet: &Wallet, act: CouncilAction, signers: &Signers, told: [&str; 2]) -> anyhow::Result<()> {
    let home = wallet.home()?;
    let client = home.client()?;
    let keys = signers.keys.iter().map(|name| wallet.open_key(&home, name));
    let keys = keys.collect::<anyhow::Result<Vec<_>>>()?;
    let action = Action::Council(act);
    let is_like = |tx: &Transaction| *tx.actions == [action.clone()];
    let mut teller = Teller::new(wallet, &home, &client)?;
    let done = teller
        .carry_out(&keys, (action.clone(), Text::default()), is_like)
        .await?;
    report(wallet, &done, told)
}

#[cfg(test)]
mod tests {
    use causeway_contracts::{
        identity::WeightedKey,
        keys::{PublicKey, SecretKey},
    };
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        command: CouncilCommand,
    }

    fn key(seed: u8) -> PublicKey {
        SecretKey::from_seed(&[seed; 32]).public_key()
    }

    /// Signed with two keys, as each is.
    fn decided(line: &str) -> anyhow::Result<Decision> {
        let words = ["council"]
            .into_iter()
            .chain(line.split(' '))
            .chain(["--key", "a", "--key", "b"]);
        Decision::of(Line::try_parse_from(words)?.command)
    }

    fn check(line: &str, act: &CouncilAction, told: &str) {
        let decision = decided(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(decision.act, *act, "{line}");
        assert_eq!(decision.signers.keys, ["a", "b"], "{line}");
        assert_eq!(format!("{} {}", decision.told.0, decision.told.1), told);
    }

    #[test]
    fn a_version_of_the_protocol_is_scheduled_and_withdrawn() {
        let act = CouncilAction::ScheduleProtocol {
            version: ProtocolVersion(2),
            height: Height(5000),
        };
        let told = "Scheduled version 2 of the protocol from height 5000 on";
        check("schedule-protocol 2 --height 5000", &act, told);
        let told = "Withdrew the scheduled version of the protocol";
        check("withdraw-protocol", &CouncilAction::WithdrawProtocol, told);
        for bad in [
            "schedule-protocol 2",
            "schedule-protocol two --height 5000",
            "withdraw-protocol 2",
        ] {
            decided(bad).expect_err(bad);
        }
    }

    #[test]
    fn a_council_is_named_in_any_order() {
        let mut keys = [(key(1), 1), (key(2), 3), (key(3), 1)].map(|(key, weight)| WeightedKey { key, weight });
        keys.sort_by_key(|member| member.key);
        let policy = KeyPolicy {
            threshold: 3,
            keys: Bounded::new(keys.to_vec()).expect("three"),
        };
        let members = |first: u8, second: u8, third: u8| {
            let member = |seed| match seed {
                2 => format!("--member {}=3", key(seed)),
                _ => format!("--member {}", key(seed)),
            };
            format!(
                "set-council {} {} {} --threshold",
                member(first),
                member(second),
                member(third)
            )
        };
        for line in [members(1, 2, 3), members(3, 2, 1), members(2, 3, 1)] {
            check(
                &format!("{line} 3"),
                &CouncilAction::SetCouncil(policy.clone()),
                "Replaced the council's keys",
            );
        }
        // Nobody could act for it, or one member twice.
        for bad in [
            format!("{} 6", members(1, 2, 3)),
            format!("{} 0", members(1, 2, 3)),
            format!("{} 1", members(1, 1, 3)),
            format!("set-council --member {}=0 --threshold 1", key(1)),
            "set-council --threshold 1".to_owned(),
        ] {
            decided(&bad).expect_err(&bad);
        }
    }
}
