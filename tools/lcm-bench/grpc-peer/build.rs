//! Writes client and server of the service `Bench`, without protoc: the service is described here, its messages are written
//! by hand in `src/messages.rs`.

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let method = |name: &str, route_name: &str, message: &str| {
        Method::builder()
            .name(name)
            .route_name(route_name)
            .input_type(message)
            .output_type(message)
            .codec_path("tonic_prost::ProstCodec")
            .build()
    };
    let bench = Service::builder()
        .package("lcm_bench")
        .name("Bench")
        .method(method("echo_point", "EchoPoint", "crate::messages::Point"))
        .method(method("echo_text", "EchoText", "crate::messages::Text"))
        .build();
    Builder::new().compile(&[bench]);
}
