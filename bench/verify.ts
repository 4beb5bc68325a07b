/**
 * Before anything is measured: does this proxy answer, with the right body, through the origin?
 * And what does it add on the way, as seen by the two ends rather than as told by its manual.
 */
import { randomBytes } from "node:crypto";
import { request } from "node:http";

export interface Question {
  readonly port: number;
  readonly path: string;
  readonly method?: string;
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  /** Names as sent, in lower case. */
  readonly fields: readonly string[];
}

const patienceMs = 10_000;

export async function ask({ port, path, method = "GET", body }: Question): Promise<Answer> {
  return await new Promise((settle, fail) => {
    const headers = body === undefined ? {} : { "content-type": "application/octet-stream" };
    const question = request({ host: "127.0.0.1", port, path, method, headers, agent: false });
    question.setTimeout(patienceMs, () => question.destroy(new Error(`no answer to ${method} ${path}`)));
    question.once("error", fail);
    question.once("response", (message) => {
      let text = "";
      message.setEncoding("latin1").on("data", (chunk: string) => {
        text += chunk;
      });
      message.once("error", fail);
      message.once("end", () =>
        settle({ status: message.statusCode ?? 0, body: text, fields: Object.keys(message.headers) }),
      );
    });
    question.end(body);
  });
}

/** What a proxy was seen to do to a message. */
export interface Observed {
  readonly addsToRequest: readonly string[];
  readonly addsToAnswer: readonly string[];
  readonly leavesOutOfAnswer: readonly string[];
}

export interface Check {
  readonly proxyPort: number;
  readonly originPort: number;
  readonly method: string;
  /** What will be measured, and what it must bring. */
  readonly path: string;
  readonly expected: string;
  readonly body: string | undefined;
  /** A path that passes the proxy like the measured one and that the origin answers with what it saw. */
  readonly witnessPath: string;
}

/** Throws with the reason if this proxy must not be measured. */
export async function verify(check: Check): Promise<Observed> {
  const { proxyPort, originPort, method, path, expected, body } = check;
  const question = { path, method, ...(body === undefined ? {} : { body }) };
  const answer = await ask({ port: proxyPort, ...question });
  if (answer.status !== 200) throw new Error(`${method} ${path} was answered ${answer.status}, not 200`);
  if (answer.body !== expected) {
    throw new Error(`${method} ${path} brought ${answer.body.length} bytes that are not those of the origin`);
  }
  if (body !== undefined) await verifyBody(proxyPort);
  const direct = await ask({ port: originPort, ...question });
  const leavesOutOfAnswer = direct.fields.filter((field) => !answer.fields.includes(field));
  const addsToAnswer = answer.fields.filter((field) => !direct.fields.includes(field));
  return { addsToRequest: await witness(check), addsToAnswer, leavesOutOfAnswer };
}

/** The origin sends back what it received: a secret that only a request which got there can bring. */
async function witness({ proxyPort, witnessPath }: Check): Promise<string[]> {
  const path = `${witnessPath}${randomBytes(12).toString("hex")}`;
  const { status, body } = await ask({ port: proxyPort, path });
  const [line = "", ...fields] = body.trim().split("\n");
  if (status !== 200 || line !== `GET ${path}`) {
    throw new Error(
      `the origin did not see GET ${path} (status ${status}, ${JSON.stringify(body.slice(0, 80))})`,
    );
  }
  return fields.filter((field) => !field.trim().endsWith(":")).map((field) => field.split(":")[0] ?? "");
}

async function verifyBody(proxyPort: number): Promise<void> {
  const secret = randomBytes(512).toString("hex");
  const { status, body } = await ask({ port: proxyPort, path: "/verify-body", method: "POST", body: secret });
  if (status !== 200 || body !== secret)
    throw new Error(`a POST body did not reach the origin whole (${status})`);
}
