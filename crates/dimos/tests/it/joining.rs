//! How a mesh is joined: which bus, which coordinator, and what cannot be honoured.

use std::process::Command;
use std::time::Duration;

use dimos::presence::Policy;
use dimos::{ConnectError, Dimos, Options, ServeError, Service};
use serde_json::{Value, json};

use crate::bus::{client, name, options, url};

#[test]
fn connecting_waits_for_a_coordinator() {
    let options = options();
    let Err(ConnectError::NoCoordinator { .. }) = options.clone().connect() else { panic!() };
    let late = std::thread::spawn({
        let options = options.clone();
        move || {
            std::thread::sleep(Duration::from_millis(500));
            Service::new(name("coordinator")).policy(Policy::FirstHolder).start(options).unwrap()
        }
    });
    options.clone().connect().unwrap();
    let _first = late.join().unwrap();
    let _second = Service::new(name("robot0/coordinator")).start(options.clone()).unwrap();
    let Err(ConnectError::SeveralCoordinators { candidates, .. }) = options.clone().connect() else { panic!() };
    assert_eq!(candidates, [name("coordinator"), name("robot0/coordinator")]);
    options.clone().coordinator(name("robot0/coordinator")).connect().unwrap();
}

#[test]
fn a_coordinator_is_found_by_the_name_it_was_given() {
    let options = options();
    let _boss = Service::new(name("boss")).policy(Policy::FirstHolder).start(options.clone()).unwrap();
    options.clone().coordinator(name("boss")).connect().unwrap();
    let _other = Service::new(name("robot0/coordinator")).start(options.clone()).unwrap();
    let missing = options.coordinator(name("robot1/coordinator")).connect();
    let Err(ConnectError::NotThatCoordinator { candidates, .. }) = missing else { panic!("{missing:?}") };
    assert_eq!(candidates, [name("robot0/coordinator")]);
}

#[test]
fn a_coordinator_that_nobody_waits_for_is_an_error() {
    let named = options().coordinator(name("robot0/coordinator"));
    let error = named.clone().join().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the coordinator robot0/coordinator is named, but only `connect` waits for one: leave it out, or connect"
    );
    let served = Service::new(name("lonely")).start(named);
    let Err(ServeError::Connect(ConnectError::UnusedCoordinator { .. })) = served else { panic!("{served:?}") };
}

#[test]
fn what_is_no_bus_of_several_is_no_mesh() {
    let log = std::env::temp_dir().join(format!("dimos-no-mesh-{}.lcmlog", std::process::id()));
    for (url, told) in [
        ("memq://".to_owned(), "a queue of its own"),
        (format!("file://{}?mode=w", log.display()), "records"),
        (format!("file://{}?mode=a", log.display()), "records"),
    ] {
        let options = Options::default().url(url.parse().unwrap());
        let error = options.clone().join().unwrap_err();
        assert!(matches!(error, ConnectError::NoMesh { .. }) && error.to_string().contains(told), "{error}");
        assert!(error.to_string().contains("use a bus such as udpm://"), "{error}");
        assert!(matches!(options.clone().connect(), Err(ConnectError::NoMesh { .. })));
        let served = Service::new(name("lonely")).start(options);
        assert!(matches!(served, Err(ServeError::Connect(ConnectError::NoMesh { .. }))), "{served:?}");
    }
    assert!(!log.exists(), "an error replaces no file");
}

#[test]
fn a_bus_that_is_given_counts_and_not_the_one_of_the_environment() {
    // The environment of a process is set when it starts, so the test is a process of its own.
    if std::env::var_os(INSIDE).is_none() {
        let here = "joining::a_bus_that_is_given_counts_and_not_the_one_of_the_environment";
        let mut again = Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", here, "--nocapture"]).env(INSIDE, "1").env("LCM_DEFAULT_URL", url());
        let output = again.output().unwrap();
        assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
        return;
    }
    let environment = std::env::var("LCM_DEFAULT_URL").unwrap();
    let given = Options::default().url(url().parse().unwrap());
    let service = Service::new(name("here")).unary("bus", |_, _| Ok(json!("given")));
    let served = service.start(given.clone()).unwrap();
    assert_eq!(client(&given).module("here").unwrap().call("bus", &Value::Null).unwrap(), json!("given"));
    // Without a URL it is that of the environment, where nobody is.
    assert_eq!(Dimos::join().unwrap().settled().modules(), []);
    assert_eq!(std::env::var("LCM_DEFAULT_URL").unwrap(), environment);
    drop(served);
}

#[test]
fn methods_that_would_hide_each_other_are_refused() {
    let service = || Service::new(name("double")).unary("echo", |arguments, _| Ok(arguments));
    let twice = service().concurrent("echo", |_, _| Ok(Value::Null)).start(options());
    let Err(ServeError::Repeated { method }) = twice else { panic!("{twice:?}") };
    assert_eq!(method, "echo");
    let described = service().described("echo", Default::default()).described("echo", Default::default());
    let Err(ServeError::Repeated { .. }) = described.start(options()) else { panic!() };
    for built_in in ["describe", "about"] {
        let own = service().unary(built_in, |_, _| Ok(json!("mine"))).start(options());
        let Err(ServeError::Reserved { method }) = own else { panic!("{own:?}") };
        assert_eq!(method, built_in);
    }
}

const INSIDE: &str = "DIMOS_TEST_INSIDE";
