//! Who may ask: tokens, passwords, users, protected mode; and whether there is a gateway at all.

use std::net::{SocketAddr, TcpStream, UdpSocket};

use compat_tests::http::Http;
use compat_tests::target::{Target, Tcp};

use super::{Server, get, ok, post};

fn is_refused((status, body): (u16, String)) -> bool {
    status == 401 && body == r#"{"error":"Unauthorized"}"#
}

#[test]
fn a_server_with_a_password_wants_it() {
    let server = Server::new(&[]);
    server.cli("ACL SETUSER bob on >secret ~b:* +get +set +client");
    let (default, bob) = (server.token("default", "any"), server.token("bob", "secret"));
    let http = &mut server.http();
    assert_eq!(get(http, "/ping").0, 200);
    server.cli("CONFIG SET requirepass hidden");
    let denied = http.ask("GET", "/ping", &[], b"").expect("an answer");
    assert!(denied.header("www-authenticate").is_some_and(|schemes| schemes.starts_with("Bearer")));
    assert!(is_refused((denied.status, denied.text())));
    for wrong in
        [&*default, "Authorization: Bearer hidden", "Authorization: Basic ZGVmYXVsdDp3cm9uZw==", "Authorization: x"]
    {
        assert!(is_refused(post(http, "/", &[wrong], r#"["PING"]"#)), "{wrong}");
    }
    let right = ["Authorization: Basic ZGVmYXVsdDpoaWRkZW4="];
    assert_eq!(post(http, "/", &right, r#"["ACL","WHOAMI"]"#), ok(r#"{"result":"default"}"#));
    assert_eq!(post(http, "/", &[&bob], r#"["SET","b:1","x"]"#), ok(r#"{"result":"OK"}"#));
    for denied in [r#"["SET","c","x"]"#, r#"["DEL","b:1"]"#] {
        let (status, body) = post(http, "/", &[&bob], denied);
        assert!(status == 400 && body.starts_with(r#"{"error":"NOPERM "#), "{body}");
    }
    let token = bob.rsplit(' ').next().expect("a token");
    assert_eq!(get(http, &format!("/get/b:1?_token={token}")), ok(r#"{"result":"x"}"#));
    assert!(is_refused(get(http, "/get/b:1?_token=wrong")));
    let (_, info) = post(http, "/", &[&bob], r#"["CLIENT","INFO"]"#);
    assert!(info.contains(" user=bob "), "{info}");
}

#[test]
fn a_password_that_is_gone_is_gone_for_open_connections_too() {
    let server = Server::new(&[]);
    server.cli("ACL SETUSER bob on >secret ~* +@all");
    let bob = server.token("bob", "secret");
    let http = &mut server.http();
    let ask = |http: &mut Http| post(http, "/", &[&bob], r#"["ACL","WHOAMI"]"#);
    assert_eq!(ask(http), ok(r#"{"result":"bob"}"#));
    server.cli("ACL SETUSER bob >other <secret");
    assert!(is_refused(ask(http)));
    server.cli("ACL SETUSER bob >secret");
    assert_eq!(ask(http), ok(r#"{"result":"bob"}"#));
    server.cli("ACL DELUSER bob");
    assert!(is_refused(ask(http)));
    let log = server.resp().words("ACL LOG").expect("a reply").to_cli();
    assert!(log.contains("\"auth\"") && log.contains("\"bob\"") && log.contains("lib-name=http"), "{log}");
}

/// An address of this machine that is not the loopback, if it has one.
fn outer_address(port: u16) -> Option<SocketAddr> {
    let socket = UdpSocket::bind(("0.0.0.0", 0)).ok()?;
    // Nothing is sent: this only asks which address would be used.
    socket.connect(("192.0.2.1", 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some((address, port).into())
}

#[test]
fn protected_mode_holds() {
    let server = Server::new(&["--http-bind", "0.0.0.0"]);
    assert_eq!(get(&mut server.http(), "/ping").0, 200);
    let Some(outside) = outer_address(server.http.port()) else { return };
    let (status, body) = get(&mut Http::connect(outside).expect("it listens"), "/ping");
    assert!(status == 403 && body.starts_with(r#"{"error":"DENIED "#), "{status} {body}");
    server.cli("CONFIG SET protected-mode no");
    assert_eq!(get(&mut Http::connect(outside).expect("it listens"), "/ping").0, 200);
}

#[test]
fn it_is_off_unless_asked_for() {
    let server = Tcp::ours().expect("a server");
    let info = server.client().words("INFO server").expect("a reply").to_cli();
    assert!(info.contains("listener0:name=tcp") && !info.contains("name=http"), "{info}");
    let process = server.process_id().expect("a process");
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).expect("its threads");
    let names: Vec<String> =
        threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("comm")).ok()).collect();
    assert!(names.iter().any(|name| name.starts_with("core-")), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("http-")), "{names:?}");
}

#[test]
fn a_taken_port_is_told_and_ends_the_start() {
    let server = Server::new(&[]);
    let port = server.http.port().to_string();
    assert!(Tcp::ours_with(&server.dir, &["--http-port", &port]).is_err());
    assert!(TcpStream::connect(server.http).is_ok());
    let info = server.cli("INFO server");
    assert!(info.contains(&format!("listener1:name=http,bind=127.0.0.1,bind=::1,port={port}")), "{info}");
}
