//! Laser scans from above, with the scanner in the middle.

use lcm_types::sensor_msgs::LaserScanView;

use super::{Canvas, Picture, Refusal, View, Window, origin, range_text, round_length};
use crate::traffic::units;

/// Draws where the rays of a scan hit something. Forward, the x axis, is up, and left is left.
pub(super) fn draw(scan: LaserScanView<'_>, view: View, mut canvas: Canvas) -> Result<Picture, Refusal> {
    let ranges = scan.ranges();
    let stride = ranges.len().div_ceil(MAX_RAYS).max(1);
    let (shortest, longest) = (f64::from(scan.range_min()), f64::from(scan.range_max()));
    let (start, step) = (f64::from(scan.angle_min()), f64::from(scan.angle_increment()));
    let hits = || {
        let rays = ranges.iter().enumerate().step_by(stride).map(|(index, range)| (index, f64::from(range.get())));
        // Some drivers leave the limit at 0.
        rays.filter(|(_, range)| range.is_finite() && *range > 0.0 && *range >= shortest)
            .filter(|(_, range)| !(longest > 0.0 && *range > longest))
            .map(|(index, range)| (start + index as f64 * step, range))
    };
    let (mut count, mut nearest, mut farthest) = (0_usize, f64::INFINITY, f64::NEG_INFINITY);
    for (_, range) in hits() {
        (count, nearest, farthest) = (count + 1, nearest.min(range), farthest.max(range));
    }
    let radius = if count > 0 { farthest * 1.05 } else { 1.0 };
    let window = Window::new((0.0, 0.0), (2.0 * radius, 2.0 * radius), view, &canvas);
    draw_rings(window, &mut canvas);
    for (angle, range) in hits() {
        let (sin, cos) = angle.sin_cos();
        canvas.dot(window.pixel_of(-range * sin, -range * cos), HIT);
    }
    draw_robot(window, &mut canvas);
    let every = if stride > 1 { format!(" of every {stride}th") } else { String::new() };
    let caption = format!(
        "{}{every} of {}, {} m, x up, {}",
        units::count(count as u64, "hit"),
        units::count(ranges.len() as u64, "ray"),
        range_text((nearest, farthest)),
        origin(scan.header())
    );
    Ok(Picture { scale: window.scale(&canvas), canvas, caption })
}

/// Circles around the scanner, as far apart as the scale is long.
fn draw_rings(window: Window, canvas: &mut Canvas) {
    let Some(apart) = round_length(canvas.width() as f64 * window.pixel / 4.0) else { return };
    for ring in 1..=RINGS {
        let radius = apart * f64::from(ring);
        let dots = (radius / window.pixel * std::f64::consts::TAU).clamp(0.0, MAX_DOTS);
        for dot in 0..crate::readable::index(dots) {
            let (sin, cos) = (dot as f64 / dots * std::f64::consts::TAU).sin_cos();
            canvas.dot(window.pixel_of(radius * cos, radius * sin), RING);
        }
    }
}

/// A mark where the scanner is, with its front.
pub(super) fn draw_robot(window: Window, canvas: &mut Canvas) {
    let (x, y) = window.pixel_of(0.0, 0.0);
    for (right, down) in [(0.0, 0.0), (-1.0, 1.0), (0.0, 1.0), (1.0, 1.0)] {
        canvas.dot((x + right, y + down), ROBOT);
    }
    canvas.dot((x, y - 1.0), FRONT);
}

const HIT: [u8; 3] = [90, 230, 120];

const RING: [u8; 3] = [45, 45, 60];

const ROBOT: [u8; 3] = [220, 60, 60];

const FRONT: [u8; 3] = [255, 220, 80];

const RINGS: u32 = 8;

/// Of a ring.
const MAX_DOTS: f64 = 4000.0;

/// More are drawn by leaving some out.
const MAX_RAYS: usize = 200_000;
