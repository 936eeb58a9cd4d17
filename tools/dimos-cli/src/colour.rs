//! Whether what people read is coloured.

use std::ffi::OsString;
use std::io::IsTerminal;

use clap::{ColorChoice, ValueEnum};

/// What `--color` says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On terminals, unless `NO_COLOR` is set.
    #[default]
    Auto,
    Always,
    Never,
}

impl Colour {
    /// What a command line says, which may be wrong otherwise: its error is coloured, too.
    pub(crate) fn of_command_line(arguments: &[OsString]) -> Self {
        let words = arguments.iter().take_while(|argument| *argument != "--").filter_map(|argument| argument.to_str());
        let mut colour = Self::default();
        let mut is_value = false;
        for word in words {
            let value = if is_value { Some(word) } else { word.strip_prefix("--color=") };
            is_value = word == "--color";
            colour = value.and_then(|value| Self::from_str(value, false).ok()).unwrap_or(colour);
        }
        colour
    }

    /// Whether what goes to this stream is coloured.
    pub(crate) fn shows_on(self, stream: &impl IsTerminal) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }
}

impl From<Colour> for ColorChoice {
    fn from(colour: Colour) -> Self {
        match colour {
            Colour::Auto => Self::Auto,
            Colour::Always => Self::Always,
            Colour::Never => Self::Never,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_tells_its_colour_even_if_it_is_wrong() {
        let of = |line: &str| Colour::of_command_line(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert_eq!(of("dimos --color never wrong"), Colour::Never);
        assert_eq!(of("dimos wrong --color=always"), Colour::Always);
        assert_eq!(of("dimos --color purple"), Colour::Auto);
        assert_eq!(of("dimos run -- --color never"), Colour::Auto);
        assert_eq!(of("dimos --color"), Colour::Auto);
    }
}
