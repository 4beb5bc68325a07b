import { createRequire } from "node:module";
import type { CodeKeywordDefinition, ErrorObject, KeywordCxt } from "ajv";

const load = createRequire(import.meta.url);

/** What an error of `anyOf` and `oneOf` says, where it explains. */
export interface UnionParams {
  /** The errors of every branch that fails. */
  readonly branches: readonly (readonly ErrorObject[])[];
  /** How many do not. */
  readonly passed: number;
}

/**
 * `anyOf` and `oneOf`. Ajv's own make an error for every branch that fails, which costs most of the time where values are
 * valid, and mix them all into one list, from which nobody can tell a person which of them count.
 */
export function unionKeyword(keyword: "anyOf" | "oneOf", explains: boolean): CodeKeywordDefinition {
  const { _, Name } = load("ajv") as typeof import("ajv");
  const { default: names } = load("ajv/dist/compile/names.js") as typeof import("ajv/dist/compile/names.js");
  const silent = explains ? {} : ({ createErrors: false, allErrors: false } as const);
  return {
    keyword,
    schemaType: "array",
    trackErrors: true,
    error: {
      message: "",
      params: ({ params }) =>
        explains ? _`{branches: ${params["branches"]}, passed: ${params["passed"]}}` : _`{}`,
    },
    code(cxt: KeywordCxt) {
      const { gen } = cxt;
      const branches = explains ? gen.const("branches", _`[]`) : undefined;
      const passed = gen.let("passed", 0);
      const valid = gen.name("valid");
      (cxt.schema as unknown[]).forEach((_branch, schemaProp) => {
        const before = gen.const("before", names.errors);
        const branch = cxt.subschema({ keyword, schemaProp, compositeRule: true, ...silent }, valid);
        gen.if(valid, () => {
          gen.code(_`${passed}++`);
          cxt.mergeEvaluated(branch, Name);
        });
        if (branches !== undefined) {
          gen.if(_`!${valid}`, () => gen.code(_`${branches}.push(${names.vErrors}.slice(${before}))`));
        }
      });
      cxt.setParams({ branches, passed });
      const met = keyword === "anyOf" ? _`${passed} > 0` : _`${passed} === 1`;
      const forget = () => cxt.reset();
      cxt.result(met, forget, () => {
        forget();
        cxt.error(true);
      });
    },
  };
}
