//! What all commands have in common: the bus that they are on, and how they talk.

use dimos::Dimos;
use lcm::{Lcm, Url};
use serde::Serialize;

use crate::colour::Colour;
use crate::command::Common;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output;

/// Handed to every command.
#[derive(Debug)]
pub(crate) struct Context {
    url: Option<Url>,
    /// Joined already, on that bus.
    mesh: Option<Dimos>,
    /// Whether programs read what is said.
    pub(crate) is_json: bool,
    /// Whether people see colours.
    pub(crate) colour: Colour,
    /// Whether Ctrl-C was pressed.
    pub(crate) interrupt: Interrupt,
}

impl Context {
    pub(crate) fn new(common: Common, interrupt: Interrupt) -> Self {
        Self { url: common.bus, mesh: None, is_json: common.is_json, colour: common.colour, interrupt }
    }

    /// The same with a mesh that is joined already, if it is: commands take that.
    pub(crate) fn on_mesh(self, mesh: Option<Dimos>) -> Self {
        Self { mesh, ..self }
    }

    /// The bus that `--bus` names, if it does.
    pub(crate) fn given_url(&self) -> Option<&Url> {
        self.url.as_ref()
    }

    /// The bus: `--bus`, or what `LCM_DEFAULT_URL` names.
    pub(crate) fn url(&self) -> Result<Url, Failure> {
        match &self.url {
            Some(url) => Ok(url.clone()),
            None => Url::resolve("").map_err(|error| Failure::usage(error).within(lcm::DEFAULT_URL_VARIABLE)),
        }
    }

    /// Joins the bus, for messages.
    pub(crate) fn bus(&self) -> Result<Lcm, Failure> {
        Ok(Lcm::open(&self.url()?.to_string())?)
    }

    /// Joins the mesh on the bus, for calls.
    pub(crate) fn mesh(&self) -> Result<Dimos, Failure> {
        match &self.mesh {
            Some(mesh) => Ok(mesh.clone()),
            None => Ok(dimos::Options::default().url(self.url()?).join()?),
        }
    }

    /// Says something on stderr.
    pub(crate) fn note(&self, text: impl ToString) {
        output::note(&text.to_string(), self.is_json);
    }

    /// Prints a result that is data as a whole: one line of JSON, or what `readable` makes of it.
    pub(crate) fn print<T: Serialize>(&self, value: &T, readable: impl FnOnce(&T) -> String) -> Result<(), Failure> {
        let mut output = output::Output::new();
        if self.is_json {
            output.json(value)?;
        } else {
            let text = readable(value);
            if !text.is_empty() {
                output.line(text.trim_end())?;
            }
        }
        output.flush()
    }
}
