/** Migrates, and stops for good at the step that the last argument numbers, having said so. */
import { writeSync } from "node:fs";
import { migrate } from "../../../src/service/migrations/index.ts";
import { openSchemaSession } from "../../../src/stores/resources/schema-session.ts";
import { define } from "../../harness/definitions.ts";

const [store = "", dialect, definitions = "{}", last] = process.argv.slice(2);
let step = -1;

const session = await openSchemaSession(store, { writes: true });
await migrate(session, define(JSON.parse(definitions), dialect as "sqlite" | "postgres"), {
  progress: () => {
    step++;
    if (step !== Number(last)) return;
    writeSync(1, "here\n");
    // Nothing runs in this thread any more: the step is neither taken nor undone.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  },
});
