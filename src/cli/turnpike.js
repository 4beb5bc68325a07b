#!/usr/bin/env node
/**
 * The command `turnpike`. Plain JavaScript of long ago, because it must run where TypeScript does not:
 * an old Node gets one clear sentence in place of a syntax error.
 */
import nodeModule from "node:module";
import { fileURLToPath } from "node:url";

const NEEDED = [24, 18, 1];

const running = process.versions.node.split(".").map(Number);
const difference = NEEDED.map((part, index) => running[index] - part).find((part) => part !== 0) || 0;

if (difference < 0) {
  process.stderr.write(
    `turnpike needs Node ${NEEDED.join(".")} or newer and this is ${process.versions.node}: ` +
      "install a newer one from https://nodejs.org, or use `npm run -s turnpike --` in a clone, which brings its own\n",
  );
  process.exitCode = 1;
} else {
  // Halves the start. In our own folder: in a shared one, others could put code into it.
  nodeModule.enableCompileCache(
    fileURLToPath(new URL("../../node_modules/.cache/turnpike", import.meta.url)),
  );
  import("./main.ts").then(
    ({ main }) => main(process.argv.slice(2)),
    (error) => {
      process.stderr.write(`turnpike cannot start: ${error.message} (has \`npm ci\` been run?)\n`);
      process.exitCode = 1;
    },
  );
}
