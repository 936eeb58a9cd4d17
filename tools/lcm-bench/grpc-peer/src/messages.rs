//! The messages of the service, as protoc would make them of
//! ```text
//! message Point { double x = 1; double y = 2; }
//! message Text { string text = 1; }
//! ```

/// What a small call takes and returns.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct Point {
    #[prost(double, tag = "1")]
    pub x: f64,
    #[prost(double, tag = "2")]
    pub y: f64,
}

/// What a large call takes and returns.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Text {
    #[prost(string, tag = "1")]
    pub text: String,
}
