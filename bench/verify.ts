/**
 * Before anything is measured: does this proxy answer, with the right body, through the origin?
 * And what does it add on the way, as seen by the two ends rather than as told by its manual.
 */
import { randomBytes } from "node:crypto";
import { type IncomingHttpHeaders, request } from "node:http";
import type { LoadPlan } from "./loads.ts";

export interface Question {
  readonly port: number;
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
}

const patienceMs = 10_000;

export async function ask({ port, path, method = "GET", headers, body }: Question): Promise<Answer> {
  return await new Promise((settle, fail) => {
    const type = body === undefined ? {} : { "content-type": "application/octet-stream" };
    const fields = { ...headers, ...type };
    const question = request({ host: "127.0.0.1", port, path, method, headers: fields, agent: false });
    question.setTimeout(patienceMs, () => question.destroy(new Error(`no answer to ${method} ${path}`)));
    question.once("error", fail);
    question.once("response", (message) => {
      let text = "";
      message.setEncoding("latin1").on("data", (chunk: string) => {
        text += chunk;
      });
      message.once("error", fail);
      message.once("end", () =>
        settle({ status: message.statusCode ?? 0, body: text, headers: message.headers }),
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

export interface Check extends Omit<LoadPlan, "script"> {
  readonly proxyPort: number;
  readonly originPort: number;
}

/** Throws with the reason if this proxy must not be measured. */
export async function verify(check: Check): Promise<Observed> {
  const { proxyPort, originPort, method, path, headers, expected, body } = check;
  const question = { path, method, headers, ...(body === undefined ? {} : { body }) };
  const answer = await ask({ port: proxyPort, ...question });
  if (answer.status !== 200) throw new Error(`${method} ${path} was answered ${answer.status}, not 200`);
  if (answer.body !== expected) {
    throw new Error(`${method} ${path} brought ${answer.body.length} bytes that are not those of the origin`);
  }
  if (body !== undefined) await verifyBody(proxyPort);
  const direct = await ask({ port: originPort, ...question });
  const leavesOutOfAnswer = Object.keys(direct.headers).filter((field) => !(field in answer.headers));
  const addsToAnswer = Object.keys(answer.headers).filter((field) => !(field in direct.headers));
  const seen = await witness({ port: proxyPort, path: check.witnessPath, headers });
  return { addsToRequest: seen.filter((field) => !(field in headers)), addsToAnswer, leavesOutOfAnswer };
}

/**
 * The names of the repeated fields that the origin received. It sends back what it saw: a secret that only a request
 * which got there can bring.
 */
export async function witness(question: Question): Promise<string[]> {
  const path = `${question.path}${randomBytes(12).toString("hex")}`;
  const { status, body } = await ask({ ...question, path });
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
