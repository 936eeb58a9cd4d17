//! What is on the screen, after which messages and keys.

use std::sync::LazyLock;

use lcm::Message as _;
use lcm_types::geometry_msgs::Twist;
use lcm_types::nav_msgs::Odometry;
use lcm_types::sensor_msgs::Image;
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::MouseButton;

use super::*;

const SECOND_NS: u64 = 1_000_000_000;

const START_NS: u64 = 1_800_000_000 * SECOND_NS;

static CATALOG: LazyLock<Arc<Catalog>> = LazyLock::new(|| {
    let none: [&str; 0] = [];
    Arc::new(lcm_types::catalog_with(none).unwrap())
});

struct Screen {
    detail: Detail,
    terminal: Terminal<TestBackend>,
}

impl Screen {
    fn new(channel: &str, width: u16, height: u16) -> Self {
        let catalog = Arc::clone(&CATALOG);
        let terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        Self { detail: Detail::new(catalog, channel.as_bytes(), Colours::True), terminal }
    }

    fn take(&mut self, message: &impl lcm::Message, second: u64) {
        self.detail.take(message.encode().unwrap().into(), START_NS + second * SECOND_NS);
    }

    fn shown(&mut self) -> String {
        self.terminal.draw(|frame| self.detail.draw(frame, frame.area())).unwrap();
        let buffer = self.terminal.backend().buffer();
        let row = |y| (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..buffer.area.height).map(row).collect::<Vec<_>>().join("\n")
    }

    fn press(&mut self, code: KeyCode) -> Handled {
        self.detail.handle(&Event::Key(code.into()))
    }

    fn type_keys(&mut self, keys: &str) -> String {
        for key in keys.chars() {
            assert_eq!(self.press(KeyCode::Char(key)), Handled::Yes, "{key}");
            self.shown();
        }
        self.shown()
    }
}

fn twist(x: f64) -> Twist {
    let mut twist = Twist::default();
    twist.linear.x = x;
    twist
}

#[test]
fn a_message_is_a_tree_with_its_type_and_what_its_definition_says() {
    let mut screen = Screen::new("/cmd_vel#geometry_msgs.Twist", 100, 12);
    assert_eq!(screen.shown().trim_end(), "waiting for a message on /cmd_vel#geometry_msgs.Twist");
    screen.take(&twist(0.25), 3);
    let shown = screen.shown();
    let head = shown.lines().next().unwrap();
    assert!(head.starts_with("geometry_msgs.Twist (1 of 2, t)  56 B  received 08:00:03.000 UTC"), "{shown}");
    let shown = screen.type_keys("j");
    assert!(shown.contains("    x        0.25"), "{shown}");
    assert_eq!(shown.lines().last().unwrap(), "linear.x  Linear velocity in m/s.", "{shown}");
    assert_eq!(screen.press(KeyCode::Char('y')), Handled::Copy("linear.x".to_owned()));
    let shown = screen.type_keys("k");
    assert!(shown.lines().last().unwrap().starts_with("linear  Linear velocity"), "{shown}");
    let shown = screen.type_keys("t");
    assert!(shown.contains("geometry_msgs.Accel (2 of 2, t)"), "{shown}");
    assert!(screen.type_keys("t").contains("geometry_msgs.Twist (1 of 2, t)"));
    assert_eq!(screen.press(KeyCode::Esc), Handled::Close);
    assert_eq!(screen.press(KeyCode::F(5)), Handled::No);
    assert_eq!(screen.press(KeyCode::Char('q')), Handled::No);
}

#[test]
fn fields_are_plotted_below_and_the_keys_go_where_tab_says() {
    let mut screen = Screen::new("/odom", 100, 30);
    screen.take(&Odometry::default(), 0);
    screen.shown();
    assert!(!screen.detail.wants_every_message());
    let shown = screen.type_keys("p");
    assert!(shown.contains("only numbers can be plotted"), "{shown}");
    let place = screen.type_keys("C").lines().count();
    assert_eq!(place, 30);
    screen.type_keys("3");
    for _ in 0..60 {
        if screen.detail.tree.selected().path == "pose.pose.position.x" {
            break;
        }
        screen.type_keys("j");
    }
    let shown = screen.type_keys("p");
    assert!(screen.detail.wants_every_message());
    assert!(shown.contains("━ pose.pose.position.x  nothing in sight"), "{shown}");
    assert!(shown.contains("pose.pose.position.x (plotted)"), "{shown}");
    for second in 1..=20 {
        let mut odometry = Odometry::default();
        odometry.pose.pose.position.x = second as f64;
        screen.take(&odometry, second);
    }
    let shown = screen.shown();
    assert!(shown.contains("last 20  min 1  max 20  mean 10.5"), "{shown}");
    assert!(shown.contains('⣀') || shown.contains('⠉') || shown.contains('⡠'), "{shown}");
    assert!(screen.type_keys("+").contains("-20 s"));
    assert_eq!(screen.press(KeyCode::Tab), Handled::Yes);
    screen.detail.freeze(true);
    screen.take(&Odometry::default(), 21);
    let shown = screen.shown();
    assert!(shown.contains("paused") && shown.contains("last 20"), "{shown}");
    screen.detail.freeze(false);
    assert!(screen.shown().contains("last 0"));
    assert_eq!(screen.detail.keys(), PLOT_KEYS);
    assert!(!screen.type_keys("x").contains('━'));
    assert_eq!(screen.detail.shows, Shows::Tree);
}

#[test]
fn keys_that_come_at_once_act_on_where_they_lead() {
    let mut screen = Screen::new("/cmd_vel", 100, 30);
    screen.take(&twist(0.25), 0);
    screen.shown();
    for code in [KeyCode::Down, KeyCode::Char('p'), KeyCode::Down, KeyCode::Char('p')] {
        assert_eq!(screen.press(code), Handled::Yes);
    }
    let shown = screen.shown();
    assert!(shown.contains("━ linear.x") && shown.contains("━ linear.y"), "{shown}");
}

#[test]
fn an_image_is_shown_as_one() {
    let mut screen = Screen::new("/image", 40, 12);
    let mut image = Image { width: 2, height: 1, step: 6, encoding: "rgb8".to_owned(), ..Image::default() };
    image.data = vec![255, 0, 0, 0, 0, 255];
    screen.take(&image, 0);
    let shown = screen.type_keys("i");
    assert!(shown.lines().last().unwrap().starts_with("2 x 1 rgb8, stamp 0.000000000"), "{shown}");
    let buffer = screen.terminal.backend().buffer();
    assert_eq!((buffer[(10, 5)].fg, buffer[(30, 6)].bg), (Color::Rgb(255, 0, 0), Color::Rgb(0, 0, 255)));
    assert_eq!(buffer[(10, 5)].symbol(), "▀");
    // A message that cannot be drawn, then none that can be drawn at all.
    image.step = 5;
    screen.take(&image, 1);
    assert!(
        screen.shown().contains("this image cannot be drawn: rows of 5\nbytes are too short for 2 pixels of"),
        "{}",
        screen.shown()
    );
    assert_eq!(screen.press(KeyCode::Esc), Handled::Yes);
    screen.take(&twist(0.0), 2);
    assert!(screen.type_keys("i").contains("only images, laser scans"));
}

#[test]
fn a_picture_is_waited_for_where_no_message_has_come_yet() {
    let mut image = Image { width: 2, height: 1, step: 6, encoding: "rgb8".to_owned(), ..Image::default() };
    image.data = vec![255, 0, 0, 0, 0, 255];
    let mut screen = Screen::new("/image", 100, 12);
    let shown = screen.type_keys("i");
    assert_eq!(shown.trim_end(), "waiting for a picture: no message has come yet on /image");
    screen.take(&image, 0);
    assert!(screen.shown().contains("2 x 1 rgb8"), "{}", screen.shown());
    // Whatever comes instead.
    let mut screen = Screen::new("/cmd_vel", 100, 12);
    screen.type_keys("i");
    screen.take(&twist(0.0), 0);
    assert!(screen.shown().contains("only images, laser scans"), "{}", screen.shown());
    assert!(screen.type_keys("i").contains("linear"), "{}", screen.shown());
}

#[test]
fn what_cannot_be_decoded_is_bytes_with_the_fault_marked() {
    let mut screen = Screen::new("/x#sensor_msgs.Image", 100, 12);
    let mut bytes = Image::default().encode().unwrap();
    // The frame's length.
    bytes[24..28].copy_from_slice(&[0xff; 4]);
    screen.detail.take(bytes.into(), START_NS);
    let shown = screen.shown();
    assert!(shown.contains("this is no sensor_msgs.Image: "), "{shown}");
    assert!(shown.contains("00000010  "), "{shown}");
    screen.detail.take(b"hello, world".to_vec().into(), START_NS);
    let shown = screen.shown();
    assert!(shown.contains("fingerprint") && shown.contains("hello, world"), "{shown}");
    screen.detail.take(b"hi\x1b".to_vec().into(), START_NS);
    let shown = screen.shown();
    assert!(shown.contains("68 69 1b") && shown.contains("hi."), "{shown}");
    let mut screen = Screen::new("RAW", 100, 12);
    screen.detail.take(b"hello, world".to_vec().into(), START_NS);
    assert!(
        screen.shown().contains("no known type has the fingerprint 68656c6c6f2c2077: --idl DIR adds"),
        "{}",
        screen.shown()
    );
    let mut screen = Screen::new("/x#sensor_msgs.Image", 100, 12);
    screen.take(&twist(0.0), 0);
    assert!(screen.shown().contains("the channel says sensor_msgs.Image, the message is of another type"));
    assert!(screen.type_keys("x").contains("00000010  "));
}

#[test]
fn what_is_undecodable_is_counted_once_however_often_it_is_drawn() {
    let mut screen = Screen::new("/cmd_vel#geometry_msgs.Twist", 100, 12);
    let short = twist(0.0).encode().unwrap()[..20].to_vec();
    for count in 1..4 {
        screen.detail.take(short.clone().into(), START_NS);
        let _ = (screen.shown(), screen.press(KeyCode::Down), screen.shown());
        assert_eq!(screen.detail.undecodable().0, count);
    }
    assert!(screen.detail.undecodable().1.is_some_and(|fault| fault.starts_with("this is no geometry_msgs.Twist: ")));
}

#[test]
fn what_is_no_picture_is_counted_as_undecodable_once() {
    let mut screen = Screen::new("/image", 100, 12);
    let image =
        Image { width: 2, height: 2, step: 6, data: vec![7; 12], encoding: "rgb8".to_owned(), ..Image::default() };
    screen.take(&image, 0);
    assert!(screen.type_keys("i").contains("2 x 2 rgb8"));
    let short = image.encode().unwrap()[..20].to_vec();
    for count in 1..3 {
        screen.detail.take(short.clone().into(), START_NS);
        assert!(screen.type_keys("++").contains("this is no message of its type"));
        assert_eq!(screen.detail.undecodable().0, count);
    }
}

#[test]
fn of_a_message_that_is_too_large_for_a_tree_the_bytes_are_shown() {
    let mut screen = Screen::new("/image", 100, 12);
    let mut image = Image { width: 3000, height: 1000, step: 9000, encoding: "rgb8".to_owned(), ..Image::default() };
    image.data = vec![7; 9_000_000];
    screen.take(&image, 0);
    let shown = screen.shown();
    assert!(shown.contains("are too many to be shown as a tree: 8388608 are at most"), "{shown}");
    assert!(shown.contains("00000000  ") && screen.detail.undecodable().0 == 0, "{shown}");
    assert!(screen.type_keys("i").contains("3000 x 1000 rgb8"));
}

#[test]
fn the_mouse_chooses_and_scrolls() {
    let mut screen = Screen::new("/odom", 100, 30);
    screen.take(&twist(1.0), 0);
    screen.shown();
    let mouse = |row, kind| Event::Mouse(MouseEvent { kind, column: 5, row, modifiers: KeyModifiers::NONE });
    assert_eq!(screen.detail.handle(&mouse(2, MouseEventKind::Down(MouseButton::Left))), Handled::Yes);
    screen.shown();
    assert_eq!(screen.detail.tree.selected().path, "linear.x");
    screen.type_keys("p");
    assert_eq!(screen.detail.handle(&mouse(20, MouseEventKind::Down(MouseButton::Left))), Handled::Yes);
    assert_eq!(screen.detail.shows, Shows::Plot);
    assert_eq!(screen.detail.handle(&mouse(20, MouseEventKind::ScrollUp)), Handled::No, "left of the curves");
    assert_eq!(screen.detail.handle(&mouse(0, MouseEventKind::ScrollUp)), Handled::No);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_no_keys_and_no_size_break_it(
        channel in "(/x#sensor_msgs.Image)|(/x#Twist)|#|[ -~]{0,20}",
        steps in proptest::collection::vec(
            ("[ijkhlpxtyE1-9+=-]{0,10}", proptest::collection::vec(any::<u8>(), 0..200), 0_usize..9, any::<u64>(), 0_u16..120, 0_u16..50),
            1..10
        ),
    ) {
        let mut screen = Screen::new(&channel, 10, 10);
        for (keys, bytes, kind, time_ns, width, height) in steps {
            screen.terminal.backend_mut().resize(width, height);
            screen.terminal.resize(Rect::new(0, 0, width, height)).unwrap();
            let mut message = match kind {
                0 => Image { data: bytes.clone(), width: 5, height: 2, step: 15, encoding: "rgb8".to_owned(), ..Image::default() }.encode().unwrap(),
                1 => twist(f64::NAN).encode().unwrap(),
                2..5 => Odometry::default().encode().unwrap(),
                _ => bytes.clone(),
            };
            // Some bytes of a message are others.
            for (place, byte) in bytes.iter().enumerate().filter(|(place, _)| *place % 50 == 17) {
                if let Some(changed) = message.get_mut(place) {
                    *changed = *byte;
                }
            }
            screen.detail.take(message.into(), time_ns);
            screen.shown();
            for key in keys.chars() {
                let _ = screen.press(KeyCode::Char(key));
                screen.shown();
            }
            let _ = screen.press(KeyCode::Tab);
            screen.shown();
        }
    }
}
