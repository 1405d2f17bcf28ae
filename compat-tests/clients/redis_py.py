"""The smoke test of redis-py: redis_py.py HOST PORT. Ends with 0 when everything is as with Redis."""

import sys
import threading
import time

import redis

host, port = sys.argv[1], int(sys.argv[2])


def check(what, got, expected):
    if got != expected:
        sys.exit(f"redis-py: {what}: expected {expected!r}, got {got!r}")


def run(protocol):
    r = redis.Redis(host, port, protocol=protocol, decode_responses=True)
    r.flushall()
    check("ping", r.ping(), True)
    check("set", r.set("k", "v", ex=100), True)
    check("get", r.get("k"), "v")
    check("ttl", 90 < r.ttl("k") <= 100, True)
    with r.pipeline(transaction=False) as pipe:
        check("pipeline", pipe.incr("n").incrby("n", 4).get("missing").execute(), [1, 5, None])
    with r.pipeline(transaction=True) as pipe:
        check("multi", pipe.set("a", 1).incr("a").execute(), [True, 2])
    with r.pipeline() as pipe:
        pipe.watch("a")
        r.set("a", 7)
        pipe.multi()
        pipe.incr("a")
        try:
            pipe.execute()
            sys.exit("redis-py: a watched key was changed, and EXEC went through")
        except redis.WatchError:
            pass
    r.hset("h", mapping={"f": "1", "g": "2"})
    check("hash", r.hgetall("h"), {"f": "1", "g": "2"})
    r.zadd("z", {"one": 1, "two": 2.5})
    check("zset", [tuple(pair) for pair in r.zrange("z", 0, -1, withscores=True)], [("one", 1.0), ("two", 2.5)])
    check("score", r.zscore("z", "two"), 2.5)
    r.sadd("s", "x", "y")
    check("set members", set(r.smembers("s")), {"x", "y"})
    check("scan", sorted(r.scan_iter(count=2)), ["a", "h", "k", "n", "s", "z"])
    check("info", "redis_version" in r.info("server"), True)
    check("config", list(r.config_get("maxmemory")), ["maxmemory"])
    check("client id", isinstance(r.client_id(), int), True)

    pubsub = r.pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe("news")
    deadline = time.time() + 5
    while r.publish("news", "hello") == 0 and time.time() < deadline:
        time.sleep(0.01)
    message = None
    while message is None and time.time() < deadline:
        message = pubsub.get_message(timeout=0.2)
    check("pubsub", message and message["data"], "hello")
    pubsub.close()

    other = redis.Redis(host, port, protocol=protocol, decode_responses=True)
    pusher = threading.Timer(0.1, lambda: other.rpush("q", "job"))
    pusher.start()
    popped = r.blpop(["q"], timeout=5)
    pusher.join()
    check("blpop", popped and list(popped), ["q", "job"])
    try:
        r.lpush("k", "x")
        sys.exit("redis-py: LPUSH on a string went through")
    except redis.ResponseError as error:
        check("error", str(error), "WRONGTYPE Operation against a key holding the wrong kind of value")


for protocol in (2, 3):
    run(protocol)
