//! Sources: where a trip begins, and where it ends, so that one clock measures it.

use std::time::Instant;

use dimos::{Context, In, Module, Out, OutError, Sample, module};
use lcm_types::geometry_msgs::Twist;
use lcm_types::sensor_msgs::Image;

use crate::say;
use crate::settings::Settings;
use crate::trips::{Next, Numbered, Trips};

/// Sends velocities around.
#[derive(Module)]
pub(crate) struct TwistSource {
    input: In<Twist>,
    output: Out<Twist>,
    context: Context,
    config: Settings,
    #[init(Trips::new(config))]
    trips: Trips,
    #[init(Twist::sized(&config))]
    message: Twist,
}

/// Sends images around.
#[derive(Module)]
pub(crate) struct ImageSource {
    input: In<Image>,
    output: Out<Image>,
    context: Context,
    config: Settings,
    #[init(Trips::new(config))]
    trips: Trips,
    #[init(Image::sized(&config))]
    message: Image,
}

#[module]
impl TwistSource {
    fn on_input(&mut self, sample: &Sample) -> Result<(), OutError> {
        let next = self.trips.returned(Instant::now(), Twist::number(sample.payload()));
        follow(next, &mut self.trips, &mut self.message, &self.output, &self.context)
    }

    #[every(self.config.period())]
    fn tick(&mut self) -> Result<(), OutError> {
        let next = self.trips.tick(Instant::now());
        follow(next, &mut self.trips, &mut self.message, &self.output, &self.context)
    }

    #[start]
    fn begin(&mut self) -> Result<(), OutError> {
        self.tick()
    }
}

#[module]
impl ImageSource {
    fn on_input(&mut self, sample: &Sample) -> Result<(), OutError> {
        let next = self.trips.returned(Instant::now(), Image::number(sample.payload()));
        follow(next, &mut self.trips, &mut self.message, &self.output, &self.context)
    }

    #[every(self.config.period())]
    fn tick(&mut self) -> Result<(), OutError> {
        let next = self.trips.tick(Instant::now());
        follow(next, &mut self.trips, &mut self.message, &self.output, &self.context)
    }

    #[start]
    fn begin(&mut self) -> Result<(), OutError> {
        self.tick()
    }
}

fn follow<T: Numbered>(
    next: Next,
    trips: &mut Trips,
    message: &mut T,
    output: &Out<T>,
    context: &Context,
) -> Result<(), OutError> {
    match next {
        Next::Wait => Ok(()),
        Next::Send(number) => {
            message.set_number(number);
            output.publish(message)
        }
        Next::Over => {
            // A message that is late may come meanwhile; the end is told once.
            if !context.is_stopping() {
                say(&trips.figures());
                context.stop();
            }
            Ok(())
        }
    }
}
