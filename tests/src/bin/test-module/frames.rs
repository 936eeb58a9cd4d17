//! Modules that publish and look up transforms.

use std::time::Duration;

use dimos::module::TfError;
use dimos::transforms::When;
use dimos::{Clock, In, Module, Out, Tf, module};
use lcm_types::geometry_msgs::TransformStamped;
use lcm_types::std_msgs::{Int32, String as Text};

/// Says where its parts are.
#[derive(Module)]
pub(crate) struct Arm {
    tf: Tf,
    clock: Clock,
}

#[module]
impl Arm {
    #[start]
    fn mount(&mut self) -> Result<(), TfError> {
        self.tf.publish_static(&self.transform("base", "arm", 1.0))
    }

    #[rpc]
    fn place(&self, parent: String, child: String, x_m: f64) -> Result<(), TfError> {
        self.tf.publish(&self.transform(&parent, &child, x_m))
    }
}

impl Arm {
    fn transform(&self, parent: &str, child: &str, x_m: f64) -> TransformStamped {
        let (header, child_frame_id) = (self.clock.header(parent), child.to_owned());
        let mut transform = TransformStamped { header, child_frame_id, ..TransformStamped::default() };
        transform.transform.translation.x = x_m;
        transform.transform.rotation.w = 1.0;
        transform
    }
}

/// Looks where things are.
#[derive(Module)]
pub(crate) struct Looker {
    tf: Tf,
    /// Waits for up to so many milliseconds until it knows where the hand is.
    seek: In<Int32>,
    found: Out<Text>,
}

#[module]
impl Looker {
    fn on_seek(&mut self, ms: Int32) -> Result<(), dimos::OutError> {
        let at_most = Duration::from_millis(ms.data.unsigned_abs().into());
        let found = self.tf.wait("base", "hand", When::Latest, at_most);
        let data = match found {
            Ok(found) => format!("{}", found.transform.translation.x),
            Err(error) => format!("not found: {error}"),
        };
        self.found.publish(&Text { data })
    }

    #[stop]
    fn end(&mut self) -> Result<(), dimos::OutError> {
        self.found.publish(&Text { data: "the end".to_owned() })
    }

    /// Where the origin of a frame lies in another one.
    #[rpc]
    fn look(&self, target: String, source: String) -> Result<f64, String> {
        let found = self.tf.lookup(&target, &source, When::Latest).map_err(|error| error.to_string())?;
        Ok(found.transform.translation.x)
    }
}
