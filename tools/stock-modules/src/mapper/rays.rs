//! What a scan says: how far each ray is free, and whether it ends at something.

use lcm_types::sensor_msgs::LaserScanView;

use super::grid::Ray;

/// Why a scan cannot be drawn.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum ScanError {
    #[error("a scan with {beams} ranges: at most {MAX_BEAMS} are drawn")]
    TooMany { beams: usize },
    #[error("a scan whose angles are no numbers: from {first_rad} rad in steps of {between_rad} rad")]
    Angles { first_rad: f32, between_rad: f32 },
}

/// The rays of a scan, as far as they are of use. Infinite ranges are free all along (REP 117); other ranges that are not valid say
/// nothing.
pub(crate) fn rays(scan: &LaserScanView<'_>, max_range_m: f64) -> Result<Vec<Ray>, ScanError> {
    let (first_rad, between_rad) = (scan.angle_min(), scan.angle_increment());
    if !first_rad.is_finite() || !between_rad.is_finite() {
        return Err(ScanError::Angles { first_rad, between_rad });
    }
    let beams = scan.ranges().len();
    if beams > MAX_BEAMS {
        return Err(ScanError::TooMany { beams });
    }
    let (nearest_m, furthest_m) = (f64::from(scan.range_min()), f64::from(scan.range_max()));
    let ray = |(beam, range_m): (usize, f64)| {
        let angle_rad = f64::from(first_rad) + beam as f64 * f64::from(between_rad);
        if range_m == f64::INFINITY && furthest_m > 0.0 {
            return Some(Ray { angle_rad, length_m: furthest_m.min(max_range_m), is_hit: false });
        }
        let is_valid = range_m >= nearest_m.max(0.0) && range_m <= furthest_m;
        is_valid.then(|| Ray { angle_rad, length_m: range_m.min(max_range_m), is_hit: range_m <= max_range_m })
    };
    Ok(scan.ranges().iter().map(|range| f64::from(range.get())).enumerate().filter_map(ray).collect())
}

/// A scan has at most so many ranges.
const MAX_BEAMS: usize = 16_384;

#[cfg(test)]
mod tests {
    use lcm::Message;
    use lcm_types::sensor_msgs::LaserScan;

    use super::*;

    fn of(scan: &LaserScan) -> Result<Vec<Ray>, ScanError> {
        rays(&LaserScan::view(&scan.encode().unwrap()).unwrap(), 10.0)
    }

    fn scan(ranges: &[f32]) -> LaserScan {
        let (range_min, range_max, angle_increment) = (0.1, 30.0, 0.5);
        LaserScan { range_min, range_max, angle_increment, ranges: ranges.to_vec(), ..LaserScan::default() }
    }

    #[test]
    fn only_valid_ranges_end_at_something() {
        let ray = |angle_rad, length_m, is_hit| Ray { angle_rad, length_m, is_hit };
        let ranges = [2.0, 0.05, 20.0, f32::INFINITY, f32::NAN, -1.0, f32::NEG_INFINITY, 81.5];
        let expected = [ray(0.0, 2.0, true), ray(1.0, 10.0, false), ray(1.5, 10.0, false)];
        assert_eq!(of(&scan(&ranges)).unwrap(), expected);
    }

    #[test]
    fn a_scan_that_makes_no_sense_is_refused() {
        assert_eq!(of(&scan(&vec![1.0; MAX_BEAMS + 1])), Err(ScanError::TooMany { beams: MAX_BEAMS + 1 }));
        let nowhere = LaserScan { angle_min: f32::NAN, ..scan(&[1.0]) };
        assert!(matches!(of(&nowhere), Err(ScanError::Angles { .. })));
    }
}
