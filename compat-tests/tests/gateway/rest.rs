//! The contract of Upstash: commands, pipelines, transactions, encodings, statuses.

use resp::Reply;

use super::{Server, get, ok, post};

#[test]
fn commands_in_body_and_path() {
    let server = Server::new(&[]);
    let http = &mut server.http();
    assert_eq!(post(http, "/", &[], r#"["SET", "k", "v", "EX", 100]"#), ok(r#"{"result":"OK"}"#));
    assert_eq!(get(http, "/get/k"), ok(r#"{"result":"v"}"#));
    assert_eq!(get(http, "/GET/missing"), ok(r#"{"result":null}"#));
    assert_eq!(get(http, "/set/a%2Fb/c%20d?EX=100&NX"), ok(r#"{"result":"OK"}"#));
    assert_eq!(server.cli("GET a/b"), "c d");
    assert_eq!(post(http, "/set/raw?EX=50&GET", &[], "{\"a\": 1}\n"), ok(r#"{"result":null}"#));
    assert_eq!(server.cli("GET raw"), "{\"a\": 1}\n");
    assert_eq!(server.cli("TTL raw"), "50");
    assert_eq!(get(http, "/set/%ff%00/x"), ok(r#"{"result":"OK"}"#));
    let odd = server.resp().call(&[&b"GET"[..], b"\xff\x00"]).expect("a reply");
    assert_eq!(odd, Reply::Bulk(b"x".to_vec()));
    assert_eq!(post(http, "/", &[], r#"["HSET","h","f",1,"g",2.50]"#), ok(r#"{"result":2}"#));
    assert_eq!(post(http, "/", &[], r#"["HGETALL","h"]"#), ok(r#"{"result":["f","1","g","2.50"]}"#));
    let head = http.ask("HEAD", "/get/k", &[], b"").expect("an answer");
    assert_eq!((head.status, head.header("content-length")), (200, Some("14")));
    assert_eq!(head.header("content-type"), Some("application/json"));
    assert_eq!(http.ask("PUT", "/append/k", &[], b"w").expect("an answer").text(), r#"{"result":2}"#);
}

#[test]
fn statuses() {
    let server = Server::new(&[]);
    let http = &mut server.http();
    let refused = |(status, body): (u16, String), wanted: u16, text: &str| {
        let error = format!("{{\"error\":\"{text}");
        assert!(status == wanted && body.starts_with(&error) && body.ends_with("\"}"), "{status} {body}");
    };
    refused(get(http, "/nothing/x"), 400, "ERR unknown command 'nothing', with args beginning with: 'x'");
    refused(get(http, "/get"), 400, "ERR wrong number of arguments for 'get' command");
    assert_eq!(post(http, "/lpush/l", &[], "x"), ok(r#"{"result":1}"#));
    refused(get(http, "/get/l"), 400, "WRONGTYPE ");
    for body in ["", "GET", "{}", "[]", "[\"GET\"", "[\"\\ud800\"]", "[1, 2", "[\"GET\"] x"] {
        refused(post(http, "/", &[], body), 400, "ERR ");
    }
    for body in ["", "[[]]", "[\"GET\"]", "[[\"GET\", \"k\"], 1]"] {
        refused(post(http, "/pipeline", &[], body), 400, "ERR ");
        refused(post(http, "/multi-exec", &[], body), 400, "ERR ");
    }
    for path in ["/", "/pipeline", "/multi-exec"] {
        refused(get(http, path), 405, "ERR method not allowed");
    }
    for method in ["DELETE", "PATCH", "OPTIONS", "TRACE"] {
        let answer = http.ask(method, "/get/k", &[], b"").expect("an answer");
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD, POST, PUT")), "{method}");
    }
    for words in ["/monitor/x", "/client/reply/off", "/psync/x/0", "/sync"] {
        refused(get(http, words), 400, "ERR ");
    }
    refused(post(http, "/", &[], r#"["SUBSCRIBE", "a"]"#), 400, "ERR 'subscribe' has no answer");
    assert_eq!(get(http, "/ping"), ok(r#"{"result":"PONG"}"#));
}

#[test]
fn no_request_leaves_anything_to_the_next() {
    let server = Server::new(&[]);
    let http = &mut server.http();
    for (path, reply) in [("/select/3", "OK"), ("/multi", "OK"), ("/client/setname/x", "OK"), ("/quit", "OK")] {
        assert_eq!(get(http, path), ok(&format!("{{\"result\":\"{reply}\"}}")));
        let (status, info) = get(http, "/client/info");
        assert!(status == 200 && info.contains(" name= ") && info.contains(" db=0 ") && info.contains(" multi=-1 "));
        assert!(info.contains(" lib-name=http "), "{info}");
    }
    assert!(get(http, "/hello/3").1.starts_with(r#"{"result":["server","redis","#));
    assert_eq!(get(http, "/config/get/maxclients"), ok(r#"{"result":["maxclients","10000"]}"#));
}

#[test]
fn pipelines() {
    let server = Server::new(&[]);
    let http = &mut server.http();
    let body = r#"[["SET","k","v"],["INCR","k"],["NOTHING"],["GET","k"]]"#;
    let (status, outcomes) = post(http, "/pipeline", &[], body);
    assert_eq!(status, 200);
    let error = r#"{"error":"ERR value is not an integer or out of range"}"#;
    assert!(outcomes.starts_with(&format!(r#"[{{"result":"OK"}},{error},{{"error":"ERR unknown command"#)));
    assert!(outcomes.ends_with(r#",{"result":"v"}]"#), "{outcomes}");
    assert_eq!(post(http, "/pipeline", &[], "[]"), ok("[]"));
    // More than a pipe holds, in both directions.
    let value = "x".repeat(100_000);
    let command = format!(r#"["ECHO","{value}"],"#);
    let (status, outcomes) = post(http, "/pipeline", &[], &format!("[{}[\"PING\"]]", command.repeat(50)));
    assert_eq!(status, 200);
    let echoed = format!(r#"{{"result":"{value}"}},"#);
    assert_eq!(outcomes, format!(r#"[{}{{"result":"PONG"}}]"#, echoed.repeat(50)));
}

#[test]
fn transactions() {
    let server = Server::new(&[]);
    let http = &mut server.http();
    let path = "/multi-exec";
    let body = r#"[["SET","k","1"],["LPUSH","k","x"],["INCR","k"]]"#;
    let wrong = r#"{"error":"WRONGTYPE Operation against a key holding the wrong kind of value"}"#;
    assert_eq!(post(http, path, &[], body), ok(&format!(r#"[{{"result":"OK"}},{wrong},{{"result":2}}]"#)));
    let (status, error) = post(http, path, &[], r#"[["INCR","k"],["INCR"]]"#);
    assert_eq!(status, 400);
    assert!(error.starts_with(r#"{"error":"EXECABORT "#) && error.contains("arguments for 'incr'"), "{error}");
    assert_eq!(get(http, "/get/k"), ok(r#"{"result":"2"}"#));
    for name in ["MULTI", "EXEC", "DISCARD", "WATCH", "RESET", "QUIT"] {
        let (status, error) = post(http, path, &[], &format!(r#"[["INCR","k"],["{name}"]]"#));
        assert!(status == 400 && error.contains("cannot be part of a transaction"), "{error}");
    }
    assert_eq!(get(http, "/get/k"), ok(r#"{"result":"2"}"#));
    assert_eq!(post(http, path, &[], "[]"), ok("[]"));
}

#[test]
fn encodings() {
    let server = Server::new(&[]);
    let http = &mut server.http();
    server.resp().call(&[&b"RPUSH"[..], b"l", b"a", b"\xff", b"OK"]).expect("a reply");
    let base64 = "Upstash-Encoding: base64";
    let resp2 = "Upstash-Response-Format: resp2";
    let list = r#"["LRANGE","l","0","-1"]"#;
    assert_eq!(post(http, "/", &[], list), ok("{\"result\":[\"a\",\"\u{fffd}\",\"OK\"]}"));
    assert_eq!(post(http, "/", &[base64], list), ok(r#"{"result":["YQ==","/w==","OK"]}"#));
    assert_eq!(post(http, "/", &[base64], r#"["SET","k","v"]"#), ok(r#"{"result":"OK"}"#));
    let (status, body) = post(http, "/pipeline", &[base64], r#"[["GET","k"],["GET","l"],["LLEN","l"]]"#);
    assert_eq!((status, body.starts_with(r#"[{"result":"dg=="},{"error":"WRONGTYPE "#)), (200, true));
    assert!(body.ends_with(r#"{"result":3}]"#), "{body}");
    let answer = http.ask("POST", "/", &[resp2], list.as_bytes()).expect("an answer");
    assert_eq!(answer.body, b"*3\r\n$1\r\na\r\n$1\r\n\xff\r\n$2\r\nOK\r\n");
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    assert_eq!(post(http, "/get/l", &[resp2], "").0, 400);
    assert_eq!(post(http, "/pipeline", &[resp2], r#"[["GET","k"],["GET","no"]]"#), ok("*2\r\n$1\r\nv\r\n$-1\r\n"));
    assert_eq!(post(http, "/multi-exec", &[resp2], r#"[["GET","k"]]"#), ok(r#"[{"result":"v"}]"#));
    assert_eq!(post(http, "/", &[resp2, base64], list).0, 400);
    assert_eq!(post(http, "/", &["Upstash-Response-Format: xml"], list).0, 400);
    assert_eq!(post(http, "/", &["Upstash-Response-Format: json"], list).0, 200);
}

#[test]
fn answers_say_which_is_newer() {
    let server = Server::new(&[]);
    let http = &mut server.http();
    let mut token =
        || http.ask("GET", "/ping", &[], b"").expect("an answer").header("upstash-sync-token").map(str::to_owned);
    let (first, second) = (token(), token());
    assert!(first.is_some() && first != second);
}

#[test]
fn what_http_does_is_seen_like_all_else() {
    let server = Server::new(&["--slowlog-log-slower-than", "0"]);
    let http = &mut server.http();
    let mut resp = server.resp();
    resp.words("CONFIG RESETSTAT").expect("a reply");
    assert_eq!(post(http, "/", &[], r#"["SET","k","v"]"#), ok(r#"{"result":"OK"}"#));
    assert_eq!(post(http, "/", &[], r#"["GET"]"#).0, 400);
    let stats = server.cli("INFO commandstats");
    assert!(stats.contains("cmdstat_set:calls=1,") && stats.contains("cmdstat_get:calls=0"), "{stats}");
    let slow = resp.words("SLOWLOG GET").expect("a reply").to_cli();
    assert!(slow.contains("\"SET\"") && slow.contains(&format!("\"{}", server.http.ip())), "{slow}");
}
