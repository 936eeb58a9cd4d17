//! Times, durations and headers.

use std::time::{SystemTime, UNIX_EPOCH};

use lcm_types::std_msgs::{Duration, Header, Time};
use lcm_types::time::TimeError;
use lcm_types::{builtin_interfaces, std_msgs};
use proptest::prelude::*;

/// Nanoseconds of any members, in more bits than they need.
fn exact(sec: i32, nsec: i32) -> i128 {
    i128::from(sec) * 1_000_000_000 + i128::from(nsec)
}

/// What a time or duration of so many nanoseconds has to be.
fn expected(nanoseconds: i128) -> Result<(i32, i32), TimeError> {
    let sec = nanoseconds.div_euclid(1_000_000_000);
    let nsec = nanoseconds.rem_euclid(1_000_000_000);
    match i32::try_from(sec) {
        Ok(sec) => Ok((sec, i32::try_from(nsec).unwrap())),
        Err(_) => Err(TimeError::OutOfRange { nanoseconds }),
    }
}

fn members(time: Time) -> (i32, i32) {
    (time.sec, time.nsec)
}

fn span_members(duration: Duration) -> (i32, i32) {
    (duration.sec, duration.nsec)
}

/// All members, those near a limit often.
fn any_member() -> impl Strategy<Value = i32> {
    prop_oneof![any::<i32>(), -2..3, Just(i32::MAX), Just(i32::MIN), 999_999_998..1_000_000_002]
}

proptest! {
    #[test]
    fn members_of_any_form_are_read_as_their_sum(sec in any_member(), nsec in any_member()) {
        let sum = exact(sec, nsec);
        prop_assert_eq!(i128::from(Time { sec, nsec }.as_nanos()), sum);
        prop_assert_eq!(i128::from(Duration { sec, nsec }.as_nanos()), sum);
        prop_assert_eq!(Time { sec, nsec }.normalized().map(members), expected(sum));
        prop_assert_eq!(Duration { sec, nsec }.normalized().map(span_members), expected(sum));
    }

    #[test]
    fn nanoseconds_come_back(nanoseconds in any::<i64>()) {
        let time = Time::from_nanos(nanoseconds);
        prop_assert_eq!(time.map(members), expected(nanoseconds.into()));
        if let Ok(time) = time {
            prop_assert_eq!(time.as_nanos(), nanoseconds);
        }
    }

    #[test]
    fn sums_and_differences_are_exact_or_refused(
        sec in any_member(), nsec in any_member(), other_sec in any_member(), other_nsec in any_member(),
    ) {
        let (time, span) = (Time { sec, nsec }, Duration { sec: other_sec, nsec: other_nsec });
        let (a, b) = (exact(sec, nsec), exact(other_sec, other_nsec));
        prop_assert_eq!(time.checked_add(span).map(members), expected(a + b));
        prop_assert_eq!(time.checked_sub(span).map(members), expected(a - b));
        let earlier = Time { sec: other_sec, nsec: other_nsec };
        prop_assert_eq!(time.duration_since(earlier).map(span_members), expected(a - b));
        let first = Duration { sec, nsec };
        prop_assert_eq!(first.checked_add(span).map(span_members), expected(a + b));
        prop_assert_eq!(first.checked_sub(span).map(span_members), expected(a - b));
        prop_assert_eq!(first.is_negative(), a < 0);
    }

    #[test]
    fn the_system_clock_converts_both_ways(sec in any::<i32>(), nsec in 0..1_000_000_000) {
        let time = Time { sec, nsec };
        let system = SystemTime::from(time);
        prop_assert_eq!(Time::try_from(system), Ok(time));
        let other = builtin_interfaces::Time { sec, nanosec: nsec };
        prop_assert_eq!(SystemTime::from(other), system);
        prop_assert_eq!(builtin_interfaces::Time::try_from(system), Ok(other));
    }

    #[test]
    fn durations_of_the_standard_library_convert_both_ways(seconds in any::<u64>(), nsec in 0..1_000_000_000_u32) {
        let span = std::time::Duration::new(seconds, nsec);
        match Duration::try_from(span) {
            Ok(duration) => prop_assert_eq!(std::time::Duration::try_from(duration), Ok(span)),
            Err(_) => prop_assert!(seconds > 2_147_483_647),
        }
        // Half of all u64 is too much by far.
        let small = std::time::Duration::new(seconds % 2_147_483_648, nsec);
        let there = Duration::try_from(small).and_then(std::time::Duration::try_from);
        prop_assert_eq!(there, Ok(small));
    }

    #[test]
    fn a_negative_duration_is_none_of_the_standard_library(sec in i32::MIN..0, nsec in 0..1_000_000_000) {
        let nanoseconds = Duration { sec, nsec }.as_nanos();
        prop_assert_eq!(
            std::time::Duration::try_from(Duration { sec, nsec }),
            Err(TimeError::Negative { nanoseconds })
        );
    }

    #[test]
    fn seconds_as_a_double_come_back_to_its_precision(sec in any::<i32>(), nsec in 0..1_000_000_000) {
        let time = Time { sec, nsec };
        // At the very end a double rounds up to a second that is none.
        prop_assume!(sec < i32::MAX);
        let there = Time::from_secs_f64(time.as_secs_f64()).unwrap();
        prop_assert!((there.as_nanos() - time.as_nanos()).abs() <= 240, "{time:?} came back as {there:?}");
        prop_assert!((0..1_000_000_000).contains(&there.nsec));
    }

    #[test]
    fn no_number_of_seconds_panics(seconds in any::<f64>()) {
        let limits = -2_147_483_648.0..2_147_483_648.0;
        prop_assert_eq!(Duration::from_secs_f64(seconds).is_ok(), limits.contains(&seconds));
    }
}

#[test]
fn negative_durations_have_positive_nanoseconds() {
    assert_eq!(Duration::from_secs_f64(-0.5), Ok(Duration { sec: -1, nsec: 500_000_000 }));
    assert_eq!(Duration::from_nanos(-1), Ok(Duration { sec: -1, nsec: 999_999_999 }));
    assert_eq!(Duration::from_secs_f64(-1e-20), Ok(Duration { sec: 0, nsec: 0 }));
    assert!((Duration { sec: -1, nsec: 500_000_000 }.as_secs_f64() + 0.5).abs() < 1e-12);
}

#[test]
fn what_is_no_number_of_seconds_is_refused() {
    for seconds in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 2_147_483_648.0, -2_147_483_649.0] {
        assert!(matches!(Time::from_secs_f64(seconds), Err(TimeError::Seconds { .. })), "{seconds}");
    }
    // The largest double below the limit rounds up to it.
    assert!(Time::from_secs_f64(2_147_483_648.0_f64.next_down()).is_ok());
    assert_eq!(Time::from_secs_f64(1e10).unwrap_err().to_string(), SECONDS_ERROR);
}

const SECONDS_ERROR: &str = "10000000000 s are outside of what int32 seconds can say, -2147483648 to 2147483647 s";

#[test]
fn times_end_in_2038() {
    let end = UNIX_EPOCH + std::time::Duration::from_secs(1 << 31);
    assert_eq!(Time::try_from(end), Err(TimeError::OutOfRange { nanoseconds: 2_147_483_648_000_000_000 }));
    assert_eq!(Time::try_from(end - std::time::Duration::from_nanos(1)), Ok(Time::MAX));
    let second = Duration { sec: 1, nsec: 0 };
    assert!(Time::MAX.checked_add(second).is_err());
    assert!(Time::MIN.checked_sub(second).is_err());
    assert!(Time::MAX.duration_since(Time::MIN).is_err());
}

#[test]
fn now_is_the_time_of_the_system() {
    let before = SystemTime::now();
    let (time, other) = (Time::now(), builtin_interfaces::Time::now());
    let after = SystemTime::now();
    assert!((before..=after).contains(&SystemTime::from(time)));
    assert!((before..=after).contains(&SystemTime::from(other)));
}

#[test]
fn a_header_has_the_time_and_the_frame() {
    let before = Time::now().as_nanos();
    let header = Header::now("base_link");
    assert!((before..=Time::now().as_nanos()).contains(&header.stamp.as_nanos()));
    assert_eq!((header.seq, header.frame_id.as_str()), (0, "base_link"));

    let stamp = Time { sec: 5, nsec: 6 };
    assert_eq!(Header::at(stamp, String::from("map")), Header { seq: 0, stamp, frame_id: "map".into() });
}

#[test]
fn both_packages_have_the_same_times() {
    let (time, span) = (Time { sec: -3, nsec: 7 }, Duration { sec: 4, nsec: -8 });
    let other = builtin_interfaces::Time::from(time);
    assert_eq!(other, builtin_interfaces::Time { sec: -3, nanosec: 7 });
    assert_eq!(std_msgs::Time::from(other), time);
    let other = builtin_interfaces::Duration::from(span);
    assert_eq!(other, builtin_interfaces::Duration { sec: 4, nanosec: -8 });
    assert_eq!(std_msgs::Duration::from(other), span);
    assert_eq!(other.normalized(), Ok(builtin_interfaces::Duration { sec: 3, nanosec: 999_999_992 }));
}
