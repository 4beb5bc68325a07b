import { after } from "node:test";
import { type TempStore, tempStore } from "../harness/store.ts";
import { keysContract } from "./keys-contract.ts";
import { revocationsContract } from "./revocations-contract.ts";
import type { StoreUnderTest } from "./store-under-test.ts";

const stores: TempStore[] = [];
after(async () => {
  for (const store of stores) await store.remove();
});

const sqlite: StoreUnderTest = {
  name: "SQLite",
  async newStore() {
    const store = await tempStore();
    stores.push(store);
    return store;
  },
};

keysContract(sqlite);
revocationsContract(sqlite);
