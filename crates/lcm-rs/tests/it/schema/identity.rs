//! Which type a message has.

use lcm::schema::{Catalog, Identity, Suffix};

use super::{catalog, message};

fn types() -> Catalog {
    let vectors = "demo.Vector linear; demo.Vector angular;";
    catalog(&[
        ("demo.Vector", "double x; double y; double z;"),
        ("demo.Twist", vectors),
        ("demo.Accel", vectors),
        ("other.Twist", vectors),
        ("third.Twist", "int32_t old;"),
        ("Plain", "int8_t i;"),
    ])
}

fn names(identity: &Identity<'_>) -> Vec<String> {
    identity.candidates.iter().map(|candidate| candidate.name().to_owned()).collect()
}

#[test]
fn the_suffix_decides_between_types_of_one_fingerprint() {
    let catalog = types();
    let twist = message(&catalog, "demo.Twist", &[0; 48]);
    let identity = catalog.identify(b"/cmd_vel#demo.Twist", &twist);
    assert_eq!(identity.suffix, Suffix::Agrees);
    assert_eq!(identity.best().unwrap().name(), "demo.Twist");
    assert_eq!(names(&identity), ["demo.Twist", "demo.Accel", "other.Twist"]);
    assert_eq!(names(&catalog.identify(b"/a#b#other.Twist", &twist))[0], "other.Twist");
    assert_eq!(catalog.identify(b"#Plain", &message(&catalog, "Plain", &[0])).suffix, Suffix::Agrees);
}

#[test]
fn a_suffix_without_a_package_means_every_package() {
    let catalog = types();
    let identity = catalog.identify(b"/cmd_vel#Twist", &message(&catalog, "demo.Accel", &[0; 48]));
    assert_eq!(identity.suffix, Suffix::Agrees);
    assert_eq!(names(&identity), ["demo.Twist", "other.Twist", "demo.Accel"]);
    let identity = catalog.identify(b"/cmd_vel#Twist", &message(&catalog, "third.Twist", &[0; 4]));
    assert_eq!((names(&identity), &identity.suffix), (vec!["third.Twist".to_owned()], &Suffix::Agrees));
}

#[test]
fn without_a_suffix_all_types_of_the_fingerprint_are_candidates() {
    let catalog = types();
    let twist = message(&catalog, "demo.Twist", &[0; 48]);
    for (channel, suffix) in [
        (&b"CMD_VEL"[..], Suffix::Missing),
        (b"/a#no.Such", Suffix::Unknown),
        (b"/a#", Suffix::Unknown),
        (b"/a#\xff", Suffix::Unknown),
    ] {
        let identity = catalog.identify(channel, &twist);
        assert_eq!((names(&identity).len(), &identity.suffix), (3, &suffix));
    }
}

#[test]
fn a_message_that_is_not_what_the_suffix_says_is_told_from_an_unknown_one() {
    let catalog = types();
    let plain = message(&catalog, "Plain", &[0]);
    let identity = catalog.identify(b"/cmd_vel#demo.Twist", &plain);
    assert_eq!(identity.suffix, Suffix::Disagrees(vec![catalog.get("demo.Twist").unwrap()]));
    assert_eq!(names(&identity), ["Plain"]);

    // Of another version of the type, which nobody here knows.
    let identity = catalog.identify(b"/cmd_vel#demo.Twist", &[9; 48]);
    assert_eq!(identity.suffix, Suffix::Disagrees(vec![catalog.get("demo.Twist").unwrap()]));
    assert_eq!(identity.best(), None);

    let identity = catalog.identify(b"/x#no.Such", &[9; 48]);
    assert_eq!((identity.suffix, identity.candidates.len()), (Suffix::Unknown, 0));
    let identity = catalog.identify(b"/x", b"short");
    assert_eq!((identity.fingerprint, identity.best()), (None, None));
}
