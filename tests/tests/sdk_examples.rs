//! The examples of the SDK that need nothing but a bus, run as programs.

use std::process::Command;

use mesh_tests::{example, isolated};

#[test]
fn parallel_calls_prints_results_in_order_and_cancels_a_stream() {
    let program = example::built("dimos", "parallel_calls");
    isolated!(MulticastOnLo);
    let output = Command::new(program).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said, "1\n4\n9\n16\n25\n0\n1\n2\ncancelled\n", "{output:?}");
    assert_eq!(output.status.code(), Some(0));
}
