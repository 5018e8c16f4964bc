//! Just enough HTTP to read the operators' port.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::within;

/// Status and body of one page; status 0 where nobody listens.
pub(crate) async fn get(address: &str, path: &str) -> (u16, String) {
    let Ok(mut stream) = within("a connection", TcpStream::connect(address)).await else {
        return (0, String::new());
    };
    // The old version, in which no page comes in chunks.
    let request = format!("GET {path} HTTP/1.0\r\nHost: worker\r\nConnection: close\r\n\r\n");
    let exchange = async {
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let Ok(answer) = within(path, exchange).await else {
        return (0, String::new());
    };
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.unwrap_or_else(|| panic!("{path} answered {head:?}"));
    (status, body.to_owned())
}

/// The samples of a metric added up (OpenMetrics 1.0: `name{labels} value`).
pub(crate) fn sum(text: &str, name: &str) -> f64 {
    let samples = text.lines().filter_map(|line| {
        let (sample, value) = line.rsplit_once(' ')?;
        let metric = sample.split('{').next()?;
        (metric == name).then(|| value.parse::<f64>().ok())?
    });
    samples.sum()
}
