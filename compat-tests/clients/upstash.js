// The smoke test of @upstash/redis: upstash.js URL TOKEN. Ends with 0 when everything is as with Upstash.
const assert = require("node:assert/strict");
const { Redis } = require("@upstash/redis");

const options = { url: process.argv[2], token: process.argv[3], enableTelemetry: false };

async function run(more) {
  const r = new Redis({ ...options, ...more });
  await r.flushall();
  assert.equal(await r.set("k", { a: [1, "\u00e9"] }, { ex: 100 }), "OK");
  assert.deepEqual(await r.get("k"), { a: [1, "\u00e9"] });
  assert.equal(await r.get("missing"), null);
  assert.equal(await r.incrby("n", 5), 5);
  assert.deepEqual(await r.hset("h", { f: 1, g: "two" }), 2);
  assert.deepEqual(await r.hgetall("h"), { f: 1, g: "two" });
  await r.zadd("z", { score: 1, member: "one" }, { score: 2.5, member: "two" });
  assert.deepEqual(await r.zrange("z", 0, -1, { withScores: true }), ["one", 1, "two", 2.5]);
  assert.deepEqual(await r.pipeline().set("a", 1).incr("a").get("missing").exec(), ["OK", 2, null]);
  assert.deepEqual(await r.multi().set("a", 5).incr("a").exec(), ["OK", 6]);
  assert.equal(await r.eval("return redis.call('get', KEYS[1]) .. ARGV[1]", ["a"], ["!"]), "6!");
  await assert.rejects(r.lpush("k", "x"), /WRONGTYPE Operation against a key/);
  const keys = new Set();
  let cursor = "0";
  do {
    const [next, page] = await r.scan(cursor, { count: 2 });
    page.forEach((key) => keys.add(key));
    cursor = next;
  } while (cursor !== "0");
  assert.deepEqual([...keys].sort(), ["a", "h", "k", "n", "z"]);

  const subscriber = r.subscribe(["news"]);
  const heard = new Promise((resolve) => subscriber.on("message", ({ message }) => resolve(message)));
  await new Promise((resolve) => subscriber.on("subscribe", resolve));
  assert.equal(await r.publish("news", { hello: "you" }), 1);
  assert.deepEqual(await heard, { hello: "you" });
  await subscriber.unsubscribe();
  await assert.rejects(new Redis({ ...options, token: "wrong" }).get("k"), /Unauthorized/);
}

run({})
  .then(() => run({ responseEncoding: false, enableAutoPipelining: true }))
  .then(() => process.exit(0))
  .catch((error) => {
    console.error(`@upstash/redis: ${error.stack}`);
    process.exit(1);
  });
