import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Refusal } from "./refusal.ts";

/** Answers by itself at once, and shows with one more line what it is for. */
export const STARTER = `# A Turnpike config. \`turnpike check\` says what is wrong with it, \`turnpike explain\` what it does.
# For completion in an editor: turnpike schema > turnpike.schema.json, and keep the next line.
# yaml-language-server: $schema=turnpike.schema.json

listen: { host: 127.0.0.1, port: 8080 } # 0.0.0.0 to be reached from elsewhere
admin: { port: 8081 } # /livez and /readyz

upstreams:
  app:
    targets: ["http://127.0.0.1:3000"] # your service; several are taken in turn
    # timeout: { connect: 3s, firstByte: 15s, idle: 60s }

routes:
  # An answer of the gateway itself, to see that it runs: curl http://127.0.0.1:8080/hello
  - name: hello
    path: /hello
    methods: [GET]
    to: { fixed: { body: { hello: world } } }

  # Everything else goes to your service. {id} names a segment of a path, a final * takes the rest.
  - name: app
    path: /*
    to: { upstream: app }
    # limits: { body: 10mb } # 1mb when left out
    # headers: { response: { set: { X-Frame-Options: DENY } } }

  # Turnpike can keep objects itself: a REST API and its table come of a definition. Uncomment both parts.
  # - { path: /tasks/*, to: { service: true }, policies: [{ api-key: {} }] }

# resources:
#   tasks:
#     owner: true # each belongs to the consumer of the key that created it
#     fields:
#       title: { type: string, required: true, maxLength: 200 }
#       done: { type: boolean, default: false }
`;

/** `turnpike init`: writes the starter config and says what to do next. */
export async function init(dir: string, { force }: { readonly force?: true }): Promise<void> {
  const file = join(dir, "turnpike.yaml");
  try {
    mkdirSync(dir, { recursive: true });
    writeFileSync(file, STARTER, { flag: force === true ? "w" : "wx" });
  } catch (error) {
    throw new Refusal(refusal(error as NodeJS.ErrnoException, file), 1);
  }
  const option = dir === "." ? "" : ` --config ${file}`;
  process.stdout.write(
    [
      `wrote ${file}`,
      "next:",
      `  turnpike check${option}`,
      `  turnpike start${option}`,
      "  curl http://127.0.0.1:8080/hello",
      "",
    ].join("\n"),
  );
}

function refusal(error: NodeJS.ErrnoException, file: string): string {
  if (error.code === "EEXIST" && error.syscall === "mkdir")
    return `${dirname(file)} is a file, not a directory`;
  if (error.code === "EEXIST") return `${file} is there already; --force overwrites it`;
  if (error.code === "EACCES" || error.code === "EPERM")
    return `${file} cannot be written: permission denied`;
  return `${file} cannot be written: ${error.message}`;
}
