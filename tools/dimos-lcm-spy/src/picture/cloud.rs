//! Point clouds from above, coloured by height.

use lcm_types::sensor_msgs::PointCloud2View;

use super::canvas::heat;
use super::{Canvas, Picture, Refusal, View, Window, origin, range_text};
use crate::traffic::units;

/// Draws the points of a cloud: of those above each other the highest. Forward, the x axis, is up, and left is left.
pub(super) fn draw(cloud: PointCloud2View<'_>, view: View, mut canvas: Canvas) -> Result<Picture, Refusal> {
    let points = cloud.points()?;
    let (xs, ys) = (points.numbers("x")?, points.numbers("y")?);
    // A cloud without heights is drawn as a flat one.
    let zs = points.numbers("z").ok();
    if points.is_empty() {
        let [width, height] = [cloud.width(), cloud.height()].map(i64::from);
        return Err(Refusal::Empty { width, height, of: "points" });
    }
    let at = |index: usize| {
        let (x, y) = (xs.get(index)?, ys.get(index)?);
        let z = zs.map_or(Some(0.0), |zs| zs.get(index))?;
        (x.is_finite() && y.is_finite() && z.is_finite()).then_some([x, y, z])
    };
    // Few points far away do not decide what is in sight: the box is that of nearly all, as a sample of them shows.
    let stride = points.len().div_ceil(SAMPLED_POINTS).max(1);
    let sample: Vec<_> = (0..points.len()).step_by(stride).filter_map(at).collect();
    let [(back, front), (right, left), (low, high)] = [0, 1, 2].map(|axis| middle_of(&sample, axis));
    let middle = (-(right / 2.0 + left / 2.0), -(back / 2.0 + front / 2.0));
    let size = ((left - right).max(0.1), (front - back).max(0.1));
    let window = Window::new(middle, (size.0 * 1.1, size.1 * 1.1), view, &canvas);
    let heights = (high / 2.0 - low / 2.0).max(f64::MIN_POSITIVE);
    let mut highest = vec![f64::NEG_INFINITY; canvas.width() * canvas.height()];
    let (mut drawn, mut range) = (0_usize, (f64::INFINITY, f64::NEG_INFINITY));
    let stride = points.len().div_ceil(MAX_POINTS).max(1);
    let mut seen = |x: f64, y: f64, z: f64| {
        if !(x.is_finite() && y.is_finite() && z.is_finite()) {
            return;
        }
        drawn += 1;
        range = (z.min(range.0), z.max(range.1));
        if let Some(height) = canvas.place(window.pixel_of(-y, -x)).and_then(|place| highest.get_mut(place)) {
            *height = height.max(z);
        }
    };
    match (zs, stride) {
        (Some(_), 1) => points.xyz()?.for_each(|[x, y, z]| seen(x, y, z)),
        _ => (0..points.len()).step_by(stride).filter_map(at).for_each(|[x, y, z]| seen(x, y, z)),
    }
    for (pixel, height) in canvas.pixels_mut().iter_mut().zip(&highest).filter(|(_, height)| height.is_finite()) {
        *pixel = heat((height / 2.0 - low / 2.0) / heights);
    }
    let every = if stride > 1 { format!(" (every {stride}th)") } else { String::new() };
    let caption = format!(
        "{drawn} of {}{every}, heights {} m, x up, {}",
        units::count(points.len() as u64, "point"),
        range_text(range),
        origin(cloud.header())
    );
    Ok(Picture { scale: window.scale(&canvas), canvas, caption })
}

/// From where to where nearly all of them lie along an axis.
fn middle_of(sample: &[[f64; 3]], axis: usize) -> (f64, f64) {
    let mut values: Vec<_> = sample.iter().map(|point| point[axis].clamp(-LARGEST_M, LARGEST_M)).collect();
    values.sort_unstable_by(f64::total_cmp);
    let outside = values.len() / 50;
    match (values.get(outside), values.get(values.len().saturating_sub(outside + 1))) {
        (Some(first), Some(last)) => (*first, *last),
        _ => (-1.0, 1.0),
    }
}

/// Positions beyond it are none.
const LARGEST_M: f64 = 1e9;

/// To find out where the cloud is.
const SAMPLED_POINTS: usize = 4096;

/// More are drawn by leaving some out.
const MAX_POINTS: usize = 2_000_000;
