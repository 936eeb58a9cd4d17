//! A program of ours that does what a test tells it: the same arguments, orders and answers as `tests/peers/peer.c`.
//!
//! One argument more comes first: `queued` or `inline`, how it receives.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "its answers go to stdout")]

use std::io::{BufRead, Write};
use std::time::Duration;

use lcm::Pattern;
use mesh_tests::listening::{Bus, Reading};
use mesh_tests::payload::pattern;
use mesh_tests::talk::{Heard, unhex};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["queued", url, "listen", regex] => listen(Reading::Queued, url, regex),
        ["inline", url, "listen", regex] => listen(Reading::Inline, url, regex),
        ["queued", url, "send"] => send(Reading::Queued, url),
        ["inline", url, "send"] => send(Reading::Inline, url),
        _ => panic!("usage: bus-peer queued|inline URL listen REGEX|send"),
    }
}

fn listen(reading: Reading, url: &str, regex: &str) {
    let mut bus = Bus::open(reading, url, Pattern::regex(regex).expect("a regular expression"));
    answer("ready");
    loop {
        if let Some(message) = bus.next(Duration::from_secs(1)) {
            answer(&Heard::of(message.channel().as_bytes(), message.payload()).to_line());
        }
    }
}

fn send(reading: Reading, url: &str) {
    let bus = Bus::open_to_publish(reading, url);
    answer("ready");
    for order in std::io::stdin().lock().lines() {
        let order = order.expect("orders are text");
        let words: Vec<&str> = order.split(' ').collect();
        let [channel, numbers @ ..] = &words[..] else { panic!("an order without a channel") };
        let channel = unhex(channel);
        let numbers: Vec<u32> = numbers.iter().map(|word| word.parse().expect("a number")).collect();
        let [seed, size, count, pause_us] = numbers[..] else { panic!("an order of five words: {order:?}") };
        let size = usize::try_from(size).expect("32 bits or more");
        for seed in seed..seed + count {
            bus.publish(&channel, &pattern(seed, size));
            std::thread::sleep(Duration::from_micros(pause_us.into()));
        }
        answer("sent 0");
    }
}

fn answer(line: &str) {
    println!("{line}");
    std::io::stdout().flush().expect("the test reads on");
}
