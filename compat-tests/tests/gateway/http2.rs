//! HTTP/2 on the same port: many requests at once on one connection.

use compat_tests::connection::PATIENCE;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::JoinSet;

use super::Server;

type Sender = SendRequest<Full<Bytes>>;

async fn connect(server: &Server) -> Sender {
    let stream = tokio::net::TcpStream::connect(server.http).await.expect("it listens");
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("it speaks HTTP/2");
    tokio::spawn(connection);
    sender
}

async fn ask(mut sender: Sender, body: &'static str) -> (StatusCode, String) {
    let request = Request::post("http://localhost/").body(Full::from(body)).expect("a request");
    let response = sender.send_request(request).await.expect("an answer");
    let status = response.status();
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

fn block_on(future: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(PATIENCE, future).await.expect("it takes no longer") });
}

/// Waits until so many clients wait for keys.
async fn until_blocked(server: &Server, count: &str) {
    while server.info("blocked_clients") != count {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[test]
fn many_requests_share_a_connection_and_none_waits_for_another() {
    let server = Server::new(&[]);
    block_on(async {
        let sender = connect(&server).await;
        let waiting = tokio::spawn(ask(sender.clone(), r#"["BLPOP","q","0"]"#));
        until_blocked(&server, "1").await;
        let mut all = JoinSet::new();
        for _ in 0..300 {
            all.spawn(ask(sender.clone(), r#"["INCR","n"]"#));
        }
        let answers = all.join_all().await;
        assert!(answers.iter().all(|(status, _)| *status == StatusCode::OK), "{answers:?}");
        assert_eq!(server.cli("GET n"), "300");
        server.cli("RPUSH q job");
        assert_eq!(waiting.await.expect("no panic").1, r#"{"result":["q","job"]}"#);
    });
}

#[test]
fn a_request_that_is_taken_back_leaves_nothing() {
    let server = Server::new(&[]);
    block_on(async {
        let sender = connect(&server).await;
        let waiting = tokio::spawn(ask(sender.clone(), r#"["BLPOP","q","0"]"#));
        until_blocked(&server, "1").await;
        waiting.abort();
        until_blocked(&server, "0").await;
        assert_eq!(ask(sender, r#"["PING"]"#).await.1, r#"{"result":"PONG"}"#);
        assert_eq!(server.cli("RPUSH q job"), "1");
    });
}
