//! LCM's own client/server test, with ours on either side: a client goes through an echo and five message types, a server
//! answers each message with the next one.

use std::process::Command;
use std::time::Duration;

use lcm::{Inline, Lcm, Queue};
use mesh_tests::lcmtest::{ECHO, ECHO_REPLY, KINDS, QUIT};
use mesh_tests::listening::{Bus, Reading};
use mesh_tests::payload::pattern;
use mesh_tests::peers::Wheel;
use mesh_tests::process::{PATIENCE, Process, run};
use mesh_tests::{isolated, test_name};

#[test]
fn our_fingerprints_are_those_of_lcm_gen() {
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let told = run(&mut python(&wheel, "lcmtest_messages.py"));
    let ours: Vec<_> = KINDS.iter().map(|kind| format!("{} {:016x}", kind.name, kind.fingerprint())).collect();
    assert_eq!(told.lines().collect::<Vec<_>>(), ours);
}

#[test]
fn our_client_passes_with_the_python_server() {
    isolated!(MulticastOnLo);
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    our_client_passes_with(python(&wheel, "lcmtest_server.py").arg(BUS));
}

#[test]
fn our_client_passes_with_the_c_server() {
    isolated!(MulticastOnLo);
    let Some(mut program) = c_program(test_name!()) else { return };
    our_client_passes_with(program.args([BUS, "server"]));
}

#[test]
fn the_python_client_passes_with_our_queued_server() {
    isolated!(MulticastOnLo);
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    passes_with_queued_server(python(&wheel, "lcmtest_client.py").arg(BUS));
}

#[test]
fn the_c_client_passes_with_our_queued_server() {
    isolated!(MulticastOnLo);
    let Some(mut program) = c_program(test_name!()) else { return };
    passes_with_queued_server(program.args([BUS, "client"]));
}

#[test]
fn the_python_client_passes_with_our_inline_server() {
    isolated!(MulticastOnLo);
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    passes_with_inline_server(python(&wheel, "lcmtest_client.py").arg(BUS));
}

#[test]
fn the_c_client_passes_with_our_inline_server() {
    isolated!(MulticastOnLo);
    let Some(mut program) = c_program(test_name!()) else { return };
    passes_with_inline_server(program.args([BUS, "client"]));
}

fn our_client_passes_with(server: &mut Command) {
    let mut server = Process::start(server);
    server.expect_line("ready", |line| line == "ready");
    for reading in Reading::BOTH {
        // It hears the requests as well, its own messages; they are passed over.
        let mut bus = Bus::open_to_all(reading, BUS);
        let mut ask = |channel: &str, request: &[u8], reply_channel: &str| {
            bus.publish(channel.as_bytes(), request);
            let Some(reply) = bus.next_on(reply_channel, PATIENCE) else {
                panic!("no reply on {reply_channel}; {}", server.stderr());
            };
            reply
        };
        for round in 0..100 {
            let data = pattern(round, 10 + 100 * round as usize);
            assert_eq!(**ask(ECHO, &data, ECHO_REPLY).payload(), data);
        }
        for kind in KINDS {
            for number in 0..kind.rounds {
                let reply = ask(&kind.channel(), &kind.encode(number), &kind.reply_channel());
                assert!(**reply.payload() == kind.encode(number + 1), "reply {number} of {}", kind.name);
            }
        }
    }
    Bus::open_to_publish(Reading::Queued, BUS).publish(QUIT.as_bytes(), b"");
    assert!(server.wait(PATIENCE).success(), "{}", server.stderr());
}

/// A server that reads one queue of every channel, in a thread of the test.
fn passes_with_queued_server(client: &mut Command) {
    let lcm = Lcm::open(BUS).expect("the bus opens");
    let requests = lcm.subscribe(lcm::Pattern::any(), Queue::default()).expect("the bus can be listened to");
    let quit = lcm.clone();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut counts = [0; KINDS.len()];
            while let Ok(Some(message)) = requests.recv_timeout(PATIENCE) {
                if *message.channel() == *ECHO {
                    lcm.publish(ECHO_REPLY, message.payload()).expect("the echo is published");
                } else if *message.channel() == *QUIT {
                    return;
                }
                for (index, kind) in KINDS.into_iter().enumerate() {
                    if *message.channel() == *kind.channel().as_str() {
                        let reply = answer(index, message.payload(), &mut counts);
                        lcm.publish(kind.reply_channel(), &reply).expect("the reply is published");
                    }
                }
            }
        });
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| client_passes(client)));
        // However it went, the server ends.
        quit.publish(QUIT, b"").expect("the end is published");
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

/// A server whose handlers answer on the thread that reads.
fn passes_with_inline_server(client: &mut Command) {
    let mut inline = Inline::open(BUS).expect("the bus opens");
    let publisher = inline.publisher();
    let echo = inline.subscribe(ECHO, move |message| {
        publisher.publish(ECHO_REPLY, message.payload()).expect("the echo is published");
    });
    echo.expect("a name is a pattern");
    let counts = std::sync::Arc::new(std::sync::Mutex::new([0; KINDS.len()]));
    for (index, kind) in KINDS.into_iter().enumerate() {
        let publisher = inline.publisher();
        let counts = std::sync::Arc::clone(&counts);
        let replies = inline.subscribe(kind.channel().as_str(), move |message| {
            let reply = answer(index, message.payload(), &mut counts.lock().expect("one thread"));
            publisher.publish(kind.reply_channel(), &reply).expect("the reply is published");
        });
        replies.expect("a name is a pattern");
    }
    let mut client = Process::start(client);
    while client.is_running() {
        inline.handle(Some(Duration::from_millis(50))).expect("the bus can be read");
    }
    let status = client.wait(PATIENCE);
    assert!(status.success(), "{status}: {}", client.stderr());
    assert_eq!(client.remaining_lines(), ["passed"]);
}

/// Checks a request, which has to be the one after those before, and makes the answer.
fn answer(index: usize, request: &[u8], counts: &mut [i32; KINDS.len()]) -> Vec<u8> {
    if request == KINDS[0].encode(0) {
        *counts = Default::default();
    }
    let kind = KINDS[index];
    let number = counts[index];
    assert!(request == kind.encode(number), "request {number} of {}", kind.name);
    counts[index] += 1;
    kind.encode(number + 1)
}

fn client_passes(client: &mut Command) {
    let mut client = Process::start(client);
    let status = client.wait(2 * PATIENCE);
    assert!(status.success(), "{status}: {}", client.stderr());
    assert_eq!(client.remaining_lines(), ["passed"]);
}

fn python(wheel: &Wheel, script: &str) -> Command {
    let mut command = wheel.script(script);
    command.env("LCMTEST_TYPES", wheel.python_types("lcmtest"));
    command
}

fn c_program(test: &str) -> Option<Command> {
    Wheel::find(test)?.compiled_with_types(test, "lcmtest.c", "lcmtest")
}

const BUS: &str = "udpm://239.255.76.67:7667?ttl=0";
