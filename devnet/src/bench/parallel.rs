//! Work that is done before the clock starts, on all cores.

use std::{num::NonZero, ops::Range, thread};

/// Cores that this process may use.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// `make` of each number in the range, in order.
pub fn each<T: Send>(numbers: Range<u64>, make: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let share = (numbers.end.saturating_sub(numbers.start))
        .div_ceil(cores() as u64)
        .max(1);
    let make = &make;
    thread::scope(|scope| {
        let shares = numbers.clone().step_by(usize::try_from(share).unwrap_or(usize::MAX));
        let threads: Vec<_> = shares
            .map(|first| {
                let end = first.saturating_add(share).min(numbers.end);
                scope.spawn(move || (first..end).map(make).collect::<Vec<_>>())
            })
            .collect();
        let joined = threads.into_iter().map(|thread| thread.join().expect("none panics"));
        joined.flatten().collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_once_and_in_order() {
        assert_eq!(each(3..103, |n| n), (3..103).collect::<Vec<_>>());
        assert_eq!(each(5..6, |n| n), [5]);
        assert_eq!(each(5..5, |n| n), [0; 0]);
    }
}
