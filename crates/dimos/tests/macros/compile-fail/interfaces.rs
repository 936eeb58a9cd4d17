//! Traits that are no interfaces.

use dimos::rpc::RpcError;
use dimos::{Stream, interface};

#[interface]
trait Planner {
    const LIMIT: u8;

    fn without_result(&self, x: f64) -> f64;

    fn without_anything(&self);

    fn with_body(&self) -> Result<f64, RpcError> {
        Ok(0.0)
    }

    fn changing(&mut self) -> Result<f64, RpcError>;

    fn of_nobody() -> Result<f64, RpcError>;

    fn lent(&self, text: &str) -> Result<f64, RpcError>;

    fn lending(&self) -> Result<&str, RpcError>;

    fn describe(&self) -> Result<f64, RpcError>;

    fn of_what(&self) -> Result<Stream, RpcError>;

    #[binary]
    fn binary_stream(&self) -> Result<Stream<f64>, RpcError>;

    #[binary(all)]
    fn all(&self) -> Result<f64, RpcError>;

    #[binary]
    #[rpc(name = "other")]
    fn twice(&self) -> Result<f64, RpcError>;

    #[rpc(concurrent)]
    fn beside(&self) -> Result<f64, RpcError>;

    #[rpc(name = "plan")]
    fn other(&self) -> Result<f64, RpcError>;

    fn plan(&self) -> Result<f64, RpcError>;

    async fn waiting(&self) -> Result<f64, RpcError>;
}

#[interface]
trait Generic<T> {}

fn main() {}
