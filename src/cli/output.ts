import { styleText } from "node:util";
import { formatProblem, type Problem } from "../config/problem.ts";

/** What commands say about problems: on stderr, one sentence a line, in colour only where a person looks. */

type Style = Parameters<typeof styleText>[0];

/** styleText itself leaves the colour out for NO_COLOR and where the stream is no terminal. */
const styled = (style: Style, text: string): string => styleText(style, text, { stream: process.stderr });

export function printProblems(problems: readonly Problem[], severity: "error" | "warning"): void {
  for (const problem of problems) {
    const { message } = problem;
    const place = formatProblem({ ...problem, message: "" }).slice(0, -": ".length);
    const mark = severity === "warning" ? `${styled("yellow", "warning:")} ` : "";
    process.stderr.write(`${mark}${styled("bold", place)}: ${message}\n`);
  }
}

export function printError(sentence: string): void {
  process.stderr.write(`${styled("red", sentence)}\n`);
}
