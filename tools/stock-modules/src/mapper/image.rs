//! A map as ROS's `map_server` reads it: an image (PGM) and a description (YAML).

use std::fmt::Write;

use lcm_types::nav_msgs::OccupancyGrid;

/// The image: dark where something is, light where nothing is, grey where nothing is known. The first row of an image is the top.
pub(super) fn pgm(map: &OccupancyGrid) -> Vec<u8> {
    let mut image = format!("P5\n{} {}\n255\n", map.info.width, map.info.height).into_bytes();
    let width = usize::try_from(map.info.width).unwrap_or_default().max(1);
    for row in map.data.chunks(width).rev() {
        image.extend(row.iter().map(|cell| match *cell {
            OCCUPIED_PERCENT.. => 0,
            0..=FREE_PERCENT => 254,
            _ => 205,
        }));
    }
    image
}

/// The description that belongs to the image of this name.
pub(super) fn yaml(map: &OccupancyGrid, image: &str) -> String {
    let origin = map.info.origin.position;
    let mut text = String::new();
    // A string takes all that is written to it.
    let _ = writeln!(text, "image: {image:?}\nmode: trinary\nresolution: {}", map.info.resolution);
    let _ = writeln!(text, "origin: [{}, {}, 0]\nnegate: 0", origin.x, origin.y);
    let _ = writeln!(text, "occupied_thresh: 0.65\nfree_thresh: 0.25");
    text
}

const OCCUPIED_PERCENT: i8 = 65;
const FREE_PERCENT: i8 = 25;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_becomes_an_image_from_top_to_bottom() {
        let mut map = OccupancyGrid { data: vec![0, 100, -1, 50], ..OccupancyGrid::default() };
        (map.info.width, map.info.height, map.info.resolution) = (2, 2, 0.5);
        map.info.origin.position.x = -1.5;
        assert_eq!(pgm(&map), b"P5\n2 2\n255\n\xcd\xcd\xfe\x00");
        let description = yaml(&map, "map.pgm");
        assert!(description.contains("image: \"map.pgm\"\n") && description.contains("resolution: 0.5\n"));
        assert!(description.contains("origin: [-1.5, 0, 0]\n"));
    }
}
