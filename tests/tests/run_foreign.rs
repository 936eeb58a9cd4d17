//! Programs that are not written with the SDK, as modules of a run.

use std::time::{Duration, Instant};

use dimos::Dimos;
use dimos::coordinator::ModuleState;
use lcm::Queue;
use lcm_types::std_msgs::Int32;
use mesh_tests::run::{nothing_is_left, others, those_with};
use mesh_tests::{isolated, run_test_module, site};

#[test]
fn a_foreign_program_is_up_after_its_time_and_gets_what_its_file_says() {
    isolated!(MulticastOnLo);
    let site = site!();
    site.script("camera", "echo args: \"$@\"; echo env: $RATE $DIMOS_MODULE $LCM_DEFAULT_URL $DIMOS_TRANSPORT; pwd; cat; echo end of input; nice; exec sleep 1000");
    site.write("place/file", "");
    let text = "bus = \"udpm://239.255.76.67:7667?ttl=0\"\n[modules.camera]\nrun = [\"camera\", \"--fast\", \"a b\"]\nforeign = true\nready_after = \"700ms\"\ndirectory = \"place\"\nenv.RATE = \"30\"\nnice = 5\ncpus = [0]\noutputs.image = \"sensor_msgs.Image\"\n";
    let began = Instant::now();
    let mut run = site.run(&[&site.write("camera.toml", text)]);
    assert!(began.elapsed() >= Duration::from_millis(700));
    let camera = run.module("camera");
    assert_eq!((camera.state, camera.class), (ModuleState::Running, None));
    let words: Vec<_> = site
        .log(None)
        .iter()
        .filter(|line| line["logger"] == "camera")
        .map(|line| line["event"].as_str().expect("a text").to_owned())
        .collect();
    let place = site.path("place").canonicalize().expect("it is there").display().to_string();
    assert_eq!(
        words,
        ["args: --fast a b", "env: 30 camera udpm://239.255.76.67:7667?ttl=0 lcm", place.as_str(), "end of input", "5"]
    );
    let status = std::fs::read_to_string(format!("/proc/{}/status", camera.pid.expect("it runs"))).expect("it runs");
    assert!(status.contains("Cpus_allowed_list:\t0\n"), "{status}");
    assert_eq!(run.end_by("TERM"), Some(0));
    nothing_is_left();
}

#[test]
fn a_foreign_program_is_up_when_it_is_heard_each_time_it_starts() {
    isolated!(MulticastOnLo);
    let site = site!();
    let text = format!(
        "[modules.lidar]\nrun = [\"lidar\"]\nforeign = true\nready_on = \"/number#std_msgs.Int32\"\noutputs.number = \"std_msgs.Int32\"\n[modules.ears]\n{}remap = {{ nap = \"/number\" }}\n",
        run_test_module!("Ends")
    );
    site.script("lidar", "exec sleep 1000");
    let mut command = site.begin(&[&site.write("lidar.toml", &text)]);
    let dimos = Dimos::join().expect("the bus is there");
    mesh_tests::modules::eventually(|| command.stderr(), || (those_with("sleep 1000").len() == 1).then_some(()));
    // It is alone, and the run is not up until something is heard.
    std::thread::sleep(Duration::from_secs(1));
    assert!(command.is_running() && !command.stderr().contains("lidar is up"), "{}", command.stderr());
    let out = dimos.listen::<Int32>("/out", Queue::keep_last(10)).expect("the bus is there");
    dimos.publish("/number", &Int32 { data: 0 }).expect("the bus takes it");
    let mut run = mesh_tests::run::Run::up(command, None);
    assert!(out.next(Duration::from_secs(30)).expect("a number").is_some());
    // Once more, and it is waited for once more.
    let before = run.pid("lidar");
    mesh_tests::run::signal(before, "KILL");
    run.until("lidar", "starts", |module| module.state == ModuleState::Starting && module.pid != Some(before));
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(run.module("lidar").state, ModuleState::Starting);
    dimos.publish("/number", &Int32 { data: 0 }).expect("the bus takes it");
    run.until_replaced("lidar", before);
    assert_eq!(run.end_by("TERM"), Some(0));
    nothing_is_left();
}

#[test]
fn the_ports_of_a_foreign_program_are_checked_as_all_others() {
    isolated!(MulticastOnLo);
    let site = site!();
    site.script("lidar", "exec sleep 1000");
    let text = format!(
        "[modules.lidar]\nrun = \"lidar\"\nforeign = true\noutputs.number = \"std_msgs.String\"\n[modules.ears]\n{}remap = {{ nap = \"/number\" }}\n",
        run_test_module!("Ends")
    );
    let wrong = site.dimos(&["check", &site.write("lidar.toml", &text)]);
    assert_eq!(wrong.code, Some(11), "{wrong:?}");
    assert!(wrong.stderr.contains("std_msgs.String") && wrong.stderr.contains("std_msgs.Int32"), "{wrong:?}");
    let text = "[modules.lidar]\nrun = \"lidar\"\nforeign = true\ninputs.number = \"std_msgs.Strin\"\n";
    let wrong = site.dimos(&["check", &site.write("lidar.toml", text)]);
    assert_eq!(wrong.code, Some(11), "{wrong:?}");
    assert!(wrong.stderr.contains("lidar.toml:4:"), "{wrong:?}");
    assert_eq!(others(), []);
}

#[test]
fn a_python_program_is_a_module_as_any_other() {
    isolated!(MulticastOnLo);
    let site = site!();
    let python = "import json, signal, sys, time\ndef end(*_):\n    print('bye', flush=True)\n    sys.exit(0)\nsignal.signal(signal.SIGTERM, end)\nprint(json.dumps({'level': 'warning', 'event': 'ready', 'n': 1}), flush=True)\nwhile True:\n    time.sleep(0.1)\n";
    site.write("tool.py", python);
    let text = "modules.tool = { run = [\"python3\", \"tool.py\"], foreign = true, ready_after = \"1s\" }";
    let mut run = site.run(&[&site.write("tool.toml", text)]);
    assert_eq!(run.end_by("TERM"), Some(0), "{}", run.stderr());
    let log = site.log(None);
    let said: Vec<_> = log.iter().filter(|line| line["logger"] == "tool").collect();
    assert_eq!(
        (&said[0]["event"], &said[0]["level"], &said[0]["n"]),
        (&"ready".into(), &"warning".into(), &1.into()),
        "{log:?}"
    );
    assert_eq!(said[1]["event"], "bye");
    nothing_is_left();
}
