//! The worker as an AWS Lambda function. Its event source is the table's stream, with partial batch
//! responses.

use std::sync::Arc;

use clap::Parser as _;
use clinic_api::{
    cli::{OpenStore, logging},
    config::LambdaArgs,
    worker::{function::handle, processor::Processor},
};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let settings = LambdaArgs::parse();
    logging::start(&settings.log)?;
    let open = OpenStore::open(&settings.store).await?;
    open.check_format().await?;
    let processor =
        Arc::new(Processor::new(open.store.clone(), settings.retention.audit_retention_days));
    let work = async |event: LambdaEvent<_>| {
        Ok::<_, Error>(handle(processor.clone(), event.payload).await?)
    };
    run(service_fn(work)).await
}
