//! Which of many customers are still to be opened, found without asking for each of them.
//!
//! Customers are opened in *parts*, each by one transaction that opens all of it or nothing, or one by
//! one in order; parts in *waves*, each begun when all before it are done. So whoever is open tells of
//! others: the first of a wave of all earlier waves, the last of a part of the whole part.

use futures::future::try_join_all;

use super::ACTIONS_MAX;

/// Customers of one transaction: each takes two actions, to be opened and to be funded.
const PART: usize = ACTIONS_MAX / 2;

/// Customers of one wave: 64 parts are under way at once.
const WAVE: usize = 64 * PART;

/// What a transaction that opens customers did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    All,
    /// Nothing, since one of them at least was open.
    NoneSinceOneIs,
}

/// The parts in which someone may not be open yet, by wave. However many customers an earlier run had
/// and wherever it was cut short, nobody is left out; those asked for are few.
pub async fn missing<C>(
    customers: &[C],
    is_open: impl AsyncFn(&C) -> anyhow::Result<bool>,
) -> anyhow::Result<Vec<Vec<&[C]>>> {
    let waves: Vec<_> = customers.chunks(WAVE).collect();
    let begun = {
        let (mut begun, mut untouched) = (0, waves.len());
        while begun < untouched {
            let middle = begun.midpoint(untouched);
            if is_open(&waves[middle][0]).await? {
                begun = middle + 1;
            } else {
                untouched = middle;
            }
        }
        begun
    };
    // The last wave that is seen to be begun may have gaps; so may the one after it, whose first part
    // may be such a gap.
    let mut missing = Vec::new();
    for (number, wave) in waves.into_iter().enumerate().skip(begun.saturating_sub(1)) {
        let mut parts: Vec<_> = wave.chunks(PART).collect();
        if number <= begun {
            let open = try_join_all(parts.iter().map(|part| is_open(&part[part.len() - 1]))).await?;
            let mut open = open.into_iter();
            parts.retain(|_| open.next() == Some(false));
        }
        if !parts.is_empty() {
            missing.push(parts);
        }
    }
    Ok(missing)
}

/// Opens all of a part at once or, where some of it is open, those that are not, one by one in order.
pub async fn open_part<C>(part: &[C], open: impl AsyncFn(&[C]) -> anyhow::Result<Opened>) -> anyhow::Result<()> {
    if open(part).await? == Opened::NoneSinceOneIs {
        for customer in part.chunks(1) {
            open(customer).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
