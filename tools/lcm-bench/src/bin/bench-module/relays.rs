//! Relays: what comes in goes out.

use dimos::{In, Module, Out, OutError, Sample, module};
use lcm_types::geometry_msgs::Twist;
use lcm_types::sensor_msgs::{Image, ImageView};

use crate::announce;

/// Passes velocities on, which it has decoded.
#[derive(Module)]
pub(crate) struct TwistRelay {
    input: In<Twist>,
    output: Out<Twist>,
}

/// Passes images on, which it has decoded.
#[derive(Module)]
pub(crate) struct ImageRelay {
    input: In<Image>,
    output: Out<Image>,
}

/// Looks at images where they lie, and passes them on as they came.
#[derive(Module)]
pub(crate) struct ImageViewRelay {
    input: In<Image>,
    output: Out<Image>,
    looked_at: u64,
}

#[module]
impl TwistRelay {
    fn on_input(&mut self, twist: Twist) -> Result<(), OutError> {
        self.output.publish(&twist)
    }

    #[start]
    fn begin(&mut self) -> std::io::Result<()> {
        announce()
    }
}

#[module]
impl ImageRelay {
    fn on_input(&mut self, image: Image) -> Result<(), OutError> {
        self.output.publish(&image)
    }

    #[start]
    fn begin(&mut self) -> std::io::Result<()> {
        announce()
    }
}

#[module]
impl ImageViewRelay {
    fn on_input(&mut self, image: ImageView<'_>, sample: &Sample) -> Result<(), OutError> {
        self.looked_at += image.data().len() as u64;
        self.output.publish_encoded(sample.payload())
    }

    #[start]
    fn begin(&mut self) -> std::io::Result<()> {
        announce()
    }
}
