//! Times and durations of `std_msgs` and `builtin_interfaces`: the system clock, conversions to and from the standard
//! library, arithmetic.
//!
//! Both packages have the same two types, and both here have the same methods: whole seconds as an int32 with nanoseconds
//! beside them, `nsec` or `nanosec`. A time counts from the Unix epoch (1970-01-01 00:00 UTC), unless a simulation sets the
//! clock; a duration is signed.
//!
//! **Normal form.** Nanoseconds are in `0..1_000_000_000`, also for what is negative: -0.5 s is `sec: -1` and `nsec:
//! 500_000_000`, as in ROS. Whatever is computed here is in normal form. Received messages may hold anything; they are read as
//! `sec` + `nsec` * 1e-9 s, whatever the sign and the size of `nsec`.
//!
//! **Limits.** Seconds end at `i32::MAX`. For a time that is 2038-01-19 03:14:07 UTC. What does not fit is a [`TimeError`],
//! except in `now`, which gives the last time there is rather than stop a robot whose clock went wrong.
//!
//! **Order.** `==` compares members, as it does for all messages. To compare instants or lengths, compare `as_nanos`.
//!
//! ```
//! use lcm_types::std_msgs::{Duration, Time};
//!
//! let start = Time { sec: 1_700_000_000, nsec: 900_000_000 };
//! let timeout = Duration::from_secs_f64(0.25)?;
//! let end = start.checked_add(timeout)?;
//! assert_eq!(end, Time { sec: 1_700_000_001, nsec: 150_000_000 });
//! assert_eq!(start.duration_since(end)?, Duration { sec: -1, nsec: 750_000_000 });
//! assert!(start.as_nanos() < end.as_nanos());
//! # Ok::<(), lcm_types::time::TimeError>(())
//! ```

use std::time::{SystemTime, UNIX_EPOCH};

use crate::{builtin_interfaces, std_msgs};

/// Why something is no time or duration of a message, or none of the standard library.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeError {
    /// The seconds are not an int32. For a time that means before December 1901 or after January 2038.
    #[error("{nanoseconds} ns are outside of what int32 seconds can say, {} to {} s", i32::MIN, i32::MAX)]
    OutOfRange {
        /// Since the epoch if it is a time.
        nanoseconds: i128,
    },
    /// The seconds are not an int32, or no number.
    #[error("{seconds} s are outside of what int32 seconds can say, {} to {} s", i32::MIN, i32::MAX)]
    Seconds {
        /// Since the epoch if it is a time.
        seconds: f64,
    },
    /// The duration is negative, and `std::time::Duration` cannot be.
    #[error("a duration of {nanoseconds} ns is negative, which std::time::Duration cannot be")]
    Negative {
        /// The duration.
        nanoseconds: i64,
    },
}

/// What times and durations have in common. `$since` is what follows "seconds" in the documentation.
macro_rules! seconds_and_nanoseconds {
    ($package:ident :: $type:ident, $nsec:ident, $since:literal) => {
        impl $package::$type {
            /// The smallest value.
            pub const MIN: Self = Self { sec: i32::MIN, $nsec: 0 };

            /// The largest value. Times end on 2038-01-19 at 03:14:07.999999999 UTC.
            pub const MAX: Self = Self { sec: i32::MAX, $nsec: 999_999_999 };

            #[doc = concat!("From nanoseconds", $since, ".")]
            ///
            /// # Errors
            /// If the seconds are not an int32.
            pub fn from_nanos(nanoseconds: i64) -> Result<Self, TimeError> {
                let (sec, $nsec) = split(nanoseconds.into())?;
                Ok(Self { sec, $nsec })
            }

            #[doc = concat!("Nanoseconds", $since, ". They always fit, whatever the members are.")]
            #[must_use]
            pub const fn as_nanos(self) -> i64 {
                total(self.sec, self.$nsec)
            }

            #[doc = concat!("From seconds", $since, ", rounded to nanoseconds.")]
            ///
            /// # Errors
            /// If the seconds are not an int32, or no number.
            pub fn from_secs_f64(seconds: f64) -> Result<Self, TimeError> {
                let (sec, $nsec) = split_seconds(seconds)?;
                Ok(Self { sec, $nsec })
            }

            #[doc = concat!("Seconds", $since, ".")]
            ///
            /// A double has 53 bits: beyond 2^30 s, where the times of our days are, it is exact to a quarter of a
            /// microsecond.
            #[must_use]
            pub fn as_secs_f64(self) -> f64 {
                f64::from(self.sec) + f64::from(self.$nsec) / 1e9
            }

            /// The same with nanoseconds in `0..1_000_000_000`, for members that come from elsewhere.
            ///
            /// # Errors
            /// If the seconds are not an int32 any more.
            pub fn normalized(self) -> Result<Self, TimeError> {
                Self::from_nanos(self.as_nanos())
            }

            /// The sum.
            ///
            /// # Errors
            /// If its seconds are not an int32.
            pub fn checked_add(self, duration: $package::Duration) -> Result<Self, TimeError> {
                // Neither takes more than 62 bits.
                Self::from_nanos(self.as_nanos() + duration.as_nanos())
            }

            /// The same less `duration`.
            ///
            /// # Errors
            /// If its seconds are not an int32.
            pub fn checked_sub(self, duration: $package::Duration) -> Result<Self, TimeError> {
                Self::from_nanos(self.as_nanos() - duration.as_nanos())
            }
        }
    };
}

macro_rules! time_and_duration {
    ($package:ident, $nsec:ident) => {
        seconds_and_nanoseconds!($package::Time, $nsec, " since the epoch");

        impl $package::Time {
            /// What the system's clock says now.
            ///
            /// It does not fail: from January 2038 on it is [`Self::MAX`], and [`Self::MIN`] before December 1901. Where
            /// that matters, convert a [`SystemTime`].
            #[must_use]
            pub fn now() -> Self {
                Self::saturating_from(SystemTime::now())
            }

            fn saturating_from(time: SystemTime) -> Self {
                time.try_into().unwrap_or(if time < UNIX_EPOCH { Self::MIN } else { Self::MAX })
            }

            /// The time from `earlier` to this one; negative if `earlier` is later.
            ///
            /// # Errors
            /// If its seconds are not an int32: times may be 136 years apart, durations end at 68.
            pub fn duration_since(self, earlier: Self) -> Result<$package::Duration, TimeError> {
                $package::Duration::from_nanos(self.as_nanos() - earlier.as_nanos())
            }
        }

        impl TryFrom<SystemTime> for $package::Time {
            type Error = TimeError;

            /// Fails before December 1901 and from January 2038 on.
            fn try_from(time: SystemTime) -> Result<Self, TimeError> {
                let (sec, $nsec) = split(since_epoch(time))?;
                Ok(Self { sec, $nsec })
            }
        }

        impl From<$package::Time> for SystemTime {
            /// Systems whose clock cannot go before the epoch give the epoch for such times; Unix and Windows are none of
            /// them.
            fn from(time: $package::Time) -> Self {
                system_time(time.as_nanos())
            }
        }

        seconds_and_nanoseconds!($package::Duration, $nsec, "");

        impl $package::Duration {
            /// Whether it is below zero.
            #[must_use]
            pub const fn is_negative(self) -> bool {
                self.as_nanos() < 0
            }
        }

        impl TryFrom<std::time::Duration> for $package::Duration {
            type Error = TimeError;

            /// Fails from 2^31 s on, which are 68 years.
            fn try_from(duration: std::time::Duration) -> Result<Self, TimeError> {
                let (sec, $nsec) = split(nanos(duration))?;
                Ok(Self { sec, $nsec })
            }
        }

        impl TryFrom<$package::Duration> for std::time::Duration {
            type Error = TimeError;

            /// Fails if it is negative.
            fn try_from(duration: $package::Duration) -> Result<Self, TimeError> {
                let nanoseconds = duration.as_nanos();
                u64::try_from(nanoseconds).map(Self::from_nanos).map_err(|_| TimeError::Negative { nanoseconds })
            }
        }
    };
}

time_and_duration!(std_msgs, nsec);
time_and_duration!(builtin_interfaces, nanosec);

macro_rules! same_members {
    ($type:ident) => {
        impl From<std_msgs::$type> for builtin_interfaces::$type {
            /// The same members.
            fn from(value: std_msgs::$type) -> Self {
                Self { sec: value.sec, nanosec: value.nsec }
            }
        }

        impl From<builtin_interfaces::$type> for std_msgs::$type {
            /// The same members.
            fn from(value: builtin_interfaces::$type) -> Self {
                Self { sec: value.sec, nsec: value.nanosec }
            }
        }
    };
}

same_members!(Time);
same_members!(Duration);

/// All nanoseconds of members in any form: below 2^62, so that sums of two fit, too.
const fn total(sec: i32, nsec: i32) -> i64 {
    sec as i64 * NANOS_PER_SEC + nsec as i64
}

fn split(nanoseconds: i128) -> Result<(i32, i32), TimeError> {
    let per_sec = i128::from(NANOS_PER_SEC);
    let (sec, nsec) = (nanoseconds.div_euclid(per_sec), nanoseconds.rem_euclid(per_sec));
    match (i32::try_from(sec), i32::try_from(nsec)) {
        (Ok(sec), Ok(nsec)) => Ok((sec, nsec)),
        _ => Err(TimeError::OutOfRange { nanoseconds }),
    }
}

/// Whole seconds are split off first: all nanoseconds at once have more bits than a double.
fn split_seconds(seconds: f64) -> Result<(i32, i32), TimeError> {
    let whole = seconds.floor();
    if !(f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&whole) {
        return Err(TimeError::Seconds { seconds });
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole numbers, the first checked, the second at most 1e9")]
    let (sec, nsec) = (whole as i32, ((seconds - whole) * 1e9).round() as i32);
    // Rounding may have made a whole second of the rest.
    split(total(sec, nsec).into()).map_err(|_| TimeError::Seconds { seconds })
}

fn since_epoch(time: SystemTime) -> i128 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => nanos(since),
        Err(before) => -nanos(before.duration()),
    }
}

fn nanos(duration: std::time::Duration) -> i128 {
    i128::from(duration.as_secs()) * i128::from(NANOS_PER_SEC) + i128::from(duration.subsec_nanos())
}

fn system_time(nanoseconds: i64) -> SystemTime {
    let span = std::time::Duration::from_nanos(nanoseconds.unsigned_abs());
    let time = if nanoseconds < 0 { UNIX_EPOCH.checked_sub(span) } else { UNIX_EPOCH.checked_add(span) };
    time.unwrap_or(UNIX_EPOCH)
}

const NANOS_PER_SEC: i64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_beyond_the_limits_gives_the_nearest_time() {
        let years = std::time::Duration::from_secs(100 * 365 * 86400);
        assert_eq!(std_msgs::Time::saturating_from(UNIX_EPOCH + years), std_msgs::Time::MAX);
        assert_eq!(std_msgs::Time::saturating_from(UNIX_EPOCH - years), std_msgs::Time::MIN);
        assert_eq!(builtin_interfaces::Time::saturating_from(UNIX_EPOCH + years), builtin_interfaces::Time::MAX);
        assert_eq!(std_msgs::Time::saturating_from(UNIX_EPOCH), std_msgs::Time::default());
    }
}
