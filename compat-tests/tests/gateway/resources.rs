//! `/v1`: keys as resources.

use compat_tests::http::{Answer, Http};

use super::Server;

fn ask(http: &mut Http, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
    http.ask(method, path, headers, body.as_bytes()).expect("an answer")
}

/// A whole exchange that is to end so.
fn is(http: &mut Http, method: &str, path: &str, headers: &[&str], body: &str, status: u16) -> Answer {
    let answer = ask(http, method, path, headers, body);
    assert_eq!(answer.status, status, "{method} {path} {headers:?}: {}", answer.text());
    if status >= 400 {
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{method} {path}");
        assert!(answer.text().contains(&format!("\"status\":{status}")), "{}", answer.text());
    }
    answer
}

#[test]
fn strings() {
    let server = Server::new(&[]);
    let http = &mut server.http();
    is(http, "GET", "/v1/keys/k", &[], "", 404);
    let new = is(http, "PUT", "/v1/keys/k", &[], "hello", 201);
    assert_eq!(server.cli("GET k"), "hello");
    let read = is(http, "GET", "/v1/keys/k", &[], "", 200);
    assert_eq!((read.text().as_str(), read.header("etag")), ("hello", new.header("etag")));
    assert_eq!(read.header("content-type"), Some("application/octet-stream"));
    assert_eq!(read.header("cache-control"), Some("private, no-cache"));
    let read = is(http, "GET", "/v1/keys/k", &["Accept: text/plain"], "", 200);
    assert_eq!(read.header("content-type"), Some("text/plain"));
    is(http, "PUT", "/v1/keys/k?ttl=100", &[], "there", 204);
    let read = is(http, "HEAD", "/v1/keys/k", &[], "", 200);
    let left: u64 = read.header("stateless-ttl-ms").and_then(|ms| ms.parse().ok()).expect("a time to live");
    assert!((90_000..=100_000).contains(&left), "{left}");
    assert_eq!(read.header("cache-control"), Some(&*format!("private, max-age={}", left / 1000)));
    is(http, "PUT", "/v1/keys/k?ttl=keep", &[], "kept", 204);
    assert!(server.cli("TTL k").parse::<i64>().is_ok_and(|seconds| seconds > 80));
    is(http, "PUT", "/v1/keys/k", &[], "", 204);
    assert_eq!((server.cli("TTL k"), server.cli("STRLEN k")), ("-1".into(), "0".into()));
    is(http, "PUT", "/v1/keys/k", &[], "0123456789", 204);
    assert_eq!(is(http, "GET", "/v1/keys/k?start=2&stop=-2", &[], "", 200).text(), "2345678");
    is(http, "DELETE", "/v1/keys/k", &[], "", 204);
    is(http, "DELETE", "/v1/keys/k", &[], "", 404);
}

#[test]
fn keys_are_bytes() {
    let server = Server::new(&[]);
    let http = &mut server.http();
    is(http, "PUT", "/v1/keys/a/b%2Fc%ff%00", &[], "x", 201);
    let key = server.resp().call(&[&b"GET"[..], b"a/b/c\xff\x00"]).expect("a reply");
    assert_eq!(key.as_bytes(), Some(&b"x"[..]));
    assert_eq!(is(http, "GET", "/v1/keys/YS9iL2P_AA?encoding=base64", &[], "", 200).text(), "x");
    is(http, "GET", "/v1/keys/!?encoding=base64", &[], "", 400);
    is(http, "GET", "/v1/keys/k?what=1", &[], "", 400);
}

#[test]
fn other_types_are_json() {
    let server = Server::new(&[]);
    let http = &mut server.http();
    for (kind, body, shown) in [
        ("list", r#"["a", 1, {"base64":"/w=="}]"#, r#"["a","1",{"base64":"/w=="}]"#),
        ("hash", r#"{"g": "2", "f": 1}"#, r#"{"f":"1","g":"2"}"#),
        ("set", r#"["b", "a", "b"]"#, r#"["a","b"]"#),
        ("zset", r#"{"b": 2.5, "a": 1, "c": "inf"}"#, r#"[["a",1.0],["b",2.5],["c","inf"]]"#),
    ] {
        let (path, media) = (format!("/v1/keys/{kind}?ttl_ms=60000"), format!("application/vnd.stateless.{kind}+json"));
        let header = format!("Content-Type: {media}; charset=utf-8");
        let put = is(http, "PUT", &path, &[&header], body, 201);
        let read = is(http, "GET", &format!("/v1/keys/{kind}"), &[], "", 200);
        assert_eq!((read.text().as_str(), read.header("content-type")), (shown, Some(&*media)), "{kind}");
        assert_eq!(read.header("etag"), put.header("etag"), "{kind}");
        assert!(read.header("stateless-ttl-ms").is_some(), "{kind}");
        assert_eq!(server.cli(&format!("TYPE {kind}")), kind);
        // What was read can be written again.
        is(http, "PUT", &format!("/v1/keys/{kind}?ttl=keep"), &[&header], shown, 204);
        assert!(server.cli(&format!("PTTL {kind}")).parse::<i64>().is_ok_and(|ms| ms > 30_000), "{kind}");
        is(http, "PUT", &format!("/v1/keys/{kind}"), &[&header], "[]x", 400);
        is(http, "PUT", &format!("/v1/keys/{kind}"), &[&header], "[]", 400);
        assert_eq!(is(http, "GET", &format!("/v1/keys/{kind}"), &[], "", 200).text(), shown);
    }
    let zset = "Content-Type: application/vnd.stateless.zset+json";
    is(http, "PUT", "/v1/keys/zset", &[zset], r#"{"m": "much"}"#, 400);
    assert_eq!(is(http, "GET", "/v1/keys/zset?start=-1", &[], "", 200).text(), r#"[["c","inf"]]"#);
    assert_eq!(is(http, "GET", "/v1/keys/list?start=0&stop=1", &[], "", 200).text(), r#"["a","1"]"#);
    is(http, "GET", "/v1/keys/list?start=x", &[], "", 400);
    server.cli("XADD s 1-1 f v");
    server.cli("XADD s 2-1 f w");
    let read = is(http, "GET", "/v1/keys/s?start=1&count=1", &[], "", 200);
    assert_eq!(read.text(), r#"[{"fields":{"f":"v"},"id":"1-1"}]"#);
    is(http, "PUT", "/v1/keys/s", &["Content-Type: application/vnd.stateless.stream+json"], "[]", 400);
}

#[test]
fn conditions() {
    let server = Server::new(&[]);
    let http = &mut server.http();
    is(http, "PUT", "/v1/keys/k", &["If-Match: *"], "x", 412);
    let first = is(http, "PUT", "/v1/keys/k", &["If-None-Match: *"], "one", 201);
    let first = first.header("etag").expect("a tag").to_owned();
    is(http, "PUT", "/v1/keys/k", &["If-None-Match: *"], "two", 412);
    let fresh = is(http, "GET", "/v1/keys/k", &[&format!("If-None-Match: \"x\", {first}")], "", 304);
    assert_eq!((fresh.header("etag"), fresh.body.len()), (Some(&*first), 0));
    is(http, "GET", "/v1/keys/k", &["If-Match: \"x\""], "", 412);
    let second = is(http, "PUT", "/v1/keys/k", &[&format!("If-Match: {first}")], "two", 204);
    let second = second.header("etag").expect("a tag").to_owned();
    is(http, "PUT", "/v1/keys/k", &[&format!("If-Match: {first}")], "three", 412);
    is(http, "DELETE", "/v1/keys/k", &[&format!("If-Match: {first}")], "", 412);
    assert_eq!(server.cli("GET k"), "two");
    is(http, "DELETE", "/v1/keys/k", &[&format!("If-Match: {second}")], "", 204);
    is(http, "GET", "/v1/keys/k", &["If-None-Match: *"], "", 404);
}

#[test]
fn of_those_who_race_each_change_counts() {
    let server = Server::new(&[]);
    server.cli("SET n 0");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let http = &mut server.http();
                let mut done = 0;
                while done < 25 {
                    let read = is(http, "GET", "/v1/keys/n", &[], "", 200);
                    let next = read.text().parse::<u32>().expect("a number") + 1;
                    let condition = format!("If-Match: {}", read.header("etag").expect("a tag"));
                    done += u32::from(ask(http, "PUT", "/v1/keys/n", &[&condition], &next.to_string()).status == 204);
                }
            });
        }
    });
    assert_eq!(server.cli("GET n"), "100");
}

#[test]
fn refusals() {
    let server = Server::new(&["--http-body-max", "1kb"]);
    server.cli("ACL SETUSER bob on >secret ~b:* +@all");
    let bob = server.token("bob", "secret");
    let http = &mut server.http();
    assert!(is(http, "GET", "/v1/keys/a", &[&bob], "", 403).text().contains("\"code\":\"NOPERM\""));
    is(http, "PUT", "/v1/keys/a", &[&bob], "x", 403);
    is(http, "PUT", "/v1/keys/b:1", &[&bob], "x", 201);
    let denied = is(http, "GET", "/v1/keys/a", &["Authorization: Bearer x"], "", 401);
    assert!(denied.header("www-authenticate").is_some());
    is(http, "PUT", "/v1/keys/a", &[], &"x".repeat(2000), 413);
    let http = &mut server.http();
    is(http, "POST", "/v1/keys/a", &[], "x", 405);
    is(http, "GET", "/v1/nothing", &[], "", 404);
    is(http, "PUT", "/v1/keys/a?ttl=0", &[], "x", 400);
    is(http, "PUT", "/v1/keys/a?ttl=9223372036854775807", &[], "x", 400);
    assert_eq!(server.cli("EXISTS a"), "0");
}

#[test]
fn invalidation() {
    let server = Server::new(&[]);
    let http = &mut server.http();
    server.cli("OWNERSHIP LINK page:<id> DERIVES user:<id>");
    for command in ["SET user:1 a", "SET page:1 b", "SET page:2 c"] {
        server.cli(command);
    }
    let path = "/v1/invalidate";
    let plan = is(http, "POST", path, &[], r#"{"patterns":["user:1"],"dry_run":true}"#, 200).text();
    assert!(plan.starts_with(r#"{"would_remove":["#) && plan.contains(r#""key":"page:1""#), "{plan}");
    assert_eq!(server.cli("EXISTS user:1 page:1"), "2");
    assert_eq!(is(http, "POST", path, &[], r#"{"patterns":["user:1"]}"#, 200).text(), r#"{"removed":2}"#);
    assert_eq!(server.cli("EXISTS user:1 page:1 page:2"), "1");
    is(http, "POST", path, &[], r#"{"patterns":[]}"#, 400);
    is(http, "POST", path, &[], "{", 400);
    is(http, "GET", path, &[], "", 405);
}

#[test]
fn all_that_is_described_is_there() {
    let server = Server::new(&[]);
    let http = &mut server.http();
    let answer = is(http, "GET", "/openapi.json", &[], "", 200);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    assert_eq!(answer.body, std::fs::read(file).expect("the file is there"));
    for (method, path) in [
        ("GET", "/v1/keys/k"),
        ("PUT", "/v1/keys/k"),
        ("DELETE", "/v1/keys/k"),
        ("POST", "/v1/invalidate"),
        ("POST", "/"),
        ("POST", "/pipeline"),
        ("POST", "/multi-exec"),
        ("GET", "/metrics"),
        ("GET", "/livez"),
        ("GET", "/readyz"),
        ("GET", "/healthz"),
    ] {
        let described = answer.text().contains(&format!("\"{}\": {{", path.replace("keys/k", "keys/{key}")));
        assert!(described, "{path} is not described");
        assert_ne!(ask(http, method, path, &[], "").status, 405, "{method} {path}");
    }
}
