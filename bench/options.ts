import { parseArgs } from "node:util";
import { type CaseName, caseNames } from "./cases.ts";

export interface Options {
  readonly cases: readonly CaseName[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly connections: number;
  readonly quick: boolean;
  readonly profile: boolean;
  readonly help: boolean;
  /** Starts another Turnpike than the one of package.json, split at blanks. */
  readonly turnpike: readonly string[] | null;
}

export const usage = `npm run bench -- [options]

Measures Turnpike against NGINX, HAProxy and Fastify in front of the same origin; see bench/README.md.

  --case a,b          only these of: ${caseNames.join(", ")}
  --rounds N          rounds over all proxies (default 5)
  --seconds N         length of a slice (default 3; --profile: 8)
  --connections N     connections of wrk (default 64)
  --quick             smoke: 1 round of 1 s, every case, nothing judged, nothing kept
  --profile           where Turnpike's time goes, instead of a comparison
  --turnpike "CMD"    start this instead of package.json's script "turnpike"
  --help              this text
`;

/** Throws an error made for people on anything it does not understand. */
export function parseOptions(words: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...words],
    options: {
      case: { type: "string", multiple: true },
      rounds: { type: "string" },
      seconds: { type: "string" },
      connections: { type: "string" },
      turnpike: { type: "string" },
      quick: { type: "boolean", default: false },
      profile: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const { quick, profile, help } = values;
  const named = (values.case ?? []).flatMap((text) => text.split(",")).map(caseName);
  return {
    cases:
      named.length > 0
        ? caseNames.filter((name) => named.includes(name))
        : profile
          ? ["bare-100"]
          : caseNames,
    rounds: whole("rounds", values.rounds, quick ? 1 : 5),
    seconds: whole("seconds", values.seconds, quick ? 1 : profile ? 8 : 3),
    warmUpSeconds: quick ? 1 : 3,
    connections: whole("connections", values.connections, 64),
    quick,
    profile,
    help,
    turnpike: values.turnpike?.split(/\s+/).filter((word) => word !== "") ?? null,
  };
}

function caseName(text: string): CaseName {
  const found = caseNames.find((name) => name === text.trim());
  if (found === undefined) throw new Error(`there is no case "${text}"; there are ${caseNames.join(", ")}`);
  return found;
}

function whole(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`--${name} must be a whole number above 0, not "${text}"`);
  return value;
}
