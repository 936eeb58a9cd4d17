//! The program driven by keys, the mouse and snapshots, and what is on its screen then.

use std::sync::Arc;
use std::time::Duration;

use lcm::{Channel, Message, Sample, Statistics};
use lcm_types::geometry_msgs::Twist;
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

use super::column::Column;
use super::{Action, App, MAX_WATCHED, View};
use crate::nodes::{Node, Nodes, Published};
use crate::reading::snapshot::{Recording, Snapshot};
use crate::reading::tally::Tally;
use crate::scope::{Filter, Scope};
use crate::screen::draw::draw;
use crate::traffic::channels::Heard;

const SECOND_NS: u64 = 1_000_000_000;

/// A program with a bus behind it.
struct Driven {
    app: App,
    tally: Tally,
    time_ns: u64,
    width: u16,
    height: u16,
}

impl Driven {
    fn new(width: u16, height: u16) -> Self {
        let catalog = Arc::new(lcm_types::catalog_with::<&str>([]).unwrap());
        let app =
            App::new("udpm://239.255.76.67:7667".to_owned(), Arc::clone(&catalog), Rect::new(0, 0, width, height));
        let time_ns = 1_700_000_000 * SECOND_NS;
        Self { app, tally: Tally::new(catalog, Vec::new()), time_ns, width, height }
    }

    /// Messages on a channel, so many a second.
    fn publish(&mut self, channel: impl AsRef<[u8]>, payload: &[u8], rate_hz: u64) {
        let channel = Channel::new(channel).unwrap();
        let sample = Sample::default().carried(channel, payload);
        for number in 0..3 * rate_hz {
            let time_ns = self.time_ns - 3 * SECOND_NS + (number + 1) * SECOND_NS / rate_hz;
            self.tally.take(&Heard { time_ns, ..Heard::of(&sample) });
            if self.tally.wants_whole(&channel) {
                self.tally.keep(&sample);
            }
        }
    }

    fn refresh(&mut self) {
        self.tally.watch(&self.app.watched());
        let mut snapshot = Box::<Snapshot>::default();
        self.tally.tell(self.time_ns, &Statistics::default(), &mut snapshot);
        let _ = self.app.show(snapshot);
    }

    /// A snapshot tells how a recording goes.
    fn hear_of(&mut self, recording: Recording) {
        let _ = self.app.show(Box::new(Snapshot { recording: Some(recording), ..Snapshot::default() }));
    }

    fn press(&mut self, code: KeyCode) -> Option<Action> {
        self.app.key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    fn type_text(&mut self, text: &str) {
        text.chars().for_each(|c| assert!(self.press(KeyCode::Char(c)).is_none()));
    }

    fn mouse(&mut self, kind: MouseEventKind, column: u16, row: u16) -> Option<Action> {
        self.app.mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
    }

    fn click(&mut self, column: u16, row: u16) {
        assert!(self.mouse(MouseEventKind::Down(MouseButton::Left), column, row).is_none());
    }

    fn screen(&mut self) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(self.width, self.height)).unwrap();
        terminal.draw(|frame| draw(&mut self.app, frame)).unwrap();
        let buffer = terminal.backend().buffer();
        let line = |y| (0..self.width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..self.height).map(line).collect()
    }

    /// The first words of the lines of the table.
    fn names(&mut self) -> Vec<String> {
        let body = self.app.layout().body;
        let screen = self.screen();
        let lines = &screen[usize::from(body.y)..usize::from(body.bottom())];
        let first = |line: &String| line.split("  ").find(|part| !part.is_empty()).map(|part| part.trim().to_owned());
        lines.iter().filter_map(first).collect()
    }

    fn has(&mut self, text: &str) -> bool {
        self.screen().iter().any(|line| line.contains(text))
    }
}

/// One of all channels that goes on, with so many messages in it.
fn recording(messages: u64) -> Recording {
    Recording {
        what: "all channels".to_owned(),
        path: "spy.lcmlog".into(),
        messages,
        bytes: 3456,
        dropped: 0,
        lost: 0,
        unnamed: 0,
        is_running: true,
        error: None,
    }
}

fn busy() -> Driven {
    let mut driven = Driven::new(160, 12);
    let twist = Twist::default().encode().unwrap();
    driven.publish("/robot0/cmd_vel#geometry_msgs.Twist", &twist, 10);
    driven.publish("/robot1/cmd_vel#geometry_msgs.Twist", &twist, 50);
    driven.publish("/scan", &[7; 1000], 5);
    driven.publish("POSE", b"raw", 1);
    driven.publish("/mesh/claim#dimos_mesh.Claim", b"raw", 1);
    driven.refresh();
    driven
}

#[test]
fn channels_stand_by_name_with_all_that_is_known() {
    let mut driven = busy();
    assert_eq!(driven.names(), ["/robot0/cmd_vel", "/robot1/cmd_vel", "/scan", "POSE"]);
    let screen = driven.screen();
    assert!(screen[0].starts_with("CHANNEL▲") && screen[0].contains("BANDWIDTH"), "{screen:#?}");
    for (line, words) in [
        (1, &["geometry_msgs.Twist", "10.0 Hz", "560 B/s", "56 B", "0.0 s"][..]),
        (3, &["15", "5.00 Hz", "5.00 kB/s", "1.00 kB"]),
    ] {
        assert!(words.iter().all(|word| screen[line].contains(word)), "{}", screen[line]);
    }
    assert!(screen[10].contains("udpm://239.255.76.67:7667") && screen[10].contains("kB/s"), "{}", screen[10]);
    assert!(screen[11].contains("? help"), "{}", screen[11]);
}

#[test]
fn any_column_sorts_by_keys_and_by_clicks_on_its_title() {
    let mut driven = busy();
    let title = |driven: &mut Driven, title: &str| {
        let head = &driven.screen()[0];
        u16::try_from(head.chars().count() - head[head.find(title).unwrap()..].chars().count()).unwrap()
    };
    let rate = title(&mut driven, "RATE");
    driven.click(rate, 0);
    assert_eq!(driven.names(), ["/robot1/cmd_vel", "/robot0/cmd_vel", "/scan", "POSE"]);
    driven.click(rate, 0);
    assert_eq!(driven.names(), ["POSE", "/scan", "/robot0/cmd_vel", "/robot1/cmd_vel"]);
    assert!(driven.screen()[0].contains("RATE▲"));
    // The next one to the right.
    driven.type_text("s");
    assert!(driven.screen()[0].contains("BANDWIDTH▼"));
    assert_eq!(driven.names()[0], "/scan");
    driven.type_text("d");
    assert_eq!(driven.names()[0], "POSE");
    driven.type_text("SSSSS");
    assert!(driven.screen()[0].contains("HISTORY"));
    // Every one of them, twice around.
    (0..24).for_each(|_| driven.type_text("s"));
}

#[test]
fn keys_sort_by_no_column_that_there_is_no_room_for() {
    for (width, last) in [(120, "UNDEC"), (40, "LOST")] {
        let mut driven = busy();
        (driven.width, driven.app.area.width) = (width, width);
        driven.type_text("S");
        assert!(driven.screen()[0].contains(&format!("{last}▼")), "{}", driven.screen()[0]);
        driven.type_text("s");
        assert!(driven.screen()[0].starts_with("CHANNEL▲"));
        for _ in 0..12 {
            driven.type_text("s");
            assert!(driven.screen()[0].contains(['▲', '▼']), "{}", driven.screen()[0]);
        }
    }
    // Of one that has become hidden the next is one that is not.
    let mut driven = busy();
    driven.type_text("S");
    assert_eq!(driven.app.table.sort, Column::History);
    (driven.width, driven.app.area.width) = (120, 120);
    driven.type_text("S");
    assert_eq!(driven.app.table.sort, Column::Undecodable);
    // Where there is but one it stays that.
    (driven.width, driven.app.area.width) = (10, 10);
    driven.type_text("ss");
    assert_eq!((driven.app.table.sort, driven.app.table.is_descending), (Column::Channel, false));
}

#[test]
fn a_filter_is_applied_while_it_is_typed_and_can_be_taken_back() {
    let mut driven = busy();
    driven.type_text("/cmd");
    assert_eq!(driven.names(), ["/robot0/cmd_vel", "/robot1/cmd_vel"]);
    assert!(driven.has("filter (substring): cmd_"));
    let _ = driven.press(KeyCode::Esc);
    assert_eq!(driven.names().len(), 4);
    driven.type_text("/*robot1*");
    assert!(driven.has("filter (glob)"));
    let _ = driven.press(KeyCode::Enter);
    assert_eq!(driven.names(), ["/robot1/cmd_vel"]);
    // What is typed is no command; what comes later is filtered, too.
    driven.publish("/robot1/odom", b"x", 1);
    driven.publish("/robot2/odom", b"x", 1);
    driven.refresh();
    assert_eq!(driven.names(), ["/robot1/cmd_vel", "/robot1/odom"]);
    driven.type_text("/x");
    let _ = driven.press(KeyCode::Backspace);
    let _ = driven.press(KeyCode::Esc);
    assert_eq!(driven.names(), ["/robot1/cmd_vel", "/robot1/odom"]);
    let _ = driven.press(KeyCode::Esc);
    assert_eq!(driven.names().len(), 6);
    driven.type_text("/nothing");
    assert!(driven.has("none of 7 channels is taken by the filter"));
}

#[test]
fn groups_open_and_close_and_tell_their_sums() {
    let mut driven = busy();
    driven.type_text("g");
    assert_eq!(
        driven.names(),
        ["- / (2)", "/scan", "POSE", "- /robot0/ (1)", "/robot0/cmd_vel", "- /robot1/ (1)", "/robot1/cmd_vel"]
    );
    assert!(driven.screen()[1].contains("18") && driven.screen()[1].contains("6.00 Hz"), "{}", driven.screen()[1]);
    let _ = driven.press(KeyCode::Home);
    let _ = driven.press(KeyCode::Enter);
    assert_eq!(driven.names()[..2], ["+ / (2)", "- /robot0/ (1)"]);
    // Of a channel the group is closed that it is in.
    let _ = driven.press(KeyCode::Down);
    let _ = driven.press(KeyCode::Down);
    let _ = driven.press(KeyCode::Left);
    assert_eq!(driven.names()[..2], ["+ / (2)", "+ /robot0/ (1)"]);
    let recorded = driven.press(KeyCode::Char('r'));
    assert!(matches!(recorded, Some(Action::Record(Scope::Namespace { namespace, .. })) if namespace == b"/robot0"));
    let _ = driven.press(KeyCode::Right);
    assert_eq!(driven.names().len(), 5);
    driven.type_text("g");
    assert_eq!(driven.names().len(), 4);
}

#[test]
fn the_cursor_stays_on_its_channel_whatever_comes() {
    let mut driven = busy();
    let _ = driven.press(KeyCode::Down);
    let _ = driven.press(KeyCode::Char('j'));
    assert_eq!(driven.app.table.cursor(), 2);
    for number in 0..30 {
        driven.publish(format!("/first{number}"), b"x", 1);
    }
    driven.refresh();
    let is_scan = |driven: &mut Driven| {
        let recorded = driven.press(KeyCode::Char('r'));
        matches!(recorded, Some(Action::Record(Scope::Channel(channel))) if channel == "/scan")
    };
    assert!(is_scan(&mut driven) && driven.names().contains(&"/scan".to_owned()));
    for code in [KeyCode::PageUp, KeyCode::PageUp, KeyCode::End, KeyCode::PageDown, KeyCode::Home, KeyCode::Up] {
        let _ = driven.press(code);
    }
    assert_eq!(driven.app.table.cursor(), 0);
    let _ = driven.mouse(MouseEventKind::ScrollDown, 5, 5);
    assert_eq!(driven.app.table.cursor(), 3);
    driven.click(5, 2);
    assert_eq!(driven.app.table.cursor(), 1);
}

#[test]
fn a_channel_opens_and_is_watched_only_then() {
    let mut driven = busy();
    assert!(driven.app.watched().is_empty());
    driven.click(3, 2);
    driven.click(3, 2);
    assert_eq!(driven.app.watched(), [Channel::new("/robot1/cmd_vel#geometry_msgs.Twist").unwrap()]);
    driven.refresh();
    driven.publish("/robot1/cmd_vel#geometry_msgs.Twist", &Twist::default().encode().unwrap()[..20], 3);
    driven.refresh();
    // The newest is decoded, which is drawn, and once.
    let _ = (driven.screen(), driven.screen());
    assert!(driven.has("1 undecodable: this is no geometry_msgs.Twist"), "{:#?}", driven.screen());
    assert!(driven.has("00000000  "));
    let recorded = driven.press(KeyCode::Char('r'));
    assert!(matches!(recorded, Some(Action::Record(Scope::Channel(_)))));
    let _ = driven.press(KeyCode::Esc);
    assert!(driven.app.watched().is_empty() && driven.names().len() == 4);
    driven.refresh();
    assert!(driven.screen()[2].contains(" 1 "), "{}", driven.screen()[2]);
}

#[test]
fn plots_go_on_while_something_else_is_looked_at() {
    let mut driven = Driven::new(160, 40);
    let channels = ["/a#geometry_msgs.Twist", "/b#geometry_msgs.Twist"];
    let twist = Twist::default().encode().unwrap();
    channels.iter().for_each(|channel| driven.publish(channel, &twist, 10));
    driven.refresh();
    for leave in [KeyCode::Esc, KeyCode::Char('n')] {
        let _ = driven.press(KeyCode::Enter);
        driven.refresh();
        channels.iter().for_each(|channel| driven.publish(channel, &twist, 10));
        driven.refresh();
        let _ = (driven.screen(), driven.press(KeyCode::Down), driven.screen(), driven.press(KeyCode::Char('p')));
        assert!(driven.has("linear.x (plotted)"), "{:#?}", driven.screen());
        let _ = driven.press(leave);
        let _ = driven.press(KeyCode::Down);
    }
    let _ = driven.press(KeyCode::Esc);
    assert_eq!(driven.app.watched().len(), 2);
    channels.iter().for_each(|channel| driven.publish(channel, &twist, 10));
    driven.refresh();
    let _ = driven.press(KeyCode::Home);
    let _ = driven.press(KeyCode::Enter);
    assert!(driven.has("linear.x  last 0"), "{:#?}", driven.screen());
    let _ = driven.press(KeyCode::Char('p'));
    let _ = driven.press(KeyCode::Esc);
    assert_eq!(driven.app.watched().len(), 1);
}

#[test]
fn all_that_a_node_publishes_can_be_scrolled_to_and_clicks_on_it_choose_no_other_node() {
    let mut driven = Driven::new(80, 24);
    let published = |number| Published { channel: format!("/out{number:02}"), port: None, messages: Some(1) };
    let node = |number: i64| Node {
        node: dimos::NodeId::from_wire(number).unwrap(),
        name: Some(format!("node{number}")),
        class_name: "AClassWithAName".to_owned(),
        state: dimos::presence::State::Running,
        host: "robot".to_owned(),
        pid: 12,
        run_id: String::new(),
        handler: Duration::ZERO,
        publishes: (0..30).map(published).collect(),
        subscribes: Vec::new(),
    };
    driven.app.meet(Nodes { nodes: (1..5).map(node).collect(), error: None });
    let _ = driven.press(KeyCode::Char('n'));
    let _ = driven.press(KeyCode::Down);
    assert!(driven.has("AClassWithAN… running") && driven.has("HANDLER"), "{:#?}", driven.screen());
    assert!(
        driven.has("node2, node") && driven.has("more lines: pgdn") && !driven.has("/out29"),
        "{:#?}",
        driven.screen()
    );
    driven.click(5, 20);
    let _ = driven.mouse(MouseEventKind::ScrollDown, 5, 20);
    assert!(driven.app.node == 1 && !driven.has("node2, node"), "{:#?}", driven.screen());
    for _ in 0..9 {
        let _ = (driven.press(KeyCode::PageDown), driven.screen());
    }
    assert!(driven.has("publishes  /out29, 1 message so far") && !driven.has("more lines"), "{:#?}", driven.screen());
    driven.click(5, 3);
    assert!(driven.app.node == 2 && driven.has("node3, node"), "{:#?}", driven.screen());
}

#[test]
fn more_plots_than_are_kept_take_the_place_of_the_oldest_and_that_is_told() {
    let mut driven = Driven::new(160, 40);
    let twist = Twist::default().encode().unwrap();
    for number in 0..=MAX_WATCHED {
        let channel = format!("/{number:02}#geometry_msgs.Twist");
        driven.publish(&channel, &twist, 10);
        driven.refresh();
        let _ = (driven.press(KeyCode::End), driven.press(KeyCode::Enter));
        driven.refresh();
        driven.publish(&channel, &twist, 10);
        driven.refresh();
        let _ = (driven.screen(), driven.press(KeyCode::Down), driven.screen(), driven.press(KeyCode::Char('p')));
        assert!(driven.has("linear.x (plotted)"), "{:#?}", driven.screen());
        assert!(!driven.has("plotted no longer"));
        let _ = driven.press(KeyCode::Esc);
    }
    assert!(
        driven.has("/01#geometry_msgs.Twist is plotted no longer: 15 channels are at most"),
        "{:#?}",
        driven.screen()
    );
    assert_eq!(driven.app.watched().len(), MAX_WATCHED - 1);
}

#[test]
fn what_there_is_no_room_for_at_80_columns_is_cut_with_a_sign_or_left_out() {
    let mut driven = Driven::new(80, 24);
    for name in
        ["/robot0/camera/front/image_raw#sensor_msgs.Image", "/robot0/pose#geometry_msgs.PoseWithCovarianceStamped"]
    {
        driven.publish(name, b"x", 2);
    }
    driven.refresh();
    let screen = driven.screen();
    assert!(screen[0].ends_with("LOST  UNDEC"), "{screen:#?}");
    assert!(screen[1].starts_with("/robot0/camera/fron… sensor_msgs.Image  "), "{screen:#?}");
    assert!(screen[2].starts_with("/robot0/pose         geometry_msgs.PoseWithC… "), "{screen:#?}");
    assert!(screen[23].trim_end().ends_with("n nodes  r record"), "{screen:#?}");
    driven.type_text("g");
    // The name of a group has the room of its type, too.
    assert!(driven.has("- /robot0/camera/front/ (1)  "), "{:#?}", driven.screen());
}

#[test]
fn help_that_is_longer_than_the_screen_scrolls_and_is_as_narrow_as_it() {
    let mut driven = Driven::new(80, 24);
    driven.type_text("?");
    assert!(driven.has("more lines: down, pgdn") && !driven.has("UNDEC"));
    for _ in 0..9 {
        let _ = driven.press(KeyCode::PageDown);
    }
    assert!(driven.has("UNDEC") && driven.has("go on while other channels are looked at"), "{:#?}", driven.screen());
    let _ = driven.press(KeyCode::Esc);
    assert!(!driven.has("UNDEC  "));
}

#[test]
fn what_is_frozen_stays_and_can_still_be_looked_through() {
    let mut driven = busy();
    driven.type_text(" ");
    driven.publish("/new", b"x", 1);
    driven.refresh();
    assert!(driven.has("FROZEN") && !driven.has("/new"));
    driven.type_text("/scan");
    assert_eq!(driven.names(), ["/scan"]);
    let _ = driven.press(KeyCode::Esc);
    driven.type_text(" ");
    driven.refresh();
    assert!(!driven.has("FROZEN") && driven.has("/new"));
}

#[test]
fn channels_of_the_mesh_are_shown_when_they_are_asked_for() {
    let mut driven = busy();
    driven.type_text("a");
    assert_eq!(driven.names()[0], "/mesh/claim");
    driven.type_text("a");
    assert_eq!(driven.names().len(), 4);
}

#[test]
fn a_recording_is_shown_with_what_it_drops_and_why_it_ends() {
    let mut driven = busy();
    let recorded = driven.press(KeyCode::Char('R'));
    let Some(Action::Record(scope)) = recorded else { panic!("{recorded:?}") };
    driven.app.recording_begins(&scope, Ok("spy.lcmlog".into()));
    assert!(driven.has("recording all channels to spy.lcmlog"));
    let mut recording = Recording { dropped: 7, ..recording(12) };
    driven.app.recording = Some(recording.clone());
    let _ = driven.press(KeyCode::Down);
    assert!(driven.has("REC all channels: 12 messages, 3.46 kB, 7 DROPPED to spy.lcmlog; r ends it"));
    assert!(matches!(driven.press(KeyCode::Char('r')), Some(Action::EndRecording)));
    (recording.is_running, recording.error) = (false, Some("No space left on device".to_owned()));
    driven.app.recording = Some(recording);
    assert!(driven.has("ended after 12 messages: No space left on device"));
    driven.app.recording_begins(&scope, Err(std::io::ErrorKind::PermissionDenied.into()));
    assert!(driven.has("cannot record all channels: permission denied"));
}

#[test]
fn what_goes_wrong_with_a_recording_is_told_without_a_key() {
    let everything = Scope::Filter { filter: Filter::default(), with_internal: false };
    let mut driven = busy();
    driven.app.recording_begins(&everything, Ok("spy.lcmlog".into()));
    driven.hear_of(recording(0));
    assert!(driven.has("recording all channels to spy.lcmlog; r ends it"));
    driven.hear_of(Recording { dropped: 7, ..recording(12) });
    assert!(driven.has("REC all channels: 12 messages, 3.46 kB, 7 DROPPED to spy.lcmlog; r ends it"));
    // What is told later is no longer in its way, however many more are dropped, until it ends.
    driven.app.message = Some("copied: linear.x".to_owned());
    driven.hear_of(Recording { dropped: 8, ..recording(12) });
    assert!(driven.has("copied: linear.x"));
    driven.hear_of(Recording { dropped: 8, is_running: false, ..recording(13) });
    assert!(driven.has("recorded all channels to spy.lcmlog: 13 messages, 3.46 kB, 8 dropped, "));
    // One that fails before anything else is heard of it.
    driven.app.recording_begins(&everything, Ok("spy-2.lcmlog".into()));
    let error = Some("No space left on device".to_owned());
    driven.hear_of(Recording { path: "spy-2.lcmlog".into(), is_running: false, error, ..recording(1) });
    assert!(driven.has("recording to spy-2.lcmlog ended after 1 message: No space left on device"));
}

#[test]
fn how_a_recording_went_is_told_when_it_has_ended_until_the_next_key() {
    let mut driven = busy();
    driven.hear_of(recording(1));
    assert!(driven.has("REC all channels: 1 message, 3.46 kB to spy.lcmlog; r ends it"));
    assert!(matches!(driven.press(KeyCode::Char('r')), Some(Action::EndRecording)));
    for _ in 0..2 {
        driven.hear_of(Recording { is_running: false, ..recording(2) });
        assert!(driven.has("recorded all channels to spy.lcmlog: 2 messages, 3.46 kB"));
    }
    let _ = driven.press(KeyCode::Down);
    driven.hear_of(Recording { is_running: false, ..recording(2) });
    assert!(driven.has("? help") && !driven.has("recorded all channels"));
}

#[test]
fn q_and_ctrl_c_quit_but_not_while_a_filter_is_typed() {
    let mut driven = busy();
    driven.type_text("/q");
    let ctrl_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert!(matches!(driven.app.key(ctrl_c), Some(Action::Quit)));
    let _ = driven.press(KeyCode::Esc);
    driven.type_text("?");
    assert!(driven.has("move the cursor"));
    assert!(driven.press(KeyCode::Char('j')).is_none() && !driven.has("move the cursor"));
    assert!(matches!(driven.press(KeyCode::Char('q')), Some(Action::Quit)));
}

#[test]
fn names_of_strangers_are_no_commands_for_the_terminal() {
    let mut driven = Driven::new(160, 10);
    driven.publish(b"\x1b]0;owned\x07\xff\xfe", b"x", 1);
    driven.publish("/wide/\u{5317}\u{4eac}\u{5317}\u{4eac}\u{5317}\u{4eac}\u{202e}", b"x", 1);
    driven.publish("", b"x", 1);
    driven.refresh();
    let screen = driven.screen();
    assert!(screen[2].starts_with("\\u{1b}]0;owned\\u{7}"), "{screen:#?}");
    assert!(driven.has("/wide/") && screen.iter().all(|line| !line.contains(['\x1b', '\u{202e}'])), "{screen:#?}");
}

#[test]
fn every_screen_is_drawn_at_any_size() {
    for (width, height) in [(1, 1), (2, 2), (3, 5), (10, 3), (40, 24), (300, 2)] {
        for keys in ["", "?", "n", "g", "/x"] {
            let mut driven = busy();
            driven.app.resize(width, height);
            (driven.width, driven.height) = (width, height);
            driven.type_text(keys);
            let _ = driven.screen();
            driven.app.meet(Nodes::default());
            let _ = driven.screen();
            driven.app.view = View::Channels;
            let _ = driven.press(KeyCode::Enter);
            let _ = driven.press(KeyCode::End);
            driven.refresh();
            let _ = driven.screen();
        }
    }
}

fn any_key() -> impl Strategy<Value = KeyCode> {
    prop_oneof![
        prop::sample::select(vec![
            KeyCode::Up,
            KeyCode::Down,
            KeyCode::Left,
            KeyCode::Right,
            KeyCode::PageUp,
            KeyCode::PageDown,
            KeyCode::Home,
            KeyCode::End,
            KeyCode::Enter,
            KeyCode::Esc,
            KeyCode::Backspace,
            KeyCode::Tab,
        ]),
        prop::sample::select("qrRnsSdgahjkl/? *x".chars().collect::<Vec<_>>()).prop_map(KeyCode::Char),
        any::<char>().prop_map(KeyCode::Char),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_keys_and_clicks_and_names_do_no_harm(
        steps in prop::collection::vec((any_key(), 0_u16..200, 0_u16..60, prop::collection::vec(1_u8.., 0..63)), 1..40),
        width in 1_u16..200,
        height in 1_u16..60,
    ) {
        let mut driven = busy();
        for (key, column, row, name) in steps {
            let _ = driven.press(key);
            let _ = driven.screen();
            let _ = driven.mouse(MouseEventKind::Down(MouseButton::Left), column, row);
            driven.publish(&name, &name, 1);
            driven.app.resize(width.saturating_sub(column).max(1), height);
            (driven.width, driven.height) = (width.saturating_sub(column).max(1), height);
            driven.refresh();
            let _ = driven.screen();
        }
    }
}
