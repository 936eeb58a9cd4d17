//! One channel in `dimos spy`, on a terminal: messages as trees, fields over time, pictures by the colours of their cells, and what
//! nobody can decode.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use lcm::schema::Value;
use lcm::{Lcm, Message};
use lcm_types::nav_msgs::{OccupancyGrid, Odometry};
use lcm_types::sensor_msgs::{CompressedImage, Image, LaserScan, PointCloud2};
use lcm_types::std_msgs::Header;
use mesh_tests::cli::dimos;
use mesh_tests::modules::eventually;
use mesh_tests::terminal::{Key, Terminal};
use mesh_tests::{isolated, site};

#[test]
fn a_message_is_a_tree_with_live_values_and_its_fields_are_plotted() {
    isolated!(MulticastOnLo);
    let _robot = Publishing::start("/odom#nav_msgs.Odometry", |number| {
        let mut odometry = Odometry::default();
        odometry.header.frame_id = "odom\x1b[2J".to_owned();
        odometry.pose.pose.position.x = (number as f64 / 10.0).sin();
        odometry.pose.pose.position.y = number as f64;
        odometry.encode().expect("it is a message")
    });
    let mut terminal = opened(&mut dimos(&["spy"]), "/odom");
    terminal.wait_until("the tree", |screen| {
        screen.contains("▾ pose") && screen.contains("frame_id       \"odom\\u{1b}[2J\"")
    });
    let first = value(&terminal.screen(), "y");
    terminal.wait_until("another value", |screen| value(screen, "y") > first);
    terminal.wait_until("how it changes", |screen| line(screen, "y").contains('+') && line(screen, "y").contains('█'));
    // Down to the field, whose path is at the bottom.
    while !terminal.screen().lines().any(|line| line.starts_with("pose.pose.position.x  ")) {
        let before = terminal.screen();
        terminal.press(Key::Down);
        terminal.wait_until("the cursor moves", |screen| screen != before);
    }
    terminal.type_text("p");
    terminal.wait_for("━ pose.pose.position.x  last ");
    terminal.press(Key::Down);
    terminal
        .wait_until("the next field", |screen| screen.lines().any(|line| line.starts_with("pose.pose.position.y  ")));
    terminal.type_text("p");
    terminal.wait_for("━ pose.pose.position.y  last ");
    terminal
        .wait_until("curves", |screen| screen.chars().filter(|c| ('\u{2801}'..='\u{28ff}').contains(c)).count() > 10);
    terminal.type_text("+");
    terminal.wait_for("-20 s");
    // What is frozen stays.
    terminal.type_text(" ");
    terminal.wait_for("paused");
    let frozen = line(&terminal.screen(), "y").to_owned();
    thread::sleep(Duration::from_millis(400));
    assert_eq!(line(&terminal.screen(), "y"), frozen);
    terminal.type_text(" ");
    terminal.wait_until("it goes on", |screen| line(screen, "y") != frozen);
    // The keys go to the plot, then back to the tree, then to the channels.
    terminal.press(Key::Tab);
    terminal.wait_for("a scale  c read");
    terminal.type_text("c");
    terminal.wait_for("cursor ");
    terminal.press(Key::Escape);
    terminal.wait_for("tab to the plot");
    for (rows, columns) in [(1, 1), (6, 20), (40, 120)] {
        terminal.resize(rows, columns);
        thread::sleep(Duration::from_millis(300));
    }
    terminal.wait_for("━ pose.pose.position.y  ");
    terminal.press(Key::Escape);
    terminal.wait_for("CHANNEL");
    terminal.type_text("q");
    assert_eq!(terminal.wait().code(), Some(0));
}

#[test]
fn images_are_seen_in_the_colours_that_they_have() {
    isolated!(MulticastOnLo);
    // Red to the left, blue to the right.
    let data = [[255, 0, 0], [0, 0, 255]].concat();
    let image = Image { width: 2, height: 1, step: 6, encoding: "rgb8".to_owned(), data, ..Image::default() };
    let _camera = Publishing::start("/camera", move |_| image.encode().expect("it is a message"));
    let mut terminal = opened(dimos(&["spy"]).env("COLORTERM", "truecolor"), "/camera");
    terminal.wait_for("▸ data[6]");
    terminal.type_text("i");
    terminal.wait_for("2 x 1 rgb8, stamp 0.000000000");
    has_colours(&terminal, 30, [(255, 0, 0); 2].map(rgb));
    has_colours(&terminal, 90, [(0, 0, 255); 2].map(rgb));
    terminal.press(Key::Escape);
    terminal.wait_for("▸ data[6]");
    drop(terminal);
    let mut terminal = opened(dimos(&["spy"]).env_remove("COLORTERM"), "/camera");
    terminal.wait_for("▸ data[6]");
    terminal.type_text("i");
    terminal.wait_for("2 x 1 rgb8, stamp 0.000000000");
    has_colours(&terminal, 30, [vt100::Color::Idx(196); 2]);
    has_colours(&terminal, 90, [vt100::Color::Idx(21); 2]);
}

#[test]
fn scans_maps_clouds_and_depths_are_seen_from_above() {
    isolated!(MulticastOnLo);
    let scan = LaserScan {
        ranges: vec![2.0; 360],
        angle_increment: 1_f32.to_radians(),
        range_max: 9.0,
        ..LaserScan::default()
    };
    let mut grid = OccupancyGrid { data: vec![0; 50 * 50], ..OccupancyGrid::default() };
    (grid.info.width, grid.info.height, grid.info.resolution) = (50, 50, 0.1);
    let points = [[1.0, 1.0, 0.0], [-1.0, -1.0, 2.0], [f32::NAN, 0.0, 0.0]];
    let cloud = PointCloud2::from_xyz(Header::default(), &points).expect("it is a cloud");
    let depth = [1.0_f32, 3.0].map(f32::to_le_bytes).concat();
    let depth = Image { width: 2, height: 1, step: 8, encoding: "32FC1".to_owned(), data: depth, ..Image::default() };
    let file = CompressedImage { format: "png".to_owned(), data: b"\x89PNG".to_vec(), ..CompressedImage::default() };
    let messages = [scan.encode(), grid.encode(), cloud.encode(), depth.encode(), file.encode()];
    let messages = messages.map(|message| message.expect("it is a message"));
    let expected = [
        "360 hits of 360 rays, 2 to 2 m, x up",
        "50 x 50 cells of 0.1",
        "2 of 3 points, heights 0 to 2 m",
        "2 x 1 32FC1, 1 to 3 in what is shown",
        "data of the format \"png\" is not drawn",
    ];
    let middles = [None, Some((245, 245, 245)), None, Some((253, 231, 37)), None];
    for ((message, expected), middle) in messages.into_iter().zip(expected).zip(middles) {
        let _publishing = Publishing::start("/seen", move |_| message.clone());
        let mut terminal = opened(dimos(&["spy"]).env("COLORTERM", "truecolor"), "/seen");
        terminal.wait_for("▾ header");
        terminal.type_text("i");
        terminal.wait_for(expected);
        if let Some(middle) = middle {
            has_colours(&terminal, 65, [rgb(middle); 2]);
        }
        if expected.contains(" m, ") {
            terminal.wait_for("├");
        }
    }
}

#[test]
fn what_nobody_can_decode_is_bytes_until_its_type_is_known() {
    isolated!(MulticastOnLo);
    let site = site!();
    site.write("idl/demo.lcm", "package demo; struct Battery { double volts; string name; }");
    let catalog = lcm_types::catalog_with([site.path("idl")]).expect("it is a definition");
    let battery = Value::Struct(vec![("volts", 24.5.into()), ("name", "front".into())]);
    let bytes = catalog.get("demo.Battery").expect("it is there").encode(&battery).expect("it is a message");
    let short = bytes[..12].to_vec();
    let publishing = Publishing::start("/battery", move |_| bytes.clone());
    let mut terminal = opened(&mut dimos(&["spy"]), "/battery");
    terminal.wait_for("no known type has the fingerprint");
    terminal.wait_until("its bytes", |screen| screen.contains("00000010  ") && screen.contains("front."));
    drop(terminal);
    let idl = site.path("idl");
    let mut with_types = dimos(&["spy", "--idl", idl.to_str().expect("a path")]);
    let mut terminal = opened(&mut with_types, "/battery");
    terminal.wait_until("its members", |screen| screen.contains("demo.Battery") && screen.contains("24.5"));
    terminal.type_text("x");
    terminal.wait_for("00000010  ");
    terminal.type_text("x");
    terminal.wait_for("24.5");
    drop((terminal, publishing));
    let _publishing = Publishing::start("/battery", move |_| short.clone());
    let mut terminal = opened(&mut with_types, "/battery");
    terminal.wait_for("this is no demo.Battery: volts: at byte 8: 8 bytes are needed, 4 are left");
    terminal.wait_for("00000000  ");
}

/// Publishes on one channel, again and again.
struct Publishing {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Publishing {
    fn start(channel: &'static str, message: impl Fn(u32) -> Vec<u8> + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let bus = Lcm::from_env().expect("the bus is there");
        let thread = thread::spawn(move || {
            for number in 0.. {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                bus.publish(channel, &message(number)).expect("it is sent");
                thread::sleep(Duration::from_millis(20));
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Publishing {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it publishes to its end");
        }
    }
}

/// The spy, looking at the only channel.
fn opened(command: &mut Command, channel: &str) -> Terminal {
    let mut terminal = Terminal::start(command, 40, 120);
    terminal.wait_until("the channel", |screen| screen.lines().any(|line| line.starts_with(channel)));
    terminal.press(Key::Enter);
    terminal.wait_for("space freeze  esc back  enter open");
    terminal
}

/// Waits until a cell in the middle of a picture has these colours: what stands above it is on the screen sooner.
fn has_colours(terminal: &Terminal, column: u16, colours: [vt100::Color; 2]) {
    let seen = || terminal.colours(21, column);
    eventually(|| format!("{colours:?} in column {column}; it is {:?}", seen()), || (seen() == colours).then_some(()));
}

/// The first line for a field of this name.
fn line<'a>(screen: &'a str, name: &str) -> &'a str {
    screen.lines().find(|line| line.split_whitespace().next() == Some(name)).unwrap_or_default()
}

fn value(screen: &str, name: &str) -> f64 {
    line(screen, name).split_whitespace().nth(1).and_then(|value| value.parse().ok()).unwrap_or(-1.0)
}

fn rgb((red, green, blue): (u8, u8, u8)) -> vt100::Color {
    vt100::Color::Rgb(red, green, blue)
}
