//! What is on the screen, after which values and keys.

use proptest::prelude::*;

use super::*;

const SECOND_NS: u64 = 1_000_000_000;

/// A plausible receive time.
const START_NS: u64 = 1_800_000_000 * SECOND_NS;

fn drawn(plot: &mut Plot, width: u16, height: u16) -> String {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    plot.draw(buffer.area, &mut buffer);
    let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..height).map(row).collect::<Vec<_>>().join("\n")
}

fn press(plot: &mut Plot, code: KeyCode) {
    assert!(plot.handle_key(code.into()), "{code:?}");
}

/// A ramp from 0 to 30 in 30 s.
fn ramp() -> Plot {
    let mut plot = Plot::default();
    plot.toggle("pose.x").unwrap();
    for tenth in 0..=300 {
        plot.take(START_NS + tenth * SECOND_NS / 10, |_| Some(tenth as f64 / 10.0));
    }
    plot
}

#[test]
fn a_ramp_goes_from_one_corner_to_the_other() {
    let shown = drawn(&mut ramp(), 40, 8);
    let expected = "\
━ pose.x  last 30  min 0  max 30  mean 1
     31.5                            ⣀⠤⠒
                                 ⣀⠤⠒⠉
                            ⢀⡠⠔⠊⠉
      15               ⢀⡠⠔⠊⠁
                   ⣀⠤⠒⠉⠁
     -1.5     ⣀⠤⠒⠉
          -30 s                   newest";
    // The dots are Braille, and rounding is the library's.
    let only_text = |text: &str| text.replace(|c: char| ('\u{2800}'..='\u{28ff}').contains(&c), " ");
    let words = |text: &str| only_text(text).split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&shown)[..11], words(expected)[..11], "{shown}");
    let lines: Vec<Vec<_>> = shown.lines().map(|line| line.chars().collect()).collect();
    let is_dotted =
        |line: usize, column: usize| lines[line].get(column).is_some_and(|c| ('\u{2801}'..='\u{28ff}').contains(c));
    assert!(is_dotted(1, 39) && is_dotted(6, 10), "{shown}");
    assert!(!is_dotted(1, 12) && !is_dotted(6, 38), "{shown}");
}

#[test]
fn a_pause_is_a_gap_and_a_number_that_is_none_breaks_nothing() {
    let mut plot = Plot::default();
    plot.toggle("x").unwrap();
    for tenth in (0..100).chain(200..=300) {
        plot.take(START_NS + tenth * SECOND_NS / 10, |_| Some(if tenth == 50 { f64::NAN } else { 5.0 }));
    }
    let shown = drawn(&mut plot, 70, 10);
    let dotted = |from: usize, to: usize| {
        shown
            .lines()
            .skip(1)
            .take(8)
            .any(|line| line.chars().skip(from).take(to - from).any(|c| ('\u{2801}'..='\u{28ff}').contains(&c)))
    };
    assert!(dotted(10, 20) && dotted(55, 65), "{shown}");
    assert!(!dotted(32, 48), "{shown}");
    assert!(shown.contains("1 without a number"), "{shown}");
    assert!(shown.contains("5.5") && shown.contains("4.5"), "{shown}");
}

#[test]
fn a_window_can_be_zoomed_moved_stopped_and_read() {
    let mut plot = ramp();
    press(&mut plot, KeyCode::Char('+'));
    assert!(drawn(&mut plot, 60, 10).contains("-20 s"));
    press(&mut plot, KeyCode::Left);
    let shown = drawn(&mut plot, 60, 10);
    assert!(shown.contains("4 s before the newest, paused"), "{shown}");
    assert!(shown.contains("min 6  max 26"), "{shown}");
    press(&mut plot, KeyCode::Right);
    assert!(drawn(&mut plot, 60, 10).contains("newest"));
    plot.freeze(true);
    plot.take(START_NS + 31 * SECOND_NS, |_| Some(100.0));
    let shown = drawn(&mut plot, 60, 10);
    assert!(shown.contains("max 30") && shown.contains("paused"), "{shown}");
    // In the middle of the window, which ends at 30 s.
    press(&mut plot, KeyCode::Char('c'));
    let shown = drawn(&mut plot, 70, 10);
    assert!(shown.contains("cursor 20 "), "{shown}");
    press(&mut plot, KeyCode::Left);
    let shown = drawn(&mut plot, 70, 10);
    assert!(shown.contains("cursor 19.6"), "{shown}");
    // It stands still whatever is pressed, until it goes on.
    press(&mut plot, KeyCode::Char('c'));
    for code in [KeyCode::End, KeyCode::Right] {
        press(&mut plot, code);
        let shown = drawn(&mut plot, 70, 10);
        assert!(shown.contains("max 30") && shown.contains("paused"), "{shown}");
    }
    plot.freeze(false);
    assert!(drawn(&mut plot, 70, 10).contains("max 100"));
}

#[test]
fn values_can_be_zoomed_and_scale_themselves_again() {
    let mut plot = ramp();
    drawn(&mut plot, 60, 10);
    press(&mut plot, KeyCode::Up);
    let shown = drawn(&mut plot, 60, 10);
    assert!(shown.contains("     26 ") && shown.contains("      4 "), "{shown}");
    press(&mut plot, KeyCode::PageUp);
    let shown = drawn(&mut plot, 60, 10);
    assert!(shown.contains("   30.4 ") && shown.contains("    8.4 "), "{shown}");
    press(&mut plot, KeyCode::Char('a'));
    assert!(drawn(&mut plot, 60, 10).contains("31.5"));
}

#[test]
fn several_fields_have_a_colour_and_a_line_each() {
    let mut plot = Plot::default();
    for path in ["a", "b", "c", "d", "e", "f"] {
        plot.toggle(path).unwrap();
    }
    assert_eq!(plot.toggle("g"), Err(TooManyFields));
    plot.toggle("b").unwrap();
    plot.toggle("g").unwrap();
    plot.take(START_NS, |path| (path != "c").then_some(1.0));
    let shown = drawn(&mut plot, 60, 20);
    let legend: Vec<_> = shown.lines().take(6).map(|line| line.chars().nth(2).unwrap()).collect();
    assert_eq!(legend, ['a', 'c', 'd', 'e', 'f', 'g']);
    assert!(shown.contains("━ c  nothing in sight  1 without a number"), "{shown}");
    let colours: std::collections::BTreeSet<_> = plot.series.iter().map(Series::colour).collect();
    assert_eq!(colours.len(), 6);
}

#[test]
fn a_clock_that_was_set_back_starts_again() {
    let mut plot = ramp();
    plot.take(START_NS - 100 * SECOND_NS, |_| Some(7.0));
    let shown = drawn(&mut plot, 60, 10);
    assert!(shown.contains("last 7  min 7  max 7"), "{shown}");
}

fn code() -> impl Strategy<Value = KeyCode> {
    prop_oneof![
        "[+=acx-]".prop_map(|text| KeyCode::Char(text.chars().next().unwrap())),
        Just(KeyCode::Left),
        Just(KeyCode::Right),
        Just(KeyCode::Up),
        Just(KeyCode::Down),
        Just(KeyCode::PageUp),
        Just(KeyCode::PageDown),
        Just(KeyCode::End),
    ]
}

proptest! {
    #[test]
    fn no_value_no_key_and_no_size_break_it(
        steps in proptest::collection::vec(
            (proptest::collection::vec(code(), 0..20), any::<u64>(), proptest::num::f64::ANY, 0_u16..80, 0_u16..30), 1..20)
    ) {
        let mut plot = Plot::default();
        plot.toggle("x").unwrap();
        plot.toggle("y").unwrap();
        for (keys, time_ns, value, width, height) in steps {
            for code in keys {
                plot.handle_key(code.into());
            }
            plot.take(time_ns, |path| Some(if path == "x" { value } else { -value / 3.0 }));
            drawn(&mut plot, width, height);
        }
    }
}
