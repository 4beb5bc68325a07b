import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { RevocationRecord, RevocationRecords } from "../../core/records.ts";
import { RevocationList, type RevocationNews } from "./list.ts";
import { openRevocationRegistry } from "./registry.ts";

const MINUTE = 60_000;

/** Records in memory, and time that the test moves. */
class World implements RevocationRecords {
  wallNow = 1_000_000;
  broken = false;
  forgotten = 0;
  readonly errors: string[] = [];
  readonly #all: RevocationRecord[] = [];
  #news: RevocationRecord[] = [];
  #tick: (now: number) => void = () => {};

  readonly clock = { now: () => this.wallNow, wall: () => this.wallNow };
  readonly ticker = {
    subscribe: (tick: (now: number) => void) => {
      this.#tick = tick;
      return () => {
        this.#tick = () => {};
      };
    },
  };
  readonly log = {
    info: () => {},
    warn: () => {},
    error: (_: object, message: string) => void this.errors.push(message),
  };

  async pass(milliseconds: number): Promise<void> {
    this.wallNow += milliseconds;
    this.#tick(this.wallNow);
    await new Promise(setImmediate);
  }

  write(changes: Partial<RevocationRecord>): void {
    const record: RevocationRecord = {
      id: "rev_1",
      issuer: "",
      tokenId: "t-1",
      subject: "",
      before: 0,
      createdAt: 0,
      expiresAt: 1e15,
      liftedAt: null,
      ...changes,
    };
    this.#all.push(record);
    this.#news.push(record);
  }

  async loadChanges(): Promise<readonly RevocationRecord[]> {
    if (this.broken) throw new Error("the disk is gone");
    const news = this.#news;
    this.#news = [];
    return news;
  }

  async forget(): Promise<void> {
    this.forgotten += 1;
  }

  list = async () => this.#all;
  get = async () => null;
  add = async () => assert.fail();
  lift = async () => false;
}

async function open(world: World) {
  const lane = new RevocationList();
  const published: RevocationNews[] = [];
  const publish = (news: RevocationNews) => {
    published.push(news);
    lane.receive(news);
  };
  const registry = await openRevocationRegistry({ ...parts(world), publish });
  const refuses = (id: string) => lane.has({ issuer: "i", subject: "", id, issuedAt: 0 });
  return { registry, published, refuses };
}

const parts = (world: World) => ({
  records: world,
  clock: world.clock,
  ticker: world.ticker,
  log: world.log,
});

describe("RevocationRegistry", () => {
  test("tells the lanes at once what is there, and new lanes the same", async () => {
    const world = new World();
    world.write({});
    const { registry, refuses } = await open(world);
    assert.equal(refuses("t-1"), true);
    const late = new RevocationList();
    late.receive(registry.snapshot());
    assert.equal(late.has({ issuer: "i", subject: "", id: "t-1", issuedAt: 0 }), true);
  });

  test("notices what another process writes within 300 ms, and tells only that", async () => {
    const world = new World();
    const { published, refuses } = await open(world);
    await world.pass(100);
    world.write({});
    await world.pass(300);
    assert.equal(refuses("t-1"), true);
    world.write({ id: "rev_2", tokenId: "t-2" });
    await world.pass(300);
    assert.deepEqual(
      published.map((news) => news.map(({ id }) => id)),
      [["rev_1"], ["rev_2"]],
    );
    world.write({ liftedAt: 1 });
    await world.pass(300);
    assert.equal(refuses("t-1"), false);
    assert.equal(refuses("t-2"), true);
  });

  test("forgets what has expired, here and in the records", async () => {
    const world = new World();
    world.write({ expiresAt: world.wallNow + MINUTE });
    const { registry, refuses } = await open(world);
    await world.pass(1000);
    assert.equal(refuses("t-1"), true);
    await world.pass(2 * MINUTE);
    assert.equal(refuses("t-1"), false);
    assert.deepEqual(registry.snapshot(), []);
    assert.equal(world.forgotten, 2);
  });

  test("goes on with what it knows while the records cannot be read, and says so once", async () => {
    const world = new World();
    world.write({});
    const { refuses } = await open(world);
    world.broken = true;
    for (let i = 0; i < 10; i++) await world.pass(300);
    assert.equal(refuses("t-1"), true);
    assert.deepEqual(world.errors, ["the revocations cannot be read"]);
    world.broken = false;
    world.write({ id: "rev_2", tokenId: "t-2" });
    await world.pass(300);
    assert.equal(refuses("t-2"), true);
  });
});
