//! What is on the screen, after which keys.

use lcm::Message as _;
use lcm::schema::{Catalog, Numbers};
use lcm_types::geometry_msgs::{PoseArray, Twist};
use lcm_types::nav_msgs::Odometry;
use lcm_types::sensor_msgs::{Image, LaserScan};
use proptest::prelude::*;

use super::*;

/// A tree on a screen.
struct Screen {
    tree: Tree,
    buffer: Buffer,
    count: u64,
}

impl Screen {
    fn new(width: u16, height: u16) -> Self {
        Self { tree: Tree::default(), buffer: Buffer::empty(Rect::new(0, 0, width, height)), count: 0 }
    }

    fn show(&mut self, type_name: &str, bytes: &[u8]) -> String {
        self.count += 1;
        self.redraw(lcm_types::catalog(), type_name, bytes)
    }

    fn redraw(&mut self, catalog: &Catalog, type_name: &str, bytes: &[u8]) -> String {
        let message_type = catalog.get(type_name).unwrap();
        let value = message_type.decode(bytes).unwrap();
        let message = Message { value: &value, message_type, schema: catalog.schema(), count: self.count };
        self.buffer.reset();
        self.tree.draw(self.buffer.area, &mut self.buffer, message);
        let (width, height) = (self.buffer.area.width, self.buffer.area.height);
        let row = |y| (0..width).map(|x| self.buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..height).map(row).collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }

    fn press(&mut self, keys: &str) {
        for key in keys.chars() {
            self.tree.handle_key(if key == '\n' { KeyCode::Enter } else { KeyCode::Char(key) }.into());
        }
    }
}

fn twist(x: f64) -> Vec<u8> {
    let mut twist = Twist::default();
    twist.linear.x = x;
    twist.encode().unwrap()
}

#[test]
fn fields_stand_under_each_other_with_values_changes_and_histories() {
    let mut screen = Screen::new(100, 9);
    screen.show("geometry_msgs.Twist", &twist(0.0));
    screen.show("geometry_msgs.Twist", &twist(1.0));
    let shown = screen.show("geometry_msgs.Twist", &twist(0.25));
    let expected = "\
▾ linear                                                                      geometry_msgs.Vector3
    x        0.25                                      -0.75              ▁█▃ double
    y        0                                                            ▁▁▁ double
    z        0                                                            ▁▁▁ double
▾ angular                                                                     geometry_msgs.Vector3
    x        0                                                            ▁▁▁ double
    y        0                                                            ▁▁▁ double
    z        0                                                            ▁▁▁ double";
    assert_eq!(shown, expected, "{shown}");
}

#[test]
fn the_cursor_opens_closes_and_walks() {
    let mut screen = Screen::new(40, 10);
    screen.show("geometry_msgs.Twist", &twist(0.5));
    screen.press("\n");
    let shown = screen.show("geometry_msgs.Twist", &twist(0.5));
    assert_eq!(shown.lines().next().unwrap(), "▸ linear     {x: 0.5, y: 0, z: 0}", "{shown}");
    screen.press("jj");
    screen.show("geometry_msgs.Twist", &twist(0.5));
    assert_eq!(screen.tree.selected().path, "angular.x");
    assert!(screen.tree.selected().is_number);
    screen.press("hh");
    let shown = screen.show("geometry_msgs.Twist", &twist(0.5));
    assert_eq!(shown, "▸ linear     {x: 0.5, y: 0, z: 0}\n▸ angular    {x: 0, y: 0, z: 0}");
    screen.press("E");
    assert_eq!(screen.show("geometry_msgs.Twist", &twist(0.5)).lines().count(), 8);
    assert_eq!(screen.tree.selected().path, "angular", "the cursor stays on its field");
    screen.press("C");
    assert_eq!(screen.show("geometry_msgs.Twist", &twist(0.5)).lines().count(), 2);
}

#[test]
fn levels_are_opened_by_their_number() {
    let odometry = Odometry::default().encode().unwrap();
    let mut screen = Screen::new(60, 60);
    let mut lines = |key: &str| {
        screen.press(key);
        screen.show("nav_msgs.Odometry", &odometry);
        screen.tree.lines.len()
    };
    assert_eq!([lines(""), lines("C"), lines("1"), lines("3"), lines("E")], [30, 4, 11, 102, 102]);
}

#[test]
fn a_million_elements_cost_what_is_open() {
    let mut scan = LaserScan { ranges: (0..1_000_000_u32).map(|index| index as f32).collect(), ..LaserScan::default() };
    scan.ranges[180] = 0.5;
    let bytes = scan.encode().unwrap();
    let mut screen = Screen::new(70, 200);
    let shown = screen.show("sensor_msgs.LaserScan", &bytes);
    assert!(shown.contains("▸ ranges[1000000]"), "{shown}");
    let place = screen.tree.lines.iter().position(|line| line.path == "ranges").unwrap();
    screen.tree.move_to(place);
    screen.press("\nj");
    let shown = screen.show("sensor_msgs.LaserScan", &bytes);
    assert!(shown.contains("▸ [0..10000]"), "{shown}");
    assert!(shown.contains("▸ [990000..1000000]"), "{shown}");
    screen.press("j");
    screen.show("sensor_msgs.LaserScan", &bytes);
    screen.tree.move_to(place + 1);
    screen.press("\n");
    screen.show("sensor_msgs.LaserScan", &bytes);
    screen.press("jj\n");
    screen.show("sensor_msgs.LaserScan", &bytes);
    let shown = screen.show("sensor_msgs.LaserScan", &bytes);
    assert!(shown.contains("▾ [100..200]"), "{shown}");
    assert!(shown.contains("[180]      0.5"), "{shown}");
    assert!(screen.tree.lines.len() < 500);
    screen.press(&"j".repeat(81));
    screen.show("sensor_msgs.LaserScan", &bytes);
    assert_eq!(screen.tree.selected().path, "ranges[180]");
    assert!(screen.tree.selected().doc.starts_with("Ranges in m"));
    // Whatever is open, rows end somewhere.
    let lists = PoseArray { poses: vec![Default::default(); 5000], ..PoseArray::default() };
    screen.press("E");
    screen.show("geometry_msgs.PoseArray", &lists.encode().unwrap());
    assert!(screen.tree.lines.len() < 200, "ranges are not opened with all");
}

#[test]
fn blobs_are_hexadecimal_and_strings_are_escaped() {
    let mut image = Image { data: (0..=255).cycle().take(100_000).collect(), ..Image::default() };
    image.encoding = "rgb8\x1b[31m\u{202e}".to_owned();
    image.header.frame_id = "x".repeat(200);
    let bytes = image.encode().unwrap();
    let mut screen = Screen::new(90, 60);
    let shown = screen.show("sensor_msgs.Image", &bytes);
    assert!(shown.contains("\"rgb8\\u{1b}[31m\\u{202e}\""), "{shown}");
    assert!(shown.contains("▸ data[100000]"), "{shown}");
    assert!(shown.contains("00 01 02 03 04"), "{shown}");
    screen.tree.move_to(screen.tree.lines.iter().position(|line| line.path == "header.frame_id").unwrap());
    screen.press("\n");
    let shown = screen.show("sensor_msgs.Image", &bytes);
    assert!(shown.contains("[192..200] xxxxxxxx"), "{shown}");
}

#[test]
fn enumerations_have_names_and_matrices_have_rows() {
    let text = "package demo; enum Mode { OFF, DRIVE = 4 } struct Map { Mode mode; int32_t n; double grid[n][3]; string names[2]; }";
    let mut sources = lcm_gen::Sources::default();
    sources.add("demo.lcm", text);
    let catalog = Catalog::new(sources.compile().unwrap());
    let map = catalog.get("demo.Map").unwrap();
    let row = |from: f64| lcm::schema::Value::from(Numbers::from(&[from, from + 1.0, from + 2.0][..]));
    let value = Value::Struct(vec![
        ("mode", 4.into()),
        ("grid", Value::Array(vec![row(1.0), row(4.0)])),
        ("names", Value::Array(vec!["a".into(), "b".into()])),
    ]);
    let bytes = map.encode(&value).unwrap();
    let mut screen = Screen::new(140, 10);
    screen.press("E");
    let shown = screen.redraw(&catalog, "demo.Map", &bytes);
    let words: Vec<Vec<_>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
    let expected: [&[&str]; 10] = [
        &["mode", "4", "(DRIVE)", "▁", "demo.Mode"],
        &["▾", "grid[2]", "double[2][3]"],
        &["▾", "[0][3]", "double[3]"],
        &["[0]", "1", "▁", "double"],
        &["[1]", "2", "▁", "double"],
        &["[2]", "3", "▁", "double"],
        &["▾", "[1][3]", "double[3]"],
        &["[0]", "4", "▁", "double"],
        &["[1]", "5", "▁", "double"],
        &["[2]", "6", "▁", "double"],
    ];
    assert_eq!(words, expected, "{shown}");
}

#[test]
fn a_message_of_another_shape_keeps_what_was_open() {
    let mut screen = Screen::new(60, 20);
    let odometry = Odometry::default().encode().unwrap();
    screen.show("nav_msgs.Odometry", &odometry);
    let place = screen.tree.lines.iter().position(|line| line.path == "pose.pose.position").unwrap();
    screen.tree.move_to(place);
    screen.press("\n");
    let closed = screen.show("nav_msgs.Odometry", &odometry);
    screen.show("geometry_msgs.Twist", &twist(1.0));
    assert_eq!(screen.show("nav_msgs.Odometry", &odometry), closed);
}

#[test]
fn a_click_moves_the_cursor_and_a_second_one_opens() {
    let mut screen = Screen::new(60, 8);
    screen.show("geometry_msgs.Twist", &twist(1.0));
    let mouse = |kind| MouseEvent { kind, column: 3, row: 4, modifiers: ratatui::crossterm::event::KeyModifiers::NONE };
    assert!(screen.tree.handle_mouse(mouse(MouseEventKind::Down(MouseButton::Left))));
    screen.show("geometry_msgs.Twist", &twist(1.0));
    assert_eq!(screen.tree.selected().path, "angular");
    screen.tree.handle_mouse(mouse(MouseEventKind::Down(MouseButton::Left)));
    assert_eq!(screen.show("geometry_msgs.Twist", &twist(1.0)).lines().count(), 5);
    screen.tree.handle_mouse(mouse(MouseEventKind::ScrollUp));
    screen.show("geometry_msgs.Twist", &twist(1.0));
    assert_eq!(screen.tree.selected().path, "linear.x");
    assert!(!screen.tree.handle_mouse(MouseEvent { row: 8, ..mouse(MouseEventKind::ScrollUp) }));
}

fn messages() -> Vec<(&'static str, Vec<u8>)> {
    let scan = LaserScan { ranges: vec![f32::NAN; 700], intensities: vec![f32::INFINITY; 20], ..LaserScan::default() };
    let image = Image { data: vec![7; 3000], encoding: "x".repeat(300), ..Image::default() };
    vec![
        ("geometry_msgs.Twist", twist(f64::MAX)),
        ("sensor_msgs.LaserScan", scan.encode().unwrap()),
        ("sensor_msgs.Image", image.encode().unwrap()),
        (
            "geometry_msgs.PoseArray",
            PoseArray { poses: vec![Default::default(); 130], ..PoseArray::default() }.encode().unwrap(),
        ),
    ]
}

proptest! {
    #[test]
    fn no_keys_and_no_size_break_it(
        steps in proptest::collection::vec((0_usize..4, "[\njklhEC1-9]{0,6}", 0_u16..90, 0_u16..30, any::<bool>()), 1..12)
    ) {
        let messages = messages();
        let mut screen = Screen::new(1, 1);
        for (message, keys, width, height, at_end) in steps {
            screen.buffer.resize(Rect::new(0, 0, width, height));
            screen.press(&keys);
            screen.tree.handle_key(if at_end { KeyCode::End } else { KeyCode::PageDown }.into());
            let (type_name, bytes) = &messages[message];
            let shown = screen.show(type_name, bytes);
            prop_assert!(!shown.replace('\n', "").contains(char::is_control));
        }
    }
}
