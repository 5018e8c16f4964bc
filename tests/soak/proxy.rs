//! A way to the server that takes time.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::harness::Server;

/// Forwards to a server and delays every byte by the same time, each way.
pub(crate) struct Proxy {
    port: u16,
    task: JoinHandle<()>,
    cut: watch::Sender<()>,
}

impl Proxy {
    pub(crate) async fn before(server: &Server, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("a bound socket").port();
        let behind = server.url().replace("nats://", "");
        let (cut, to_cut) = watch::channel(());
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(&behind).await else {
                    continue;
                };
                let (near_in, near_out) = near.into_split();
                let (far_in, far_out) = far.into_split();
                let mut to_cut = to_cut.clone();
                to_cut.mark_unchanged();
                tokio::spawn(async move {
                    let both = async {
                        tokio::join!(
                            delayed(near_in, far_out, delay),
                            delayed(far_in, near_out, delay)
                        )
                    };
                    tokio::select! {
                        _ = both => {}
                        _ = to_cut.changed() => {}
                    }
                });
            }
        });
        Self { port, task, cut }
    }

    /// Ends every connection at once, both halves; new ones are taken.
    pub(crate) fn cut(&self) {
        self.cut.send_replace(());
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Copies one direction: as much as comes, in order, each piece `delay` late.
async fn delayed(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration) {
    let (pieces, mut due) = unbounded_channel::<(Instant, Vec<u8>)>();
    let reader = async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            if pieces
                .send((Instant::now() + delay, buffer[..count].to_vec()))
                .is_err()
            {
                return;
            }
        }
    };
    let writer = async move {
        while let Some((at, piece)) = due.recv().await {
            tokio::time::sleep_until(at).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(reader, writer);
}
