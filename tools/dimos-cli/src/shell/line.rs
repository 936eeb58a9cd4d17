//! What a line of the shell means, and the part of it that is being typed. Nothing here looks at the bus.

use crate::failure::Failure;
use crate::similar;

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// It is blank, or a comment.
    Nothing,
    Exit,
    /// What can be typed at all.
    Help,
    /// The words of a command, as they would stand behind `dimos`.
    Command(Vec<String>),
}

/// A line up to the cursor.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Typed<'a> {
    /// The words of a command that are complete, as they would stand behind `dimos`.
    pub(super) words: Vec<String>,
    /// Whether the word being typed is the first of the line.
    pub(super) is_first: bool,
    /// The word being typed.
    pub(super) current: &'a str,
    /// Where that begins.
    pub(super) start: usize,
}

/// What a line means. `commands` are those of `dimos`.
pub(super) fn read(line: &str, commands: &[String]) -> Result<Line, Failure> {
    let Some(words) = shlex::split(line) else {
        return Err(Failure::usage("a quote is not closed, or a backslash ends the line"));
    };
    let words = without_dimos(words);
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Ok(Line::Nothing),
        ["exit" | "quit"] => Ok(Line::Exit),
        ["help" | "?"] => Ok(Line::Help),
        [first, ..] if is_command(first, commands) => Ok(Line::Command(words)),
        [first, ..] if is_method(first) => Ok(Line::Command(call(words))),
        [first, ..] => {
            let guess = similar::did_you_mean(first, commands.iter().map(String::as_str));
            let message =
                format_args!("{first:?} is neither a command nor NAME.METHOD{guess}; help tells what there is");
            Err(Failure::usage(message))
        }
    }
}

/// What stands before the cursor, at the end of `text`; none within quotes, where nothing is completed.
pub(super) fn typed<'a>(text: &'a str, commands: &[String]) -> Option<Typed<'a>> {
    let start = text.rfind(char::is_whitespace).map_or(0, |space| {
        let width = text[space..].chars().next().map_or(1, char::len_utf8);
        space + width
    });
    let (before, current) = text.split_at(start);
    if current.contains(['"', '\'', '\\']) || before.ends_with("\\ ") {
        return None;
    }
    let words = without_dimos(shlex::split(before)?);
    let is_first = words.is_empty();
    let words = match words.first() {
        Some(first) if !is_command(first, commands) && is_method(first) => call(words),
        _ => words,
    };
    Some(Typed { words, is_first, current, start })
}

/// The module and the method that a line calls, as its first word or behind `rpc call`.
pub(super) fn called(text: &str) -> Option<(&str, &str)> {
    let mut words = text.split_whitespace().skip_while(|word| ["dimos", "rpc", "call"].contains(word));
    words.next().filter(|word| is_method(word))?.rsplit_once('.')
}

/// Whoever is used to it may begin with it.
fn without_dimos(mut words: Vec<String>) -> Vec<String> {
    if words.len() > 1 && words[0] == "dimos" {
        words.remove(0);
    }
    words
}

fn call(words: Vec<String>) -> Vec<String> {
    ["rpc", "call"].map(str::to_owned).into_iter().chain(words).collect()
}

fn is_command(word: &str, commands: &[String]) -> bool {
    word.starts_with('-') || commands.iter().any(|command| command == word)
}

fn is_method(word: &str) -> bool {
    word.rsplit_once('.').is_some_and(|(module, method)| !module.is_empty() && !method.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands() -> Vec<String> {
        ["list", "rpc", "topic"].map(str::to_owned).to_vec()
    }

    fn command(words: &[&str]) -> Line {
        Line::Command(words.iter().map(|&word| word.to_owned()).collect())
    }

    #[test]
    fn a_line_is_a_call_or_a_command() {
        let read = |line: &str| read(line, &commands()).unwrap();
        assert_eq!(
            read("robot0/arm.reach x=1 'name=a b' # near"),
            command(&["rpc", "call", "robot0/arm.reach", "x=1", "name=a b"])
        );
        assert_eq!(
            read(" topic echo /scan#sensor_msgs.LaserScan"),
            command(&["topic", "echo", "/scan#sensor_msgs.LaserScan"])
        );
        assert_eq!(read("dimos list --json"), command(&["list", "--json"]));
        assert_eq!(read("--version"), command(&["--version"]));
        assert_eq!([read(""), read("  # a comment")], [Line::Nothing, Line::Nothing]);
        assert_eq!(
            [read("exit"), read("quit"), read("help"), read("?")],
            [Line::Exit, Line::Exit, Line::Help, Line::Help]
        );
    }

    #[test]
    fn what_is_neither_is_refused_with_a_guess() {
        let refused = |line: &str| read(line, &commands()).unwrap_err().to_json()["error"]["message"].to_string();
        assert!(refused("lisst").contains("did you mean list?"), "{}", refused("lisst"));
        assert!(refused("arm.reach 'x=1").contains("quote"));
        assert!(refused(".reach").contains("neither"));
    }

    #[test]
    fn the_word_at_the_cursor_is_what_is_completed() {
        let typed = |text| typed(text, &commands());
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let expected =
            Typed { words: words(&["rpc", "call", "arm.reach", "a=b c"]), is_first: false, current: "x", start: 18 };
        assert_eq!(typed("arm.reach 'a=b c' x"), Some(expected));
        let first = Typed { words: Vec::new(), is_first: true, current: "ar", start: 0 };
        assert_eq!(typed("ar"), Some(first));
        let option = Typed { words: words(&["topic", "echo"]), is_first: false, current: "", start: 11 };
        assert_eq!(typed("topic echo "), Some(option));
        assert_eq!([typed("arm.reach 'a b"), typed("arm.reach 'a")], [None, None]);
    }

    #[test]
    fn a_line_names_the_method_that_it_calls() {
        assert_eq!(called("robot0/arm.reach x=1"), Some(("robot0/arm", "reach")));
        assert_eq!(called("rpc call arm.reach"), Some(("arm", "reach")));
        assert_eq!(called("topic echo /a.b"), None);
        assert_eq!(called(""), None);
    }
}
