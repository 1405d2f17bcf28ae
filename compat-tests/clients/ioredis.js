// The smoke test of ioredis: ioredis.js HOST PORT. Ends with 0 when everything is as with Redis.
const assert = require("node:assert/strict");
const Redis = require("ioredis");

const [host, port] = [process.argv[2], Number(process.argv[3])];

async function run() {
  const r = new Redis({ host, port });
  const other = new Redis({ host, port });
  await r.flushall();
  assert.equal(await r.set("k", "v", "EX", 100), "OK");
  assert.equal(await r.get("k"), "v");
  assert.deepEqual(await r.pipeline().incr("n").incrby("n", 4).get("missing").exec(), [
    [null, 1],
    [null, 5],
    [null, null],
  ]);
  assert.deepEqual(await r.multi().set("a", 1).incr("a").exec(), [
    [null, "OK"],
    [null, 2],
  ]);
  await r.watch("a");
  await other.set("a", 7);
  assert.equal(await r.multi().incr("a").exec(), null);
  await r.hset("h", { f: "1", g: "2" });
  assert.deepEqual(await r.hgetall("h"), { f: "1", g: "2" });
  await r.zadd("z", 1, "one", 2.5, "two");
  assert.deepEqual(await r.zrange("z", 0, -1, "WITHSCORES"), ["one", "1", "two", "2.5"]);
  assert.equal(await r.zscore("z", "two"), "2.5");
  await r.sadd("s", "x", "y");
  assert.deepEqual((await r.smembers("s")).sort(), ["x", "y"]);
  const keys = [];
  for await (const page of r.scanStream({ count: 2 })) keys.push(...page);
  assert.deepEqual([...new Set(keys)].sort(), ["a", "h", "k", "n", "s", "z"]);
  assert.ok((await r.getBuffer("k")).equals(Buffer.from("v")));

  const subscriber = new Redis({ host, port });
  await subscriber.subscribe("news");
  const heard = new Promise((resolve) => subscriber.on("message", (_channel, message) => resolve(message)));
  assert.equal(await r.publish("news", "hello"), 1);
  assert.equal(await heard, "hello");

  const popped = r.blpop("q", 5);
  setTimeout(() => other.rpush("q", "job"), 100);
  assert.deepEqual(await popped, ["q", "job"]);
  await assert.rejects(r.lpush("k", "x"), /^ReplyError: WRONGTYPE Operation against a key/);
  await Promise.all([r, other, subscriber].map((client) => client.quit()));
}

run().catch((error) => {
  console.error(`ioredis: ${error.stack}`);
  process.exit(1);
});
