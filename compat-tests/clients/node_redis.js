// The smoke test of node-redis: node_redis.js HOST PORT. Ends with 0 when everything is as with Redis.
const assert = require("node:assert/strict");
const { createClient } = require("redis");

const socket = { host: process.argv[2], port: Number(process.argv[3]) };

async function run(RESP) {
  const connect = async () => {
    const client = createClient({ socket, RESP });
    client.on("error", (error) => {
      throw error;
    });
    return client.connect();
  };
  const [r, other, subscriber] = await Promise.all([connect(), connect(), connect()]);
  await r.flushAll();
  assert.equal(await r.set("k", "v", { expiration: { type: "EX", value: 100 } }), "OK");
  assert.equal(await r.get("k"), "v");
  assert.deepEqual(await Promise.all([r.incr("n"), r.incrBy("n", 4), r.get("missing")]), [1, 5, null]);
  assert.deepEqual(await r.multi().set("a", 1).incr("a").exec(), ["OK", 2]);
  await r.watch("a");
  await other.set("a", 7);
  await assert.rejects(r.multi().incr("a").exec(), /watched keys/);
  await r.hSet("h", { f: "1", g: "2" });
  assert.deepEqual({ ...(await r.hGetAll("h")) }, { f: "1", g: "2" });
  await r.zAdd("z", [
    { value: "one", score: 1 },
    { value: "two", score: 2.5 },
  ]);
  assert.deepEqual(
    (await r.zRangeWithScores("z", 0, -1)).map(({ value, score }) => [value, score]),
    [["one", 1], ["two", 2.5]],
  );
  assert.equal(await r.zScore("z", "two"), 2.5);
  await r.sAdd("s", ["x", "y"]);
  assert.deepEqual([...(await r.sMembers("s"))].sort(), ["x", "y"]);
  const keys = new Set();
  for await (const page of r.scanIterator({ COUNT: 2 })) page.forEach((key) => keys.add(key));
  assert.deepEqual([...keys].sort(), ["a", "h", "k", "n", "s", "z"]);

  const heard = new Promise((resolve) => subscriber.subscribe("news", resolve).then(() => other.publish("news", "hello")));
  assert.equal(await heard, "hello");

  const popped = r.blPop("q", 5);
  setTimeout(() => other.rPush("q", "job"), 100);
  assert.deepEqual({ ...(await popped) }, { key: "q", element: "job" });
  await assert.rejects(r.lPush("k", "x"), /^Error: WRONGTYPE Operation against a key/);
  await Promise.all([r, other, subscriber].map((client) => client.close()));
}

run(2)
  .then(() => run(3))
  .catch((error) => {
    console.error(`node-redis: ${error.stack}`);
    process.exit(1);
  });
