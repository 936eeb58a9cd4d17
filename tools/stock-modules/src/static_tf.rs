//! `static-tf`: where frames are that never move.

use dimos::module::TfError;
use dimos::{Clock, Module, Tf, module};
use lcm_types::geometry_msgs::{Quaternion, TransformStamped, Vector3};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Says where frames are that never move, five times a second.
#[derive(Module)]
pub(crate) struct StaticTf {
    tf: Tf,
    clock: Clock,
    config: Settings,
}

/// What can be configured.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Where the frames are.
    transforms: Vec<Mount>,
}

/// Where a frame is within another one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Mount {
    /// The frame that the other one is mounted on.
    parent: String,
    /// The frame that is mounted.
    child: String,
    /// Where its origin is: x, y and z, in m.
    #[serde(default)]
    xyz: [f64; 3],
    /// How it is turned: roll, pitch and yaw, in rad, about the fixed axes x, y and z in this order.
    #[serde(default)]
    rpy: [f64; 3],
}

#[module]
impl StaticTf {
    #[start]
    fn publish(&mut self) -> Result<(), TfError> {
        if self.config.transforms.is_empty() {
            tracing::warn!("no transforms are configured: nothing is published");
        }
        self.config.transforms.iter().try_for_each(|mount| self.tf.publish_static(&self.transform(mount)))
    }

    /// All frames that are known, each below the one it is mounted on.
    #[skill]
    fn frames(&self) -> String {
        self.tf.tree()
    }
}

impl StaticTf {
    fn transform(&self, mount: &Mount) -> TransformStamped {
        let ([x, y, z], [roll_rad, pitch_rad, yaw_rad]) = (mount.xyz, mount.rpy);
        let mut transform = TransformStamped {
            header: self.clock.header(&mount.parent),
            child_frame_id: mount.child.clone(),
            ..TransformStamped::default()
        };
        transform.transform.translation = Vector3::new(x, y, z);
        transform.transform.rotation = Quaternion::from_rpy(roll_rad, pitch_rad, yaw_rad);
        transform
    }
}
