use super::*;
use crate::example::{currency, list, tier_limits};

fn check(change: impl FnOnce(&mut Parameters), expected: Result<(), ParametersError>) {
    let mut parameters = Parameters::default();
    change(&mut parameters);
    assert_eq!(parameters.check(), expected);
}

fn out_of_range(name: &'static str, actual: u64, min: u64, max: u64) -> Result<(), ParametersError> {
    Err(ParametersError::OutOfRange { name, actual, min, max })
}

#[test]
fn each_parameter_has_its_range() {
    check(|_| (), Ok(()));
    let name = "validity_seconds_max";
    check(|p| p.validity_seconds_max = 60, Ok(()));
    check(|p| p.validity_seconds_max = 86_400, Ok(()));
    check(|p| p.validity_seconds_max = 59, out_of_range(name, 59, 60, 86_400));
    check(
        |p| p.validity_seconds_max = 86_401,
        out_of_range(name, 86_401, 60, 86_400),
    );
    let name = "block_transactions_max";
    check(|p| p.block_transactions_max = 1_024, Ok(()));
    check(
        |p| p.block_transactions_max = 1_023,
        out_of_range(name, 1_023, 1_024, 16_384),
    );
    check(
        |p| p.block_transactions_max = 16_385,
        out_of_range(name, 16_385, 1_024, 16_384),
    );
    let name = "block_cost_max";
    check(|p| p.block_cost_max = 2_000_000, Ok(()));
    check(|p| p.block_cost_max = 100_000_000, Ok(()));
    check(
        |p| p.block_cost_max = 1_999_999,
        out_of_range(name, 1_999_999, 2_000_000, 100_000_000),
    );
    check(
        |p| p.block_cost_max = u64::MAX,
        out_of_range(name, u64::MAX, 2_000_000, 100_000_000),
    );
    let name = "checkpoint_period_seconds";
    check(|p| p.checkpoint_period_seconds = 60, Ok(()));
    check(|p| p.checkpoint_period_seconds = 59, out_of_range(name, 59, 60, 86_400));
    check(
        |p| p.checkpoint_period_seconds = 86_401,
        out_of_range(name, 86_401, 60, 86_400),
    );
}

#[test]
fn limits_ascend_each_pair_once_and_spare_tier_0() {
    let check_limits = |limits: &[(u8, &str)], expected| {
        let limits = limits.iter().map(|&(tier, code)| tier_limits(tier, code)).collect();
        check(|p| p.limits = list(limits), expected);
    };
    check_limits(&[(1, "CNY"), (1, "EUR"), (2, "AED")], Ok(()));
    check_limits(&[(255, "CNY")], Ok(()));
    check_limits(&[(1, "EUR"), (1, "CNY")], Err(ParametersError::Limits));
    check_limits(&[(2, "CNY"), (1, "CNY")], Err(ParametersError::Limits));
    check_limits(&[(1, "CNY"), (1, "CNY")], Err(ParametersError::Limits));
    check_limits(&[(0, "CNY")], Err(ParametersError::Limits));
    check_limits(&[(0, "CNY"), (1, "CNY")], Err(ParametersError::Limits));
}

#[test]
fn limits_are_found_by_tier_and_currency() {
    let limits = list(vec![
        tier_limits(1, "CNY"),
        tier_limits(1, "EUR"),
        tier_limits(4, "CNY"),
    ]);
    let parameters = Parameters {
        limits,
        ..Parameters::default()
    };
    let find = |tier, code| parameters.limits_of(Tier(tier), currency(code));
    for (tier, code) in [(1, "CNY"), (1, "EUR"), (4, "CNY")] {
        assert_eq!(find(tier, code), Some(&tier_limits(tier, code)));
    }
    for (tier, code) in [(0, "CNY"), (2, "CNY"), (4, "EUR"), (1, "AED")] {
        assert_eq!(find(tier, code), None);
    }
}
