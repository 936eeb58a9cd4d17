//! Every type of the crate, with random messages made from its schema alone.

use lcm::Message;

use crate::random::{Messages, checks};

macro_rules! check_all {
    ($($message:path,)*) => {
        fn check_all(messages: &mut Messages<'_>, rounds: usize) -> usize {
            let names = [$(<$message>::NAME,)*];
            $(
                checks::check::<$message>(messages, rounds);
                checks::agrees_with_schema::<$message>(messages, lcm_types::catalog(), rounds);
            )*
            names.len()
        }
    };
}

lcm_types::all_types!(check_all);

#[test]
fn every_message_is_read_and_written_by_all_ways_alike() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut messages =
        Messages { schema: lcm_types::catalog().schema(), random: fastrand::Rng::with_seed(seed), nan: true };
    let count = check_all(&mut messages, 20);
    assert_eq!(count, lcm_types::catalog().schema().iter().count());
}
