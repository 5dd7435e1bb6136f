//! A store that is further away: what is sent to it arrives later.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy},
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// More than any request of the service to the store has, so that none is delayed twice.
const REQUEST: usize = 256 * 1024;

/// The address of a relay to the store at `endpoint`, by which every request arrives `latency` later. It takes no CPU time
/// for that, so that the store limits how many requests are answered by how long it takes alone.
pub async fn before(endpoint: &str, latency: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let store = endpoint.strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
    tokio::spawn(async move {
        while let Ok((service, _)) = listener.accept().await {
            tokio::spawn(relay(service, store.clone(), latency));
        }
    });
    format!("http://{address}")
}

async fn relay(service: TcpStream, store: String, latency: Duration) -> std::io::Result<()> {
    let store = TcpStream::connect(store).await?;
    for stream in [&service, &store] {
        stream.set_nodelay(true)?;
    }
    let ((mut asked, mut answers), (mut answered, mut asks)) =
        (service.into_split(), store.into_split());
    let back = tokio::spawn(async move { copy(&mut answered, &mut answers).await });
    let mut request = vec![0; REQUEST];
    loop {
        let bytes = asked.read(&mut request).await?;
        if bytes == 0 {
            back.abort();
            return Ok(());
        }
        sleep(latency).await;
        asks.write_all(&request[..bytes]).await?;
    }
}
